"""Times in the layouts of Go's time package: the layout shows how the reference time, Jan 2 15:04:05 2006, is written."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Final

_DAYS: Final = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTHS: Final = "January February March April May June July August September October November December".split()
# Longest first where one begins like another; Jan and Mon are not taken for the beginning of a word.
_PIECE: Final = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|0[1-6]|002|15|1|2006|2|(?<=_)2006|_2(?!006)|__2|3|4|5|PM|pm"
    r"|[-Z]07(?:0000|:00:00|00|:00)?|[.,](?:0+|9+)(?![0-9])"
)
_SHAPES: Final[dict[str, Callable[[datetime.datetime], str]]] = {
    "January": lambda t: _MONTHS[t.month - 1],
    "Jan": lambda t: _MONTHS[t.month - 1][:3],
    "1": lambda t: f"{t.month}",
    "01": lambda t: f"{t.month:02}",
    "Monday": lambda t: _DAYS[t.weekday()],
    "Mon": lambda t: _DAYS[t.weekday()][:3],
    "2": lambda t: f"{t.day}",
    "_2": lambda t: f"{t.day:2}",
    "02": lambda t: f"{t.day:02}",
    "__2": lambda t: f"{_day_of_year(t):3}",
    "002": lambda t: f"{_day_of_year(t):03}",
    "15": lambda t: f"{t.hour:02}",
    "3": lambda t: f"{t.hour % 12 or 12}",
    "03": lambda t: f"{t.hour % 12 or 12:02}",
    "4": lambda t: f"{t.minute}",
    "04": lambda t: f"{t.minute:02}",
    "5": lambda t: f"{t.second}",
    "05": lambda t: f"{t.second:02}",
    "2006": lambda t: f"{t.year:04}",
    "06": lambda t: f"{t.year % 100:02}",
    "PM": lambda t: "PM" if t.hour >= 12 else "AM",
    "pm": lambda t: "pm" if t.hour >= 12 else "am",
    "MST": lambda t: t.tzname() or _offset(t, "-0700"),
}


def format_time(moment: datetime.datetime, layout: str) -> str:
    """The moment in a Go layout; it must have a time zone. What Go writes in nanoseconds ends in zeros here."""

    def piece(found: re.Match[str]) -> str:
        word = found[0]
        shape = _SHAPES.get(word)
        if shape:
            return shape(moment)
        return _offset(moment, word) if word[0] in "-Z" else _fraction(moment, word)

    return _PIECE.sub(piece, layout)


def _day_of_year(moment: datetime.datetime) -> int:
    return moment.timetuple().tm_yday


def _offset(moment: datetime.datetime, shape: str) -> str:
    """The distance from UTC; a shape that begins with Z writes none as Z."""
    seconds = int((moment.utcoffset() or datetime.timedelta()).total_seconds())
    if shape[0] == "Z" and not seconds:
        return "Z"
    # The sign is that of the whole minutes, which Go cuts off towards zero.
    minutes = abs(seconds) // 60
    sign = "-" if seconds < 0 and minutes else "+"
    parts = [f"{minutes // 60:02}"]
    if len(shape) > 3:
        parts.append(f"{minutes % 60:02}")
    if len(shape) > 6:
        rest = seconds if sign == "+" else -seconds
        parts.append(f"{'-' if rest < 0 else ''}{abs(rest) % 60:02}")
    return sign + (":" if ":" in shape else "").join(parts)


def _fraction(moment: datetime.datetime, shape: str) -> str:
    """A point or comma with digits: zeros ask for so many, nines for no more than so many."""
    digits = f"{moment.microsecond:06}000"[: len(shape) - 1]
    if shape[1] == "9":
        digits = digits.rstrip("0")
        return shape[0] + digits if digits else ""
    return shape[0] + digits
