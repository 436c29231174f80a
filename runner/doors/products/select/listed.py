"""The values of an enum or const: those that a property of some type can be equal to, as SQL."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from runner.doors.products.columns import literal
from runner.doors.products.values import Json
from runner.errors import show

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_DIGITS = 38  # of a whole number in SQL; Redshift takes no more


@dataclass(frozen=True)
class Listed:
    """The values by their JSON types; null is none of them, since a null keeps every rule but `required`."""

    texts: tuple[str, ...]
    numbers: tuple[int | float, ...]
    booleans: tuple[bool, ...]

    @staticmethod
    def of(values: Iterable[Json]) -> Listed:
        given = tuple(values)
        return Listed(
            tuple(value for value in given if isinstance(value, str)),
            tuple(value for value in given if isinstance(value, (int, float)) and not isinstance(value, bool)),
            tuple(value for value in given if isinstance(value, bool)),
        )

    def __bool__(self) -> bool:
        return bool(self.texts or self.numbers or self.booleans)

    def shown(self) -> str:
        """All of them, for a message."""
        return ", ".join([*map(show, self.texts), *map(str, self.numbers), *map(json.dumps, self.booleans)])

    def literals(self, engine: str) -> list[str]:
        return [literal(text, engine) for text in self.texts]

    def plain_numbers(self) -> list[str]:
        return [plain(number) for number in self.numbers]

    def plain_booleans(self) -> list[str]:
        return [json.dumps(value) for value in self.booleans]

    def instants(self, dates: bool) -> list[str]:
        """The texts that are times (UTC where they have no offset) or dates, in SQL's form."""
        read = _date if dates else _instant
        return [found for text in self.texts if (found := read(text))]

    def without_twin(self) -> str:
        """The first value that a text could be besides one that is listed: 1 where "1" is not, and the other way."""
        texts = {text for text in self.texts if _NUMBER.fullmatch(text) or text in ("true", "false")}
        others = {*map(str, self.numbers), *self.plain_booleans()}
        lonely = sorted((others - texts) | (texts - others))
        return f'{lonely[0]} and "{lonely[0]}"' if lonely else ""


def plain(number: float) -> str:
    """A number as SQL of all engines."""
    return str(number) if abs(number) < 10**_DIGITS else repr(float(number))


def _instant(text: str) -> str:
    try:
        found = datetime.fromisoformat(text)
        return str((found.astimezone(UTC) if found.tzinfo else found).replace(tzinfo=None))
    except (ValueError, OverflowError):
        return ""


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""
