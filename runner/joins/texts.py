"""One part of a cover as text: a join of what changed and what lies between it and the key."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from runner.joins.values import Part


@dataclass(frozen=True)
class Cover:
    """One part of a cover, as a join: what it knows, under the names of the relation's columns."""

    outs: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    wheres: tuple[str, ...]
    origin: int  # the number of the reference whose change it follows
    loose: str = ""  # why it reaches further than it should

    @property
    def known(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.outs)

    def text(self, quote: Callable[[str], str], *, distinct: bool = False) -> str:
        """The SELECT."""
        listed = ", ".join(f"{text} as {quote(name)}" for name, text in self.outs) or "1 as runner_one"
        sources = ", ".join(_written(part, quote) for part in self.parts)
        where = f" where {' and '.join(self.wheres)}" if self.wheres else ""
        return f"select {'distinct ' if distinct else ''}{listed}{' from ' if sources else ''}{sources}{where}"


def _written(part: Part, quote: Callable[[str], str]) -> str:
    columns = f"({', '.join(map(quote, part.columns))})" if part.columns else ""
    return f"{'lateral ' if part.lateral else ''}{part.text} as {quote(part.alias)}{columns}"


def moved(text: str, alias: str, to: str) -> str:
    """A text with an item under another name."""
    return re.sub(rf'"?\b{alias}\b"?\.', f"{to}.", text)
