"""The kinds of value that the files of a semantic model are made of: names, formulas, numbers, dates, durations."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from runner.doors.semantic.formulas import Formula
from runner.doors.semantic.types import DataType
from runner.doors.semantic.values import ColumnTag, EventTag
from runner.errors import Place, did_you_mean
from runner.files.schema import Hints, Kind, Scope, Wrong, described
from runner.files.yaml import Mapping, Node, Scalar

_DURATION = re.compile(r"([0-9]{1,6})(s|m|h|d)")
MAX_FORMULA = 10_000
NO_HINTS = Hints({}, {})
# What other tools call the types of columns.
_OTHER_TYPES = {
    **dict.fromkeys(("FLOAT", "FLOAT64", "DOUBLE", "REAL", "DECIMAL", "NUMERIC", "MONEY"), DataType.NUMBER),
    **dict.fromkeys(("INT", "INT64", "BIGINT", "SMALLINT", "LONG"), DataType.INTEGER),
    **dict.fromkeys(("VARCHAR", "TEXT", "CHAR", "UUID"), DataType.STRING),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMPTZ", "TIME"), DataType.DATETIME),
    "BOOL": DataType.BOOLEAN,
}
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
# Words that some engine takes for something else where a bare column stands.
_SQL_WORDS = """
    all analyse analyze and anti any array as asc asof asymmetric at authorization between binary both by case
    cast check collate collation column concurrently constraint create cross current_catalog current_date
    current_role current_schema current_time current_timestamp current_user default deferrable delete desc
    describe distinct do drop else end except exists false fetch for foreign freeze from full glob grant group
    having ilike in initially inner insert intersect interval into is isnull join lambda lateral leading left
    like limit localtime localtimestamp map natural not notnull null offset on only or order outer overlaps
    partition pivot placing positional primary qualify references returning right row rows select semi
    session_user show similar some summarize symmetric table tablesample then to top trailing trigger true union
    unique unpivot update user using values variadic verbose when where window with
"""
# Columns of the generated tables.
_OWN_COLUMNS = """
    date user_id life_part first_day last_day day_count laid_from laid_to next_part valid_from valid_to registered_on registration_tstamp dimension value etl_tstamp event_id
    event_tstamp event_date is_quarantined first_date cohort_days
"""
RESERVED = frozenset((_SQL_WORDS + _OWN_COLUMNS).split())


@dataclass(frozen=True)
class Written:
    """A scalar as it stands in the file; `quoted` tells 'a' from a."""

    text: str
    quoted: bool
    place: Place = field(default_factory=Place, compare=False)


def scalar(node: Node) -> Scalar:
    """The node, if it is one value."""
    if not isinstance(node, Scalar):
        raise Wrong(f"must be one value, not {described(node)}", "quote it if it begins with [ or {")
    return node


def _formula(node: Node, scope: Scope) -> Formula:
    if isinstance(node, Mapping) and len(node.entries) == 1:
        hint = f"quote it: '{{{node.entries[0][0].text}}}'"
        raise Wrong("must be a formula, but unquoted braces are a mapping to YAML", hint)
    text = scalar(node).text.strip()
    if not text:
        raise Wrong("is empty", "write a SQL expression, such as '{revenue}'")
    if "{{" in text or "{%" in text or "{#" in text or ";" in text or "--" in text or "/*" in text:
        hint = "write one SQL expression; names in single braces"
        raise Wrong("holds a template, a comment or a semicolon", hint, code="E12")
    if len(text) > MAX_FORMULA:
        raise Wrong(f"is longer than {MAX_FORMULA:,} characters", "split it into several", code="E12")
    return Formula(text, node.place)


def _name(node: Node, scope: Scope) -> str:
    text = scalar(node).text
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,47}", text):
        what = f"must have a name of at most 48 small letters, digits and _, not {described(node)}"
        raise Wrong(what, "it becomes a column or a table; put other words into label:", code="E03")
    if text in RESERVED:
        what = f"may not be called {text}: that word means something in SQL or in the tables"
        raise Wrong(what, f"call it {text}_1, or what it is about", code="E03")
    if text.startswith("runner_"):
        raise Wrong(f"may not be called {text}: runner_ is for the runner", f"call it {text[7:] or 'x'}", code="E03")
    return text


def _whole(node: Node, scope: Scope) -> int:
    text = scalar(node).text
    if not re.fullmatch(r"-?[0-9]{1,6}", text):
        raise Wrong(f"must be a whole number, not {described(node)}", "write digits only")
    return int(text)


def _count(node: Node, scope: Scope) -> int:
    number = _whole(node, scope)
    if number < 1:
        raise Wrong(f"must be at least 1, not {number}", "write 1 or more")
    return number


def _day(node: Node, scope: Scope) -> str:
    text = scalar(node).text
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise Wrong(f"must be a date, not {described(node)}", "write 2026-01-31") from None


def _duration(node: Node, scope: Scope) -> int:
    found = _DURATION.fullmatch(scalar(node).text)
    if not found:
        raise Wrong(f"must be a duration, not {described(node)}", "write 30m, 1h or 1d", code="E24")
    return int(found[1]) * _UNITS[found[2]]


def _written(node: Node, scope: Scope) -> Written:
    one = scalar(node)
    return Written(one.text, not one.plain, one.place)


def _word(node: Node, scope: Scope) -> str:
    text = scalar(node).text.strip()
    if not text:
        raise Wrong("is empty", "write a name, or leave the key out")
    return text


def _text(node: Node, scope: Scope) -> str:
    return scalar(node).text


def known_zone(name: str) -> bool:
    """Whether there is a time zone of a name; where no list of them is installed, whether it looks like one."""
    if name == "UTC" or not re.fullmatch(r"[A-Za-z0-9_+/-]+", name):
        return name == "UTC"
    try:
        return ZoneInfo(name).key == name
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return not available_timezones()


def near_zone(name: str) -> str:
    """What to write instead of one that there is not."""
    return did_you_mean(name, available_timezones(), "write UTC, or a name such as Europe/Berlin")


def _type(node: Node, scope: Scope) -> DataType:
    word = scalar(node).text
    if word in list(DataType):
        return DataType(word)
    meant = _OTHER_TYPES.get(word.upper())
    hint = f"write {meant}" if meant else did_you_mean(word.upper(), list(DataType))
    raise Wrong(f"must be one of {', '.join(DataType)}, not {described(node)}", hint)


def _tag(own: type[ColumnTag | EventTag], other: type[ColumnTag | EventTag], where: str, node: Node) -> str:
    """Tags are free, but a misspelt one of ours, or one in the wrong place, would be a silent mistake."""
    word = scalar(node).text
    if word in list(other):
        raise Wrong(f"may not hold {word}: that is a tag of {where}", f"move it to {where}", code="E11")
    if word not in list(own) and (hint := did_you_mean(word.lower(), list(own), "", cutoff=0.8)):
        raise Wrong(f"has an unknown tag, {described(node)}", hint)
    return word


FORMULA = Kind(_formula, Formula("1"))
NAME = Kind(_name, "")
WHOLE = Kind(_whole, 0)
COUNT = Kind(_count, 1)
DAY = Kind(_day, "2000-01-01")
DURATION = Kind(_duration, 86_400)
TYPE = Kind(_type, DataType.STRING)
COLUMN_TAG = Kind(lambda node, scope: _tag(ColumnTag, EventTag, "the event itself", node), "")
EVENT_TAG = Kind(lambda node, scope: _tag(EventTag, ColumnTag, "one of the columns", node), "")
WRITTEN = Kind(_written, Written("", True))
WORD = Kind(_word, "")
TEXT = Kind(_text, "", null=True)
ANY: Kind[Node | None] = Kind(lambda node, scope: node, None, null=True)
