"""Staging: every model's new rows into scratch, from the freeze's snapshot, and which keys came out different."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from runner import actions
from runner.algebra.rows import Extent, Inputs, Staged
from runner.errors import Stopped
from runner.events import Building, ModelDone, Staging
from runner.increment.bind import Bound
from runner.increment.freeze import Frozen, analyze
from runner.increment.work import Work
from runner.names import TableName
from runner.program.values import CompiledModel, renamed
from runner.state.manifest import State
from runner.warehouse.values import Column


@dataclass(frozen=True)
class Counts:
    """Keys of a model (rows, where it has no key) that a run inserts, updates and deletes."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0


@dataclass(frozen=True)
class Outcome:
    """What a run does with one model."""

    staged: Staged
    taken: bool
    reason: str = ""  # why it is built in full, '' otherwise
    owes: str = ""  # what a model that is left out owes after this run
    counts: Counts = Counts()
    lookups: Mapping[str, str] | None = None
    duration_s: float = 0.0

    @property
    def writes(self) -> bool:
        """True if publish changes its table."""
        return self.taken and self.staged.extent is not Extent.NONE and not self.staged.unchanged


@dataclass(frozen=True)
class Decision:
    """Which models are built in full and why; fingerprints of the look-ups that are tracked."""

    reasons: Mapping[TableName, str]
    lookups: Mapping[TableName, Mapping[str, str]]


def table_key(work: Work, model: CompiledModel) -> str:
    """The model's table as the state tables name it."""
    return str(renamed(work.program.playbook, model.table))


def decide(work: Work, state: State, bound: Bound) -> Decision:
    """Why each taken model with a key must be built in full, if it must. Raises Stopped for `on_change: stop`."""
    prints = fingerprints(work, bound)
    reasons: dict[TableName, str] = {}
    lookups: dict[TableName, dict[str, str]] = {}
    for model in work.program.models:
        lookups[model.table] = {str(t): prints[t] for t in model.lookups if t in prints}
        if model.table in work.taken:
            reason = _reason(work, state, bound, model, lookups[model.table])
            if reason:
                reasons[model.table] = reason
    return Decision(reasons, lookups)


def _reason(work: Work, state: State, bound: Bound, model: CompiledModel, lookups: Mapping[str, str]) -> str:
    known = state.models.get(table_key(work, model))
    asked = not work.request.models or model.table in work.request.models
    if known is None or bound.stored[model.table] is None:
        return "adopted" if model.table in work.request.adopt else "new"
    if work.request.full_refresh and asked:
        return "--full-refresh"
    if known.digest != model.digest:
        if model.model.on_change == "stop":
            what = f"the definition of {model.table} changed and on_change is stop"
            raise Stopped(what, actions.FullRefresh(model.table))
        return "its definition changed"
    if known.as_of_run != state.last_run:
        return "it missed a published run"
    if known.owes == "all":
        return "it owes a full build"
    changed = [name for name, found in lookups.items() if state.lookups.get((table_key(work, model), name)) != found]
    return f"{', '.join(changed)} changed" if changed else ""


def fingerprints(work: Work, bound: Bound) -> dict[TableName, str]:
    """A hash over all rows of each look-up that is not declared static."""
    found: dict[TableName, str] = {}
    for table, relation in bound.lookups.items():
        if work.program.lookup_is_static(table):
            continue
        warehouse = work.warehouse
        texts = [warehouse.engine.text_of(warehouse.engine.quote(c.name), c.type) for c in relation.columns]
        parts = " || ".join(f"coalesce(cast(length({t}) as varchar(20)) || ':' || {t}, '-')" for t in texts)
        sql = f"select count(*), cast(sum({warehouse.engine.hash_60(parts)}) as varchar(60)) from {bound.lookup_rows.get(table, warehouse.engine.table(table))}"
        count, total = warehouse.execute("freeze:lookup", sql).one()
        found[table] = f"{count}:{total}"
    return found


def stage(work: Work, state: State, bound: Bound, frozen: Frozen, decision: Decision) -> list[Outcome]:
    """All models in the order of their dependencies."""
    stager = _Stager(work, state, bound, frozen, decision)
    for number, model in enumerate(work.program.models):
        stager.outcomes[model.table] = stager.stage(number, model)
    return list(stager.outcomes.values())


class _Stager:
    """Stages models one after the other; later ones read what earlier ones made."""

    def __init__(self, work: Work, state: State, bound: Bound, frozen: Frozen, decision: Decision) -> None:
        self.work, self.state, self.bound, self.frozen, self.decision = work, state, bound, frozen, decision
        self.warehouse, self.algebra = work.warehouse, work.algebra
        self.outcomes: dict[TableName, Outcome] = {}

    @property
    def upstream(self) -> dict[TableName, Staged]:
        return {table: outcome.staged for table, outcome in self.outcomes.items()}

    def stage(self, number: int, model: CompiledModel) -> Outcome:
        started = self.work.clock.monotonic()
        stored = self.bound.stored[model.table]
        staged = Staged(model, number, self.algebra.physical(model.table), stored)
        if stored is not None:
            staged = replace(staged, columns=stored.columns, key_types=_key_types(model, stored.columns))
        if model.table not in self.work.taken:
            return self._leave(staged)
        self.work.emit(Staging(str(model.table)))
        reason = self.decision.reasons.get(model.table, "") or self._rebuilt_above(model)
        if reason or not model.model.key:
            if reason:
                self.work.emit(Building(str(model.table), reason))
            outcome = self._all(staged, reason)
        else:
            outcome = self._keys(staged)
        outcome = replace(
            outcome, lookups=self.decision.lookups[model.table], duration_s=self.work.clock.monotonic() - started
        )
        extent = {Extent.ALL: "all", Extent.KEYS: "keys", Extent.NONE: "none"}[outcome.staged.extent]
        counts = outcome.counts
        self.work.emit(
            ModelDone(
                str(model.table),
                extent,
                outcome.staged.key_count,
                counts.inserted,
                counts.updated,
                counts.deleted,
                outcome.duration_s,
            )
        )
        return outcome

    def _rebuilt_above(self, model: CompiledModel) -> str:
        """Why the model cannot tell its affected keys from an input: the rows that it was built from are gone."""
        for table in model.models:
            above = self.outcomes[table]
            if above.taken and (above.staged.stored is None or _reshaped(above.staged)):
                return f"{table} was made anew" if above.staged.stored is None else f"the columns of {table} changed"
        return ""

    # -- a model that this run leaves out --------------------------------------------------------------------------

    def _leave(self, staged: Staged) -> Outcome:
        known = self.state.models.get(table_key(self.work, staged.compiled))
        if (
            known is None
            or known.digest != staged.compiled.digest
            or known.as_of_run != self.state.last_run
            or staged.stored is None
        ):
            return Outcome(staged, taken=False, owes="missed")
        if known.owes == "all" or not staged.compiled.model.key:
            return Outcome(staged, taken=False, owes="all")
        if self._rebuilt_above(staged.compiled):
            return Outcome(staged, taken=False, owes="all")
        found = self._affected(staged, with_dirty=False)
        return Outcome(replace(staged, key_count=found), taken=False, owes="keys" if found or known.owes else "")

    # -- all rows --------------------------------------------------------------------------------------------------

    def _all(self, staged: Staged, reason: str) -> Outcome:
        has_frozen = self._freeze_keys(staged)
        staged = replace(staged, extent=Extent.ALL, has_frozen=has_frozen)
        select = self.algebra.restricted(staged, self._inputs(staged, None), None)
        if has_frozen:
            names = self.algebra.quoted(staged.compiled.key_names, "runner_f.")
            free = self.algebra.not_in(names, self.algebra.name("frozen_of", staged.number), staged.key_types)
            select = f"select * from (\n{select}\n) runner_f where {free}"
        staged, total = self._make_new(staged, select)
        staged = replace(staged, key_count=total)
        if staged.stored is None or not _comparable(staged):
            return Outcome(staged, True, reason, counts=Counts(inserted=total))
        if not self._diff(staged) and not reason and not _reshaped(staged):
            return Outcome(replace(staged, unchanged=True), True, reason)
        if not staged.compiled.model.key:
            return Outcome(staged, True, reason, counts=self._row_counts(staged))
        return Outcome(staged, True, reason, counts=self._changed(staged))

    def _freeze_keys(self, staged: Staged) -> bool:
        """Keys that cannot be rebuilt since the source has dropped part of their history."""
        keys = [self.frozen.key(k) for k in staged.compiled.source_keys]
        kept = [k for k in keys if k.has_frozen]
        if not kept or staged.stored is None:
            return False
        width = len(staged.compiled.key_names)
        parts = [
            f"select {', '.join(f'k{n}' for n in range(1, width + 1))}, 1 as recompute from {self.algebra.name('frozen', k.number)}"
            for k in kept
        ]
        table = self.algebra.name("frozen_of", staged.number)
        self.warehouse.execute(
            "stage:frozen", self.warehouse.engine.temporary_table(table, self.algebra.union_keys(parts, width))
        )
        return True

    # -- affected keys ---------------------------------------------------------------------------------------------

    def _affected(self, staged: Staged, with_dirty: bool) -> int:
        """Make the model's table of affected keys; gives how many there are."""
        model, algebra = staged.compiled, self.algebra
        width = len(model.key_names)
        parts = [
            algebra.keys_from(algebra.name("keys", self.frozen.key(key).number), width) for key in model.source_keys
        ]
        for table in model.models:
            above = self.outcomes[table]
            if above.writes:
                parts.append(algebra.keys_from_diff(model, above.staged, self.upstream))
        known = self.state.models[table_key(self.work, model)]
        if with_dirty and known.owes == "keys":
            dirty = self.work.manifest.dirty_table(table_key(self.work, model), model.key_names)
            parts.append(algebra.keys_from_dirty(dirty, model.key_names))
        if not parts:
            return 0
        table_ = algebra.name("affected", staged.number)
        count = self.work.make("stage:affected", table_, algebra.union_keys(parts, width))
        if self._freeze_keys(staged):
            ks = [f"k{n}" for n in range(1, width + 1)]
            frozen = algebra.is_in(ks, algebra.name("frozen_of", staged.number), types=staged.key_types)
            self.warehouse.execute("stage:frozen", f"delete from {table_} where {frozen}")
            count = int(self.warehouse.execute("stage:affected-count", f"select count(*) from {table_}").one()[0])
        if count:
            analyze(self.work, table_)
        return count

    def _keys(self, staged: Staged) -> Outcome:
        found = self._affected(staged, with_dirty=True)
        if not found:
            return Outcome(replace(staged, extent=Extent.NONE), taken=True)
        staged = replace(staged, extent=Extent.KEYS, key_count=found)
        staged, _ = self._make_new(staged, self._fresh(staged))
        if _reshaped(staged):  # SELECT * over an input that has other columns now
            for name in (self._new(staged), self.algebra.name("frozen_of", staged.number)):
                self.warehouse.execute("stage:reshaped", f"drop table if exists {name}")
            return self._all(staged, "its columns changed")
        if not self._diff(staged):
            return Outcome(replace(staged, unchanged=True), True)
        return Outcome(staged, True, counts=self._changed(staged))

    def _fresh(self, staged: Staged) -> str:
        """The model's new rows for its affected keys: recomputed, or merged where that is right."""
        keys = self.algebra.name("affected", staged.number)
        if not staged.compiled.model.merge:
            return self.algebra.restricted(staged, self._inputs(staged, keys), keys)
        changed = self.warehouse.execute(
            "stage:recompute-count", f"select cast(sum(recompute) as bigint) from {keys}"
        ).one()[0]
        parts = []
        if changed:
            parts.append(self.algebra.restricted(staged, self._inputs(staged, keys), keys, "recompute = 1"))
        if changed < staged.key_count:
            fresh = self.algebra.restricted(
                staged, self._inputs(staged, keys), keys, "recompute = 0", only_pending=True
            )
            parts.append(self.algebra.merged(staged, fresh))
        columns = ", ".join(self.algebra.quoted([c.name for c in staged.columns]))
        return "\nunion all\n".join(f"select {columns} from (\n{part}\n) runner_p{n}" for n, part in enumerate(parts))

    def _inputs(self, staged: Staged, keys: str | None) -> Inputs:
        """The model's inputs; source rows that it reads more than once are put into scratch first."""
        inputs = Inputs(self.frozen.sources, self.upstream, lookups=self.bound.lookup_rows)
        shared = {}
        for table, (name, select) in self.algebra.shared_rows(staged, inputs, keys).items():
            self.work.make("stage:rows", name, select)
            shared[table] = name
        return replace(inputs, shared=shared)

    # -- new rows and what differs -----------------------------------------------------------------------------------

    def _new(self, staged: Staged) -> str:
        return self.algebra.name("new", staged.number)

    def _make_new(self, staged: Staged, select: str) -> tuple[Staged, int]:
        """Stage the model's rows; gives it with their columns, and how many there are."""
        layout = staged.compiled.model.layout
        count = self.work.make(f"stage:{staged.compiled.table}", self._new(staged), select, layout)
        columns = self.warehouse.columns_of(self._new(staged))
        types = staged.key_types or _key_types(staged.compiled, columns)
        return replace(staged, columns=columns, key_types=types), count

    def _diff(self, staged: Staged) -> bool:
        """Make the table of old and new rows that differ; True if there are any."""
        table = self.algebra.name("diff", staged.number)
        return self.work.make("stage:diff", table, self.algebra.diff(staged, _common(staged))) > 0

    def _row_counts(self, staged: Staged) -> Counts:
        table = self.algebra.name("diff", staged.number)
        sql = f"select sum(case when runner_now > runner_was then runner_now - runner_was else 0 end), sum(case when runner_was > runner_now then runner_was - runner_now else 0 end) from {table}"
        inserted, deleted = self.warehouse.execute("stage:counts", sql).one()
        return Counts(inserted=int(inserted or 0), deleted=int(deleted or 0))

    def _changed(self, staged: Staged) -> Counts:
        table = self.algebra.name("changed", staged.number)
        self.warehouse.execute(
            "stage:changed", self.warehouse.engine.temporary_table(table, self.algebra.changed(staged))
        )
        analyze(self.work, table)
        if self.algebra.finer(staged):
            moved = self.algebra.name("moved", staged.number)
            self.warehouse.execute(
                "stage:moved", self.warehouse.engine.temporary_table(moved, self.algebra.moved(staged))
            )
            analyze(self.work, moved)
        sql = (
            "select sum(case when runner_was = 0 then 1 else 0 end), sum(case when runner_was = 1 and runner_now = 1 then 1 else 0 end),"
            f" sum(case when runner_now = 0 then 1 else 0 end) from {table}"
        )
        inserted, updated, deleted = (int(n or 0) for n in self.warehouse.execute("stage:counts", sql).one())
        return Counts(inserted, updated, deleted)


def _key_types(model: CompiledModel, columns: tuple[Column, ...]) -> tuple[str, ...]:
    types = {column.name.lower(): column.type for column in columns}
    return tuple(types.get(name.lower(), "") for name in model.key_names)


def _common(staged: Staged) -> list[Column]:
    """The columns that stored and staged rows both have, with the same type."""
    stored = {(c.name.lower(), c.type) for c in (staged.stored.columns if staged.stored else ())}
    return [c for c in staged.columns if (c.name.lower(), c.type) in stored]


def _comparable(staged: Staged) -> bool:
    """True if stored and staged rows have columns in common, those of the key among them."""
    names = {column.name.lower() for column in _common(staged)}
    return bool(names) and names.issuperset(name.lower() for name in staged.compiled.key_names)


def _reshaped(staged: Staged) -> bool:
    """True if the staged rows have other columns or types than the stored ones."""
    stored = staged.stored.columns if staged.stored else ()
    return {(c.name.lower(), c.type) for c in stored} != {(c.name.lower(), c.type) for c in staged.columns}
