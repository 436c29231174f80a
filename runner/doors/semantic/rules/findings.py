"""Where the rules put what they find, what every formula is looked at for, and what is made of itself."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from sqlglot import exp

from runner.doors.semantic.formulas import VOLATILE, VOLATILE_NAMES, Formula, Unreadable, loose_columns
from runner.doors.semantic.rules.report import Finding
from runner.doors.semantic.values import Aggregate, Computed, Config, Fixed, Sliding
from runner.errors import Place, did_you_mean

# What can be unfolded within what engines and parsers take.
MAX_LAYERS = 12
MAX_PARTS = 1_000
TOO_MUCH = f"unfolds into more than {MAX_LAYERS} layers or {MAX_PARTS:,} parts"
_ACTIVITY_ONLY = ("last_activity_date", "days_since_last_active")


class Checks:
    """Errors and warnings, collected."""

    def __init__(self) -> None:
        self.found: list[Finding] = []

    def add(self, code: str, place: Place, what: str, hint: str) -> None:
        """An error (E…): nothing is run with it; or something to know (W…)."""
        self.found.append(Finding(code, place, what, hint))

    def unknown(self, config: Config, kind: str, name: str, place: Place, what: str, known: Collection[str]) -> None:
        """E06, unless it may be one of those that could not be read."""
        if config.may_have(kind, name):
            return
        if kind == "property" and name in _ACTIVITY_ONLY:
            self.add("E06", place, what, "it is there once an event has tags: [activity_event]")
            return
        self.add("E06", place, what, did_you_mean(name, known) or f"there is no {kind} yet: write one")

    def readable(self, formula: Formula, prefix: str = "") -> bool:
        """Whether a formula can be read; says why not, and what in it would mean another thing on each engine.

        `prefix` is what names in braces begin with.
        """
        try:
            tree = formula.tree
        except Unreadable as error:
            what = f"{formula.text} cannot be read as SQL: {error}"
            self.add("E12", formula.place, what, "write one SQL expression, names in braces")
            return False
        if volatile := volatile_in(tree):
            what = f"{formula.text} changes from run to run: {volatile}"
            self.add("E17", formula.place, what, "use {date}, the day at hand")
        if tree.find(exp.Window):
            what = f"{formula.text} holds a window"
            self.add("E12", formula.place, what, "use a sliding_window_property or a lifetime_property")
        for call in tree.find_all(exp.Anonymous):
            if call.name.lower() not in VOLATILE_NAMES:
                what = f"{call.name} in {formula.text} is no function that is known on every engine"
                hint_ = "use another, or write the event's sql: in the engine's own words"
                self.add("E12", formula.place, what, hint_)
        for name in dict.fromkeys(loose_columns(tree)):
            if name.lower() not in VOLATILE_NAMES:
                is_word = re.fullmatch(r"\w+", name)
                near = f"write {{{prefix}{name}}}" if is_word else "write names in braces, texts in quotes"
                self.add("E06", formula.place, f"{name} in {formula.text} is not in braces", near)
        return True


def tree_of(formula: Formula | None) -> exp.Expression | None:
    """The tree, if there is one."""
    try:
        return formula.tree if formula else None
    except Unreadable:
        return None


def volatile_in(tree: exp.Expression) -> str:
    """What in a tree gives another answer on another run, '' if nothing does."""
    if found := tree.find(*VOLATILE):
        return found.sql("bigquery").lower()
    named = [call.name for call in tree.find_all(exp.Anonymous)] + list(loose_columns(tree))
    return next((name.lower() for name in named if name.lower() in VOLATILE_NAMES), "")


def is_array(config: Config, name: str) -> bool:
    """Whether a property is a list of values."""
    kind = config.property(name).kind
    if isinstance(kind, Computed) and not kind.mappings and (bare := kind.select.bare()) and bare != "date":
        return is_array(config, bare)
    return isinstance(kind, (Sliding, Fixed)) and kind.function is Aggregate.ARRAY


def circles(made_of: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Chains of names that lead back to their beginning, each once."""
    found: list[list[str]] = []
    done: set[str] = set()
    for start in made_of:
        path: list[str] = []
        pending = [iter([start])]
        while pending:
            name = next(pending[-1], None)
            if name is None:
                pending.pop()
                if path:
                    done.add(path.pop())
            elif name in path:
                found.append([*path[path.index(name) :], name])
            elif name in made_of and name not in done:
                path.append(name)
                pending.append(iter(made_of[name]))
    return found


def usable(made_of: Mapping[str, Sequence[str]]) -> tuple[frozenset[str], list[str]]:
    """Names that can be unfolded, and those that are the first to unfold into too much.

    What is made of unknown names, of itself, or of too much is neither.
    """
    sizes: dict[str, int] = {}
    too_much: list[str] = []
    for layer in range(MAX_LAYERS + 1):
        ready = {name: of for name, of in made_of.items() if name not in sizes and all(one in sizes for one in of)}
        more = {name: 1 + sum(sizes[one] for one in of) for name, of in ready.items()}
        too_much += [name for name, size in more.items() if size > MAX_PARTS or layer == MAX_LAYERS]
        sizes |= {name: size for name, size in more.items() if name not in too_much}
    return frozenset(sizes), too_much
