"""Checks, and the one transaction that changes derived tables and manifest together."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from runner.errors import CannotConnect, OutcomeUnknown, RunnerError, Stopped
from runner.freeze import Frozen
from runner.manifest import Manifest, RunRecord, State
from runner.models import Extent, Staged
from runner.request import Work
from runner.shape import REPLACES_COLUMNS, misfits
from runner.stage import Outcome, table_key
from runner.warehouse.base import Trouble, WarehouseError

ATTEMPTS = 5


def check(work: Work, outcomes: Sequence[Outcome]) -> None:
    """`unique` on the state after publish, and row-level checks on what is new. Raises Stopped; nothing is published."""
    for outcome in outcomes:
        if not outcome.writes:
            continue
        staged = outcome.staged
        model = staged.compiled.model
        for expression in model.checks:
            bad = work.warehouse.execute("check:row", work.algebra.failing(staged, expression.text)).one()[0]
            if bad:
                hint = "mend the model or its check; nothing was published"
                raise Stopped(
                    f"{expression.place}: {model.table}: {bad:,} rows for which {expression.text} is not true", hint
                )
        if not model.unique:
            continue
        rows = work.warehouse.execute("check:unique", work.algebra.duplicates(staged)).rows
        if rows:
            shown = ", ".join(str(value) for value in rows[0][:-1])
            what = f"{model.place}: {model.table}: {', '.join(model.unique)} is not unique: {shown} would stand {rows[0][-1]} times"
            raise Stopped(what, "nothing was published; look at the model's joins, or take unique: out")


def _replace_columns(work: Work, staged: Staged) -> None:
    """Within the publish transaction, where DDL can be part of it: readers never see the table half changed."""
    new = {column.name.lower(): column for column in staged.columns}
    for column in misfits(staged):
        name = work.warehouse.quote(column.name)
        work.warehouse.execute("publish:drop-column", f"alter table {staged.table} drop column {name}")
        if column.name.lower() in new:
            type_ = new[column.name.lower()].type
            work.warehouse.execute("publish:add-column", f"alter table {staged.table} add column {name} {type_}")


def publish(
    work: Work,
    state: State,
    frozen: Frozen,
    outcomes: Sequence[Outcome],
    indexes: dict[int, str],
    record: RunRecord,
    queries: Callable[[], None],
) -> None:
    """The publish transaction, retried as a whole where the engine says so. Raises Fenced, OutcomeUnknown."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with work.warehouse.transaction("publish"):
                work.manifest.fence(state.version, record.run_id)
                queries()
                _write(work, state, frozen, outcomes, indexes, record)
            return
        except WarehouseError as error:
            if error.trouble is Trouble.LOST:
                _resolve(work, record.run_id, state.version + 1, error)
                return
            if error.trouble is not Trouble.RETRY or attempt == ATTEMPTS:
                raise
            work.clock.sleep(0.1 * 2**attempt)


def _write(
    work: Work, state: State, frozen: Frozen, outcomes: Sequence[Outcome], indexes: dict[int, str], record: RunRecord
) -> None:
    manifest, algebra = work.manifest, work.algebra
    for outcome in outcomes:
        _write_model(work, state, outcome, record.run_id)
    for source in frozen.sources.values():
        manifest.write_batches(source.source, algebra.name("batches", source.number), record.run_id)
    kept = set()
    for key in frozen.keys:
        if key.index is None:
            manifest.register_index(key.key, indexes[key.number], record.run_id)
            continue
        kept.add(key.index)
        batches = algebra.name("batches", frozen.sources[key.key.source.table].number)
        manifest.write_pairs(key.index, len(key.key.texts), batches, algebra.name("pairs", key.number))
    for stale in set(state.indexes.values()) - kept:
        manifest.forget_index(stale)
    manifest.write_run(record, state.version + 1)


def _write_model(work: Work, state: State, outcome: Outcome, run_id: str) -> None:
    manifest, staged = work.manifest, outcome.staged
    table = table_key(work, staged.compiled)
    dirty = manifest.dirty_table(table, staged.compiled.key_names)
    if not outcome.taken:
        if outcome.owes == "missed":
            return
        if outcome.owes == "keys" and staged.key_count:
            listed = ", ".join(work.algebra.quoted(staged.compiled.key_names))
            ks = ", ".join(f"k{n}" for n in range(1, len(staged.compiled.key_names) + 1))
            affected = work.algebra.name("affected", staged.number)
            work.warehouse.execute("publish:dirty", f"insert into {dirty} ({listed}) select {ks} from {affected}")
        manifest.account_model(table, outcome.owes, run_id)
        return
    if outcome.writes:
        if staged.stored is not None and staged.extent is Extent.ALL and outcome.reason in REPLACES_COLUMNS:
            _replace_columns(work, staged)
        for what, statement in work.algebra.publish(staged):
            work.warehouse.execute(f"publish:{what}:{staged.compiled.table}", statement)
    if table in state.models and state.models[table].owes == "keys":
        work.warehouse.execute("publish:dirty-clear", f"delete from {dirty}")
    manifest.write_model(table, staged.compiled.digest, "", run_id)
    if outcome.lookups or any(reader == table for reader, _ in state.lookups):
        manifest.write_lookups(table, outcome.lookups or {})


def _resolve(work: Work, run_id: str, version: int, error: WarehouseError) -> None:
    """The connection broke while publishing: outlaw the old transaction first, then look whether it got through."""
    for attempt in range(ATTEMPTS):
        work.clock.sleep(0.2 * 2**attempt)
        try:
            published = _fence_and_look(work, run_id, version)
        except RunnerError:
            continue  # still away
        if published:
            return
        raise CannotConnect(f"the connection was lost: {error.what}; nothing was published", "run it again") from None
    raise OutcomeUnknown(
        f"the connection was lost while publishing and the warehouse stays away; the outcome of run {run_id} is unknown",
        f"when it is back: runner history shows run {run_id} if it was published; running again is safe either way",
    )


def _fence_and_look(work: Work, run_id: str, version: int) -> bool:
    second = work.warehouse.another()
    try:
        manifest = Manifest(second, work.manifest.playbook, work.manifest.schema)
        manifest.raise_version()
        return manifest.has_run(run_id, version)
    finally:
        second.close()


def models_json(outcomes: Sequence[Outcome]) -> str:
    """What a run did with each model, for the `runs` row."""
    rows = [
        {
            "table": str(o.staged.compiled.table),
            "extent": o.staged.extent.name.lower() if o.taken else "left out",
            "reason": o.reason,
            "keys": o.staged.key_count,
            "inserted": o.counts.inserted,
            "updated": o.counts.updated,
            "deleted": o.counts.deleted,
            "duration_s": round(o.duration_s, 3),
        }
        for o in outcomes
    ]
    return json.dumps(rows, ensure_ascii=False)[:60000]
