"""A counterexample as a person reads it: the rows, run by run, what the increments made of them, and what the SELECT gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from runner.names import TableName
from runner.trial.values import Found, Kind, Row, Step, Values

WIDEST = 110  # characters of a line of rows
_WHAT = {
    Kind.KEY: "its increments do not give what its SELECT gives over all rows",
    Kind.ORDER: "its SELECT gives another answer, depending on the order in which rows are stored",
    Kind.CLOCK: "its SELECT gives another answer whenever it is asked",
    Kind.SAME: "its increments keep a value that is equal to the new one, but not the same",
    Kind.WRITES: "its increments delete or insert other rows than they recompute",
    Kind.COLUMNS: "its increments have other columns than its SELECT gives",
}
_OTHERS = (
    "an event changes rows of other keys than its own, or its key's rows need events of others: leave `key` out, which"
    " builds the whole table anew whenever something changed, or split it: a model by a finer key, and one without a key on it"
)
_HINT = {
    Kind.KEY: _OTHERS,
    Kind.ORDER: "rows tie: end the ORDER BY in a column that tells them apart, such as an id; sums of floats are to be rounded",
    Kind.CLOCK: "a model without a key may read the clock: leave `key` out; chance has to come from the events",
    Kind.SAME: "leave `key` out, or give values that are equal one spelling, by a cast or lower(…)",
    Kind.WRITES: _OTHERS,
    Kind.COLUMNS: "name the columns in the SELECT",
}


def what(found: Found, columns: Mapping[TableName, tuple[str, ...]], keys: Sequence[str]) -> str:
    """The finding with its rows, over several lines. `columns` are those of the inputs, `keys` what an event's key is."""
    difference = found.difference
    lines = [f"tried with made-up rows, {difference.table} fails: {_WHAT[difference.kind]}"]
    lines += [f"  the key of a row is {key}" for key in keys if difference.kind is Kind.KEY]
    lines += _rows(found, columns)
    names = ", ".join(difference.columns)
    if difference.kind is Kind.ORDER:
        ours, theirs = "stored one way, it gives", "stored the other way"
    else:
        ours, theirs = "the increments give", "the SELECT gives"
    if difference.columns:
        lines += [f"  {ours} ({names}):", *_shown(difference.increment), f"  {theirs}:", *_shown(difference.full)]
    return "\n".join(lines)


def hint(found: Found) -> str:
    """What to write instead; it keeps the meaning."""
    return _HINT[found.difference.kind]


def _rows(found: Found, columns: Mapping[TableName, tuple[str, ...]]) -> Iterator[str]:
    before: Mapping[TableName, Sequence[Row]] = {}
    for number, step in enumerate(found.history, 1):
        changes = list(_changes(step, before, columns))
        many = len(found.history) > 1
        if changes or many:
            yield f"  run {number}, with" if changes else f"  run {number}, with the same rows"
        yield from changes
        before = step.tables


def _changes(
    step: Step, before: Mapping[TableName, Sequence[Row]], columns: Mapping[TableName, tuple[str, ...]]
) -> Iterator[str]:
    for table, rows in step.tables.items():
        old = before.get(table, ())
        gone, new = [row for row in old if row not in rows], [row for row in rows if row not in old]
        if gone or new:
            yield f"    {table} ({', '.join(columns[table])})"[:WIDEST]
        yield from (f"    - {_tuple(row.values)}" for row in gone)
        yield from (f"    + {_tuple(row.values)}" for row in new)


def _shown(rows: Sequence[Values]) -> list[str]:
    return [f"    {_tuple(row)}" for row in rows] or ["    no such row"]


def _tuple(values: Values) -> str:
    text = "(" + ", ".join("null" if v is None else v if v.strip() else f"'{v}'" for v in values) + ")"
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"
