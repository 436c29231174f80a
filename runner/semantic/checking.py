"""What the parts of a semantic model must be to each other: references, cycles, aggregates, windows, types, filters.

Every rule has a code of docs/semantic-layer.md; all problems are found at once, with file, line and hint.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from sqlglot import exp

from runner.errors import Place
from runner.semantic import checking_kpis
from runner.semantic.checks import Checks
from runner.semantic.formulas import APPROXIMATE, Formula, Unreadable, loose_columns
from runner.semantic.resting import Rest, at_rest
from runner.semantic.values import (
    ACTIVITY,
    BUILT_IN,
    REGISTRATIONS,
    Aggregate,
    ColumnTag,
    Computed,
    Config,
    DataType,
    EventTag,
    EventType,
    EventValue,
    Fixed,
    Lifetime,
    Property,
    Registration,
    Sliding,
)
from runner.yamlschema import did_you_mean

NUMBERS = (DataType.NUMBER, DataType.INTEGER)
KNOWN_TAGS = {*ColumnTag, *EventTag}


def check(config: Config, checks: Checks) -> None:
    """Add every problem and warning."""
    for event in config.events:
        _event(config, event, checks)
    _tables(config, checks)
    if config.events and not config.tagged(EventTag.REGISTRATION):
        hint = "add tags: [registration_event] to the event by which users begin"
        checks.add("E11", Place(config.path), "no event is tagged registration_event", hint)
    for one in config.properties:
        _property(config, one, checks)
    if _cycles(config, checks):
        return
    for one in config.properties:
        _constant_in_time(config, one, checks)
    checking_kpis.check(config, checks)
    _unused(config, checks)


# -- events ----------------------------------------------------------------------------------------------------------


def _event(config: Config, event: EventType, checks: Checks) -> None:
    needed = {ColumnTag.ENTITY_ID: True, ColumnTag.TSTAMP: True}
    for tag in ColumnTag:
        tagged = [column for column in event.columns if tag in column.tags]
        if not tagged and needed.get(tag):
            hint = f"add tags: [{tag}] to one of its columns"
            checks.add("E11", event.place, f"event {event.name} has no column tagged {tag}", hint)
        if len(tagged) > 1 and tag is not ColumnTag.REGISTRATION:
            names = " and ".join(column.name for column in tagged)
            checks.add("E11", tagged[1].place, f"event {event.name} has {tag} twice: {names}", "keep one of the two")
    for column in event.columns:
        for name in column.tags:
            _known_tag(name, column.place, checks)
        stamp = {ColumnTag.TSTAMP, ColumnTag.ETL_TSTAMP} & set(column.tags)
        if stamp and column.type is not DataType.DATETIME:
            what = f"column {column.name} is tagged {min(stamp)} and is of type {column.type}"
            checks.add("E20", column.place, what, "data_type: DATETIME")
        if ColumnTag.DATE in column.tags and column.type not in (DataType.DATE, DataType.DATETIME):
            what = f"column {column.name} is tagged date_column and is of type {column.type}"
            checks.add("E20", column.place, what, "data_type: DATE")
    for name in event.tags:
        _known_tag(name, event.place, checks)
    if event.where:
        _formula(event.where, checks, lambda n: event.column(n) is not None, f"column of {event.name}", event)
        if checks.readable(event.where) and event.where.aggregates():
            checks.add("E08", event.where.place, f"the condition of event {event.name} aggregates", "it is for one row")
    if event.tagged(ColumnTag.ETL_TSTAMP) is None and event.columns:
        what = f"event {event.name} has no etl_timestamp_column: a batch is one day of its events"
        hint = "rows that are exchanged for others of the same day and user are not noticed; tag the load time"
        checks.warn("W07", event.place, what, hint)


def _known_tag(name: str, place: Place, checks: Checks) -> None:
    """Tags are free, but a misspelt one of ours would be a silent mistake."""
    if name not in KNOWN_TAGS and (near := did_you_mean(name, map(str, KNOWN_TAGS))).startswith("did"):
        checks.add("E01", place, f"unknown tag {name}", near)


def _tables(config: Config, checks: Checks) -> None:
    """Events of one table agree about its batches and versions: there is one manifest for it."""
    first: dict[object, EventType] = {}
    for event in config.events:
        other = first.setdefault(event.table, event)
        for tag in (ColumnTag.EVENT_ID, ColumnTag.ETL_TSTAMP):
            mine, theirs = event.tagged(tag), other.tagged(tag)
            if (mine and mine.name) != (theirs and theirs.name):
                what = f"events {other.name} and {event.name} read {event.table} with another {tag}"
                checks.add("E11", event.place, what, "give both the same column")
        if event.tagged(ColumnTag.ETL_TSTAMP) is None:
            mine, theirs = event.tagged(ColumnTag.TSTAMP), other.tagged(ColumnTag.TSTAMP)
            if mine and theirs and mine.name != theirs.name:
                what = f"events {other.name} and {event.name} read {event.table} by other timestamps"
                checks.add("E11", event.place, what, "tag an etl_timestamp_column, the same in both")


# -- properties ------------------------------------------------------------------------------------------------------


def _property(config: Config, one: Property, checks: Checks) -> None:
    kind = one.kind
    if isinstance(kind, Registration):
        _registration(config, one, kind, checks)
    elif isinstance(kind, EventValue):
        _event_value(config, one, kind, checks)
    elif isinstance(kind, Computed):
        known = {other.name for other in config.properties}
        _formula(kind.select, checks, lambda n: n == "date" or n in known, "property", None)
        if checks.readable(kind.select) and kind.select.aggregates():
            checks.add("E08", kind.select.place, f"computed property {one.name} aggregates", "use an event_property")
    else:
        _window(config, one, kind, checks)
    if one.name == "registration_date":
        _registration_day(config, one, checks)
    if one.can_group_by and _is_array(kind):
        checks.add("E16", one.place, f"{one.name} is a list: it cannot be grouped by", "can_group_by: false")


def _registration_day(config: Config, one: Property, checks: Checks) -> None:
    """Cohorts and their ages are reckoned from registration_date: it is that day, and nothing else."""
    events = config.tagged(EventTag.REGISTRATION)
    is_day = isinstance(one.kind, Registration) and one.kind.column in ("date", "asemic_date", "registration_date")
    untagged = [
        event.name
        for event in events
        if isinstance(one.kind, Registration)
        and (column := event.column(one.kind.column))
        and ColumnTag.DATE not in column.tags
    ]
    if not is_day or untagged:
        hint = "tag that column date_column" if is_day else "call the property otherwise"
        what = "registration_date is the day of the first registration event, and this is another column"
        checks.add("E03", one.place, what, hint)


def _is_array(kind: object) -> bool:
    return isinstance(kind, (Sliding, Fixed)) and kind.function is Aggregate.ARRAY


def _registration(config: Config, one: Property, kind: Registration, checks: Checks) -> None:
    events = config.tagged(EventTag.REGISTRATION)
    if not events or kind.column in ("date", "asemic_date", "registration_date"):
        return
    if not any(event.column(kind.column) for event in events):
        names = [column.name for event in events for column in event.columns]
        hint = did_you_mean(kind.column, names)
        checks.add("E06", one.place, f"no registration event has a column {kind.column}, for {one.name}", hint)


def _event_value(config: Config, one: Property, kind: EventValue, checks: Checks) -> None:
    events = {event.name: event for event in config.events}
    if kind.event in BUILT_IN:
        tag = EventTag.ACTIVITY if kind.event == ACTIVITY else EventTag.REGISTRATION
        if kind.event == ACTIVITY and not config.tagged(tag):
            checks.add(
                "E06", one.place, f"{one.name} is of {kind.event}, and no event is tagged {tag}", f"tags: [{tag}]"
            )
        event = None
    elif kind.event not in events:
        hint = did_you_mean(kind.event, [*events, *BUILT_IN])
        checks.add("E06", one.place, f"unknown event {kind.event}, the source of {one.name}", hint)
        return
    else:
        event = events[kind.event]

    def known(name: str) -> bool:
        return name in ("date", "asemic_date") or (event is not None and event.column(name) is not None)

    for formula in filter(None, (kind.select, kind.where)):
        _formula(formula, checks, known, f"column of {kind.event}", event)
    if kind.where and checks.readable(kind.where) and kind.where.aggregates():
        checks.add("E08", kind.where.place, f"the condition of {one.name} aggregates", "it is for one row")
    if not checks.readable(kind.select):
        return
    _aggregation(one, kind, checks)
    if kind.function in (Aggregate.SUM, Aggregate.AVG) and one.type not in NUMBERS:
        checks.add(
            "E20", one.place, f"{kind.function} of {one.name}, which is of type {one.type}", "use NUMBER or INTEGER"
        )
    if kind.function in (Aggregate.COUNT, Aggregate.COUNT_DISTINCT) and one.type not in NUMBERS:
        checks.add("E20", one.place, f"{one.name} counts, and is of type {one.type}", "data_type: INTEGER")
    if kind.function in (Aggregate.FIRST, Aggregate.LAST) and event and event.tagged(ColumnTag.EVENT_ID) is None:
        what = f"{kind.function} of {one.name} has no event_id_column to order by: events of one instant by their value"
        checks.warn("E18".replace("E", "W"), one.place, what, "tag the event's id")
    if kind.select.tree.find(*APPROXIMATE):
        checks.warn("W04", one.place, f"{one.name} is approximate: verify may find that it differs", "count_distinct")


def _aggregation(one: Property, kind: EventValue, checks: Checks) -> None:
    aggregates = kind.select.aggregates()
    if kind.function is not Aggregate.NONE and aggregates:
        what = f"{one.name} aggregates twice: {kind.function} of {kind.select.text}"
        checks.add("E08", kind.select.place, what, "aggregate_function: none, or a plain select")
    if kind.function is Aggregate.NONE:
        for column in kind.select.tree.find_all(exp.Column):
            if column.find_ancestor(exp.AggFunc) is None:
                what = f"{one.name} has aggregate_function none, and a column that is not aggregated"
                checks.add("E08", kind.select.place, what, "write MAX({column}), or another aggregate_function")
                return
    for node in kind.select.tree.find_all(exp.AggFunc):
        if node.find_ancestor(exp.AggFunc):
            checks.add("E08", kind.select.place, f"{one.name} has an aggregate within an aggregate", "use one of them")


def _window(config: Config, one: Property, kind: Sliding | Fixed | Lifetime, checks: Checks) -> None:
    known = {other.name: other for other in config.properties}
    source = known.get(kind.source)
    if source is None:
        checks.add(
            "E06",
            one.place,
            f"unknown property {kind.source}, the source of {one.name}",
            did_you_mean(kind.source, known),
        )
        return
    if isinstance(source.kind, (Fixed, Registration)) or _is_array(source.kind):
        what = f"{one.name} is a window over {source.name}, which does not change from day to day"
        checks.add("E05", one.place, what, "take an event, sliding, lifetime or computed property")
    if kind.function in (Aggregate.SUM, Aggregate.AVG) and not {one.type, source.type} <= set(NUMBERS):
        what = f"{kind.function} over {source.name} ({source.type}) into {one.name} ({one.type})"
        checks.add("E20", one.place, what, "both must be NUMBER or INTEGER")
    folds = (Aggregate.MIN, Aggregate.MAX, Aggregate.FIRST, Aggregate.LAST)
    if kind.function in folds and one.type is not source.type and {one.type, source.type} - set(NUMBERS):
        what = f"{one.name} is of type {one.type}, its source {source.name} of type {source.type}"
        checks.add("E20", one.place, what, f"data_type: {source.type}")
    if isinstance(kind, Sliding) and kind.last > 0:
        what = f"{one.name} looks {kind.last} days ahead: its last days change as these days come"
        checks.warn("W05", one.place, what, "relative_days_to: 0 for what is known on the day")
    if isinstance(kind, Sliding) and max(abs(kind.first), abs(kind.last)) > 3_650:
        checks.add("E13", one.place, f"the window of {one.name} is longer than ten years", "use a lifetime_property")


def _constant_in_time(config: Config, one: Property, checks: Checks) -> None:
    """Windows over formulas with the date in them, or sums over what never rests, would change without an event for ever."""
    if not isinstance(one.kind, (Sliding, Fixed, Lifetime)):
        return
    source, names = one.kind.source, {other.name for other in config.properties}
    if not _all_known(config, source, names):
        return
    sums = isinstance(one.kind, Lifetime) and one.kind.function is Aggregate.SUM
    if sums and at_rest(config, source) is Rest.VALUE:
        what = f"{one.name} sums up {source}, which has a value on days without events too: it grows every day"
        checks.add("E20", one.place, what, "sum up an event property whose default_value is 0 or none")
    for name in config.closure([source]):
        inner = config.property(name).kind
        if isinstance(inner, Computed) and "date" in inner.select.names:
            what = f"{one.name} is a window over {name}, whose formula has {{date}} in it: it changes without an event"
            checks.add("E05", one.place, what, "take an event_property with select: '{date}'")


def _all_known(config: Config, name: str, names: set[str]) -> bool:
    pending, seen = [name], set()
    while pending:
        one = pending.pop()
        if one not in names:
            return False
        if one not in seen:
            seen.add(one)
            pending += config.property(one).sources
    return True


def _cycles(config: Config, checks: Checks) -> bool:
    """Whether a property is made of itself, or of one that is not there."""
    known = {one.name: one for one in config.properties}
    broken = False
    for one in config.properties:
        path = [one.name]
        for name in _walk(known, one.name, path):
            if name == one.name:
                chain = " → ".join([*path, name])
                checks.add("E07", one.place, f"property {one.name} is made of itself: {chain}", "break the circle")
                broken = True
                break
            broken |= name not in known
    return broken


def _walk(known: dict[str, Property], start: str, path: list[str]) -> Iterator[str]:
    seen: set[str] = set()
    queue = list(known[start].sources)
    while queue:
        name = queue.pop(0)
        if name in seen:
            continue
        seen.add(name)
        yield name
        if name in known:
            path.append(name)
            queue += known[name].sources


def _formula(
    formula: Formula, checks: Checks, known: Callable[[str], bool], what: str, event: EventType | None
) -> None:
    """A formula can be read, and its names are known."""
    try:
        tree = formula.tree
    except Unreadable as error:
        checks.add("E12", formula.place, f"{formula.text} cannot be read as SQL: {error}", "one SQL expression")
        return
    for name in formula.names:
        if not known(name):
            hint = did_you_mean(name, [c.name for c in event.columns] if event else [])
            checks.add("E06", formula.place, f"unknown {what}: {name or '{}'}", hint)
    checks.words(formula, tree)
    for name in loose_columns(tree):
        hint = f"write {{{name}}}" if re.fullmatch(r"\w+", name) else "write names in braces"
        checks.add("E06", formula.place, f"{name} in {formula.text} is not in braces", hint)


def _unused(config: Config, checks: Checks) -> None:
    used = {name for kpi in config.kpis for name in checking_kpis.properties_of(config, kpi.name)}
    used |= {name for one in config.properties for name in one.sources}
    for one in config.properties:
        if one.name not in used and not one.implied and not one.can_group_by:
            checks.warn("W01", one.place, f"property {one.name} is used by no KPI and by no other property", "")
    sources = {one.kind.event for one in config.properties if isinstance(one.kind, EventValue)}
    for event in config.events:
        if event.name not in sources and not {EventTag.ACTIVITY, EventTag.REGISTRATION} & set(event.tags):
            checks.warn("W01", event.place, f"event {event.name} is used by no property", "")
    labels: dict[str, str] = {}
    for kpi in config.kpis:
        if kpi.label and labels.setdefault(kpi.label, kpi.name) != kpi.name:
            checks.warn("W02", kpi.place, f"KPIs {labels[kpi.label]} and {kpi.name} have one label: {kpi.label}", "")


__all__ = ["REGISTRATIONS", "check"]
