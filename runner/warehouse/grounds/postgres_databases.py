"""The ground on Postgres: two throw-away databases beside the user's, which need the right to create databases.

They are called after the session that makes them, so that whoever comes next knows which of them nobody uses any more.
Within them everything has the name that it has in the user's own, and his texts run untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from runner.warehouse.base import Warehouse
from runner.warehouse.engines.base import Engine
from runner.warehouse.grounds.base import Wanted, make, make_all
from runner.warehouse.grounds.postgres import OWN_NAME, PREFIX, PostgresGround, is_left
from runner.warehouse.grounds.postgres_catalogue import Catalogue
from runner.warehouse.values import WarehouseError

# What the user has set for this database alone holds in no other.
FACTS = f"""
select {OWN_NAME},
    (select to_jsonb(d) || jsonb_build_object('encoding', pg_encoding_to_char(encoding)) from pg_database d where datname = current_database()),
    array(select name from pg_settings where name = 'search_path' or (context = 'user' and source in ('database', 'database user'))),
    array(select format('create extension if not exists %I with schema %I cascade', extname, nspname)
        from pg_extension e join pg_namespace n on n.oid = e.extnamespace where extname <> 'plpgsql' order by e.oid),
    array(select distinct nspname::text from pg_extension e join pg_namespace n on n.oid = e.extnamespace
        where extname <> 'plpgsql' and nspname <> 'pg_catalog')
"""

# Databases of dead sessions, and this one's.
LEFT = f"""
select datname::text from pg_database where datname ~ '^{PREFIX}_[0-9]+_[0-9]+_(runner|truth)$'
and pg_get_userbyid(datdba) = current_user and {is_left("datname")}
"""

# All that was made since: schemas, and tables and views in those that were there at first.
CLEAR = """
do $runner$ declare made record; begin
for made in select nspname from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'
    and nspname <> all (array[{schemas}]::text[]) loop
    execute format('drop schema %I cascade', made.nspname);
end loop;
for made in select c.oid, nspname, relname, case relkind when 'v' then 'view' else 'table' end as kind
    from pg_class c join pg_namespace n on n.oid = relnamespace where relkind in ('r', 'v') and nspname !~ '^pg_'
    and nspname <> 'information_schema' and format('%I.%I', nspname, relname) <> all (array[{relations}]::text[])
    and not exists (select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
    loop
    execute format('drop %s if exists %I.%I cascade', made.kind, made.nspname, made.relname);
end loop;
end $runner$
"""
PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}


class PostgresDatabases(PostgresGround):
    """Beside `home`, in which nothing is written."""

    def __init__(self, home: Warehouse, in_database: Callable[[str], Warehouse], wanted: Wanted) -> None:
        """`in_database` opens a session in another database of the server. Raises WarehouseError, CannotConnect."""
        self._home = home
        name, self._database, self._settings, self._extensions, self._hosts = self._ask(FACTS)[0]
        self._catalogue = Catalogue(home, wanted)
        self.shapes = self._catalogue.shapes
        self.texts = tuple(thing.text for thing in self._catalogue.things if thing.text.startswith("create view"))
        self._names = (f"{name}_runner", f"{name}_truth")
        self._sides: list[Warehouse] = []
        self._kept: list[str] | None = None  # the relations that stay, once they are made
        try:
            self._create(in_database)
        except BaseException:
            self.close()
            raise
        self.runner, self.judge = self._sides

    def _ask(self, sql: str) -> Sequence[tuple[Any, ...]]:
        return self._home.execute("trial:catalogue", sql).rows

    def _create(self, in_database: Callable[[str], Warehouse]) -> None:
        for (left,) in self._ask(LEFT):
            self._drop(left)
        options = _options(self._database, int(self._home.version), self._home.engine)
        for name in self._names:
            quoted = self._home.engine.quote(name)
            self._home.execute("trial:database", f"create database {quoted} template template0 {options}")
            alter = f"alter database {quoted} set"
            settings = [f"{alter} synchronous_commit = off", *(f"{alter} {one} from current" for one in self._settings)]
            self._home.execute("trial:settings", "; ".join(settings))
            self._sides.append(in_database(name))

    def _drop(self, name: str) -> None:
        with suppress(WarehouseError):  # whoever else found it has dropped it
            self._home.execute("trial:drop", f"drop database if exists {self._home.engine.quote(name)} with (force)")

    def close(self) -> None:
        for side in self._sides:
            side.close()
        for name in self._names:
            self._drop(name)

    # -- what they hold ----------------------------------------------------------------------------------------------

    def begin(self) -> None:
        if self._kept is None:
            for side in self._sides:
                self._make(side)
            sql = "select format('%I.%I', nspname, relname) from pg_class c join pg_namespace n on n.oid = relnamespace where relkind in ('r', 'v') and nspname !~ '^pg_' and nspname <> 'information_schema'"
            self._kept = [str(name) for (name,) in self.judge.execute("trial:made", sql).rows]
            return
        literal = self._home.engine.literal
        clear = CLEAR.format(
            schemas=", ".join(map(literal, self._schemas)), relations=", ".join(map(literal, self._kept))
        )
        for side in self._sides:
            side.execute("trial:anew", clear)

    @property
    def _schemas(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(("public", *self._catalogue.schemas, *self._hosts)))

    def _make(self, side: Warehouse) -> None:
        schemas = [f"create schema if not exists {side.engine.quote(name)}" for name in self._schemas]
        side.execute("trial:schemas", "; ".join(["set check_function_bodies = off", *schemas]))
        for text in self._extensions:
            make(side, text)
        things = self._catalogue.things
        make_all(side, [thing.text for thing in things if not thing.place])
        side.execute("trial:shapes", "; ".join(self._catalogue.tables(side.engine)))
        make_all(side, [thing.text for thing in things if thing.place])


def _options(database: Mapping[str, Any], version: int, engine: Engine) -> str:
    """Texts are to be compared as in the user's own database."""
    parts = [
        f"{word} {engine.literal(database[fact])}"
        for word, fact in (("encoding", "encoding"), ("lc_collate", "datcollate"), ("lc_ctype", "datctype"))
    ]
    if provider := PROVIDERS.get(str(database.get("datlocprovider"))):  # from version 15 on
        parts.append(f"locale_provider {provider}")
        locale = database.get("datlocale") or database.get("daticulocale")
        parts += [f"{provider}_locale {engine.literal(locale)}"] if locale else []
        parts += [f"icu_rules {engine.literal(database['daticurules'])}"] if database.get("daticurules") else []
    return " ".join([*parts, *(["strategy file_copy"] if version >= 150000 else [])])
