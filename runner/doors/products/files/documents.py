"""YAML and JSON files of a data product → nodes with their places, and JSON values out of nodes."""

from __future__ import annotations

import re
from pathlib import Path

from runner.doors.products.values import Version
from runner.errors import Place, Problems
from runner.files import json
from runner.files.keys import has_key
from runner.files.yaml import Broken, Mapping, Node, Scalar, Sequence, parse, read_text

_INTEGER = re.compile(r"[-+]?[0-9]{1,40}")
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_KEYS = "apiVersion resourceType resourceName self $schema"  # one is in every file of ours
SUFFIXES = frozenset({".yml", ".yaml", ".json"})


def document(path: Path, problems: Problems) -> Node:
    """The document of one file. Raises BadInput where nothing of it can be read."""
    if not path.is_file():
        what = "not a regular file" if path.exists() else "no such file"
        problems.stop(Place(path), what, "name a file of snowplow-cli, *.yaml or *.json")
    text = read_text(path, problems)
    if not text.strip():
        problems.stop(Place(path), "the file is empty", "write it as snowplow-cli does, or name another")
    if not has_key(text, _KEYS):
        problems.foreign.add(path)
    if path.suffix.lower() == ".json" or Version.of(path.name):
        return json.parse(text, path, problems)
    if text.lstrip()[:1] in ("{", "["):
        text = text.replace("\t", " ")  # JSON may be indented with tabs; a string of it cannot hold one
    return parse(text, path, problems)


def entry(node: Node, *names: str) -> Node | None:
    """What stands under a chain of keys."""
    for name in names:
        if not isinstance(node, Mapping):
            return None
        found = next((value for key, value in node.entries if key.text == name), None)
        if found is None:
            return None
        node = found
    return node


def text_of(node: Node | None) -> str:
    """A scalar's text; nothing of anything else."""
    return node.text if isinstance(node, Scalar) and not node.empty else ""


def scalar_value(node: Scalar) -> bool | int | float | str | None:
    """The JSON value of a scalar: what is quoted is a text."""
    if not node.plain:
        return node.text
    if node.empty:
        return None
    if node.text in ("true", "false"):
        return node.text == "true"
    if _INTEGER.fullmatch(node.text):
        return int(node.text)
    return float(node.text) if _NUMBER.fullmatch(node.text) else node.text


def same(one: Node, other: Node) -> bool:
    """Whether two nodes say the same, wherever they stand and in whatever order their keys are."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        mine, theirs = ({key.text: value for key, value in node.entries} for node in (one, other))
        return mine.keys() == theirs.keys() and all(same(value, theirs[key]) for key, value in mine.items())
    if isinstance(one, Sequence) and isinstance(other, Sequence):
        pairs = zip(one.items, other.items, strict=False)
        return len(one.items) == len(other.items) and all(same(*pair) for pair in pairs)
    if isinstance(one, Scalar) and isinstance(other, Scalar):
        left, right = scalar_value(one), scalar_value(other)
        return left == right and isinstance(left, bool) is isinstance(right, bool)
    return False


def is_broken(node: Node) -> bool:
    """Whether something within has been reported already."""
    if isinstance(node, Sequence):
        return any(map(is_broken, node.items))
    if isinstance(node, Mapping):
        return any(is_broken(value) for _, value in node.entries)
    return isinstance(node, Broken)
