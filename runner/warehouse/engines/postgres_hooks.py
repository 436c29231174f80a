"""What Postgres can have on a table that changes, hides or refuses rows which are deleted and inserted.

Triggers AFTER a statement, BEFORE a whole one, and on UPDATE alone, which the runner never does to a derived table, are
left in peace, and so is what is disabled.
"""

from __future__ import annotations

from runner.warehouse.values import Hook

# Bits of pg_trigger.tgtype: 1 FOR EACH ROW, 2 BEFORE, 4 INSERT, 8 DELETE, 64 INSTEAD OF. An event of pg_rewrite: '3'
# INSERT, '4' DELETE. Enabled: 'O' in ordinary sessions, 'A' always. Rows that reference may wait for the end of the
# transaction, when the key is there again, only where nothing is to happen to them (NO ACTION).
HOOKS = """
with recursive part(oid) as (
    select cast(to_regclass({table}) as oid)
    union select i.inhrelid from pg_inherits i join part p on i.inhparent = p.oid
)
select 'trigger', t.tgname::text, t.tgrelid::regclass::text, '' from pg_trigger t join part p on t.tgrelid = p.oid
where not t.tgisinternal and t.tgenabled in ('O', 'A') and t.tgtype & 1 = 1 and t.tgtype & 66 <> 0 and t.tgtype & 12 <> 0
union all
select 'rule', r.rulename::text, r.ev_class::regclass::text, '' from pg_rewrite r join part p on r.ev_class = p.oid
where r.ev_type in ('3', '4') and r.ev_enabled in ('O', 'A')
union all
select 'policy', current_user::text, p.oid::regclass::text, '' from part p where row_security_active(p.oid)
union all
select 'reference', c.conname::text, c.conrelid::regclass::text, c.confdeltype::text
from pg_constraint c join part p on c.confrelid = p.oid
where c.contype = 'f' and c.conparentid = 0 and not (c.confdeltype = 'a' and c.condeferred)
order by 1, 2, 3
"""

ACTIONS = {"c": "on delete cascade", "n": "on delete set null", "d": "on delete set default"}


def hook(kind: str, name: str, table: str, action: str) -> Hook:
    """A row of HOOKS in words."""
    if kind == "trigger":
        what = f"trigger {name} on {table} comes before its rows are written, and may change them or leave them out"
        return Hook(what, f"disable trigger {name}, or make it an AFTER trigger")
    if kind == "rule":
        return Hook(f"rule {name} on {table} changes what INSERT or DELETE does", f"drop rule {name}")
    if kind == "policy":
        what = f"row-level security hides rows of {table} from user {name}"
        return Hook(what, f"let {name} own the table without FORCE, or alter role {name} bypassrls")
    what = f"{table} references it {ACTIONS.get(action, 'at once')} (constraint {name}), and keys that change are deleted and inserted anew"
    return Hook(what, f"drop constraint {name}, or make it NO ACTION DEFERRABLE INITIALLY DEFERRED")
