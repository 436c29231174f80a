"""`runner verify` finds what is wrong, names it and ends with 9; and it never cries wolf.

Errors are planted by hand in a warehouse that is right; and on random schedules verify is asked after every run and
every rewind, which have all been compared with the oracle by then.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.engines import postgres
from tests.engines.db import ENGINES
from tests.kit.arena import FOLDER, Arena, on_duckdb, on_postgres
from tests.kit.project import Project, project_fixture, start  # noqa: F401
from tests.kit.tally import Tally
from tests.oracles.play import Difference, Play
from tests.oracles.schedules import make
from tests.oracles.world import Op

SIZE = 200  # schedules on DuckDB in the soak; a tenth on Postgres
TABLES = ("derived.sessions", "derived.users", "derived.totals", "runner.manifest")
BATCH = "timestamp '2024-03-01 01:00:00'"
EXTRA = f"""insert into runner.manifest select playbook, source, timestamp '2024-02-02', event_count, fingerprint,
rewound, run_id, commit_tstamp from runner.manifest where etl_tstamp = {BATCH}"""
PLANTED = {
    "a row off": ("update derived.sessions set events = events + 1 where domain_sessionid = 's2'", "domain_sessionid=s2: events: stored="),
    "a value gone": ("update derived.users set events = null where domain_userid = 'u1'", "domain_userid=u1: events: stored=null, recomputed="),
    "a ghost": (
        "insert into derived.sessions select 'ghost', domain_userid, null, null, 1 from derived.users limit 1",
        "domain_sessionid=ghost",
    ),
    "a row twice": (
        "insert into derived.sessions select * from derived.sessions where domain_sessionid = 's3'",
        "domain_sessionid=s3",
    ),
    "a row missing": ("delete from derived.users where domain_userid = 'u2'", "domain_userid=u2"),
    "a full model off": ("update derived.totals set events = 5", "events: stored=5, recomputed=4"),
    "a count off": (f"update runner.manifest set event_count = 7 where etl_tstamp = {BATCH}", "2024-03-01 01:00:00"),
    "a batch too many": (EXTRA, "2024-02-02 00:00:00"),
    "a batch missing": (f"delete from runner.manifest where etl_tstamp = {BATCH}", "2024-03-01 01:00:00"),
    "an index count off": (f"update {{keys}} set event_count = 9 where etl_tstamp = {BATCH}", "2024-03-01 01:00:00"),
    "an index row missing": (f"delete from {{keys}} where etl_tstamp = {BATCH}", "2024-03-01 01:00:00"),
    "an index key off": ("update {keys} set k1 = 's9' where k1 = 's2'", "domain_sessionid=s2"),
}  # fmt: skip


def index_of(project: Project) -> str:
    """The key index of the sessions."""
    return "runner." + str(project.one("select keys_table from runner.key_index"))


def test_what_was_planted_is_found_and_named(project: Project) -> None:
    """Each error alone: exit 9, with the key or the batch; and 0 again once it is taken back."""
    start(project)
    keys = index_of(project)
    tables = (*TABLES, keys)
    for table in tables:
        project.db.execute(f"create table copy_{table.replace('.', '_')} as select * from {table}")
    for name, (plant, named) in PLANTED.items():
        project.db.execute(plant.format(keys=keys))
        said = project.command("verify", code=9)
        assert named in said.out, f"{name}: {said.text}"
        assert "full recompute" in said.err
        for table in tables:
            project.db.execute(f"delete from {table}; insert into {table} select * from copy_{table.replace('.', '_')}")
    assert "every row compared equals" in project.command("verify").out


class Verified(Play):
    """A play in which verify must find nothing after every run and every rewind."""

    asked = 0

    def run(self, op: Op) -> None:
        super().run(op)
        self.verify()

    def rewind(self, *args: str) -> None:
        super().rewind(*args)
        self.world.reveal(self.processed, self.db)  # what no runner could notice is no false alarm
        self.verify()

    def verify(self) -> None:
        """Exit 0, unless nothing has been published yet."""
        if self.expected:
            self.asked += 1
            self.ends(0, "verify")


def quiet(seed: int, arena: Arena, runs: int) -> Tally:
    """A schedule of this seed: the false alarms in it."""
    with TemporaryDirectory(prefix="runner_verify_", dir=FOLDER) as folder, arena(Path(folder)) as url:
        play = Verified(make(seed, runs), url, Path(folder, "playbook"), lambda op: False)
        try:
            play.start()
            play.play(play.schedule.ops)
        except Difference as error:
            return Tally(20, "verify", play.db.engine, 1, play.asked, wrong_reports=1, notes=(str(error),))
        finally:
            play.close()
        return Tally(20, "verify", play.db.engine, 1, play.asked)


def many(seeds: range, arena: Arena, engine: str, runs: int) -> Tally:
    """Schedules of these seeds, one after the other."""
    total = Tally(20, "verify", engine, seeds=f"{seeds.start}…{seeds.stop - 1}")
    for seed in seeds:
        total += quiet(seed, arena, runs)
        if runs > FEW and seed % 20 == 0:
            print(f"verify, {engine}, seed {seed}: {total.wrong_reports} of {total.faults}", file=sys.stderr)
    return total


FEW = 2  # runs a schedule in the suite, 10 in the soak


def soak(size: int, seed: int) -> list[Tally]:
    """`size` schedules on DuckDB and a tenth of them on Postgres; `faults` are the times that verify was asked."""
    with ExitStack() as stack:
        arenas = {"duckdb": on_duckdb, "postgres": on_postgres(stack.enter_context(postgres.server()))}
        sizes = {"duckdb": size, "postgres": max(1, size // 10)}
        return [many(range(seed, seed + sizes[engine]), arenas[engine], engine, 10) for engine in ENGINES]


def test_no_false_alarms_on_duckdb() -> None:
    """15 schedules."""
    tally = many(range(2000, 2015), on_duckdb, "duckdb", FEW)
    assert not tally.failed, "\n".join(tally.notes)
    assert tally.faults >= 20


@pytest.mark.parametrize("seed", [2100, 2101])
def test_no_false_alarms_on_postgres(seed: int, postgres_server: postgres.Server) -> None:
    """2 schedules."""
    tally = quiet(seed, on_postgres(postgres_server), FEW)
    assert not tally.failed, "\n".join(tally.notes)
    assert tally.faults
