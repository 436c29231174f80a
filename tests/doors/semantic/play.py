"""Random schedules over a semantic model: what happens upstream, and every command that changes the tables.

After each update everything is what the oracle says; at the end `verify` and a full rebuild find nothing to mend.
`python -m tests.doors.semantic.play --steps 600` is the soak.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.doors.semantic import model as semantic_model
from tests.doors.semantic.world import KPI_NAMES, World

# What a config may change to and back: a window, a formula, a group, a condition, a new property and KPI.
CONFIGS: tuple[dict[str, str], ...] = (
    {},
    {"properties/all.yml": semantic_model.PROPERTIES.replace("wau: {data_type: INTEGER, sliding_window_property: {source_property: dau_active, window_function: max, relative_days_from: -4", "wau: {data_type: INTEGER, sliding_window_property: {source_property: dau_active, window_function: max, relative_days_from: -6")},
    {"properties/all.yml": semantic_model.PROPERTIES.replace("payer: {data_type: INTEGER, event_property: {source_event: payment, select: 1,", "payer: {data_type: INTEGER, event_property: {source_event: payment, select: 1, where: '{revenue} > 4',")},
    {"kpis/all.yml": semantic_model.KPIS.replace("SUM({property.revenue})'", "SUM({property.revenue}) * 100'")},
    {"properties/all.yml": semantic_model.PROPERTIES.replace("last_country: {data_type: STRING, can_group_by: true,", "last_country: {data_type: STRING,")},
)  # fmt: skip


@dataclass
class Play:
    """One schedule."""

    world: World
    rng: Random
    said: list[str] = field(default_factory=list)
    owing: bool = False
    changed: bool = False

    def begin(self) -> None:
        """Two batches, applied."""
        self.world._batch(self.rng)
        self.world._batch(self.rng)
        self.world.run("apply", *(["--from", "2026-01-02", "--to", "2026-01-02"] if self.rng.random() < 0.3 else []))
        self.world.run("update")
        self.world.remember()
        self.world.check()

    def step(self) -> None:
        """Something happens, then a command, then the comparison."""
        world, rng = self.world, self.rng
        self.said = [world.step(rng) for _ in range(rng.randint(1, 3))]
        world.reveal(rng)
        command = rng.choice(("update",) * 5 + ("kpi", "kpi", "event", "rewind", "exchange", "refresh", "config"))
        self.said.append(command)
        getattr(self, f"_{command}")()
        world.remember()
        if not self.owing and not self.changed:
            world.check()

    def end(self) -> None:
        """Back to the first configuration, all caught up; nothing that is stored is found to be wrong."""
        self._settle()
        self.world.check()
        said = self.world.run("verify")
        assert "every row compared equals" in said.out, said.text

    def _settle(self) -> None:
        if self.changed:
            self.world.changes.clear()
            self.world.write()
            self.world.run("apply")
            self.changed = False
        self.world.run("update")
        self.owing = False

    def _update(self) -> None:
        self._settle()

    def _kpi(self) -> None:
        """One KPI alone is right at once; the others wait."""
        name = self.rng.choice(KPI_NAMES)
        if self.changed:
            return self._settle()
        self.world.run("update", "--kpi", name)
        self.owing = True
        self.world.check((name,), users=name == "countries")

    def _event(self) -> None:
        if self.changed:
            return self._settle()
        self.world.run("update", "--event", self.rng.choice(("login", "payment")))
        self.owing = True

    def _rewind(self) -> None:
        self._settle()
        self.world.run("rewind", "--from", "2026-01-03", "--to", "2026-01-06")
        self.world.run("update")

    def _exchange(self) -> None:
        """Rows change in place, which only a rewind of a day that they had or have can tell."""
        self._settle()
        days = self.world.exchange(self.rng)
        if days:
            self.world.run("rewind", "--from", str(days[0]), "--to", str(days[1]))
        self._settle()

    def _refresh(self) -> None:
        self._settle()
        said = self.world.run("refresh").out
        assert not [line for line in said.splitlines() if "~" in line and "+0 ~0 -0" not in line], said

    def _config(self) -> None:
        """The configuration changes, is applied, and may change back before or after the next batches."""
        now = dict(self.world.changes)
        self.world.changes.clear()
        self.world.write()
        self.world.changes |= self.rng.choice([config for config in CONFIGS[1:] if config != now])
        self.world.write()
        self.world.run("update", code=6)
        self.world.run("apply")
        self.changed = True


def play(url: str, folder: Path, seed: int, steps: int) -> None:
    """A schedule of a seed. A failure names the seed and the step."""
    world = World(url, folder)
    played = Play(world, Random(seed))
    try:
        played.begin()
        for number in range(steps):
            try:
                played.step()
            except AssertionError as error:
                raise AssertionError(f"seed {seed}, step {number} {played.said}: {error}") from error
        try:
            played.end()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, at the end after {played.said}: {error}") from error
    finally:
        world.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--each", type=int, default=20, help="steps of one schedule")
    parser.add_argument("--seed", type=int, default=1000)
    a = parser.parse_args()
    failed = 0
    for seed in range(a.seed, a.seed + -(-a.steps // a.each)):
        with tempfile.TemporaryDirectory() as folder:
            try:
                play(f"duckdb:///{folder}/w.duckdb", Path(folder) / "model", seed, a.each)
            except AssertionError as error:
                failed += 1
                print(str(error)[:2000], flush=True)
    print(f"{a.steps} steps from seed {a.seed}, {failed} schedules with differences")


if __name__ == "__main__":
    main()
