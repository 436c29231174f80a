"""The rules for properties: sources, cycles, aggregates, windows, types, and values that change without an event."""

from __future__ import annotations

from sqlglot import exp

from runner.doors.semantic.formulas import APPROXIMATE, slot_of
from runner.doors.semantic.kinds.base import Window
from runner.doors.semantic.kinds.computed import Computed
from runner.doors.semantic.kinds.event_value import EventValue
from runner.doors.semantic.kinds.lifetime import Lifetime
from runner.doors.semantic.kinds.registration import Registration
from runner.doors.semantic.kinds.sliding import Sliding
from runner.doors.semantic.rules.composition import TOO_MUCH, circles, usable
from runner.doors.semantic.rules.enrichments import ANY_EVENT
from runner.doors.semantic.rules.findings import Findings
from runner.doors.semantic.rules.formulas import check_columns, check_condition, readable, tree_of
from runner.doors.semantic.types import Aggregate, AtRest, DataType
from runner.doors.semantic.values import ACTIVITY, BUILT_IN, ColumnTag, Config, EventTag, Property

NUMBERS = (DataType.NUMBER, DataType.INTEGER)
DAYS = (DataType.DATE, DataType.DATETIME)
MAX_WINDOW = 3_650
_COUNTS = (Aggregate.COUNT, Aggregate.COUNT_DISTINCT)
_ADDS = (Aggregate.SUM, Aggregate.AVG)


def check(config: Config, findings: Findings) -> frozenset[str]:
    """Every property; gives the names of those that are made of known ones alone."""
    for one in config.properties:
        _property(config, one, findings)
    made_of = {one.name: _made_of(one) for one in config.properties}
    for chain in circles(made_of):
        what = f"property {chain[0]} is made of itself: {' → '.join(chain)}"
        findings.add("E07", config.property(chain[0]).place, what, "break the circle")
    sound, too_much = usable(made_of)
    for name in too_much:
        findings.add("E07", config.property(name).place, f"property {name} {TOO_MUCH}", "build it from fewer")
    for one in config.properties:
        if one.name in sound:
            _constant_in_time(config, one, findings)
            if one.can_group_by and config.kind(one.name).is_list(config):
                hint = "can_group_by: false"
                findings.add("E16", one.place, f"{one.name} is a list: it cannot be grouped by", hint)
    return sound


def _made_of(one: Property) -> tuple[str, ...]:
    """Its sources, as often as it names them."""
    if isinstance(one.kind, Computed):
        return tuple(name for name in one.kind.select.all_names if name != "date")
    return one.sources


def _property(config: Config, one: Property, findings: Findings) -> None:
    kind = one.kind
    if isinstance(kind, Registration):
        _registration(config, one, kind, findings)
    elif isinstance(kind, EventValue):
        _event_value(config, one, kind, findings)
    elif isinstance(kind, Computed):
        _computed(config, one, kind, findings)
    elif isinstance(kind, Window):
        _window(config, one, kind, findings)
    if one.name == "registration_date":
        _registration_day(config, one, findings)


def _registration_day(config: Config, one: Property, findings: Findings) -> None:
    """Cohorts and their ages are reckoned from registration_date: it is that day, and nothing else."""
    column = one.kind.column if isinstance(one.kind, Registration) else ""
    named = [found for event in config.tagged(EventTag.REGISTRATION) if (found := event.column(column))]
    untagged = [found for found in named if ColumnTag.DATE not in found.tags]
    if column not in (*ANY_EVENT, "registration_date") or untagged:
        hint = "tag that column date_column" if untagged else "give the property another name"
        what = "registration_date is the day of the first registration event, and this is something else"
        findings.add("E03", one.place, what, hint)


def _registration(config: Config, one: Property, kind: Registration, findings: Findings) -> None:
    events = config.tagged(EventTag.REGISTRATION)
    columns = [column for event in events for column in event.columns]
    if kind.column in (*ANY_EVENT, "registration_date") or not columns or config.has_unread("event"):
        return
    found = next(filter(None, (event.column(kind.column) for event in events)), None)
    if found is None:
        what = f"no registration event has a column {kind.column}, for {one.name}"
        findings.unknown(config, "column", kind.column, kind.at, what, [column.name for column in columns])
    elif not fits(found.type, one.type):
        what = f"{one.name} is of type {one.type}, and column {found.name} of type {found.type}"
        findings.add("E20", one.place, what, f"data_type: {found.type}")


def fits(given: DataType, wanted: DataType) -> bool:
    """Whether every value of a type can be one of another."""
    families = (NUMBERS, DAYS)
    return wanted in (given, DataType.STRING) or any({given, wanted} <= set(family) for family in families)


def _computed(config: Config, one: Property, kind: Computed, findings: Findings) -> None:
    if not readable(kind.select, findings):
        return
    known = [other.name for other in config.properties]
    for name in kind.select.names:
        if name != "date" and name not in known:
            what = f"unknown property {name or '{}'} in {one.name}"
            findings.unknown(config, "property", name, kind.select.place, what, [*known, "date"])
    if kind.select.aggregates():
        findings.add("E08", kind.select.place, f"computed property {one.name} aggregates", "use an event_property")


def _event_value(config: Config, one: Property, kind: EventValue, findings: Findings) -> None:
    events = {event.name: event for event in config.events}
    if kind.event not in events and kind.event not in BUILT_IN:
        what = f"unknown event {kind.event}, the source of {one.name}"
        findings.unknown(config, "event", kind.event, kind.at, what, [*events, *BUILT_IN])
        return
    if kind.event == ACTIVITY and not config.tagged(EventTag.ACTIVITY) and not config.has_unread("event"):
        what = f"{one.name} is of {kind.event}, and no event is tagged {EventTag.ACTIVITY}"
        findings.add("E06", kind.at, what, f"add tags: [{EventTag.ACTIVITY}] to an event")
    event = events.get(kind.event)
    types = event.types if event else {}
    for formula in filter(None, (kind.select, kind.where)):
        if readable(formula, findings):
            check_columns(config, event, kind.event, formula, ANY_EVENT, findings)
    if kind.where and tree_of(kind.where) is not None:
        if kind.where.aggregates():
            hint = "it is for one row: take the condition out, or aggregate in select"
            findings.add("E08", kind.where.place, f"the condition of {one.name} aggregates", hint)
        check_condition(kind.where, f"the condition of {one.name}", types, findings)
    if tree_of(kind.select) is not None:
        _aggregation(one, kind, findings)
        _value_type(one, kind, types.get(kind.select.bare() or ""), findings)
        if kind.select.tree.find(*APPROXIMATE):
            what = f"{one.name} is approximate: verify may find that it differs"
            findings.add("W04", kind.select.place, what, "aggregate_function: count_distinct is exact")
    if kind.function in (Aggregate.FIRST, Aggregate.LAST) and event and event.tagged(ColumnTag.EVENT_ID) is None:
        what = f"{kind.function} of {one.name} has no event_id_column to order by: events of one instant by their value"
        findings.add("W18", one.place, what, f"tag the id of event {event.name}: tags: [event_id_column]")


def _value_type(one: Property, kind: EventValue, column: DataType | None, findings: Findings) -> None:
    """The function goes with the type of the property, and with that of the column, if it is of a bare one."""
    if kind.function in _ADDS and one.type not in NUMBERS:
        what = f"{kind.function} of {one.name}, which is of type {one.type}"
        findings.add("E20", one.place, what, "use NUMBER or INTEGER")
    elif kind.function in _COUNTS and one.type not in NUMBERS:
        findings.add("E20", one.place, f"{one.name} counts, and is of type {one.type}", "data_type: INTEGER")
    elif kind.function in _ADDS and column is not None and column not in NUMBERS:
        what = f"{kind.function} of {kind.select.text} in {one.name}, a column of type {column}"
        findings.add(
            "E20", kind.select.place, what, "only NUMBER and INTEGER can be added up; count, or take another column"
        )
    elif kind.function not in (*_COUNTS, Aggregate.NONE) and column is not None and not fits(column, one.type):
        what = f"{one.name} is of type {one.type}, and column {kind.select.text} of type {column}"
        findings.add("E20", one.place, what, f"data_type: {column}")


def _aggregation(one: Property, kind: EventValue, findings: Findings) -> None:
    tree = kind.select.tree
    if kind.function is not Aggregate.NONE and kind.select.aggregates():
        what = f"{one.name} aggregates twice: {kind.function} of {kind.select.text}"
        findings.add("E08", kind.select.place, what, "aggregate_function: none, or a plain select")
        return
    loose = [c for c in tree.find_all(exp.Column) if slot_of(c) is not None and c.find_ancestor(exp.AggFunc) is None]
    if kind.function is Aggregate.NONE and loose:
        what = f"{one.name} has aggregate_function none, and a column that is not aggregated"
        findings.add("E08", kind.select.place, what, "write MAX({column}), or another aggregate_function")
    if any(node.find_ancestor(exp.AggFunc) for node in tree.find_all(exp.AggFunc)):
        findings.add("E08", kind.select.place, f"{one.name} has an aggregate within an aggregate", "use one of them")


def _window(config: Config, one: Property, kind: Window, findings: Findings) -> None:
    known = {other.name: other for other in config.properties}
    source = known.get(kind.source)
    if isinstance(kind, Sliding) and kind.last > 0:
        what = f"{one.name} looks {kind.last} days ahead: its last days change as these days come"
        findings.add("W05", one.place, what, "relative_days_to: 0 for what is known on the day")
    if isinstance(kind, Sliding) and max(abs(kind.first), abs(kind.last)) > MAX_WINDOW:
        what = f"the window of {one.name} is longer than ten years"
        findings.add("E13", kind.at, what, "use a lifetime_property")
    if source is None:
        what = f"unknown property {kind.source}, the source of {one.name}"
        findings.unknown(config, "property", kind.source, kind.at, what, set(known) - {one.name})
        return
    if not source.kind.is_daily or source.kind.is_list(config):
        why = "is a list" if source.kind.is_daily else "does not change from day to day"
        what = f"{one.name} is a window over {source.name}, which {why}"
        findings.add("E05", kind.at, what, "take an event, sliding, lifetime or computed property of single values")
    _window_type(one, kind, source, findings)


def _window_type(one: Property, kind: Window, source: Property, findings: Findings) -> None:
    if kind.function in _ADDS and not {one.type, source.type} <= set(NUMBERS):
        what = f"{kind.function} over {source.name} ({source.type}) into {one.name} ({one.type})"
        findings.add("E20", one.place, what, "both must be NUMBER or INTEGER")
    elif kind.function in _COUNTS and one.type not in NUMBERS:
        findings.add("E20", one.place, f"{one.name} counts, and is of type {one.type}", "data_type: INTEGER")
    elif kind.function not in (*_ADDS, *_COUNTS, Aggregate.ARRAY) and not _same(one.type, source.type):
        what = f"{one.name} is of type {one.type}, its source {source.name} of type {source.type}"
        findings.add("E20", one.place, what, f"data_type: {source.type}")


def _same(one: DataType, other: DataType) -> bool:
    return one is other or {one, other} <= set(NUMBERS)


def _constant_in_time(config: Config, one: Property, findings: Findings) -> None:
    """Windows over formulas with the date in them, or sums over what never rests, would change without an event for ever."""
    if not isinstance(one.kind, Window):
        return
    sums = isinstance(one.kind, Lifetime) and one.kind.function is Aggregate.SUM
    if sums and config.kind(one.kind.source).at_rest(config) is AtRest.VALUE:
        what = f"{one.name} sums up {one.kind.source}, which has a value on days without events too: it grows every day"
        findings.add("E20", one.kind.at, what, "sum up an event property whose default_value is 0 or none")
    for name in config.closure([one.kind.source]):
        source = config.property(name)
        if isinstance(source.kind, Computed) and "date" in source.kind.select.names:
            what = f"{one.name} is a window over {name}, whose formula has {{date}} in it: it changes without an event"
            findings.add("E05", one.kind.at, what, "take an event_property with select: '{date}'")
