"""One entry of properties/ → a property, and those that stand within it as sources of its window."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from runner.doors.semantic.files.kinds import (
    ANY,
    DAY,
    FORMULA,
    NAME,
    NO_HINTS,
    TEXT,
    TYPE,
    WHOLE,
    WORD,
    WRITTEN,
    Written,
)
from runner.doors.semantic.files.literals import either, literal
from runner.doors.semantic.formulas import Formula
from runner.doors.semantic.kinds.base import PropertyKind
from runner.doors.semantic.kinds.computed import Computed, ValueMapping
from runner.doors.semantic.kinds.event_value import EventValue
from runner.doors.semantic.kinds.fixed import Fixed
from runner.doors.semantic.kinds.lifetime import Lifetime
from runner.doors.semantic.kinds.registration import Registration
from runner.doors.semantic.kinds.sliding import Sliding
from runner.doors.semantic.types import Aggregate, DataType
from runner.doors.semantic.values import BUILT_IN, EventType, Property
from runner.errors import Place, Problems, show
from runner.files.schema import FLAG, Kind, Row, Scope, Wrong, choice, record
from runner.files.yaml import Mapping as YamlMapping
from runner.files.yaml import Node, Scalar
from runner.files.yaml import Sequence as YamlSequence

KINDS = tuple(kind.word for kind in (Registration, EventValue, Sliding, Fixed, Lifetime, Computed))
ALWAYS = frozenset(  # what every model has, written or not: rules/implied.py
    ("registration_date", "cohort_day", "cohort_size", "last_activity_date", "days_since_last_active")
)
SOURCES = ("source_property", "source_computed_property", "source_event_property")
NO_ENDS: tuple[Written | None, Written | None] = (None, None)
WINDOWS = frozenset(set(Aggregate) - {Aggregate.NONE, Aggregate.FIRST, Aggregate.LAST})
FOLDS = frozenset({Aggregate.SUM, Aggregate.MIN, Aggregate.MAX, Aggregate.FIRST, Aggregate.LAST})
DEFAULT: Kind[Written | None] = Kind(
    lambda node, scope: None if isinstance(node, Scalar) and node.empty else WRITTEN.read(node, scope), None, null=True
)
PER_DAY = frozenset(set(Aggregate) - {Aggregate.ARRAY})


def read(
    name: Scalar,
    node: Node,
    events: Sequence[EventType],
    days: frozenset[str],
    properties: frozenset[str],
    problems: Problems,
) -> tuple[Property, ...]:
    """The property, after those that stand within it; none if it cannot be read.

    `days`: what the columns are called that hold the events' day; a name for `date` wherever neither a column nor one
    of the `properties` is meant.
    """
    scope = Scope(problems, f"property {name.text}")
    if not scope.read(NAME, Scalar(name.place, name.text, name.text, plain=False)):
        return ()
    reader = _Reader(name, events, days, days - properties - ALWAYS)
    found = scope.read(record(f"property {name.text}", reader.build, None, NO_HINTS), node)
    return (*reader.within, found) if found is not None else ()


@dataclass
class _Reader:
    """Reads one property."""

    name: Scalar
    events: Sequence[EventType]
    days: frozenset[str]
    dates: frozenset[str]  # those that no property is called

    def __post_init__(self) -> None:
        self.within: list[Property] = []

    def build(self, row: Row) -> Property | None:
        self.type = row.need("data_type", TYPE, "write data_type: NUMBER, INTEGER, STRING, DATE …")
        label, description = row.get("label", TEXT, ""), row.get("description", TEXT, "")
        can_filter, can_group_by = row.get("can_filter", FLAG, True), row.get("can_group_by", FLAG, False)
        given = [kind for kind in KINDS if row.has(kind)]
        if len(given) != 1:
            kinds = f"two kinds: {', '.join(given)}" if given else "no kind"
            what = f"property {self.name.text} has {kinds}"
            row.problems.add(_last(row, given, self.name.place), what, f"give it one of {', '.join(KINDS)}", "E04")
            for kind in given:
                row.get(kind, ANY, None)
            return None
        found = self._kind(row, given[0])
        if found is None:
            return None
        where = self.name.place
        return Property(self.name.text, self.type, found, label, description, can_filter, can_group_by, False, where)

    def _kind(self, row: Row, given: str) -> PropertyKind | None:
        builders: dict[str, Callable[[Row], PropertyKind | None]] = {
            Registration.word: self._registration,
            EventValue.word: self._event_value,
            Sliding.word: self._sliding,
            Fixed.word: self._fixed,
            Lifetime.word: self._lifetime,
            Computed.word: self._computed,
        }
        written = record(given, builders[given], None, NO_HINTS)

        def bare(node: Node, scope: Scope) -> PropertyKind | None:
            return Registration(self.name.text, node.place) if _empty(node) else written.read(node, scope)

        return row.get(given, Kind(bare, None, null=True) if given == Registration.word else written, None)

    def _registration(self, row: Row) -> PropertyKind:
        column = row.get("source_column", WORD, self.name.text)
        return Registration("date" if column in self.days else column, row.place_of("source_column"))

    def _event_value(self, row: Row, window: Aggregate | None = None) -> PropertyKind:
        """That of the property, or of the source within it, which has a type of its own."""
        default = row.get("default_value", DEFAULT, None)
        event = row.need("source_event", WORD, "name an event, as its file is called")
        select = row.need("select", FORMULA, "write '{column}', or 1")
        where = row.get("where", FORMULA, None)
        if event in BUILT_IN:
            select, where = _dated(select, self.days), where and _dated(where, self.days)
        function = _function(row, "aggregate_function", PER_DAY)
        found = EventValue(event, select, function, where, at=row.place_of("source_event"))
        type_ = self._type_within(found, window) if window else self.type
        return replace(found, default=literal(default, type_, row) if default else None)

    def _computed(self, row: Row) -> PropertyKind:
        mappings: Kind[tuple[ValueMapping, ...]] = Kind(self._mappings, ())
        select = row.need("select", FORMULA, "write a formula over properties, such as '{revenue_lifetime}'")
        plain = re.sub(r"\{\s*property\.", "{", select.text)  # both ways to name a property mean the same here
        return Computed(_dated(Formula(plain, select.place), self.dates), row.get("value_mappings", mappings, ()))

    def _mappings(self, node: Node, scope: Scope) -> tuple[ValueMapping, ...]:
        if not isinstance(node, YamlSequence):
            raise Wrong("must be a list of mappings", "write - {constant: a, new_value: b}")
        kind: Kind[ValueMapping | None] = record("a value mapping", self._mapped, None, NO_HINTS)
        return tuple(one for item in node.items if (one := scope.read(kind, item, "a value mapping")) is not None)

    def _mapped(self, row: Row) -> ValueMapping | None:
        constant = row.get("constant", WRITTEN, None)
        low, high = row.get("range", record("a range", _range, NO_ENDS, NO_HINTS), NO_ENDS)
        value = row.need("new_value", WRITTEN, "write what the value is called: new_value: Minnow")
        if (constant is None) == (not row.has("range")) or (row.has("range") and low is None and high is None):
            what = "a value mapping needs constant: or range: with from: or to:, and not both"
            row.problems.add(row.place, what, "write {range: {from: 0, to: 20}, new_value: Minnow}")
            return None
        sought = None if constant is None else either(constant)
        least, most = _number(low, row), _number(high, row)
        if least and most and Decimal(least) > Decimal(most):
            row.wrong("range", f"the range is empty: from {least} to {most}", "from: is the smaller of the two", "E13")
        return ValueMapping(literal(value, self.type, row), sought, least, most)

    def _sliding(self, row: Row) -> PropertyKind | None:
        function = _function(row, "window_function", WINDOWS)
        first = row.need("relative_days_from", WHOLE, "write the first day, such as -6")
        last = row.need("relative_days_to", WHOLE, "write the last day, such as 0 for the day itself")
        source, at = self._source(row, function)
        if first > last:
            what = f"the window of {self.name.text} runs backwards, from {first} to {last}"
            row.wrong("relative_days_from", what, "swap the two", "E13")
        return Sliding(source, function, first, last, at=at) if source else None

    def _fixed(self, row: Row) -> PropertyKind | None:
        function = _function(row, "window_function", WINDOWS)
        since = row.need("date_from", DAY, "write the first day: 2026-01-01")
        until = row.need("date_to", DAY, "write the last day: 2026-01-07")
        source, at = self._source(row, function)
        if since > until:
            what = f"the window of {self.name.text} runs backwards, from {since} to {until}"
            row.wrong("date_from", what, "swap the two", "E13")
        return Fixed(source, function, since, until, at=at) if source else None

    def _lifetime(self, row: Row) -> PropertyKind | None:
        function = _function(row, "merge_function", FOLDS)
        source, at = self._source(row, function)
        return Lifetime(source, function, at=at) if source else None

    def _source(self, row: Row, function: Aggregate) -> tuple[str, Place]:
        """The property that a window is over, '' if there is none to be read, and where it stands."""
        given = [source for source in SOURCES if row.has(source)]
        if len(given) != 1:
            what = f"{row.what} of {self.name.text} has {'two sources' if given else 'no source'}"
            row.problems.add(_last(row, given, row.place), what, f"give it one of {', '.join(SOURCES)}", "E05")
            for source in given:
                row.get(source, ANY, None)
            return "", row.place
        at = row.place_of(given[0])
        if given[0] == "source_property":
            return row.get("source_property", WORD, ""), at
        return self._source_within(row, given[0], function), at

    def _source_within(self, row: Row, given: str, function: Aggregate) -> str:
        """The name of a property that stands within this one, or that of a computed one."""
        build: Callable[[Row], PropertyKind] = self._computed
        if given == "source_event_property":
            build = lambda inner: self._event_value(inner, function)  # noqa: E731
        kind: Kind[PropertyKind | None] = record(given, build, None, NO_HINTS)
        if given == "source_computed_property":
            named: Kind[str] = Kind(lambda n, s: n.text if isinstance(n, Scalar) else "", "")
            if bare := row.get(given, named, ""):
                return bare
        found = row.get(given, kind, None)
        if found is None:
            return ""
        name = f"{self.name.text}_source"
        if name.startswith("runner_"):
            what = f"property {self.name.text} may not be called so: its source would be {name}, and runner_ is for the runner"
            row.problems.add(self.name.place, what, "give the property another name", "E03")
        type_ = self._type_within(found, function)
        self.within.append(Property(name, type_, found, can_filter=False, implied=True, place=self.name.place))
        return name

    def _type_within(self, kind: PropertyKind, function: Aggregate) -> DataType:
        """What the inner values are: those of the property, unless the window counts them, or would add up what is rounded."""
        if function not in (Aggregate.COUNT, Aggregate.COUNT_DISTINCT, Aggregate.ARRAY):
            adds = function in (Aggregate.SUM, Aggregate.AVG) and self.type is DataType.INTEGER
            return DataType.NUMBER if adds and self._has_fractions(kind) else self.type
        if isinstance(kind, EventValue):
            if kind.function in (Aggregate.COUNT, Aggregate.COUNT_DISTINCT):
                return DataType.INTEGER
            event = next((one for one in self.events if one.name == kind.event), None)
            column = event.column(kind.select.bare() or "") if event else None
            if column:
                return column.type
        return DataType.STRING

    def _has_fractions(self, kind: PropertyKind) -> bool:
        """Whether the values of a day may be other than whole numbers: each would be rounded before they are added up."""
        if not isinstance(kind, EventValue) or kind.function in (Aggregate.COUNT, Aggregate.COUNT_DISTINCT):
            return False
        columns = [column for one in self.events if one.name == kind.event for name in kind.select.names
                   if (column := one.column(name))]  # fmt: skip
        return kind.function is Aggregate.AVG or any(column.type is DataType.NUMBER for column in columns)


def _dated(formula: Formula, days: frozenset[str]) -> Formula:
    """With {date} for the day, by whichever of these names the events' tables have for it."""
    text = re.sub(r"\{\s*([^{}]*?)\s*\}", lambda found: "{date}" if found[1] in days else found[0], formula.text)
    return Formula(text, formula.place)


def _last(row: Row, given: list[str], otherwise: Place) -> Place:
    """Where the last of several keys stands: that is the one too many."""
    return max((row.place_of(key) for key in given), default=otherwise)


def _empty(node: Node) -> bool:
    return (isinstance(node, Scalar) and node.empty) or (isinstance(node, YamlMapping) and not node.entries)


def _function(row: Row, key: str, allowed: frozenset[Aggregate]) -> Aggregate:
    found = row.need(key, choice(Aggregate, Aggregate.MAX), f"write one of {', '.join(sorted(allowed))}")
    if found not in allowed:
        known = ", ".join(sorted(allowed))
        row.wrong(key, f"{key} of {row.what} may not be {found}", f"write one of {known}", "E20")
    return found


def _range(row: Row) -> tuple[Written | None, Written | None]:
    return row.get("from", WRITTEN, None), row.get("to", WRITTEN, None)


def _number(value: Written | None, row: Row) -> str | None:
    if value is None:
        return None
    if not re.fullmatch(r"-?\d{1,30}(\.\d{1,30})?", value.text):
        row.problems.add(value.place, f"{show(value.text)} in a range is not a number", "write digits, without quotes")
        return None
    return value.text
