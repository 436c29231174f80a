"""Made-up histories: what the tables hold, step by step, so that every way in which rows come and go is met once.

A small first build, then steps of one row or a few, often in one table only: an increment that touches every key would
hide what goes wrong in the others.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from runner.names import TableName
from runner.trial.looks import Look
from runner.trial.pools import LIKE, TWINS, Type, is_time, late, pool, type_of
from runner.trial.traits import Traits
from runner.trial.values import Row, Step
from runner.warehouse.grounds.base import Ground, Shape
from runner.warehouse.values import Column

FIRST_BATCHES, NEW, MOVED, NONE = (1, 2, 3), 4, 5, 9
VANISHED = 2
"""Numbers of batches: those of the first build, of new rows, of rows that moved, and of rows without an etl_tstamp."""
OUT_OF = {"stream": 12, "other": 6}  # rows of the first build


@dataclass(frozen=True)
class _Kept:
    """A row that a table holds now; look-ups have batch 0."""

    batch: int
    row: Row


@dataclass(frozen=True)
class _Slot:
    """A column that rows get a value for."""

    column: Column
    name: str  # in lower case
    type: Type
    values: tuple[str | None, ...]
    late: tuple[str, ...]
    required: bool


@dataclass
class History:
    """Makes the steps of one round; the same traits give the same steps."""

    traits: Traits
    shapes: Sequence[Shape]
    ground: Ground
    dialect: str
    flavour: int = 0  # what texts look like, where the SQL does not tell
    _now: dict[TableName, list[_Kept]] = field(default_factory=dict)
    _steps: list[Step] = field(default_factory=list)
    _numbers: int = 0

    def __post_init__(self) -> None:
        self._dice = random.Random(self.traits.seed)  # noqa: S311 - made-up rows
        self._slots = {shape.name: [self._slot(shape, c) for c in shape.columns] for shape in self.shapes}

    def _slot(self, shape: Shape, column: Column) -> _Slot:
        name, type_ = column.name.lower(), type_of(column.type, self.dialect)
        required = name in shape.required
        look = self.traits.looks.get(name, Look(self.flavour % len(Look)))
        values = pool(type_, self.traits.constants.get(name, ()), self.traits.json_keys, self.ground, look)
        usable = tuple(v for v in values if v is not None or not required)
        return _Slot(column, name, type_, usable, late(type_, look), required)

    @property
    def _streams(self) -> list[TableName]:
        return [shape.name for shape in self.shapes if shape.name in self.traits.streams]

    @property
    def _others(self) -> list[TableName]:
        return [shape.name for shape in self.shapes if shape.name not in self.traits.streams]

    @property
    def _keyed(self) -> list[TableName]:
        """Look-ups whose rows that differ may reach few keys: they change together with streams, too."""
        return [table for table in self._others if table in self.traits.alone]

    def steps(self) -> tuple[Step, ...]:
        """All steps, from the first build on."""
        self._first()
        self._new_batch()
        if not self.traits.keeps:
            self._moves()
        self._grown()
        if not self.traits.keeps:
            for table in self._streams:
                self._now[table] = [kept for kept in self._now[table] if kept.batch != VANISHED]
            self._step("a batch vanished")
        if changing := [table for table in self._others if table not in self.traits.still]:
            self._change(changing)
            self._step("look-ups changed")
        self._step("nothing new")
        return tuple(self._steps)

    def _step(self, name: str) -> None:
        self._steps.append(Step(name, {t: tuple(kept.row for kept in rows) for t, rows in self._now.items()}))

    # -- the steps ---------------------------------------------------------------------------------------------------

    def _first(self) -> None:
        names = [shape.name for shape in self.shapes]
        empty = self._dice.choice(names) if self._dice.random() < 0.15 else None
        for table in names:
            is_stream = table in self.traits.streams
            batches = FIRST_BATCHES if is_stream else (0,)
            self._now[table] = []
            for _ in range(0 if table == empty else OUT_OF["stream" if is_stream else "other"]):
                self._add(table, self._dice.choice(batches))
        for table in names:
            if self._now[table]:
                self._put(table, 1, self._row_of_nothing(table))
        for table in self._streams:
            for kept in self._sample(table, 6):
                self._now[table].append(_Kept(kept.batch, self._near(table, kept.batch, kept.row)))
        for table in self._streams if self.traits.ids else ():
            for kept in self._sample(table, 4):
                self._add(table, self._dice.choice(FIRST_BATCHES), kept.row, 0.7)
        self._step("first build")

    def _new_batch(self) -> None:
        """Rows, copies of ids with other content, one beyond all others or one that is equal to the newest."""
        for table in self._touched():
            for kept in self._sample(table, 1):
                self._add(table, NEW, kept.row, 0.7)
            if self._dice.random() < 0.6:
                self._now[table].append(_Kept(NEW, self._latest(table, NEW)))
            elif self._now[table]:
                self._now[table].append(_Kept(NEW, self._twin(table, NEW, self._newest(table))))
        self._change(self._keyed)
        self._step("a new batch")

    def _moves(self) -> None:
        """Rows leave their batch and come again with other attributes."""
        for table in self._touched():
            self._exchange(table, MOVED, share=0.7)
            if self._now[table]:
                self._now[table].append(_Kept(MOVED, self._twin(table, MOVED, self._newest(table))))
        self._change(self._keyed)
        self._step("rows moved")

    def _grown(self) -> None:
        for table in self._touched():
            lone = self._dice.random() < 0.3 and not any(
                s.required for s in self._slots[table] if self._is_batch(table, s)
            )
            self._add(table, NONE if lone else 1)
        self._step("a batch grew")

    def _change(self, tables: Sequence[TableName]) -> None:
        for table in tables:
            self._exchange(table, 0, share=0.5)
            self._add(table, 0)

    def _exchange(self, table: TableName, batch: int, share: float) -> None:
        for kept in self._sample(table, 1):
            self._now[table].remove(kept)
            self._add(table, batch, kept.row, share)

    def _touched(self) -> list[TableName]:
        """The streams that a step changes: often one of several, so that few keys are affected."""
        streams = self._streams
        return [self._dice.choice(streams)] if len(streams) > 1 and self._dice.random() < 0.6 else streams

    def _sample(self, table: TableName, count: int) -> list[_Kept]:
        return self._dice.sample(self._now[table], min(len(self._now[table]), count))

    # -- rows --------------------------------------------------------------------------------------------------------

    def _add(self, table: TableName, batch: int, like: Row | None = None, share: float = 0.5) -> None:
        self._put(table, batch, self._row(table, batch, like, share))

    def _put(self, table: TableName, batch: int, row: Row) -> None:
        """Add a row, unless another one has its key where the playbook declares that none has."""
        key = self._key(table, row)
        if not key or None in key or all(self._key(table, kept.row) != key for kept in self._now[table]):
            self._now[table].append(_Kept(batch, row))

    def _key(self, table: TableName, row: Row) -> tuple[str | None, ...]:
        """What tells a row of a look-up apart; of values that may be equal one stands for all."""
        names = self.traits.alone.get(table, frozenset())
        return tuple(
            value and LIKE.get(value, value).lower()
            for slot, value in zip(self._slots[table], row.values, strict=True)
            if slot.name in names
        )

    def _numbered(self, values: Sequence[str | None]) -> Row:
        self._numbers += 1
        return Row(self._numbers, tuple(values))

    def _row(self, table: TableName, batch: int, like: Row | None = None, share: float = 0.5) -> Row:
        """A new row; `like`: a copy of that row's id with other content, of which `share` stays."""
        self._numbers += 1
        values = [
            self._value(table, slot, batch, like.values[at] if like else None, share if like else 0)
            for at, slot in enumerate(self._slots[table])
        ]
        return Row(self._numbers, tuple(values))

    def _value(self, table: TableName, slot: _Slot, batch: int, like: str | None, share: float) -> str | None:
        dice = self._dice
        if self._is_batch(table, slot):
            return self._tstamp(slot, batch)
        if self._is_id(table, slot):
            return like if share else self._id(slot)
        if batch > max(FIRST_BATCHES) and share < 1 and slot.late and dice.random() < 0.3:
            return dice.choice(slot.late)
        if share and dice.random() < share:
            return like
        return dice.choice(slot.values) if slot.values else None

    def _id(self, slot: _Slot) -> str | None:
        if not slot.required and not self.traits.all_known and self._dice.random() < 0.08:
            return None  # a row without an id is a copy of no other
        return f"00000000-0000-0000-0000-{self._numbers:012}" if slot.type.this.name == "UUID" else str(self._numbers)

    @staticmethod
    def _tstamp(slot: _Slot, batch: int) -> str | None:
        if batch == NONE:
            return None
        return f"2024-03-01 {batch:02}:00:00" if slot.type.this.name != "DATE" else f"2024-03-{batch + 1:02}"

    def _row_of_nothing(self, table: TableName) -> Row:
        """Null wherever nothing else has to be."""
        row = self._row(table, 1)
        values = [
            value if self._is_batch(table, slot) or self._is_id(table, slot) or slot.required else None
            for slot, value in zip(self._slots[table], row.values, strict=True)
        ]
        return self._numbered(values)

    def _near(self, table: TableName, batch: int, like: Row) -> Row:
        """Another event that is alike in all columns but one: a tie, whatever an order looks at."""
        row = self._row(table, batch)
        same = [at for at, slot in enumerate(self._slots[table]) if not self._is_own(table, slot)]
        other = self._dice.choice(same) if same else -1
        return self._numbered([like.values[at] if at in same and at != other else v for at, v in enumerate(row.values)])

    def _latest(self, table: TableName, batch: int) -> Row:
        """An event beyond all others in everything but its key: what is counted or compared over all keys moves."""
        row = self._row(table, batch)
        values = [
            value if self._is_own(table, slot) or slot.name in self.traits.keyed or not slot.late else slot.late[0]
            for slot, value in zip(self._slots[table], row.values, strict=True)
        ]
        return self._numbered(values)

    def _newest(self, table: TableName) -> Row:
        """One of the rows, mostly one with the greatest time: what "the last value" is taken from."""
        slots = self._slots[table]
        times = [at for at, slot in enumerate(slots) if is_time(slot.type) and not self._is_batch(table, slot)]
        some = [kept.row for kept in self._sample(table, 4)]
        if times and self._dice.random() < 0.7:
            return max(some, key=lambda row: row.values[times[0]] or "")
        return some[0]

    def _twin(self, table: TableName, batch: int, like: Row) -> Row:
        """The same row in another batch, some values exchanged for ones that are equal to them, or nearly so.

        Either one column of the key, or one time, or all that is neither; as a copy of its id, or as another event.
        """
        slots, dice = self._slots[table], self._dice
        row = self._row(table, batch, like, 1.0)
        values = list(row.values)
        if dice.random() < 0.5:  # another event, and a later one
            values = [self._id(slot) if self._is_id(table, slot) else v for slot, v in zip(slots, values, strict=True)]
        able = [at for at, v in enumerate(values) if v in TWINS and not self._is_own(table, slots[at])]
        keyed = [at for at in able if slots[at].name in self.traits.keyed]
        times = [at for at in able if is_time(slots[at].type)]
        rest = [at for at in able if at not in keyed and at not in times]
        one_each = (dice.sample(keyed, min(1, len(keyed))), dice.sample(times, min(1, len(times))))
        ways = [way for way in (*one_each, rest, rest) if way]
        chosen = dice.choice(ways) if ways else []
        return self._numbered([TWINS[v or ""] if at in chosen else v for at, v in enumerate(values)])

    # -- columns -----------------------------------------------------------------------------------------------------

    def _is_batch(self, table: TableName, slot: _Slot) -> bool:
        return slot.name in self.traits.batch and table in self.traits.streams

    def _is_id(self, table: TableName, slot: _Slot) -> bool:
        return slot.name in self.traits.ids and table in self.traits.streams

    def _is_own(self, table: TableName, slot: _Slot) -> bool:
        return self._is_batch(table, slot) or self._is_id(table, slot)


def fewer(step: Step, gone: frozenset[int]) -> Step:
    """The step without some rows."""
    return Step(step.name, {t: tuple(r for r in rows if r.number not in gone) for t, rows in step.tables.items()})
