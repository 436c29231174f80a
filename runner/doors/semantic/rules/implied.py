"""What the files leave unsaid: properties that every model has, and what a property is on days without events."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from runner.doors.semantic.formulas import Formula
from runner.doors.semantic.rules.enrichments import told_apart
from runner.doors.semantic.values import (
    ACTIVITY,
    Aggregate,
    Computed,
    Config,
    DataType,
    EventTag,
    EventValue,
    Lifetime,
    Property,
    PropertyKind,
    Registration,
    Sliding,
)


def completed(config: Config) -> Config:
    """The configuration with what is no event among its tables, and with the properties that every model has.

    These are registration_date, cohort_day, cohort_size, last_activity_date and days_since_last_active.
    """
    config = told_apart(config)
    known = {one.name for one in config.properties}
    found: list[Property] = []

    def imply(name: str, type_: DataType, kind: PropertyKind, *, group: bool = False) -> None:
        if name not in known:
            known.add(name)
            found.append(Property(name, type_, kind, can_group_by=group, implied=True))

    imply("registration_date", DataType.DATE, Registration("asemic_date"), group=True)  # what Asemic calls a row's day
    days = Computed(Formula("DATE_DIFF({date}, {registration_date}, DAY)"))
    imply("cohort_day", DataType.INTEGER, days, group=True)
    imply("cohort_size", DataType.INTEGER, Computed(Formula("1")))
    if config.tagged(EventTag.ACTIVITY) or config.has_unread("event"):
        newest = EventValue(ACTIVITY, Formula("{date}"), Aggregate.MAX)
        if "last_activity_date" not in known:
            imply("last_activity_date_source", DataType.DATE, newest)
            imply("last_activity_date", DataType.DATE, Lifetime("last_activity_date_source", Aggregate.MAX))
        since = Computed(Formula("DATE_DIFF({date}, {last_activity_date}, DAY)"))
        imply("days_since_last_active", DataType.INTEGER, since)
    return replace(config, properties=(*config.properties, *found))


class QuietValue(Enum):
    """The value for ever after a user's last event has left every window."""

    NULL = "nothing"
    ZERO = "0, which changes no sum"
    VALUE = "it may be anything"


def on_quiet_days(config: Config, name: str) -> QuietValue:
    """That of a property. The configuration has no cycles."""
    kind = config.property(name).kind
    if isinstance(kind, EventValue):
        if kind.default is None:
            return QuietValue.NULL
        return QuietValue.ZERO if kind.default.is_zero else QuietValue.VALUE
    if not isinstance(kind, Sliding):
        return QuietValue.VALUE
    source = on_quiet_days(config, kind.source)
    if kind.function in (Aggregate.COUNT, Aggregate.COUNT_DISTINCT):
        return QuietValue.ZERO if source is QuietValue.NULL else QuietValue.VALUE
    return source
