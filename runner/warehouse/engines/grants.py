"""Which rights a role has not, on engines with the catalogue and the functions of Postgres, and the statements that give them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from runner.warehouse.engines.base import Engine
from runner.warehouse.values import Right

ROLE = """
select cast(current_user as varchar(200)), cast(current_database() as varchar(200)),
    has_database_privilege(current_database(), 'create'), has_database_privilege(current_database(), 'temporary')
"""
ON_SCHEMAS, ON_TABLES = ("usage", "create"), ("select", "insert", "update", "delete")
HELD = """
select w.n, n.oid is not null, {on_schemas}, c.oid is not null, {on_tables}
from ({wanted}) w left join pg_namespace n on n.nspname = w.s
left join pg_class c on c.relnamespace = n.oid and c.relname = w.t order by w.n
"""


def held(engine: Engine, wanted: Sequence[Right]) -> str:
    """A query for what the role may do on each schema and table; a table that is not there is nobody's business here."""
    listed = " union all ".join(
        f"select {n} as n, cast({engine.literal(r.schema)} as varchar(200)) as s,"
        f" cast({engine.literal(r.table)} as varchar(200)) as t"
        for n, r in enumerate(wanted)
    )
    on_schemas = ", ".join(f"has_schema_privilege(n.oid, '{word}')" for word in ON_SCHEMAS)
    on_tables = ", ".join(f"has_table_privilege(c.oid, '{word}')" for word in ON_TABLES)
    return HELD.format(on_schemas=on_schemas, on_tables=on_tables, wanted=listed)


def missing(
    engine: Engine, wanted: Sequence[Right], role: Sequence[Any], rows: Iterable[Sequence[Any]]
) -> tuple[str, ...]:
    """The statements, each once, by the rows that ROLE and `held` give."""
    name, database, makes_schemas, makes_temporary = role
    to = f"to {engine.quote(name)}"
    found = [] if makes_temporary else [f"grant temporary on database {engine.quote(database)} {to}"]
    for number, *known in rows:
        right, schema = wanted[int(number)], engine.schema(wanted[int(number)].schema)
        if known[0]:
            found += [f"{given} {to}" for given in _given(right, schema, engine.quote(right.table), known)]
        elif "create" in right.words and not makes_schemas:
            found.append(f"create schema {schema} authorization {engine.quote(name)}")
    return tuple(dict.fromkeys(found))


def _given(right: Right, schema: str, table: str, held: Sequence[Any]) -> Iterator[str]:
    """GRANTs without whom they are for; `held` is a row of HELD after its number."""
    on_schema = dict(zip(ON_SCHEMAS, held[1:3], strict=True))
    on_table = dict(zip(ON_TABLES, held[4:], strict=True))
    needed = right.words if not right.table else ("usage",)
    if words := [word for word in needed if not on_schema[word]]:
        yield f"grant {', '.join(words)} on schema {schema}"
    if right.table and held[3] and (words := [word for word in right.words if not on_table[word]]):
        yield f"grant {', '.join(words)} on {schema}.{table}"
