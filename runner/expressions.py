"""The playbook's own SQL fragments are templates too: fill its variables into them once, before anything reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from runner.errors import BadInput, Problem
from runner.playbook import Affected, Expression, KeyColumn, MergeColumn, Model, Playbook, Source
from runner.sqltext import render

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
