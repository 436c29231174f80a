"""The loaded program, as plain values; `load.py` makes it.

Models in the order of their dependencies, each with its inputs, its SELECT and a digest of its definition; and the plain
queries by phase.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.errors import Problem
from runner.joins.values import Derived
from runner.names import TableName
from runner.playbook.values import Model, Phase, Playbook, Query, Source, View
from runner.sql.select import Call, ClockCall, Select

PREDICATE = "select 1 where "


@dataclass(frozen=True)
class SourceKey:
    """A key expression over a source: what a key index is kept for. Columns are called k1 … kn in its tables."""

    source: Source
    texts: tuple[str, ...]
    names: tuple[str, ...]  # how messages and `{{ keys.NAME }}` call it

    @property
    def digest(self) -> str:
        """Names the key in the state tables."""
        return hashlib.sha256("\x1f".join(self.texts).encode()).hexdigest()


@dataclass(frozen=True)
class Ids:
    """The ids of a source as a key of theirs, where copies of an event may lie in several keys of a model."""

    key: SourceKey
    apart: tuple[tuple[str, ...], ...]  # the keys that copies may differ in, by their texts


@dataclass(frozen=True)
class CompiledAffected:
    """`Affected` with its texts parsed; `rows` is parsed as `PREDICATE` + the predicate."""

    input: TableName
    keys: Select
    rows: Select | None


@dataclass(frozen=True)
class NamedColumn:
    """A column that a model's key reads of an input."""

    table: TableName
    key: str  # the key's expression over the input
    name: str  # in lower case
    hint: str  # what to write where the input has none of this name; '' where nothing better is known


@dataclass(frozen=True)
class CompiledModel:
    """A model whose SELECT has been read. Inputs are named as the SELECT names them."""

    model: Model
    select: Select
    sources: tuple[TableName, ...]
    models: tuple[TableName, ...]
    lookups: tuple[TableName, ...]
    source_keys: tuple[SourceKey, ...]  # for its source inputs, in the order of `sources`; () without a key
    stored_order: Mapping[str, tuple[tuple[str, bool], ...]]  # merge models: see merge.stored_order
    affected: tuple[CompiledAffected, ...]
    skips_null: bool  # its SELECT leaves out rows whose key is NULL, so they need not be looked for
    digest: str
    ported: bool = False  # its text is not the one that the author wrote: lines say nothing
    doubtful: bool = False  # whether it may be recomputed by key hangs on columns that only the catalogue knows
    undecided: tuple[Problem, ...] = ()  # why not, as far as that is known without them
    named: tuple[NamedColumn, ...] = ()  # what its key reads of its inputs
    needs_ids: bool = False  # its order is total only if no row of its inputs lacks its id
    costs: tuple[
        Problem, ...
    ] = ()  # why its inputs cannot all be cut to its key: which keys a change reaches is derived
    derived: Derived | None = None  # that, once the columns of its inputs are known
    moving: tuple[ClockCall, ...] = ()  # texts of its SELECT that are clocks if they are read as dates or times
    calls: tuple[Call, ...] = ()  # of its SELECT, its key, and what its sources' batches and copies are told by

    @property
    def table(self) -> TableName:
        """The name under which the playbook and other models know its table."""
        return self.model.table

    @property
    def is_dimension(self) -> bool:
        """Whether it reads look-ups alone, so that batches of events do not reach it."""
        return bool(self.lookups) and not self.sources and not self.models

    @property
    def is_joined(self) -> bool:
        """Whether the keys that a change reaches are derived from its SELECT: its inputs do not all carry the key."""
        return bool(self.costs) or (self.is_dimension and self.derived is not None)

    @property
    def key_names(self) -> tuple[str, ...]:
        """Its key's output columns."""
        return tuple(column.name for column in self.model.key)


@dataclass(frozen=True)
class CompiledView:
    """A view whose SELECT has been read."""

    view: View
    select: Select
    models: tuple[TableName, ...] = ()  # that it reads, itself or through other views
    lookups: tuple[TableName, ...] = ()  # the same

    @property
    def table(self) -> TableName:
        """Its name, as the playbook knows it."""
        return self.view.table

    @property
    def digest(self) -> str:
        """Names its definition; comments and layout do not count."""
        return self.select.digest


@dataclass(frozen=True)
class PlainQuery:
    """A script of the user's: sent whole, in the phase and step it was written in."""

    step: str
    phase: Phase
    query: Query
    file: Path | None
    text: str  # still a template


@dataclass(frozen=True)
class Program:
    """What `run()` runs."""

    playbook: Playbook
    engine: str
    models: tuple[CompiledModel, ...]
    source_keys: tuple[SourceKey, ...]
    key_names: tuple[tuple[str, int], ...]  # what scripts call those of one column, and their number
    queries: tuple[PlainQuery, ...]
    digest: str
    views: tuple[CompiledView, ...] = ()
    ids: tuple[Ids, ...] = ()  # each one's key is among `source_keys`
    kept: Path | None = None  # the file that it is kept in between runs

    @property
    def readers(self) -> tuple[CompiledModel | CompiledView, ...]:
        """All that reads tables: models and views."""
        return (*self.models, *self.views)

    def model(self, table: TableName) -> CompiledModel:
        """The model that owns `table`."""
        return next(model for model in self.models if model.table == table)

    def ancestors(self, tables: Iterable[TableName]) -> frozenset[TableName]:
        """`tables` and all models that they read, directly or not."""
        found: set[TableName] = set()
        queue = list(tables)
        while queue:
            table = queue.pop()
            if table not in found:
                found.add(table)
                queue += self.model(table).models
        return frozenset(found)

    def lookup_is_static(self, table: TableName) -> bool:
        """True if the playbook says that changes of this look-up need not reach old rows."""
        return any(lookup.table == table and lookup.static for lookup in self.playbook.lookups)


def renamed(playbook: Playbook, table: TableName) -> TableName:
    """The table's name in the warehouse: `schemas:` renames the schemas of owned tables."""
    mapping = dict(playbook.schemas)
    return table.renamed(mapping[table.schema]) if table.schema in mapping else table
