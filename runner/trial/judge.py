"""The judge: the user's text over all rows, untouched, under its own names, in a catalogue where copies are gone.

It shares no SQL with what it judges: no splice, no narrowing, no keys, no survivors of the runner's, no comparison.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from runner.comparison.plain import Edit, plain_text
from runner.increment.work import NEVER
from runner.names import TableName
from runner.playbook.values import Source
from runner.program.values import CompiledModel
from runner.sql.select import Select
from runner.trial.pools import is_inexact, is_ordered, type_of
from runner.trial.values import Row, Step, Subject, Values, rounded
from runner.warehouse.base import Warehouse
from runner.warehouse.grounds.base import Ground
from runner.warehouse.values import Column, WarehouseError

AS_MADE, BACKWARDS = 0, 1
"""Orders in which rows are written; other numbers shuffle them."""
GIVEN, SIDE = "trial_given", "trial_side"  # a table with the rows of both sides, to be compared by =, and which it is


def fill(ground: Ground, side: Warehouse, step: Step, order: int) -> None:
    """Write what the tables hold. Raises WarehouseError where the engine does not take the rows."""
    parts = []
    for shape in ground.shapes:
        table = side.engine.table(shape.name)
        parts.append(f"delete from {table}")
        if rows := _ordered(step.tables[shape.name], order):
            parts.append(ground.insert_text(table, shape.columns, [row.values for row in rows]))
        parts += [f"delete from {table} where not ({condition})" for condition in shape.conditions]
    ground.send(side, "trial:rows", parts)


def _ordered(rows: Sequence[Row], order: int) -> list[Row]:
    if order == AS_MADE:
        return list(rows)
    if order == BACKWARDS:
        return list(reversed(rows))
    return random.Random(order).sample(rows, len(rows))  # noqa: S311 - made-up rows


def texts_of(
    ground: Ground, side: Warehouse, table: str, columns: Sequence[Column], inexact: Sequence[int] = ()
) -> Counter[Values]:
    """The rows of a table as texts; of numbers that hang on the order of additions, nine digits."""
    listed = ", ".join(map(ground.text_of, columns))
    found: Counter[Values] = Counter()
    for row in side.execute("trial:compare", f"select {listed} from {table}").rows:
        found[tuple(rounded(v) if at in inexact else v for at, v in enumerate(row))] += 1
    return found


class Judge:
    """Answers what each model's SELECT gives over the rows of a step."""

    def __init__(self, subject: Subject, ground: Ground) -> None:
        self._subject, self._ground, self._warehouse = subject, ground, ground.judge
        self._columns: dict[TableName, tuple[Column, ...]] = {}
        self._inexact: dict[TableName, tuple[int, ...]] = {}
        engine = self._warehouse.engine
        schemas = {m.table.within(engine.default_schema).schema or "" for m in subject.program.models}
        for schema in sorted(schemas):
            self._warehouse.create_schema("trial:schema", engine.schema(schema))

    def hear(self, step: Step, order: int) -> Mapping[TableName, str]:
        """Answer anew; gives the models whose SELECT fails on these rows, with what the engine says.

        Raises WarehouseError where the rows themselves cannot be written.
        """
        fill(self._ground, self._warehouse, step, order)
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
        edits = [*self._ground.edits(model.select), *self._without_copies(model.select)]
        return plain_text(model.select, self._warehouse.engine, NEVER, edits)

    def _without_copies(self, select: Select) -> Iterator[Edit]:
        """A source whose rows cannot be deleted one by one, such as a view, is read without copies."""
        quote = self._warehouse.engine.quote
        for source in self._subject.program.playbook.sources:
            references = [one for one in select.references if one.table == source.table]
            if not source.dedupe or not references or (self._is_table(source) and self._ground.row_name):
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
        engine = self._warehouse.engine
        return engine.table(table.within(engine.default_schema))

    def _is_table(self, source: Source) -> bool:
        return any(shape.name == source.table for shape in self._ground.shapes)

    def _leave_survivors(self, source: Source) -> None:
        """One row an id. Rows without an id (the first of dedupe) stay."""
        if not self._is_table(source) or not self._ground.row_name:
            return  # see `_without_copies`
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
            is_plain = is_ordered(type_of(column.type, engine.name))
            order += [engine.quote(column.name)] if is_plain else []
            order.append(self._ground.text_of(column))
        listed = ", ".join(f"{text} nulls last" for text in order)
        return f"row_number() over (partition by {', '.join(e.text for e in source.dedupe)} order by {listed})"

    def columns(self, table: TableName) -> tuple[Column, ...]:
        """What a model's SELECT gives."""
        if table not in self._columns:
            found = self._columns[table] = self._warehouse.columns_of(self._name(table))
            types = [type_of(column.type, self._warehouse.engine.name) for column in found]
            self._inexact[table] = tuple(at for at, type_ in enumerate(types) if is_inexact(type_))
        return self._columns[table]

    def inexact(self, table: TableName) -> tuple[int, ...]:
        """Where its columns are of types whose last digits do not count."""
        self.columns(table)
        return self._inexact[table]

    def answer(self, table: TableName) -> Counter[Values]:
        """What the SELECT gave."""
        return texts_of(self._ground, self._warehouse, self._name(table), self.columns(table), self.inexact(table))

    def equal(self, table: TableName, one: Counter[Values], other: Counter[Values]) -> bool:
        """Whether rows are = to each other, whatever their texts: the engine is asked."""
        engine, name = self._warehouse.engine, self._name(table)
        given = engine.table(TableName((GIVEN,)).within(engine.default_schema))
        columns = (*self.columns(table), Column(SIDE, engine.whole_type))
        rows = [(*row, number) for number, side in (("1", one), ("-1", other)) for row in side.elements()]
        listed = ", ".join(engine.quote(column.name) for column in columns[:-1])
        try:
            self._ground.send(
                self._warehouse,
                "trial:given",
                [
                    f"drop table if exists {given}",
                    f"create table {given} as select {listed}, cast(0 as {engine.whole_type}) as {SIDE} from {name} limit 0",
                    self._ground.insert_text(given, columns, rows),
                ],
            )
            differs = f"select 1 from {given} group by {listed} having sum({SIDE}) <> 0 limit 1"
            return not self._warehouse.execute("trial:equal", differs).rows
        except WarehouseError:
            return False
