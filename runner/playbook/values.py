"""A playbook as values: what a user asked for, whoever wrote it (a YAML file, a data product, a semantic model).

Every front door compiles to `Playbook`; `run()` takes nothing else. Texts in here are SQL fragments or templates
as the user wrote them; `program/` reads and checks them. Every value that a user can get wrong carries its Place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from runner.errors import Place
from runner.names import PLAIN, Layout, TableName
from runner.secrets import NO_SECRETS, Secrets
from runner.warehouse.target import Target


class Vanished(StrEnum):
    """What to do when a whole batch is gone from the source although the manifest lists it."""

    STOP = "stop"  # exit 6
    RETRACT = "retract"  # its rows leave the models
    KEEP = "keep"  # its keys stay as they are, frozen: the source has a retention time


class Shrank(StrEnum):
    """What to do when more than half of a source's events are gone from batches that are still there."""

    STOP = "stop"  # exit 6
    NOTE = "note"  # say so, and recompute what they touch


class OnChange(StrEnum):
    """What to do when the definition of a model changed since it was last built."""

    REBUILD = "rebuild"
    STOP = "stop"


class Phase(StrEnum):
    """When the plain queries of a step run."""

    SETUP = "setup"
    STAGE = "stage"
    PUBLISH = "publish"
    AFTER = "after"


@dataclass(frozen=True)
class Expression:
    """A SQL fragment of the playbook, e.g. a batch or key expression."""

    text: str
    place: Place = field(default_factory=Place, compare=False)


@dataclass(frozen=True)
class Query:
    """A SQL text: a file below sql_root (`path`), or inline `text` that a front door generated."""

    path: str
    text: str | None = None
    place: Place = field(default_factory=Place, compare=False)


@dataclass(frozen=True)
class Source:
    """An event stream that grows in batches. See README, "The playbook", for each field."""

    table: TableName
    batch: Expression
    files: tuple[str, ...] = ()
    dedupe: tuple[Expression, ...] = ()
    order_by: tuple[Expression, ...] = ()
    fingerprint: bool = False
    vanished: Vanished = Vanished.STOP
    shrank: Shrank = Shrank.STOP
    keys: tuple[Expression, ...] = ()
    place: Place = field(default_factory=Place, compare=False)


@dataclass(frozen=True)
class Lookup:
    """Another table that models may join: without `static` and `key` any change of it rebuilds its readers."""

    table: TableName
    static: bool = False  # the author says that changes need not reach old rows
    key: tuple[str, ...] = ()  # columns that tell its rows apart; the state keeps its rows as they were processed
    place: Place = field(default_factory=Place, compare=False)


NO_COLUMNS = frozenset(
    """
    all and any as between case cast check column connect constraint create cross delete desc describe distinct drop
    else except false for from glob grant group having ilike in inner insert intersect into is join lateral like minus
    not notnull null on only or order outer pivot positional qualify regexp returning rlike sample select set some
    summarize table tablesample then to true truncate union unique unpivot update use using variadic when where with
    """.split()
)  # words that SQL takes for something else, or for nothing, where a column stands without quotes


@dataclass(frozen=True)
class KeyColumn:
    """One column of a model's key: its name in the output, and the expression over an input that gives it.

    `per_input` wins over `expression`, which wins over the bare column of the same name.
    """

    name: str
    expression: Expression | None = None
    per_input: tuple[tuple[TableName, Expression], ...] = ()

    def over(self, table: TableName) -> str:
        """The SQL of this key column over a row of `table`."""
        for name, expression in self.per_input:
            if name == table:
                return expression.text
        if self.expression:
            return self.expression.text
        return f'"{self.name}"' if self.name.lower() in NO_COLUMNS else self.name


class Fold(StrEnum):
    """The aggregates that can be merged from stored rows and new rows without reading history."""

    MIN = "min"
    MAX = "max"
    FIRST = "first"
    LAST = "last"


@dataclass(frozen=True)
class MergeColumn:
    """How one output column of a merge model folds; `of` and `by` only for FIRST and LAST."""

    name: str
    fold: Fold
    of: str = ""
    by: tuple[str, ...] = ()
    place: Place = field(default_factory=Place, compare=False)


@dataclass(frozen=True)
class Affected:
    """How changed rows of one input name keys, for models whose rows reach several keys (windows, the clock).

    `keys` is a SELECT over the table `changed` (old and new rows of `input` that differ) and, if it likes, over
    the model's other inputs, that gives the key columns under the names of the key. `rows`, if given, is a predicate
    over one row of `input` and the table `affected` that keeps the rows which the affected keys need.
    """

    input: TableName
    keys: str
    rows: str | None = None


@dataclass(frozen=True)
class Model:
    """A SELECT that owns a derived table; without a key it is rebuilt on every run."""

    table: TableName
    sql: Query
    key: tuple[KeyColumn, ...] = ()
    unique: tuple[str, ...] = ()
    merge: tuple[MergeColumn, ...] = ()
    checks: tuple[Expression, ...] = ()
    unproven: bool = False
    on_change: OnChange = OnChange.REBUILD
    affected: tuple[Affected, ...] = ()
    layout: Layout = PLAIN
    description: str = ""
    place: Place = field(default_factory=Place, compare=False)


@dataclass(frozen=True)
class View:
    """A view over tables of the playbook and look-ups (`as: view`): remade when its text changes, or what it reads.

    Where DDL is transactional that is part of the publish, so that readers never see it beside tables of another text.
    A model that reads it reads its text.
    """

    table: TableName
    sql: Query
    description: str = ""
    place: Place = field(default_factory=Place, compare=False)


@dataclass(frozen=True)
class Step:
    """A named group of models and plain queries."""

    name: str
    phase: Phase = Phase.STAGE
    models: tuple[Model, ...] = ()
    queries: tuple[Query, ...] = ()
    place: Place = field(default_factory=Place, compare=False)


Simple = str | int | float | bool | None
Value = Simple | tuple[Simple, ...]


@dataclass(frozen=True)
class Variable:
    """A template variable; `--var` values are read as the type of the playbook's value.

    One `by_engine` has a value for each engine that it names, and perhaps a `default`; `variables.for_engine` picks.
    """

    name: str
    value: Value
    by_engine: tuple[tuple[str, Value], ...] = ()
    place: Place = field(default_factory=Place, compare=False)

    @property
    def values(self) -> tuple[Value, ...]:
        """All values that it may have."""
        return tuple(value for _, value in self.by_engine) or (self.value,)


@dataclass(frozen=True)
class Playbook:
    """All that a run needs to know of what the user wants."""

    name: str
    path: Path
    target: Target
    sql_root: Path
    steps: tuple[Step, ...] = ()
    sources: tuple[Source, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    variables: tuple[Variable, ...] = ()
    schemas: tuple[tuple[str, str], ...] = ()
    state_schema: str = "runner"
    scratch_schema: str | None = None  # where runs have their own tables; None: each in a schema that it makes
    dialect: str | None = None
    statement_timeout_s: float | None = None
    trial_s: float | None = None  # for trials of new definitions, in a run; 0: none are held
    views: tuple[View, ...] = ()
    functions: tuple[str, ...] = ()  # of the user's own, which models may call without a schema
    public: tuple[str, ...] = ()  # variables of the environment whose values may be shown
    hidden: Secrets = field(default=NO_SECRETS, compare=False, repr=False)  # what of it may not

    @property
    def models(self) -> tuple[Model, ...]:
        """All models, in the order of the file."""
        return tuple(model for step in self.steps for model in step.models)

    @property
    def owned(self) -> tuple[Model | View, ...]:
        """What owns a name in the warehouse: models, and those that are views."""
        return (*self.models, *self.views)
