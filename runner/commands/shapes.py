"""Which columns the models that are to be built anew will have, found without a row: what a run would refuse is known then."""

from __future__ import annotations

from runner.algebra import rows
from runner.algebra.values import Extent, Staged, as_stored, staged
from runner.increment import stage
from runner.increment.catalogue.bind import Bound
from runner.increment.freeze import Frozen
from runner.increment.stage import Decision, Outcome
from runner.increment.work import Work
from runner.names import TableName


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
        select = rows.of_select(work.algebra, planned, stage.inputs(work, bound, frozen, upstream), None)
        table = work.algebra.scratch.new(number)
        work.make("plan:shape", table, f"select * from (\n{select}\n) runner_m where 1 = 0", model.model.layout)
        upstream[model.table] = staged(planned, Extent.ALL, stage.columns_of(work, planned))
        found.append(Outcome(upstream[model.table], True, decision.reasons.get(model.table, "")))
    return found
