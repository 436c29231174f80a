"""What a playbook's own tables are called in the state schema.

Each name holds a hash of the playbook's exact name: what is readable in it is the same for `a-b`, `a_b` and `A-b`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

KEYS, DIRTY = "keys_", "dirty_"
_MADE = re.compile(rf"{KEYS}[0-9a-f]{{10}}_[0-9a-f]{{10}}_.+|{DIRTY}([0-9a-f]{{10}}_)?[0-9a-f]{{16}}")


def fence(playbook: str) -> str:
    """The table of its fence."""
    readable = re.sub(r"[^a-z0-9_]", "_", playbook.lower())[:40]
    return f"state_{readable}_{_hash(8, playbook)}"


def scratch(playbook: str, schema: str) -> str:
    """What its scratch places are named after: another environment's runs must not be swept away."""
    return f"{playbook[:12]}_{_hash(10, schema, playbook)}"


def keys_prefix(playbook: str) -> str:
    """What the names of its key indexes begin with."""
    return f"{KEYS}{_hash(10, playbook)}_"


def keys(playbook: str, key: str, run: str) -> str:
    """A key index that a run makes, which `run` names."""
    return f"{keys_prefix(playbook)}{_hash(10, key)}_{run}"


def run(playbook: str, run_id: str, version: int) -> str:
    """Names a run in what it makes, whatever its user calls it; `version`: the one that it has taken the lease with."""
    return _hash(16, playbook, run_id, str(version))


def dirty_prefix(playbook: str) -> str:
    """What the names of its tables of owed keys begin with."""
    return f"{DIRTY}{_hash(10, playbook)}_"


def dirty(playbook: str, table: str, key: Sequence[str]) -> str:
    """The keys that a model owes; `key`: the names and the types of its columns."""
    return f"{dirty_prefix(playbook)}{_hash(16, table, *key)}"


def is_keys_or_dirty(name: str) -> bool:
    """Whether a table can only be one of these: a user's own may be in the same schema."""
    return _MADE.fullmatch(name) is not None


def _hash(length: int, *texts: str) -> str:
    return hashlib.sha256("\x1f".join(texts).encode()).hexdigest()[:length]
