"""What a property is on days when nothing happens any more, which windows over it count as well."""

from __future__ import annotations

from enum import Enum

from runner.doors.semantic.values import Aggregate, Config, EventValue, Sliding


class Rest(Enum):
    """The value for ever after a user's last event has left every window."""

    NULL = "nothing"
    ZERO = "0, which changes no sum"
    VALUE = "it may be anything"


def at_rest(config: Config, name: str) -> Rest:
    """That of a property. The configuration has no cycles."""
    kind = config.property(name).kind
    if isinstance(kind, EventValue):
        if kind.default is None:
            return Rest.NULL
        return Rest.ZERO if kind.default.strip("'0.") == "" else Rest.VALUE
    if not isinstance(kind, Sliding):
        return Rest.VALUE
    source = at_rest(config, kind.source)
    if kind.function in (Aggregate.COUNT, Aggregate.COUNT_DISTINCT):
        return Rest.ZERO if source is Rest.NULL else Rest.VALUE
    return source
