"""What the SQL fragments and names of a playbook must be, as far as it is known before anything is connected.

A fragment becomes a part of the runner's own statements: it is one expression, whatever its variables hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from sqlglot import exp
from sqlglot.errors import SqlglotError

from runner.errors import Place, Problem, show
from runner.names import TableName
from runner.playbook.values import Expression, Model, Playbook
from runner.program.values import renamed
from runner.sql import parser
from runner.sql.select import Select
from runner.sql.volatile import volatile
from runner.warehouse.engines import ENGINES

ROW = "write a column, or an expression over the columns of one row"


def check(playbook: Playbook, engine: str, dialect: str) -> list[Problem]:
    """All that is wrong with the fragments of sources and models, and with names."""
    found = [*_names(playbook, engine)]
    for source in playbook.sources:
        for expression in (source.batch, *source.dedupe, *source.order_by, *source.keys):
            if problem := _of_a_row(expression, dialect):
                found.append(problem)
    for model in playbook.models:
        found += _fragments(model, dialect)
        found += _functions(model, engine, dialect)
    return found


def _names(playbook: Playbook, engine: str) -> Iterator[Problem]:
    """Names that the engine would cut off: two tables could become one."""
    limit = ENGINES[engine].name_bytes
    if not limit:
        return
    names = [(renamed(playbook, one.table), one.place) for one in playbook.owned]
    names += [(source.table, source.place) for source in playbook.sources]
    names += [(TableName((playbook.state_schema,)), Place(playbook.path))]
    for table, place in names:
        for part in table.parts:
            if len(part.encode()) > limit:
                what = f"the name {show(part)} is longer than the {limit} bytes that {engine} keeps of a name"
                yield Problem(place, what, "give it a shorter one")


def _of_a_row(expression: Expression, dialect: str) -> Problem | None:
    """A source's expressions are row-level: no subquery, no aggregate, nothing that changes from run to run."""
    shown = show(expression.text)
    try:
        tree = parser.expression(expression.text, dialect)
    except SqlglotError as error:
        hint = "write one SQL expression over a row of the source"
        return Problem(expression.place, f"{shown} cannot be read as SQL: {str(error).splitlines()[0]}", hint)
    for refused, why in (
        (exp.Query, "a subquery"),
        (exp.AggFunc, "an aggregate"),
        (exp.Window, "a window"),
    ):
        if tree.find(refused):
            return Problem(expression.place, f"{shown} is {why}; it must depend on its own row only", ROW)
    return _moving(tree, expression.place, dialect)


def _moving(tree: exp.Expr, place: Place, dialect: str) -> Problem | None:
    """An expression with another answer on the next run: rows would change their batch, their key or their rank."""
    for answer in (volatile(node, dialect) for node in tree.walk()):
        if answer is not None:
            return Problem(place, answer[0], answer[1])
    return None


def _fragments(model: Model, dialect: str) -> Iterator[Problem]:
    parts = [(check, "check") for check in model.checks]
    for column in model.key:
        parts += [(e, "key") for e in (column.expression, *(e for _, e in column.per_input)) if e]
    for fold in model.merge:
        parts += [(Expression(text, fold.place), "merge") for text in (fold.of, *fold.by) if text]
    for part, what in parts:
        place = part.place if part.place.path else model.place
        try:
            tree = parser.expression(part.text, dialect)
        except SqlglotError as error:
            said = f"the {what} {show(part.text)} of {model.table} cannot be read as SQL: {str(error).splitlines()[0]}"
            yield Problem(place, said, "write one SQL expression, without comments and semicolons")
            continue
        if what == "key" and (problem := _moving(tree, place, dialect)):
            yield problem


def _functions(model: Model, engine: str, dialect: str) -> Iterator[Problem]:
    """Keys whose bare name is a function: each row would be under the same key."""
    for column in model.key:
        if column.expression or column.per_input:
            continue
        with suppress(SqlglotError):  # such a name is quoted in the SELECT, and reported there if it is not
            tree = parser.expression(column.name, dialect)
            if isinstance(tree, exp.Func) or column.name.lower() in ENGINES[engine].bare_functions:
                what = f"the key {column.name} of {model.table} is a function if it is not quoted"
                yield Problem(model.place, what, f"""key: {{{column.name}: '"{column.name}"'}}""")


def too_long(select: Select, engine: str) -> list[Problem]:
    """Output columns whose names the engine would cut off."""
    limit = ENGINES[engine].name_bytes
    hint = "give it a shorter name: … as name"
    return [
        Problem(
            select.place,
            f"the column {show(name)} is longer than the {limit} bytes that {engine} keeps of a name",
            hint,
        )
        for name in select.outputs
        if limit and len(name.encode()) > limit
    ]
