"""`runner run` on every engine: strategies, models on models, and the flags that say how much of it.

Tables equal their own SELECT over the events that the manifest lists, unless a test has spoilt them to see what is written.
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

from runner.state.names import scratch
from tests.kit.project import COLUMNS, DAY, SESSIONS, USERS, Project, project_fixture, start, tstamp  # noqa: F401


def test_new_events_reach_models_with_and_without_a_key(project: Project) -> None:
    """A run takes new batches and brings every model up to date; the next one has nothing to do."""
    start(project)
    project.add(2, "s1 u1 5", "s4 u2 7")
    assert "1 pending batch (1 new), 2 events" in project.checked().out
    assert project.manifest() == {0: 3, 1: 1, 2: 2}
    assert "nothing to do" in project.run().out


def test_a_late_batch_and_a_grown_one(project: Project) -> None:
    """Batches older than the newest, and old batches with more events, are found by their counts."""
    start(project)
    project.add(-5, "s1 u1 0")
    project.add(0, "s2 u9 3", "s5 u5 3")
    assert "2 pending batches (1 new, 1 grew 3→5), 6 events" in project.checked().out


def test_a_batch_that_shrank(project: Project) -> None:
    """Events taken out of an old batch leave the models: the key index knows whose they were."""
    start(project)
    project.db.execute("delete from atomic.events where domain_sessionid = 's2'")
    assert "1 shrank 3→2" in project.checked().out
    assert project.rows("select domain_sessionid from derived.sessions") == [("s1",), ("s3",)]


def test_only_affected_keys_are_rewritten(project: Project) -> None:
    """Rows of keys that no pending batch touches are left alone, even a wrong one; that is what `verify` is for."""
    start(project, "sessions")
    project.db.execute("update derived.sessions set events = 99 where domain_sessionid = 's3'")
    project.add(2, "s1 u1 9")
    project.run()
    assert project.rows("select domain_sessionid, events from derived.sessions") == [("s1", 3), ("s2", 1), ("s3", 99)]


def test_a_key_that_moves_leaves_the_old_group(project: Project) -> None:
    """A session that changes its user: both users are recomputed, from the old and the new row."""
    start(project)
    project.add(2, "s3 u1 61")
    project.checked()
    assert project.rows("select domain_userid, sessions from derived.users") == [("u1", 3)]


def test_a_model_reads_upstream_rows_of_this_run(project: Project) -> None:
    """Three levels in one run, written in the wrong order in the file."""
    project.model(
        "days", "select first_day, count(*) as users from derived.user_days group by first_day", key="first_day"
    )
    select = "select domain_userid, cast(first_seen as date) as first_day from derived.users"
    project.model("user_days", select, key="domain_userid")
    start(project, "users", "sessions")
    project.add(2, "s9 u9 1500", "s1 u1 -1")
    project.checked()
    assert len(project.rows("select * from derived.days")) == 3


def test_keys_whose_rows_came_out_the_same_do_not_travel_on(project: Project) -> None:
    """Early cut-off: a duplicate under `dedupe` changes no session, so users are not even looked at."""
    project.source["dedupe"] = ["event_id", "domain_sessionid"]
    project.model("sessions", SESSIONS, key="domain_sessionid")
    project.model("users", USERS, key="domain_userid")
    project.add(0, "s1 u1 1 a", "s2 u2 2 b")
    project.run()
    project.add(1, "s1 u1 1 a")
    said = project.run()
    assert "users          nothing to do" in said.out
    assert project.rows("select domain_sessionid, events from derived.sessions") == [("s1", 1), ("s2", 1)]


def test_cut_off_compares_rows_as_multisets(project: Project) -> None:
    """A key with several equal rows: one more or one less of them is a difference, in this model and in the next."""
    project.model("pages", "select domain_sessionid, page_url from atomic.events", key="domain_sessionid")
    select = "select page_url, count(*) as n from derived.pages group by page_url"
    project.model("popular", select, key="page_url")
    project.add(0, "s1 u1 1", "s1 u1 1")
    project.checked()
    project.add(1, "s1 u1 1")
    project.checked()
    project.drop(1)
    project.source["vanished"] = "retract"
    project.checked()
    assert project.rows("select * from derived.popular") == [("/p", 2)]


def test_dedupe_takes_the_first_copy(project: Project) -> None:
    """Copies count once, whichever batch brings them and whatever else is in them; null ids are never copies."""
    project.source |= {"dedupe": ["event_id", "domain_sessionid"], "order_by": ["collector_tstamp"]}
    select = "select domain_sessionid, event_id, page_url from atomic.events"
    project.model("pages", select, key="domain_sessionid")
    project.add(0, "s1 u1 5 a /second", "s1 u1 6 - /x", "s1 u1 6 - /x", "s2 u1 6 a /other")
    project.run()
    assert len(project.rows("select * from derived.pages")) == 4
    project.add(1, "s1 u1 4 a /first", "s1 u1 9 a /third")
    project.run()
    found = project.rows("select page_url from derived.pages where domain_sessionid = 's1' and event_id = 'a'")
    assert found == [("/first",)]
    assert project.command("verify").code == 0


def test_every_model_sees_the_same_copy(project: Project) -> None:
    """Whatever columns it names, however it is kept up to date: copies differ in columns that it never reads."""
    project.source["dedupe"] = ["event_id", "domain_sessionid"]
    project.model("pages", "select domain_sessionid, page_url from atomic.events", key="domain_sessionid")
    project.model("amounts", "select domain_sessionid, amount from atomic.events", key="domain_sessionid")
    project.model("both", "select page_url, amount from atomic.events")
    merge = {"page": "max", "amount": "max"}
    select = "select domain_sessionid, max(page_url) as page, max(amount) as amount from atomic.events group by 1"
    project.model("merged", select, key="domain_sessionid", merge=merge)

    def copies(batch: int, *events: tuple[str, int, str, int]) -> None:
        rows = [
            (event, "s1", "u1", DAY + timedelta(minutes=minute), tstamp(batch), page, amount)
            for event, minute, page, amount in events
        ]
        project.db.load("atomic.events", COLUMNS, rows)

    def seen(page: str, amount: int) -> None:
        project.run()
        assert project.rows("select page_url from derived.pages") == [(page,)]
        assert project.rows("select amount from derived.amounts") == [(amount,)]
        assert project.rows("select * from derived.both") == [(page, amount)]
        assert project.rows("select page, amount from derived.merged") == [(page, amount)]
        assert "every row compared equals" in project.command("verify").out

    copies(0, ("a", 5, "/p", 1), ("a", 4, "/q", 2))
    seen("/q", 2)
    copies(1, ("a", 4, "/o", 1))
    seen("/q", 2)
    copies(2, ("a", 3, "/r", 9))
    seen("/r", 9)
    project.db.execute("alter table atomic.events add column added int")
    copies(3, ("a", 9, "/z", 0))
    seen("/r", 9)


NUMBERED = "max(case when first_n = 1 then {c} end)"  # where there is no FIRST


def merged(project: Project) -> None:
    """A merge model."""
    select = """select domain_userid, min(collector_tstamp) as first_seen, max(collector_tstamp) as last_seen,
        {first} as first_page, {id} as first_id, {t} as first_tstamp from atomic.events group by domain_userid"""
    order = "order by collector_tstamp nulls last, event_id nulls last"
    form = {"duckdb": "first({c} {order})", "postgres": "(array_agg({c} {order}))[1]"}.get(project.db.engine, NUMBERED)
    columns = {"first": "page_url", "id": "event_id", "t": "collector_tstamp"}
    filled = {
        n: form.format(c=c, order=order + (f", {c} nulls last" if c == "page_url" else "")) for n, c in columns.items()
    }
    if form == NUMBERED:
        ranked = f"row_number() over (partition by domain_userid {order}, page_url nulls last) as first_n"
        select = select.replace(
            "from atomic.events", f"from (select {', '.join(COLUMNS)}, {ranked} from atomic.events) e"
        )
    merge = {
        "first_seen": "min",
        "last_seen": "max",
        "first_page": "first(page_url by collector_tstamp, event_id)",
        "first_id": "first(event_id by collector_tstamp, event_id)",
        "first_tstamp": "first(collector_tstamp by collector_tstamp, event_id)",
    }
    project.model("firsts", select.format(**filled), key="domain_userid", merge=merge)


def test_merge_folds_new_rows_into_stored_ones(project: Project) -> None:
    """New batches are merged without reading history; a key in a batch that was processed before is recomputed."""
    merged(project)
    project.add(0, "s1 u1 5 e5 /five", "s2 u2 6")
    project.checked()
    seen: list[str] = []
    project.watch = lambda when, label, sql: seen.append(sql) if label == "stage:derived.firsts" else None
    project.add(1, "s1 u1 3 e3 /three", "s9 u9 9", "s2 u2 8")
    project.checked()
    assert seen
    assert all("recompute = 1" not in sql for sql in seen)
    project.drop(1)
    project.source["vanished"] = "retract"
    project.add(2, "s1 u1 4 e4 /four")
    project.checked()


PORTABLE_MERGE = """
-- the words that every engine has for FIRST and LAST
with e as (
    select domain_userid, collector_tstamp, event_id, page_url,
        row_number() over (
            partition by domain_userid
            order by collector_tstamp nulls last, event_id nulls last, page_url nulls last
        ) as first_n,
        row_number() over (
            partition by domain_userid
            order by collector_tstamp desc nulls last, event_id desc nulls last, page_url desc nulls last
        ) as last_n
    from atomic.events
    where page_url <> '/left-out'
)
select domain_userid, min(collector_tstamp) as first_seen, max(case when first_n = 1 then event_id end) as first_id,
    max(case when first_n = 1 then page_url end) as landing_page, max(collector_tstamp) as last_seen,
    max(case when last_n = 1 then event_id end) as last_id, max(case when last_n = 1 then page_url end) as exit_page
from e
group by domain_userid
"""


def test_merge_in_the_form_that_every_engine_has(project: Project) -> None:
    """Row numbers in a subquery are those of the new rows only, then folded with the stored row; ties and nulls too."""
    folds = {
        "first_seen": "min",
        "first_id": "first(event_id by collector_tstamp)",
        "landing_page": "first(page_url by collector_tstamp, event_id)",
        "last_seen": "max",
        "last_id": "last(event_id by collector_tstamp)",
        "exit_page": "last(page_url by collector_tstamp, event_id)",
    }
    project.model("ends", PORTABLE_MERGE, key="domain_userid", merge=folds)
    project.add(0, "s1 u1 5 e5 /five", "s2 u2 6 - /no-id", "s3 u3 - e1 /no-time", "s4 - 1 e2 /nobody")
    project.checked()
    seen: list[str] = []
    project.watch = lambda when, label, sql: seen.append(sql) if label == "stage:derived.ends" else None
    project.add(1, "s1 u1 3 e3 /three", "s1 u1 3 e3 /thr", "s2 u2 6 e6 /six", "s3 u3 8 e8 /eight", "s9 u9 9")
    project.add(1, "s1 u1 1 e1 /left-out", "s1 u1 99 e99 /left-out")
    project.checked()
    project.add(2, "s1 u1 4 e4 /between", "s1 u1 9 - /last", "s2 u2 6 e6 /seven", "s2 u2 6 e6 /six", "s3 u3 - e0 /no")
    project.checked()
    assert seen
    assert all("recompute = 1" not in sql for sql in seen)
    ends = "select first_id, landing_page, last_id, exit_page from derived.ends where domain_userid = '{}'"
    assert project.rows(ends.format("u1")) == [("e3", "/thr", None, "/last")]
    assert project.rows(ends.format("u2")) == [("e6", "/seven", "e6", "/six")]
    project.drop(1)
    project.source["vanished"] = "retract"
    project.checked()
    assert project.command("verify").code == 0


def test_until_takes_new_batches_before_a_time(project: Project) -> None:
    """`--until` leaves new batches for later, but not a changed one; nothing of what waits is read."""
    start(project)
    project.add(2, "s1 u1 8")
    project.add(3, "s1 u1 9", "s2 u7 9")
    project.add(1, "s3 u2 59")
    said = project.run("--until", "2024-03-01T03:00:00Z")
    assert "1 new ones left for later" in said.out
    assert project.manifest() == {0: 3, 1: 2, 2: 1}
    counted = "select domain_sessionid, events from derived.sessions"
    assert project.rows(counted) == [("s1", 3), ("s2", 1), ("s3", 2)]
    assert project.one("select events from derived.totals") == 6
    assert "nothing to do" in project.run("--until", "2024-03-01 03:00").out
    project.checked()


def test_a_grown_batch_after_until_is_taken(project: Project) -> None:
    """`--until` limits new batches only: a batch in the manifest that grew is taken, whatever its time."""
    start(project)
    project.add(1, "s8 u8 8")
    project.add(5, "s8 u8 9")
    project.run("--until", "2024-03-01T00:30")
    assert project.manifest() == {0: 3, 1: 2}
    assert project.rows("select events from derived.sessions where domain_sessionid = 's8'") == [(1,)]


def test_a_new_model_under_until_reads_what_the_manifest_lists(project: Project) -> None:
    """A full build in a run with `--until` does not see the batches that wait."""
    start(project, "sessions")
    project.add(2, "s1 u1 8")
    project.standard("users", "totals")
    project.model(
        "minutes", "select collector_tstamp, count(*) as n from atomic.events group by 1", key="collector_tstamp"
    )
    project.run("--until", "2024-03-01")
    assert project.one("select events from derived.totals") == 4
    assert project.one("select count(*) from derived.minutes") == 4
    project.checked()


def test_chunk_publishes_every_n_new_batches(project: Project) -> None:
    """`--chunk` goes on until no new batch is left, oldest first; changed batches come with the first."""
    start(project)
    project.add(0, "s2 u1 4")
    for batch in range(2, 7):
        project.add(batch, f"s1 u1 {batch + 60}", f"s{batch} u2 {batch}")
    said = project.run("--chunk", "2", "--run-id", "night")
    assert said.out.count("published run") == 3
    project.check()
    assert project.manifest() == {0: 4, 1: 1, 2: 2, 3: 2, 4: 2, 5: 2, 6: 2}
    assert "no pending batches" in project.run("--run-id", "night").out


def test_chunk_with_until_ends(project: Project) -> None:
    """Both together: chunks of the batches before the time, then an end."""
    start(project, "sessions")
    for batch in range(2, 6):
        project.add(batch, f"s{batch} u2 {batch}")
    said = project.run("--chunk", "1", "--until", "2024-03-01T04:00", "--run-id", "x")
    assert said.out.count("published run") == 2
    assert sorted(project.manifest()) == [0, 1, 2, 3]
    again = project.run("--chunk", "1", "--until", "2024-03-01T04:00", "--run-id", "x")
    assert "no pending batches" in again.out


def test_a_run_id_never_hides_pending_work(project: Project) -> None:
    """A scheduler's retry finds nothing pending; what is pending is taken, whatever the run is called.

    The second run of a name is told from the first. A name may be as long as Airflow's, with the same letters.
    """
    start(project)
    name = "manual__2024-03-02T00:00:00+00:00~" + "x" * 216
    project.add(2, "s7 u7 7")
    project.checked("--run-id", name)
    assert "no pending batches" in project.run("--run-id", name).out
    project.command("rewind", "--since", "2024-03-01T02:00")
    assert "1 pending batch" in project.checked("--run-id", name).out
    project.add(3, "s7 u7 8")
    project.checked("--run-id", name)
    project.add(4, "s7 u7 9")
    project.checked("--run-id", name[:-1])
    ids = project.rows("select run_id from runner.runs where event_count = 1")
    assert ids == sorted((one,) for one in (name, f"{name}.2", f"{name}.3", name[:-1]))
    assert len(project.rows(f"select * from runner.run_models where run_id = '{name}.3'")) == 3


def test_scratch_within_a_schema_that_is_there(project: Project) -> None:
    """`scratch_schema` names one for who may make none: runs leave nothing there, and drop what dead ones have left."""
    project.top["scratch_schema"] = "workshop"
    start(project)
    if not project.duckdb:  # whose scratch is in memory
        owner = sha256(scratch(project.name, "runner").encode()).hexdigest()[:10]
        project.db.execute(f"create table workshop.r_{owner}_0123456789_batches_0 (n integer)")
        project.db.execute("create table workshop.r_mine (n integer)")
    project.add(1, "s1 u1 9")
    project.checked()
    found = project.rows(
        "select lower(table_name) from information_schema.tables where lower(table_schema) = 'workshop'"
    )
    assert found == ([] if project.duckdb else [("r_mine",)])


def test_null_is_a_key(project: Project) -> None:
    """Rows whose key is NULL are one group, as in SQL: built, grown, emptied, rewound and verified like any other."""
    start(project)
    project.add(2, "- u3 1", "- u3 2", "s4 - 3")
    assert "2 of the pending events have no domain_sessionid" in project.command("plan").out
    project.checked()
    assert project.rows("select events from derived.sessions where domain_sessionid is null") == [(2,)]
    project.add(3, "- u4 9", "s1 u1 9")
    project.checked()
    assert project.rows("select events from derived.sessions where domain_sessionid is null") == [(3,)]
    project.add(4, "s1 u1 10")
    project.checked()
    project.command("rewind", "--since", "2024-03-01", "--model", "sessions")
    project.checked()
    assert project.command("verify").code == 0
    project.db.execute("update derived.sessions set events = 7 where domain_sessionid is null")
    said = project.command("verify", code=9).text
    assert "domain_sessionid=null: events: stored=7, recomputed=3" in said
    project.source["vanished"] = "retract"
    project.drop(2)
    project.drop(3)
    project.checked()
    assert project.rows("select events from derived.sessions where domain_sessionid is null") == []


def test_a_model_that_leaves_the_key_null_out(project: Project) -> None:
    """`where key is not null`: its rows are neither stored nor read, and nobody is told of them."""
    select = "select domain_sessionid, count(*) as n from atomic.events where domain_sessionid is not null group by 1"
    project.model("known", select, key="domain_sessionid")
    project.add(0, "s1 u1 1", "- u1 1")
    assert "have no domain_sessionid" not in project.command("plan").out
    project.checked()
    sent: list[str] = []
    project.watch = lambda when, label, sql: sent.append(sql) if label.startswith("stage:") else None
    project.add(1, "s2 u1 1", "- u1 1")
    project.checked()
    assert not [sql for sql in sent if "domain_sessionid) is null" in sql]


def test_null_is_a_key_of_merge_models(project: Project) -> None:
    """New rows of the key NULL are folded into its stored row, and corrected ones recompute it."""
    select = "select domain_userid, min(collector_tstamp) as first_seen, max(collector_tstamp) as last_seen from atomic.events group by 1"
    project.model("seen", select, key="domain_userid", merge={"first_seen": "min", "last_seen": "max"})
    project.add(0, "s1 - 5", "s1 u1 5")
    project.checked()
    project.add(1, "s2 - 9", "s2 u2 1")
    project.checked()
    project.add(0, "s3 - 1")
    project.checked()
    project.db.execute("delete from atomic.events where domain_userid is null and domain_sessionid = 's3'")
    project.checked()
    assert project.command("verify").code == 0


def test_composite_keys_compare_null_safe(project: Project) -> None:
    """A key that is null in part, or in all of its columns, is a group of its own."""
    select = "select domain_sessionid, domain_userid, count(*) as n from atomic.events group by 1, 2"
    project.model(
        "pairs", select, key=["domain_sessionid", "domain_userid"], unique=["domain_sessionid", "domain_userid"]
    )
    again = "select domain_sessionid, domain_userid, max(n) as n from derived.pairs group by 1, 2"
    project.model("again", again, key=["domain_sessionid", "domain_userid"])
    project.add(0, "s1 - 1", "- u1 1", "- - 1", "s1 u1 1", "s1 - 2")
    project.checked()
    project.add(1, "s1 - 1", "- u1 7", "- - 1", "s2 - 2")
    project.checked()
    project.drop(0)
    project.source["vanished"] = "retract"
    project.checked()
    assert project.command("verify").code == 0


def test_rows_without_an_etl_tstamp_are_a_batch(project: Project) -> None:
    """They are counted, processed and noticed when they grow, like any other batch."""
    start(project)
    project.add(None, "s1 u1 8", "s8 u8 8")
    project.checked()
    project.add(None, "s8 u8 9")
    assert "1 grew 2→3" in project.checked().out
    assert project.manifest()[-1] == 3


def test_fingerprints_notice_exchanged_rows(project: Project) -> None:
    """Rows exchanged within a batch keep its count; with `fingerprint` their keys are still found."""
    project.source["fingerprint"] = True
    start(project)
    project.db.execute("update atomic.events set domain_sessionid = 's8' where event_id = 'e2'")
    assert "1 changed" in project.checked().out
    project.db.execute("update atomic.events set domain_userid = 'u8' where event_id = 'e3'")  # neither id nor key
    assert "1 changed" in project.checked().out
    project.db.execute("update atomic.events set amount = 7 where event_id = 'e3'")  # no model reads it
    assert "nothing to do" in project.run().out
    project.model("amounts", "select domain_sessionid, sum(amount) as s from atomic.events group by 1")
    said = project.checked().text
    assert "these are others than before: 2 batches count as changed" in said
    assert "2 changed" in said
    assert "nothing to do" in project.run().out


def test_a_fingerprint_knows_where_a_value_ends(project: Project) -> None:
    """('ab', 'c') is another row than ('a', 'bc'), '' than NULL, and two rows than their values exchanged."""
    project.source["fingerprint"] = True
    start(project, "sessions", "users")
    for pair in (("ab", "c"), ("a", "bc"), ("", "abc"), (None, "abc"), ("abc", ""), ("abc", None)):
        session, user = ("null" if value is None else f"'{value}'" for value in pair)
        values = f"domain_sessionid = {session}, domain_userid = {user}"
        project.db.execute(f"update atomic.events set {values} where event_id = 'e2'")
        assert "1 changed" in project.checked().out, pair
    project.db.execute(
        "update atomic.events set domain_userid = case event_id when 'e1' then 'u7' else 'u1' end where event_id in ('e1', 'e3')"
    )
    assert "1 changed" in project.checked().out


def test_a_fingerprint_switched_on_later(project: Project) -> None:
    """Batches that were processed without one are processed once more; a new key does the same."""
    start(project)
    project.db.execute("update atomic.events set domain_sessionid = 's8' where event_id = 'e2'")
    assert "nothing to do" in project.run().out
    project.source["fingerprint"] = True
    assert "2 changed" in project.checked().out
    project.model("pages", "select page_url, count(*) as n from atomic.events group by 1", key="page_url")
    project.checked()
    assert "nothing to do" in project.run().out


def test_an_empty_source(project: Project) -> None:
    """No events at all: the tables are made, and filled later."""
    project.standard("sessions", "users", "totals")
    project.checked()
    project.add(0, "s1 u1 1")
    project.checked()


def test_several_rows_a_key(project: Project) -> None:
    """A keyed model may hold any number of rows a key; all of them are replaced together."""
    select = "select domain_sessionid, page_url, count(*) as n from atomic.events group by 1, 2"
    project.model("pages", select, key="domain_sessionid", unique=["domain_sessionid", "page_url"])
    project.add(0, "s1 u1 1 a /a", "s1 u1 2 b /b", "s2 u1 3 c /a")
    project.checked()
    project.add(1, "s1 u1 4 d /c")
    project.db.execute("update atomic.events set etl_tstamp = null where event_id = 'a'")
    project.checked()


def test_a_run_id_whose_after_queries_failed(project: Project) -> None:
    """The same `--run-id` again finishes what was left of that run, and takes what is pending as another one."""
    project.standard("sessions")
    models, project.models = project.models, {}
    steps = [{"name": "m", "models": list(models.values())}, {"name": "a", "phase": "after", "queries": ["a.sql"]}]
    project.top["steps"] = steps
    project.sql("a.sql", "insert into nowhere select 1")
    project.add(0, "s1 u1 1")
    assert "the data is published" in project.run("--run-id", "x", code=6).err
    project.db.execute("create table nowhere (n integer)")
    assert "running them again" in project.run("--run-id", "x").out
    assert project.rows("select * from nowhere") == [(1,)]
    project.add(1, "s2 u2 1")
    assert "published run x.2" in project.run("--run-id", "x").out
    assert project.rows("select * from nowhere") == [(1,), (1,)]
    assert project.manifest() == {0: 1, 1: 1}
