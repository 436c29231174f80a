"""The user's text, as little changed as can be: for those who judge what the runner has made of it.

The trial's judge and `verify` read it so, and share no line with `splice`, by which a run reads it.
"""

from __future__ import annotations

from collections.abc import Sequence

from runner.sql.select import ClockCall, Moment, Select
from runner.warehouse.engines import Engine

Edit = tuple[int, int, str]
"""From where to where in a text something else is to stand."""


def plain_text(select: Select, engine: Engine, utc: str, edits: Sequence[Edit] = ()) -> str:
    """The text with these edits and, where the model is given the clock by its run, with the clock stopped at `utc`."""
    text = select.text
    stopped = [(call.start, call.end, _moment(engine, call, utc)) for call in select.clocks]
    for start, end, other in sorted([*edits, *stopped], reverse=True):
        text = text[:start] + other + text[end:]
    return text.rstrip().rstrip(";")


def _moment(engine: Engine, call: ClockCall, utc: str) -> str:
    types = {Moment.INSTANT: engine.instant_type, Moment.TIMESTAMP: engine.timestamp_type}
    types |= {Moment.DATE: "date", Moment.TIME: "time", Moment.TIME_OF_DAY: "timetz"}
    return engine.moment(utc, types[call.moment], call.precision)
