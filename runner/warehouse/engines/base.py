"""What is known of an engine without a connection: facts that the core asks for, and how SQL is written for it.

One value an engine, in a module of its own. What engines do differently is a field or a text here, never an
`if engine ==` elsewhere. Texts are built from quoted parts; nothing is sent.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from runner.names import OWN, PLAIN, Layout, TableName
from runner.warehouse.values import FileMark

NULL, BETWEEN = "\x1e", "\x1f"  # in hashed rows


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An engine's facts; each module states its reasons beside the values."""

    name: str
    """How targets, files (`x.redshift.sql`) and flags name it, and sqlglot its dialect."""
    title: str
    """How texts for people name it."""
    default_schema: str
    """The schema of unqualified names."""
    name_bytes: int | None = None
    """Longer names are cut off, and two could become one; None: all of a name is kept."""
    transactional_ddl: bool
    """DDL takes part in a transaction and is undone by ROLLBACK."""
    snapshots: bool
    """A transaction can see one instant; elsewhere tables are read at a time, or copied (`Warehouse.pinned`)."""
    file_lock: bool
    """One process at a time has the database open: that lock is the lease."""
    indexes: bool
    """CREATE INDEX exists and helps to find rows by key."""
    skips_blocks: bool = False
    """A scan passes over blocks of rows in which no value of a column is among those of a subquery."""
    row_id: str = ""
    """A column that every table has, by which rows that were read once are found again; '' for none."""
    reads_files: bool
    """`files:` sources can be read in place."""
    analyze: bool
    """Fresh tables need ANALYZE before the planner sees their size."""
    replaces_views: bool
    """CREATE OR REPLACE VIEW takes a SELECT with other columns; elsewhere the view has to be dropped before."""
    binds_views: bool = False
    """A view that another one reads cannot be dropped alone; both can at once."""
    json_type: str
    """The type of objects and arrays of JSON."""
    dots_call: bool = False
    """`row.name` is `name(row)` where the row has no such column."""
    array_windows: bool
    """Arrays exist, and ARRAY_AGG is a window function too."""
    infinite_dates: bool
    """A date can be infinite, and `isfinite` tells."""
    counts_at_once: bool = False
    """COUNT(*) of a table reads no rows."""
    tells_rights: bool = False
    """The catalogue, and functions of Postgres, tell what a role may do."""
    tls_option: str = ""
    """The option of a URL without which a session may go in the clear; '' where TLS is verified unless it says otherwise."""
    trial_s: float = 0.3
    """How long new definitions are tried, for each of them. See runner/trial."""
    tried_by_runs: bool = True
    """Runs and plans try what is new; elsewhere that takes too long, or costs money: `check --live` does, if asked."""
    text_type: str = "varchar"
    """A text of any length."""
    varying_text: re.Pattern[str] | None = None
    """The types of texts that may have a limit, which is the first group; None: a limit is none of a type's."""
    timestamp_type: str = "timestamp"
    """A timestamp without a time zone."""
    instant_type: str = "timestamptz"
    """A moment, whatever it is called in the session's time zone."""
    double_type: str = "double"
    """A floating-point number of 64 bits."""
    whole_type: str = "decimal(38, 0)"
    """Whole numbers beyond 64 bits."""
    boolean_max: str = "bool_or"
    """The aggregate that is MAX of truth values."""
    boolean_min: str = "bool_and"
    """The aggregate that is MIN of truth values."""
    bare_functions: frozenset[str] = frozenset()
    """Words that are functions without parentheses, where the parser takes them for columns."""
    dashed_databases: bool = False
    """A database's name may have dashes in FROM, without quotes."""
    reserved: frozenset[str] = frozenset()
    """Words that are no names without quotes, besides those of which the other engines say so."""
    keeps_names: bool = False
    """No function of a user's can have the name of one that the engine has."""
    commits: re.Pattern[str] | None = None
    """The beginnings of statements that would commit an open transaction: within one they are refused."""
    nested_field: str = "({column}).{field}"
    """How a field within a column is written."""
    lenient_tstamp: str = "try_cast({text} as timestamp)"
    """How an author writes the timestamp of a text that may be none."""
    same_if_equal: re.Pattern[str]
    """The types whose equal values are the same: not -0.0 and 0.0, nor 1.0 and 1.00, nor '30 days' and '1 month'."""
    inexact: tuple[tuple[str, int], ...] = (("double precision", 9), ("real", 6))
    """The types of which the last digits of sums hang on the order of additions, and how many digits do not."""
    most_columns: int | None = None
    """A table has no more columns than that; None: more than anybody has."""
    stand_ins: tuple[tuple[re.Pattern[str], str], ...] = ()
    """(types, a value of theirs) for `same`, where IS NOT DISTINCT FROM cannot be joined by."""

    # -- names and literals ------------------------------------------------------------------------------------------

    def quote(self, part: str) -> str:
        """One identifier, quoted exactly."""
        return '"' + part.replace('"', '""') + '"'

    def table(self, name: TableName) -> str:
        """A table's full name, quoted."""
        return ".".join(self.quote(part) for part in name.within(self.default_schema).parts)

    def place(self, schema: str) -> str:
        """What a schema is called in the catalogue."""
        return schema

    def schema(self, name: str) -> str:
        """A schema's full name, quoted."""
        return self.quote(name)

    def column(self, name: str) -> str:
        """A column as a file of a front door spells it, quoted."""
        return self.quote(name)

    def literal(self, value: str | float | bool | None) -> str:
        """A literal that nothing in the value can leave."""
        if value is None:
            return "null"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, float)):
            return repr(value)
        if "\0" in value:
            raise ValueError("a NUL byte cannot stand in SQL")
        return "'" + value.replace("'", "''") + "'"

    # -- tables ------------------------------------------------------------------------------------------------------

    def scratch_table(self, scratch: str, name: str) -> str:
        """The full name of a table in a scratch place, which is a schema, or the beginning of names in one that ends
        in _; `name` needs no quotes.
        """
        return f"{scratch}{name}" if scratch.endswith("_") else f"{scratch}.{name}"

    def temporary_table(self, name: str, select: str, layout: Layout = PLAIN) -> str:
        """CREATE TABLE … AS for a scratch table, with the engine's cheapest durability."""
        return f"create table {name} as {select}"

    def derived_table(self, name: str, select: str, layout: Layout) -> str:
        """CREATE TABLE … AS for a model's table."""
        return f"create table {name} as {select}"

    def index_name(self, table: str, columns: Sequence[str]) -> str:
        """What the runner calls its index on columns of a table (its quoted name): an index of this name is its own."""
        return f"{OWN}{hashlib.sha256(BETWEEN.join([table, *columns]).encode()).hexdigest()[:16]}"

    def create_index(self, table: str, columns: Sequence[str], method: str = "") -> str:
        """CREATE INDEX, for equality only where the method is `hash`."""
        listed, using = ", ".join(map(self.quote, columns)), f" using {method}" if method else ""
        return f"create index if not exists {self.index_name(table, columns)} on {table}{using} ({listed})"

    def drop_views(self, names: Sequence[str]) -> tuple[str, ...]:
        """DROP VIEW of several, which may read each other."""
        listed = [", ".join(names)] if names and self.binds_views else names
        return tuple(f"drop view if exists {one}" for one in listed)

    def comment_of(self, view: TableName) -> str:
        """A query for a view's comment."""
        schema, name = (self.literal(part) for part in view.within(self.default_schema).parts[-2:])
        return (
            "select obj_description(c.oid, 'pg_class') from pg_catalog.pg_class as c"
            " join pg_catalog.pg_namespace as n on n.oid = c.relnamespace"
            f" where n.nspname = {schema} and c.relname = {name}"
        )

    def storage_of(self, table: str) -> str:
        """A query in parentheses, or a literal, for `Trace.storage` of a table."""
        return "null"

    def retyped(self, table: str, column: str, type_: str) -> str:
        """ALTER TABLE that gives a column another type and keeps its values; '' where there is none."""
        return f"alter table {table} alter column {self.quote(column)} type {type_}"

    def files(self, marks: tuple[FileMark, ...]) -> str:
        """A relation that reads these files, by explicit list."""
        raise NotImplementedError(f"{self.title} cannot read files in place")

    # -- values ------------------------------------------------------------------------------------------------------

    def text_up_to(self, length: int) -> str:
        """The type of texts of at most so many characters; without a limit where it would but cut texts off."""
        return self.text_type

    def matches(self, text: str, pattern: str) -> str:
        """Whether a text is as a pattern, a regular expression between ^ and $, says: some engines match the whole
        text anyway.
        """
        return f"{text} ~ {self.literal(pattern)}"

    @property
    def now(self) -> str:
        """The warehouse's clock, as a timestamp in UTC."""
        return "cast(current_timestamp as timestamp)"

    def text_of(self, column: str, type_: str) -> str:
        """A column's value as text, the same on every run; for hashes."""
        return f"cast({column} as {self.text_type})"

    def hash_60(self, text: str) -> str:
        """A 60-bit integer of a text expression: a piece of its md5."""
        raise NotImplementedError(self.name)

    def piece(self, text: str) -> str:
        """A text as a part of its row's text: where one ends and the next begins is told by its length."""
        return f"coalesce(cast(length({text}) as varchar(20)) || ':' || {text}, '-')"

    def hash_of(self, texts: Sequence[str]) -> str:
        """A 60-bit integer of several texts, any of which may be null."""
        return self.hash_60(_joined([f"coalesce({text}, {self.literal(NULL)})" for text in texts]))

    def found_by_index(self, column: str, select: str) -> str:
        """True for rows whose indexed column is among the few values of a one-column SELECT."""
        return f"{column} in ({select})"

    def holds(self, type_: str, other: str) -> bool:
        """Whether both are types of texts, and whatever fits into the other one fits into this one."""
        if self.varying_text is None:
            return False
        limits = [found and float(found[1] or "inf") for found in map(self.varying_text.fullmatch, (type_, other))]
        return None not in limits and limits[0] >= limits[1]  # type: ignore[operator]

    def unlimited(self, type_: str) -> str:
        """The type that the runner's own tables have for values of a type: a text that gets longer has to fit."""
        return self.text_type if self.varying_text and self.varying_text.fullmatch(type_) else type_

    def names_function(self, expression: str) -> bool:
        """Whether a column in it would be taken for a function within a subquery, although it is quoted.

        Such an expression is compared outside of subqueries, by IN over rows, which must be null-safe.
        """
        return False

    def same(self, left: str, right: str, type_: str) -> str:
        """A null-safe equality that the engine can join by: where IS NOT DISTINCT FROM is none, a stand-in for null
        and a flag make one.
        """
        for pattern, stand_in in self.stand_ins:
            if pattern.match(type_):
                return f"(coalesce({left}, {stand_in}) = coalesce({right}, {stand_in}) and ({left} is null) = ({right} is null))"
        return self._same(left, right)

    def kind(self, type_: str) -> str | None:
        """What values of a type are compared with without a cast of each; None: the engine itself refuses others."""
        return None

    def _same(self, left: str, right: str) -> str:
        return f"{left} is not distinct from {right}"

    def differs(self, left: str, right: str) -> str:
        """Null-safe inequality."""
        return f"{left} is distinct from {right}"

    def told_apart(self, column: str, type_: str) -> tuple[str, ...]:
        """What to group and to order by, so that only values which are the same fall together, of whatever type.

        Equal is not enough where equal values may differ: then their text, or what is cheaper, tells them apart too.
        """
        return (column,) if self.same_if_equal.fullmatch(type_) else (column, self.text_of(column, type_))

    def together(self, expressions: Sequence[str]) -> str:
        """Several of them as one value, for an engine that counts what it groups by."""
        raise NotImplementedError(self.name)

    def any_of(self, column: str, type_: str) -> str:
        """An aggregate that gives one of equal values, for types that cannot be grouped."""
        return f"min({column})"

    def distinct_count(self, array: str) -> str:
        """How many different values an array holds."""
        return f"(select count(distinct runner_v) from unnest({array}) as runner_u(runner_v))"

    def try_cast(self, value: str, type_: str) -> str:
        """A value of whatever type as one of a type; null where it cannot be read as one, or does not fit."""
        return f"try_cast({value} as {type_})"

    def or_null(self, value: str) -> str:
        """A value of a row, without aggregates; null where it cannot be worked out, on engines that can say so."""
        return value

    def operand(self, value: str) -> str:
        """A whole number as a type in which it can be multiplied and added, and nothing overflows."""
        return value

    # -- dates and times ---------------------------------------------------------------------------------------------

    def moment(self, utc: str, type_: str, precision: str = "") -> str:
        """A constant of a type of dates or times: what the clock says at a time in UTC, where sessions have UTC too."""
        date, _, time = utc.partition(" ")
        texts = {"date": date, "time": time, "timetz": f"{time}+00:00", self.instant_type: f"{utc}+00:00"}
        text = self.literal(texts.get(type_, utc))
        return f"cast({text} as {type_}{f'({precision})' if precision else ''})"

    def date_in_zone(self, tstamp: str, zone: str) -> str:
        """The date of a timestamp in UTC, as it is called in a time zone."""
        if zone == "UTC":
            return f"cast({tstamp} as date)"
        return f"cast({self._in_zone(tstamp, zone)} as date)"

    def _in_zone(self, tstamp: str, zone: str) -> str:
        return f"timezone('{zone}', timezone('UTC', {tstamp}))"

    def is_infinite(self, date: str) -> str:
        """Whether a date is infinite; '' where none can be."""
        return f"not isfinite({date})" if self.infinite_dates else ""

    def seconds_later(self, tstamp: str, seconds: int) -> str:
        """A timestamp, so many seconds on."""
        return f"{tstamp} + interval '{seconds} seconds'"

    def days_later(self, date: str, days: str) -> str:
        """A date so many whole days later, where the number is an expression."""
        return f"({date} + {days})"

    def dates(self, select: str, first: str, last: str, relation: str) -> str:
        """Every date from `first` to `last`, both included, of each row of a relation, as `date` beside `select`.

        Here by a join with numbers below 100,000, for engines that cannot make several rows of one.
        """
        digits = " union all ".join(f"select {n} as n" for n in range(10))
        numbers = (
            f"select a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n as n from ({digits}) a cross join ({digits}) b"
            f" cross join ({digits}) c cross join ({digits}) d cross join ({digits}) e"
        )
        numbers = f"select n from ({numbers}) runner_m where n <= (select max(({last}) - ({first})) from {relation})"
        return (
            f"select {f'{select}, ' if select else ''}{first} + runner_n.n as date from {relation}"
            f" join ({numbers}) runner_n on runner_n.n <= ({last}) - ({first})"
        )


def _joined(texts: Sequence[str]) -> str:
    """Texts one after the other; as a tree, since engines limit how deep an expression may be."""
    if len(texts) == 1:
        return texts[0]
    half = len(texts) // 2
    return f"({_joined(texts[:half])} || '{BETWEEN}' || {_joined(texts[half:])})"
