"""A COMMIT that the network cuts: the run says the truth about it, and the next run gets everything right.

Check 6 of the reliability suite. A proxy before Postgres cuts the COMMIT of a run's publish in one of five ways
(`tests.reliability.faults.proxy.Cut`). Nothing is judged before the last packet of that COMMIT has landed: the exit code is 0 if and only
if the run's row is in `runs` then.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from runner.state.manifest import Manifest
from runner.warehouse.postgres import Postgres
from tests.engines import postgres
from tests.kit import driver
from tests.kit.arena import first_seed
from tests.kit.project import SESSIONS, Project
from tests.kit.tally import Tally
from tests.oracles.play import Difference, Play, Request
from tests.oracles.playbooks import Design, write_playbook
from tests.oracles.schedules import Schedule
from tests.oracles.world import Op
from tests.reliability.faults.aftermath import leftovers, parts_published, settled
from tests.reliability.faults.prepared import Prepared
from tests.reliability.faults.proxy import Cut, Plan, Proxy
from tests.reliability.simulation.crash import BETWEEN, PATIENT, RERUN, SCHEDULES

CHECK, TITLE = 6, "COMMIT cut by a proxy"
SIZE = 200
SUITE = 13
WAYS = (Cut.DROP, Cut.DROP_ANSWER, Cut.LATE, Cut.HOLD)
TIMEOUT_S = 1  # statement_timeout_s of the runs that hear nothing
FOR_EVER = (8, 13)  # of 40 rounds these see the server go away for good, once without and once with the COMMIT
LANDS_S = 30.0
PLAIN = tuple(SCHEDULES[name] for name in list(SCHEDULES)[:4])
CHUNKS = Schedule(  # the last run publishes three times
    17, Design(), ("user_marks", "page_totals"), (),
    (Op("new_batch", 1), Op("run", 2), Op("older_batch", 3), Op("new_batch", 4), Op("new_batch", 6), Op("run_chunk", 8)),
)  # fmt: skip


@dataclass(frozen=True)
class Round:
    """One cut in the last run of a schedule."""

    seed: int
    schedule: Schedule
    plan: Plan

    @property
    def run_id(self) -> str:
        """The run's name."""
        return f"cut-{self.seed}"

    @property
    def back_s(self) -> float:
        """How long the run tries to reach the server again."""
        return 1 if self.plan.away_s is None else 20

    def __str__(self) -> str:
        return f"seed {self.seed} on schedule {self.schedule.seed}, {self.plan}"


def make(seed: int, number: int) -> Round:
    """The round of a seed. Its number among all decides what comes equally often: the way, chunks, how long away."""
    rng = Random(seed)
    cut, turn = WAYS[number % 4], number // 4
    if cut is Cut.HOLD and turn % 2:
        cut = Cut.HOLD_ANSWER
    holds = cut in (Cut.HOLD, Cut.HOLD_ANSWER)
    chunks = turn % 4 == 2
    away_s = None if number % 40 in FOR_EVER else 0.6 if turn % 4 == 1 else 0.0
    plan = Plan(
        cut,
        publish=2 if chunks else 1,
        delay_s=TIMEOUT_S + rng.uniform(0.2, 0.8) if holds else rng.uniform(0.05, 1.5),
        away_s=away_s,
        deaf=holds and rng.random() < 0.4,
        reset=rng.random() < 0.3,
    )
    return Round(seed, CHUNKS if chunks else PLAIN[turn % len(PLAIN)], plan)


def cut(proxy: Proxy, play: Play, request: Request, round_: Round) -> tuple[driver.Outcome, str | None]:
    """The run, through the proxy, and what the server answered to its COMMIT; nothing of that is on its way any more."""
    path = write_playbook(play.folder, proxy.url(play.url), play.schedule.design, play.variants)
    if round_.plan.cut in (Cut.HOLD, Cut.HOLD_ANSWER):
        path.write_text(f"{path.read_text()}statement_timeout_s: {TIMEOUT_S}\n")
    proxy.arm(round_.plan)
    with patience(round_.back_s):
        outcome = driver.command("run", str(path), *request.args, "--run-id", round_.run_id)
    if not proxy.struck.is_set():
        raise Difference(
            f"the run published {proxy.publishes} times and was not cut: exit {outcome.code} {outcome.text}"
        )
    if not proxy.landed.wait(LANDS_S):
        raise Difference("the cut COMMIT never landed")
    answer = proxy.answer
    proxy.arm(None)
    return outcome, answer


@contextmanager
def patience(back_s: float) -> Iterator[None]:
    """RUNNER_CONNECT_S for the block."""
    before = os.environ.get("RUNNER_CONNECT_S")
    os.environ["RUNNER_CONNECT_S"] = str(back_s)
    try:
        yield
    finally:
        os.environ.pop("RUNNER_CONNECT_S")
        if before is not None:
            os.environ["RUNNER_CONNECT_S"] = before


def untruths(round_: Round, outcome: driver.Outcome, published: int, answer: str | None, parts: int) -> list[str]:
    """What the exit code and the message say wrong; `published` of the run's `parts` are in `runs`."""
    plan, found = round_.plan, []
    landed = published >= plan.publish
    if landed != (answer == "COMMIT"):
        found.append(f"the server answered {answer!r}, and {published} of {parts} parts are in `runs`")
    wanted = 10 if plan.away_s is None else 0 if landed else 5
    if outcome.code != wanted:
        found.append(f"exit {outcome.code}, expected {wanted}, with {published} of {parts} parts published")
    if outcome.code == 0 and published != parts:
        found.append(f"exit 0 with {published} of {parts} parts published")
    if "nothing was published" in outcome.text and published:
        found.append(f"says that nothing was published, and {published} parts are")
    if outcome.code == 5 and not published and "nothing was published" not in outcome.text:
        found.append("does not say that nothing was published")
    if outcome.code == 10 and round_.run_id not in outcome.text:
        found.append("does not name the run")
    return found


@dataclass
class Cutter:
    """Plays rounds and writes down what they did."""

    prepared: Prepared
    proxy: Proxy
    tally: Tally

    def play(self, round_: Round) -> None:
        """One round: the cut, the truth about it, the next run."""
        wrong: list[str] = []
        diverged, text = 0, ""
        with self.prepared.fork(round_.schedule) as (play, request):
            try:
                outcome, answer = cut(self.proxy, play, request, round_)
                text = outcome.text
                published = parts_published(play, round_.run_id)
                parts = 3 if request.args else 1
                wrong = untruths(round_, outcome, published, answer, parts)
                wrong += [f"left open: {one}" for one in leftovers(play)]
                settled(play, request, published)
                self._again(play, request, round_)
                if parts_published(play, round_.run_id) < published:
                    raise Difference("a published run is gone from `runs`")
            except Difference as error:
                diverged = 1
                wrong.append(str(error))
        notes = tuple(f"{round_}: {one}\n{text}" for one in wrong)
        self.tally += Tally(
            CHECK, TITLE, "postgres", 1, 1, diverged, len(wrong) - diverged,
            int("Traceback" in text or "internal error" in text), notes=notes,
        )  # fmt: skip

    @staticmethod
    def _again(play: Play, request: Request, round_: Round) -> None:
        """The same run again by its name, then another change and a plain run."""
        if round_.seed % 2:
            play.ends(0, "run", *request.args, "--run-id", round_.run_id, *PATIENT)
            play.settle(request)
            play.check()
        between = BETWEEN[round_.seed // 2 % len(BETWEEN)]
        play.play([between, RERUN] if between else [RERUN])
        left = play.db.rows("select nspname from pg_namespace where nspname like 'runner_scratch%'")
        if left:
            raise Difference(f"scratch is left: {left}")


def rounds(server: postgres.Server, size: int, seed: int, told: int = 10**9) -> Tally:
    """So many cuts; their sum."""
    with Prepared(server) as prepared, Proxy(server.url) as proxy:
        cutter = Cutter(prepared, proxy, Tally(CHECK, TITLE, "postgres", seeds=f"{seed}-{seed + size - 1}"))
        for number in range(size):
            cutter.play(make(seed + number, number))
            if (number + 1) % told == 0:
                sys.stderr.write(f"check {CHECK}: {number + 1} of {size} cuts, {len(cutter.tally.notes)} findings\n")
        return cutter.tally


def soak(size: int = SIZE, seed: int = 1) -> list[Tally]:
    """Check 6 in full."""
    with postgres.server() as server:
        return [rounds(server, size, seed, told=20)]


def test_cuts(postgres_server: postgres.Server) -> None:
    """Exit 0 if and only if the run is published, once no packet is on its way; the next run is right."""
    tally = rounds(postgres_server, SUITE, first_seed())
    assert not tally.failed, "\n".join(tally.notes)
    assert tally.faults == SUITE


def test_the_ways_come_equally_often() -> None:
    """Of the soak's rounds each way has a quarter; both holds, chunks, and a server that stays away are among them."""
    plans = [make(number + 1, number).plan for number in range(SIZE)]
    counts = [
        sum(plan.cut in ways for plan in plans)
        for ways in ({WAYS[0]}, {WAYS[1]}, {WAYS[2]}, {*WAYS[3:], Cut.HOLD_ANSWER})
    ]
    assert counts == [SIZE // 4] * 4
    assert {plan.cut for plan in plans if plan.publish == 2} == set(WAYS)
    assert {plan.cut for plan in plans if plan.away_s is None} >= {Cut.DROP, Cut.DROP_ANSWER}
    assert {plan.cut for plan in plans if plan.away_s} >= {Cut.DROP, Cut.LATE}


@pytest.mark.parametrize("way", [Cut.DROP, Cut.DROP_ANSWER])
def test_after_queries_of_a_cut_commit(
    way: Cut, postgres_url: str, postgres_server: postgres.Server, tmp_path: Path
) -> None:
    """They run once the run is known to be published, although its connection is gone; and else not at all."""
    lost = way is Cut.DROP
    with closing(Project(postgres_url, tmp_path / "project")) as project, Proxy(postgres_server.url) as proxy:
        _play_after(project, proxy, way, 5 if lost else 0)
        assert project.manifest() == ({} if lost else {0: 1})
        assert project.rows("select * from public.seen") == ([] if lost else [("first",)])
        project.run("--run-id", "first")
        assert project.rows("select * from public.seen") == [("first",)]
        assert project.rows("select domain_sessionid, events from derived.sessions") == [("s1", 1)]


def _play_after(project: Project, proxy: Proxy, way: Cut, code: int) -> None:
    """The first run of a playbook with an `after` query, cut."""
    project.sql("sessions.sql", SESSIONS)
    project.sql("after.sql", "insert into public.seen values ('{{ run_id }}')")
    project.top["steps"] = [
        {"name": "m", "models": [{"table": "derived.sessions", "sql": "sessions.sql", "key": "domain_sessionid"}]},
        {"name": "a", "phase": "after", "queries": ["after.sql"]},
    ]
    project.db.execute("create table public.seen (run_id text)")
    project.add(0, "s1 u1 1")
    proxy.arm(Plan(way))
    project.run("--target", proxy.url(project.url), "--run-id", "first", code=code)


def test_a_look_without_a_fence_is_caught(postgres_server: postgres.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check sees the bug it is for: a COMMIT that lands after a run has said that nothing was published."""
    monkeypatch.setattr(Manifest, "outlaw", lambda self, version: None)
    monkeypatch.setattr(Postgres, "end_session", lambda self, session: None)
    with Prepared(postgres_server) as prepared, Proxy(postgres_server.url) as proxy:
        cutter = Cutter(prepared, proxy, Tally(CHECK, TITLE, "postgres"))
        cutter.play(Round(1, PLAIN[0], Plan(Cut.LATE, delay_s=1.5)))
    assert cutter.tally.wrong_reports, cutter.tally
