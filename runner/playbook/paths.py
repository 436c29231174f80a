"""Files and folders of a playbook, and its target as it is written.

Relative paths start at the playbook, and no password stands in the target.
"""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path

from runner.errors import Place
from runner.files.environment import literal_part
from runner.files.schema import TEXT, Kind, Scope, Wrong, many
from runner.files.yaml import Node, Scalar

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# userinfo with a password; a port ("host:5432/…") is none
_PASSWORD = re.compile(r"://[^:/@?#]*:(?!\d+(?:[/?#]|$))[^@]+@")
_SECRET_PARAMETER = re.compile(
    r"[?&;]\w*(?:password|passwd|pwd|passphrase|secret|token|apikey|api_key)\w*=[^&;]", re.IGNORECASE
)


def folder_of(place: Place) -> Path:
    """The real folder of the file that a value stands in: relative paths of a playbook start there."""
    return Path(os.path.realpath(place.path.parent if place.path else "."))


def absolute(text: str, folder: Path) -> str:
    return os.path.normpath(folder / text)


def holds_password(written: str) -> bool:
    """Whether a URL says a password itself, in place of a ${VAR}."""
    text = literal_part(written)
    return bool(_PASSWORD.search(text) or _SECRET_PARAMETER.search(text))


def refuse_password(node: Node, variable: str) -> None:
    """A password may come from the environment only: files are committed, copied and printed."""
    if isinstance(node, Scalar) and holds_password(node.written):
        raise Wrong("holds a literal password", f"put it in the environment: ${{{variable}}} in its place")


def _file_pattern(node: Node, scope: Scope) -> str:
    text = TEXT.read(node, scope)
    refuse_password(node, "SECRET")
    if _URL.match(text):
        return text
    # The folder's own name is no pattern, even if it has brackets.
    return absolute(text, Path(glob.escape(str(folder_of(node.place)))))


FILES = many(Kind(_file_pattern, ""), or_one=True)


def _folder(node: Node, scope: Scope) -> Path | None:
    return Path(absolute(TEXT.read(node, scope), folder_of(node.place)))


FOLDER: Kind[Path | None] = Kind(_folder, None)


def _target_as_written(node: Node, scope: Scope) -> Scalar | None:
    TEXT.read(node, scope)
    refuse_password(node, "PGPASSWORD")
    return node if isinstance(node, Scalar) else None


TARGET: Kind[Scalar | None] = Kind(_target_as_written, None)
