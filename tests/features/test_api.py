"""The runner from Python, as a stranger would use it: what is public, what comes back, what goes wrong, and nothing else."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy

import runner
from runner.events import ModelDone, Published, Started
from tests.engines.db import DUCKDB_CONFIG, Db, duckdb_path, libpq_url
from tests.kit import ROOT

PLAYBOOK = """
source: {table: atomic.events, batch: etl_tstamp}
variables: {least: 1, places: [home, shop]}
models:
  - {table: derived.sessions, sql: sessions.sql, key: session_id, unique: session_id}
  - {table: derived.users, sql: users.sql, key: user_id}
"""
SESSIONS = """
select session_id, min(user_id) as user_id, count(*) as events
from atomic.events
where page in ({% for place in places %}'{{ place }}'{{ ', ' if not loop.last }}{% endfor %})
group by session_id having count(*) >= {{ least }}
"""
USERS = (
    "select user_id, count(*) as sessions, cast(sum(events) as bigint) as events from derived.sessions group by user_id"
)
DDL = """create schema if not exists atomic;
create table atomic.events (session_id varchar(9), user_id varchar(9), page varchar(9), etl_tstamp timestamp)"""


class Shop:
    """A playbook of two models over a table of events; `schema` is where its models are."""

    def __init__(self, folder: Path, url: str, schema: str = "derived") -> None:
        folder.mkdir()
        self.url, self.playbook = url, folder / f"{folder.name}.yml"
        for name, text in ((self.playbook.name, PLAYBOOK), ("sessions.sql", SESSIONS), ("users.sql", USERS)):
            self.write(name, text.replace("derived.", f"{schema}."))

    def write(self, name: str, text: str) -> None:
        self.playbook.with_name(name).write_text(text, encoding="utf-8")

    def execute(self, sql: str) -> None:
        with Db(self.url) as db:
            db.execute(sql)

    def add(self, hour: int, *visits: str) -> None:
        """Events of one batch, each `session user page`."""
        rows = [", ".join(f"'{word}'" for word in visit.split()) for visit in visits]
        stamp = f"timestamp '2024-03-01 {hour:02d}:00'"
        self.execute(f"insert into atomic.events values {', '.join(f'({row}, {stamp})' for row in rows)}")

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        with Db(self.url) as db:
            return db.rows(sql)


@pytest.fixture
def shop(warehouse_url: str, tmp_path: Path) -> Shop:
    """Two batches: three sessions of two users."""
    made = Shop(tmp_path / "shop", warehouse_url)
    made.execute(DDL)
    made.add(0, "s1 u1 home", "s2 u1 shop")
    made.add(1, "s2 u1 home", "s3 u2 shop", "s3 u2 other")
    return made


# -- what comes back -------------------------------------------------------------------------------------------------


def test_a_run_and_what_it_did(shop: Shop) -> None:
    """Batches, events and rows of each model; a second run has nothing to do, which is a success."""
    result = runner.run(shop.playbook, target=shop.url, run_id="first")
    assert (result.run_id, result.published) == ("first", ("first",))
    assert (result.batch_count, result.event_count) == (2, 5)
    assert [(m.table, m.extent, m.inserted, m.updated, m.deleted) for m in result.models] == [
        ("derived.sessions", "all", 3, 0, 0),
        ("derived.users", "all", 2, 0, 0),
    ]
    assert result.models[0].reason == "new"
    assert 0 <= result.models[0].duration_s <= result.duration_s
    again = runner.run(str(shop.playbook), target=shop.url)
    assert (again.published, again.batch_count, again.models) == ((), 0, ())
    assert again.run_id != result.run_id
    assert shop.rows("select * from derived.users order by 1") == [("u1", 2, 3), ("u2", 1, 1)]
    with pytest.raises(FrozenInstanceError):
        result.run_id = "other"  # type: ignore[misc]


def test_a_run_in_parts(shop: Shop) -> None:
    """`until` and `chunk`; the parts of a run are told together, each with its id."""
    part = runner.run(shop.playbook, target=shop.url, until=datetime(2024, 3, 1, 1, tzinfo=UTC))
    assert part.batch_count == 1
    shop.add(2, "s4 u3 home")
    shop.add(3, "s4 u3 home", "s1 u1 home")
    result = runner.run(shop.playbook, target=shop.url, chunk=1, run_id="all")
    assert len(result.published) == 3
    assert all(name.startswith("all") for name in result.published)
    assert (result.batch_count, result.event_count) == (3, 6)
    sessions = result.models[0]
    assert (sessions.extent, sessions.inserted, sessions.updated) == ("keys", 2, 3)


def test_models_are_selected_by_name(shop: Shop) -> None:
    """One name or several; the keys of what is left out are kept for later."""
    runner.run(shop.playbook, target=shop.url)
    shop.add(2, "s4 u3 home")
    result = runner.run(shop.playbook, target=shop.url, select="sessions")
    assert [model.extent for model in result.models] == ["keys", "left out"]
    status = runner.status(shop.playbook, target=shop.url)
    assert [(model.table, model.everything) for model in status.owed] == [("derived.users", False)]
    runner.run(shop.playbook, target=shop.url, select=["derived.sessions", "users"], full_refresh=True)
    assert runner.status(shop.playbook, target=shop.url).owed == ()


def test_a_plan(shop: Shop) -> None:
    """What is pending, and what a run would do with each model."""
    first = runner.plan(shop.playbook, target=shop.url)
    assert [(model.how, model.reason) for model in first.models] == [("built in full", "new")] * 2
    runner.run(shop.playbook, target=shop.url)
    assert runner.plan(shop.playbook, target=shop.url).nothing_to_do
    shop.add(2, "s1 u1 home", "s4 u3 home")
    plan = runner.plan(shop.playbook, target=shop.url)
    (pending,) = plan.pending
    assert (pending.source, pending.batch_count, pending.event_count) == ("atomic.events", 1, 2)
    assert [(model.how, model.key_count, model.exact) for model in plan.models] == [
        ("recomputed", 2, True),
        ("recomputed", 4, False),
    ]
    assert plan.stopping == ()
    shop.execute("delete from atomic.events where etl_tstamp = timestamp '2024-03-01 00:00'")
    with pytest.raises(runner.Stopped):
        runner.run(shop.playbook, target=shop.url)
    assert runner.plan(shop.playbook, target=shop.url).stopping == ("atomic.events",)


def test_how_a_playbook_stands(shop: Shop) -> None:
    """The manifest's counts, what is pending, and that no run is at work."""
    before = runner.status(shop.playbook, target=shop.url)
    assert (before.playbook, before.present, before.sources) == ("shop", False, ())
    assert before.pending[0].batch_count == 2
    runner.run(shop.playbook, target=shop.url)
    status = runner.status(shop.playbook, target=shop.url)
    assert (status.present, status.lease, status.after_done, status.unbuilt) == (True, None, True, ())
    (source,) = status.sources
    assert (source.source, source.batch_count, source.event_count) == ("atomic.events", 2, 5)
    assert source.newest_etl_tstamp.startswith("2024-03-01 01:00:00")


def test_a_comparison_finds_what_is_wrong(shop: Shop) -> None:
    """A difference is in the result; `check` makes an error of it."""
    runner.run(shop.playbook, target=shop.url)
    good = runner.verify(shop.playbook, target=shop.url)
    good.check()
    assert good.equal
    assert [model.row_count for model in good.models] == [3, 2]
    shop.execute("update derived.sessions set events = 7 where session_id = 's2'")
    bad = runner.verify(shop.playbook, target=shop.url, select="sessions", sample=10)
    assert not bad.equal
    assert [(model.table, model.differing_count) for model in bad.differing] == [("derived.sessions", 1)]
    assert bad.differences == (
        runner.Difference("derived.sessions", (runner.Value("session_id", "s2"),), "changed", "events", "7", "2"),
    )
    with pytest.raises(runner.VerifyFound, match="1 key of derived"):
        bad.check()


def test_a_rewind(shop: Shop) -> None:
    """Batches from `since` on are pending again, or would be."""
    with pytest.raises(runner.Stopped):
        runner.rewind(shop.playbook, target=shop.url, since="2024-03-01")
    runner.run(shop.playbook, target=shop.url)
    since = datetime(2024, 3, 1, 1)
    dry = runner.rewind(shop.playbook, target=shop.url, since=since, dry_run=True)
    assert (dry.batch_count, dry.event_count, dry.dry_run) == (1, 3, True)
    assert runner.plan(shop.playbook, target=shop.url).nothing_to_do
    runner.rewind(shop.playbook, target=shop.url, since=since, until="2024-03-01T02:00")
    (pending,) = runner.status(shop.playbook, target=shop.url).pending
    assert [(group.reason, group.event_count) for group in pending.groups] == [("rewound", 3)]
    runner.run(shop.playbook, target=shop.url)
    one = runner.rewind(shop.playbook, target=shop.url, since=since, select="users")
    assert one.models == ("derived.users",)


def test_a_loaded_playbook_is_used_again(shop: Shop) -> None:
    """Read and checked once, with its target and variables."""
    loaded = runner.load(shop.playbook, target=shop.url, variables={"least": 2, "places": ["home", "shop", "other"]})
    assert runner.run(loaded).models[0].inserted == 2
    assert runner.verify(loaded).equal
    assert runner.status(loaded).present
    with pytest.raises(runner.BadInput, match="has its target"):
        runner.run(loaded, target=shop.url)


def test_plain_scripts(shop: Shop) -> None:
    """A playbook without a source publishes nothing: its queries are what has run."""
    scripts = shop.playbook.with_name("scripts.yml")
    shop.write(scripts.name, "steps:\n  - {name: a, queries: [a.sql]}\n  - {name: b, queries: [b.sql]}\n")
    for name in "ab":
        shop.write(f"{name}.sql", f"create table atomic.{name} as select 1 as x")
    assert [query.path for query in runner.plan(scripts, target=shop.url).queries] == ["a.sql", "b.sql"]
    result = runner.run(scripts, target=shop.url)
    assert (result.published, result.queries) == ((), ("a.sql", "b.sql"))
    shop.execute("drop table atomic.b")
    assert runner.run(scripts, target=shop.url, from_step="b").queries == ("b.sql",)


def test_events_are_heard_as_they_happen(shop: Shop) -> None:
    """`on_event` has every value of a run; what it raises ends the run, and nothing is published."""
    heard: list[runner.Event] = []
    runner.run(shop.playbook, target=shop.url, on_event=heard.append)
    assert isinstance(heard[0], Started)
    assert isinstance(heard[-1], Published)
    assert [event.table for event in heard if isinstance(event, ModelDone)] == ["derived.sessions", "derived.users"]
    shop.add(2, "s4 u3 home")

    def stop(event: runner.Event) -> None:
        if isinstance(event, ModelDone):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runner.run(shop.playbook, target=shop.url, on_event=stop)
    assert runner.status(shop.playbook, target=shop.url).pending[0].batch_count == 1
    runner.run(shop.playbook, target=shop.url)
    assert runner.verify(shop.playbook, target=shop.url).equal


# -- a target that is open already -------------------------------------------------------------------------------------


def test_an_open_duckdb_connection(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Also of a database in memory, which no URL could name; it stays open, and its transaction is its own."""
    shop = Shop(tmp_path / "shop", "")
    with duckdb.connect() as connection:
        connection.execute(DDL)
        connection.execute("insert into atomic.events values ('s1', 'u1', 'home', timestamp '2024-03-01 00:00')")
        everything(shop, connection)
        assert connection.execute("select * from derived.users").fetchall() == [("u1", 1, 1)]
        loaded = runner.load(shop.playbook, target=connection)
        connection.execute("begin")
        connection.execute("insert into atomic.events values ('s2', 'u1', 'home', timestamp '2024-03-01 01:00')")
        assert runner.run(loaded).published == ()
        connection.execute("commit")
        assert runner.run(loaded).event_count == 1
    assert capfd.readouterr() == ("", "")


def test_a_sqlalchemy_engine(postgres_url: str, tmp_path: Path) -> None:
    """With all that was said to it; its pool stays the user's."""
    shop = Shop(tmp_path / "shop", postgres_url)
    shop.execute(DDL)
    shop.add(0, "s1 u1 home")
    engine = sqlalchemy.create_engine(libpq_url(postgres_url).replace("postgresql:", "postgresql+psycopg:"))
    everything(shop, engine)
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("select count(*) from derived.users")).scalar() == 1
    engine.dispose()


def everything(shop: Shop, target: runner.AnyTarget) -> None:
    """Every function with this target; one session of one user is there."""
    assert runner.plan(shop.playbook, target=target).models
    assert [model.inserted for model in runner.run(shop.playbook, target=target).models] == [1, 1]
    assert runner.verify(shop.playbook, target=target).equal
    assert runner.status(shop.playbook, target=target).sources[0].event_count == 1
    assert runner.rewind(shop.playbook, target=target, since="2024-03-01").batch_count == 1
    assert runner.run(runner.load(shop.playbook, target=target)).batch_count == 1


@pytest.mark.parametrize("target", [sqlite3.connect(":memory:"), 7], ids=["sqlite", "number"])
def test_another_object_is_no_target(tmp_path: Path, target: Any) -> None:
    """It says what may be given."""
    with pytest.raises(runner.BadInput, match="SQLAlchemy Engine"):
        runner.run(Shop(tmp_path / "shop", "").playbook, target=target)


# -- what goes wrong -------------------------------------------------------------------------------------------------


def test_errors_say_what_and_where(shop: Shop) -> None:
    """All problems at once, each with its place, and the exit code of the command line."""
    shop.write("sessions.sql", "select session_id, count(* from atomic.events")
    shop.write("users.sql", "select now() as t,\n{{ nothing }} as x from derived.sessions group by 1")
    with pytest.raises(runner.BadInput) as bad:
        runner.load(shop.playbook, target=shop.url)
    places = [(problem.place.path, problem.place.line) for problem in bad.value.problems]
    assert places == [(shop.playbook.with_name("sessions.sql"), 1), (shop.playbook.with_name("users.sql"), 2)]
    assert bad.value.exit_code == 2
    with pytest.raises(runner.BadInput, match="no such file"):
        runner.status(shop.playbook.with_name("other.yml"))


@pytest.mark.parametrize(
    "arguments",
    [
        {"select": "sesions"},
        {"until": "soon"},
        {"chunk": 0},
        {"run_id": "a b"},
        {"from_step": "x"},
        {"variables": {"x": 1}},
    ],
    ids=str,
)
def test_arguments_are_checked(tmp_path: Path, arguments: dict[str, Any]) -> None:
    """Before anything is connected."""
    shop = Shop(tmp_path / "shop", "postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(runner.BadInput):
        runner.run(shop.playbook, target=shop.url, **arguments)


def test_a_failed_check_publishes_nothing(shop: Shop) -> None:
    """The error's `published` says so."""
    shop.write("shop.yml", PLAYBOOK.replace("unique: session_id", "unique: user_id"))
    with pytest.raises(runner.Stopped, match="not unique") as stopped:
        runner.run(shop.playbook, target=shop.url)
    assert stopped.value.published is runner.Publication.NOTHING
    assert stopped.value.exit_code == 6
    assert not runner.status(shop.playbook, target=shop.url).sources


def test_no_error_shows_a_password(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one of the target, which may be written out here, nor one of the environment or a variable."""
    monkeypatch.setenv("RUNNER_CONNECT_S", "0")
    monkeypatch.setenv("DB_PASSWORD", "geheim-env")
    targets = ["postgresql://u:geheim-url@127.0.0.1:1/x", "postgresql://u:${DB_PASSWORD}@127.0.0.1:1/x"]
    for target in [*targets, "postgresql://u:geheim-url@:x:/x", "mysql://u:geheim-url@h/x"]:
        with pytest.raises(runner.RunnerError) as error:
            runner.run(shop.playbook, target=target)
        assert "geheim" not in f"{error.value} {error.value!r} {error.value.args}"
    with pytest.raises(runner.CannotConnect):
        runner.status(shop.playbook, target=targets[0])
    shop.write("shop.yml", PLAYBOOK.replace("least: 1", "least: 1, api_token: none"))
    shop.write("users.sql", "select '{{ api_token }}' from nowhere.{{ api_token }}")
    with pytest.raises(runner.BadInput) as bad:
        runner.run(shop.playbook, target=shop.url, variables={"api_token": "geheimes_wort"})
    assert "geheimes_wort" not in f"{bad.value} {bad.value.problems}"


# -- and nothing else ------------------------------------------------------------------------------------------------


def test_the_process_is_left_alone(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed, no signal handler is installed, the environment is as it was."""
    environment, handlers = dict(os.environ), [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    during: set[object] = set()
    runner.run(shop.playbook, target=shop.url, on_event=lambda _: during.add(signal.getsignal(signal.SIGINT)))
    runner.plan(shop.playbook, target=shop.url)
    runner.verify(shop.playbook, target=shop.url)
    runner.status(shop.playbook, target=shop.url)
    runner.rewind(shop.playbook, target=shop.url, since="2024-03-01", dry_run=True)
    with pytest.raises(runner.BadInput):
        runner.run(shop.playbook, target=shop.url, select="nothing")
    assert capfd.readouterr() == ("", "")
    assert dict(os.environ) == environment
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert during == {handlers[0]}


def test_two_threads_at_once(warehouse_url: str, tmp_path: Path) -> None:
    """Two playbooks, two files or one server: each run is as it would be alone."""
    shops = []
    for name in ("one", "two"):
        url = f"duckdb:///{tmp_path / name}.duckdb" if warehouse_url.startswith("duckdb") else warehouse_url
        shops.append(Shop(tmp_path / name, url, f"derived_{name}"))
    for shop in shops[:1] if shops[0].url == shops[1].url else shops:
        shop.execute(DDL)
        shop.add(0, *(f"s{n} u{n % 7} home" for n in range(200)))

    def work(shop: Shop) -> tuple[runner.RunResult, runner.VerifyResult]:
        return runner.run(shop.playbook, target=shop.url), runner.verify(shop.playbook, target=shop.url)

    with ThreadPoolExecutor(2) as pool:
        for result, verified in pool.map(work, shops):
            assert [model.inserted for model in result.models] == [200, 7]
            assert verified.equal


def test_one_run_of_a_playbook_at_a_time(postgres_url: str, tmp_path: Path) -> None:
    """A second one is Locked, or waits, as on the command line."""
    shop = Shop(tmp_path / "shop", postgres_url)
    shop.execute(DDL)
    shop.add(0, "s1 u1 home")
    refused: list[runner.Locked] = []

    def meanwhile(event: runner.Event) -> None:
        if isinstance(event, ModelDone):
            with pytest.raises(runner.Locked) as locked:
                runner.run(shop.playbook, target=shop.url)
            refused.append(locked.value)
            assert runner.status(shop.playbook, target=shop.url).lease is not None

    result = runner.run(shop.playbook, target=shop.url, on_event=meanwhile)
    assert result.published
    assert result.run_id in refused[0].what
    assert refused[0].exit_code == 3


@pytest.mark.parametrize("lent", [False, True], ids=["url", "connection"])
def test_two_runs_in_a_process_that_has_the_file(duckdb_url: str, tmp_path: Path, lent: bool) -> None:
    """DuckDB has no lease then: the fence alone lets the first one publish, and the second is Locked."""
    shop = Shop(tmp_path / "shop", duckdb_url)
    shop.execute(DDL)
    shop.add(0, "s1 u1 home")
    with duckdb.connect(duckdb_path(duckdb_url), config=DUCKDB_CONFIG) as connection:
        target = connection if lent else duckdb_url
        inner: list[runner.RunResult] = []

        def meanwhile(event: runner.Event) -> None:
            if isinstance(event, ModelDone) and not inner:
                inner.append(runner.run(shop.playbook, target=target))

        with pytest.raises(runner.Locked) as locked:
            runner.run(shop.playbook, target=target, on_event=meanwhile)
        assert inner[0].published
        assert locked.value.published is runner.Publication.NOTHING
        assert runner.verify(shop.playbook, target=target).equal
        assert runner.run(shop.playbook, target=target).published == ()


# -- the package -----------------------------------------------------------------------------------------------------

USER = """
import runner

result = runner.run("web.yml", target="duckdb:///web.duckdb", variables={"least": 1}, select=["sessions"])
inserted: int = sum(model.inserted for model in result.models)
plan: runner.PlanResult = runner.plan(runner.load("web.yml"))
try:
    runner.verify("web.yml").check()
except runner.RunnerError as error:
    code: int = error.exit_code
"""


BUILD = """
import sys
from hatchling.builders.wheel import WheelBuilder
print(next(WheelBuilder(sys.argv[1]).build(directory=sys.argv[2])))
"""


def test_a_user_of_mypy_sees_the_types(tmp_path: Path) -> None:
    """The public names are typed; a name that is none is an error."""
    script = tmp_path / "user.py"
    script.write_text(f"{USER}\nrunner.verfy('web.yml')\nresult.batches\n", encoding="utf-8")
    mypy = Path(sys.executable).parent / "mypy"
    command = [str(mypy), "--strict", "--follow-imports=silent", str(script)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    assert "Found 2 errors" in said, said
    assert 'has no attribute "batches"' in said


def test_the_import_is_light_and_the_names_are_there() -> None:
    """`import runner` loads nothing of it; every public name is found, and another is an AttributeError."""
    count = "import sys, runner; print(len([m for m in sys.modules if m.startswith('runner')]), runner.__version__)"
    said = subprocess.run([sys.executable, "-c", count], capture_output=True, text=True, check=True).stdout
    assert said == f"1 {runner.__version__}\n"
    assert {"run", "load", "RunResult", "RunnerError"} <= set(dir(runner))
    for name in dir(runner):
        assert getattr(runner, name) is not None or name.startswith("__")
    with pytest.raises(AttributeError, match="nothing"):
        runner.nothing  # type: ignore[attr-defined] # noqa: B018


def test_the_wheel_says_that_it_is_typed(tmp_path: Path) -> None:
    """`py.typed` is in the package that is installed."""
    command = [sys.executable, "-c", BUILD, str(ROOT), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(done.stdout.strip()) as wheel:
        assert {"runner/py.typed", "runner/api.py"} <= set(wheel.namelist())
