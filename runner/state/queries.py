"""The queries of state.sql by their names, filled: `:name` is a value and becomes a literal, `{name}` is SQL already."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("state.sql")
Value = str | int | float | bool | None

_PLACEHOLDER = re.compile(r"(?<![:\w]):(?P<value>[a-z_]+)|\{(?P<sql>[a-z_]+)\}")


@dataclass(frozen=True)
class Query:
    """One query of the file and the names that it asks for."""

    name: str
    text: str
    asked: frozenset[str]

    def filled(self, literal: Callable[[Value], str], own: Mapping[str, Value], given: Mapping[str, Value]) -> str:
        """The statement. It may ask for what is `own`, and must ask for all that is `given`. Raises KeyError."""
        values = {**own, **given}
        if missing := self.asked - values.keys():
            raise KeyError(f"query {self.name} asks for {', '.join(sorted(missing))}, which is not given")
        if surplus := given.keys() - self.asked:
            raise KeyError(f"query {self.name} does not ask for {', '.join(sorted(surplus))}")

        def fill(found: re.Match[str]) -> str:
            return literal(values[found["value"]]) if found["value"] else str(values[found["sql"]])

        return _PLACEHOLDER.sub(fill, self.text)


def fitting(text: str, most_bytes: int) -> str:
    """The beginning of a text that a column of so many bytes holds: some engines count bytes, not letters."""
    return text.encode(errors="replace")[:most_bytes].decode(errors="ignore")


@cache
def queries() -> Mapping[str, Query]:
    """All queries in the order of the file: what follows `-- name: x`, up to the next one."""
    parts = re.split(r"^-- name: (\S+)\n", FILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    texts = {name: text.strip().rstrip(";") for name, text in zip(parts[1::2], parts[2::2], strict=True)}
    return {name: Query(name, text, _asked(text)) for name, text in texts.items()}


def _asked(text: str) -> frozenset[str]:
    return frozenset(found["value"] or found["sql"] for found in _PLACEHOLDER.finditer(text))
