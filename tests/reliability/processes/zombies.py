"""Check 8: a run that is stopped while it holds the lease, overtaken, and woken again.

It may hold locks, a snapshot or an open publish transaction: the other run ends its session when the lease is over, and
publishes. The woken run can publish nothing any more, and says so: exit 3 where the other one has published.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from random import Random

from tests.engines import postgres
from tests.engines.db import Db
from tests.kit.processes import Process
from tests.kit.tally import Tally
from tests.oracles.play import Difference
from tests.oracles.playbooks import write_playbook
from tests.reliability.processes.trials import Bench, bench_on_postgres, judged, progress, published, schedule, settled
from tests.reliability.simulation.crash import RERUN

FULL = 100
LEASE_S = 2
START_S = 5  # so long after the end of the lease the other run is past its freeze's first look
A_SCHEDULE = 10
PLACES = (  # first where it holds locks that the other run needs
    "before publish:commit",
    "after publish:fence-raise",
    "after freeze:batches",
    "before publish:begin",
    "before freeze:begin",
)
PENDING = " pending batch"  # what a run prints when it has counted the batches in its freeze


def held(points: list[str]) -> list[str]:
    """The events between which a run holds the lease and has not committed its publish."""
    return points[points.index("after lease:commit") : points.index("before publish:commit") + 1]


def zombie(bench: Bench, place: str, wakes_after_s: float | None) -> Tally:
    """A run stops at `place`; it wakes when the other one has ended, or so long after that one has taken the lease."""
    with bench.crashes.fork() as play:
        play.again = lambda op: False
        request = play.request(bench.crashes.target)
        path = str(write_playbook(play.folder, play.url, play.schedule.design, play.variants))
        env = {"RUNNER_CACHE": str(play.folder.parent / "cache"), "RUNNER_LEASE_S": str(LEASE_S)}
        fault = {"RUNNER_TESTING": "1", "RUNNER_FAULT": f"stop@{place}"}
        wrong, differences = [], []
        with Process("run", path, "--run-id", "first", *request.args, env={**env, **fault}) as first:
            assert first.until_stopped(), f"did not come to {place}: {first.text}"
            stopped = time.monotonic()
            other = ("run", path, "--run-id", "second", "--wait", "30", *request.args)
            with Process(*other, env=env) as second:
                if wakes_after_s is not None:
                    second.until(lambda: holder(play.db) == "second", "the lease")
                    second.ended.wait(wakes_after_s)
                    first.resume()
                second.until(lambda: PENDING in second.text, "its freeze")
                if time.monotonic() - stopped > LEASE_S + START_S:
                    wrong.append(f"the other run froze {time.monotonic() - stopped:.1f} s after the first one stopped")
                after = second.wait()
            has_published = published(play.db, "second")
            first.resume()
            before = first.wait()
        if not has_published or after.code != 0:
            wrong.append(f"the other run: exit {after.code}: {after.text}")
        if before.code not in ({3} if wakes_after_s is None else {3, 5}):
            wrong.append(f"the woken run: exit {before.code}")
        if published(play.db, "first") or "nothing" not in before.text:
            wrong.append("the woken run published, or does not say that it did not")
        try:
            settled(play, request, has_published)
            play.play([RERUN])
        except Difference as error:
            differences.append(str(error))
        where = f"stopped {place!r} of {bench.crashes.schedule}, woken after {wakes_after_s} s: {before.text}"
        return replace(judged(bench.tally, where, before.text + after.text, wrong, differences), size=1, faults=1)


def holder(db: Db) -> object:
    """Who holds the lease."""
    return db.rows("select run_id from runner.lease")[0][0]


def on_postgres(server: postgres.Server, size: int, seed: int) -> Tally:
    """`size` zombies: half of them at the places that matter most, half anywhere; a third wakes while the other works."""
    rng = Random(seed)
    total = empty = Tally(8, "stopped and woken", "postgres", seeds=str(seed))
    chosen = (one for one in map(schedule, itertools.count(seed)) if one.ops[-1].kind != "run_chunk")
    while total.size < size:
        with bench_on_postgres(server, next(chosen), empty) as bench:
            anywhere = held(bench.points())
            for done in range(total.size, min(size, total.size + A_SCHEDULE)):
                place = PLACES[done // 2 % len(PLACES)] if done % 2 else rng.choice(anywhere)
                total += zombie(bench, place, rng.random() * 0.3 if done % 3 == 2 else None)
        progress(total, size)
    return total


def soak(size: int = FULL, seed: int = 1) -> list[Tally]:
    """Check 8: `size` zombies."""
    with postgres.server() as server:
        return [on_postgres(server, size, seed)]
