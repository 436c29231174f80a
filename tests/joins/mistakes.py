"""Mistakes planted in the derivation, each with shapes whose random play finds it. `python -m tests.joins.mistakes`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any
from unittest.mock import patch

from runner.joins import derive, narrow
from runner.joins.block import Block
from runner.joins.cover import Covers, Reading
from runner.joins.nodes import number_of
from runner.joins.normal import Normal
from runner.joins.values import Moves
from runner.joins.way import Way
from tests.joins.play import Play
from tests.joins.shapes import SHAPES

ROUNDS = 80
BY_NAME = {shape.name: shape for shape in SHAPES}


@dataclass(frozen=True)
class Mistake:
    """One thing that is done wrong: as patches of the derivation, or in what is read."""

    name: str
    shapes: tuple[str, ...]
    patches: tuple[tuple[Any, str, Any], ...] = ()
    forget: str = ""
    reads_old: bool = True

    @contextmanager
    def made(self) -> Iterator[None]:
        """While this lasts, it is made."""
        with ExitStack() as stack:
            for owner, name, value in self.patches:
                stack.enter_context(patch.object(owner, name, value))
            yield

    def found(self) -> str:
        """The first shape and way in which it shows; '' if it does not."""
        for name in self.shapes:
            for moves in (Moves.SIGNED, Moves.VALUES):
                with self.made():
                    play = Play(BY_NAME[name], moves, "M", self.forget, self.reads_old)
                    wrong = play.rounds(ROUNDS, stop=True).wrong
                if wrong:
                    return f"{name}, {moves.name.lower()}, round {wrong[0]}"
        return ""


def _first(made: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    return lambda *args, **more: islice(made(*args, **more), 1)


def _one_of_a_name(item: Callable[[Reading, str], list[Any]]) -> Callable[[Reading, str], list[Any]]:
    def first_only(self: Reading, alias: str) -> list[Any]:
        def table(one: str) -> object:
            number = number_of(self.block.items[one])
            return one if number is None else self.normal.tables[number]

        before = self.block.order[: self.block.order.index(alias)]
        return [] if any(table(one) == table(alias) for one in before) else item(self, alias)

    return first_only


def _strict(sub: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: replace(sub(*args), strict=True)


def _left_only(self: Covers, node: Any, want: Any, used: Any, *, top: bool) -> Any:
    return self.of(node.this, want, used, top=top)


def _turned(nearest: Callable[..., list[str]]) -> Callable[..., list[str]]:
    swap = str.maketrans("<>", "><")
    return lambda *args: [
        text.rpartition(" and ")[0] + " and " + text.rpartition(" and ")[2].translate(swap) for text in nearest(*args)
    ]


def _all_items(self: Way, items: set[str]) -> set[str]:
    return items | (set(self.block.items) - self.block.hidden)


def _no_blanks(self: Normal, text: str, aliases: Any) -> str:
    return replace(self, blanks={}).nulled(text, aliases) if self.blanks else NULLED(self, text, aliases)


NULLED = Normal.nulled
LEFTS = ("anti join by left join", "filter above a left join", "condition on the left")
MISTAKES = (
    Mistake("old rows are forgotten", ("semi join", "rolling seven days"), forget="runner_sign > 0"),
    Mistake("new rows are forgotten", ("semi join", "rolling seven days"), forget="runner_sign < 0"),
    Mistake("old groups are not looked at", ("cohort within, as the key", "key of an aggregate"), reads_old=False),
    Mistake("a left join is an inner one", LEFTS, ((Block, "_optional", lambda *_: []),)),
    Mistake(
        "rows that a join fills up are forgotten",
        ("chain through coalesce", "full join, coalesced key", *LEFTS),
        ((Way, "_modes", _first(Way._modes)),),
    ),
    Mistake(
        "the row that an ASOF join takes again is forgotten",
        ("asof, its value as the key", "asof, joined further"),
        ((Way, "_displaced", lambda *_: iter(())),),
    ),
    Mistake(
        "the nearest is chosen among some of its rows",
        ("a condition on the nearest", "inner asof, its value as the key"),
        ((Block, "nearest", frozenset()),),
    ),
    Mistake("a filter of the optional side is asked first", LEFTS, ((Block, "_is_filter", lambda *_: True),)),
    Mistake(
        "the other key input is read as it is now",
        ("composite key of two inputs", "full join, coalesced key"),
        ((Way, "_later", lambda *_: []),),
    ),
    Mistake(
        "all other sides are read as they are now",
        ("inner chain", "comma join"),
        ((Way, "_closed", _all_items), (Way, "_later", lambda *_: [])),
    ),
    Mistake(
        "a null is in no group",
        (
            "union in the side",
            "latest of the side",
            "rank over all",
            "key of an aggregate",
            "cohort within, as the key",
        ),
        ((derive, "null_safe", lambda _: lambda one, other: f"{one} = {other}"),),
    ),
    Mistake(
        "a table is looked at once",
        ("self join by range", "self join of a source"),
        ((Reading, "item", _one_of_a_name(Reading.item)),),
    ),
    Mistake("subqueries are forgotten", ("nested exists", "scalar of a side"), ((Block, "_subs", lambda *_: []),)),
    Mistake("NOT IN knows no nulls", ("not in, nulls too", "in as a value"), ((Block, "_sub", _strict(Block._sub)),)),
    Mistake(
        "a partition's other rows are forgotten",
        ("a side numbered by another column",),
        ((Reading, "_partition", lambda *_: []),),
    ),
    Mistake(
        "a union's second branch is forgotten", ("union of sides", "union in the side"), ((Covers, "_set", _left_only),)
    ),
    Mistake("the nearest is the farthest", ("asof", "asof a look-up"), ((Way, "_nearest", _turned(Way._nearest)),)),
    Mistake(
        "an expression over nulls is null",
        ("filter above a left join", "chain through coalesce"),
        ((Normal, "nulled", _no_blanks),),
    ),
    Mistake(
        "an optional side is cut to the key",
        ("full join, key of one side",),
        ((narrow, "_is_filter", lambda *_: True),),
    ),
)


def main() -> None:
    """Say of each where it shows."""
    for mistake in (one for one in MISTAKES if not sys.argv[1:] or sys.argv[1] in one.name):
        print(f"{mistake.name}: {mistake.found() or 'NOT FOUND'}", flush=True)


if __name__ == "__main__":
    main()
