"""What differs between a model's stored and its new rows, and the statements that publish it."""

from __future__ import annotations

from collections.abc import Sequence

from runner.algebra import rows
from runner.algebra.texts import Algebra, as_ks, condition, ks
from runner.algebra.values import Extent, Staged
from runner.warehouse.values import Column, types_of

COUNTS = ("sum(runner_was) as runner_was", "sum(runner_now) as runner_now")


def old_rows(algebra: Algebra, staged: Staged, columns: Sequence[str]) -> str:
    """Stored rows that this run may replace."""
    select = f"select {', '.join(algebra.quoted(columns))} from {staged.table}"
    if staged.extent is Extent.ALL:
        return f"{select} where {_not_frozen(algebra, staged)}" if staged.has_frozen else select
    names, affected = algebra.quoted(staged.compiled.key_names), algebra.scratch.affected(staged.number)
    found = f"{select} where {algebra.is_in(names, affected, types=staged.key_types)}"
    if len(names) == 1 and staged.has_null:
        return f"{found} union all {select} where {algebra.is_null(names[0], affected)}"
    return found


def _not_frozen(algebra: Algebra, staged: Staged) -> str:
    """True for rows of keys that do not stay as they are."""
    names = algebra.quoted(staged.compiled.key_names)
    return algebra.not_in(names, algebra.scratch.frozen_of(staged.number), staged.key_types, has_null=True)


def diff(algebra: Algebra, staged: Staged) -> str:
    """Old and new rows that differ, compared as multisets: `group by` all columns, never EXCEPT."""
    return _diff(algebra, staged, COUNTS if _counts_fit(algebra, staged) else ())


def counted(algebra: Algebra, staged: Staged) -> str:
    """What stands after FROM for rows that differ, with their counts: the table, if it has room for them."""
    if _counts_fit(algebra, staged):
        return algebra.scratch.diff(staged.number)
    return f"({_diff(algebra, staged, COUNTS)}) runner_d"


def _diff(algebra: Algebra, staged: Staged, counts: Sequence[str]) -> str:
    common = staged.common
    old = old_rows(algebra, staged, [column.name for column in common])
    shown = [*algebra.shown(common), *counts]
    return differing(algebra, common, shown, f"({old}) runner_o", algebra.scratch.new(staged.number))


def _counts_fit(algebra: Algebra, staged: Staged) -> bool:
    """Whether a table has room for the counts beside the columns."""
    most = algebra.engine.most_columns
    return most is None or len(staged.common) + len(COUNTS) <= most


def differing(
    algebra: Algebra, columns: Sequence[Column], shown: Sequence[str], was: str, now: str, where: str = ""
) -> str:
    """What is `shown` of rows that stand in `was` and in `now` in different numbers."""
    listed, groups = algebra.listed(columns), ", ".join(algebra.grouped(columns))
    both = (
        f"select {listed}, 1 as runner_was, 0 as runner_now from {was}{where}\nunion all\n"
        f"select {listed}, 0 as runner_was, 1 as runner_now from {now}{where}"
    )
    return (
        f"select {', '.join(shown)} from (\n{both}\n) runner_u"
        f" group by {groups} having sum(runner_was) <> sum(runner_now)"
    )


def changed(algebra: Algebra, staged: Staged) -> str:
    """Keys whose rows differ, with how many rows they had before and have now."""
    key = as_ks(algebra.quoted(staged.compiled.key_names))
    names = ks(len(staged.compiled.key_names))
    old = old_rows(algebra, staged, staged.compiled.key_names)
    return (
        f"with runner_differing as (select distinct {key} from {algebra.scratch.diff(staged.number)})"
        f" select {', '.join(names)}, sum(runner_was) as runner_was, sum(runner_now) as runner_now from ("
        f"select {key}, 1 as runner_was, 0 as runner_now from ({old}) runner_o"
        f" union all select {key}, 0 as runner_was, 1 as runner_now from {algebra.scratch.new(staged.number)}) runner_u"
        f" where {algebra.is_in(names, 'runner_differing', types=staged.key_types, has_null=staged.has_null)} group by {', '.join(names)}"
    )


def finer(staged: Staged) -> tuple[str, ...]:
    """`unique` columns that tell the rows of a key apart: then only rows that differ are replaced, not whole keys.

    They hold the key, so all rows that they name belong to keys that are staged as a whole.
    """
    key, unique = (
        {name.lower() for name in names} for names in (staged.compiled.key_names, staged.compiled.model.unique)
    )
    return staged.compiled.model.unique if key and key < unique and staged.extent is Extent.KEYS else ()


def moved(algebra: Algebra, staged: Staged) -> str:
    """The values of `finer` in rows that differ, with how many such rows there were before and are now."""
    names = finer(staged)
    return (
        f"select {as_ks(algebra.quoted(names))}, sum(runner_was) as runner_was, sum(runner_now) as runner_now"
        f" from {counted(algebra, staged)} group by {', '.join(algebra.quoted(names))}"
    )


def publish(algebra: Algebra, staged: Staged) -> list[tuple[str, str]]:
    """(what, statement): replace the rows that differ, those of the keys that differ, or all rows."""
    columns = algebra.listed(staged.columns)
    insert = f"insert into {staged.table} ({columns}) select {columns} from {algebra.scratch.new(staged.number)}"
    if staged.extent is Extent.ALL:
        where = f" where {_not_frozen(algebra, staged)}" if staged.has_frozen else ""
        return [("delete", f"delete from {staged.table}{where}"), ("insert", insert)]
    unique = finer(staged)
    names = unique or staged.compiled.key_names
    keys = algebra.scratch.moved(staged.number) if unique else algebra.scratch.changed(staged.number)
    types = types_of(staged.columns)
    quoted = algebra.quoted(names)
    differs = algebra.is_in(quoted, keys, types=[types.get(name.lower(), "") for name in names])
    found = [("delete", f"delete from {staged.table} where {differs}"), ("insert", f"{insert} where {differs}")]
    if len(names) == 1 and staged.has_null:
        null = algebra.is_null(quoted[0], keys)
        found += [("delete", f"delete from {staged.table} where {null}"), ("insert", f"{insert} where {null}")]
    return found


def duplicates(algebra: Algebra, staged: Staged, *, nulls: bool = False, whole: bool = False) -> str:
    """Values of the model's `unique` columns that would stand twice after publish; nulls are equal only if asked.

    Where `unique` holds the whole key, two such rows have one key, and all rows of a recomputed key are staged: the
    others were looked at before, unless the `whole` table is asked for.
    """
    names = list(staged.compiled.model.unique)
    types = types_of(staged.columns)
    texts = [algebra.engine.text_of(algebra.engine.quote(name), types.get(name.lower(), "")) for name in names]
    listed = ", ".join(algebra.quoted(names))
    table = algebra.scratch.new(staged.number)
    key = {name.lower() for name in staged.compiled.key_names}
    if whole or not key or not key <= {name.lower() for name in names}:
        table = rows.of_model(algebra, staged, tuple(Column(name, "") for name in names), lambda _: rows.ALL)
    known = condition([] if nulls else [f"{name} is not null" for name in algebra.quoted(names)])
    return (
        f"select {', '.join(texts)}, count(*) as runner_copies from {table} runner_u{known}"
        f" group by {listed} having count(*) > 1 limit 5"
    )


def failing(algebra: Algebra, staged: Staged, check: str) -> str:
    """The number of staged rows for which a row-level check is not true."""
    return f"select count(*) from {algebra.scratch.new(staged.number)} where not coalesce(({check}), false)"
