"""What a snapshot reads holds still: it is what was bound, from the first statement to the last.

A snapshot alone does not see to that. Where TRUNCATE and ALTER are no part of it, a table that a loader fills anew is
empty to a snapshot that began before; and names, parts and files may be others than at its instant. So tables are held
before anything is read, bound once more, and looked at again when all has been read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from runner.errors import Locked, RunnerError
from runner.increment.others.ddl import is_locked
from runner.names import TableName
from runner.warehouse.base import Warehouse
from runner.warehouse.values import Relation, WarehouseError


@dataclass(frozen=True)
class Held:
    """What a snapshot reads, as the catalogue had it when it began."""

    warehouse: Warehouse
    label: str
    relations: Mapping[TableName, Relation]

    def check(self) -> None:
        """Within the snapshot, once all is read. Raises Locked where others have exchanged something meanwhile."""
        if moved := self.warehouse.moved(f"{self.label}:moved", self.relations.values()):
            raise _moved(moved)

    def check_names(self) -> None:
        """After the snapshot, where a statement failed in it: it may have met another table. Raises Locked."""
        known = {name: relation for name, relation in self.relations.items() if relation.identity}
        now = self.warehouse.describe(known)
        others = (
            name for name, relation in known.items() if name not in now or now[name].identity != relation.identity
        )
        if moved := tuple(map(str, others)):
            raise _moved(moved)


@contextmanager
def snapshot(warehouse: Warehouse, relations: Mapping[TableName, Relation], label: str) -> Iterator[Held]:
    """One snapshot, in which what was bound stands. Raises Locked where it does not, or others keep it to themselves."""
    held: Held | None = None
    try:
        with warehouse.snapshot(label):
            held = _hold(warehouse, relations, label)
            try:
                yield held
            except WarehouseError:
                raise
            except RunnerError:  # it may have judged by what was not there
                held.check()
                raise
    except WarehouseError as error:
        if held is None and is_locked(error):
            raise _in_use(warehouse, relations, error) from None
        if held is not None and not is_locked(error):
            held.check_names()
        raise


def _hold(warehouse: Warehouse, relations: Mapping[TableName, Relation], label: str) -> Held:
    now = warehouse.hold(f"{label}:hold", relations.values())
    others = [str(name) for name, relation in relations.items() if name not in now or _differ(relation, now[name])]
    if others:
        raise Locked(f"{', '.join(others)}: altered by another session while this one began", "run it again")
    return Held(warehouse, label, now)


def _differ(one: Relation, other: Relation) -> bool:
    columns = ([(c.name, c.type, c.sense, c.nullable) for c in relation.columns] for relation in (one, other))
    return next(columns) != next(columns) or one.definition != other.definition


def _in_use(warehouse: Warehouse, names: Iterable[TableName], error: WarehouseError) -> Locked:
    """Who keeps a table to himself: he was waited for as long as a session waits for locks."""
    held = {name: warehouse.holders(warehouse.engine.table(name), alone=True) for name in names}
    told = "; ".join(f"{name} is kept by {', '.join(who)}" for name, who in held.items() if who)
    return Locked(f"{error.label}: {told or error.what}", "wait for that session or end it, and run it again")


def _moved(tables: Iterable[str]) -> Locked:
    what = f"{', '.join(tables)}: reloaded, altered or exchanged by another session while it was read"
    return Locked(what, "run it again; docs/engines.md says how a loader keeps out of the way")
