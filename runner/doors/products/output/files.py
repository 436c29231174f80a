"""The files of each output: their names and texts. The same product and choices give the same bytes.

A file of SQL is called as what it makes: <name>.sql the view derived.<name>, <name>_dm.sql the table derived.<name>_dm.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from runner.doors.products.choose.wide import Choices, Copies, Present, Span, WideTable
from runner.doors.products.columns import RESERVED, digest, plain, shortened
from runner.doors.products.layouts import EVENTS, DocumentLayout, TableLayout
from runner.doors.products.select.chained import ChainedSelect
from runner.doors.products.select.conditions import NOT_IN_SQL
from runner.doors.products.select.nested import NestedSelect
from runner.doors.products.select.shredded import ShreddedSelect
from runner.errors import BadInput, Place, Problem, Problems, show
from runner.warehouse.engines import Engine

MADE = "by runner generate"
LENGTH = 60  # of a product's name in names of tables: with _dm at its end Postgres keeps 63


class Output(StrEnum):
    """What is generated."""

    VIEW = "view"
    PLAYBOOK = "playbook"
    DBT = "dbt"


class Package(StrEnum):
    """A dbt package of Snowplow's, on whose events of a run a model can stand."""

    UNIFIED = "snowplow_unified"
    NORMALIZE = "snowplow_normalize"

    @property
    def events(self) -> str:
        """Its model of the events that a run looks at."""
        return f"{self.value}_events_this_run" if self is Package.UNIFIED else f"{self.value}_base_events_this_run"


@dataclass(frozen=True)
class Destination:
    """Where the events are, and where what is made goes."""

    events: str = EVENTS
    schema: str = "derived"
    source: str = ""  # of dbt, where the project has one of these tables
    package: Package | None = None

    @staticmethod
    def of(events: str, schema: str, source: str, package: Package | None, engine: Engine) -> Destination:
        """Raises BadInput for what is no name of a table or schema."""
        for flag, text, pattern in (
            ("--events", events, _DASHED if engine.dashed_databases else _TABLE),
            ("--schema", schema, _NAME),
            ("--source", source, _NAME),
        ):
            if text and not pattern.fullmatch(text):
                hint = "write --events atomic.events" if flag == "--events" else f"write {flag} name"
                raise BadInput(Problem(Place(), f"{flag} {show(text)} is no name", hint))
        return Destination(events or EVENTS, schema or "derived", source, package)

    def table(self, atomic: str) -> str:
        """A table of atomic as it is called here: those of structures lie beside the events."""
        if atomic == EVENTS:
            return self.events
        return f"{self.events.rpartition('.')[0]}.{atomic.partition('.')[2]}"

    def read(self, select: str) -> str:
        """A SELECT over atomic as one over the tables here."""
        return ATOMIC_TABLE.sub(
            lambda found: f"{found[1]} {self.table(f'atomic.{found[2]}')}" if found[1] else found[0], select
        )

    def looked(self, look: Callable[[Sequence[str]], Sequence[Present]], tables: Sequence[str]) -> list[Present]:
        """Which tables of atomic are there, by what they are called here."""
        named = {self.table(table): table for table in tables}
        return [
            replace(one, table=named.get(one.table) or f"atomic.{one.table.rpartition('.')[2]}")  # or a recovered one
            for one in look(list(named))
        ]


ATOMIC = Destination()
ATOMIC_TABLE = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\b(from|join) atomic\.(\w+)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_TABLE = re.compile(rf"({_NAME.pattern}\.){{1,2}}{_NAME.pattern}")
_DASHED = re.compile(rf"([A-Za-z_][A-Za-z0-9_-]*\.)?{_NAME.pattern}\.{_NAME.pattern}")


@dataclass(frozen=True)
class File:
    """One generated file."""

    name: str
    text: str


@dataclass(frozen=True)
class Plan:
    """A wide table for one engine, with the name of its product in names of tables and files."""

    wide: WideTable
    layout: DocumentLayout | TableLayout
    choices: Choices
    output: Output
    where: Destination = ATOMIC

    @property
    def chosen(self) -> str:
        """What its choice is called: as what it makes."""
        return self.name if self.output is Output.VIEW else f"{self.name}_dm"

    @property
    def name(self) -> str:
        """A plain word: no engine takes it for a number or a word of its own, or cuts it off."""
        name = plain(self.wide.product.name).strip("_")
        is_word = name[:1].isalpha() and name not in RESERVED and name != digest(self.wide.product.name)
        word = name if is_word else f"product_{name}".strip("_")
        return shortened(word, LENGTH)

    @property
    def mark(self) -> str:
        """What the files of this output of this product say of themselves, and no others."""
        return f"{MADE} {self.output} of data product {_line(self.wide.product.id)}"

    @property
    def view(self) -> str:
        return f"{self.where.schema}.{self.name}"

    @property
    def description(self) -> str:
        """One line for readers of the table."""
        product = self.wide.product
        return f"one row per event of {_line(product.name)}" + (
            f": {_line(product.description)}" if product.description else ""
        )

    def writer(self, problems: Problems) -> NestedSelect | ShreddedSelect:
        if isinstance(self.layout, TableLayout):
            return (ChainedSelect if self.layout.chains else ShreddedSelect)(
                self.wide, self.layout, problems, self.choices.span
            )
        return NestedSelect(self.wide, self.layout, problems, self.choices.span)

    @property
    def copies(self) -> Copies:
        """A table has its key once; a View lets filters through."""
        if self.output is not Output.VIEW:
            return Copies.EVENT
        return Copies.ARRIVAL if self.choices.dedupe else Copies.NONE

    def select(self) -> str:
        """The SELECT. Raises BadInput for rules that cannot be put into SQL."""
        return self.where.read(self.atomic())

    def atomic(self) -> str:
        """The same over atomic."""
        problems = Problems()
        text = self.writer(problems).select(self.copies)
        self._rest(problems).finish()
        return text

    def _rest(self, problems: Problems) -> Problems:
        """What is wrong but for rules that may be left out."""
        kept = Problems()
        for one in problems.found:
            if not (self.choices.lenient and one.code == NOT_IN_SQL):
                kept.add(one.place, one.what, one.hint, one.code)
        return kept

    def left_out(self) -> tuple[str, ...]:
        """Notes of the rules that are left out: more events match than should."""
        if not self.choices.lenient:
            return ()
        problems = Problems()
        self.writer(problems).select(self.copies)
        found = [one for one in problems.found if one.code == NOT_IN_SQL]
        return tuple(
            f"left out at {one.place.path.name}:{one.place.line}: {one.what}" for one in found if one.place.path
        )

    def shredded_tables(self) -> list[str]:
        """The tables of structures, where they have tables of their own."""
        problems = Problems()
        writer = self.writer(problems)
        found = writer.tables() if isinstance(writer, ShreddedSelect) else []
        self._rest(problems).finish()
        return found

    def header(self, sign: str) -> Iterator[str]:
        """What this was made of; no times, so that the same files give the same text."""
        product = self.wide.product
        yield f"{sign} Generated {self.mark}: edit {_line(product.path.name)}, not this."
        yield f"{sign} {_line(product.name)}"
        for one in self.wide.specifications:
            yield f"{sign} event: {_line(one.name)} ({_line(one.id)}), {one.event.uri if one.event else 'no event'}"
        for uri in sorted({use.uri for one in self.wide.specifications for use in one.entities}):
            yield f"{sign} entity: {uri}"
        if self.choices.entities:
            yield f"{sign} entities in columns: {', '.join(self.choices.entities)}"
        yield f"{sign} match: {self.wide.match}; engine: {self.layout.engine.name}, layout {self.layout.name}"
        if self.choices.span != Span():
            yield f"{sign} events: collector_tstamp >= {self.choices.span}"
        if not self.choices.dedupe:
            yield f"{sign} copies of events are kept"
        for note in (*self.wide.notes, *self.left_out()):
            yield f"{sign} note: {note}"


def _line(text: str) -> str:
    """A text of the user's within a comment."""
    return " ".join(text.split())


def view_file(plan: Plan) -> File:
    """CREATE VIEW, as it can be run again and again."""
    return File(f"{plan.name}.sql", "\n".join([*plan.header("--"), "", *(f"{text};\n" for text in statements(plan))]))


def statements(plan: Plan) -> list[str]:
    """The statements that make the View."""
    schema = f"create schema if not exists {plan.where.schema}"
    made = f"view {plan.view} as\n{plan.select()}"
    if plan.layout.engine.replaces_views:
        return [schema, f"create or replace {made}"]
    return [schema, f"drop view if exists {plan.view}", f"create {made}"]


def marking(plan: Plan) -> str:
    """The statement that gives the View its mark."""
    return f"comment on view {plan.view} is {plan.layout.engine.literal(plan.mark)}"
