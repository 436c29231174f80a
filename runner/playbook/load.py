"""A playbook file → `Playbook`: reads it and what it includes, joins the files, and checks what only shows together.

Included playbooks come first, each once, in the order they are named. Of an included file the sources, look-ups,
variables, schema names and steps count; its name, target, state schema and time-out do not, since the run is not its
own. Its SQL is found below its own sql_root, which must lie inside the including playbook's: paths of queries are
rewritten to start there, so that a Query's path is always relative to `Playbook.sql_root`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from runner.errors import BadInput, NoSteps, Place, Problems, did_you_mean, show
from runner.files.environment import expand, expand_text
from runner.files.schema import Scope, Wrong
from runner.files.yaml import BOUNDS, Scalar, parse, read_text
from runner.names import TableName
from runner.playbook.format import Page, is_playbook, read_page
from runner.playbook.hidden import hidden
from runner.playbook.kinds import NAME
from runner.playbook.paths import folder_of, holds_password
from runner.playbook.values import Model, Playbook, Query, Step, Variable, View
from runner.playbook.variables import override, variable
from runner.warehouse.target import MEMORY, Target

T = TypeVar("T")
MAX_INCLUDES = 20  # below each other

_COLON_KEY = re.compile(r"^:(?:targets|variables|steps)[ \t]*:|^([\"']?)targets\1[ \t]*:", re.MULTILINE)


def load(
    path: Path, env: Mapping[str, str], overrides: Mapping[str, str] = {}, target: str | Target | None = None
) -> Playbook:
    """The playbook at `path`. Raises BadInput with all problems, or NoSteps; connects to nothing, parses no SQL.

    `overrides` are the `--var` values, and `target`, which may be what --target says, stands in place of its own.
    """
    problems = Problems()
    reader = _Pages(env, problems)
    pages = reader.read(path, own_target=target is None)
    page = pages[-1]
    steps, views = _steps(pages, problems)
    playbook = Playbook(
        name=_name(page, problems),
        path=path,
        target=_target(page, target, env, problems),
        sql_root=page.sql_root,
        steps=steps,
        views=views,
        sources=_distinct(problems, "source", ((s.table, s, s.place) for p in pages for s in p.sources)),
        lookups=_distinct(problems, "look-up", ((x.table, x, x.place) for p in pages for x in p.lookups)),
        variables=_overridden(_variables(pages, problems), overrides, pages, problems),
        schemas=_distinct(
            problems, "schema", ((old.value, (old.value, new), old.place) for p in pages for old, new in p.schemas)
        ),
        state_schema=page.state_schema,
        scratch_schema=page.scratch_schema,
        dialect=_dialect(pages, problems),
        functions=tuple(dict.fromkeys(name.lower() for page in pages for name in page.functions)),
        public=tuple(dict.fromkeys(name for page in pages for name in page.public)),
        statement_timeout_s=page.statement_timeout_s,
        trial_s=page.trial_s,
    )
    _check_tables(playbook, problems)
    _check_source(playbook, pages, problems)
    problems.finish()
    if not playbook.steps:
        raise NoSteps(f"{path}: a playbook without steps", "add steps:, or models: at the top")
    return replace(playbook, hidden=hidden(playbook, env, reader.texts))


def is_sqlrunner(text: str) -> bool:
    """Whether a file is a playbook of Snowplow's SQL Runner: keys with colons (`:steps:`), or `targets:`."""
    return _COLON_KEY.search(text.removeprefix("\ufeff")) is not None


def is_sqlrunner_file(path: Path) -> bool:
    """The same of a path; what is no file that can be read is none."""
    try:
        if not path.is_file():  # a pipe would be waited for
            return False
        with path.open("rb") as file:
            return is_sqlrunner(file.read(BOUNDS.max_bytes).decode("utf-8", "replace"))
    except (OSError, ValueError):
        return False


class _Pages:
    """Reads a file and those that it includes, each once however many files name it."""

    def __init__(self, env: Mapping[str, str], problems: Problems) -> None:
        self._env, self._problems = env, problems
        self._done: set[str] = set()
        self.texts: list[str] = []

    def read(self, path: Path, *, own_target: bool, chain: tuple[Path, ...] = ()) -> list[Page]:
        """The pages of the included files, then the file's own."""
        text = read_text(path, self._problems)
        if is_sqlrunner(text):
            found = _COLON_KEY.search(text)
            line = text.count("\n", 0, found.start()) + 1 if found else 0
            what = "this is an SQL Runner playbook, without models and a manifest"
            hint = f"runner run, check and render know it; for the rest: runner migrate {path}"
            self._problems.stop(Place(path, line, 1), what, hint)
        # A target that nobody asks for needs no environment.
        leave = frozenset() if own_target else frozenset({"target"})
        self.texts.append(text)
        if not is_playbook(text):
            self._problems.foreign.add(path)
        tree = parse(text, path, self._problems)
        node = expand(tree, self._env, self._problems, leave, frozenset({"target"}) - leave)
        page = read_page(node, path, self._problems)
        self._done.add(os.path.realpath(path))
        included: list[Page] = []
        for entry in page.include:
            included += self._include(entry.value, entry.place, (*chain, path)) if entry.value else []
        return [*included, page]

    def _include(self, text: str, place: Place, chain: tuple[Path, ...]) -> list[Page]:
        path = chain[-1].parent / text
        real = os.path.realpath(path)
        if real in map(os.path.realpath, chain):
            names = " → ".join(p.name for p in (*chain, path))
            self._problems.add(place, f"'include' goes in a circle: {names}", "remove one of them")
        elif len(chain) > MAX_INCLUDES:
            what = f"'include' goes through more than {MAX_INCLUDES} files, each below the one before"
            self._problems.add(place, what, "include them from one file")
        elif not os.path.isfile(real):
            self._problems.add(
                place, f"'include' names {show(text)}, and there is no such file", "paths start at this file"
            )
        elif real not in self._done:
            try:
                return self.read(path, own_target=False, chain=chain)
            except BadInput:
                self._done.add(real)  # its problems are kept; the other files are still read
        return []


def _name(page: Page, problems: Problems) -> str:
    """The playbook's name; one that comes from the file's name is checked here, by the same rule."""
    stem = Scalar(Place(page.path), page.name, page.name, plain=False)
    before = len(problems.found)
    if not page.name or Scope(problems, "the file's name is the playbook's, and").read(NAME, stem):
        return page.name
    del problems.found[before + 1 :]
    return ""


def _target(page: Page, other: str | Target | None, env: Mapping[str, str], problems: Problems) -> Target:
    if other is not None:
        return other if isinstance(other, Target) else given_target(other, env, problems)
    text = page.target.text if page.target else f"duckdb:///{page.name}.duckdb"
    place = page.target.place if page.target else Place(page.path)
    try:
        return Target.parse(text, folder_of(place))
    except Wrong as wrong:
        problems.add(place, f"'target' in the playbook {wrong.what}", wrong.hint)
        return MEMORY


def given_target(written: str, env: Mapping[str, str], problems: Problems) -> Target:
    """What --target names, from where the command is given; like that of a file it says no password itself."""
    if holds_password(written):
        what = "--target holds a literal password, which every user of this machine sees in the list of processes"
        hint = (
            "in single quotes: --target 'postgresql://user:${PGPASSWORD}@host/db', or leave it out and set PGPASSWORD"
        )
        problems.stop(Place(), what, hint)
    return parsed_target(written, "--target", env, problems)


def parsed_target(written: str, label: str, env: Mapping[str, str], problems: Problems) -> Target:
    """What a URL names, from where the program runs; messages call it `label`."""
    text = expand_text(written, Place(), env, problems, f"{label}: ", url=True)
    try:
        return Target.parse(text, Path.cwd()) if text is not None else MEMORY
    except Wrong as wrong:
        problems.add(Place(), f"{label} {wrong.what}", wrong.hint)
        return MEMORY


def _where(place: Place, seen_from: Place) -> str:
    return f"line {place.line}" if place.path == seen_from.path else str(place)


def _distinct(
    problems: Problems, what: str, found: Iterable[tuple[object, T, Place]], *, shared: bool = True
) -> tuple[T, ...]:
    """The values, each key once. With `shared`, a second file may repeat a value if it is the very same."""
    first: dict[object, tuple[T, Place]] = {}
    for key, value, place in found:
        if key in ("", TableName(())):  # could not be read, and was reported
            continue
        if key not in first:
            first[key] = (value, place)
            continue
        other, there = first[key]
        if not shared or place.path == there.path:
            problems.add(
                place, f"a second {what} {show(str(key))}, first at {_where(there, place)}", "keep one of the two"
            )
        elif value != other:
            hint = "files that are run together must agree: make them the same, or keep one"
            problems.add(place, f"the {what} {show(str(key))} differs from the one at {_where(there, place)}", hint)
    return tuple(value for value, _ in first.values())


def _variables(pages: list[Page], problems: Problems) -> tuple[Variable, ...]:
    found = (
        (name.value, variable(name.value, value, name.place), name.place) for p in pages for name, value in p.variables
    )
    return _distinct(problems, "variable", found)


def _overridden(
    variables: tuple[Variable, ...], overrides: Mapping[str, str], pages: list[Page], problems: Problems
) -> tuple[Variable, ...]:
    """The variables with `--var` applied; a bad value is reported where the playbook gives the type."""
    values = {one.name: one for one in variables}
    places = {name.value: name.place for page in reversed(pages) for name, _ in page.variables}
    for name, text in overrides.items():
        if name not in values:
            place = Place(pages[-1].path)
            hint = did_you_mean(name, values) or "the playbook has no variables"
            problems.add(place, f"--var {name}: the playbook has no variable {show(name)}", hint)
            continue
        try:
            values[name] = override(values[name], text)
        except Wrong as wrong:
            hint = wrong.hint or f"--var {name}=… takes a value of the same type"
            problems.add(places[name], f"--var {name}: the value {wrong.what}", hint)
    return tuple(values.values())


def _dialect(pages: list[Page], problems: Problems) -> str | None:
    """The dialect of all SQL: a run has one."""
    own = pages[-1].dialect
    for page in pages[:-1]:
        refused = page.dialect.place.path is None or own.place.path is None
        if page.dialect.value != own.value and not refused:
            what = f"the dialect {page.dialect.value or 'of the target'} is not the {own.value or 'target'}'s"
            hint = f"write the same dialect: in this file and in {pages[-1].path.name}"
            problems.add(page.dialect.place, what, hint)
    return own.value


def _steps(pages: list[Page], problems: Problems) -> tuple[tuple[Step, ...], tuple[View, ...]]:
    """All steps, and the models that are views, their queries relative to one sql_root; step names are distinct, and so
    are owned tables.
    """
    root = pages[-1].sql_root
    steps: list[Step] = []
    views: list[View] = []
    for page in pages:
        inside = os.path.relpath(page.sql_root, root)
        if inside.split(os.sep)[0] == ".." and page.steps:
            what = f"the SQL of this included playbook is outside the sql_root of {pages[-1].path.name}"
            problems.add(Place(page.path), what, f"set sql_root: in {pages[-1].path.name} to a folder that holds both")
        prefix = "" if inside == "." else inside.replace(os.sep, "/") + "/"
        steps += [_moved(page_step.step, prefix) for page_step in page.steps]
        views += [replace(v, sql=_below(v.sql, prefix)) for page_step in page.steps for v in page_step.views]
    _distinct(problems, "step", ((step.name, step, step.place) for step in steps), shared=False)
    owned: list[Model | View] = [*(model for step in steps for model in step.models), *views]
    _distinct(problems, "model for", ((one.table, one, one.place) for one in owned), shared=False)
    return tuple(steps), tuple(views)


def _moved(step: Step, prefix: str) -> Step:
    models = tuple(replace(model, sql=_below(model.sql, prefix)) for model in step.models)
    return replace(step, models=models, queries=tuple(_below(query, prefix) for query in step.queries))


def _below(query: Query, prefix: str) -> Query:
    return replace(query, path=prefix + query.path)


def _check_tables(playbook: Playbook, problems: Problems) -> None:
    """A table is a source, a look-up or a model's own, never two of them."""
    sources = {source.table: source.place for source in playbook.sources}
    owned = {one.table: one.place for one in playbook.owned if one.table.parts}
    renames = dict(playbook.schemas)
    built: dict[TableName, TableName] = {}
    for table, place in owned.items():
        real = table.renamed(renames[table.schema]) if table.schema in renames else table
        if table in sources or real in sources:
            there = _where(sources.get(table) or sources[real], place)
            what = f"the model's table {show(str(table))} is a source, at {there}"
            problems.add(place, what, "a model reads its source and owns a table of its own: give it another name")
        if built.setdefault(real, table) != table:
            what = f"the model's table {show(str(table))} becomes {real} by 'schemas', and so does {built[real]}"
            problems.add(place, what, "rename one of the schemas to something else")
    for lookup in playbook.lookups:
        for tables, what in ((sources, "source"), (owned, "model's table")):
            if lookup.table in tables:
                there = _where(tables[lookup.table], lookup.place)
                text = f"the look-up {show(str(lookup.table))} is a {what}, at {there}"
                problems.add(lookup.place, text, "remove it from lookups: its changes are tracked by key")


def _check_source(playbook: Playbook, pages: list[Page], problems: Problems) -> None:
    """Models and phases need a source: without one there is no manifest, and queries run as a plain script."""
    if any(page.sources for page in pages):  # also one that could not be read
        return
    read = [one.place for one in playbook.owned if one.table.parts]
    if read:
        hint = "add source: with table: and batch:; SQL that is not about an event stream runs as queries:"
        problems.add(read[0], "a model needs a source in the playbook", hint)
    for page in pages:
        for step in page.steps:
            if step.phase_place:
                hint = "remove phase:, or add source:; without one, the steps run as a plain script, in order"
                problems.add(step.phase_place, "'phase' in a step needs a source in the playbook", hint)
