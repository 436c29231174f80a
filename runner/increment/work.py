"""What one run asks for, and what it works with, its guard too: no clock, environment or print is reached otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from runner.algebra.scratch import Scratch
from runner.algebra.texts import Algebra
from runner.clock import Clock
from runner.events import Emit, Event
from runner.increment.catalogue.bind import Bound
from runner.names import PLAIN, Layout, TableName
from runner.program.values import Program
from runner.state.lease import LeaseTerms
from runner.state.manifest import Manifest
from runner.warehouse.base import Warehouse
from runner.warehouse.values import WarehouseError

NEVER = "1970-01-01 00:00:00"  # when a run begins that is none


@dataclass(frozen=True)
class Request:
    """What one invocation asks for: the flags of `runner run`, and what front doors ask besides."""

    run_id: str
    started: str  # UTC, 'YYYY-MM-DD HH:MM:SS.ffffff'
    since: str | None = None
    until: str | None = None
    chunk: int | None = None
    models: tuple[TableName, ...] = ()
    full_refresh: bool = False
    retract: bool = False
    everywhere: tuple[TableName, ...] = ()  # models of which it could not be asked which keys changed
    reshape: bool = False  # tables may lose columns and change types, whatever asks for their full build
    adopt: tuple[TableName, ...] = ()
    threads: int = 4
    from_step: str | None = None
    patience_s: float = 30  # how long a lost warehouse is asked again
    lease: LeaseTerms = field(default_factory=LeaseTerms)

    def refreshes(self, table: TableName) -> bool:
        """Whether it asks for a model to be built in full."""
        return self.full_refresh and (not self.models or table in self.models)


@dataclass(frozen=True)
class Counterexample:
    """Rows for which a model's increments are not what its SELECT gives, as a person reads them."""

    table: TableName
    what: str
    hint: str


@dataclass(frozen=True)
class Verdict:
    """What a trial says of models: those that passed, what speaks against others, and why some could not be tried."""

    passed: frozenset[TableName] = frozenset()
    against: tuple[Counterexample, ...] = ()
    untried: Mapping[TableName, str] = field(default_factory=dict)
    """Of no use to try again: made-up rows do not fit them."""
    late: tuple[TableName, ...] = ()
    """The time was up."""


@dataclass(frozen=True)
class Guard:
    """`attack` tries models of a program in a warehouse; `version` names it: what another one has passed is tried again."""

    version: str
    attack: Callable[[Program, Warehouse, Bound, Sequence[TableName]], Verdict]


@dataclass(frozen=True)
class Work:
    """What a run works with, handed from stage to stage."""

    program: Program
    warehouse: Warehouse
    manifest: Manifest
    algebra: Algebra
    request: Request
    clock: Clock
    emit: Emit
    guard: Guard | None = None
    trials: Mapping[TableName, str] = field(default_factory=dict)
    """The guard that a model's definition has passed, to be kept with its row."""

    @property
    def taken(self) -> frozenset[TableName]:
        """The models that this run works on: all, or those of --model and their ancestors."""
        if not self.request.models:
            return frozenset(model.table for model in self.program.models)
        return self.program.ancestors(self.request.models)

    def make(self, label: str, table: str, select: str, layout: Layout = PLAIN) -> int:
        """CREATE TABLE … AS in scratch; gives how many rows it holds."""
        count = self.warehouse.execute(label, self.warehouse.engine.temporary_table(table, select, layout)).row_count
        if count < 0:  # this engine does not say
            count = int(self.warehouse.execute(f"{label}:count", f"select count(*) from {table}").one()[0])
        return count

    def drop_scratch(self) -> None:
        """What cannot be dropped now, the next run drops: a failure here must not hide how the run ended."""
        with suppress(WarehouseError):
            self.warehouse.drop_scratch(self.algebra.scratch.place)


@contextmanager
def read_only_work(
    program: Program,
    warehouse: Warehouse,
    *,
    run_id: str = "",
    until: str | None = None,
    models: tuple[TableName, ...] = (),
    full_refresh: bool = False,
    guard: Guard | None = None,
) -> Iterator[Work]:
    """For commands that publish nothing: a Work that tells nobody, with private scratch that ends with the block."""
    request = Request(run_id, NEVER, until=until, models=models, full_refresh=full_refresh, retract=True)
    manifest = Manifest(warehouse, program.playbook.name, program.playbook.state_schema)
    scratch = Scratch(warehouse.engine, warehouse.open_private_scratch())
    algebra = Algebra(warehouse.engine, program.playbook, scratch)
    work = Work(program, warehouse, manifest, algebra, request, Clock(lambda: 0.0, lambda _: None), _tell_nobody, guard)
    try:
        yield work
    except WarehouseError as error:
        raise manifest.explained(error) from None
    finally:
        work.drop_scratch()


def _tell_nobody(_event: Event) -> None:
    """Takes events and shows nothing."""
