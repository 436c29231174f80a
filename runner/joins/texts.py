"""One part of a cover as text: a join of what changed and what lies between it and the key."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from runner.joins.values import Part


def quoted(name: str) -> str:
    """A name as derived texts have it."""
    return '"' + name.replace('"', '""') + '"'


def column(alias: str, name: str) -> str:
    """A column of an item."""
    return f"{quoted(alias)}.{quoted(name)}"


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

    def text(self, *, distinct: bool = False, named: Callable[[str], str] = quoted) -> str:
        """The SELECT; `named` writes the names of what it gives."""
        listed = ", ".join(f"{text} as {named(name)}" for name, text in self.outs) or "1 as runner_one"
        sources = ", ".join(_written(part) for part in self.parts)
        where = f" where {' and '.join(self.wheres)}" if self.wheres else ""
        return f"select {'distinct ' if distinct else ''}{listed}{' from ' if sources else ''}{sources}{where}"


def as_one(covers: Iterable[Cover], alias: Callable[[], str]) -> list[Cover]:
    """Covers that follow one input and know the same as one: what is built of ten times ten covers is two, not a hundred."""

    def kind(cover: Cover) -> tuple[int, str, list[str]]:
        return cover.origin, cover.loose, sorted(cover.known)

    found = []
    for (origin, loose, names), group in groupby(sorted(covers, key=kind), kind):
        same = list(group)
        if len(same) > 1:
            part = Part(alias(), f"({united(same, names)})")
            outs = tuple((name, column(part.alias, name)) for name in names)
            same = [Cover(outs, (part,), (), origin, loose)]
        found += same
    return found


def united(covers: Iterable[Cover], names: Sequence[str]) -> str:
    """A query of what all of them give of some columns that they all know."""
    return " union all ".join(
        replace(cover, outs=tuple((name, dict(cover.outs)[name]) for name in names)).text(distinct=True)
        for cover in covers
    )


def _written(part: Part) -> str:
    columns = f"({', '.join(map(quoted, part.columns))})" if part.columns else ""
    return f"{'lateral ' if part.lateral else ''}{part.text} as {quoted(part.alias)}{columns}"


def moved(text: str, alias: str, to: str) -> str:
    """A text with an item under another name."""
    return re.sub(rf'"?\b{alias}\b"?\.', f"{to}.", text)
