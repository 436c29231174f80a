"""What Postgres does beside a snapshot: names, storage and parts of tables are read as they are now, not as they were.

ACCESS SHARE keeps TRUNCATE and ALTER out, but neither ATTACH PARTITION and INHERIT nor ALTER SCHEMA … RENAME, and what
a materialized view is made of nobody can lock. A query over pg_class and pg_inherits sees the snapshot, the functions
below see what is: where both say the same at the end of a snapshot, all of it was read of one instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from runner.warehouse.engines.base import Engine
from runner.warehouse.values import Relation

# `read`: what is named, what its views read and the parts of it, as the snapshot has them; a materialized view is its
# own storage. A parent of kind 'r' has no function that tells its children: the planner is asked (`children`).
MOVED = """
with recursive named(shown, name, oid) as (
    select v.shown, v.name, c.oid from (values {named}) v(shown, name, schema_name, table_name)
    left join pg_namespace n on n.nspname = v.schema_name
    left join pg_class c on c.relnamespace = n.oid and c.relname = v.table_name
),
read(oid) as (
    select oid from named where oid is not null
    union
    select x.oid from read r cross join lateral (
        select i.inhrelid as oid from pg_inherits i where i.inhparent = r.oid
        union all
        select d.refobjid from pg_rewrite w join pg_class v on v.oid = w.ev_class and v.relkind = 'v'
        join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_class'::regclass
        where w.ev_class = r.oid
    ) x
),
kept as (
    select c.oid, c.relkind, c.relfilenode, c.relispartition, c.relnamespace from read join pg_class c on c.oid = read.oid
),
now_part as (
    select t.parentrelid::oid as parent, t.relid::oid as child
    from (select oid from kept where relkind = 'p') k cross join lateral pg_partition_tree(k.oid) t where t.level > 0
),
then_part as (
    select i.inhparent as parent, i.inhrelid as child from pg_inherits i join kept k on k.oid = i.inhparent
    where k.relkind = 'p'
),
gone(oid) as (
    select coalesce(oid, to_regclass(name)) from named where to_regclass(name) is distinct from oid
    union
    select oid from kept where relfilenode <> 0 and pg_relation_filenode(oid) is distinct from relfilenode
    union
    select parent from ((table now_part except table then_part) union all (table then_part except table now_part)) p
)
select true, coalesce((select min(n.shown) from named n where n.oid = g.oid), g.oid::regclass::text), null::text[] from gone g
union all
select false, k.oid::regclass::text, array(
    with recursive part(oid) as (select k.oid union select i.inhrelid from pg_inherits i join part p on i.inhparent = p.oid)
    select n.nspname || '.' || c.relname from part p join pg_class c on c.oid = p.oid
    join pg_namespace n on n.oid = c.relnamespace
)
from kept k
where k.relkind = 'r' and not k.relispartition and k.oid >= 16384 and has_any_column_privilege(k.oid, 'select')
    and has_schema_privilege(k.relnamespace, 'usage')
    and not exists (select 1 from pg_inherits i join kept p on p.oid = i.inhparent where i.inhrelid = k.oid)
order by 1 desc, 2
"""


def moved(engine: Engine, relations: Iterable[Relation]) -> str:
    """The query. Its rows: (true, what moved, null), and of each parent that may have children (false, its name, all of
    them and itself).
    """

    def row(relation: Relation) -> str:
        name = relation.name
        schema, table = name.within(engine.default_schema).parts[-2:]
        return f"({', '.join(map(engine.literal, (str(name), engine.table(name), engine.place(schema), table)))})"

    return MOVED.format(named=", ".join(map(row, relations)))


def children(tables: Iterable[str]) -> str:
    """A statement that runs nothing and whose plan names tables (as the server writes them) and their children."""
    return f"explain (verbose, costs off, format json) {' union all '.join(f'select from {table}' for table in tables)}"


def planned(node: Any) -> Iterator[str]:
    """The tables that a plan reads; what a policy looks into besides is no child."""
    if "Relation Name" in node:
        yield f"{node['Schema']}.{node['Relation Name']}"
    for part in node.get("Plans", ()):
        if part.get("Parent Relationship") not in ("SubPlan", "InitPlan"):
            yield from planned(part)
