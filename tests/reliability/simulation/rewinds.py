"""Check 14: rewinds at random times, with crashes in them and deletions upstream before and after.

A rewind changes no table and no count, whether it comes through or not; the next run gives the full recompute.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.engines import postgres
from tests.kit.arena import FOLDER, Arena, on_duckdb, on_postgres
from tests.kit.tally import Tally
from tests.oracles.play import Difference, Play
from tests.oracles.schedules import make
from tests.oracles.world import Op
from tests.reliability.simulation.crash import Crash, Killer

SIZE, SIZE_POSTGRES = 200, 40
LOST = ("shrink", "vanish", "grow", "exchange")
EVENTS = 50  # of one rewind, two a statement; a later one is never reached: that rewind comes through


def play_one(seed: int, arena: Arena, point: int | None = None) -> bool:
    """A short schedule, a rewind, a run; True if the rewind crashed. Raises Difference."""
    rng = Random(seed)
    with TemporaryDirectory(prefix="runner_rewind_", dir=FOLDER) as name, arena(Path(name)) as url:
        schedule = make(seed, runs=2)
        play = Play(schedule, url, Path(name, "playbook"))
        try:
            play.start()
            play.play(schedule.ops)
            if rng.random() < 0.5:
                play.world.apply(Op(rng.choice(LOST), seed), play.db)
            killer = Killer(rng.randrange(EVENTS) if point is None else point)
            _rewind(play, rng, killer)
            play.check()  # for readers nothing has happened
            if rng.random() < 0.5:
                play.world.apply(Op(rng.choice(LOST), seed + 1), play.db)
            play.play([Op("run", 0)])
        except Difference as error:
            raise Difference(f"rewind, seed {seed}, point {point}: {error}") from error
        finally:
            play.close()
    return killer.point < len(killer.seen)


def _rewind(play: Play, rng: Random, killer: Killer) -> None:
    times = sorted(batch for batch in play.processed if batch is not None)
    since = rng.choice(times).isoformat() if times else "2024-03-01"
    models = [name for name in play.variants if name in play.expected]
    more = ["--model", f"derived.{rng.choice(models)}"] if models and rng.random() < 0.2 else []
    play.watch = killer
    with suppress(Crash):
        play.command("rewind", "--since", since, *more)
    play.watch = None


def tally(engine: str, arena: Arena, size: int, seed: int) -> Tally:
    """Many of them on one engine."""
    done = Tally(14, "rewinds", engine, seeds=f"{seed}-{seed + size - 1}")
    for number in range(seed, seed + size):
        try:
            done += Tally(14, "rewinds", engine, size=1, faults=int(play_one(number, arena)))
        except Difference as error:
            done += Tally(14, "rewinds", engine, size=1, divergences=1, notes=(str(error),))
    return done


def soak(size: int, seed: int) -> list[Tally]:
    """Both engines."""
    with postgres.server() as server:
        return [
            tally("duckdb", on_duckdb, size, seed),
            tally("postgres", on_postgres(server), size * SIZE_POSTGRES // SIZE, seed),
        ]
