"""Named queries: `-- name: x` blocks in a .sql file, filled with texts that are quoted already."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent


@cache
def _load(file: str) -> dict[str, str]:
    parts = re.split(r"^-- name: (\S+)\n", (HERE / file).read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name: text.strip().rstrip(";") for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def query(file: str, name: str, **texts: str | int) -> str:
    """The query `name` of `file` with its {placeholders} filled; every text must be quoted or built by the runner."""
    return _load(file)[name].format(**texts)


def script(file: str, prefix: str, **texts: str | int) -> list[tuple[str, str]]:
    """All queries whose name starts with `prefix`, in the order of the file, as (name, text)."""
    return [(name, text.format(**texts)) for name, text in _load(file).items() if name.startswith(prefix)]
