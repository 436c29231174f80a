"""How the generated SQL is written for an engine: the types of the model, its columns, and the layout of texts.

What is a fact of the engine, whoever asks, is in runner/warehouse/engines.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.doors.semantic.types import DataType
from runner.warehouse.engines import Engine

FAR = "date '9999-12-31'"
COMMA, PARTS, UNION = ",\n    ", ",\n", "\nunion all\n"  # how generated texts are laid out
# Names in capitals that some engine takes for something else where they stand without quotes.
WORDS = frozenset(
    """
    all and any array as between by case cast column date day desc distinct else end from group having hour in
    index interval is join key left like limit minute month not null offset on or order position range rank
    references right row rows second select session_user some start table then time timestamp to trigger type
    union unique user using value values when where window with year zone
    """.split()
)


@dataclass(frozen=True)
class Dialect:
    """An engine, and the `precision` and `scale` of NUMBER columns."""

    engine: Engine
    precision: int
    scale: int

    def type(self, type_: DataType) -> str:
        """The type of a property's values: of NUMBER with room for sums."""
        return f"decimal(38, {self.scale})" if type_ is DataType.NUMBER else self._plain(type_)

    def column_type(self, type_: DataType) -> str:
        """The type of a column of events."""
        return f"decimal({self.precision}, {self.scale})" if type_ is DataType.NUMBER else self._plain(type_)

    def _plain(self, type_: DataType) -> str:
        return {
            DataType.INTEGER: "bigint",
            DataType.STRING: self.text,
            DataType.DATE: "date",
            DataType.DATETIME: self.engine.timestamp_type,
            DataType.BOOLEAN: "boolean",
        }[type_]

    @property
    def text(self) -> str:
        """A text of any length."""
        return self.engine.text_type

    def column(self, name: str, table: str = "") -> str:
        """A column of the user's tables (of one, where that is called), or a field within one, in the spelling of the file.

        Capitals alone are any spelling, as in SQL.
        """
        if "." in name:
            column, _, field = name.rpartition(".")
            return self.engine.nested_field.format(column=self.column(column, table), field=self.engine.column(field))
        is_any = name.isupper() and name.replace("_", "").isalnum() and name.lower() not in WORDS
        return f"{table}{'.' if table else ''}{name if is_any else self.engine.column(name)}"

    def average(self, total: str, count: str) -> str:
        """A mean, exact to the scale of NUMBER: division of whole numbers cuts on Postgres, and gives a double on DuckDB."""
        exact = self.type(DataType.NUMBER)
        return f"cast(cast({total} as {exact}) / nullif({count}, 0) as {exact})"

    def extreme(self, function: str, value: str, type_: DataType, over: str = "") -> str:
        """MIN or MAX, of truth values too."""
        if type_ is DataType.BOOLEAN:
            function = self.engine.boolean_max if function == "max" else self.engine.boolean_min
        return f"{function}({value}){over}"

    def one_of(self, value: str, type_: DataType, over: str = "") -> str:
        """The one value of a group that is not null."""
        return self.extreme("max", value, type_, over)

    def merged(self, function: str, one: str, other: str, type_: DataType) -> str:
        """SUM, MIN or MAX of two values, either of which may be null."""
        if function == "sum":
            return f"coalesce({one} + {other}, {one}, {other})"
        if type_ is DataType.BOOLEAN:
            return f"coalesce({one} {'or' if function == 'max' else 'and'} {other}, {one}, {other})"
        return (
            f"case when {one} is null or {other} {'>' if function == 'max' else '<'} {one} then {other} else {one} end"
        )
