"""Derived tables as others may have left them: what stands in the way of a publish."""

from __future__ import annotations

from runner.errors import Stopped
from runner.increment.bind import Bound
from runner.increment.work import Work
from runner.program.values import renamed


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
