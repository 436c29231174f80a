"""The files of each output: their names and texts. The same product and choices give the same bytes.

A file of SQL is called as what it makes: <name>.sql the view derived.<name>, <name>_dm.sql the table derived.<name>_dm.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from runner.doors.products.choose.wide import Choices, Copies, Span, WideTable
from runner.doors.products.columns import RESERVED, digest, plain, shortened
from runner.doors.products.layouts import DocumentLayout, TableLayout
from runner.doors.products.select.chained import ChainedSelect
from runner.doors.products.select.nested import NestedSelect
from runner.doors.products.select.shredded import ShreddedSelect
from runner.errors import Problems

SCHEMA = "derived"
MADE = "by runner generate"
LENGTH = 60  # of a product's name in names of tables: with _dm at its end Postgres keeps 63


class Output(StrEnum):
    """What is generated."""

    VIEW = "view"
    PLAYBOOK = "playbook"
    DBT = "dbt"


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
        return f"{SCHEMA}.{self.name}"

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

    def select(self, events: str = "atomic.events") -> str:
        """The SELECT. Raises BadInput for rules that cannot be put into SQL."""
        problems = Problems()
        text = self.writer(problems).select(self.copies, events)
        problems.finish()
        return text

    def shredded_tables(self) -> list[str]:
        """The tables of structures, where they have tables of their own."""
        problems = Problems()
        writer = self.writer(problems)
        found = writer.tables() if isinstance(writer, ShreddedSelect) else []
        problems.finish()
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
            since = self.choices.span.condition("collector_tstamp", "now")
            yield f"{sign} events: {since}"
        if not self.choices.dedupe:
            yield f"{sign} copies of events are kept"
        for note in self.wide.notes:
            yield f"{sign} note: {note}"


def _line(text: str) -> str:
    """A text of the user's within a comment."""
    return " ".join(text.split())


def view_file(plan: Plan) -> File:
    """CREATE VIEW, as it can be run again and again."""
    return File(f"{plan.name}.sql", "\n".join([*plan.header("--"), "", *(f"{text};\n" for text in statements(plan))]))


def statements(plan: Plan) -> list[str]:
    """The statements that make the View."""
    schema = f"create schema if not exists {SCHEMA}"
    made = f"view {plan.view} as\n{plan.select()}"
    if plan.layout.engine.replaces_views:
        return [schema, f"create or replace {made}"]
    return [schema, f"drop view if exists {plan.view}", f"create {made}"]


def marking(plan: Plan) -> str:
    """The statement that gives the View its mark."""
    return f"comment on view {plan.view} is {plan.layout.engine.literal(plan.mark)}"
