"""What there is: databases, schemas, tables and views, and INFORMATION_SCHEMA over them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from fakesnow import info_schema, macros

from tests.engines.emulator.errors import absent
from tests.engines.emulator.names import Key, literal, quoted

HIDDEN = "_FS_HIDDEN"  # the schema, in each database, of temporary tables and of copies of the past
SCHEMAS_TABLE = """
create table _fs_global._fs_information_schema._runner_schemas (catalog varchar, name varchar, note varchar)
"""
VIEWS = """
create or replace view $DB._fs_information_schema._fs_tables as
select database_name as "TABLE_CATALOG", schema_name as "TABLE_SCHEMA", table_name as "TABLE_NAME",
    'SYSADMIN' as "TABLE_OWNER", 'BASE TABLE' as "TABLE_TYPE",
    case when comment like '1 %' then 'YES' else 'NO' end as "IS_TRANSIENT", null::varchar as "CLUSTERING_KEY",
    estimated_size as "ROW_COUNT", 0 as "BYTES", coalesce(split_part(comment, ' ', 2)::int, 1) as "RETENTION_TIME",
    to_timestamp(0)::timestamptz as "CREATED", to_timestamp(0)::timestamptz as "LAST_ALTERED", null::varchar as "COMMENT",
    'NO' as "IS_TEMPORARY"
from duckdb_tables() where database_name = $NAME and schema_name not like '\\_fs\\_%' escape '\\'
    and schema_name not like '\\_FS\\_%' escape '\\'
union all
select database_name, schema_name, view_name, 'SYSADMIN', 'VIEW', null, null, null, null, null,
    to_timestamp(0)::timestamptz, to_timestamp(0)::timestamptz, null, 'NO'
from duckdb_views() where database_name = $NAME and not internal and schema_name not like '\\_fs\\_%' escape '\\';
create or replace view $DB._fs_information_schema._fs_schemata as
select catalog_name as "CATALOG_NAME",
    case when schema_name = '_fs_information_schema' then 'INFORMATION_SCHEMA' else schema_name end as "SCHEMA_NAME",
    'SYSADMIN' as "SCHEMA_OWNER", case when note like '1 %' then 'YES' else 'NO' end as "IS_TRANSIENT",
    coalesce(split_part(note, ' ', 2)::int, 1) as "RETENTION_TIME",
    to_timestamp(0)::timestamptz as "CREATED", to_timestamp(0)::timestamptz as "LAST_ALTERED", null::varchar as "COMMENT"
from system.information_schema.schemata
left join _fs_global._fs_information_schema._runner_schemas r on r.catalog = catalog_name and r.name = schema_name
where catalog_name = $NAME and schema_name not in ('main', 'pg_catalog', '_FS_HIDDEN');
create or replace view $DB._fs_information_schema._fs_views as
select database_name as "TABLE_CATALOG", schema_name as "TABLE_SCHEMA", view_name as "TABLE_NAME",
    'SYSADMIN' as "TABLE_OWNER", 'create or replace view ' || view_name || ' as ' || comment as "VIEW_DEFINITION"
from duckdb_views() where database_name = $NAME and not internal and schema_name != '_fs_information_schema';
create or replace view $DB._fs_information_schema._fs_functions as
select schema_name as "FUNCTION_SCHEMA", function_name as "FUNCTION_NAME", 'SQL' as "FUNCTION_LANGUAGE",
    'VOLATILE' as "VOLATILITY", cast(parameters as varchar) as "ARGUMENT_SIGNATURE",
    trim(macro_definition, chr(39)) as "FUNCTION_DEFINITION"
from duckdb_functions() where database_name = $NAME and not internal and schema_name not ilike '\\_fs\\_%' escape '\\';
"""


@dataclass(frozen=True)
class Relation:
    """A table and what its note says, or a view and its text; the serial is another for one made anew."""

    kind: str
    note: str
    serial: int


class Catalogue:
    """What there is, in all databases, and how it is written down for INFORMATION_SCHEMA."""

    def __init__(self, admin: Any, guard: threading.RLock) -> None:
        self.admin, self.guard = admin, guard
        admin.execute(SCHEMAS_TABLE)
        self.relations: dict[Key, Relation] = {}
        self.homes: set[tuple[str, ...]] = set()  # the schemas of the databases
        self.schemas: dict[tuple[str, str], str] = {}  # those that are transient or keep no history
        self.mixed: set[str] = set()  # names, in upper case, of what was made with a name in other letters

    def has_database(self, name: str) -> bool:
        return (name, "PUBLIC") in self.homes or any(home[0] == name for home in self.homes)

    def need_database(self, name: str) -> None:
        if not self.has_database(name):
            raise absent("Database", name)

    def has_schema(self, key: tuple[str, ...]) -> bool:
        return key[:2] in self.homes

    def kind_of(self, key: Key) -> str | None:
        """TABLE, VIEW or None."""
        found = self.relations.get(key)
        return found.kind if found else None

    def note_of(self, key: Key, kind: str = "TABLE") -> str | None:
        """What is kept of a table, or the text of a view."""
        found = self.relations.get(key)
        return found.note if found and found.kind == kind else None

    def view_body(self, key: Key) -> str | None:
        return self.note_of(key, "VIEW")

    def is_transient(self, key: Key) -> bool:
        return (self.note_of(key) or "0 1").startswith("1")

    def note(self, key: Key, transient: bool, retention: int | None) -> str:
        """Transient or not, and the days of time travel: what is kept as the table's comment."""
        home = self.schemas.get(key[:2], "0 1").split()
        days = int(home[1]) if retention is None else retention
        return f"{int(transient or home[0] == '1')} {days}"

    def add_database(self, name: str) -> None:
        """A database in memory, with what fakesnow keeps in each."""
        self.admin.execute(f"ATTACH ':memory:' AS {quoted(name)}")
        own = info_schema.per_db_creation_sql(quoted(name))
        self.admin.execute(own.replace(f"'{quoted(name)}'", literal(name)))
        self.admin.execute(macros.creation_sql(quoted(name)))
        self.admin.execute(f"CREATE SCHEMA {quoted(name, 'PUBLIC')}; CREATE SCHEMA {quoted(name, HIDDEN)}")
        self.admin.execute(VIEWS.replace("$DB", quoted(name)).replace("$NAME", literal(name)))
        self.homes |= {(name, "PUBLIC"), (name, "INFORMATION_SCHEMA")}

    def drop_database(self, name: str) -> None:
        self.schemas = {key: note for key, note in self.schemas.items() if key[0] != name}
        self.write_schemas()
        self.admin.execute(f"DETACH {quoted(name)}")
        self.forget((name,))

    def forget(self, inside: tuple[str, ...]) -> None:
        """A schema or a database is gone."""
        self.relations = {key: kept for key, kept in self.relations.items() if key[: len(inside)] != inside}
        self.homes = {home for home in self.homes if home[: len(inside)] != inside}

    def write_schemas(self) -> None:
        """The notes of schemas, for INFORMATION_SCHEMA."""
        own = "_fs_global._fs_information_schema._runner_schemas"
        with self.guard:
            self.admin.execute(f"delete from {own}")
            for (database, schema), note in list(self.schemas.items()):
                self.admin.execute(f"insert into {own} values (?, ?, ?)", [database, schema, note])


def columns_of(duck: Any, key: Key) -> list[Any]:
    """(name, type, YES or NO, key, default …) of each column."""
    found: list[Any] = duck.execute(f"DESCRIBE {quoted(*key)}").fetchall()
    return found


def hidden_place(session: int, key: Key) -> Key:
    """Where a session's temporary table of this name lies."""
    return key[0], HIDDEN, f"S{session}_{key[1]}.{key[2]}"
