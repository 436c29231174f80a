"""What the files leave unsaid: the properties that every model has."""

from __future__ import annotations

from dataclasses import replace

from runner.doors.semantic.formulas import Formula
from runner.doors.semantic.kinds.base import PropertyKind
from runner.doors.semantic.kinds.computed import Computed
from runner.doors.semantic.kinds.event_value import EventValue
from runner.doors.semantic.kinds.lifetime import Lifetime
from runner.doors.semantic.kinds.registration import Registration
from runner.doors.semantic.rules.enrichments import told_apart
from runner.doors.semantic.types import Aggregate, DataType
from runner.doors.semantic.values import ACTIVITY, Config, EventTag, Property


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
