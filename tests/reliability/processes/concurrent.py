"""Check 7: two commands at once, while a loader works on the source and a reader looks at the tables.

Where rows only come, never go, the reader knows what the last published run saw: of each batch the first rows, as many
as the manifest says. So at any instant, in one snapshot, every table must be what the oracle derives from these. Where
rows go too, the models on models must be what the oracle derives from the sessions that are there.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.engines import postgres
from tests.engines.db import Db
from tests.kit.arena import FOLDER, on_duckdb
from tests.kit.processes import Ended, Process
from tests.kit.tally import Tally
from tests.oracles.models import SOURCE
from tests.oracles.oracle import ON_SESSIONS, Batch, Event, derive
from tests.oracles.play import Difference, Play
from tests.oracles.playbooks import Design, write_playbook
from tests.oracles.schedules import Schedule
from tests.oracles.world import UPSTREAM, Op, World, random_op, rules_of
from tests.reliability.processes.trials import progress

FULL = 200  # rounds on Postgres; a tenth of it on DuckDB
ROUNDS = 5  # rounds on one database, then a new one
LOOKS = 10  # the reader looks at least so often in a round
PAUSE_S = 0.08  # the loader's, at most, between two transactions
LOOK_PAUSE_S = 0.05  # the reader's
RUN = Op("run", 0)
MODELS = ("sessions", "users", "daily", "totals", "page_totals", "session_marks")
ADDING = {
    "new_batch": 8, "new_batches": 3, "older_batch": 3, "null_batch": 2, "grow": 8, "copy": 4, "twist": 4,
    "null_keys": 2, "ties": 2, "move": 4,
}  # fmt: skip
# Without what could change a batch so that neither its count nor its fingerprint shows it.
CHANGING = {
    "new_batch": 8, "null_batch": 2, "grow": 6, "copy": 4, "shrink": 5, "exchange": 4, "vanish": 2, "move": 4,
}  # fmt: skip
DESIGNS = (
    (Design(), ADDING),
    (Design(dedupe=True, fingerprint=True), CHANGING),
    (Design(dedupe=True, order_by=("collector_tstamp",), hourly=True), ADDING),
)
_numbers = itertools.count(1)


class Held(Db):
    """A connection whose transactions stay open until they are released."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Begin; what is done within is committed by `release`."""
        self.execute("begin")
        yield

    def release(self) -> None:
        """Commit."""
        self.execute("commit")


class Loader(threading.Thread):
    """Upstream, at work until it is told to stop; some of its transactions overlap and commit in the other order."""

    def __init__(self, world: World, url: str, kinds: dict[str, int], rng: Random) -> None:
        super().__init__(daemon=True)
        self.world, self.url, self.kinds, self.rng = world, url, kinds, rng
        self.over = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        """Load and pause."""
        try:
            held = Held(self.url)
            with Db(self.url) as db, held:
                while not self.over.is_set():
                    if self.rng.random() < 0.3:
                        self.overlap(db, held)
                    else:
                        self.world.apply(random_op(self.rng, self.kinds), db)
                    self.over.wait(self.rng.random() * PAUSE_S)
        except BaseException as error:
            self.error = error

    def overlap(self, db: Db, held: Held) -> None:
        """Two transactions that add rows; the second commits first, unless they touch the same batch."""
        touched: list[set[Batch]] = []
        pair: list[Db] = [held, db]
        for connection in pair:
            kind = random_op(self.rng, {kind: weight for kind, weight in ADDING.items() if kind in self.kinds}).kind
            change = UPSTREAM[kind](self.world, self.rng)
            touched.append({self.world.rules.batch(event) for event in change.new})
            if len(touched) == 2 and touched[0] & touched[1]:
                held.release()
            self.world.commit(change, connection)
        if not touched[0] & touched[1]:
            self.over.wait(self.rng.random() * PAUSE_S)
            held.release()

    def stop(self) -> None:
        """No more loading."""
        self.over.set()
        self.join()
        if self.error is not None:
            raise self.error


class Reader(threading.Thread):
    """Looks at the tables, in one snapshot each time, until it is told to stop."""

    def __init__(self, play: Play, adds_only: bool) -> None:
        super().__init__(daemon=True)
        self.play = play.fork(play.url, play.folder)
        self.adds_only = adds_only
        self.over = threading.Event()
        self.looks = 0
        self.found: list[str] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        """Look and look again."""
        try:
            while not self.over.is_set() or self.looks < LOOKS:
                self.look()
                self.looks += 1
                self.over.wait(LOOK_PAUSE_S)
        except BaseException as error:
            self.error = error
        finally:
            self.play.close()

    def look(self) -> None:
        """One look."""
        play, rules = self.play, rules_of(self.play.world, self.play.variants)
        play.db.execute("begin isolation level repeatable read read only")
        listed, tables = play.listed(), play.tables()
        rows = (
            play.db.rows(f"select {', '.join(Event._fields)} from {SOURCE} order by row_id") if self.adds_only else []
        )
        play.db.execute("commit")
        if not self.adds_only:
            below = list(tables["sessions"].elements())
            expected = {name: Counter(model(below, rules)) for name, model in ON_SESSIONS.items() if name in tables}
            self.compare({name: tables[name] for name in expected}, expected)
            return
        left, seen = Counter(listed), []
        for event in (Event(*row) for row in rows):
            batch = rules.batch(event)
            if left[batch] > 0:
                left[batch] -= 1
                seen.append(event)
        derived = derive(seen, rules)
        self.compare(
            {"rows too few": +left} | tables, {"rows too few": Counter()} | {n: Counter(derived[n]) for n in tables}
        )

    def compare(self, found: object, expected: object) -> None:
        """Note a difference."""
        try:
            Play.equal(found, expected)
        except Difference as error:
            self.found.append(f"a reader saw {error}")

    def stop(self) -> None:
        """No more looking."""
        self.over.set()
        self.join()
        if self.error is not None:
            raise self.error


@contextmanager
def playing(url: str, folder: Path, seed: int, place: int) -> Iterator[tuple[Play, dict[str, int]]]:
    """A warehouse with one published run, and what the loader does to it."""
    design, kinds = DESIGNS[place % len(DESIGNS)]
    play = Play(Schedule(seed, design, MODELS, (), ()), url, folder, lambda op: False)
    with closing(play):
        play.start()
        play.play([Op("new_batches", seed), Op("null_batch", seed + 1), RUN])
        yield play, kinds


def two_commands(play: Play, rng: Random, waits: bool) -> list[Ended]:
    """Two commands that start at nearly the same time."""
    path = write_playbook(play.folder, play.url, play.schedule.design, play.variants)
    args = ("run", str(path), *(("--wait", "60") if waits else ()))
    env = {"RUNNER_CACHE": str(play.folder / "cache")}
    with Process(*args, env=env) as one:
        one.ended.wait(rng.choice((0, rng.random() * 0.3)))
        with Process(*args, env=env) as other:
            return [one.wait(), other.wait()]


def judged(tally: Tally, endings: list[Ended], waits: bool, where: str) -> Tally:
    """Exit 0 or 3, one of them 0, with --wait both; and no traceback."""
    codes = [ended.code for ended in endings]
    right = codes == [0, 0] if waits else set(codes) <= {0, 3} and 0 in codes
    texts = "\n".join(ended.text for ended in endings)
    found = replace(tally, size=1, faults=1, tracebacks=texts.count("Traceback"), wrong_reports=int(not right))
    return replace(found, notes=(f"{where}: exits {codes}: {texts}",)) if found.failed else found


def one_round(play: Play, kinds: dict[str, int], rng: Random, tally: Tally, waits: bool) -> Tally:
    """Loader, reader and two commands; then quiet, a clean run and the oracle."""
    loader, reader = Loader(play.world, play.url, kinds, rng), Reader(play, kinds is ADDING)
    loader.start()
    reader.start()
    try:
        endings = two_commands(play, rng, waits)
    finally:
        loader.stop()
        reader.stop()
    where = f"{play.schedule.design}, seed {play.schedule.seed}"
    found = judged(tally, endings, waits, where)
    notes = [f"{where}: {note}" for note in reader.found]
    try:
        play.run(RUN)
    except Difference as error:
        notes.append(f"{where}: after a clean run: {error}")
    return replace(found, faults=reader.looks, divergences=len(notes), notes=(*found.notes, *notes))


def on_postgres(server: postgres.Server, size: int, seed: int) -> Tally:
    """`size` rounds; `faults` are the reader's looks."""
    rng = Random(seed)
    total = empty = Tally(7, "two commands, loader and reader", "postgres", seeds=str(seed))
    for place in itertools.count(seed):
        if total.size >= size:
            return total
        name = f"concurrent_{os.getpid()}_{next(_numbers)}"
        with (
            postgres.database(server, name) as url,
            TemporaryDirectory(prefix="runner_two_", dir=FOLDER) as folder,
            playing(url, Path(folder), rng.randrange(10**6), place) as (play, kinds),
        ):
            for _ in range(min(ROUNDS, size - total.size)):
                found = one_round(play, kinds, rng, empty, waits=total.size % 2 == 0)
                total += found
                if found.divergences:  # all rounds after it would say it again
                    break
        progress(total, size)
    return total


def held_file(play: Play, tally: Tally) -> Tally:
    """A command that works on a DuckDB file: a second one exits 3 and names its PID, or waits."""
    path = write_playbook(play.folder, play.url, play.schedule.design, play.variants)
    args = ("run", str(path))
    play.db.close()
    env = {"RUNNER_CACHE": str(play.folder / "cache")}
    stop = {"RUNNER_TESTING": "1", "RUNNER_FAULT": "stop@before publish:begin"}
    with Process(*args, env={**env, **stop}) as first:
        assert first.until_stopped(), first.text
        with Process(*args, env=env) as second, Process(*args, "--wait", "60", env=env) as third:
            refused = second.wait()
            third.until_started()
            first.resume()
            endings = [first.wait(), third.wait()]
    found = judged(tally, endings, True, "held file")
    if refused.code == 3 and f"PID {first.pid}" in refused.text:
        return found
    note = f"held file: exit {refused.code}, PID {first.pid}: {refused.text}"
    return replace(found, wrong_reports=found.wrong_reports + 1, notes=(*found.notes, note))


def on_duckdb_file(size: int, seed: int) -> Tally:
    """`size` rounds, every third with a file that is surely held."""
    rng = Random(seed)
    total = empty = Tally(7, "two commands", "duckdb", seeds=str(seed))
    with (
        TemporaryDirectory(prefix="runner_two_", dir=FOLDER) as folder,
        on_duckdb(Path(folder)) as url,
        playing(url, Path(folder), seed, seed) as (play, kinds),
    ):
        for place in range(size):
            try:
                play.play([random_op(rng, kinds), Op("grow", rng.randrange(10**6))])
                play.db.close()
                if place % 3 == 0:
                    found = held_file(play, empty)
                else:
                    found = judged(empty, two_commands(play, rng, place % 3 == 1), place % 3 == 1, "at once")
                play.db = Db(url)
                play.play([RUN])
            except Difference as error:
                found = replace(empty, size=1, faults=1, divergences=1, notes=(str(error),))
            total += found
    return total


def soak(size: int = FULL, seed: int = 1) -> list[Tally]:
    """Check 7: `size` rounds on Postgres, a tenth as many on DuckDB."""
    with postgres.server() as server:
        return [on_duckdb_file(max(1, size // 10), seed), on_postgres(server, size, seed)]
