"""The playbook's own SQL fragments: filled with its variables and ported to the target's dialect.

Once, before anything reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from runner.errors import BadInput, Place, Problem
from runner.playbook.values import Affected, Expression, KeyColumn, MergeColumn, Model, Playbook, Source
from runner.porting import portable
from runner.porting.transpile import check_dialects, transpile_expression
from runner.sql.templates import render

Fill = Callable[[Expression], Expression]


def filled(playbook: Playbook, problems: list[Problem]) -> Playbook:
    """The playbook with variables filled into its batch, dedupe, order, key, merge and check expressions."""
    values = {variable.name: variable.value for variable in playbook.variables}

    def fill(expression: Expression) -> Expression:
        try:
            return replace(expression, text=render(expression.text, values, expression.place))
        except BadInput as error:
            problems.extend(Problem(expression.place, problem.what, problem.hint) for problem in error.problems)
            return expression

    return mapped(playbook, fill)


def ported(playbook: Playbook, engine: str, dialect: str, problems: list[Problem]) -> Playbook:
    """The playbook with its SQL fragments in the target's dialect; what the target does not have is a problem.

    Raises BadInput where nothing is known of the playbook's dialect.
    """
    read, known = playbook.dialect or dialect, frozenset(playbook.functions)
    check_dialects(read, dialect, Place(playbook.path))

    def port(expression: Expression) -> Expression:
        try:
            text = transpile_expression(expression.text, read, dialect, expression.place, known)
        except BadInput as error:
            problems.extend(error.problems)
            return expression
        problems.extend(portable.check_expression(text, engine, expression.place, known))
        return replace(expression, text=text)

    return mapped(playbook, port)


def mapped(playbook: Playbook, fill: Fill) -> Playbook:
    """The playbook with every SQL fragment replaced by what `fill` makes of it."""
    steps = tuple(replace(step, models=tuple(_model(model, fill) for model in step.models)) for step in playbook.steps)
    return replace(playbook, steps=steps, sources=tuple(_source(source, fill) for source in playbook.sources))


def _source(source: Source, fill: Fill) -> Source:
    return replace(
        source,
        batch=fill(source.batch),
        dedupe=tuple(map(fill, source.dedupe)),
        order_by=tuple(map(fill, source.order_by)),
        keys=tuple(map(fill, source.keys)),
    )


def _model(model: Model, fill: Fill) -> Model:
    def text(sql: str) -> str:
        return fill(Expression(sql, model.place)).text

    def key(column: KeyColumn) -> KeyColumn:
        own = fill(column.expression) if column.expression else None
        return replace(column, expression=own, per_input=tuple((t, fill(e)) for t, e in column.per_input))

    def merge(column: MergeColumn) -> MergeColumn:
        return replace(column, of=text(column.of), by=tuple(map(text, column.by)))

    def affected(part: Affected) -> Affected:
        return replace(part, keys=text(part.keys), rows=text(part.rows) if part.rows else None)

    return replace(
        model,
        key=tuple(map(key, model.key)),
        merge=tuple(map(merge, model.merge)),
        checks=tuple(map(fill, model.checks)),
        affected=tuple(map(affected, model.affected)),
    )
