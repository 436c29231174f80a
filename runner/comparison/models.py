"""Model after model: recomputed from the user's text over what is right above it, and compared.

Where a model's rows are found equal, readers read them as they are stored; where they differ, as they were recomputed.
So every model is compared with a full recompute, however far down it stands. One that differs is then compared with what
its SELECT gives over the *stored* rows above it: if that is what is stored, it is right but for its ancestors.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.algebra import keys, values
from runner.algebra.texts import as_ks, ks
from runner.algebra.values import Planned, as_stored
from runner.comparison.inputs import Inputs, Sample
from runner.comparison.tables import Comparison, Kept, Outcome
from runner.events import ComparedModel, Difference
from runner.increment.catalogue.bind import Bound
from runner.increment.freeze import Frozen
from runner.increment.joins import reached
from runner.increment.others import lookups
from runner.increment.stage import fingerprints, lost_index, table_key
from runner.increment.work import Work
from runner.names import TableName
from runner.program.values import CompiledModel
from runner.state.manifest import ModelState, State

WAITING = "nothing to compare: all its keys wait for the next run"


@dataclass(frozen=True)
class Checked:
    """What was found of one model."""

    model: ComparedModel
    differences: tuple[Difference, ...] = ()


class Checker:
    """Compares one model after the other, in the order of their dependencies."""

    def __init__(self, work: Work, state: State, bound: Bound, frozen: Frozen, sample: int | None) -> None:
        self.work, self.state, self.bound, self.frozen, self.sample = work, state, bound, frozen, sample
        self.prints = fingerprints(work, bound)
        self.frozen = lookups.compared(work, state, bound, frozen, checked=False)
        self.inputs = Inputs(work, frozen.sources, bound.lookup_rows)
        self.planned = {m.table: bound.planned(n, m, work.algebra) for n, m in enumerate(work.program.models)}
        self.mended: dict[TableName, str] = {}
        """What readers read of models that differ."""

    def check(self, model: CompiledModel) -> Checked:
        """Recompute and compare, if there is anything that can be compared."""
        known = self.state.models.get(table_key(self.work, model))
        if known is None or (why := self._left_out(model, known)):
            why = why if known else "nothing to compare: not built yet"
            return Checked(ComparedModel(str(model.table), 0, 0, 0, note=why, compared=False))
        planned, algebra = self.planned[model.table], self.work.algebra
        skipped_count, kept = 0, Kept(None, None)
        if model.model.key:
            skipped_count = self._skip(planned, known.owes == "keys")
            sample = self._sample(planned, self.sample) if self.sample else None
            kept = Kept(algebra.scratch.affected(planned.number) if skipped_count else None, sample)
        table = algebra.scratch.expected(planned.number)
        above = {t: self.mended.get(t, self.planned[t].table) for t in model.models}
        comparison = self._recompute(planned, table, above, known, kept)
        row_count, outcome = comparison.count(), comparison.outcome()
        if comparison.not_stored:
            return self._misses(planned, row_count, skipped_count, comparison.not_stored)
        if not outcome.differing_count:
            self._drop(table)
            waits = bool(skipped_count and not row_count)
            note = WAITING if waits else ""
            return Checked(ComparedModel(str(model.table), row_count, skipped_count, 0, note=note, compared=not waits))
        return self._told_apart(planned, known, kept, outcome, (row_count, skipped_count))

    # -- what can be compared ----------------------------------------------------------------------------------------

    def _left_out(self, model: CompiledModel, known: ModelState) -> str:
        """Why a model cannot be right before the next run; '' where it should be."""
        if self.bound.stored[model.table] is None:
            return "nothing to compare: not built yet"
        same = (known.digest, known.inputs) == (model.digest, self.bound.inputs[model.table])
        if not same or known.as_of_run != self.state.last_run:
            return "its definition changed, or it missed a run: it will be built in full"
        if lost := lost_index(self.frozen, model):
            return f"skipped: {lost}, and it will be built in full"
        whole = not model.model.key or bool(model.derived and model.derived.everywhere.keys() & set(model.sources))
        if known.owes == "all" or (whole and self._inputs_changed(model)):
            return "skipped: its inputs changed since it was built"
        if changed := self._changed_lookups(model):
            return f"skipped: {', '.join(changed)} changed since it was built"
        gone = [str(table) for table in model.models if self.bound.stored[table] is None]
        return f"skipped: {', '.join(gone)} is not built yet" if gone else ""

    def _changed_lookups(self, model: CompiledModel) -> list[str]:
        table, prints = table_key(self.work, model), self.prints
        others = [t for t in model.lookups if t in prints and self.state.lookups.get((table, str(t))) != prints[t]]
        others += [
            one.table
            for one in self.frozen.lookups
            if one.table in model.lookups and (one.was is None or one.is_changed)
        ]
        return [str(t) for t in others]

    def _inputs_changed(self, model: CompiledModel) -> bool:
        left = [self.work.algebra.scratch.batches(self.frozen.sources[table].number) for table in model.sources]
        return any(
            self.work.warehouse.execute("verify:changed", f"select 1 from {table} limit 1").rows for table in left
        )

    def _skip(self, planned: Planned, owes: bool) -> int:
        """Note the keys that cannot be expected to be right yet; how many."""
        model, algebra, scratch = planned.compiled, self.work.algebra, self.work.algebra.scratch
        width = len(model.key_names)
        found = [self.frozen.key(key) for key in model.source_keys if not model.is_joined]
        parts = [keys.of_table(scratch.keys(key.number), width) for key in found]
        parts += [keys.all_of_table(scratch.frozen(key.number), width) for key in found if key.has_frozen]
        parts += self._reached(planned)
        if owes:
            dirty = self.work.manifest.dirty_table(table_key(self.work, model), model.key_names, planned.key_types)
            parts.append(keys.owed(algebra, dirty, model.key_names))
        if not parts:
            return 0
        table = scratch.affected(planned.number)
        self._make("skip", table, keys.union(parts, width))
        return int(self.work.warehouse.execute("verify:skipped", f"select count(*) from {table}").one()[0])

    def _reached(self, planned: Planned) -> list[str]:
        """The keys that batches which changed since, and those that are gone and kept, reach through joins."""
        stored = {table: as_stored(one) for table, one in self.planned.items()}
        inputs = values.Inputs(self.frozen.sources, stored, lookups=self.bound.lookup_rows)
        gone = reached.without_history(self.work, self.frozen, planned, inputs)
        return [*reached.keys(self.work, self.frozen, planned, inputs), *gone]

    def _sample(self, planned: Planned, size: int) -> Sample:
        """Keys by a hash that differs from run to run, of the stored rows and of the key index."""
        algebra, engine, model = self.work.algebra, self.work.algebra.engine, planned.compiled
        names = ks(len(model.key_names))
        listed = ", ".join(names)
        parts = [f"select {as_ks(algebra.quoted(model.key_names))} from {planned.table}"]
        indexes = map(self.frozen.key, model.source_keys if not model.is_joined else ())
        parts += [f"select {listed} from {k.index}" for k in indexes if k.index]
        texts = [engine.literal(self.work.request.run_id), *(f"coalesce({engine.text_of(k, '')}, '-')" for k in names)]
        table = algebra.scratch.sample(planned.number)
        self._make(
            "sample",
            table,
            f"select {listed} from ({' union '.join(parts)}) runner_s"
            f" order by {engine.hash_60(' || '.join(texts))} limit {size}",
        )
        return Sample(table, planned.key_types)

    # -- recomputed, and compared ------------------------------------------------------------------------------------

    def _recompute(
        self, planned: Planned, table: str, above: dict[TableName, str], known: ModelState, kept: Kept
    ) -> Comparison:
        text = self.inputs.text(planned.compiled, above, known.instant, kept.sample)
        self._make("expected", table, f"\n{text}\n")
        return Comparison(self.work, planned, table, kept)

    def _told_apart(
        self, planned: Planned, known: ModelState, kept: Kept, outcome: Outcome, counts: tuple[int, int]
    ) -> Checked:
        """Whether a model that differs would be right if those above it were, and what its readers are to read."""
        model = planned.compiled
        wrong = tuple(table for table in model.models if table in self.mended)
        note, found = "", outcome
        if wrong:
            table = self.work.algebra.scratch.alone(planned.number)
            stored = {t: self.planned[t].table for t in model.models}
            found = self._recompute(planned, table, stored, known, kept).outcome()
            self._drop(table)
            listed = ", ".join(map(str, wrong))
            note = f"{found.differing_count:,} over the stored {listed} too" if found.differing_count else ""
        if model.model.unproven and found.differing_count:
            note = f"{note}; unproven" if note else "unproven"
        if not kept.sample and any(model.table in reader.models for reader in self.work.program.models):
            self._mend(planned, kept)
        follows = () if found.differing_count else tuple(map(str, wrong))
        compared = ComparedModel(
            str(model.table),
            *counts,
            outcome.differing_count,
            follows,
            note,
            counted="key" if model.model.key else "row",
        )
        return Checked(compared, found.differences)

    def _mend(self, planned: Planned, kept: Kept) -> None:
        """Let readers read recomputed rows, and of keys that are skipped the stored ones; under the stored columns."""
        scratch = self.work.algebra.scratch
        comparison = Comparison(self.work, planned, scratch.expected(planned.number), kept)
        table = scratch.mended(planned.number)
        self._make("mended", table, comparison.mended())
        self.mended[planned.compiled.table] = table
        self._drop(scratch.expected(planned.number))

    def _misses(self, planned: Planned, row_count: int, skipped_count: int, columns: tuple[str, ...]) -> Checked:
        name = str(planned.compiled.table)
        compared = ComparedModel(name, row_count, skipped_count, len(columns), counted="column")
        return Checked(compared, tuple(Difference(name, (), "no column", column) for column in columns))

    def _make(self, label: str, table: str, select: str) -> None:
        self.work.warehouse.execute(f"verify:{label}", self.work.warehouse.engine.temporary_table(table, select))

    def _drop(self, table: str) -> None:
        self.work.warehouse.execute("verify:drop", f"drop table if exists {table}")
