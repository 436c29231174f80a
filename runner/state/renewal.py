"""A state that an older runner wrote, or that has lost tables or rows, is begun anew: by --full-refresh of the whole playbook, and by nothing else.

The tables of models stay as they are until the run that follows publishes, and it stays known whose they are. Each step
can be done again and the version is raised last, so that a crash leaves an old state, or one that is new and empty.
Of an older runner's tables only the columns `playbook` and those of `models` are relied on.
"""

from __future__ import annotations

from contextlib import nullcontext

from runner.errors import Damaged
from runner.state.manifest import Manifest
from runner.state.names import DIRTY, KEYS, dirty_prefix, is_keys_or_dirty, keys_prefix
from runner.state.queries import Value
from runner.state.tables import STATE_VERSION
from runner.state.whole import shared_tables

KEPT = ("meta", "models")


def is_older(manifest: Manifest) -> bool:
    """Whether the state was written by an older runner."""
    version = manifest.written_by()
    return version is not None and version < STATE_VERSION


def damage(manifest: Manifest) -> str:
    """What is wrong with the state; '' if it is whole."""
    try:
        manifest.look()
    except Damaged as damaged:
        return damaged.what
    return ""


def mend(manifest: Manifest) -> None:
    """Begin the playbook's own part anew, after a loss; that of others is left alone. The log of runs goes on."""
    warehouse = manifest.warehouse
    warehouse.create_schema("renew:create-schema", warehouse.engine.schema(manifest.schema))
    manifest.create_tables()
    _do(manifest, "meta-insert", version=STATE_VERSION)
    manifest.create_fence(STATE_VERSION)
    with warehouse.transaction("renew"):
        manifest.lock("renew:lock")
        _do(manifest, "fence-fill", state_version=STATE_VERSION)
        _do(manifest, "fence-begin", state_version=STATE_VERSION)
        for name in ("manifest-forget", "lookups-forget", "indexes-forget", "own-models-forget", "models-claim"):
            _do(manifest, name)
    for prefix in (keys_prefix(manifest.playbook), dirty_prefix(manifest.playbook)):
        for name in warehouse.tables(manifest.schema, prefix):
            warehouse.execute("renew:drop", f"drop table if exists {manifest.table(name)}")


def renew(manifest: Manifest) -> tuple[str, ...]:
    """Begin the state anew. Gives the other playbooks of the schema that now have to do the same."""
    warehouse = manifest.warehouse
    old = manifest.written_by() or 0
    others: tuple[str, ...] = ()
    with warehouse.transaction("renew") if warehouse.engine.transactional_ddl else nullcontext():
        warehouse.lock("renew:lock", manifest.table("meta"))
        if _do(manifest, "meta-hold", version=STATE_VERSION):
            others = _begin(manifest, old)
        manifest.create_fence(STATE_VERSION)
        _do(manifest, "part-mark", state_version=STATE_VERSION)
    return others


def _begin(manifest: Manifest, old: int) -> tuple[str, ...]:
    """New tables for all playbooks of the schema. What is left of the others is marked: it is theirs to begin anew."""
    warehouse = manifest.warehouse
    manifest.create_tables()  # those that the older runner did not have: they are read now
    rows = warehouse.execute("renew:playbooks", manifest.sql("playbooks-read")).rows
    for (playbook,) in rows:
        part = Manifest(warehouse, str(playbook), manifest.schema)
        part.create_fence(old)
        _do(part, "part-mark", state_version=old)
    _do(manifest, "models-forget")
    for name in _to_drop(manifest):
        warehouse.execute("renew:drop", f"drop table if exists {manifest.table(name)}")
    manifest.create_tables()
    _do(manifest, "meta-raise", version=STATE_VERSION)
    return tuple(sorted({str(playbook) for (playbook,) in rows} - {manifest.playbook}))


def _to_drop(manifest: Manifest) -> list[str]:
    """The runner's own tables in the schema, by their exact names."""
    found = [t for prefix in (KEYS, DIRTY) for t in manifest.warehouse.tables(manifest.schema, prefix)]
    return [*(name for name in shared_tables() if name not in KEPT), *filter(is_keys_or_dirty, found)]


def _do(manifest: Manifest, name: str, **given: Value) -> int:
    return manifest.warehouse.execute(f"renew:{name}", manifest.sql(name, **given)).row_count
