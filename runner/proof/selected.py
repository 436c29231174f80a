"""The select list item by item, with each star as the columns that it puts out: what `group by 1, 2` and `group by all` mean."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from sqlglot import exp

from runner.proof.columns import Place
from runner.proof.outputs import Star, read_star, several
from runner.proof.relations import Frame, folded, unfolded


class Selected:
    """The items of one select list, as expressions over its FROM clause."""

    def __init__(self, select: exp.Select, frame: Frame) -> None:
        self._items = [one for item in select.expressions for one in _expanded(item, frame)]

    @property
    def known(self) -> list[exp.Expr]:
        """All that can be told."""
        return [item for item in self._items if item is not None]

    @property
    def is_open(self) -> bool:
        """Whether there may be others."""
        return None in self._items

    @property
    def by_place(self) -> list[exp.Expr]:
        """The first ones, as far as it is certain at which place they are."""
        return [item for item in takewhile(lambda item: item is not None, self._items) if item is not None]


def _expanded(item: exp.Expr, frame: Frame) -> Iterator[exp.Expr | None]:
    """One item; None stands for an unknown number of columns, or for one that has no certain name."""
    star = item.this if isinstance(item, exp.Column) else item
    if isinstance(star, exp.Star) and star.args.get("ilike") is None:
        yield from _columns(read_star(star, frame.dialect), item.args.get("table") if item is not star else None, frame)
    else:
        yield None if several(item, frame.dialect) else item


def _columns(star: Star, table: exp.Expr | None, frame: Frame) -> Iterator[exp.Expr | None]:
    if table is None and frame.merged:  # where USING puts its columns differs by engine
        yield None
        yield from (_column("", name, frame) for name in frame.merged if not star.drops("", name))
    for alias in [folded(table, frame.dialect)] if table is not None else list(frame.relations):
        relation = frame.relations.get(alias)
        if relation is None or relation.is_open:
            yield None
        for place, out in relation.placed() if relation is not None else ():
            if not star.drops(alias, out.name):
                yield star.replaced.get(out.name) or _named(alias, place, out.name, frame)


def _named(alias: str, place: Place, name: str, frame: Frame) -> exp.Expr | None:
    if name and frame.relations[alias].find(name) == place:
        return _column(alias, name, frame)
    return None


def _column(alias: str, name: str, frame: Frame) -> exp.Column:
    return exp.column(unfolded(name, frame.dialect), table=unfolded(alias, frame.dialect) if alias else None)
