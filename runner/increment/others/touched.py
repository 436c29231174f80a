"""Derived tables as others may have left them: what stands in a publish's way, and rows that came or went.

The publish notes how many rows a table has then, in the same transaction. A run, `plan` and `status` compare: where a
count reads no rows, always; elsewhere where the catalogue hints that something was done to the table. Rows that were
changed in place are not noticed here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from runner import actions
from runner.algebra.values import Extent, Staged
from runner.errors import Stopped
from runner.increment.catalogue.bind import Bound
from runner.increment.others.counts import Rows
from runner.increment.stage import table_key
from runner.increment.work import Work
from runner.names import TableName
from runner.program.values import renamed
from runner.state.manifest import ModelState, State
from runner.warehouse.values import Trace


@dataclass(frozen=True)
class TouchedTable:
    """A table in which rows came or went that no run has published."""

    table: str
    published: int
    """Rows that the last run left."""
    found: int

    def __str__(self) -> str:
        return (
            f"{self.table}: {self.published:,} rows were published and {self.found:,} are there: others have written it"
        )


def check_hooks(work: Work, bound: Bound) -> None:
    """Raises Stopped where something on a table would change, hide or refuse the rows that a publish writes."""
    warehouse = work.warehouse
    whats, mends = [], []
    for table, relation in bound.stored.items():
        if relation is None or not relation.hooked or table not in work.taken:
            continue
        for hook in warehouse.hooks(renamed(work.program.playbook, table)):
            whats.append(f"{table}: {hook.what}")
            mends.append(hook.mend)
    if whats:
        raise Stopped("\n".join(whats), "; ".join(dict.fromkeys(mends)))


def check_rows(work: Work, state: State, bound: Bound) -> State:
    """The state with what is known now of the tables. Raises Stopped for those that others have written.

    One that this run is asked to build in full is mended by that.
    """
    if str(state.last_run).startswith(f"{work.request.run_id}."):
        return state  # a part of --chunk, a moment ago: counters do not tell of it yet
    counted = _count(work, state, bound)
    if wrong := _touched(work, state, counted):
        one = next(iter(wrong)) if len(wrong) == 1 else None
        raise Stopped("\n".join(map(str, wrong.values())), actions.FullRefresh(one))
    models = dict(state.models)
    for table, found in counted.items():
        key, relation = table_key(work, work.program.model(table)), bound.stored[table]
        known = models[key].trace
        trace = replace(relation.trace if relation else Trace(), row_count=found)
        models[key] = replace(models[key], trace=trace)
        hinted = not work.warehouse.engine.counts_at_once  # where rows are always counted nothing else is looked at
        if hinted and trace != known and found == known.row_count:
            work.manifest.write_trace(key, trace)
    return replace(state, models=models)


def look(work: Work, state: State, bound: Bound) -> tuple[TouchedTable, ...]:
    """Tables that others have written, for commands that only read."""
    found = tuple(_touched(work, state, _count(work, state, bound)).values())
    return found if found and work.manifest.version() == state.version else ()  # else: a run has, meanwhile


def _touched(work: Work, state: State, counted: dict[TableName, int]) -> dict[TableName, TouchedTable]:
    """Those that the run is not asked to build in full anyway."""
    found = {}
    for table, count in counted.items():
        published = state.models[table_key(work, work.program.model(table))].trace.row_count
        if published is not None and published != count and not work.request.refreshes(table):
            found[table] = TouchedTable(str(table), published, count)
    return found


def _count(work: Work, state: State, bound: Bound) -> dict[TableName, int]:
    """The rows of those tables that may have been touched; they are counted in one statement."""
    suspects = []
    for model in work.program.models:
        relation, known = bound.stored[model.table], state.models.get(table_key(work, model))
        if relation is None or known is None or model.table not in work.taken:
            continue
        if work.warehouse.engine.counts_at_once or _hints(relation.trace, known.trace):
            suspects.append(model.table)
    if not suspects:
        return {}
    counts = (f"select {n}, count(*) from {work.algebra.physical(table)}" for n, table in enumerate(suspects))
    rows = work.warehouse.execute("freeze:rows", " union all ".join(counts)).rows
    return {suspects[int(number)]: int(count) for number, count in rows}


def _hints(now: Trace, known: Trace) -> bool:
    """Whether the catalogue tells of something that the runner has not done."""
    pairs = ((now.row_count, known.row_count), (now.storage, known.storage), (now.changes, known.changes))
    return known.row_count is not None and any(one is not None and one != other for one, other in pairs)


def traced(staged: Staged, known: ModelState | None, done: Rows) -> Trace:
    """How the table has to look after a publish that has deleted and inserted so many rows."""
    was = known.trace if known else Trace()
    if staged.stored is None:
        was = Trace(row_count=0, changes=0)
    elif was.row_count is None and staged.extent is Extent.ALL and not staged.has_frozen:
        was = replace(was, row_count=done.deleted)
    changes = None if done.deleted is None or done.inserted is None else done.deleted + done.inserted
    return replace(was, row_count=_sum(was.row_count, done.added), changes=_sum(was.changes, changes))


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
