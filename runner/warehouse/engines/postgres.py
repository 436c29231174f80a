"""Postgres, as far as it can be known without a connection."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields

from runner.names import PLAIN, Layout, TableName
from runner.warehouse.engines import casts
from runner.warehouse.engines.base import Engine

# Types whose equal values need not be the same. Of all others, a user's own among them, only the text is compared: many
# have no equality (json, xml, point, domains over them, arrays and rows of them), and no name tells which.
EQUAL = re.compile(r"(real|double precision|numeric|interval|jsonb|citext)(\[\])*|.* collate .*")
EXACT = re.compile(
    r"(smallint|integer|bigint|numeric\(.*\)|money|boolean|date|time(stamp)?(\(\d\))? with(out)? time zone|text|name|\"char\""
    r"|character( varying)?(\(\d+\))?|bytea|bit( varying)?(\(\d+\))?|uuid|oid|inet|cidr|macaddr8?)(\[\])*"
)


class _Postgres(Engine):
    def try_cast(self, value: str, type_: str) -> str:
        return casts.on_postgres(value, type_)

    def operand(self, value: str) -> str:
        return f"cast({value} as numeric)"

    def temporary_table(self, name: str, select: str, layout: Layout = PLAIN) -> str:
        return f"create {'' if name.startswith('pg_temp.') else 'unlogged '}table {name} as {select}"

    def storage_of(self, table: str) -> str:
        return f"(select cast(relfilenode as varchar(40)) from pg_class where oid = to_regclass({self.literal(table)}))"

    @property
    def now(self) -> str:
        return "(clock_timestamp() at time zone 'UTC')"

    def hash_60(self, text: str) -> str:
        return f"('x' || substr(md5({text}), 1, 15))::bit(60)::bigint"

    def found_by_index(self, column: str, select: str) -> str:
        """An array is looked up in the index; for IN the planner reads the whole table (measured: ten times slower)."""
        return f"{column} = any (array({select}))"

    def text_of(self, column: str, type_: str) -> str:
        """A cast to text would cut the blanks off that `bpchar` without a length keeps."""
        return f"concat({column})" if type_ == "bpchar" else super().text_of(column, type_)

    def told_apart(self, column: str, type_: str) -> tuple[str, ...]:
        if self.same_if_equal.fullmatch(type_):
            return (column,)
        text = f'({self.text_of(column, type_)} collate "C")'
        return (column, text) if EQUAL.fullmatch(type_) else (text,)

    def together(self, expressions: Sequence[str]) -> str:
        return f"array[{', '.join(expressions)}]"

    def any_of(self, column: str, type_: str) -> str:
        """A text that is written by a type is read by it."""
        return f"cast(min({self.text_of(column, type_)}) as {type_})"

    def dates(self, select: str, first: str, last: str, relation: str) -> str:
        number = f"generate_series(0, ({last}) - ({first}))"
        return f"select {f'{select}, ' if select else ''}{first} + {number} as date from {relation}"


POSTGRES = _Postgres(
    name="postgres",
    title="Postgres",
    default_schema="public",
    tells_rights=True,
    tls_option="sslmode",  # libpq-ssl: `prefer` by default, TLS where the server offers it, and no certificate is checked
    bare_functions=frozenset({"user", "current_role", "current_catalog", "current_schema"}),
    name_bytes=63,
    transactional_ddl=True,
    snapshots=True,
    file_lock=False,
    indexes=True,
    reads_files=False,
    analyze=True,  # a table made in this transaction has no statistics until it is analysed
    replaces_views=False,
    binds_views=True,
    json_type="jsonb",
    double_type="double precision",
    whole_type="numeric",
    array_windows=True,
    dots_call=True,
    infinite_dates=True,
    trial_s=1.0,
    text_type="text",
    lenient_tstamp="case when pg_input_is_valid(cast({text} as text), 'timestamp') then cast({text} as timestamp) end",
    varying_text=re.compile(r"(?:text|character varying)(?:\((\d+)\))?"),
    same_if_equal=EXACT,
    most_columns=1600,
    stand_ins=(  # IS NOT DISTINCT FROM can be neither hashed nor merged
        (re.compile(r"(text|character|varchar|bpchar|name|citext)[^\[]*$"), "''"),
        (re.compile(r"(smallint|integer|bigint|numeric|real|double precision)[^\[]*$"), "0"),
        (re.compile(r"timestamp[^\[]*$"), "timestamp '0001-01-01'"),
        (re.compile(r"date$"), "date '0001-01-01'"),
        (re.compile(r"boolean$"), "false"),
        (re.compile(r"uuid$"), "uuid '00000000-0000-0000-0000-000000000000'"),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Apart(_Postgres):
    """Postgres where every schema is called otherwise: what is made so stands beside the user's own, and is not taken for it."""

    prefix: str

    def table(self, name: TableName) -> str:
        full = name.within(self.default_schema)
        return f"{self.schema(full.schema or self.default_schema)}.{self.quote(full.table)}"

    def schema(self, name: str) -> str:
        return self.quote(self.place(name))

    def place(self, schema: str) -> str:
        """What a schema is called; names that are too long are told apart by their hash."""
        room = (self.name_bytes or 0) - len(self.prefix)
        short = schema if len(schema.encode()) <= room else hashlib.sha256(schema.encode()).hexdigest()[:room]
        return f"{self.prefix}{short}"


def apart(engine: Engine, prefix: str) -> Apart:
    """The engine, with schemas that begin with `prefix`."""
    known = {field.name: getattr(engine, field.name) for field in fields(engine)}
    return Apart(**{**known, "prefix": prefix})
