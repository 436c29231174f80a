"""A bench for runs that fail: one warehouse, many faults, and after each all that must be true (check 11)."""

from __future__ import annotations

import io
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field

from runner.cli.app import main
from runner.clock import Clock
from tests.kit.driver import Outcome
from tests.kit.tally import Tally
from tests.oracles.play import Difference, Play, Request
from tests.oracles.schedules import Schedule
from tests.reliability.faults import phased
from tests.reliability.faults.aftermath import leftovers, parts_published, settled
from tests.reliability.faults.faulty import Injector, installed
from tests.reliability.faults.outcomes import Point, Round, untruths
from tests.reliability.faults.prepared import Prepared
from tests.reliability.simulation.crash import RERUN

CHECK, TITLE = 11, "errors at every statement"
ATTEMPTS, PAUSES_S = 5, 60.0


@dataclass
class Bench:
    """A warehouse before a run, on which runs fail one after the other until one of them publishes."""

    prepared: Prepared
    thorough: bool = False
    """After every failure comes a run that must get everything right; else only before the warehouse is left."""
    seeds: str = ""
    matrix: Counter[tuple[str, str]] = field(default_factory=Counter)
    _stack: ExitStack = field(default_factory=ExitStack)
    _at: tuple[Play, Request, int] | None = None  # and the version that had been published by then
    _here: int = -1
    _rounds: int = 0

    def __post_init__(self) -> None:
        self.tally = Tally(CHECK, TITLE, self.prepared.engine, seeds=self.seeds)

    def points(self, schedule: Schedule) -> list[Point]:
        """All statements of the schedule's last run."""
        injector = Injector()
        self.leave()
        ended, _ = self._run(*self._there(schedule)[:2], injector, "points")
        assert ended.code == 0, ended.text
        self.leave()
        labels = injector.labels
        return [(label, labels[: number + 1].count(label)) for number, label in enumerate(labels)]

    def play(self, round_: Round) -> None:
        """One fault: how the run ends, and what it leaves."""
        self._rounds += 1
        injector = Injector(round_.plan)
        fresh = self._here != round_.schedule.seed
        wrong: list[str] = []
        text, diverged = "", 0
        try:
            play, request, _ = self._there(round_.schedule)
            ended, slept_s = self._run(play, request, injector, f"fault-{self._rounds}")
            if (
                len(injector.struck) < len(round_.plan) and not fresh
            ):  # only on a warehouse where nothing has failed yet
                self.leave()
                play, request, _ = self._there(round_.schedule)
                ended, slept_s = self._run(play, request, injector, f"fault-{self._rounds}")
            text = ended.text
            published = parts_published(play, f"fault-{self._rounds}")
            wrong = untruths(round_, ended, published)
            wrong += [] if len(injector.struck) >= len(round_.plan) else ["the statement never came"]
            wrong += excesses(injector, slept_s) + leftovers(play)
            settled(play, request, published)
            if published or self.thorough:
                self.leave()
        except Difference as error:
            diverged = 1
            wrong.append(str(error))
            self._stack.close()
            self._here = -1
        self.matrix[round_.label, str(round_.fault)] += bool(injector.struck)
        self.tally += Tally(
            CHECK, TITLE, self.prepared.engine, 1, len(injector.struck), diverged, len(wrong) - diverged,
            int("Traceback" in text or "internal error" in text), notes=tuple(f"{round_}: {one}\n{text}" for one in wrong),
        )  # fmt: skip

    def leave(self) -> None:
        """The next run is right; then the warehouse is thrown away. Raises Difference."""
        here, self._here = self._here, -1
        if here < 0 or self._at is None:
            return
        play, _, since = self._at
        try:
            play.play([RERUN])
            wrong = phased.disagreements(play, since)
            if play.db.engine == "postgres":
                rows = play.db.rows("select nspname from pg_namespace where nspname like 'runner_scratch%'")
                wrong += [f"scratch is left: {row[0]}" for row in rows]
            if wrong:
                raise Difference(f"after the next run: {'; '.join(wrong)}")
        finally:
            self._stack.close()

    def _there(self, schedule: Schedule) -> tuple[Play, Request, int]:
        if self._here != schedule.seed or self._at is None:
            self.leave()
            play, request = self._stack.enter_context(self.prepared.fork(schedule))
            play.playbook, play.again = phased.write, lambda op: False
            self._at, self._here = (play, request, newest(play)), schedule.seed
        return self._at

    @staticmethod
    def _run(play: Play, request: Request, injector: Injector, run_id: str) -> tuple[Outcome, float]:
        path = play.playbook(play.folder, play.url, play.schedule.design, play.variants)
        out, slept_s = io.StringIO(), [0.0]

        def sleep(seconds: float) -> None:
            slept_s[0] += seconds

        words = ["run", str(path), *request.args, "--run-id", run_id]
        with installed(injector):
            code = main(words, watch=injector, out=out, err=out, clock=Clock(time.monotonic, sleep))
        return Outcome(code, out.getvalue()), slept_s[0]


def newest(play: Play) -> int:
    """The version of the last publish."""
    if not play.db.has_table("runner.runs"):
        return 0
    return int(play.db.rows("select coalesce(max(version), 0) from runner.runs")[0][0])


def excesses(injector: Injector, slept_s: float) -> list[str]:
    """More attempts or longer pauses than a run may make."""
    attempts = injector.labels.count("publish:begin")
    found = [f"{attempts} attempts to publish"] if attempts > ATTEMPTS else []
    return found + ([f"paused for {slept_s:.0f} s"] if slept_s > PAUSES_S else [])
