"""A run that is run again does nothing, and a run that was cut off gives what it would have given.

"Nothing" is taken from three sides: what the command says, the statements that it sends, and every row that it could
have written, on Postgres with the number of the transaction that wrote it.
"""

from __future__ import annotations

import re
import sys
import time
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from runner.state.names import fence
from tests.engines import postgres
from tests.engines.db import ENGINES, Db
from tests.kit.arena import FOLDER, Arena, on_duckdb, on_postgres
from tests.kit.driver import shell
from tests.kit.tally import Tally
from tests.oracles.models import SOURCE_DDL
from tests.oracles.play import Difference, Play
from tests.oracles.playbooks import NAME, Design, write_playbook
from tests.oracles.schedules import make
from tests.reliability.simulation.crash import (
    PATIENT,
    RERUN,
    SCHEDULES,
    Copy,
    Crash,
    Crashes,
    Killer,
    copy_of_database,
    copy_of_file,
)

FENCE = fence(NAME)
SIZE = 200  # schedules on DuckDB in the soak; a tenth on Postgres
EVENTS, LIMIT_S = 1_000_000, 2.0
POINTS = 3  # crashes of each schedule
ONES_OWN = rf'(?:"?runner_scratch\w*"?|"?pg_temp"?)\.|.*\brunner"?\."?(?:lease|{FENCE})\b'
WRITES = re.compile(
    r"\s*(?:insert\s+into|update|delete\s+from|merge\s+into|truncate(?:\s+table)?|copy|alter\s+table|drop\s+\w+(?:\s+if\s+exists)?"
    r"|create(?:\s+unlogged|\s+temporary)?\s+(?:table|index|schema)(?:\s+if\s+not\s+exists)?)\s+(\S+)",
    re.IGNORECASE,
)


@dataclass
class Log:
    """The statements of a run that write to anything but its own scratch, the lease and the fence."""

    statements: int = 0
    writes: list[str] = field(default_factory=list)

    def __call__(self, when: str, label: str, sql: str) -> None:
        if when == "before":
            self.statements += 1
            found = WRITES.match(sql)
            if found and not re.match(ONES_OWN, found[1]) and not label.startswith("scratch:"):
                self.writes.append(f"{label}: {sql[:300]}")


def written(db: Db) -> dict[str, list[str]]:
    """Every row of the derived tables and of the runner's state, lease and fence left out; who wrote it, where that is told."""
    tables = db.rows(
        "select table_schema || '.' || table_name from information_schema.tables where table_schema in ('derived', 'runner')"
        f" and table_name not in ('lease', '{FENCE}')"
    )
    by = "t.xmin::text || ' ' || t.ctid::text || ' ' || t::text" if db.engine == "postgres" else "t::varchar"
    return {table: sorted(row for (row,) in db.rows(f"select {by} from {table} t")) for (table,) in tables}


def again(play: Play) -> str:
    """Run once more: what is wrong with that, or an empty text."""
    before, play.watch = written(play.db), Log()
    log = play.watch
    outcome = play.command("run")
    play.watch = None
    if outcome.code or "nothing to do: no pending batches" not in outcome.text or " rows " in outcome.text:
        return f"exit {outcome.code}: {outcome.text}"
    if log.writes or not log.statements:
        return f"{log.statements} statements, of them {log.writes}"
    after = written(play.db)
    changed = [table for table in before.keys() | after.keys() if before.get(table) != after.get(table)]
    return f"rows were written in {changed}" if changed else ""


def repeated(seed: int, arena: Arena, engine: str, runs: int) -> Tally:
    """A random schedule up to its end, and its last run again."""
    with TemporaryDirectory(prefix="runner_again_", dir=FOLDER) as folder, arena(Path(folder)) as url:
        play = Play(make(seed, runs), url, Path(folder, "playbook"), lambda op: False)
        with closing(play):
            play.start()
            try:
                play.play(play.schedule.ops)
            except Difference as error:
                return Tally(13, "idempotence", engine, 1, divergences=1, notes=(str(error),))
            found = again(play)
    notes = (f"seed {seed}: {found}",) if found else ()
    return Tally(13, "idempotence", engine, 1, 1, divergences=len(notes), notes=notes)


def restarted(name: str, url: str, folder: Path, copy: Copy, rng: Random) -> Tally:
    """A run that crashes at three points, each then started again, beside one that does not crash."""
    crashes = Crashes(SCHEDULES[name], url, folder, copy)
    with crashes.fork() as play:
        play.again = lambda op: False
        play.play([crashes.target, RERUN])
        expected = play.tables() | {"manifest": play.listed()}
    number = len(crashes.points())
    notes = []
    for part in range(POINTS):
        point = rng.randrange(part * number // POINTS, (part + 1) * number // POINTS)
        try:
            found = crashed(crashes, point)
            Play.equal(found, expected)
        except Difference as error:
            notes.append(f"{name}, point {point} of {number}: {error}")
    return Tally(13, "idempotence", crashes.base.db.engine, 1, POINTS, divergences=len(notes), notes=tuple(notes))


def crashed(crashes: Crashes, point: int) -> dict[str, object]:
    """The tables after a crash at this point and the next run, which a third one leaves as they are."""
    with crashes.fork() as play:
        play.watch = Killer(point)
        with suppress(Crash):
            play.command("run", *play.request(crashes.target).args, *PATIENT)
        play.watch = None
        play.step(RERUN)
        found: dict[str, object] = {**play.tables(), "manifest": play.listed()}
        wrong = again(play)
        if wrong:
            raise Difference(wrong)
        return found


def quick(url: str, folder: Path) -> Tally:
    """A run with nothing to do over a million events, as a process: at most two seconds."""
    with closing(Db(url)) as db:
        db.execute(SOURCE_DDL)
        numbers = f"range({EVENTS}) n(i)" if db.engine == "duckdb" else f"generate_series(0, {EVENTS - 1}) n(i)"
        minutes = "timestamp '2024-01-01' + i * interval '1 second'"
        columns = (
            "event_id, domain_sessionid, domain_userid, collector_tstamp, derived_tstamp, etl_tstamp, page_url, row_id"
        )
        values = f"'e' || i, 's' || i / 10, 'u' || i / 50, {minutes}, {minutes}, date_trunc('hour', {minutes}), '/p' || i % 9, i"
        db.execute(
            f"insert into atomic.events ({columns}) select {values.replace('/', '//') if db.engine == 'duckdb' else values} from {numbers}"
        )
        if db.engine == "postgres":
            db.execute("analyze atomic.events")
        engine = db.engine
    path = write_playbook(folder, url, Design(), {"sessions": 0, "users": 0})
    first = shell("run", str(path))
    assert first.code == 0, first.text
    took = []
    for _ in range(5):  # the best of them: other processes may keep the machine busy
        began = time.monotonic()
        second = shell("run", str(path))
        took.append(time.monotonic() - began)
        assert second.code == 0 and "nothing to do" in second.text, second.text
    text = f"{engine}: a run with nothing to do over {EVENTS:,} events took {min(took):.2f} s"
    print(text, file=sys.stderr)
    return Tally(13, "idempotence", engine, 1, notes=(text,), wrong_reports=int(min(took) > LIMIT_S))


def soak(size: int, seed: int) -> list[Tally]:
    """`size` schedules on DuckDB and a tenth on Postgres, restarts of every hand-written one, a million events."""
    found = []
    with ExitStack() as stack:
        server = stack.enter_context(postgres.server())
        arenas: dict[str, Arena] = {"duckdb": on_duckdb, "postgres": on_postgres(server)}
        copies: dict[str, Copy] = {"duckdb": copy_of_file, "postgres": copy_of_database(server)}
        for engine in ENGINES:
            seeds = range(seed, seed + (size if engine == "duckdb" else max(1, size // 10)))
            total = Tally(13, "idempotence", engine, seeds=f"{seeds.start}…{seeds.stop - 1}")
            for n in seeds:
                total += repeated(n, arenas[engine], engine, 10)
                if n % 20 == 0:
                    print(f"idempotence, {engine}, seed {n}: {total.divergences} of {total.size}", file=sys.stderr)
            for name in SCHEDULES:
                with (
                    TemporaryDirectory(prefix="runner_again_", dir=FOLDER) as folder,
                    arenas[engine](Path(folder)) as url,
                ):
                    total += restarted(name, url, Path(folder), copies[engine], Random(seed))
            with TemporaryDirectory(prefix="runner_again_", dir=FOLDER) as folder, arenas[engine](Path(folder)) as url:
                total += quick(url, Path(folder))
            found.append(total)
    return found


@pytest.mark.parametrize("seed", range(3000, 3004))
def test_a_second_run_writes_nothing_on_duckdb(seed: int) -> None:
    """It says so, sends no statement that writes to a table that others see, and every row is as it was."""
    tally = repeated(seed, on_duckdb, "duckdb", 2)
    assert not tally.failed, "\n".join(tally.notes)


def test_a_second_run_writes_nothing_on_postgres(postgres_server: postgres.Server) -> None:
    """The same; here each row also tells the transaction that wrote it."""
    tally = repeated(3100, on_postgres(postgres_server), "postgres", 2)
    assert not tally.failed, "\n".join(tally.notes)


def test_a_run_is_not_taken_for_nothing(tmp_path: Path) -> None:
    """The log sees the writes of a run that has something to do."""
    play = Play(make(3000, 2), f"duckdb:///{tmp_path / 'w.duckdb'}", tmp_path / "playbook")
    with closing(play):
        play.start()
        play.step(play.schedule.ops[0])
        play.watch = log = Log()
        play.ends(0, "run")
        assert {"publish:manifest-insert", "publish:run-insert"} <= {text.split(": ")[0] for text in log.writes}
        assert any('"derived"' in text for text in log.writes)


CHANGED = "changed batches, models on models, merge"


def test_restarts_on_duckdb(tmp_path: Path) -> None:
    """Cut off at three points and started again from its first step, a run gives the same tables."""
    with on_duckdb(tmp_path) as url:
        tally = restarted(CHANGED, url, tmp_path, copy_of_file, Random(13))
    assert not tally.failed, "\n".join(tally.notes)


def test_restarts_on_postgres(postgres_url: str, postgres_server: postgres.Server, tmp_path: Path) -> None:
    """The same on Postgres."""
    tally = restarted(CHANGED, postgres_url, tmp_path, copy_of_database(postgres_server), Random(13))
    assert not tally.failed, "\n".join(tally.notes)
