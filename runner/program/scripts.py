"""Plain queries: the names that a script of the user's may use.

A script is a template with the playbook's variables and, in a playbook with a source, the run's own tables:
`{{ scratch }}`, `{{ batches }}`, `{{ events }}`, `{{ keys.NAME }}`, `{{ history.NAME }}`, `{{ run_id }}`,
`{{ run_started }}`. What it may do in which phase is checked by script_check.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.playbook.values import Playbook
from runner.sql.templates import NamedTables

CHECK_SCRATCH = "runner_scratch_check"
OWN_SCRATCH = "runner_scratch_own"  # stands for the schema of a run that has none
_OWN_TABLE = re.compile(rf'\b{OWN_SCRATCH}\.(?:"((?:[^"]|"")+)"|(\w+))')


@dataclass(frozen=True)
class RunNames:
    """What the templates of one run may name."""

    scratch: str
    batches: NamedTables
    events: NamedTables
    keys: NamedTables
    history: NamedTables
    run_id: str
    run_started: str

    def values(self, variables: Mapping[str, object]) -> dict[str, object]:
        """The template's names; the playbook's own variables do not win over the run's."""
        own = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**variables, **own}


def own_tables(text: str, beginning: str) -> str:
    """A rendered script whose own tables, `{{ scratch }}.name`, lie in a schema with others: their names begin so."""
    schema, _, first = beginning.rpartition(".")

    def own(found: re.Match[str]) -> str:
        return f'{schema}."{first}{found[1]}"' if found[1] else f"{beginning}{found[2]}"

    return _OWN_TABLE.sub(own, text)


def names(playbook: Playbook, keys: Sequence[tuple[str, int]], scratch: str, run_id: str, run_started: str) -> RunNames:
    """The names of one run: fixed before it starts, so that templates can be checked before anything is connected.

    `scratch` is a schema. `keys` are the names of the source keys and their numbers; tables are named by number.
    """
    sources = [(str(source.table), n) for n, source in enumerate(playbook.sources)]

    def tables(what: str, table: str, of: Sequence[tuple[str, int]]) -> NamedTables:
        return NamedTables(what, tuple((name, f"{scratch}.{table}_{n}") for name, n in of))

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
