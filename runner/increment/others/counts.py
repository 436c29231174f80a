"""What a publish changes in a model's table: counted while it is staged, and compared with what was then done.

A trigger, a rule, a policy or another writer may do something else with a DELETE or an INSERT than it says. Nobody would
notice, and every later increment would build on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.algebra import changes
from runner.algebra.texts import Algebra
from runner.algebra.values import Staged
from runner.errors import Disturbed
from runner.warehouse.base import Warehouse


@dataclass(frozen=True)
class Counts:
    """Keys of a model (rows, where it has no key) that a run inserts, updates and deletes."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0


@dataclass(frozen=True)
class Rows:
    """Rows that are deleted and inserted; None: not known."""

    deleted: int | None = 0
    inserted: int | None = 0

    @property
    def added(self) -> int | None:
        """How many rows more the table has then."""
        return None if self.deleted is None or self.inserted is None else self.inserted - self.deleted


def of_rows(algebra: Algebra, warehouse: Warehouse, staged: Staged) -> tuple[Counts, Rows]:
    """What differs in a model that has no key, and is replaced whole: `key_count` rows."""
    sql = (
        "select sum(case when runner_now > runner_was then runner_now - runner_was else 0 end),"
        " sum(case when runner_was > runner_now then runner_was - runner_now else 0 end)"
        f" from {changes.counted(algebra, staged)}"
    )
    inserted, deleted = (int(n or 0) for n in warehouse.execute("stage:counts", sql).one())
    whole = Rows(staged.key_count - inserted + deleted, staged.key_count)
    return Counts(inserted=inserted, deleted=deleted), whole


def of_keys(algebra: Algebra, warehouse: Warehouse, staged: Staged) -> tuple[Counts, Rows]:
    """What differs in a keyed model of which some keys are replaced, or some rows where `unique` tells them apart."""
    finer, scratch = changes.finer(staged), algebra.scratch
    replaced = scratch.moved(staged.number) if finer else scratch.changed(staged.number)
    sql = (
        "select sum(case when runner_was = 0 then 1 else 0 end),"
        " sum(case when runner_was > 0 and runner_now > 0 then 1 else 0 end),"
        " sum(case when runner_now = 0 then 1 else 0 end),"
        f" (select sum(runner_was) from {replaced}), (select sum(runner_now) from {replaced})"
        f" from {scratch.changed(staged.number)}"
    )
    found = (int(n or 0) for n in warehouse.execute("stage:counts", sql).one())
    inserted, updated, deleted, was, now = found
    return Counts(inserted, updated, deleted), Rows(was, now)


def compare(staged: Staged, wanted: Rows, done: Rows) -> None:
    """Raises Disturbed if publish has deleted or inserted other rows than were staged.

    Where `unique` tells rows apart, others that are equal in it (NULL among its values) go and come with them.
    """
    pairs = ((wanted.deleted, done.deleted), (wanted.inserted, done.inserted))
    gone, come = (None if one is None or other is None else other - one for one, other in pairs)
    if changes.finer(staged) and gone == come and (gone or 0) >= 0:
        return
    if gone or come:
        words = [
            f"{count:,} rows were {verb}, and not {staged_count:,} as staged"
            for verb, (staged_count, count) in zip(("deleted", "inserted"), pairs, strict=True)
            if None not in (staged_count, count) and staged_count != count
        ]
        raise Disturbed(
            staged.compiled.table,
            f"{'; '.join(words)}: a trigger, a rule, a policy or another writer changed what this run did with the table",
            "look what is on the table and who writes it, take that away, and run it again",
        )
