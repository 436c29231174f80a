"""Names as Snowflake reads and writes them, and texts as DuckDB wants them."""

from __future__ import annotations

import re

NAME = r'(?:"(?:[^"]|"")+"|[\w$]+)'
DOTTED = rf"{NAME}(?:\s*\.\s*{NAME}){{0,2}}"

Key = tuple[str, str, str]  # database, schema, table


def quoted(*parts: str) -> str:
    """The dotted name, each part quoted."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def literal(text: str) -> str:
    """The text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def parts_of(text: str) -> list[str]:
    """The parts of a dotted name as Snowflake reads them."""
    found = re.findall(NAME, text)
    return [part[1:-1].replace('""', '"') if part.startswith('"') else part.upper() for part in found]


def upper(name: str | None) -> str | None:
    """The one name that a client gave, if it gave one."""
    return parts_of(name)[0] if name else None


def plain(name: str) -> str:
    """The name as Snowflake shows it: quoted only where it must be."""
    return name if re.fullmatch(r"[A-Z_][A-Z0-9_$]*", name) else quoted(name)


def dotted(key: Key) -> str:
    """The whole name, as messages have it."""
    return ".".join(map(plain, key))
