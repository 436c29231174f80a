"""Verify: recompute every model in scratch over the manifest's batches and compare it with what is stored, row by row.

Each model is recomputed from its inputs as they are stored: if every model equals its SELECT over its inputs, all
equal a full recompute, and a difference is reported where it arose. Keys of batches that changed since, keys owed and
keys frozen are skipped and counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from runner import actions
from runner.algebra import changes, keys, rows
from runner.algebra.texts import as_ks, condition, ks
from runner.algebra.values import Cut, FrozenSource, Inputs, Planned, as_stored
from runner.errors import Stopped, VerifyFound
from runner.increment import freeze
from runner.increment.catalogue.bind import Bound, bind
from runner.increment.freeze import Frozen, FrozenKey
from runner.increment.stage import fingerprints, table_key
from runner.increment.work import Work, read_only_work
from runner.names import TableName
from runner.program.values import CompiledModel, Program
from runner.state.manifest import State
from runner.warehouse.base import Warehouse

SHOWN = 10


@dataclass(frozen=True)
class ComparedModel:
    """One model, compared with a full recompute."""

    table: str
    row_count: int
    """Rows that were compared."""
    skipped_count: int
    """Keys that cannot be right before the next run."""
    differing_count: int
    """Keys (of a model without one: rows) that differ."""
    examples: tuple[str, ...]
    """The first of them."""
    note: str = ""
    """Why it was not compared."""


@dataclass(frozen=True)
class VerifyResult:
    """What a comparison of every stored row with a full recompute has found."""

    models: tuple[ComparedModel, ...]
    miscounted: tuple[str, ...]
    """Batches that the manifest, or a key index, counts otherwise than the source does."""

    @property
    def differing(self) -> tuple[ComparedModel, ...]:
        """The models with rows that differ."""
        return tuple(model for model in self.models if model.differing_count)

    @property
    def equal(self) -> bool:
        """True if nothing differs."""
        return not self.differing and not self.miscounted

    def check(self) -> None:
        """Raises VerifyFound if anything differs."""
        if self.equal:
            return
        places = [f"{model.differing_count:,} keys of {model.table}" for model in self.differing]
        if self.miscounted:
            places.append(f"{len(self.miscounted)} rows of the manifest or a key index")
        what = f"stored rows differ from a full recompute: {', '.join(places)}"
        raise VerifyFound(what, actions.FullRefresh(None))


def verify(
    program: Program,
    warehouse: Warehouse,
    models: tuple[TableName, ...],
    sample: int | None,
    run_id: str,
) -> VerifyResult:
    """Compare; what the id of the run is, decides about a sample. Raises Stopped where nothing is published yet."""
    with read_only_work(program, warehouse, run_id=run_id) as work:
        state = work.manifest.look()
        if not state.models:
            what = f"playbook {program.playbook.name} has not published anything here yet"
            raise Stopped(what, actions.Run())
        bound = bind(program, warehouse, state)
        with warehouse.snapshot("verify"):
            bound = freeze.pin(work, bound)
            frozen = _freeze(work, state, bound)
            miscounted = [
                text
                for key in frozen.keys
                for text in _miscounted(work, key.index, frozen.sources[key.key.source.table])
            ]
            if sample is None:
                miscounted += [text for key in frozen.keys for text in _misindexed(work, key, frozen)]
            checker = _Checker(work, state, bound, frozen, sample)
            found = [checker.check(m) for m in program.models if not models or m.table in models]
        if not warehouse.engine.snapshots and work.manifest.version() != state.version:
            raise Stopped("another run published, or a rewind was asked, while this one compared", "verify again")
    return VerifyResult(tuple(found), tuple(dict.fromkeys(miscounted)))


def _freeze(work: Work, state: State, bound: Bound) -> Frozen:
    """Batches that changed since they were processed, and their keys; new batches are held out."""
    frozen = freeze.count_batches(work, bound)
    sources = {}
    for table, source in frozen.sources.items():
        name, held = work.algebra.scratch.batches(source.number), work.algebra.scratch.held(source.number)
        select = f"select etl_tstamp from {name} where reason = 'new'"
        work.warehouse.execute("verify:held", work.warehouse.engine.temporary_table(held, select))
        work.warehouse.execute("verify:hold", f"delete from {name} where reason = 'new'")
        processed = work.manifest.processed(source.source)
        listed = f"select etl_tstamp as runner_t, fingerprint as runner_f from ({processed}) runner_p"
        same = f"select 1 from ({listed}) m where m.runner_t = etl_tstamp and m.runner_f = fingerprint"
        work.warehouse.execute(
            "verify:processed",
            f"delete from {name} where reason = 'rewound' and event_count = previous_count"
            f" and (fingerprint is null or exists ({same}))",
        )
        sources[table] = replace(source, has_held=True)
    return freeze.find_keys(work, state, replace(frozen, sources=sources))


def _miscounted(work: Work, index: str | None, source: FrozenSource) -> list[str]:
    """Batches whose manifest count is not what the key index holds: both were written by one transaction."""
    if index is None:
        return []
    processed = work.manifest.processed(source.source)
    kept = f"select 1 from {work.algebra.scratch.kept(source.number)} k where k.etl_tstamp = coalesce(m.etl_tstamp, x.etl_tstamp)"
    unless = f" and not exists ({kept})" if source.has_kept else ""  # an index made after they went does not have them
    sql = (
        "select cast(coalesce(m.etl_tstamp, x.etl_tstamp) as varchar(30)), m.event_count, x.event_count"
        f" from ({processed}) m full outer join"
        f" (select etl_tstamp, cast(sum(event_count) as bigint) as event_count from {index} group by etl_tstamp) x"
        " on x.etl_tstamp = m.etl_tstamp"
        " where (m.etl_tstamp is null or x.etl_tstamp is null or m.event_count <> x.event_count)"
        f"{unless} order by 1 limit 10"
    )
    return [
        f"batch {tstamp} of {source.source.table}: the manifest says {said or 0:,} events, {counted or 0:,} were processed"
        for tstamp, said, counted in work.warehouse.execute("verify:manifest", sql).rows
    ]


def _misindexed(work: Work, key: FrozenKey, frozen: Frozen) -> list[str]:
    """Keys that the index has in another batch than the source, or with another count; batches that changed left out.

    Nobody reads these rows until a batch changes: then keys that are not listed would not be recomputed.
    """
    if key.index is None:
        return []
    source = frozen.sources[key.key.source.table]
    names = ", ".join(ks(len(key.key.texts)))
    left_out = [work.algebra.scratch.batches(source.number)]
    left_out += [work.algebra.scratch.kept(source.number)] if source.has_kept else []
    compared = " and ".join(f"not exists (select 1 from {t} t where t.etl_tstamp = x.etl_tstamp)" for t in left_out)
    found = keys.pairs(work.algebra, key.key, source, everything=True)
    sql = (
        f"select cast(etl_tstamp as varchar(30)), {names}, cast(sum(listed) as bigint), cast(sum(found) as bigint) from ("
        f"select {names}, etl_tstamp, event_count as listed, 0 as found from {key.index}"
        f" union all select {names}, etl_tstamp, 0, event_count from ({found}) p) x where {compared}"
        f" group by etl_tstamp, {names} having sum(listed) <> sum(found) order by etl_tstamp, {names} limit 10"
    )
    return [
        f"batch {tstamp} of {source.source.table}, {', '.join(f'{n}={v}' for n, v in zip(key.key.names, values, strict=True))}:"
        f" the key index says {listed:,} events, {found:,} are there"
        for tstamp, *values, listed, found in work.warehouse.execute("verify:index", sql).rows
    ]


class _Checker:
    """Compares one model after the other; all inputs are read as they are stored."""

    def __init__(self, work: Work, state: State, bound: Bound, frozen: Frozen, sample: int | None) -> None:
        self.work, self.state, self.bound, self.frozen, self.sample = work, state, bound, frozen, sample
        self.prints = fingerprints(work, bound)
        self.stored = {m.table: as_stored(bound.planned(n, m, work.algebra)) for n, m in enumerate(work.program.models)}

    def check(self, model: CompiledModel) -> ComparedModel:
        name = str(model.table)
        known = self.state.models.get(table_key(self.work, model))
        stored = self.bound.stored[model.table]
        if known is None or stored is None:
            return _left_out(name, "not built yet")
        same = (known.digest, known.inputs) == (model.digest, self.bound.inputs[model.table])
        if not same or known.as_of_run != self.state.last_run:
            return _left_out(name, "its definition changed, or it missed a run: it will be built in full")
        if known.owes == "all" or (not model.model.key and self._inputs_changed(model)):
            return _left_out(name, "skipped: its inputs changed since it was built")
        if changed := self._changed_lookups(model):
            return _left_out(name, f"skipped: {', '.join(changed)} changed since it was built")
        planned = self.stored[model.table]
        skipped = self._skip(planned, known.owes == "keys") if model.model.key else 0
        cut = (
            Cut(self._sample(planned, self.sample), self.sample, has_null=True)
            if self.sample and model.model.key
            else None
        )
        upstream = {t: s for t, s in self.stored.items() if t in model.models}
        inputs = Inputs(self.frozen.sources, upstream, lookups=self.bound.lookup_rows, instant=known.instant)
        select = rows.of_select(self.work.algebra, planned, inputs, cut)
        self._run("expected", self.work.algebra.scratch.new(planned.number), select)
        return self._compare(planned, cut, skipped)

    def _run(self, label: str, table: str, select: str) -> None:
        self.work.warehouse.execute(f"verify:{label}", self.work.warehouse.engine.temporary_table(table, select))

    def _changed_lookups(self, model: CompiledModel) -> list[str]:
        table, prints = table_key(self.work, model), self.prints
        return [str(t) for t in model.lookups if t in prints and self.state.lookups.get((table, str(t))) != prints[t]]

    def _inputs_changed(self, model: CompiledModel) -> bool:
        left = [self.work.algebra.scratch.batches(self.frozen.sources[table].number) for table in model.sources]
        return any(
            self.work.warehouse.execute("verify:changed", f"select 1 from {table} limit 1").rows for table in left
        )

    def _skip(self, planned: Planned, owes: bool) -> int:
        """Keys that cannot be expected to be right yet."""
        model, algebra, scratch = planned.compiled, self.work.algebra, self.work.algebra.scratch
        width = len(model.key_names)
        found = [self.frozen.key(key) for key in model.source_keys]
        parts = [keys.of_table(scratch.keys(key.number), width) for key in found]
        parts += [keys.all_of_table(scratch.frozen(key.number), width) for key in found if key.has_frozen]
        if owes:
            dirty = self.work.manifest.dirty_table(table_key(self.work, model), model.key_names)
            parts.append(keys.owed(algebra, dirty, model.key_names))
        table = scratch.affected(planned.number)
        empty = f"select {as_ks(algebra.quoted(model.key_names))}, 0 as recompute from {planned.table} where 1 = 0"
        self._run("skip", table, keys.union(parts or [empty], width))
        return int(self.work.warehouse.execute("verify:skipped", f"select count(*) from {table}").one()[0])

    def _sample(self, planned: Planned, size: int) -> str:
        """Keys by a hash that differs from run to run, of the stored rows and of the key index."""
        algebra, engine, model = self.work.algebra, self.work.algebra.engine, planned.compiled
        names = ks(len(model.key_names))
        listed = ", ".join(names)
        parts = [f"select {as_ks(algebra.quoted(model.key_names))} from {planned.table}"]
        parts += [f"select {listed} from {k.index}" for k in map(self.frozen.key, model.source_keys) if k.index]
        texts = [engine.literal(self.work.request.run_id), *(f"coalesce({engine.text_of(k, '')}, '-')" for k in names)]
        table = algebra.scratch.sample(planned.number)
        self._run(
            "sample",
            table,
            f"select {listed} from ({' union '.join(parts)}) runner_s"
            f" order by {engine.hash_60(' || '.join(texts))} limit {size}",
        )
        return table

    def _compare(self, planned: Planned, cut: Cut | None, skipped: int) -> ComparedModel:
        algebra, warehouse, model = self.work.algebra, self.work.warehouse, planned.compiled
        new = algebra.scratch.new(planned.number)
        expected = {c.name.lower() for c in warehouse.columns_of(new)}
        common = [c for c in planned.stored_columns if c.name.lower() in expected]
        names = algebra.quoted(model.key_names)
        conditions = []
        if names:
            own = algebra.quoted(model.key_names, "runner_v.")
            conditions.append(
                algebra.not_in(own, algebra.scratch.affected(planned.number), planned.key_types, has_null=True)
            )
        if cut:
            conditions.append(algebra.is_in(names, cut.keys, types=planned.key_types, has_null=True))
        where = condition(conditions)
        table = algebra.scratch.diff(planned.number)
        stored = f"{planned.table} runner_v"
        key = {name.lower() for name in model.key_names}
        named = [c for c in common if c.name.lower() in key] or [algebra.groupable(common)]
        selected = [*algebra.shown(named), *changes.COUNTS]
        self._run("diff", table, changes.differing(algebra, common, selected, stored, f"{new} runner_v", where))
        shown = algebra.listed(named)
        keyed = f"select {shown}, cast(sum(runner_was) as bigint), cast(sum(runner_now) as bigint) from {table} group by {shown} order by {shown}"
        found = warehouse.execute("verify:differ", f"{keyed} limit {SHOWN}").rows
        count = (
            int(warehouse.execute("verify:count", f"select count(*) from ({keyed}) runner_d").one()[0]) if found else 0
        )
        total = int(warehouse.execute("verify:rows", f"select count(*) from {stored}{where}").one()[0])
        differing = tuple(
            f"{', '.join(f'{n}={v}' for n, v in zip((c.name for c in named), row[:-2], strict=True))}"
            f" ({row[-2]} stored, {row[-1]} expected rows differ)"
            for row in found
        )
        return ComparedModel(str(model.table), total, skipped, count, differing)


def _left_out(table: str, why: str) -> ComparedModel:
    return ComparedModel(table, 0, 0, 0, (), why)
