"""What the algebra works on: sources as a run sees them, models as it plans and stages them, and what these read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from runner.names import TableName
from runner.playbook.values import Source
from runner.program.values import CompiledModel
from runner.warehouse.values import Column, FileMark, Relation, types_of


@dataclass(frozen=True)
class RowChanges:
    """How many rows of a look-up came, are others under the same key, and went."""

    added: int = 0
    changed: int = 0
    gone: int = 0

    def __str__(self) -> str:
        words = ((self.added, "added"), (self.changed, "changed"), (self.gone, "gone"))
        return ", ".join(f"{count:,} {word}" for count, word in words if count)


@dataclass(frozen=True)
class TrackedLookup:
    """A look-up with a key as this run's freeze sees it, beside its rows as the last run saw them."""

    table: TableName
    number: int
    key: tuple[str, ...]
    """As the catalogue spells it."""
    rows: str
    """What stands after FROM: its rows in this run."""
    columns: tuple[Column, ...]
    """Those that models read, and its key, in the order of the look-up: what the state keeps."""
    digest: str
    """Names these columns and their types."""
    was: str | None = None
    """The state's table of its rows as the last run saw them; None: there is none that can be trusted."""
    shared: tuple[Column, ...] = ()
    """Of the columns those that `was` has as well: all of them, unless models began or ceased to read some."""
    differing: str = ""
    """The scratch table (`shared`, runner_was, runner_now) of rows that are not as the last run saw them."""
    changes: RowChanges = field(default_factory=RowChanges)
    was_checked: bool = False
    """No value of this key stood twice among the rows that the last run saw."""
    is_anew: bool = False
    """The state's table is made anew by this run."""

    @property
    def is_changed(self) -> bool:
        """Whether rows are known to differ."""
        return self.changes != RowChanges()


class Extent(Enum):
    """How much of a model a run recomputes."""

    NONE = "nothing"
    KEYS = "the affected keys"
    ALL = "all rows"


@dataclass(frozen=True)
class BoundSource:
    """A source as the catalogue has it."""

    source: Source
    number: int
    relation: Relation
    rows: str
    """What stands after FROM: a table's name, or a reader over a list of files."""
    files: tuple[FileMark, ...] = ()


@dataclass(frozen=True)
class Copies:
    """What this run knows of a source's copies, where they may lie in different keys."""

    number: int
    """Of the key of its ids."""
    id: str
    """That key's expression."""
    apart: frozenset[tuple[str, ...]]
    """The keys that copies may differ in, by their expressions."""
    has_several: bool
    """Some ids stand more than once among the rows that this run may read."""
    has_spread: bool
    """Rows of some have a copy in a pending batch, and their keys were noted."""
    has_retained: bool
    """The keys of rows with a copy in a batch that is gone and kept were noted."""


@dataclass(frozen=True, kw_only=True)
class FrozenSource(BoundSource):
    """A source as this run's freeze sees it: which of its batches are pending, held back or kept."""

    has_held: bool
    """New batches are left for later: their rows must not be read."""
    chunked_count: int
    """New batches that the next cycle of --chunk takes."""
    has_kept: bool
    """Batches are gone from the source, and their keys stay as they are (`vanished: keep`)."""
    pending_count: int
    has_processed: bool
    """Among the pending batches are some that were processed before."""
    no_tstamp: bool
    """The batch of rows without an etl_tstamp is pending."""
    copies: Copies | None = None
    """None: there are none, or all copies of an event have the same key."""
    indexes: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    """The key indexes, by their keys' expressions, that list all batches which were processed."""
    row_id: str = ""
    """A column by which rows that were read once are found again; '' where there is none."""
    batches_known: int = 0
    """How many batches the manifest lists."""
    events_known: int = 0
    """How many events are in them."""
    has_untimed: bool = True
    """Some rows may have no etl_tstamp."""
    shrunk: str = ""
    """What is to be said if most of its events are gone from batches that are still there."""


@dataclass(frozen=True)
class Planned:
    """A model that a run may work on, and its table as it is stored."""

    compiled: CompiledModel
    number: int
    table: str
    """Its name in the warehouse, quoted."""
    stored: Relation | None
    """None: the table is not there yet."""
    inputs: str
    """Names the columns that it reads, and their types."""

    @property
    def stored_columns(self) -> tuple[Column, ...]:
        """The columns of the stored table; none where it is not there."""
        return self.stored.columns if self.stored else ()

    @property
    def key_types(self) -> tuple[str, ...]:
        """The types of its key's columns, in their order; '' for one that is not known."""
        types = types_of(self.stored_columns)
        return tuple(types.get(name.lower(), "") for name in self.compiled.key_names)


@dataclass(frozen=True, kw_only=True)
class Staged(Planned):
    """A model in this run: how much of it is recomputed, and what its new rows look like."""

    extent: Extent
    columns: tuple[Column, ...]
    """Of its new rows; of the stored table where nothing is recomputed."""
    key_count: int
    """Keys that were looked at; all rows where it has no key or is built in full."""
    has_null: bool
    """The key NULL is among those that are recomputed."""
    has_frozen: bool
    """Some keys stay as they are, since part of their history is gone."""
    unchanged: bool = False
    """Staged, and every row came out as it was."""

    @property
    def key_types(self) -> tuple[str, ...]:
        """The types of its key's columns: the stored ones, or where there is no table those of the new rows."""
        if self.stored is not None:
            return super().key_types
        types = types_of(self.columns)
        return tuple(types.get(name.lower(), "") for name in self.compiled.key_names)

    @property
    def common(self) -> tuple[Column, ...]:
        """The columns that stored and staged rows both have, with the same type."""
        stored = {(column.name.lower(), column.type) for column in self.stored_columns}
        return tuple(column for column in self.columns if (column.name.lower(), column.type) in stored)


def staged(
    planned: Planned,
    extent: Extent,
    columns: tuple[Column, ...],
    key_count: int = 0,
    *,
    has_null: bool = False,
    has_frozen: bool = False,
) -> Staged:
    """A planned model with what a run has made of it."""
    return Staged(
        planned.compiled,
        planned.number,
        planned.table,
        planned.stored,
        planned.inputs,
        extent=extent,
        columns=columns,
        key_count=key_count,
        has_null=has_null,
        has_frozen=has_frozen,
    )


def as_stored(planned: Planned) -> Staged:
    """A model of which this run recomputes nothing: others read its stored rows."""
    return staged(planned, Extent.NONE, planned.stored_columns)


@dataclass(frozen=True)
class Cut:
    """The keys to which a model's inputs are restricted: a table of them (k1 … kn, recompute), and how many it holds."""

    keys: str
    count: int
    has_null: bool = False
    """The key NULL is among them: its rows are read apart, since IN does not find them and OR loses indexes."""
    where: str = ""
    """A condition on the table's rows: only these keys."""
    lying: Mapping[tuple[TableName, tuple[str, ...]], str] = field(default_factory=dict)
    """For a source and the key over its rows: a table of the batches (etl_tstamp) that hold rows of the keys, where these
    are few.
    """
    only_pending: bool = False
    """Of a source only the rows of its pending batches."""

    @property
    def condition(self) -> str:
        """` where …`, or nothing."""
        return f" where {self.where}" if self.where else ""


@dataclass(frozen=True)
class Inputs:
    """What a model may read in this run; `shared`: sources whose rows for the model lie in a scratch table already."""

    sources: Mapping[TableName, FrozenSource]
    upstream: Mapping[TableName, Staged]
    shared: Mapping[TableName, str] = field(default_factory=dict)
    lookups: Mapping[TableName, str] = field(default_factory=dict)
    """What stands after FROM to read a look-up."""
    tracked: Mapping[TableName, TrackedLookup] = field(default_factory=dict)
    """The look-ups with a key, with their rows that the last run saw otherwise."""
    instant: str = ""
    """What the clock says to a model that reads it, in UTC."""
