"""`runner generate`: reads, chooses, and gives files; compares them with those that are there."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runner.doors.products.choose.clashes import find_clashes
from runner.doors.products.choose.listing import Listing
from runner.doors.products.choose.naming import Given
from runner.doors.products.choose.present import present, tables_of
from runner.doors.products.choose.wide import Choices, Present, choose
from runner.doors.products.files.read import read_product
from runner.doors.products.layouts import DocumentLayout, TableLayout
from runner.doors.products.output.dbt import dbt_files, newest_by
from runner.doors.products.output.files import ATOMIC, MADE, Destination, File, Output, Plan, view_file
from runner.doors.products.output.playbook import playbook_files
from runner.errors import BadInput, Exit, Place, Problem, Problems, RunnerError

HEAD = 4000  # characters of a file in which its mark stands
SHOWN = 12  # lines of a difference


class MovedOn(RunnerError):
    """`--check`: the product or a schema is not what the files were made of (exit 9)."""

    exit_code = Exit.DIFFERENT


Look = Callable[[Sequence[str]], Sequence[Present]]


@dataclass(frozen=True)
class Job:
    """One `generate` command: what is to be made of which product, for which layout."""

    output: Output
    product: Path
    schemas: tuple[str, ...]
    layout: DocumentLayout | TableLayout
    choices: Choices
    before: tuple[Given, ...] = ()
    where: Destination = ATOMIC


@dataclass(frozen=True)
class Generated:
    """What a command gives: the plan, its files, and what was renamed or added."""

    plan: Plan
    files: tuple[File, ...]
    notes: tuple[str, ...]


def list_choices(job: Job) -> Listing:
    """`--list`: what there is to choose."""
    return Listing(choose(read_product(job.product, job.schemas), job.choices, job.layout, job.before))


def make_files(job: Job, look: Look | None = None) -> Generated:
    """Raises BadInput with all that is wrong with the product, its schemas and the choices; `look` asks a warehouse which
    tables are there.
    """
    choices, notes = _completed(job)
    wide = choose(read_product(job.product, job.schemas), choices, job.layout, job.before)
    problems = Problems()
    if look:
        wide = present(wide, job.layout, job.where.looked(look, tables_of(wide, job.layout)), problems)
    find_clashes(wide, job.layout, problems)
    problems.finish()
    plan = Plan(wide, job.layout, choices, job.output, job.where)
    make = {Output.VIEW: lambda p: (view_file(p),), Output.PLAYBOOK: playbook_files, Output.DBT: dbt_files}
    return Generated(plan, make[job.output](plan), (*notes, *plan.wide.notes, *plan.left_out()))


def _completed(job: Job) -> tuple[Choices, list[str]]:
    """An incremental model has its key, and dbt's predicate its time, whatever was chosen."""
    by_output = {Output.VIEW: (), Output.PLAYBOOK: ("event_id",), Output.DBT: ("event_id", newest_by(job.layout))}
    needed = by_output[job.output]
    choices = job.choices
    if not choices.columns or choices.all_columns:
        return choices, []
    missing = tuple(name for name in needed if name not in choices.columns)
    notes = [f"{name} is added: the {job.output} needs it" for name in missing]
    return replace(choices, columns=(*missing, *choices.columns)), notes


def write_files(made: Generated, folder: Path) -> list[Path]:
    """Write the files; what was generated before, of this product as this output, is replaced. Raises BadInput for
    anything else.
    """
    paths = [folder / file.name for file in made.files]
    problems = [
        Problem(Place(path), other, "name another folder with -o, or remove the file")
        for path in paths
        if os.path.lexists(path) and (other := _another(path, made.plan))
    ]
    if problems:
        raise BadInput(problems)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, file in zip(paths, made.files, strict=True):
            path.write_text(file.text, encoding="utf-8")
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}"
        raise BadInput(Problem(Place(folder), what, "-o names a folder")) from None
    return paths


def _another(path: Path, plan: Plan) -> str:
    """What a file is that was not generated of this product as this output; nothing if it was."""
    try:
        with path.open(encoding="utf-8") as file:
            head = file.read(HEAD)
    except (OSError, UnicodeDecodeError):
        head = ""
    if MADE not in head:
        return "is not a file that runner generate made"
    found = re.search(rf"{MADE} (\w+ of data product .*): edit ", head)
    return "" if plan.mark in head else f"was generated as the {found[1] if found else 'file of another product'}"


def marked_files(folder: Path, plan: Plan) -> Iterator[str]:
    """The names of all files in a folder that were generated as this output of this product."""
    for path in sorted(folder.iterdir()):
        if path.suffix in (".sql", ".yml") and path.is_file() and not _another(path, plan):
            yield path.name


def compare_files(made: Generated, folder: Path) -> None:
    """Raises MovedOn where a file is not what would be generated now, with what came and what went."""
    found = []
    for file in made.files:
        path = folder / file.name
        if not os.path.lexists(path):
            found.append(f"{path}: is not there")
        elif other := _another(path, made.plan):
            found.append(f"{path}: {other}")
        elif (old := path.read_text(encoding="utf-8")) != file.text:
            found.append("\n".join([f"{path}: is out of date", *_difference(old, file.text)]))
    if found:
        raise MovedOn("\n".join(found), "the product or a schema has moved on: run the same command without --check")


def _difference(old: str, new: str) -> list[str]:
    """The lines that went and came."""
    lines = [
        f"  {line[0]} {line[1:].strip()[:160]}"
        for line in difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0)
        if line[0] in "+-" and not line.startswith(("+++", "---")) and line[1:].strip()
    ]
    more = len(lines) - SHOWN
    return [*lines[:SHOWN], *([f"  … and {more} lines more"] if more > 0 else [])]
