"""The ground on Postgres without the right to create databases: schemas of its own within the user's database.

The judge's texts are changed by the names of their tables and by nothing else, and each is looked through before it is
sent: what reads a view or calls a function of the user's own cannot be tried here, since names within those mean his
tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from runner.sql.select import Select
from runner.warehouse.base import Warehouse
from runner.warehouse.grounds.base import Wanted
from runner.warehouse.grounds.postgres import OWN_NAME, PREFIX, PostgresGround, is_left
from runner.warehouse.grounds.postgres_catalogue import Catalogue
from runner.warehouse.values import Trouble, WarehouseError

RIGHTS = f"select has_database_privilege(current_database(), 'create'), current_user::text, {OWN_NAME}"

# Schemas of dead sessions, and this one's.
LEFT = f"""
select nspname::text from pg_namespace where nspname ~ '^{PREFIX}_[0-9]+_[0-9]+_[rj]_'
and pg_get_userbyid(nspowner) = current_user and {is_left("nspname")}
"""

# What a view names, but for what Postgres has itself and what extensions bring.
NAMED = """
select case when n.nspname like {ours} then '' else pg_describe_object(d.refclassid, d.refobjid, 0) end as named
from pg_rewrite r join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
left join pg_class c on d.refclassid = 'pg_class'::regclass and c.oid = d.refobjid
left join pg_namespace n on n.oid = c.relnamespace
where r.ev_class = 'pg_temp.runner_looked'::regclass and d.refobjid <> r.ev_class
and d.refclassid in ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_operator'::regclass)
and not exists (select 1 from pg_depend e where e.classid = d.refclassid and e.objid = d.refobjid and e.deptype = 'e')
order by 1 desc limit 1
"""


class PostgresSchemas(PostgresGround):
    """Beside the user's schemas in `home`, on sessions of its own."""

    texts = ()

    def __init__(self, home: Warehouse, beside: Callable[[str, Iterable[str]], Warehouse], wanted: Wanted) -> None:
        """`beside` opens a session whose schemas begin with a prefix. Raises WarehouseError, CannotConnect."""
        self._home = home
        allowed, self._role, name = home.execute("trial:rights", RIGHTS).one()
        if not allowed:
            raise self._cannot("there is neither a database nor a schema for made-up rows")
        self._sweep()
        self._catalogue = Catalogue(home, wanted)
        self.shapes = self._catalogue.shapes
        default = home.engine.default_schema
        self._views = {one.name.within(default) for one in wanted.inputs if one.is_view}
        tables = (*(one.name for one in wanted.inputs), *wanted.owned)
        schemas = {table.within(default).schema or default for table in tables}
        self._prefix, self._looked_at = f"{name}_", set[str]()
        self.runner = beside(f"{self._prefix}r_", schemas)
        try:
            self.judge = beside(f"{self._prefix}j_", schemas)
        except BaseException:
            self.runner.close()
            raise

    def _cannot(self, what: str) -> WarehouseError:
        return WarehouseError("trial:ground", f"{what}: alter role {self._role} createdb", Trouble.REFUSED)

    def _sweep(self) -> None:
        for (left,) in self._home.execute("trial:left", LEFT).rows:
            with suppress(WarehouseError):
                self._home.execute("trial:drop", f"drop schema if exists {self._home.engine.quote(left)} cascade")

    def begin(self) -> None:
        self._sweep()
        for side in (self.runner, self.judge):
            names = dict.fromkeys(shape.name.within(side.engine.default_schema) for shape in self.shapes)
            schemas = dict.fromkeys(name.schema or "" for name in names)
            parts = [f"create schema {side.engine.schema(schema)}" for schema in schemas]
            side.execute("trial:shapes", "; ".join([*parts, *self._catalogue.tables(side.engine)]))

    def close(self) -> None:
        self.runner.close()
        self.judge.close()
        self._sweep()

    def edits(self, select: Select) -> Sequence[tuple[int, int, str]]:
        engine = self.judge.engine
        for reference in select.references:
            if reference.table.within(engine.default_schema) in self._views:
                raise self._cannot(f"it reads the view {reference.table}, which is tried in a database of its own only")
        names = [(one.start, one.end, engine.table(one.table)) for one in select.references]
        return [*names, *((one.start, one.end, "") for one in select.qualifiers)]

    def check(self, text: str) -> None:
        if text in self._looked_at:
            return
        self.judge.execute("trial:look", f"create temporary view runner_looked as\n{text}\n")
        try:
            ours = self._home.engine.literal(f"{self._prefix}j\\_%")
            rows = self.judge.execute("trial:named", NAMED.format(ours=ours)).rows
        finally:
            self.judge.execute("trial:looked", "drop view pg_temp.runner_looked")
        if rows and rows[0][0]:
            raise self._cannot(f"it needs {rows[0][0]}, which is tried in a database of its own only")
        self._looked_at.add(text)
