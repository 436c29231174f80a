"""The judge: the user's text over all rows, untouched, under its own names, in a catalogue where copies are gone.

It shares no SQL with what it judges: no splice, no narrowing, no keys, no survivors of the runner's, no comparison.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from runner.comparison.plain import Edit, plain_text
from runner.increment.work import NEVER
from runner.names import TableName
from runner.playbook.values import Source
from runner.program.values import CompiledModel
from runner.sql.select import Select
from runner.trial.pools import is_inexact, is_ordered, type_of
from runner.trial.values import Row, Step, Subject, Values, rounded
from runner.warehouse.base import Warehouse
from runner.warehouse.grounds.base import Ground, Shape
from runner.warehouse.values import Column, WarehouseError

AS_MADE, BACKWARDS = 0, 1
"""Orders in which rows are written; other numbers shuffle them."""
GIVEN = "trial_given"  # what tables are called that hold of both sides, to be compared by =


def fill(warehouse: Warehouse, shapes: Sequence[Shape], step: Step, order: int) -> None:
    """Write what the tables hold. Raises WarehouseError where the engine does not take the rows."""
    parts = []
    for shape in shapes:
        table = warehouse.engine.table(shape.name)
        parts.append(f"delete from {table}")
        if rows := _ordered(step.tables[shape.name], order):
            listed = ", ".join(_tuple(warehouse, row.values) for row in rows)
            parts.append(f"insert into {table} values {listed}")
        parts += [f"delete from {table} where not ({condition})" for condition in shape.conditions]
    warehouse.execute("trial:rows", ";\n".join(parts))


def _ordered(rows: Sequence[Row], order: int) -> list[Row]:
    if order == AS_MADE:
        return list(rows)
    if order == BACKWARDS:
        return list(reversed(rows))
    return random.Random(order).sample(rows, len(rows))  # noqa: S311 - made-up rows


def _tuple(warehouse: Warehouse, values: Iterable[str | None]) -> str:
    return "(" + ", ".join(map(warehouse.engine.literal, values)) + ")"


def texts_of(warehouse: Warehouse, table: str, columns: Sequence[str], inexact: Sequence[int] = ()) -> Counter[Values]:
    """The rows of a table as texts; of numbers that hang on the order of additions, nine digits."""
    engine = warehouse.engine
    listed = ", ".join(f"cast({engine.quote(name)} as {engine.text_type})" for name in columns)
    found: Counter[Values] = Counter()
    for row in warehouse.execute("trial:compare", f"select {listed} from {table}").rows:
        found[tuple(rounded(v) if at in inexact else v for at, v in enumerate(row))] += 1
    return found


class Judge:
    """Answers what each model's SELECT gives over the rows of a step."""

    def __init__(self, subject: Subject, ground: Ground) -> None:
        self._subject, self._ground, self._warehouse = subject, ground, ground.judge
        self._columns: dict[TableName, tuple[str, ...]] = {}
        self._inexact: dict[TableName, tuple[int, ...]] = {}
        engine = self._warehouse.engine
        schemas = {m.table.within(engine.default_schema).schema or "" for m in subject.program.models}
        for schema in sorted(schemas):
            self._warehouse.create_schema("trial:schema", engine.schema(schema))

    def hear(self, step: Step, order: int) -> Mapping[TableName, str]:
        """Answer anew; gives the models whose SELECT fails on these rows, with what the engine says.

        Raises WarehouseError where the rows themselves cannot be written.
        """
        fill(self._warehouse, self._ground.shapes, step, order)
        for source in self._subject.program.playbook.sources:
            if source.dedupe:
                self._leave_survivors(source)
        failed: dict[TableName, str] = {}
        for model in self._subject.program.models:
            above = next((table for table in model.models if table in failed), None)
            if above is not None:
                failed[model.table] = failed[above]
                continue
            name = self._name(model.table)
            try:
                text = self._text(model)
                self._ground.check(text)
                self._warehouse.execute("trial:drop", f"drop table if exists {name}")
                self._warehouse.execute("trial:select", f"create table {name} as\n{text}\n")
            except WarehouseError as error:
                failed[model.table] = error.what
        return failed

    def _text(self, model: CompiledModel) -> str:
        """The user's text; a clock that a model is given by its run says what that of the trial's runs does."""
        edits = [*self._ground.edits(model.select), *self._views(model.select)]
        return plain_text(model.select, self._warehouse.engine, NEVER, edits)

    def _views(self, select: Select) -> Iterator[Edit]:
        """A source that is a view is read without copies: rows of a view cannot be deleted."""
        quote = self._warehouse.engine.quote
        for source in self._subject.program.playbook.sources:
            references = [one for one in select.references if one.table == source.table]
            if not source.dedupe or not references or self._is_table(source):
                continue
            table = self._name(source.table)
            columns = self._warehouse.columns_of(table)
            listed = ", ".join(quote(column.name) for column in columns)
            ranked = f"select {listed}, {self._place(source, columns)} as trial_n from {table}"
            rows = f"(select {listed} from ({ranked}) q where trial_n = 1 or ({source.dedupe[0].text}) is null)"
            for one in references:
                yield one.start, one.end, rows + ("" if one.alias else f" as {quote(source.table.table)}")
            yield from ((qualifier.start, qualifier.end, "") for qualifier in select.qualifiers)

    def _name(self, table: TableName) -> str:
        return self._warehouse.engine.table(table)

    def _is_table(self, source: Source) -> bool:
        return any(shape.name == source.table for shape in self._ground.shapes)

    def _leave_survivors(self, source: Source) -> None:
        """One row an id. Rows without an id (the first of dedupe) stay."""
        if not self._is_table(source):
            return  # see `_views`
        shape = next(shape for shape in self._ground.shapes if shape.name == source.table)
        table, row = self._name(source.table), self._ground.row_name
        ranked = (
            f"select {row} as r, {self._place(source, shape.columns)} as n"
            f" from {table} where ({source.dedupe[0].text}) is not null"
        )
        self._warehouse.execute(
            "trial:copies", f"delete from {table} where {row} in (select r from ({ranked}) q where n > 1)"
        )

    def _place(self, source: Source, columns: Sequence[Column]) -> str:
        """A row's number among the copies of its id: by order_by, then by all columns as they stand."""
        engine = self._warehouse.engine
        order = [e.text for e in source.order_by]
        for column in columns:
            name = engine.quote(column.name)
            order += [name] if is_ordered(type_of(column.type, engine.name)) else []
            order.append(f"cast({name} as {engine.text_type})")
        listed = ", ".join(f"{text} nulls last" for text in order)
        return f"row_number() over (partition by {', '.join(e.text for e in source.dedupe)} order by {listed})"

    def columns(self, table: TableName) -> tuple[str, ...]:
        """The names of what a model's SELECT gives."""
        if table not in self._columns:
            engine = self._warehouse.engine
            found = self._warehouse.columns_of(self._name(table))
            self._columns[table] = tuple(column.name for column in found)
            types = [type_of(column.type, engine.name) for column in found]
            self._inexact[table] = tuple(at for at, type_ in enumerate(types) if is_inexact(type_))
        return self._columns[table]

    def inexact(self, table: TableName) -> tuple[int, ...]:
        """Where its columns are of types whose last digits do not count."""
        self.columns(table)
        return self._inexact[table]

    def answer(self, table: TableName) -> Counter[Values]:
        """What the SELECT gave."""
        return texts_of(self._warehouse, self._name(table), self.columns(table), self.inexact(table))

    def equal(self, table: TableName, one: Counter[Values], other: Counter[Values]) -> bool:
        """Whether rows are = to each other, whatever their texts: the engine is asked."""
        name, sides, parts = self._name(table), [f"{GIVEN}_{number}" for number in (0, 1)], []
        for side, rows in zip(sides, (one, other), strict=True):
            parts += [f"drop table if exists {side}", f"create table {side} as select * from {name} limit 0"]
            if rows:
                listed = ", ".join(_tuple(self._warehouse, row) for row in rows.elements())
                parts.append(f"insert into {side} values {listed}")
        lines = [f"select * from {side}" for side in sides]
        both = f"(({lines[0]}) except all ({lines[1]})) union all (({lines[1]}) except all ({lines[0]}))"
        try:
            self._warehouse.execute("trial:given", ";\n".join(parts))
            return not self._warehouse.execute("trial:equal", f"{both} limit 1").rows
        except WarehouseError:
            return False
