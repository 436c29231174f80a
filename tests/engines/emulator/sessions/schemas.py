"""CREATE and DROP of schemas and databases are carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.engines.emulator.errors import absent, compilation
from tests.engines.emulator.names import Key, quoted
from tests.engines.emulator.sessions.tables import in_conflicts
from tests.engines.emulator.translation.plan import Plan

if TYPE_CHECKING:
    from tests.engines.emulator.sessions.session import Session


def create_schema(session: Session, plan: Plan, key: Key) -> str:
    catalogue = session.account.catalogue
    database, schema, _ = key
    catalogue.need_database(database)
    if catalogue.has_schema(key):
        if plan.tree.args.get("exists"):
            return f"{schema} already exists, statement succeeded."
        if not plan.tree.args.get("replace"):
            raise compilation(2002, "42710", f"Object '{database}.{schema}' already exists.")
        in_conflicts(session, f"DROP SCHEMA {quoted(database, schema)} CASCADE")
        catalogue.forget((database, schema))
    in_conflicts(session, f"CREATE SCHEMA {quoted(database, schema)}")
    catalogue.homes.add((database, schema))
    catalogue.schemas[database, schema] = plan.note or ""
    catalogue.write_schemas()
    session.use(database, schema)
    return f"Schema {schema} successfully created."


def drop_schema(session: Session, plan: Plan, key: Key) -> str:
    catalogue = session.account.catalogue
    database, schema, _ = key
    if not catalogue.has_schema(key):
        if plan.tree.args.get("exists"):
            return f"Drop statement executed successfully ({schema} already dropped)."
        raise absent("Schema", f"{database}.{schema}")
    if (session.database, session.schema) == (database, schema):
        session.use(database, None)
    in_conflicts(session, f"DROP SCHEMA {quoted(database, schema)} CASCADE")
    catalogue.forget((database, schema))
    catalogue.schemas.pop((database, schema), None)
    catalogue.write_schemas()
    return f"{schema} successfully dropped."


def create_database(session: Session, plan: Plan, key: Key) -> str:
    name = key[0]
    if session.account.catalogue.has_database(name):
        if plan.tree.args.get("exists"):
            return f"{name} already exists, statement succeeded."
        raise compilation(2002, "42710", f"Object '{name}' already exists.")
    session.account.make_database(name)
    session.use(name, "PUBLIC")
    return f"Database {name} successfully created."


def drop_database(session: Session, plan: Plan, key: Key) -> str:
    name = key[0]
    if not session.account.catalogue.has_database(name):
        if plan.tree.args.get("exists"):
            return f"Drop statement executed successfully ({name} already dropped)."
        raise absent("Database", name)
    session.account.drop_database(name)
    return f"{name} successfully dropped."
