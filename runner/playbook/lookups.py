"""How a playbook says that a look-up is tracked: static, by its fingerprint, or by a key."""

from __future__ import annotations

from enum import StrEnum

from runner.errors import did_you_mean
from runner.files.schema import Hints, Kind, Scope, Wrong, described, located, mapping, record
from runner.files.yaml import Mapping, Node, Scalar
from runner.names import TableName
from runner.playbook.kinds import LOOKUP_KEY, TABLE
from runner.playbook.values import Lookup

_TRACKED = "static, fingerprint or {key: column}"
_KEY = "write key: the column, or a list of those, that tells its rows apart"
_HINTS = Hints(other_tools=dict.fromkeys(("unique", "unique_key", "primary_key", "id"), _KEY), homes={})
_BLANK = Lookup(TableName(()))


class _Tracking(StrEnum):
    STATIC = "static"
    FINGERPRINT = "fingerprint"


def _lookup(node: Node, scope: Scope) -> Lookup:
    """All that is said of a look-up but its name, which stands before it."""
    if isinstance(node, Mapping):
        return _KEYED.read(node, scope)
    word = node.text if isinstance(node, Scalar) else ""
    if word not in list(_Tracking):
        hint = did_you_mean(word.lower(), list(_Tracking), "write {key: the column that tells its rows apart}")
        raise Wrong(f"must be {_TRACKED}, not {described(node)}", hint)
    return Lookup(TableName(()), static=word == _Tracking.STATIC)


_KEYED = record("a look-up", lambda row: Lookup(TableName(()), key=row.need("key", LOOKUP_KEY, _KEY)), _BLANK, _HINTS)
LOOKUPS = mapping(located(TABLE), Kind(_lookup, _BLANK), f"table: {_TRACKED}")
