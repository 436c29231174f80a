"""A playbook of SQL Runner as values: targets, variables, steps and their queries.

It is not `runner.playbook.Playbook`: it has no sources and no models, several targets, and templates of another
language. `runner migrate` makes the one out of the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runner.doors.sqlrunner.gotemplate import Value
from runner.errors import Place

# As SQL Runner reads them; what it does not know it leaves aside, and ours have been chosen among that.
TARGET_KEYS = (
    "name", "type", "host", "port", "database", "username", "password", "account", "region", "warehouse", "project",
    "query_tag", "private_key_path", "private_key_passphrase",
)  # fmt: skip
OUR_TARGET_KEYS = ("role", "schema", "sslmode", "sslrootcert")


@dataclass(frozen=True)
class OldTarget:
    """Where to run: the keys of section `targets`, each a text, "" where it is not given."""

    keys: Mapping[str, str]
    ssl: bool = False
    place: Place = field(default_factory=Place, compare=False)

    def __getitem__(self, key: str) -> str:
        return self.keys.get(key, "")

    @property
    def name(self) -> str:
        """How messages call it."""
        return self["name"]

    @property
    def type(self) -> str:
        """Its `type`, in lower case."""
        return self["type"].lower()


@dataclass(frozen=True)
class Query:
    """A SQL file; `template`: it is a Go template."""

    name: str
    file: str
    template: bool = False
    place: Place = field(default_factory=Place, compare=False)


@dataclass(frozen=True)
class Step:
    """Queries that start at once. Names need not be unique."""

    name: str
    queries: tuple[Query, ...]
    place: Place = field(default_factory=Place, compare=False)


@dataclass(frozen=True)
class OldPlaybook:
    """A playbook of SQL Runner, its variables as templates see them; `variable_places` says where they stand."""

    path: Path
    targets: tuple[OldTarget, ...]
    variables: Mapping[str, Value]
    steps: tuple[Step, ...]
    statement_timeout_s: float
    own_variables: Mapping[str, Value]  # before those of the command line; what only it gives is here too
    variable_places: Mapping[str, Place] = field(default_factory=dict, compare=False)
    public: tuple[str, ...] = ()  # variables of the environment whose values may be shown
    written: str = field(default="", compare=False, repr=False)  # the file, before its templates were filled in
