"""Copies of an event whose keys differ: one of them counts, wherever it lies; `dedupe` need not hold a key."""

from __future__ import annotations

import pytest

from tests.kit.project import Project, project_fixture  # noqa: F401

USERS = "select domain_userid, count(*) as events, count(distinct domain_sessionid) as sessions from {} group by 1"
FIRST = "select domain_userid, min(collector_tstamp) as first_seen from {} group by domain_userid"
DAYS = "select cast(collector_tstamp as date) as day, count(*) as events from {} group by 1"


def counted(project: Project) -> None:
    """Every model is its SELECT over the first copy of each event in the batches of the manifest, and verify agrees."""
    project.run()
    order = "etl_tstamp desc nulls last, collector_tstamp, domain_sessionid, domain_userid"
    ranked = f"select *, row_number() over (partition by event_id order by {order}) as copy from atomic.events"
    listed = "select etl_tstamp from runner.manifest"
    rows = f"(select * from ({ranked}) r where (copy = 1 or event_id is null) and etl_tstamp in ({listed})) e"
    for name, text in (("users", USERS), ("first", FIRST), ("days", DAYS)):
        if name in project.models:
            assert project.rows(f"select * from derived.{name}") == project.rows(text.format(rows)), name
    project.command("verify")


def corrected(project: Project) -> None:
    """Models by user and by day over events that are corrected: the newest copy counts."""
    project.source |= {"dedupe": ["event_id"], "order_by": ["etl_tstamp desc"], "vanished": "retract", "shrank": "note"}
    project.model("users", USERS.format("atomic.events"), key="domain_userid")
    project.model("first", FIRST.format("atomic.events"), key="domain_userid", merge={"first_seen": "min"})
    days = {"day": "cast(collector_tstamp as date)"}
    project.model("days", DAYS.format("atomic.events"), key=days)
    project.add(0, "s1 u1 1 e1", "s2 u2 2 e2", "s3 u3 3 e3", "s4 u4 4 -", "s4 u4 4 -")
    counted(project)


def test_a_correction_moves_an_event(project: Project) -> None:
    """To another user and day, back where its batch goes, on where it comes again; a key left alone is as it was."""
    corrected(project)
    project.add(1, "s1 u2 1500 e1", "s5 u5 5 e5", "s5 u5 5 e5")
    counted(project)
    assert ("u1", 1, 1) not in project.rows("select * from derived.users")
    project.drop(1)  # nothing but the state's index tells that e1 stood there
    counted(project)
    assert ("u1", 1, 1) in project.rows("select * from derived.users")
    project.add(2, "s1 u3 1500 e1", "s7 u2 7 e3")
    project.add(3, "s1 u4 1500 e1")
    project.run("--chunk", "1")
    counted(project)
    project.add(2, "s9 u9 9 e9")  # the batch grew, and holds a copy that does not count
    counted(project)
    project.command("rewind", "--since", "2024-03-01", "--until", "2024-03-02")
    counted(project)
    project.db.execute("delete from atomic.events where domain_userid = 'u4' and event_id is not null")
    counted(project)


def test_rows_that_wait_are_no_copies(project: Project) -> None:
    """Copies in batches that --until leaves for later count for nothing before their time."""
    corrected(project)
    project.add(1, "s9 u9 9 e9")
    project.add(2, "s1 u2 1500 e1")
    project.run("--until", "2024-03-01T02:00:00")
    assert ("u1", 1, 1) in project.rows("select * from derived.users")
    project.command("verify")
    counted(project)
    assert ("u1", 1, 1) not in project.rows("select * from derived.users")


def test_a_copy_of_what_is_gone_and_kept(project: Project) -> None:
    """`vanished: keep`: which of two copies counts cannot be told once one is gone; the keys of both stay as they are."""
    corrected(project)
    project.source["vanished"] = "keep"
    project.add(1, "s1 u2 1500 e1", "s6 u6 6 e6")
    project.run()
    stored = project.rows("select * from derived.users")
    project.drop(0)
    project.add(2, "s7 u2 7 e7", "s6 u6 8 e8", "s8 u8 9 e3", "s8 u8 9 e4")
    project.run()
    assert project.rows("select * from derived.users") == sorted({*stored, ("u6", 2, 1)} - {("u6", 1, 1)}, key=repr)
    project.command("verify")


@pytest.mark.parametrize("how", ["emptied", "restored"])
def test_an_index_of_ids_that_is_not_what_it_was(project: Project, how: str) -> None:
    """It is found out before copies are looked for in it, though no batch that it should list has changed."""
    corrected(project)
    (index,) = project.db.rows("select keys_table from runner.key_index where key_text like '%md5%'")[0]
    project.db.execute(f"create table atomic.before as select * from runner.{index}")
    project.add(1, "s6 u6 6 e6")
    project.run()
    project.db.execute(f"delete from runner.{index}")
    if how == "restored":
        project.db.execute(f"insert into runner.{index} select * from atomic.before")
    project.add(2, "s1 u2 1500 e6", "s1 u2 1500 e1")
    said = project.run().text
    assert "the index of the ids of atomic.events was lost" in said
    counted(project)


def test_check_says_where_copies_are_looked_for_outside(project: Project) -> None:
    """Once for a source; where `dedupe` holds every key there is nothing to say, and no index of ids."""
    corrected(project)
    said = project.command("check").text
    assert said.count("note: ") == 1
    assert (
        "copies, equal in event_id, may differ in the key domain_userid; cast(collector_tstamp as date)" in said.lower()
    )
    del project.models["days"]
    project.source["dedupe"] = ["event_id", "domain_userid"]
    assert "note: " not in project.command("check").text
    project.run()
    assert project.rows("select count(*) from runner.key_index where key_text like '%md5%'") == [(0,)]


def test_ids_that_are_equal_and_written_in_several_ways(project: Project) -> None:
    """Copies with other keys are found by a number of the id's text; 0.0 and -0.0 have two. Within a key they may be so."""
    corrected(project)
    project.db.execute("alter table atomic.events add column n double precision")
    project.source["dedupe"] = ["n"]
    said = project.run(code=2).err
    assert "equal values of n, which is double" in said.lower()
    assert "write what is the same for copies, such as cast(n as bigint)" in said
    project.source["dedupe"] = ["n", "domain_userid"]
    del project.models["days"]
    project.run()


def test_verify_finds_ids_that_are_not_marked(project: Project) -> None:
    """An index of ids that does not say which stand more than once is told, before an increment believes it."""
    corrected(project)
    project.add(1, "s1 u2 1500 e1")
    counted(project)
    (index,) = project.db.rows("select keys_table from runner.key_index where key_text like '%md5%'")[0]
    project.db.execute(f"update runner.{index} set copied = false")
    said = project.command("verify", code=9)
    assert "1 ids of atomic.events stand more than once, and the index of ids does not say so" in said.text
