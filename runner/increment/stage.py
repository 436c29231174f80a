"""Staging: every model's new rows into scratch, from the freeze's snapshot, and which keys came out different."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from runner import actions
from runner.algebra import changes, keys, rows
from runner.algebra.texts import ks
from runner.algebra.values import Cut, Extent, Inputs, Planned, Staged, as_stored, staged
from runner.errors import Stopped
from runner.events import Building, ModelDone, Staging
from runner.increment.catalogue.bind import Bound
from runner.increment.freeze import Frozen, analyze
from runner.increment.joins import reached
from runner.increment.others import counts, lookups
from runner.increment.others.counts import Counts, Rows
from runner.increment.work import Work
from runner.names import TableName, is_own
from runner.program.values import CompiledModel, renamed
from runner.state.manifest import State
from runner.warehouse.values import Column, types_of

CLOCK = "it reads the clock"  # why a model is built in full by every run

REACH = "stage:reach:"
"""Begins the label of a statement that asks which keys changes reach."""
MANY_EVENTS, MOST_BATCHES = 250_000, 0.5
"""A source of so many events is read in the batches that hold rows of the affected keys, where these are so few of all;
about two of DuckDB's row groups."""
REDEFINED = "its definition changed"
MISSED = "it missed a published run"


@dataclass(frozen=True)
class Outcome:
    """What a run does with one model."""

    staged: Staged
    taken: bool
    reason: str = ""  # why it is built in full, '' otherwise
    owes: str = ""  # what a model that is left out owes after this run; 'missed': it is not accounted for
    counts: Counts = field(default_factory=Counts)
    rows: Rows = field(default_factory=Rows)  # what publish deletes and inserts
    lookups: Mapping[str, str] | None = None
    duration_s: float = 0.0

    @property
    def is_rebuilt(self) -> bool:
        """True if a model that is kept by key was built in full, and will not be by every run."""
        return self.staged.extent is Extent.ALL and bool(self.staged.compiled.model.key) and self.reason != CLOCK

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


def decide(work: Work, state: State, bound: Bound, frozen: Frozen) -> Decision:
    """Why each taken model must be built in full though it may have a key, if it must. Raises Stopped for `on_change: stop`."""
    prints = fingerprints(work, bound)
    reasons: dict[TableName, str] = {}
    read: dict[TableName, dict[str, str]] = {}
    for model in work.program.models:
        read[model.table] = {str(t): prints[t] for t in model.lookups if t in prints}
        if model.table in work.taken:
            reason = _reason(work, state, bound, frozen, model, read[model.table])
            if reason:
                reasons[model.table] = reason
    return Decision(reasons, read)


def _reason(
    work: Work, state: State, bound: Bound, frozen: Frozen, model: CompiledModel, prints: Mapping[str, str]
) -> str:
    known = state.models.get(table_key(work, model))
    if known is None or bound.stored[model.table] is None:
        return "adopted" if model.table in work.request.adopt else "new"
    if work.request.refreshes(model.table):
        return "--full-refresh"
    if known.digest != model.digest:
        if model.model.on_change == "stop":
            what = f"the definition of {model.table} changed and on_change is stop"
            raise Stopped(what, actions.FullRefresh(model.table))
        return REDEFINED
    if known.inputs != bound.inputs[model.table]:
        return "columns, views or functions that it reads have changed"
    if known.as_of_run != state.last_run:
        return MISSED
    if known.owes == "all":
        return "it owes a full build"
    changed = [name for name, found in prints.items() if state.lookups.get((table_key(work, model), name)) != found]
    if changed:
        return f"{', '.join(changed)} changed"
    return lookups.reason(model, frozen, bound) or (CLOCK if model.select.clocks else "")


def outdated(work: Work, state: State, bound: Bound) -> frozenset[TableName]:
    """Models whose rows were built with another definition, or over columns of other types."""
    return frozenset(
        model.table
        for model in work.program.models
        if (known := state.models.get(table_key(work, model)))
        and not known.is_of(model.digest, bound.inputs[model.table])
    )


def lost_index(frozen: Frozen, model: CompiledModel) -> str:
    """Why a model has to be built in full where an index is made anew: which keys had rows that are gone is not known."""
    lost = [key for key in map(frozen.key, model.source_keys) if key.lost]
    if lost:
        return f"the index of its key {', '.join(lost[0].key.names)} was lost"
    tables = [str(key.source.table) for key in model.source_keys if frozen.has_lost_ids(key)]
    return f"the index of the ids of {tables[0]} was lost" if tables else ""


def fingerprints(work: Work, bound: Bound) -> dict[TableName, str]:
    """A hash over all rows of each look-up that is declared neither static nor with a key."""
    found: dict[TableName, str] = {}
    told = {lookup.table for lookup in work.program.playbook.lookups if lookup.static or lookup.key}
    for table, relation in bound.lookups.items():
        if table in told:
            continue
        warehouse = work.warehouse
        read = bound.lookup_rows.get(table, warehouse.engine.table(table))
        sql = f"select count(*), {work.algebra.hash_of_rows(relation.columns)} from {read}"
        count, total = warehouse.execute("freeze:lookup", sql).one()
        found[table] = f"{count}:{total}"
    return found


def stage(work: Work, state: State, bound: Bound, frozen: Frozen, decision: Decision) -> list[Outcome]:
    """All models in the order of their dependencies."""
    stager = _Stager(work, state, bound, frozen, decision)
    for number, model in enumerate(work.program.models):
        stager.outcomes[model.table] = stager.stage(number, model)
    return list(stager.outcomes.values())


def inputs(work: Work, bound: Bound, frozen: Frozen, upstream: Mapping[TableName, Staged]) -> Inputs:
    """What models read."""
    tracked = {lookup.table: lookup for lookup in frozen.lookups}
    started = work.request.started
    return Inputs(frozen.sources, upstream, lookups=bound.lookup_rows, tracked=tracked, instant=started)


def columns_of(work: Work, planned: Planned) -> tuple[Column, ...]:
    """The columns of a model's new rows in scratch. A text with another limit than the stored one is the same where it fits."""
    stored, engine = types_of(planned.stored_columns), work.warehouse.engine

    def kept(column: Column) -> Column:
        type_ = stored.get(column.name.lower(), "")
        return replace(column, type=type_) if engine.holds(type_, column.type) else column

    return tuple(map(kept, work.warehouse.columns_of(work.algebra.scratch.new(planned.number))))


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
        planned = self.bound.planned(number, model, self.algebra)
        if model.table not in self.work.taken:
            return self._leave(planned)
        self.work.emit(Staging(str(model.table)))
        reason = self.decision.reasons.get(model.table, "") or lost_index(self.frozen, model)
        reason = reason or self._rebuilt_above(model) or self._everywhere(planned)
        if reason:
            self.work.emit(Building(str(model.table), reason))
        if reason or (not model.model.key and self._has_news(model)):
            outcome = self._all(planned, reason)
        elif not model.model.key:
            outcome = Outcome(as_stored(planned), taken=True)
        else:
            outcome = self._keys(planned)
        duration_s = self.work.clock.monotonic() - started
        outcome = replace(outcome, lookups=self.decision.lookups[model.table], duration_s=duration_s)
        extent = {Extent.ALL: "all", Extent.KEYS: "keys", Extent.NONE: "none"}[outcome.staged.extent]
        counts, key_count = outcome.counts, outcome.staged.key_count
        self.work.emit(
            ModelDone(str(model.table), extent, key_count, counts.inserted, counts.updated, counts.deleted, duration_s)
        )
        return outcome

    def _has_news(self, model: CompiledModel) -> bool:
        """Whether any input of a model without a key has other rows than when it was built."""
        pending = any(self.frozen.sources[table].pending_count for table in model.sources)
        return pending or any(self.outcomes[table].writes for table in model.models)

    def _rebuilt_above(self, model: CompiledModel) -> str:
        """Why the model cannot tell its affected keys from an input: the rows that it was built from are gone."""
        for table in model.models:
            above = self.outcomes[table]
            if above.taken and (above.staged.stored is None or _reshaped(above.staged)):
                return f"{table} was made anew" if above.staged.stored is None else f"the columns of {table} changed"
            if above.taken and self.work.request.refreshes(table):  # what others have done to its rows is not known
                return f"{table} was built in full"
        return ""

    def _everywhere(self, planned: Planned) -> str:
        """Why a change of an input reaches every key of a model, if one has changed that does."""
        return reached.everywhere(self.work, planned, self._tables()) if planned.compiled.derived else ""

    # -- a model that this run leaves out --------------------------------------------------------------------------

    def _leave(self, planned: Planned) -> Outcome:
        known = self.state.models.get(table_key(self.work, planned.compiled))
        left = as_stored(planned)
        if (
            known is None
            or not known.is_of(planned.compiled.digest, planned.inputs)
            or known.as_of_run != self.state.last_run
            or planned.stored is None
        ):
            return Outcome(left, taken=False, owes="missed")
        dimension = planned.compiled.is_dimension
        if known.owes == "all" or not (planned.compiled.model.key or dimension):
            return Outcome(left, taken=False, owes="all")
        whole = lost_index(self.frozen, planned.compiled) or lookups.reason(planned.compiled, self.frozen, self.bound)
        if whole or self._rebuilt_above(planned.compiled) or self._everywhere(planned):
            return Outcome(left, taken=False, owes="all")
        if dimension and not planned.compiled.is_joined:
            return Outcome(left, taken=False, owes=known.owes)
        found, _ = self._affected(planned, with_dirty=False)
        return Outcome(replace(left, key_count=found), taken=False, owes="keys" if found or known.owes else "")

    # -- all rows --------------------------------------------------------------------------------------------------

    def _all(self, planned: Planned, reason: str) -> Outcome:
        has_frozen = self._freeze_keys(planned)
        select = rows.of_select(self.algebra, planned, self._inputs(planned, None), None)
        if has_frozen:
            names = self.algebra.quoted(planned.compiled.key_names, "runner_f.")
            frozen = self.algebra.scratch.frozen_of(planned.number)
            free = self.algebra.not_in(names, frozen, planned.key_types, has_null=True)
            select = f"select * from (\n{select}\n) runner_f where {free}"
        columns, total = self._make_new(planned, select)
        built = staged(planned, Extent.ALL, columns, total, has_null=True, has_frozen=has_frozen)
        if built.stored is None or not _comparable(built):
            whole = Rows(0 if built.stored is None else None, total)
            return Outcome(built, True, reason, counts=Counts(inserted=total), rows=whole)
        if not self._diff(built) and reason in ("", CLOCK) and not _reshaped(built):
            return Outcome(replace(built, unchanged=True), True, reason)
        if not built.compiled.model.key:
            differing, whole = counts.of_rows(self.algebra, self.warehouse, built)
        else:
            differing, found = self._changed(built)
            whole = Rows(total - (found.added or 0), total)
        return Outcome(built, True, reason, counts=differing, rows=whole)

    def _freeze_keys(self, planned: Planned) -> bool:
        """Keys that cannot be rebuilt since the source has dropped part of their history."""
        kept = [k for k in map(self.frozen.key, planned.compiled.source_keys) if k.has_frozen]
        if not kept or planned.stored is None:
            return False
        width, scratch = len(planned.compiled.key_names), self.algebra.scratch
        parts = [keys.all_of_table(scratch.frozen(k.number), width) for k in kept]
        if planned.compiled.is_joined:
            parts = reached.without_history(self.work, self.frozen, planned, self._tables())
        table = scratch.frozen_of(planned.number)
        self.warehouse.execute("stage:frozen", self.algebra.engine.temporary_table(table, keys.union(parts, width)))
        return True

    # -- affected keys ---------------------------------------------------------------------------------------------

    def _affected(self, planned: Planned, with_dirty: bool) -> tuple[int, bool]:
        """Make the model's table of affected keys; gives how many there are, and whether NULL is one of them."""
        model, algebra, scratch = planned.compiled, self.algebra, self.algebra.scratch
        width = len(model.key_names)
        label = f"{REACH}{model.table}" if model.derived else "stage:affected"
        parts = self._parts(planned)
        known = self.state.models[table_key(self.work, model)]
        if with_dirty and known.owes == "keys":
            dirty = self.work.manifest.dirty_table(table_key(self.work, model), model.key_names, planned.key_types)
            parts.append(keys.owed(algebra, dirty, model.key_names))
        if not parts:
            return 0, False
        affected = scratch.affected(planned.number)
        count = self.work.make(label, affected, keys.union(parts, width, skips_null=model.skips_null))
        if self._freeze_keys(planned):
            held = scratch.frozen_of(planned.number)
            frozen = algebra.is_in(ks(width), held, types=planned.key_types, has_null=True)
            self.warehouse.execute("stage:frozen", f"delete from {affected} where {frozen}")
            count = int(self.warehouse.execute("stage:affected-count", f"select count(*) from {affected}").one()[0])
        if count:
            analyze(self.work, affected)
        may_be = count > 0 and width == 1 and not model.skips_null
        return count, may_be and self._has_null(affected)

    def _parts(self, planned: Planned) -> list[str]:
        """SELECTs of the keys that changed rows of the model's inputs carry, or reach through its joins."""
        model = planned.compiled
        followed = reached.keys(self.work, self.frozen, planned, self._tables())
        if model.is_joined:
            return followed
        scratch, width = self.algebra.scratch, len(model.key_names)
        parts = [keys.of_table(scratch.keys(self.frozen.key(key).number), width) for key in model.source_keys]
        for table in model.models:
            above = self.outcomes[table]
            if above.writes:
                parts.append(keys.of_diff(self.algebra, model, above.staged, self.upstream))
        return [*parts, *followed]

    def _has_null(self, affected: str) -> bool:
        """Whether NULL is among the affected keys: only then its rows are read, apart from those of the others."""
        return bool(self.warehouse.execute("stage:null-key", f"select 1 from {affected} where k1 is null").rows)

    def _keys(self, planned: Planned) -> Outcome:
        key_count, has_null = self._affected(planned, with_dirty=True)
        if not key_count:
            return Outcome(as_stored(planned), taken=True)
        cut = self._lying(planned, Cut(self.algebra.scratch.affected(planned.number), key_count, has_null))
        columns, _ = self._make_new(planned, self._fresh(planned, cut))
        built = staged(planned, Extent.KEYS, columns, key_count, has_null=has_null)
        scratch = self.algebra.scratch
        if _reshaped(built):  # SELECT * over an input that has other columns now
            for name in (scratch.new(planned.number), scratch.frozen_of(planned.number)):
                self.warehouse.execute("stage:reshaped", f"drop table if exists {name}")
            return self._all(planned, "its columns changed")
        if not self._diff(built):
            return Outcome(replace(built, unchanged=True), True)
        differing, found = self._changed(built)
        return Outcome(built, True, counts=differing, rows=found)

    def _lying(self, planned: Planned, cut: Cut) -> Cut:
        """The keys, with the batches that they lie in, of each source of which most others need not be read."""
        found: dict[tuple[TableName, tuple[str, ...]], str] = {}
        for table in () if planned.compiled.model.affected else planned.compiled.sources:
            source = self.frozen.sources[table]
            if source.events_known < MANY_EVENTS:
                continue
            for part, held in enumerate(sorted(rows.cuts(planned.compiled, source))):
                name = self.algebra.scratch.lying(planned.number, source.number, part)
                select = rows.batches_of(self.algebra, planned, source, source.indexes[held], cut)
                if self.work.make("stage:lying", name, select) <= source.batches_known * MOST_BATCHES:
                    found[table, held] = name
        return replace(cut, lying=found)

    def _fresh(self, planned: Planned, cut: Cut) -> str:
        """The model's new rows for its affected keys: recomputed, or merged where that is right."""
        inputs = self._inputs(planned, cut)
        if not planned.compiled.model.merge:
            return rows.of_select(self.algebra, planned, inputs, cut)
        self._recompute_copied(planned, inputs, cut)
        sql = f"select cast(sum(recompute) as bigint) from {cut.keys}"
        changed = self.warehouse.execute("stage:recompute-count", sql).one()[0]
        parts = []
        if changed:
            parts.append(rows.of_select(self.algebra, planned, inputs, replace(cut, where="recompute = 1")))
        if changed < cut.count:
            new = replace(cut, where="recompute = 0", only_pending=True)
            fresh = rows.of_select(self.algebra, planned, inputs, new)
            parts.append(rows.folded(self.algebra, planned, new, fresh))
        columns = self.algebra.listed(planned.stored_columns)
        return "\nunion all\n".join(f"select {columns} from (\n{part}\n) runner_p{n}" for n, part in enumerate(parts))

    def _recompute_copied(self, planned: Planned, inputs: Inputs, cut: Cut) -> None:
        """A key with copies of an event is recomputed: which of them counts cannot be folded.

        Where copies may lie in several keys, those of events with a copy in a pending batch are marked so already.
        """
        source = inputs.sources[planned.compiled.sources[0]]
        if not source.source.dedupe or rows.are_apart(planned.compiled, source):
            return
        copied = f"({rows.copied(self.algebra, planned, inputs, replace(cut, where='recompute = 0'))}) runner_c"
        found = self.algebra.is_in(ks(len(planned.compiled.key_names)), copied, has_null=cut.has_null)
        self.warehouse.execute("stage:copied", f"update {cut.keys} set recompute = 1 where {found}")

    def _inputs(self, planned: Planned, cut: Cut | None) -> Inputs:
        """The model's inputs; source rows that it reads more than once are put into scratch first."""
        inputs = self._tables()
        shared = {}
        for table, (name, select) in rows.shared(self.algebra, planned, inputs, cut).items():
            self.work.make("stage:rows", name, select)
            shared[table] = name
        return replace(inputs, shared=shared)

    def _tables(self) -> Inputs:
        """What models read."""
        return inputs(self.work, self.bound, self.frozen, self.upstream)

    # -- new rows and what differs -----------------------------------------------------------------------------------

    def _make_new(self, planned: Planned, select: str) -> tuple[tuple[Column, ...], int]:
        """Stage the model's rows; gives their columns, and how many there are."""
        table = self.algebra.scratch.new(planned.number)
        model = planned.compiled.model
        count = self.work.make(f"stage:{planned.compiled.table}", table, select, model.layout)
        columns = columns_of(self.work, planned)
        if own := [column.name for column in columns if is_own(column.name)]:  # by a function or PIVOT: not told before
            what = f"{planned.compiled.table}: its column {own[0]} has one of the runner's own names"
            raise Stopped(what, "give it another name: those that begin with runner_ are the runner's own")
        return columns, count

    def _diff(self, staged: Staged) -> bool:
        """Make the table of old and new rows that differ; True if there are any."""
        select = changes.diff(self.algebra, staged)
        return self.work.make("stage:diff", self.algebra.scratch.diff(staged.number), select) > 0

    def _changed(self, staged: Staged) -> tuple[Counts, Rows]:
        """Make the tables of what is to be replaced, and count it."""
        algebra, scratch = self.algebra, self.algebra.scratch
        table = scratch.changed(staged.number)
        self.warehouse.execute("stage:changed", algebra.engine.temporary_table(table, changes.changed(algebra, staged)))
        analyze(self.work, table)
        if changes.finer(staged):
            moved = scratch.moved(staged.number)
            self.warehouse.execute("stage:moved", algebra.engine.temporary_table(moved, changes.moved(algebra, staged)))
            analyze(self.work, moved)
        return counts.of_keys(algebra, self.warehouse, staged)


def _comparable(staged: Staged) -> bool:
    """True if stored and staged rows have columns in common, those of the key among them."""
    names = {column.name.lower() for column in staged.common}
    return bool(names) and names.issuperset(name.lower() for name in staged.compiled.key_names)


def _reshaped(staged: Staged) -> bool:
    """True if the staged rows have other columns or types than the stored ones."""
    stored = staged.stored.columns if staged.stored else ()
    return {(c.name.lower(), c.type) for c in stored} != {(c.name.lower(), c.type) for c in staged.columns}
