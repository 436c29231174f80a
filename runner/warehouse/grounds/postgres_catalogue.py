"""What a Postgres database holds of the things that some models read and call, as the DDL that makes them elsewhere.

What is needed is found by name: a function, type, view or table comes along if its name is a word of what is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.names import TableName
from runner.warehouse.base import Warehouse
from runner.warehouse.engines.base import Engine
from runner.warehouse.grounds.base import Shape, Wanted
from runner.warehouse.values import Column

WORD = re.compile(r"\w+")
VALUE = re.compile(r"\bVALUE\b")

# What is a user's own: of no extension, which brings its things itself.
THINGS = """
with thing(place, oid, class, schema, name, text) as (
    select 2, c.oid, 'pg_class'::regclass, n.nspname, c.relname,
        case when c.relkind in ('v', 'm') then format('create view %I.%I as %s', n.nspname, c.relname, pg_get_viewdef(c.oid)) end
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'f', 'v', 'm')
    union all
    select 1, p.oid, 'pg_proc'::regclass, n.nspname, p.proname, pg_get_functiondef(p.oid)
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace where p.prokind in ('f', 'p', 'w')
    and n.nspname not in ('pg_catalog', 'information_schema')
    union all
    select 0, t.oid, 'pg_type'::regclass, n.nspname, t.typname, case t.typtype
        when 'e' then format('create type %I.%I as enum (%s)', n.nspname, t.typname,
            (select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder) from pg_enum where enumtypid = t.oid))
        when 'd' then format('create domain %I.%I as %s', n.nspname, t.typname, format_type(t.typbasetype, t.typtypmod))
        else format('create type %I.%I as (%s)', n.nspname, t.typname,
            (select string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' order by attnum)
             from pg_attribute where attrelid = t.typrelid and attnum > 0 and not attisdropped)) end
    from pg_type t join pg_namespace n on n.oid = t.typnamespace left join pg_class c on c.oid = t.typrelid
    where t.typtype in ('e', 'd') or (t.typtype = 'c' and c.relkind = 'c')
    union all
    select 0, o.oid, 'pg_collation'::regclass, n.nspname, o.collname,
        case o.collprovider when 'i' then format('create collation %I.%I (provider = icu, locale = %L, deterministic = %s)', n.nspname,
            o.collname, coalesce(to_jsonb(o) ->> 'colllocale', to_jsonb(o) ->> 'colliculocale', o.collcollate), o.collisdeterministic)
        else format('create collation %I.%I (lc_collate = %L, lc_ctype = %L)', n.nspname, o.collname, o.collcollate, o.collctype) end
    from pg_collation o join pg_namespace n on n.oid = o.collnamespace
)
select place, schema::text, name::text, text from thing
where lower(name) = any(case place when 2 then {read} else {called} end) and schema not in ('pg_catalog', 'information_schema') and schema !~ '^pg_'
and not exists (select 1 from pg_depend d where d.classid = class and d.objid = thing.oid and d.deptype = 'e')
order by place, oid
"""
RELATION = 2  # tables and views; what they are made of has a smaller number

COLUMNS = """
select w.n, a.attname::text, a.atttypid::bigint, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    case when a.attcollation <> t.typcollation then format('%I.%I', cn.nspname, co.collname) end
from (values {listed}) w(n, name) join pg_attribute a on a.attrelid = to_regclass(w.name)
join pg_type t on t.oid = a.atttypid left join pg_collation co on co.oid = a.attcollation
left join pg_namespace cn on cn.oid = co.collnamespace
where a.attnum > 0 and not a.attisdropped order by w.n, a.attnum
"""

CONSTRAINTS = """
with w(n, oid) as (select n, to_regclass(name) from (values {listed}) v(n, name))
select w.n, array(select a.attname::text from unnest(i.indkey) with ordinality k(number, at)
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number where k.at <= i.indnkeyatts order by k.at), null
from w join pg_index i on i.indrelid = w.oid
where i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
union all
select w.n, null, pg_get_expr(c.conbin, c.conrelid) from w join pg_constraint c on c.conrelid = w.oid where c.contype = 'c'
"""

TYPES = """
with recursive needed(oid) as (
    select unnest(array[{oids}]::oid[])
    union
    select part.oid from needed join pg_type t on t.oid = needed.oid, lateral (
        select t.typbasetype where t.typtype = 'd' union all select t.typelem where t.typcategory = 'A'
        union all select a.atttypid from pg_attribute a
        where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped) part(oid)
)
select t.oid::bigint, t.typname::text, t.typtype::text, t.typcategory::text, n.nspname = 'pg_catalog',
    case when t.typtype = 'd' then t.typbasetype else t.typelem end::bigint, format_type(t.typbasetype, t.typtypmod), t.typnotnull,
    array(select enumlabel::text from pg_enum where enumtypid = t.oid order by enumsortorder),
    array(select pg_get_expr(conbin, 0) from pg_constraint where contypid = t.oid and contype = 'c'),
    array(select array[quote_ident(attname), atttypid::text, format_type(atttypid, atttypmod)] from pg_attribute
        where t.typtype = 'c' and attrelid = t.typrelid and attnum > 0 and not attisdropped order by attnum)
from needed join pg_type t on t.oid = needed.oid join pg_namespace n on n.oid = t.typnamespace
"""


@dataclass(frozen=True)
class Thing:
    """Something that is made by its text; `place` says what has to be there before."""

    name: TableName
    text: str
    place: int


@dataclass(frozen=True)
class _Column:
    name: str
    oid: int
    type: str
    required: bool
    collation: str | None


@dataclass(frozen=True)
class _Type:
    name: str
    kind: str
    category: str
    built_in: bool
    inner: int  # of a domain what it restricts, of an array its elements
    inner_type: str
    required: bool
    labels: Sequence[str]
    checks: Sequence[str]
    fields: Sequence[tuple[str, str, str]]


@dataclass
class Catalogue:
    """What is needed, found once."""

    home: Warehouse
    wanted: Wanted
    things: list[Thing] = field(default_factory=list)
    _columns: dict[TableName, list[_Column]] = field(default_factory=dict)
    _types: dict[int, _Type] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._default = self.home.engine.default_schema
        self._views = {one.name.within(self._default) for one in self.wanted.inputs if one.is_view}
        self._owned = {table.within(self._default) for table in self.wanted.owned}
        self._find([one.name for one in self.wanted.inputs if not one.is_view])
        self._read_types({column.oid for columns in self._columns.values() for column in columns})
        self.shapes = tuple(self._shapes())

    def _ask(self, sql: str) -> Sequence[tuple[Any, ...]]:
        return self.home.execute("trial:catalogue", sql).rows

    def _listed(self, names: Iterable[TableName]) -> str:
        engine = self.home.engine
        return ", ".join(f"({n}, {engine.literal(engine.table(name))})" for n, name in enumerate(names))

    def _read_columns(self, tables: Sequence[TableName]) -> set[str]:
        """The words that their types and collations are called by."""
        words: set[str] = set()
        for n, *values in self._ask(COLUMNS.format(listed=self._listed(tables))) if tables else ():
            column = _Column(*values)
            self._columns.setdefault(tables[n], []).append(column)
            words |= _words([column.type, column.collation or ""])
        return words

    def _find(self, tables: list[TableName]) -> None:
        """These tables, and all that is called by a word of what is needed; a model's own words name no table but its inputs."""
        called, read = _words(self.wanted.texts), {view.table.lower() for view in self._views}
        asked_called: set[str] = set()
        asked_read: set[str] = set()
        while tables or called or read:
            called |= self._read_columns(tables)
            is_first = not asked_called
            asked_called, asked_read = asked_called | called, asked_read | read
            tables, texts = self._found(called, read, is_first=is_first)
            words = _words(texts)
            called, read = words - asked_called, words - asked_read

    def _found(self, called: set[str], read: set[str], *, is_first: bool) -> tuple[list[TableName], list[str]]:
        """Tables, and texts of what else there is, by words that call it, and by those that read it."""
        tables, texts = [], []
        known = {name.within(self._default) for name in self._columns}
        for place, schema, name, text in self._ask(THINGS.format(called=self._array(called), read=self._array(read))):
            table = TableName((schema, name))
            if place == RELATION and (table in self._owned or (is_first and table not in self._views)):
                continue
            if text is not None:
                self.things.append(Thing(table, text, place))
                texts.append(text)
            elif table not in known:
                tables.append(table)
        return tables, texts

    def _array(self, words: set[str]) -> str:
        return f"array[{', '.join(map(self.home.engine.literal, sorted(words)))}]::text[]"

    # -- shapes ------------------------------------------------------------------------------------------------------

    def _read_types(self, oids: set[int]) -> None:
        for oid, *values in self._ask(TYPES.format(oids=", ".join(map(str, sorted(oids))))) if oids else ():
            self._types[oid] = _Type(*values)

    def _shapes(self) -> Iterator[Shape]:
        names = list(self._columns)
        unique: dict[TableName, list[tuple[str, ...]]] = {}
        conditions: dict[TableName, list[str]] = {}
        for n, columns, condition in self._ask(CONSTRAINTS.format(listed=self._listed(names))) if names else ():
            if columns is not None:
                unique.setdefault(names[n], []).append(tuple(column.lower() for column in columns))
            else:
                conditions.setdefault(names[n], []).append(condition)
        for name, found in self._columns.items():
            required = {c.name.lower() for c in found if c.required or self._types[c.oid].required}
            checks = [self._of_column(check, c) for c in found for check in self._types[c.oid].checks]
            columns = tuple(Column(c.name, self._spelled(c.oid, c.type)) for c in found)
            all_conditions = (*conditions.get(name, ()), *checks)
            yield Shape(name, columns, frozenset(required), tuple(unique.get(name, ())), all_conditions)

    def _of_column(self, check: str, column: _Column) -> str:
        """A domain's condition, as one of a table."""
        return VALUE.sub(lambda _: self.home.engine.quote(column.name), check)

    def _spelled(self, oid: int, text: str) -> str:
        """A type as those who make up values know it."""
        found = self._types[oid]
        if found.kind == "e":
            return f"enum({', '.join(map(self.home.engine.literal, found.labels))})"
        if found.kind == "d":
            return self._spelled(found.inner, found.inner_type)
        if found.kind == "c":
            parts = [f"{name} {self._spelled(int(inner), type_)}" for name, inner, type_ in found.fields]
            return f"struct<{', '.join(parts)}>"
        if found.category == "A" and not self._types[found.inner].built_in:
            return f"{self._spelled(found.inner, text.removesuffix('[]'))}[]"
        if found.category == "T":
            return "interval"
        if found.category == "S" and not found.built_in:  # citext
            return "text"
        return "unknown" if found.name == "oid" or found.name.startswith("reg") else text

    # -- DDL ---------------------------------------------------------------------------------------------------------

    @property
    def schemas(self) -> tuple[str, ...]:
        """All that something stands in, by name."""
        names = [name.within(self._default) for name in (*self._columns, *(thing.name for thing in self.things))]
        return tuple(dict.fromkeys(name.schema or self._default for name in names))

    def tables(self, engine: Engine) -> Iterator[str]:
        """The text that makes each table: names, types, collations, what cannot be null."""
        for name, columns in self._columns.items():
            listed = [
                f"{engine.quote(c.name)} {c.type}{f' collate {c.collation}' if c.collation else ''}{' not null' if c.required else ''}"
                for c in columns
            ]
            yield f"create table {engine.table(name)} ({', '.join(listed)})"


def _words(texts: Iterable[str]) -> set[str]:
    return {word.lower() for text in texts for word in WORD.findall(text)}
