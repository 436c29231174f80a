"""Checks on what a run has staged, before it is published."""

from __future__ import annotations

from collections.abc import Sequence

from runner.algebra import changes
from runner.errors import Stopped
from runner.increment.stage import Outcome
from runner.increment.work import Work


def check(work: Work, outcomes: Sequence[Outcome]) -> None:
    """`unique` on the state after publish, and row-level checks on what is new. Raises Stopped."""
    for outcome in outcomes:
        if not outcome.writes:
            continue
        staged = outcome.staged
        model = staged.compiled.model
        for expression in model.checks:
            bad = work.warehouse.execute("check:row", changes.failing(work.algebra, staged, expression.text)).one()[0]
            if bad:
                what = f"{expression.place}: {model.table}: {bad:,} rows for which {expression.text} is not true"
                raise Stopped(what, "mend the model or its check")
        if not model.unique:
            continue
        rows = work.warehouse.execute("check:unique", changes.duplicates(work.algebra, staged)).rows
        if rows:
            shown = ", ".join(str(value) for value in rows[0][:-1])
            what = f"{model.place}: {model.table}: {', '.join(model.unique)} is not unique: {shown} would stand {rows[0][-1]} times"
            raise Stopped(what, "look at the model's joins, or take unique: out")
