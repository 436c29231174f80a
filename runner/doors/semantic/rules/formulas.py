"""What every formula is looked at for: whether it can be read, and means the same on each engine and run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sqlglot import exp
from sqlglot.errors import UnsupportedError

from runner.doors.semantic.formulas import VOLATILE, VOLATILE_NAMES, Formula, Unreadable, loose_columns
from runner.doors.semantic.functions.known import LOOSE
from runner.doors.semantic.functions.pieces import Unknown
from runner.doors.semantic.rules.findings import Findings
from runner.doors.semantic.types import DataType
from runner.doors.semantic.values import Config, EventType
from runner.warehouse.engines import ENGINES


def readable(formula: Formula, findings: Findings, prefix: str = "") -> bool:
    """Whether a formula can be read; says why not, and what in it would mean another thing on each engine.

    `prefix` is what names in braces begin with.
    """
    try:
        tree = formula.tree
    except Unreadable as error:
        what = f"{formula.text} cannot be read as SQL: {error}"
        findings.add("E12", formula.place, what, "write one SQL expression, names in braces")
        return False
    if volatile := volatile_in(tree):
        what = f"{formula.text} changes from run to run: {volatile}"
        findings.add("E17", formula.place, what, "use {date}, the day at hand")
    if tree.find(exp.Window):
        what = f"{formula.text} holds a window"
        findings.add("E12", formula.place, what, "use a sliding_window_property or a lifetime_property")
    for call in tree.find_all(exp.Anonymous):
        if call.name.lower() not in VOLATILE_NAMES:
            what = f"{call.name} in {formula.text} is no function that is known on every engine"
            hint = "use another, or write the event's sql: in the engine's own words"
            findings.add("E12", formula.place, what, hint)
    if not tree.find(exp.Anonymous, exp.Window, *VOLATILE) and (unknown := _unknown(formula)):
        what = f"{unknown} in {formula.text} is not known to mean the same on every engine"
        hint = "see docs/semantic-layer.md for what is, or write the event's sql: in the engine's own words"
        findings.add("E12", formula.place, what, hint)
    for name in dict.fromkeys(loose_columns(tree)):
        if name.lower() not in VOLATILE_NAMES:
            is_word = re.fullmatch(r"\w+", name)
            near = f"write {{{prefix}{name}}}" if is_word else "write names in braces, texts in quotes"
            findings.add("E06", formula.place, f"{name} in {formula.text} is not in braces", near)
    return True


def _unknown(formula: Formula) -> str:
    """What a formula calls that some engine has not, or has with another meaning; '' if there is nothing."""
    try:
        if formula.spelled.find(*LOOSE):
            for engine in ENGINES.values():
                formula.sql(engine, lambda name: "x")
    except Unknown as unknown:
        return str(unknown)
    except UnsupportedError as error:
        return str(error).splitlines()[0].rstrip(".")
    return ""


def check_columns(
    config: Config, event: EventType | None, called: str, formula: Formula, more: Sequence[str], findings: Findings
) -> None:
    """E06 for names that are neither columns of an event nor some `more`. What is `called` has no event where it is built in."""
    if event and any(config.logical_table(one.logical_table) is None for one in event.enrichments):
        return  # the columns are not known, and why, was said
    known = [*(event.types if event else ()), *more]
    for name in formula.names:
        several = event.joined_as(name) if event else ()
        if name not in known and several:
            names = " or ".join(f"{{{column.name}}}" for column in several)
            what = f"{name} is a column of several tables that {called} is joined to"
            findings.add("E06", formula.place, what, f"write {names}")
        elif name not in known:
            what = f"unknown column of {called}: {name or '{}'}"
            findings.unknown(config, "column", name, formula.place, what, known)


def check_condition(formula: Formula, what: str, types: Mapping[str, DataType], findings: Findings) -> None:
    """E20 where a formula is no condition, for sure."""
    tree = formula.tree.unnest()
    bare = (
        types.get(formula.names[0].removeprefix("property."))
        if isinstance(tree, exp.Column) and formula.names
        else None
    )
    arithmetic = isinstance(tree, (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.SafeDivide, exp.Literal, exp.DPipe))
    if arithmetic or (bare is not None and bare is not DataType.BOOLEAN):
        findings.add("E20", formula.place, f"{what} is not true or false: {formula.text}", "compare it: '{x} > 0'")


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
