"""Lives of many parts: quiet weeks, late events, first and last values and extremes that days without events decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.doors.semantic import model as semantic_model
from tests.doors.semantic.oracle import Row
from tests.doors.semantic.world import DAY, START, World
from tests.kit.arena import first_seed

LOADED = START + DAY * 200  # later than any event, or they came from the future
# Beside the model's own: what days without events decide, and what parts cannot tell, so that a life is one part.
IN_PARTS = """
  least: {data_type: NUMBER, lifetime_property: {source_property: revenue, merge_function: min}}
  most: {data_type: NUMBER, lifetime_property: {source_property: revenue, merge_function: max}}
  odd: {data_type: INTEGER, computed_property: {select: 'IF({logins} = 0, 7, {logins})'}}
  oddest: {data_type: INTEGER, lifetime_property: {source_computed_property: odd, merge_function: max}}
  tiny: {data_type: INTEGER, lifetime_property: {source_computed_property: odd, merge_function: min}}
  before: {data_type: NUMBER, sliding_window_property: {source_property: revenue_lifetime, window_function: min, relative_days_from: -3, relative_days_to: -1}}
  best_then: {data_type: NUMBER, fixed_window_property: {source_property: best, window_function: max, date_from: 2026-01-20, date_to: 2026-03-01}}
  mean_then: {data_type: NUMBER, fixed_window_property: {source_property: best, window_function: avg, date_from: 2026-01-20, date_to: 2026-03-01}}
  times_then: {data_type: INTEGER, fixed_window_property: {source_property: best, window_function: count, date_from: 2026-01-20, date_to: 2026-03-01}}
"""
# Names that helper columns might have been given.
NAMES = """
  first: {data_type: NUMBER, lifetime_property: {source_property: revenue, merge_function: first_value}}
  days: {data_type: NUMBER, lifetime_property: {source_property: best, merge_function: last_value}}
  before_days: {data_type: NUMBER, sliding_window_property: {source_property: days, window_function: max, relative_days_from: -3, relative_days_to: 0}}
  count_of_most: {data_type: NUMBER, lifetime_property: {source_property: best, merge_function: max}}
  most: {data_type: INTEGER, fixed_window_property: {source_property: best, window_function: count, date_from: 2026-01-20, date_to: 2026-03-01}}
  begin: {data_type: NUMBER, lifetime_property: {source_property: best, merge_function: first_value}}
  end_1: {data_type: NUMBER, sliding_window_property: {source_property: best, window_function: max, relative_days_from: -3, relative_days_to: 0}}
"""
IN_ONE = """
  latest: {data_type: NUMBER, lifetime_property: {source_property: revenue, merge_function: last_value}}
  peak_ever: {data_type: INTEGER, lifetime_property: {source_property: days_active, merge_function: max}}
"""


@pytest.fixture(name="world")
def world_fixture(warehouse_url: str, tmp_path: Path) -> Iterator[World]:
    """Empty tables and the model beside them."""
    made = World(warehouse_url, tmp_path / "model")
    yield made
    made.close()


def events(rng: Random, batch: int, days: list[int]) -> list[Row]:
    """Logins and payments of four users on some days."""
    found = []
    for number, day in enumerate(days):
        kind = rng.choice(("login", "payment"))
        time = START + DAY * day + timedelta(minutes=rng.randrange(1440))
        paid = Decimal(rng.choice((-4, 2, 7))) if kind == "payment" else None
        country, product = (rng.choice(("DE", "FR")), None) if kind == "login" else (None, rng.choice("ab"))
        user = f"u{rng.randrange(4)}"
        found.append(Row(kind, f"{batch}-{number}", user, time, LOADED + DAY * batch, country, paid, product))
    return found


def values(world: World, names: str) -> dict[tuple[str, date], tuple[Any, ...]]:
    """Some properties of every user on every date."""
    rows = world.db.rows(f"select user_id, date, {names} from sl.v_totals")
    return {(user, day): tuple(rest) for user, day, *rest in rows}


def by_hand(rows: Iterable[Row]) -> dict[tuple[str, date], tuple[Any, ...]]:
    """The same from the events alone, the newest version of each, day by day."""
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(400)]
    paid: dict[tuple[str, date], Decimal] = {}
    best: dict[tuple[str, date], Decimal] = {}
    logins: dict[tuple[str, date], int] = {}
    seen: dict[str, date] = {}
    counted = {(row.kind == "login", row.event_id): row for row in sorted(rows, key=lambda row: row.etl)}.values()
    for row in counted:
        assert row.user_id and row.time
        at = (row.user_id, row.time.date())
        seen[at[0]] = min(at[1], seen.get(at[0], at[1]))
        if row.kind == "login":
            logins[at] = logins.get(at, 0) + 1
        elif row.revenue is not None:
            paid[at] = paid.get(at, Decimal(0)) + row.revenue
            best[at] = max(best.get(at, row.revenue), row.revenue)
    last = max(row.time.date() for row in counted if row.time)
    then = [day for day in days if date(2026, 1, 20) <= day <= date(2026, 3, 1)]
    found = {}
    for user, first in seen.items():
        life = [day for day in days if first <= day <= last]
        sums = [paid.get((user, day), Decimal(0)) for day in life]
        odd = [logins.get((user, day), 0) or 7 for day in life]
        totals = [sum(sums[: n + 1], Decimal(0)) for n in range(len(life))]
        bests = [best[user, day] for day in then if (user, day) in best]
        for n, day in enumerate(life):
            window = totals[max(0, n - 3) : n]
            found[user, day] = (
                *(min(sums[: n + 1]), max(sums[: n + 1]), max(odd[: n + 1]), min(odd[: n + 1])),
                min(window) if window else None,
                *((max(bests), round(sum(bests) / len(bests), 4), len(bests)) if bests else (None, None, 0)),
            )
    return found


def test_lives_of_many_parts(world: World) -> None:
    """After quiet weeks, late events and corrections, every value is what the events say, whatever it was carried over;
    where nothing can be carried, a life is one part, and the values are the same.
    """
    rng = Random(first_seed())
    listed = "least, most, oddest, tiny, before, best_then, mean_then, times_then"
    world.write(properties__all_yml=semantic_model.PROPERTIES.rstrip() + IN_PARTS)
    world.load(*events(rng, 1, [rng.randrange(60) for _ in range(25)]))
    world.run("apply")
    batches = ([70, 71, 110], [rng.randrange(30, 60) for _ in range(3)], [5, 150], [150, 151, 152, 158, 159, 160])
    for number, days in enumerate(batches, 2):
        world.load(*events(rng, number, days))
        if number == 4:  # and an event that moves to another user and month
            old = next(row for row in world.rows if row.etl == LOADED + DAY)
            moved = replace(old, user_id="u0", time=START + DAY * 131, etl=LOADED + DAY * 4)
            world.load(moved)
        world.run("update")
        assert values(world, listed) == by_hand(world.rows), f"batch {number}, seed {first_seed()}"
    parts = world.db.rows("select user_id, count(*) from sl.user_parts group by user_id")
    assert all(count > 3 for _, count in parts), parts
    world.check()
    assert "every row compared equals" in world.run("verify").out
    before = values(world, listed)
    world.write(properties__all_yml=semantic_model.PROPERTIES.rstrip() + IN_PARTS + IN_ONE.lstrip("\n"))
    world.run("apply")
    assert set(world.db.rows("select count(*) from sl.user_parts group by user_id")) == {(1,)}
    assert values(world, listed) == before
    world.check()


def test_a_late_event_reaches_all_of_the_next_part(world: World) -> None:
    """What comes in the first days of a part counts in all days of the next one, which lays that part out again."""
    world.write(properties__all_yml=semantic_model.PROPERTIES.rstrip() + IN_PARTS)
    login = Row("login", "l", "u1", START, LOADED + DAY, "DE")
    world.load(*(replace(login, event_id=f"l{day}", time=START + DAY * day) for day in range(0, 40, 4)))
    world.run("apply")
    for batch, day in enumerate((15, 23, 7), 2):  # each the first day of a part
        paid = Row("payment", f"p{batch}", "u1", START + DAY * day, LOADED + DAY * batch, None, Decimal(batch), "a")
        world.load(paid)
        world.run("update")
        assert "every row compared equals" in world.run("verify").out
    world.check(kpis=("daily_revenue",))


def test_a_property_may_have_any_name(world: World) -> None:
    """Helper columns of the generated SQL are called as no property can be."""
    rng = Random(first_seed())
    world.write(properties__all_yml=semantic_model.PROPERTIES.rstrip() + NAMES)
    world.load(*events(rng, 1, [rng.randrange(60) for _ in range(25)]))
    world.run("apply")
    world.load(*events(rng, 2, [70, 5, 31]))
    world.run("update")
    assert "every row compared equals" in world.run("verify").out
