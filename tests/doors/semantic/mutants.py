"""Naive ways to keep a semantic model up to date: each takes one thought out of the real one, and must be caught."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from runner.algebra import keys
from runner.algebra.texts import Algebra
from runner.doors.semantic.commands import rewind
from runner.doors.semantic.compile.event_tables import EventTables
from runner.doors.semantic.compile.kpi_tables import KpiTable
from runner.doors.semantic.compile.life import Life
from runner.doors.semantic.compile.playbook import _Builder
from runner.playbook.values import Affected
from runner.state.manifest import Manifest

Patch = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Mutant:
    """A mistake, and the seed whose schedule catches it."""

    name: str
    seed: int
    apply: Patch
    steps: int = 8


def _affected(change: Callable[[KpiTable, tuple[Affected, ...]], tuple[Affected, ...]]) -> Patch:
    """Other dates that a change reaches."""
    real = KpiTable.affected
    return lambda: patch.object(KpiTable, "affected", lambda self: change(self, real(self)))


def _no_dates(affected: Affected) -> Affected:
    return replace(affected, keys=f"select date from ({affected.keys}) runner_none where 1 = 0")


def _no_clock(table: KpiTable, found: tuple[Affected, ...]) -> tuple[Affected, ...]:
    """Dates that come without an event of their own have no rows."""
    return tuple(_no_dates(a) if a.input == table.names.calendar else a for a in found)


def _event_day_only(table: KpiTable, found: tuple[Affected, ...]) -> tuple[Affected, ...]:
    """What a user's windows are on other days is not looked at."""
    return tuple(_no_dates(a) if a.input == table.names.spans else a for a in found)


def _first_day_only(table: KpiTable, found: tuple[Affected, ...]) -> tuple[Affected, ...]:
    """A lifetime value is mended on the day it changed, and not on those after it."""
    return tuple(
        replace(a, keys=a.keys.replace("k.date >= h.valid_from and k.date < h.valid_to", "k.date = h.valid_from"))
        for a in found
    )


def _new_cohort_only(table: KpiTable, found: tuple[Affected, ...]) -> tuple[Affected, ...]:
    """Only where a user is now is looked at, not where he was."""
    return tuple(
        replace(a, keys=a.keys.replace(" changed ", " (select * from changed where runner_now > 0) ")) for a in found
    )


def _new_rows_only() -> AbstractContextManager[Any]:
    """Keys of new rows only: the user and day that a corrected event had are forgotten."""
    real = keys.of_diff

    def of_diff(algebra: Algebra, compiled: Any, upstream: Any, upstreams: Any) -> str:
        text = real(algebra, compiled, upstream, upstreams)
        name = algebra.scratch.diff(upstream.number)
        return text.replace(f"from {name}", f"from (select * from {name} where runner_now > runner_was)")

    return patch.object(keys, "of_diff", of_diff)


def _least_registration() -> AbstractContextManager[Any]:
    """A registration may only move to an earlier day: rows that went are not looked at."""
    real = keys.of_diff

    def of_diff(algebra: Algebra, compiled: Any, upstream: Any, upstreams: Any) -> str:
        text = real(algebra, compiled, upstream, upstreams)
        if compiled.table.table != "registrations":
            return text
        name = algebra.scratch.diff(upstream.number)
        return text.replace(f"from {name}", f"from (select * from {name} where runner_now > runner_was)")

    return patch.object(keys, "of_diff", of_diff)


def _no_dirty() -> AbstractContextManager[Any]:
    """What is left out of an update is taken to be up to date."""
    real = Manifest.account_model

    def forgets(manifest: Manifest, table: str, owes: str, run_id: str, dirty: str) -> None:
        real(manifest, table, "", run_id, dirty)

    return patch.object(Manifest, "account_model", forgets)


def _rewind_what_is_there() -> AbstractContextManager[Any]:
    """A rewind finds the batches whose events are in the range now, not those whose events were."""
    real = rewind._within
    never = lambda day, days: "1 = 0" if day == "event_date" else real(day, days)  # noqa: E731
    return patch.object(rewind, "_within", never)


def _any_version() -> AbstractContextManager[Any]:
    """Of several versions of an event the first that came counts."""
    real = _Builder.sources
    return patch.object(_Builder, "sources", lambda self: tuple(replace(s, order_by=()) for s in real(self)))


def _versions_apart() -> AbstractContextManager[Any]:
    """Versions of an event are rows of their own."""
    return patch.object(EventTables, "has_versions", lambda self, event: False)


def _no_reach() -> AbstractContextManager[Any]:
    """A window ends with the last event: nobody ever leaves it."""
    return patch.object(Life, "reach", lambda self: -1)


def _future_counts() -> AbstractContextManager[Any]:
    """An event with a bad clock moves the horizon."""
    real = EventTables.events
    return patch.object(
        EventTables,
        "events",
        lambda self, event: real(self, event).replace("interval '86400 seconds'", "interval '99 years'"),
    )


MUTANTS = (
    Mutant("new rows only", 5, _new_rows_only, 1),
    Mutant("no clock", 2, _affected(_no_clock), 1),
    Mutant("event day only", 3, _affected(_event_day_only), 1),
    Mutant("lifetime on the changed day only", 18, _affected(_first_day_only), 1),
    Mutant("new cohort only", 9, _affected(_new_cohort_only), 1),
    Mutant("least(old, new) registration", 14, _least_registration, 1),
    Mutant("no dirty keys", 6, _no_dirty, 1),
    Mutant("rewind what is there", 4, _rewind_what_is_there),
    Mutant("any version", 2, _any_version),
    Mutant("versions apart", 1, _versions_apart),
    Mutant("no reach", 1, _no_reach),
    Mutant("the future counts", 3, _future_counts),
)
