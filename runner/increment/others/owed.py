"""The keys that a model owes, as they were noted: where their table was lost or is another, the model owes everything."""

from __future__ import annotations

from dataclasses import replace

from runner.increment.catalogue.bind import Bound
from runner.increment.stage import table_key
from runner.increment.work import Work
from runner.names import TableName
from runner.state.manifest import State


def settled(work: Work, state: State, bound: Bound) -> State:
    """The state, in which a model owes a full build if its table of owed keys is not what it was.

    Nothing is asked where no model owes keys.
    """
    lost = {}
    for number, model in enumerate(work.program.models):
        key = table_key(work, model)
        known = state.models.get(key)
        if known is None or known.owes != "keys" or bound.stored[model.table] is None:
            continue
        name = work.manifest.dirty_name(key, model.key_names, bound.planned(number, model, work.algebra).key_types)
        place = TableName((work.manifest.schema, name))
        if place not in work.warehouse.describe([place]) or known.owed_count != _count(work, name):
            lost[key] = replace(known, owes="all", owed_count=None)
    return replace(state, models={**state.models, **lost}) if lost else state


def _count(work: Work, name: str) -> int:
    return int(work.warehouse.execute("owed:count", f"select count(*) from {work.manifest.table(name)}").one()[0])
