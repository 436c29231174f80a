"""Casts that give null where a value cannot be read, for engines that have no such cast of every type.

On Postgres a column that has a wanted type already is told by `pg_typeof`, which costs next to nothing; of any other the
text decides: a cast that follows a pattern cannot fail. On Redshift, which has no such function, the text decides alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NUMBER = (
    "^ *[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9][0-9]?)? *$"  # a count in braces makes it six times as dear
)
PLAIN = "^ *[-+]?[0-9]{1,25}([.][0-9]*)? *$"
WHOLE = "^ *[-+]?[0-9]+ *$"
LONGEST = 400  # of a text that is a number
_CLOCK = "([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?"
_ZONE = "(Z|[-+][0-9]{2}(:?[0-9]{2})?)"
_LEAP = "([1-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[13579][26])00)-0?2-29"
_DAY = (
    "([1-9][0-9]{3}-((0?[13578]|1[02])-(0?[1-9]|[12][0-9]|3[01])|(0?[469]|11)-(0?[1-9]|[12][0-9]|30)"
    f"|0?2-(0?[1-9]|1[0-9]|2[0-8]))|{_LEAP})"
)
TIME = f"^ *{_DAY}([ T]{_CLOCK} ?{_ZONE}?)? *$"
TRUTH = ("t", "true", "y", "yes", "1", "f", "false", "n", "no", "0")
TIMES, WHOLE_NUMBERS, EXACT_NUMBERS, FLOATS = (
    "1082, 1114, 1184",
    "20, 21, 23",
    "20, 21, 23, 1700",
    "700, 701",
)  # ids of types
_TYPE = re.compile(r"(\w+(?: precision)?)(?:\((\d+), *(\d+)\))?")


@dataclass(frozen=True)
class Wanted:
    """A type that values are cast to, and how large numbers of it are."""

    type: str
    kind: str  # number, whole, float, time, truth, text

    @property
    def high(self) -> str:
        """Every number is less: what is not, would be rounded to more digits than there are."""
        if self.kind == "whole":
            return "9223372036854775807.5"
        found = _TYPE.fullmatch(self.type)
        if self.kind == "float" or found is None or found[2] is None:
            return "1e300"
        precision, scale = int(found[2]), int(found[3])
        return f"{'9' * (precision - scale) or '0'}.{'9' * scale}5"


KINDS = {
    "decimal": "number",
    "numeric": "number",
    "bigint": "whole",
    "double precision": "float",
    "date": "time",
    "timestamp": "time",
    "timestamptz": "time",
    "boolean": "truth",
}


def wanted(type_: str) -> Wanted:
    """What a type asks of a value; anything is a text."""
    found = _TYPE.fullmatch(type_)
    return Wanted(type_, KINDS.get(found[1], "text") if found else "text")


def on_postgres(value: str, type_: str) -> str:
    """The cast on Postgres 13 and later."""
    to, text, is_of = wanted(type_), f"cast({value} as text)", f"cast(pg_typeof({value}) as oid) in"
    if to.kind == "text":
        return f"cast({value} as {to.type})"
    if to.kind == "time":
        return (
            f"case when {is_of} ({TIMES}) then cast({value} as {to.type})"
            f" when {text} ~ '{TIME}' then cast({text} as {to.type}) end"
        )
    if to.kind == "truth":
        return (
            f"case when lower(trim({text})) in ({_listed(TRUTH)}) then cast({text} as boolean)"
            f" when {text} ~ '{WHOLE}' and length({text}) < {LONGEST} then cast({text} as numeric) <> 0 end"
        )
    number, double = f"cast({value} as numeric)", f"cast({value} as double precision)"
    branches = [f"when {is_of} ({FLOATS}) then {double}"]
    if to.kind != "float":  # infinity is no numeric before Postgres 14
        most = to.high.partition(".")[0] if to.kind == "number" else "9.2e18"
        branches = [
            # A float becomes a whole number by way of an exact one: its halves would go to even ones.
            f"when {is_of} ({FLOATS}) then case when abs({double}) < {most} then cast({number} as {to.type}) end"
        ]
    if to.kind == "whole":
        branches.insert(0, f"when {is_of} ({WHOLE_NUMBERS}) then cast({value} as {to.type})")
    is_number = f"{is_of} ({EXACT_NUMBERS}) or ({text} ~ '{NUMBER}' and length({text}) < {LONGEST})"
    branches.append(f"when {is_number} then {_within(number, to, f'cast({number} as {to.type})')}")
    return f"case {' '.join(branches)} end"


def on_redshift(value: str, type_: str, text: str) -> str:
    """The cast on Redshift, where `text` is the type of any text. Truth values have no cast to one: they are cast as they are."""
    to, text = wanted(type_), f"cast({value} as {text})"
    if to.kind in ("text", "truth"):
        return f"cast({value} as {to.type})"
    if to.kind == "time":
        return f"case when {text} ~ '{TIME}' then cast({value} as {to.type}) end"
    double = f"cast({text} as double precision)"
    if to.kind == "float":
        return f"case when {text} ~ '{NUMBER}' then {double} end"
    exact = f"cast({text} as decimal(38, 9))"
    value = exact if to.kind == "whole" else text
    return (
        f"case when {text} ~ '{PLAIN}' then {_within(exact, to, f'cast({value} as {to.type})')}"
        f" when {text} ~ '{NUMBER}' then {_within(double, to, f'cast({double} as {to.type})')} end"
    )


def _within(number: str, to: Wanted, value: str) -> str:
    """A value, where a number fits. NaN is greater than every number."""
    if to.kind != "whole":
        return f"case when abs({number}) < {to.high} then {value} end"
    return f"case when {number} > -9223372036854775808.5 and {number} < {to.high} then {value} end"


def _listed(texts: tuple[str, ...]) -> str:
    return ", ".join(f"'{text}'" for text in texts)
