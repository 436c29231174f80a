"""`runner migrate`: an SQL Runner playbook → a native one beside it, that sends the same SQL.

Files are translated for the playbook's own variables and then compared: each is rendered by both languages, and what
differs is said. Nothing that is there already is overwritten.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from runner.doors.sqlrunner.files.functions import Outside, functions
from runner.doors.sqlrunner.files.playbook import OldPlaybook, OldTarget, Query, Step
from runner.doors.sqlrunner.files.queries import Unready, load, resolved, source_text
from runner.doors.sqlrunner.files.templates import parse
from runner.doors.sqlrunner.gotemplate import Function, Value
from runner.doors.sqlrunner.gotemplate.functions.printing import plain
from runner.doors.sqlrunner.hidden import hide_given, read_hiding
from runner.doors.sqlrunner.migrate.jinja import Undone, literal_text, translate
from runner.doors.sqlrunner.targets import errors_of, url_of
from runner.errors import BadInput, Place, Problem
from runner.files.schema import Wrong
from runner.playbook.load import load as load_native
from runner.playbook.variables import typed
from runner.secrets import looks_secret
from runner.sql.templates import render

_EVENTS = re.compile(r"\b(?:from|join)\s+([\w{}. ]+\.)?(\w*events)\b", re.IGNORECASE)
_RECORD = re.compile(r"\b([\w]+\.)?(\w*manifest\w*|datamodel_metadata)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Migrated:
    """What was written, and what a user should know of it."""

    playbook: Path
    files: tuple[Path, ...]
    notes: tuple[str, ...]
    undone: tuple[Problem, ...]  # not translated, or rendering differently


@dataclass
class _File:
    """One SQL file of the new playbook."""

    path: str  # below sql_root
    text: str
    before: str  # as SQL Runner renders it
    source: Path


class _Watched(Mapping[str, str]):
    """The environment, and what of it a playbook has asked for."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.asked: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        self.asked[name] = self._env[name]
        return self._env[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._env)

    def __len__(self) -> int:
        return len(self._env)


@dataclass
class _Work:
    """What is gathered on the way."""

    read_from: Mapping[str, str]  # values that the playbook read from the environment → their names there

    files: dict[tuple[str, bool], _File] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    undone: list[Problem] = field(default_factory=list)
    given: dict[str, str] = field(default_factory=dict)  # what the new playbook asks of the environment besides
    environment: dict[str, str] = field(default_factory=dict)
    unset: dict[str, None] = field(default_factory=dict)

    def note(self, text: str) -> None:
        self.notes.setdefault(text)


def migrate(path: Path, root: str, given: Mapping[str, str], outside: Outside) -> Migrated:
    """Write the native playbook of `path`. Raises BadInput where the old one cannot be read, or a file is there."""
    watched = _Watched(outside.env)
    outside = replace(outside, env=watched)
    known = functions(outside)
    playbook = read_hiding(path, given, outside)
    work = _Work(read_from={value: name for name, value in watched.asked.items() if value})
    folder = path.with_name(f"{path.stem}.native")
    target = path.with_name(f"{path.stem}.native.yml")
    for there in (folder, target):
        if there.exists():
            raise BadInput(Problem(Place(there), "is there already", "remove it, or rename it, and migrate again"))
    for query in dict.fromkeys(query for step in playbook.steps for query in step.queries):
        _translated(query, playbook, root, known, work)
    hide_given(playbook, outside)
    text = _playbook(playbook, folder.name, outside, work)
    written = []
    for file in work.files.values():
        place = folder / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(file.text, encoding="utf-8")
        written.append(place)
    target.write_text(text, encoding="utf-8")
    _compare(target, folder, outside, work)
    return Migrated(target, tuple(written), tuple(work.notes), tuple(work.undone))


def _translated(query: Query, playbook: OldPlaybook, root: str, known: Mapping[str, Function], work: _Work) -> None:
    if (query.file, query.template) in work.files:
        return
    source = Path(resolved(root, query.file))
    try:
        (step,) = load([_only(query)], root, playbook.own_variables, known)
    except Unready as unready:
        raise BadInput(
            [Problem(query.place, error, "an old playbook is migrated once it renders") for error in unready.errors]
        ) from None
    before = step.queries[0].text
    if query.template:
        template = parse(source_text(query, str(source)).replace("\r\n", "\n"), known, Place(source))
        done = translate(template, playbook.own_variables, work.environment)
        text = done.text
        work.undone += [_problem(undone, source) for undone in done.undone]
        work.environment = done.environment
        work.unset |= dict.fromkeys(sorted(done.unset))
    else:
        text = literal_text(before)
    work.files[query.file, query.template] = _File(_below(query, work), text, before, source)


def _only(query: Query) -> Step:
    return Step("", (query,))


def _problem(undone: Undone, source: Path) -> Problem:
    return Problem(Place(source, undone.line), f"not translated: {undone.what}", undone.why)


def _below(query: Query, work: _Work) -> str:
    """Where a query's file goes below the new root: as it lay, without ways out of it."""
    parts = [part if part != ".." else "up" for part in posixpath.normpath(query.file.lstrip("/")).split("/")]
    path = "/".join(parts)
    taken = {file.path for file in work.files.values()}
    stem, dot, ending = path.rpartition(".")
    number = 2
    while path in taken:
        path, number = f"{stem}_{number}{dot}{ending}", number + 1
    return path


# -- the new playbook's text ---------------------------------------------------------------------------------------------


def _playbook(playbook: OldPlaybook, folder: str, outside: Outside, work: _Work) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]", "_", playbook.path.stem)[:40]
    lines = [
        f"# Made from {playbook.path.name} by runner migrate: the same SQL, in the same order.",
        f"name: {name if name[:1].isalpha() else 'p' + name[:39]}",
        f"target: {_target(playbook.targets, work)}",
        f"sql_root: {json.dumps(folder)}",
    ]
    if playbook.public:
        lines.append(f"public: {json.dumps(playbook.public)}")
    if playbook.statement_timeout_s:
        lines.append(f"statement_timeout_s: {playbook.statement_timeout_s:g}")
    variables = {**playbook.own_variables, **dict.fromkeys(work.unset)}
    if variables or work.environment:
        lines += ["", "variables:"]
        for name, value in variables.items():
            lines += _variable(name, value, work)
        lines += [f"  {name}: ${{{theirs}:-}}" for name, theirs in work.environment.items()]
    for name in work.unset:
        work.note(f"variable {name} is not set: it printed <no value>, and still does until it is given a value")
    lines += ["", "steps:"]
    taken: set[str] = set()
    for step in playbook.steps:
        if not step.queries:
            work.note(f"step {step.name} has no queries and is left out")
            continue
        title = step.name.strip() or "step"
        number, unique = 2, title
        while unique in taken:
            unique, number = f"{title} ({number})", number + 1
        if unique != title:
            work.note(f"several steps were called {title}; one is now {unique!r}")
        taken.add(unique)
        lines += [f"  - name: {json.dumps(unique, ensure_ascii=False)}", "    queries:"]
        lines += [
            f"      - {json.dumps(work.files[q.file, q.template].path, ensure_ascii=False)}" for q in step.queries
        ]
    return "\n".join([*lines, "", *_offer(work), ""])


def _target(targets: Sequence[OldTarget], work: _Work) -> str:
    """The first target that can be used; its password comes from the environment."""
    usable = [target for target in targets if not errors_of(target)]
    for target in targets:
        if target not in usable:
            work.note(f"target {target.name or target.type} is left out: {errors_of(target)[0]}")
    if not usable:
        return "${RUNNER_TARGET}"
    first = usable[0]
    secrets = {key: first[key] for key in ("password", "private_key_passphrase") if first[key]}
    marked = {key: f"RUNNERMIGRATED{number}" for number, key in enumerate(secrets)}
    url = url_of(OldTarget({**first.keys, **marked}, first.ssl))
    for key, mark in marked.items():
        variable = re.sub(r"[^A-Z0-9_]", "_", f"{first.name or first.type}_{key}".upper())
        variable = variable if variable[0].isalpha() else f"T_{variable}"
        url = url.replace(mark, f"${{{variable}}}")
        work.note(f"export {variable}=…: secrets of {first.name or 'the target'} are not written into a playbook")
    for other in usable[1:]:
        work.note(f"a native playbook has one target: for {other.name} run it again with --target URL")
    return json.dumps(url)


def _variable(name: str, value: Value, work: _Work) -> Iterator[str]:
    written = _from_environment(name, value, work) or _written(value)
    if written is None:
        work.note(f"variable {name} is left out: a native variable is a single value or a flat list")
    elif not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        work.note(f"variable {name} is left out: no template can name it")
    else:
        yield f"  {name}: {written}"


def _from_environment(name: str, value: Value, work: _Work) -> str | None:
    """What the playbook read from the environment is read there still, and no secret is written."""
    if isinstance(value, str) and value in work.read_from:
        return f"${{{work.read_from[value]}:-}}"
    if value in (None, "", [], {}) or isinstance(value, bool) or not looks_secret(name):
        return None
    variable = re.sub(r"[^A-Z0-9_]", "_", name.upper())
    work.given[variable] = plain(value)
    work.note(f"export {variable}=…: the value of variable {name} is not written into a playbook")
    return f"${{{variable}:-}}"


def _written(value: Value) -> str | None:
    """A value as the native format reads it back; None if it cannot hold it."""
    if isinstance(value, list):
        items = [None if isinstance(item, (list, dict)) else _written(item) for item in value]
        return None if None in items else f"[{', '.join(filter(None, items))}]"
    if isinstance(value, (dict, complex)):
        return None
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return json.dumps(value.replace("${", "$${"), ensure_ascii=False)
    try:
        same = typed(repr(value)) == value
    except Wrong:
        same = False
    return repr(value) if same else None


def _offer(work: _Work) -> list[str]:
    """What the next step would be, where the SQL reads a stream of events."""
    texts = " ".join(file.before for file in work.files.values())
    record = sorted({found[0].lower() for found in _RECORD.finditer(texts)})
    if not _EVENTS.search(texts) and "etl_tstamp" not in texts:
        return []
    if record:
        work.note(f"it keeps its own record of what it has processed ({', '.join(record[:4])}): a source does that")
    work.note("it reads a stream of events: docs/sql-runner.md goes on to a manifest, rewind and verify in small steps")
    return [
        "# The next step, one model at a time (docs/sql-runner.md): a manifest of batches, rewind and verify.",
        "#",
        "# source:",
        "#   table: atomic.events",
        "#   batch: etl_tstamp",
        "# steps:",
        "#   - name: sessions",
        "#     models:",
        "#       - {table: derived.sessions, sql: sessions.sql, key: domain_sessionid}",
    ]


# -- proof -------------------------------------------------------------------------------------------------------------


def _compare(playbook: Path, folder: Path, outside: Outside, work: _Work) -> None:
    """Render what was written by the native language, and say where it is not the same text."""
    env = {**outside.env, **work.given}
    for name in re.findall(r"\$\{(\w+)\}", playbook.read_text(encoding="utf-8")):
        env.setdefault(name, "x")
    try:
        native = load_native(playbook, env)
    except BadInput as error:
        work.undone += error.problems
        return
    values = {variable.name: variable.value for variable in native.variables}
    marked = {problem.place.path for problem in work.undone}
    for file in work.files.values():
        if file.source in marked:
            continue
        place = Place(folder / file.path)
        try:
            after = render(file.text, values, place)
        except BadInput as error:
            work.undone += error.problems
            continue
        if after == file.before.replace("\r\n", "\n") != file.before:
            work.note(f"{file.path}: its line ends are \\n now")
        elif after != file.before:
            work.undone.append(Problem(place, "renders to another text than before", f"compare it with {file.source}"))
