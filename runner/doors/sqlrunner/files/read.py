"""A file → `OldPlaybook`: colons stripped, the text filled in as a Go template, YAML read as SQL Runner reads it.

The order is SQL Runner's, and playbooks depend on it: templates see the text without its colons and only the variables
of the command line; so a template within a YAML comment is filled in too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from runner.doors.sqlrunner.files import goyaml
from runner.doors.sqlrunner.files.playbook import OUR_TARGET_KEYS, TARGET_KEYS, OldPlaybook, OldTarget, Query, Step
from runner.doors.sqlrunner.files.templates import render
from runner.doors.sqlrunner.gotemplate import Function, Value
from runner.errors import BadInput, Place, Problem, Problems, show
from runner.files.keys import has_key
from runner.files.yaml import read_text

T = TypeVar("T")
# The original waits eight hours for an answer, and cannot be told otherwise.
STATEMENT_TIMEOUT_S = 8 * 3600.0
MAX_TIMEOUT_S = 10_000_000
_KEYS = "targets variables steps statement_timeout_s"
_HINT = "targets: is a list, one entry a database; a native playbook has target:, and no colons before its keys"
_COLON = re.compile(r"^(\s*-?\s*):?(.*)$", re.ASCII | re.DOTALL)


def read(path: Path, given: Mapping[str, str], functions: Mapping[str, Function]) -> OldPlaybook:
    """The playbook at `path`, with the variables `given` on the command line. Raises BadInput with all problems."""
    problems = Problems()
    text = without_colons(read_text(path, problems))
    try:
        node = goyaml.parse(render(text, dict(given), functions, Place(path)), path)
    except BadInput as error:
        if has_key(text, _KEYS):
            raise
        raise BadInput(
            Problem(error.problems[0].place, "this is no playbook: it has neither targets: nor steps:", _HINT)
        ) from None
    if node is not None and not isinstance(node, goyaml.Mapping):
        problems.stop(Place(path, node.line), "a playbook is a mapping", "targets:, variables: and steps:")
    reader = _Reader(path, problems)
    top = node or goyaml.Mapping(1, ())
    targets = reader.each(top, "targets", reader.target)
    steps = reader.each(top, "steps", reader.step)
    places: dict[str, Place] = {}
    variables = reader.variables(top, places)
    timeout_s = reader.seconds(top, "statement_timeout_s", STATEMENT_TIMEOUT_S)
    public = reader.names(top, "public")
    if not targets and not problems.found:
        problems.add(
            Place(path),
            "no targets",
            _HINT,
        )
    if not steps and not problems.found:
        problems.add(Place(path), "no steps", "steps: is a list of names, each with its queries")
    problems.finish()
    merged = {**variables, **{name: as_given(variables.get(name), text) for name, text in given.items()}}
    return OldPlaybook(path, targets, merged, steps, timeout_s, {**merged, **variables}, places, public, text)


def without_colons(text: str) -> str:
    """Each line without the one colon that Ruby's symbols begin with, wherever it stands."""
    return "".join([_COLON.sub(r"\1\2", line) + "\n" for line in text.split("\n")])


def as_given(value: Value, text: str) -> Value:
    """The text of a command line as the type of the playbook's value, if it prints the same.

    SQL Runner makes a text of all, so that `{{if eq .stage_next true}}` fails with -var stage_next=false; no template
    that worked can tell the difference, since what is printed does not change.
    """
    if isinstance(value, bool):
        return {"true": True, "false": False}.get(text, text)
    if isinstance(value, (int, float)):
        number = goyaml.typed(text)
        same = isinstance(number, (int, float)) and not isinstance(number, bool)
        return number if same and str(number) == text else text
    return text


@dataclass(frozen=True)
class _Reader:
    """Reads the parts of a playbook; what cannot be meant is a problem, what SQL Runner leaves aside is left aside."""

    path: Path
    problems: Problems

    def _add(self, node: goyaml.Node, what: str, hint: str) -> None:
        self.problems.add(Place(self.path, node.line), what, hint)

    def each(self, top: goyaml.Mapping, key: str, one: Callable[[goyaml.Mapping], T]) -> tuple[T, ...]:
        node = top.get(key)
        if node is None or (isinstance(node, goyaml.Scalar) and node.value is None):
            return ()
        if not isinstance(node, goyaml.Sequence):
            self._add(node, f"{key}: is not a list", f"begin each entry of {key}: with a dash")
            return ()
        found = []
        for item in node.items:
            if isinstance(item, goyaml.Mapping):
                found.append(one(item))
            else:
                self._add(item, f"an entry of {key}: is not a mapping", "- name: …")
        return tuple(found)

    def _text(self, node: goyaml.Mapping, key: str) -> str:
        """Scalars are texts here, whatever they look like; null is an empty one."""
        value = node.get(key)
        if value is None or isinstance(value, goyaml.Scalar):
            return "" if value is None or (value.plain and value.value is None) else value.text
        self._add(value, f"{key}: must be a single value", f"{key}: …")
        return ""

    def _flag(self, node: goyaml.Mapping, key: str) -> bool:
        value = node.get(key)
        if value is None:
            return False
        if isinstance(value, goyaml.Scalar):
            if value.value is None:
                return False
            if (flag := goyaml.typed(value.text)) in (True, False) and isinstance(flag, bool):
                return flag
            self._add(value, f"{key}: must be true or false, not {show(value.text)}", f"{key}: true")
        else:
            self._add(value, f"{key}: must be true or false", f"{key}: true")
        return False

    def target(self, node: goyaml.Mapping) -> OldTarget:
        keys = {key: self._text(node, key) for key in (*TARGET_KEYS, *OUR_TARGET_KEYS) if node.get(key) is not None}
        return OldTarget(keys, self._flag(node, "ssl"), Place(self.path, node.line))

    def step(self, node: goyaml.Mapping) -> Step:
        return Step(self._text(node, "name"), self.each(node, "queries", self.query), Place(self.path, node.line))

    def query(self, node: goyaml.Mapping) -> Query:
        name, file = self._text(node, "name"), self._text(node, "file")
        return Query(name, file, self._flag(node, "template"), Place(self.path, node.line))

    def variables(self, top: goyaml.Mapping, places: dict[str, Place]) -> dict[str, Value]:
        node = top.get("variables")
        if node is None or (isinstance(node, goyaml.Scalar) and node.value is None):
            return {}
        if not isinstance(node, goyaml.Mapping):
            self._add(node, "variables: is not a mapping", "name: value, one a line")
            return {}
        places |= {name: Place(self.path, value.line) for name, value in node.entries}
        return {name: goyaml.value_of(value) for name, value in node.entries}

    def seconds(self, top: goyaml.Mapping, key: str, default: float) -> float:
        """A key of ours; SQL Runner leaves it aside."""
        node = top.get(key)
        value = node.value if isinstance(node, goyaml.Scalar) else None
        if node is None or (
            isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= MAX_TIMEOUT_S
        ):
            return default if value is None else float(value)  # type: ignore[arg-type]
        self._add(node, f"{key}: must be a number of seconds, at most {MAX_TIMEOUT_S:,}", f"{key}: 3600")
        return default

    def names(self, top: goyaml.Mapping, key: str) -> tuple[str, ...]:
        """A key of ours as well: a list of names."""
        node = top.get(key)
        listed = node.items if isinstance(node, goyaml.Sequence) else ()
        found = tuple(item.text for item in listed if isinstance(item, goyaml.Scalar))
        if node is not None and len(found) != max(len(listed), 1):
            self._add(node, f"{key}: must be a list of names", f"{key}: [STAGE_NAME]")
        return found


def not_a_variable(text: str) -> BadInput:
    """A `-var` that is no NAME=VALUE."""
    return BadInput(Problem(Place(), f"-var {text}: not NAME=VALUE", "-var name=value, or -var a=1,b=2"))
