"""The queries of a run, read and rendered before anything is connected: one bad file stops the run for every target."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.doors.sqlrunner.files.playbook import Query, Step
from runner.doors.sqlrunner.files.templates import render
from runner.doors.sqlrunner.gotemplate import Function, Value
from runner.errors import BadInput, Place, Problem, Problems
from runner.files.text import NUL, Bounds, read

BOUNDS = Bounds(100_000_000, "load data by COPY; split the script in several", NUL, "save it as text")
_NO_UTF8 = re.compile("[\ud800-\udfff]")
LOADING = "An error occurred loading the SQL file"
NO_STEP = "The fromStep argument did not match any available steps"
NO_QUERY = "The runQuery argument did not match any available queries"


class Unready(Exception):
    """The queries cannot be made ready; `errors` are what each target is told."""

    def __init__(self, errors: Sequence[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = tuple(errors)


@dataclass(frozen=True)
class ReadyQuery:
    """A query as it is sent."""

    name: str
    path: str
    text: str


@dataclass(frozen=True)
class ReadyStep:
    """A step with its queries as they are sent."""

    name: str
    queries: tuple[ReadyQuery, ...]


def chosen(steps: Sequence[Step], from_step: str, run_query: str) -> tuple[Step, ...]:
    """The steps from the first one of a name on, or `step::query` alone. Raises Unready."""
    if run_query:
        step_name, colons, query_name = run_query.partition("::")
        if not colons:
            raise Unready([f"{NO_QUERY}: '{run_query}' (write step::query)"])
        first = _from(steps, step_name)[0]
        query = next((query for query in first.queries if query.name == query_name), None)
        if query is None:
            known = ", ".join(f"{first.name}::{query.name}" for query in first.queries)
            raise Unready([f"{NO_QUERY}: '{run_query}' (there are {known or 'none'})"])
        return (Step(first.name, (query,), first.place),)
    return _from(steps, from_step) if from_step else tuple(steps)


def _from(steps: Sequence[Step], name: str) -> tuple[Step, ...]:
    index = next((n for n, step in enumerate(steps) if step.name == name), None)
    if index is None:
        known = ", ".join(dict.fromkeys(step.name for step in steps))
        raise Unready([f"{NO_STEP}: {name} (there are {known})"])
    return tuple(steps[index:])


def resolved(root: str, file: str) -> str:
    """The path of a query's file: always below the root, also one that begins with a slash."""
    path = posixpath.normpath(f"{root}/{file}" if root else file.lstrip("/"))
    return path[1:] if path.startswith("//") else path


def load(
    steps: Sequence[Step], root: str, variables: Mapping[str, Value], functions: Mapping[str, Function]
) -> tuple[ReadyStep, ...]:
    """All files read and rendered. Raises Unready with every problem found; the original stops at the first."""
    errors: list[str] = []

    def ready(query: Query) -> ReadyQuery:
        path = resolved(root, query.file)
        try:
            return ReadyQuery(query.name, path, _text(query, path, variables, functions))
        except BadInput as error:
            errors.extend(f"{LOADING}: {path}: {_said(problem, path)}" for problem in error.problems)
            return ReadyQuery(query.name, path, "")

    found = tuple(ReadyStep(step.name, tuple(ready(query) for query in step.queries)) for step in steps)
    if errors:
        raise Unready(list(dict.fromkeys(errors)))
    return found


def _said(problem: Problem, path: str) -> str:
    """The problem in one line; its file stands before it already."""
    where = str(problem.place).removeprefix(path).removeprefix(":")
    line = f"line {where}: " if where.isdigit() else f"{where}: " if where else ""
    return f"{line}{problem.what}" + (f" ({problem.hint})" if problem.hint else "")


def source_text(query: Query, path: str) -> str:
    """What a query's file holds. Raises BadInput."""
    file = Path(path)
    if not query.file:
        raise BadInput(Problem(query.place, f"query {query.name} has no file:", "file: path/of/the.sql"))
    if file.exists() and not file.is_file():  # a pipe would be waited for
        raise BadInput(Problem(Place(file), "not a regular file", f"named at {query.place}"))
    try:
        return read(file, BOUNDS, Problems())
    except OSError as error:
        said = error.strerror or type(error).__name__
        raise BadInput(Problem(Place(file), said, f"named at {query.place}")) from None


def _text(query: Query, path: str, variables: Mapping[str, Value], functions: Mapping[str, Function]) -> str:
    file, text = Path(path), source_text(query, path)
    filled = render(text, dict(variables), functions, Place(file)) if query.template else text
    if _NO_UTF8.search(filled):
        raise BadInput(Problem(Place(file), "the template cuts a character in two", "slice counts bytes, as in Go"))
    return filled
