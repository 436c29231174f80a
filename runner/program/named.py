"""The columns that a playbook names of a model's inputs in its key: whether an input has them, and what to write if not.

`key: day` means a column day of every input that is read by key. A SELECT that makes day of something else
(`ts::date as day`) wants `key: {day: "ts::date"}`, and one that takes it from a look-up wants another cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlglot import exp
from sqlglot.errors import SqlglotError

from runner.errors import Problem, did_you_mean
from runner.names import TableName
from runner.playbook.values import KeyColumn
from runner.program.values import CompiledModel, NamedColumn
from runner.sql.spelling import columns_in, normalise

IMPLIED = frozenset({"rowid", "ctid", "filename", "file_row_number", "file_index"})  # columns that no catalogue lists


def of_key(compiled: CompiledModel, tree: exp.Query, dialect: str) -> tuple[NamedColumn, ...]:
    """What the model's key reads of each of its inputs, with what to write where an input lacks it."""
    return tuple(_named(compiled, tree, dialect)) if not compiled.affected else ()


def _named(compiled: CompiledModel, tree: exp.Query, dialect: str) -> Iterator[NamedColumn]:
    for table in (*compiled.sources, *compiled.models):
        for column in compiled.model.key:
            text = column.over(table)
            try:
                names = columns_in(normalise(text, dialect, table), dialect)
            except SqlglotError:  # it was reported
                continue
            hint = _written(column, tree, dialect)
            yield from (NamedColumn(table, text, name, hint) for name in sorted(names - IMPLIED - {table.table}))


def missing(compiled: CompiledModel, table: TableName, columns: Iterable[str]) -> Iterator[Problem]:
    """What the model's key reads of a table that has these columns, and is none of them."""
    known = {name.lower() for name in columns}
    for named in compiled.named:
        if named.table == table and named.name not in known:
            what = f"{compiled.table}: {table} has no column {named.name}, which its key {named.key} reads"
            cut = (
                f"build a model by a key that {table} has, with {named.name} joined in, and group that one by"
                f" {named.name} in a second model; or leave key: out"
            )
            yield Problem(compiled.model.place, what, named.hint or did_you_mean(named.name, known, cut, cutoff=0.8))


def _written(column: KeyColumn, tree: exp.Query, dialect: str) -> str:
    """The key as the SELECT makes it: an expression of that name over other columns of a row; '' if there is none."""
    if column.expression or column.per_input:
        return ""
    for alias in tree.find_all(exp.Alias):
        value = alias.this
        columns = {one.name.lower() for one in value.find_all(exp.Column)}
        if alias.alias.lower() != column.name.lower() or not columns or column.name.lower() in columns:
            continue
        if isinstance(value, exp.Column) or value.find(exp.AggFunc, exp.Window, exp.Query):
            return ""
        return f"""write key: {{{column.name}: "{_text(value, dialect)}"}}"""
    return ""


def _text(value: exp.Expr, dialect: str) -> str:
    """An expression over a row, without the names of tables."""
    plain = value.copy()
    for column in plain.find_all(exp.Column):
        for part in ("table", "db", "catalog"):
            column.set(part, None)
    return plain.sql(dialect=dialect, comments=False).replace('"', '\\"')
