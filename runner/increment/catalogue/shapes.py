"""Which columns the models that are to be built anew will have, found without a row: what a run would refuse is known then."""

from __future__ import annotations

from dataclasses import replace

from runner.algebra import rows
from runner.algebra.values import Extent, Inputs, Staged, as_stored, staged
from runner.increment.catalogue.bind import Bound
from runner.increment.freeze import Frozen
from runner.increment.stage import Decision, Outcome
from runner.increment.work import Work
from runner.names import TableName
from runner.warehouse.values import types_of


def empty(work: Work, bound: Bound, frozen: Frozen, decision: Decision) -> list[Outcome]:
    """The models that have to be built in full, and those that read them, as tables of scratch without rows.

    Nothing is done where no table is there whose columns could change.
    """
    if all(bound.stored[table] is None for table in decision.reasons):
        return []
    upstream: dict[TableName, Staged] = {}
    made = set[TableName]()
    found = []
    for number, model in enumerate(work.program.models):
        planned = bound.planned(number, model, work.algebra)
        upstream[model.table] = as_stored(planned)
        reads_new = not made.isdisjoint(model.models)
        if model.table not in decision.reasons and not (reads_new and model.table in work.taken):
            continue
        made.add(model.table)
        tracked = {lookup.table: lookup for lookup in frozen.lookups}
        inputs = Inputs(
            frozen.sources, upstream, lookups=bound.lookup_rows, tracked=tracked, instant=work.request.started
        )
        select = rows.of_select(work.algebra, planned, inputs, None)
        table = work.algebra.scratch.new(number)
        work.make("plan:shape", table, f"select * from (\n{select}\n) runner_m where 1 = 0", model.model.layout)
        stored, holds = types_of(planned.stored_columns), work.warehouse.engine.holds
        columns = tuple(
            replace(c, type=kept) if holds(kept := stored.get(c.name.lower(), ""), c.type) else c
            for c in work.warehouse.columns_of(table)
        )
        upstream[model.table] = staged(planned, Extent.ALL, columns)
        found.append(Outcome(upstream[model.table], True, decision.reasons.get(model.table, "")))
    return found
