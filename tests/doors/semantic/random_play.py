"""Random semantic models, each over an upstream that does everything, beside the oracle that lays out dense days.

`python -m tests.doors.semantic.random_play --models 100 [--engine postgres]` is the soak; a failure names its seed.
"""

from __future__ import annotations

import argparse
import io
import re
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from random import Random

from runner.cli.app import main as command
from tests.doors.semantic.oracle import Row
from tests.doors.semantic.random_models import Formula, Get, Kpi, Model, model_of
from tests.doors.semantic.random_oracle import RandomOracle, last_versions
from tests.doors.semantic.world import World, same
from tests.engines import postgres
from tests.kit.tally import Tally

AMOUNTS = [Decimal(text) for text in ("0", "0.5", "1", "1.25", "2.5", "3", "4.0001", "5", "8", "-2.5")]


@dataclass
class RandomWorld(World):
    """The upstream of world.py with other amounts, over a random model."""

    model: Model = field(default_factory=lambda: Model(frozenset(), frozenset()))

    def row(self, rng: Random, day: int, etl: object) -> Row:
        """A new event, whose amount may be a half, or less than nothing."""
        row = super().row(rng, day, etl)  # type: ignore[arg-type]
        return row if row.revenue is None else replace(row, revenue=rng.choice(AMOUNTS))

    def refused(self) -> tuple[str, ...]:
        """The codes of the errors that `validate` finds in the model."""
        out, err = io.StringIO(), io.StringIO()
        code = command(["config", "validate", str(self.folder)], out=out, err=err)
        text = out.getvalue() + err.getvalue()
        assert code in (0, 2), text
        return tuple(sorted(set(re.findall(r"\bE\d\d\b", text)))) or ("?",) if code else ()

    def compare(self, only: str = "") -> None:
        """Every property of every user on every date, and every KPI over every axis and group; or one KPI alone."""
        oracle = RandomOracle(self.model, last_versions(self.rows))
        if not only:
            self._compare_users(oracle)
        for kpi in self.model.kpis.values():
            for name, one in unfolded(kpi):
                if only in ("", name):
                    self._compare_kpi(oracle, name, one)

    def _compare_users(self, oracle: RandomOracle) -> None:
        names = [one.name for one in self.model.shown()]
        columns = ", ".join(f'"{name}"' for name in names)
        found = {
            (user, day): rest for user, day, *rest in self.db.rows(f"select user_id, date, {columns} from sl.v_totals")
        }
        assert set(found) == set(oracle.grid()), f"users and dates: {set(found) ^ set(oracle.grid())}"
        for (user, day), values in found.items():
            for name, value in zip(names, values, strict=True):
                wanted = oracle.value(name, user, day)
                assert same(value, wanted), f"{name} of {user} on {day}: {value!r}, not {wanted!r}"

    def _compare_kpi(self, oracle: RandomOracle, name: str, kpi: Kpi) -> None:
        groups = [
            "",
            *(
                one.name
                for one in self.model.shown()
                if one.group and one.name not in ("registration_date", "cohort_day")
            ),
        ]
        for axis in (["date"] if kpi.on_date else []) + (["cohort_day"] if kpi.cohort else []):
            view = f"sl.v_kpi_{name}{'_cohort' if axis == 'cohort_day' else ''}"
            rows = self.db.rows(f'select {axis}, dimension, value, "{name}" from {view}')
            found = {(place, by, value): kpi_value for place, by, value, kpi_value in rows}
            assert len(found) == len(rows), f"{view}: a place and group twice"
            expected = {
                (place, by, group): oracle.kpi(kpi, cells)
                for by in groups
                for (place, group), cells in oracle.over(axis, by).items()
            }
            for key, wanted in expected.items():
                if key[1] and key not in found and not wanted:
                    continue  # nothing counts there
                assert same(found.get(key), wanted), f"{name} over {axis} {key}: {found.get(key)!r}, not {wanted!r}"
            for key, value in found.items():
                assert key in expected or not value, f"{name} over {axis} {key}: {value!r} where nobody is"


def unfolded(kpi: Kpi) -> Iterator[tuple[str, Kpi]]:
    """A KPI by its name, or those of a template: each with its day as another condition."""
    if not kpi.template:
        yield kpi.name, kpi
    for day in kpi.template:
        yield kpi.name.replace("{}", str(day)), replace(kpi, where=_aged(kpi.where, day))


def _aged(where: Formula | None, day: int) -> Formula:
    def value(get: Get) -> bool:
        return get("cohort_day") == day and (where is None or bool(where.value(get)))

    return Formula("", value)


def play(url: str, folder: Path, seed: int, steps: int = 4) -> tuple[str, ...]:
    """A model of a seed through its commands; gives the codes of a refusal, if it was one."""
    rng, model = Random(seed), model_of(seed)
    world = RandomWorld(url, folder, changes=model.files(), model=model)
    said: list[str] = []
    try:
        if codes := world.refused():
            return codes
        for _ in range(rng.randint(1, 3)):
            world._batch(rng)
        world.run("apply")
        world.remember()
        world.compare()
        for _ in range(steps):
            said = [world.step(rng) for _ in range(rng.randint(1, 3))]
            world.reveal(rng)
            _command(world, rng, said)
            world.remember()
            world.compare()
        said = ["verify"]
        verified = world.run("verify")
        assert "every row compared equals" in verified.out, verified.text
    except AssertionError as error:
        raise AssertionError(f"seed {seed}, {said}: {error}") from error
    finally:
        world.close()
    return ()


def _command(world: RandomWorld, rng: Random, said: list[str]) -> None:
    """update, or a part of it first, or a rewind before it."""
    what = rng.choice(("update", "update", "kpi", "rewind", "exchange"))
    said.append(what)
    if what == "kpi":
        kpi = rng.choice(list(world.model.kpis.values()))
        name, _ = next(unfolded(kpi))
        said.append(name)
        world.run("update", "--kpi", name)
        world.compare(name)
    elif what == "rewind":
        world.run("rewind", "--from", "2026-01-02", "--to", "2026-01-05")
    elif what == "exchange":
        world.run("update")
        days = world.exchange(rng)
        if days:
            world.run("rewind", "--from", str(days[0]), "--to", str(days[1]))
    world.run("update")


@contextmanager
def _warehouse(engine: str, folder: str) -> Iterator[str]:
    """A warehouse of its own."""
    if engine == "duckdb":
        yield f"duckdb:///{folder}/w.duckdb"
    else:
        with postgres.server() as server, postgres.database(server, "random_model") as url:
            yield url


@dataclass
class Found:
    """What the models of some seeds came to."""

    models: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def played(models: int, seed: int, engine: str = "duckdb", *, loud: bool = False) -> Found:
    """So many models from a seed."""
    found = Found()
    for number in range(seed, seed + models):
        found.models += 1
        began, before = time.monotonic(), len(found.wrong) + len(found.broken)
        with tempfile.TemporaryDirectory() as folder, _warehouse(engine, folder) as url:
            try:
                codes = play(url, Path(folder) / "model", number)
                if codes:
                    found.refused[" ".join(codes)] += 1
            except AssertionError as error:
                found.wrong.append(str(error)[:1500])
            except Exception:
                found.broken.append(f"seed {number}: {traceback.format_exc()[-1500:]}")
        if loud:
            news = (*found.wrong, *found.broken)[before:]
            print(f"{number}: {time.monotonic() - began:.1f} s", *news, flush=True)
    return found


def soak(size: int, seed: int, engine: str = "duckdb") -> list[Tally]:
    """Check 26: so many models; more than one refusal in ten is a wrong report, for refused models test nothing."""
    found = played(size, seed, engine)
    refused = sum(found.refused.values())
    notes = (*found.wrong, *found.broken, *(f"refused {codes}: {count}" for codes, count in found.refused.items()))
    few = refused <= max(1, size // 10)
    return [Tally(26, "random models", engine, size, 0, len(found.wrong), int(not few), len(found.broken),
                  seeds=f"{seed}-{seed + size - 1}", notes=notes)]  # fmt: skip


def soak_postgres(size: int, seed: int) -> list[Tally]:
    """The same on Postgres."""
    return soak(size, seed, "postgres")


def main() -> None:
    """Play models; say of each that is wrong its seed and what differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", choices=("duckdb", "postgres"), default="duckdb")
    a = parser.parse_args()
    found = played(a.models, a.seed, a.engine, loud=True)
    print(f"{found.models} models, {len(found.wrong)} wrong, {len(found.broken)} broken, refused {dict(found.refused)}")


if __name__ == "__main__":
    main()
