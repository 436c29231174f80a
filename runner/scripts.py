"""Plain queries: the names that a script of the user's may use.

A script is a template with the playbook's variables and, in a playbook with a source, the run's own tables:
`{{ scratch }}`, `{{ batches }}`, `{{ events }}`, `{{ keys.NAME }}`, `{{ history.NAME }}`, `{{ run_id }}`,
`{{ run_started }}`. What it may do in which phase is checked by scriptcheck.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.playbook import Playbook

CHECK_SCRATCH = "runner_scratch_check"


@dataclass(frozen=True)
class Names:
    """Tables by name: `{{ keys.domain_sessionid }}`; printed bare it is the only one."""

    what: str
    tables: tuple[tuple[str, str], ...]

    def __getitem__(self, name: str) -> str:
        found = {table for known, table in self.tables if known == name}
        if len(found) > 1:
            several = ", ".join(f"{self.what}['{known}']" for known, _ in self.tables if known.endswith(f".{name}"))
            raise LookupError(f"{self.what}.{name} is a key of several sources: write one of {several}")
        if not found:
            hint = f"; add `keys: [{name}]` to the source" if self.what in ("keys", "history") else ""
            raise LookupError(f"{self.what}.{name} is not there{hint} (known: {self._known()})")
        return found.pop()

    def __getattr__(self, name: str) -> str:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __str__(self) -> str:
        if len({table for _, table in self.tables}) != 1:
            raise LookupError(f"{self.what} needs a name: one of {self._known()}")
        return self.tables[0][1]

    def _known(self) -> str:
        return ", ".join(dict.fromkeys(name for name, _ in self.tables)) or "none"


@dataclass(frozen=True)
class RunNames:
    """What the templates of one run may name."""

    scratch: str
    batches: Names
    events: Names
    keys: Names
    history: Names
    run_id: str
    run_started: str

    def values(self, variables: Mapping[str, object]) -> dict[str, object]:
        """The template's names; the playbook's own variables do not win over the run's."""
        own = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**variables, **own}


def names(playbook: Playbook, keys: Sequence[tuple[str, int]], scratch: str, run_id: str, run_started: str) -> RunNames:
    """The names of one run: fixed before it starts, so that templates can be checked before anything is connected.

    `keys` are the names of the source keys and their numbers; tables are named by number.
    """
    sources = [(str(source.table), n) for n, source in enumerate(playbook.sources)]

    def tables(what: str, table: str, of: Sequence[tuple[str, int]]) -> Names:
        return Names(what, tuple((name, f"{scratch}.{table}_{n}") for name, n in of))

    return RunNames(
        scratch,
        tables("batches", "pending", sources),
        tables("events", "events", sources),
        tables("keys", "keys_of", keys),
        tables("history", "history", keys),
        run_id,
        run_started,
    )


def example_names(playbook: Playbook, keys: Sequence[tuple[str, int]]) -> RunNames:
    """Names that stand for those of a real run, for checking templates and for `render`."""
    return names(playbook, keys, CHECK_SCRATCH, "check", "1970-01-01 00:00:00")
