"""Formulas and constants of a model: SQL expressions in BigQuery's dialect, as Asemic writes them, with {names} in them.

A formula is parsed once; each engine gets it in its own dialect, with an expression of its own in place of each name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from runner.doors.semantic.functions.known import spelled_out
from runner.doors.semantic.functions.outside import arguments, outside
from runner.doors.semantic.functions.pieces import made_of
from runner.errors import Place
from runner.warehouse.engines import ENGINES, Engine

_NAME = re.compile(r"\{([^{}]*)\}")
_SLOT = re.compile(r"\brunner_slot_(\d+)\b")
_SIMPLE = re.compile(r"[\w.\"]+|'[^']*'")
VOLATILE = (
    exp.CurrentDate,
    exp.CurrentTimestamp,
    exp.CurrentTime,
    exp.CurrentDatetime,
    exp.CurrentUser,
    exp.SessionUser,
    exp.Rand,
    exp.Randn,
    exp.Randstr,
    exp.Uuid,
)
# The same under the names of other engines, which BigQuery's parser does not know.
VOLATILE_NAMES = frozenset(
    """
    clock_timestamp gen_random_uuid getdate getutcdate localtime localtimestamp newid now random
    statement_timestamp sysdate systimestamp timeofday today transaction_timestamp uuid uuid_string
    """.split()
)
HOLISTIC = (exp.Distinct, exp.Median, exp.PercentileCont, exp.PercentileDisc, exp.Quantile, exp.Mode, exp.ArrayAgg)
# What is worked out of values, and may have no room, or no value.
WORKED_OUT = (
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Div,
    exp.Mod,
    exp.IntDiv,
    exp.SafeDivide,
    exp.Neg,
    exp.Abs,
    exp.Pow,
    exp.Exp,
    exp.Round,
    exp.Cast,
    exp.DateAdd,
    exp.DateSub,
)
APPROXIMATE = (
    exp.ApproxDistinct,
    exp.ApproxQuantile,
    exp.ApproxQuantiles,
    exp.ApproxTopK,
    exp.ApproxTopSum,
    exp.Hll,
)


class Unreadable(Exception):
    """A text is not one SQL expression."""


@dataclass(frozen=True)
class Formula:
    """One expression; equal if its text is."""

    text: str
    place: Place = field(default_factory=Place, compare=False)

    @property
    def names(self) -> tuple[str, ...]:
        """What stands in its braces, each once, in order."""
        return tuple(dict.fromkeys(self.all_names))

    @property
    def all_names(self) -> tuple[str, ...]:
        """What stands in its braces, as often as it does."""
        return tuple(name.strip() for name in _NAME.findall(self.text))

    @property
    def tree(self) -> exp.Expression:
        """The parsed expression; `{names}` are columns called runner_slot_N. Raises Unreadable."""
        return _tree(self.text)

    @property
    def spelled(self) -> exp.Expr:
        """The expression with every call in a form that has one meaning. Raises Unreadable, Unknown."""
        return _spelled(self.text)

    def sql(self, engine: Engine, value: Callable[[str], str]) -> str:
        """The expression for an engine, with `value(name)` in place of each name."""
        return _put(self.spelled, self.names, engine, value)

    def of_row(self, engine: Engine, value: Callable[[str], str], is_whole: Callable[[str], bool]) -> str:
        """The same within a row: null where it cannot be worked out, such as a product that its type has no room for.

        `is_whole` says which names are whole numbers.
        """
        if self.bare() or not self.tree.find(*WORKED_OUT):
            return self.sql(engine, value)
        if self.aggregates():
            return self.sql(engine, lambda name: engine.operand(value(name)) if is_whole(name) else value(name))
        if engine.or_null("x") != "x":
            return engine.or_null(self.sql(engine, value))
        return self.sql(engine, lambda name: engine.operand(value(name)) if is_whole(name) else value(name))

    def outside(self, engine: Engine, value: Callable[[str], str]) -> str:
        """The condition of rows in which it has no value although its names have; '' if there can be none.

        Of a formula that aggregates: of rows in which what it aggregates has none.
        """
        trees = arguments(self.tree) if self.aggregates() else (self.tree,)
        found = [filled(one, self.names, engine, value) for one in map(outside, trees) if one is not None]
        return engine.or_null(" or ".join(f"({one})" for one in found)) if found else ""

    def aggregates(self) -> bool:
        """Whether it aggregates."""
        return self.tree.find(exp.AggFunc) is not None

    def bare(self) -> str | None:
        """The name, if that is all there is."""
        found = _NAME.fullmatch(self.text.strip())
        return found[1].strip() if found else None


@dataclass(frozen=True)
class Literal:
    """A constant: a text if it is `quoted`, and `cast` to a type where it is one."""

    text: str
    quoted: bool = False
    cast: str = ""

    @property
    def is_zero(self) -> bool:
        """Whether it changes no sum."""
        return self.text.strip("0.") == ""

    def sql(self, engine: Engine) -> str:
        """The constant for an engine."""
        text = engine.literal(self.text) if self.quoted else self.text
        return f"cast({text} as {self.cast})" if self.cast else text


@cache
def _tree(text: str) -> exp.Expression:
    names = tuple(dict.fromkeys(name.strip() for name in _NAME.findall(text)))
    slotted = _NAME.sub(lambda m: f" runner_slot_{names.index(m[1].strip())} ", text)
    if "{" in slotted or "}" in slotted:
        raise Unreadable("its braces do not match")
    if "runner_slot_" in text:
        raise Unreadable("names that begin with runner_slot_ are the runner's")
    try:
        found = sqlglot.parse(f"select {slotted}", read="bigquery")
    except SqlglotError as error:
        raise Unreadable(_said(error, names)) from None
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    tree = found[0] if len(found) == 1 else None
    plain = (
        isinstance(tree, exp.Select)
        and len(tree.expressions) == 1
        and not any(value for key, value in tree.args.items() if key not in ("expressions", "kind"))
    )
    if not plain or not isinstance(tree, exp.Select):
        raise Unreadable("it is not one expression")
    one: exp.Expression = tree.expressions[0]
    if isinstance(one, exp.Alias) or one.find(exp.Query):
        raise Unreadable("it is not one expression" if isinstance(one, exp.Alias) else "it holds a subquery")
    if one.find(exp.Placeholder, exp.Parameter, exp.SessionParameter):
        raise Unreadable("it holds a parameter, and nobody gives it a value")
    if any(not isinstance(star.parent, exp.Count) for star in one.find_all(exp.Star)):
        raise Unreadable("* stands for all columns, and only COUNT(*) takes it")
    if one.find(exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls):
        raise Unreadable("FILTER, WITHIN GROUP and IGNORE NULLS are not known on every engine")
    values = {slot_of(column) for column in one.find_all(exp.Column)}
    for number, name in enumerate(names):
        if number not in values:
            raise Unreadable(f"{{{name}}} stands where no value can, in quotes or as part of a name")
    return one


def select_of(text: str) -> exp.Expression:
    """A SELECT in the dialect of some engine. Raises Unreadable."""
    said = ""
    for dialect in (*ENGINES, "bigquery"):
        try:
            found = sqlglot.parse(text, read=dialect)
        except SqlglotError as error:
            said = said or _said(error, ())
            continue
        except RecursionError:
            raise Unreadable("it is nested too deeply") from None
        trees = [tree for tree in found if tree is not None]
        tree = trees[0] if len(trees) == 1 else None
        if not isinstance(tree, exp.Query) or not isinstance(tree, exp.Expression):
            raise Unreadable("it is not one SELECT")
        return tree
    raise Unreadable(said)


def _said(error: SqlglotError, names: tuple[str, ...]) -> str:
    """The parser's words without its positions, which count in a text that the user has not written."""
    details = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
    what = str(details.get("description") or "a quote or bracket is not closed").rstrip(".")
    what = re.sub(r"Required keyword: '\w+' missing for <class '[\w.]*?(\w+)'>", r"something is missing in \1", what)
    what = re.sub(r" but got <.*", "", what).replace("Invalid expression / Unexpected token", "an unexpected word")
    near = _SLOT.sub(lambda m: f"{{{names[int(m[1])]}}}" if names else m[0], str(details.get("highlight") or ""))
    return f"{what[:1].lower()}{what[1:]}{f', near {near}' if near else ''}"


def slot_of(node: exp.Expr) -> int | None:
    """The number of the name that a column stands for."""
    found = _SLOT.fullmatch(node.name) if isinstance(node, exp.Column) else None
    return int(found[1]) if found else None


@cache
def _spelled(text: str) -> exp.Expr:
    return spelled_out(_tree(text))


def filled(tree: exp.Expr, names: tuple[str, ...], engine: Engine, value: Callable[[str], str]) -> str:
    """A part of a parsed expression as an engine's SQL."""
    return _put(spelled_out(tree), names, engine, value)


def _put(spelled: exp.Expr, names: tuple[str, ...], engine: Engine, value: Callable[[str], str]) -> str:

    def put(found: re.Match[str]) -> str:
        text = value(names[int(found[1])])
        return text if _SIMPLE.fullmatch(text) else f"({text})"

    return _SLOT.sub(put, _written(spelled, engine))


def _written(spelled: exp.Expr, engine: Engine) -> str:
    """An expression in an engine's dialect, with its own way to cast what may not be cast."""
    top = exp.Paren(this=spelled.copy())
    for node in reversed(list(top.find_all(exp.TryCast))):
        node.replace(exp.Paren(this=made_of(_cast(engine, node.args["to"].sql(engine.name).lower()), x=node.this)))
    for call in list(top.find_all(exp.Sum, exp.Min, exp.Max, exp.Avg, exp.Count)):
        inner = call.this.expressions if isinstance(call.this, exp.Distinct) else [call.this]
        for argument in inner:
            if argument is not None and argument.find(*WORKED_OUT) and (tried := _tried(engine)) is not None:
                argument.replace(made_of(tried, x=argument))
    text: str = top.this.sql(engine.name, unsupported_level=sqlglot.ErrorLevel.RAISE)
    return text


@cache
def _tried(engine: Engine) -> exp.Expr | None:
    """A value of a row that is null where it fails, if the engine can say so."""
    text = engine.or_null("x")
    return None if text == "x" else sqlglot.parse_one(text, read=engine.name)


@cache
def _cast(engine: Engine, type_: str) -> exp.Expr:
    return sqlglot.parse_one(engine.try_cast("x", type_), read=engine.name)


def where_only(formula: Formula, engine: Engine, value: Callable[[str], str], condition: str) -> str:
    """A formula whose aggregates take the rows of a condition only: within their arguments, for engines without FILTER."""
    tree = formula.tree.copy()
    for call in list(tree.find_all(exp.AggFunc)):
        distinct = call.this if isinstance(call.this, exp.Distinct) else None
        cut = [_where(argument) for argument in (distinct.expressions if distinct else [call.this])]
        call.set("this", exp.Distinct(expressions=cut) if distinct else cut[0])
    text = filled(tree, formula.names, engine, value)
    return re.sub(r"\brunner_condition\b", lambda _: condition, text)


def _where(argument: exp.Expr | None) -> exp.Expr:
    """An aggregate's argument where runner_condition holds, else null."""
    value = exp.Literal.number(1) if argument is None or isinstance(argument, exp.Star) else argument.copy()
    return exp.Case(ifs=[exp.If(this=exp.column("runner_condition"), true=value)])


def loose_columns(tree: exp.Expression) -> Iterator[str]:
    """Columns that are not in braces."""
    for column in tree.find_all(exp.Column):
        if slot_of(column) is None:
            yield column.sql("bigquery")


def conjuncts(formula: Formula | None) -> tuple[Formula, ...]:
    """The parts of a condition that AND joins, as formulas of their own."""
    if formula is None:
        return ()
    parts = formula.tree.flatten() if isinstance(formula.tree, exp.And) else [formula.tree]
    names = formula.names
    return tuple(
        Formula(_SLOT.sub(lambda m: f"{{{names[int(m[1])]}}}", part.unnest().sql("bigquery")), formula.place)
        for part in parts
    )
