"""Derived tables that others touch: what stands on them, and what is done to their rows."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runner.algebra import changes
from runner.algebra.texts import Algebra
from runner.algebra.values import Staged
from runner.increment.others import ddl
from tests.engines.db import Db
from tests.kit.project import SESSIONS, Project, project_fixture, start  # noqa: F401

# -- a publish does what was staged ------------------------------------------------------------------------------------

Publish = Callable[[Algebra, Staged], list[tuple[str, str]]]


def without_deletes(publish: Publish) -> Publish:
    """As if something kept rows from being deleted."""
    return lambda algebra, staged: [
        (what, f"{sql} and 1 = 0" if what == "delete" and " where " in sql else sql)
        for what, sql in publish(algebra, staged)
    ]


def twice_inserted(publish: Publish) -> Publish:
    """As if something wrote rows besides."""
    return lambda algebra, staged: [
        step for step in publish(algebra, staged) for _ in range(2 if step[0] == "insert" else 1)
    ]


FINER = ["domain_sessionid", "domain_userid"]


@pytest.mark.parametrize(
    ("broken", "unique", "said"),
    [
        (without_deletes, None, "0 rows were deleted, and not 2"),
        (twice_inserted, None, "4 rows were inserted, and not 2"),
        (without_deletes, FINER, "0 rows were deleted, and not 2"),
    ],
    ids=["kept", "twice", "kept by a finer unique"],
)
def test_other_rows_than_were_staged(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    broken: Callable[[Publish], Publish],
    unique: list[str] | None,
    said: str,
) -> None:
    """Rows that a publish deletes and inserts are counted; where they are others, all of it is undone."""
    project.model("sessions", SESSIONS, key="domain_sessionid", **({"unique": unique} if unique else {}))
    project.add(0, "s1 u1 1", "s2 u2 2", "s3 u3 3")
    project.checked()
    rows = project.rows("select * from derived.sessions")
    project.add(1, "s1 u1 5", "s2 u2 6")
    with monkeypatch.context() as patch:
        patch.setattr(changes, "publish", broken(changes.publish))
        text = project.run(code=6).err
    assert f"derived.sessions: {said} as staged" in text
    assert "a trigger, a rule, a policy or another writer" in text
    assert "nothing was published" in text
    assert project.rows("select * from derived.sessions") == rows
    project.checked()


def test_copies_of_a_row_without_a_unique_value(project: Project) -> None:
    """Rows that `unique` cannot tell apart, since it is NULL there, go and come together: more than differ."""
    select = "select domain_sessionid, domain_userid, collector_tstamp from atomic.events"
    project.model("m", select, key="domain_sessionid", unique=["domain_sessionid", "domain_userid"])
    project.add(0, "s1 - 1", "s1 - 1", "s1 - 2", "s1 u1 3")
    project.checked()
    project.add(1, "s1 - 4")
    project.checked()


# -- what stands on a table --------------------------------------------------------------------------------------------

FUNCTION = "create function keep() returns trigger language plpgsql as $$ begin {} end $$;"
BEFORE = FUNCTION.format("return null;")
ROW = f"{BEFORE} create trigger keep before {{}} on derived.m for each row execute function keep()"
CHILD = (
    "alter table derived.m add unique (domain_sessionid);"
    "create table notes (domain_sessionid varchar(40) references derived.m (domain_sessionid) {});"
    "insert into notes select domain_sessionid from derived.m"
)
GONE = "drop table notes; alter table derived.m drop constraint m_domain_sessionid_key"
OFF = "drop trigger keep on derived.m; drop function keep"

HARMFUL = {  # what is on the table: (SQL, its end, what is said)
    "a BEFORE trigger": (
        ROW.format("delete"), OFF,
        "trigger keep on derived.m comes before its rows are written"),
    "a BEFORE trigger that fires always": (
        f"{ROW.format('insert')}; alter table derived.m enable always trigger keep", OFF, "trigger keep on derived.m"),
    "a rule": (
        "create rule stay as on delete to derived.m do instead nothing", "drop rule stay on derived.m", "rule stay"),
    "a cascade": (CHILD.format("on delete cascade"), GONE, "notes references it on delete cascade (constraint notes"),
    "a set null": (CHILD.format("on delete set null deferrable initially deferred"), GONE,
        "notes references it on delete set null"),
    "a reference": (CHILD.format(""), GONE, "notes references it at once"),
    "a partition's trigger": (
        f"create table derived.child () inherits (derived.m); {ROW.format('delete').replace('on derived.m', 'on derived.child')}",
        "drop table derived.child; drop function keep", "trigger keep on derived.child"),
}  # fmt: skip
HARMLESS = {
    "an AFTER trigger": (
        ROW.format("delete").replace(" before ", " after "), OFF),
    "a trigger before the whole statement": (
        f"{BEFORE} create trigger keep before delete on derived.m execute function keep()", OFF),
    "a trigger on UPDATE": (
        ROW.format("update"), OFF),
    "a disabled trigger": (
        f"{ROW.format('delete')}; alter table derived.m disable trigger keep", OFF),
    "a rule on UPDATE": (
        "create rule stay as on update to derived.m do instead nothing", "drop rule stay on derived.m"),
    "a deferred reference": (CHILD.format("deferrable initially deferred"), GONE),
    "no policy for the owner": (
        "alter table derived.m enable row level security", "alter table derived.m disable row level security"),
}  # fmt: skip


@pytest.fixture(name="on_postgres")
def on_postgres_fixture(postgres_url: str, tmp_path: Path) -> Iterator[Project]:
    """A project with a model that has rows, on Postgres."""
    with closing(Project(postgres_url, tmp_path / "project")) as project:
        project.model("m", SESSIONS, key="domain_sessionid")
        project.add(0, "s1 u1 1", "s2 u2 2")
        project.checked()
        yield project


def test_what_changes_hides_or_refuses_rows_is_refused(on_postgres: Project) -> None:
    """By its name, before anything is done and by `plan` too; what is harmless is left in peace."""
    project = on_postgres
    for case, (there, gone, said) in HARMFUL.items():
        project.db.execute(there)
        project.add(1, "s1 u1 3")
        for command in ("run", "plan"):
            text = project.command(command, code=6).err
            assert f"derived.m: {said}" in text, case
        assert project.manifest() == {0: 2}, case
        project.db.execute(f"{gone}; delete from atomic.events where etl_tstamp > timestamp '2024-03-01'")
    for batch, (case, (there, gone)) in enumerate(HARMLESS.items(), 1):
        project.db.execute(there)
        project.add(batch, "s1 u1 3")
        assert "derived.m" not in project.checked().err, case
        project.db.execute(gone)


def test_a_policy_that_hides_rows(postgres_url: str, tmp_path: Path) -> None:
    """Rows that the runner's user cannot see would never be deleted; its owner sees them all, unless it is forced."""
    with closing(Project(postgres_url, tmp_path / "project")) as project:
        role = f"loader_{uuid.uuid4().hex[:8]}"
        database = project.one("select current_database()")
        project.db.execute(f"create role {role} login; grant create on database {database} to {role}")
        project.db.execute(f"grant usage on schema atomic to {role}; grant select on atomic.events to {role}")
        project.url = postgres_url.replace("runner@", f"{role}@")
        project.model("m", SESSIONS, key="domain_sessionid")
        project.add(0, "s1 u1 1")
        project.checked()
        project.db.execute("alter table derived.m enable row level security")
        project.add(1, "s1 u1 2")
        project.checked()
        project.db.execute("alter table derived.m force row level security")
        said = project.run(code=6).err
        assert f"derived.m: row-level security hides rows of derived.m from user {role}" in said
        assert "without FORCE" in said
        project.db.execute(f"drop owned by {role} cascade; drop role {role}")


def test_a_trigger_before_the_whole_statement_that_deletes(on_postgres: Project) -> None:
    """It is found by what it does: rows that it has deleted are missing from the count."""
    project = on_postgres
    project.db.execute(FUNCTION.format("delete from derived.m; return null;"))
    project.db.execute("create trigger keep before delete on derived.m execute function keep()")
    project.add(1, "s1 u1 3")
    project.run(code=6)


# -- rows that came or went --------------------------------------------------------------------------------------------

COPY = "create table kept as select * from derived.sessions where events > 1"
TOUCHES = {  # what others do, and how many sessions are there then
    "delete": ("delete from derived.sessions where domain_sessionid = 's1'", 2),
    "insert": ("insert into derived.sessions (domain_sessionid, domain_userid, events) values ('s9', 'u9', 1)", 4),
    "truncate": ("truncate table derived.sessions", 0),
    "another table": (f"{COPY}; drop table derived.sessions; create table derived.sessions as select * from kept", 1),
}  # fmt: skip


def touch_table(project: Project, what: str) -> None:
    """What others do, told to the statistics at once."""
    project.db.execute(what)
    if project.db.engine == "postgres":
        project.db.execute("select pg_stat_force_next_flush()")


def settle(project: Project) -> None:
    """Until the statistics tell of all that the runner has done: its session may have ended a moment ago."""
    sql = (
        "select count(*) from runner.models where changes <> pg_stat_get_tuples_inserted(to_regclass(table_name))"
        " + pg_stat_get_tuples_updated(to_regclass(table_name)) + pg_stat_get_tuples_deleted(to_regclass(table_name))"
    )
    end = time.monotonic() + 10
    while project.one(sql) and time.monotonic() < end:
        time.sleep(0.02)


@pytest.mark.parametrize("touch", TOUCHES)
def test_rows_that_came_or_went(project: Project, touch: str) -> None:
    """They stop every run with what is to be done, which mends the table and all that reads it."""
    start(project)
    touch_table(project, TOUCHES[touch][0])
    said = f"derived.sessions: 3 rows were published and {TOUCHES[touch][1]} are there"
    text = project.run(code=6).err
    assert said in text
    assert "nothing was published" in text
    assert "--full-refresh --model derived.sessions" in text
    assert said in project.command("plan").out
    assert said in project.command("status").out
    project.add(2, "s3 u1 4")  # it moves: where its row was is known by its readers only
    project.run(code=6)
    assert project.manifest() == {0: 3, 1: 1}
    project.run("--full-refresh", "--model", "sessions")
    project.same("sessions")
    assert "derived.users owes a full build" in project.command("status").out
    project.checked()
    assert "nothing to do" in project.run().out
    assert project.command("verify").code == 0


def test_a_table_that_others_wrote_while_it_is_left_out(project: Project) -> None:
    """Only models that a run takes are looked at."""
    start(project)
    touch_table(project, "delete from derived.users")
    project.add(2, "s3 u1 4")
    project.run("--model", "sessions")
    assert "derived.users: 2 rows were published and 0 are there" in project.run(code=6).err
    project.checked("--full-refresh")


def test_rows_that_only_lie_elsewhere(on_postgres: Project) -> None:
    """VACUUM FULL, a rollback, an update that is undone: counted once, and then remembered."""
    project = on_postgres
    for what in (
        "vacuum full derived.m",
        "begin; delete from derived.m; rollback",
        "update derived.m set events = events",
        "select pg_stat_reset()",
    ):
        counted: list[str] = []
        project.watch = lambda when, label, sql, counted=counted: counted.append(label) if when == "before" else None
        touch_table(project, what)
        assert "nothing to do" in project.run().out
        assert counted.count("freeze:rows") == 1, what
        assert counted.count("state:model-trace") == 1, what
        assert "nothing to do" in project.run().out
        assert counted.count("freeze:rows") == 1, what


def test_own_changes_are_not_taken_for_others(on_postgres: Project) -> None:
    """Increments, new columns, rewinds, batches in parts: what the runner did itself is never counted."""
    project = on_postgres
    labels: list[str] = []
    project.watch = lambda when, label, sql: labels.append(label) if when == "before" else None
    for batch in range(1, 4):
        project.add(batch, "s1 u1 3", f"s{batch + 5} u1 3")

    def run(*args: str) -> str:
        settle(project)
        return project.checked(*args).out

    run("--chunk", "1")
    project.model("m", SESSIONS.replace("count(*)", "count(*) as n, count(*)"))
    run()
    project.drop(2)
    run("--retract")
    project.command("rewind", "--since", "2024-01-01")
    run()
    run("--full-refresh")
    assert "nothing to do" in run()
    assert "freeze:rows" not in labels


# -- tables that others read -------------------------------------------------------------------------------------------


def test_ddl_does_not_make_readers_queue(on_postgres: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits for an idle reader a second at a time, lets others go ahead, and then says who kept the table."""
    project = on_postgres
    monkeypatch.setattr(ddl, "PAUSES_S", 0.2)
    project.add(1, "s1 u1 3")
    waits: list[str] = []

    def watch(when: str, label: str, sql: str) -> None:
        if (when, label) == ("before", "ddl:add-column"):
            waits.append(sql)
            assert project.one("select count(*) from derived.m") == 2  # nothing is before it in the queue

    project.watch = watch
    retyped = SESSIONS.replace("count(*)", "cast(count(*) as varchar(9))")
    for change, args in ((SESSIONS.replace("count(*)", "1 as one, count(*)"), ()), (retyped, ("--full-refresh",))):
        project.model("m", change)
        with closing(Db(project.url)) as reader:
            reader.execute("begin; select * from derived.m")
            pid = reader.rows("select pg_backend_pid()")[0][0]
            said = project.run(*args, code=6).err
            assert f'"derived"."m" is in use: process {pid} of runner, idle in transaction since ' in said
            assert "nothing was published" in said
            assert project.manifest() == {0: 2}
    assert len(waits) > 1
    project.checked("--full-refresh")
