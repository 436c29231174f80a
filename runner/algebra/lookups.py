"""Rows of a look-up with a key: those that the last run saw otherwise, how many they are, and values of the key that stand twice."""

from __future__ import annotations

from runner.algebra import changes
from runner.algebra.texts import Algebra, as_ks, condition
from runner.algebra.values import TrackedLookup
from runner.warehouse.values import Column


def columns_of_key(lookup: TrackedLookup) -> tuple[Column, ...]:
    """The key's columns."""
    by_name = {column.name: column for column in lookup.columns}
    return tuple(by_name[name] for name in lookup.key)


def differing(algebra: Algebra, lookup: TrackedLookup, count: int) -> str:
    """Old and new rows that differ, as multisets; a row of nulls alone besides where the state's table does not hold
    the `count` of rows that it should: what the last run saw is not known then.
    """
    shown = [*algebra.shown(lookup.shared), *changes.COUNTS]
    found = changes.differing(algebra, lookup.shared, shown, lookup.was or "", lookup.rows)
    nothing = ", ".join("null" for _ in shown)
    return f"{found}\nunion all\nselect {nothing} where (select count(*) from {lookup.was}) <> {count}"


def summary(algebra: Algebra, lookup: TrackedLookup) -> str:
    """(added, changed, gone, without a key, rows of the state's table) of the rows that differ.

    Rows without a key are told apart by nothing: as many came as changed, up to how many went.
    """
    known = {column.name for column in lookup.shared}
    keys = algebra.quoted(lookup.key) if known.issuperset(lookup.key) else []
    groups = f" group by {', '.join(keys)}" if keys else ""
    has_null = " or ".join(f"{key} is null" for key in keys)
    alone = f"max(case when {has_null} then 1 else 0 end)" if keys else "0"
    by_key = (
        f"select {alone} as runner_alone, sum({_more('runner_was', 'runner_now')}) as runner_was,"
        f" sum({_more('runner_now', 'runner_was')}) as runner_now"
        f" from {lookup.differing}{groups}"
    )
    return (
        f"select sum({_more('runner_now', 'runner_was')}),"
        " sum(case when runner_now < runner_was then runner_now else runner_was end),"
        f" sum({_more('runner_was', 'runner_now')}),"
        f" sum(runner_alone), (select count(*) from {lookup.was}) from ({by_key}) runner_k"
    )


def _more(one: str, other: str) -> str:
    return f"case when {one} > {other} then {one} - {other} else 0 end"


def duplicates(algebra: Algebra, lookup: TrackedLookup) -> str:
    """Values of the key that stand more than once, as texts, and how often: of rows that are new where that is known.

    A row without a value in a column of the key is no copy of another.
    """
    keys = algebra.quoted(lookup.key)
    conditions = [f"{key} is not null" for key in keys]
    if lookup.was_checked:
        new = condition([*conditions, "runner_now > runner_was"])
        conditions.append(algebra.is_in(keys, f"(select {as_ks(keys)} from {lookup.differing}{new}) runner_n"))
    texts = [algebra.engine.text_of(algebra.engine.quote(c.name), c.type) for c in columns_of_key(lookup)]
    return (
        f"select {', '.join(texts)}, count(*) from {lookup.rows}{condition(conditions)}"
        f" group by {', '.join(keys)} having count(*) > 1 order by {', '.join(keys)} limit 5"
    )


def moved(algebra: Algebra, lookup: TrackedLookup) -> str:
    """Whether a row of the state's table has a key of which rows differ."""
    keys = algebra.quoted(lookup.key)
    return algebra.is_in(keys, f"(select {as_ks(keys)} from {lookup.differing}) runner_n")
