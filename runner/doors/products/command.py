"""The command `runner generate`: what its flags mean together, what is printed, written or compared, and --apply."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from runner.doors.products.apply import Applying
from runner.doors.products.choose.wide import Choices, Match, Span
from runner.doors.products.generate import Generated, Job, compare_files, list_choices, make_files, write_files
from runner.doors.products.layouts import LAYOUTS, DocumentLayout, TableLayout
from runner.doors.products.output.files import Output
from runner.errors import BadInput, Place, Problem, Problems, did_you_mean, show
from runner.playbook.load import given_target
from runner.session.process import Process
from runner.warehouse import connect
from runner.warehouse.engines import DUCKDB
from runner.warehouse.target import Target

W = TypeVar("W", bound=StrEnum)
_MINUTES = {"m": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60}
_LAST = re.compile(r"([1-9][0-9]{0,4})([mhdw])")


@dataclass(frozen=True)
class Flags:
    """The command line, as it was typed."""

    output: str
    product: Path
    schemas: tuple[str, ...]
    engine: str | None
    layout: str | None
    match: str
    choices: Choices
    target: str | None
    out: Path | None
    since: str | None
    last: str | None
    apply: bool
    list: bool
    check: bool


def generate(flags: Flags, process: Process) -> None:
    """Print, write, compare or apply."""
    output = _word(Output, flags.output, "output")
    target = _target(flags, process)
    layout = _layout(flags, target)
    choices = replace(flags.choices, match=_word(Match, flags.match, "--match"), span=_span(flags))
    job = Job(output, flags.product, flags.schemas, layout, choices)
    _fits(flags, output)
    if flags.list:
        process.out.write("".join(f"{line}\n" for line in list_choices(job)))
        return
    if flags.apply and target and not flags.check:
        made = _apply(job, target, process)
    else:
        made = make_files(job)
        _tell(made, process)
    if flags.check and flags.out:
        compare_files(made, flags.out)
        process.out.write(f"{', '.join(file.name for file in made.files)}: up to date\n")
        return
    if flags.out:
        for path in write_files(made, flags.out):
            process.out.write(f"wrote {path}\n")
    elif not flags.apply:
        several = len(made.files) > 1
        for file in made.files:
            process.out.write((f"-- {file.name}\n" if several else "") + file.text)
    if flags.apply and target:
        process.out.write(f"created {made.plan.view} in {target.shown}\n")


def _word(words: type[W], text: str, label: str) -> W:
    try:
        return words(text)
    except ValueError:
        known = ", ".join(words)
        raise BadInput(Problem(Place(), f"{label} {text}: not one of {known}", did_you_mean(text, words))) from None


def _fits(flags: Flags, output: Output) -> None:
    """Flags that need each other."""
    if flags.check and not flags.out:
        raise BadInput(Problem(Place(), "--check needs -o DIR", "the folder of the files that were generated"))
    if flags.apply and (not flags.target or output is not Output.VIEW):
        what = "--apply needs --target URL" if not flags.target else "--apply is for the view"
        raise BadInput(Problem(Place(), what, "runner generate view … --apply --target duckdb:///web.duckdb"))
    if output is not Output.VIEW and (flags.since or flags.last or not flags.choices.dedupe):
        what = "--since, --last and --no-dedupe are for the view"
        raise BadInput(Problem(Place(), what, f"leave them out: the {output} finds new events by itself"))
    if flags.choices.columns and flags.choices.all_columns:
        raise BadInput(Problem(Place(), "--columns and --all-columns exclude each other", "leave one of them out"))


def _span(flags: Flags) -> Span:
    """What --since and --last say together."""
    if flags.since and flags.last:
        raise BadInput(Problem(Place(), "--since and --last exclude each other", "leave one of them out"))
    if flags.since:
        try:
            found = datetime.fromisoformat(flags.since)
        except ValueError:
            what = f"--since {show(flags.since)} is no time"
            raise BadInput(Problem(Place(), what, "write --since 2024-03-01 or 2024-03-01T12:00:00Z")) from None
        return Span(since=found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found)
    said = _LAST.fullmatch(flags.last) if flags.last else None
    if flags.last and not said:
        raise BadInput(Problem(Place(), f"--last {show(flags.last)} is no time", "write --last 7d, 12h or 90m"))
    return Span(minutes=int(said[1]) * _MINUTES[said[2]]) if said else Span()


def _layout(flags: Flags, target: Target | None) -> DocumentLayout | TableLayout:
    theirs = target.engine if target else None
    engine = flags.engine or theirs or DUCKDB.name
    if engine not in LAYOUTS:
        raise BadInput(Problem(Place(), f"--engine {engine}: not known", did_you_mean(engine, LAYOUTS)))
    if theirs and theirs != engine:
        raise BadInput(Problem(Place(), f"--engine {engine}, but the target is {theirs}", "leave --engine out"))
    known = {layout.name: layout for layout in LAYOUTS[engine]}
    name = next(iter(known)) if flags.layout is None else flags.layout
    if name not in known:
        what = f"--layout {name}: {engine} has {' and '.join(known)}"
        raise BadInput(Problem(Place(), what, f"--layout {next(iter(known))}"))
    return known[name]


def _target(flags: Flags, process: Process) -> Target | None:
    """The target with its ${VAR} filled in; a password written out is refused."""
    if flags.target is None:
        return None
    problems = Problems()
    found = given_target(flags.target, process.env, problems)
    problems.finish()
    process.hide_target(found, flags.target)
    return found


def _apply(job: Job, target: Target, process: Process) -> Generated:
    """Make the View of what the target has."""
    warehouse = connect(target, "runner generate", new=False, watch=process.watch, secrets=process.secrets)
    try:
        applying = Applying(warehouse, target)
        made = make_files(job, applying.look)
        _tell(made, process)
        applying.apply(made.plan)
        return made
    finally:
        warehouse.close()


def _tell(made: Generated, process: Process) -> None:
    for note in made.notes:
        process.err.write(f"note: {note}\n")
