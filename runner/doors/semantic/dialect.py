"""How the generated SQL is written for an engine: the types of the model, its columns, and the layout of texts.

What is a fact of the engine, whoever asks, is in runner/warehouse/engines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from runner.doors.semantic.formulas import Formula, slot_of
from runner.doors.semantic.functions.values import EXACT
from runner.doors.semantic.types import DataType
from runner.warehouse.engines import Engine

FAR = "date '9999-12-31'"
COMMA, PARTS, UNION = ",\n    ", ",\n", "\nunion all\n"  # how generated texts are laid out
NUMBERS = (
    exp.Mul,
    exp.Div,
    exp.SafeDivide,
    exp.Mod,
    exp.IntDiv,
    exp.Neg,
    exp.Abs,
    exp.Sign,
    exp.Floor,
    exp.Ceil,
    exp.Pow,
    exp.Exp,
    exp.Ln,
    exp.Log,
    exp.Sqrt,
    exp.Avg,
    exp.Count,
    exp.Length,
    exp.DateDiff,
)
ROOM = 29  # digits of a formula's NUMBER, of 38 that a sum has
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

    def read(self, value: str, type_: str) -> str:
        """A value of the user's as one of a type; null where it cannot be read, and where a calendar could not hold it."""
        found = self.engine.try_cast(value, type_)
        if type_ not in ("date", self.engine.timestamp_type) or not self.engine.infinite_dates:
            return found
        return f"case when not ({self.engine.is_infinite(found)}) then {found} end"

    def always_reads(self, type_: str) -> bool:
        """Whether every value can be read as one of a type, or none is looked at: then there is a cast and no more."""
        return self.engine.try_cast("x", type_) == f"cast(x as {type_})"

    def worked_out(self, formula: Formula, value: str, type_: DataType, type_of: Callable[[str], DataType]) -> str:
        """The value of a formula as a type; null where it has no room there, or is none.

        `type_of` tells the type of each name. A NUMBER leaves room for sums, which nothing could stop.
        """
        wanted = self.type(type_)
        if _fits(formula.tree, lambda slot: type_of(formula.names[slot]), type_):
            return f"cast({value} as {wanted})"
        if type_ in (DataType.NUMBER, DataType.INTEGER) and _is_number(formula.tree):
            if type_ is DataType.NUMBER:
                return f"case when abs({value}) < 1e{ROOM - self.scale} then cast({value} as {wanted}) end"
            # Through an exact number: of a double some engines round halves to even, BigQuery away from zero.
            return f"case when abs({value}) < 9.2e18 then cast(cast({value} as {EXACT}) as {wanted}) end"
        if type_ is not DataType.NUMBER:
            return self.read(value, wanted)
        room = f"decimal({max(self.precision, ROOM)}, {self.scale})"
        return f"cast({self.engine.try_cast(value, room)} as {wanted})"

    def sum_type(self, type_: DataType) -> str:
        """The type of sums that are added up further: of whole numbers with room for all there can be."""
        return self.engine.whole_type if type_ is DataType.INTEGER else self.type(type_)

    def summed(self, value: str, type_: DataType) -> str:
        """A sum as a type: one of whole numbers is null where 64 bits have no room for it."""
        if type_ is not DataType.INTEGER:
            return f"cast({value} as {self.type(type_)})"
        return (
            f"case when {value} between -9223372036854775808 and 9223372036854775807 then cast({value} as bigint) end"
        )

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


def _is_number(tree: exp.Expr) -> bool:
    """Whether an expression is a number for sure: then its size alone decides."""
    node = tree.unnest()
    if isinstance(node, exp.Literal):
        return not node.is_string
    if isinstance(node, (exp.Round, exp.Sum, exp.Min, exp.Max)):  # of a text there is no sum, and no least number
        return isinstance(node, (exp.Round, exp.Sum)) or _is_number(node.this)
    if isinstance(node, (exp.Add, exp.Sub)):  # of days there are sums, too
        return _is_number(node.this) and _is_number(node.expression)
    return isinstance(node, NUMBERS)


def _fits(tree: exp.Expr, type_of: Callable[[int], DataType], type_: DataType) -> bool:
    """Whether an expression is for sure of a type, or null."""
    if type_ is DataType.STRING:
        return True
    node = tree.unnest()
    slot = slot_of(node)
    if slot is not None:
        found = type_of(slot)
        return found is type_ or (type_ is DataType.NUMBER and found is DataType.INTEGER)
    if isinstance(node, (exp.If, exp.Case)):
        branches = [node.args["true"]] if isinstance(node, exp.If) else [one.args["true"] for one in node.args["ifs"]]
        branches.append(node.args.get("false") or node.args.get("default") or exp.null())
        return all(_fits(one, type_of, type_) for one in branches)
    if isinstance(node, exp.Coalesce):
        return all(_fits(one, type_of, type_) for one in (node.this, *node.expressions))
    if isinstance(node, (exp.Null, exp.Count, exp.CountIf)):
        return isinstance(node, exp.Null) or type_ in (DataType.INTEGER, DataType.NUMBER)
    if isinstance(node, (exp.Predicate, exp.And, exp.Or, exp.Not, exp.Boolean)):
        return type_ is DataType.BOOLEAN
    if isinstance(node, exp.Literal):
        return (
            not node.is_string
            and node.name.isdigit()
            and len(node.name) < 15
            and type_ in (DataType.INTEGER, DataType.NUMBER)
        )
    return isinstance(node, exp.DateDiff) and type_ in (DataType.INTEGER, DataType.NUMBER)
