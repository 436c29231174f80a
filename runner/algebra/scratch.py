"""The scratch tables of a run, by what they hold; numbered by source, source key or model."""

from __future__ import annotations

from dataclasses import dataclass

from runner.warehouse.engines import Engine


@dataclass(frozen=True)
class Scratch:
    """A run's private place (`place`, its SQL name) and the names of the tables in it.

    Keys are columns k1 … kn everywhere.
    """

    engine: Engine
    place: str

    def _named(self, what: str, number: int) -> str:
        return self.engine.scratch_table(self.place, f"{what}_{number}")

    # -- of a source -------------------------------------------------------------------------------------------------

    def batches(self, source: int) -> str:
        """(etl_tstamp, event_count, previous_count, fingerprint, reason): its pending batches."""
        return self._named("batches", source)

    def held(self, source: int) -> str:
        """(etl_tstamp): new batches that this run leaves for later."""
        return self._named("held", source)

    def kept(self, source: int) -> str:
        """(etl_tstamp): batches that are gone and whose keys stay as they are."""
        return self._named("kept", source)

    def pinned(self, number: int) -> str:
        """A copy of a source or look-up as it was at the freeze's instant, where the engine cannot go back to it."""
        return self._named("pinned", number)

    def pending(self, source: int) -> str:
        """(etl_tstamp, event_count, previous_count, reason): `{{ batches }}` of plain queries."""
        return self._named("pending", source)

    def events(self, source: int) -> str:
        """Rows of the pending batches: `{{ events }}` of plain queries."""
        return self._named("events", source)

    # -- of a look-up with a key -------------------------------------------------------------------------------------

    def moved_rows(self, lookup: int) -> str:
        """(its columns, runner_was, runner_now): its rows that the last run saw otherwise, as multisets."""
        return self._named("moved_rows", lookup)

    def kept_rows(self, lookup: int) -> str:
        """Its columns: its rows in this run, where the state has no table of them yet."""
        return self._named("kept_rows", lookup)

    # -- of a source key ---------------------------------------------------------------------------------------------

    def pairs(self, key: int) -> str:
        """(k1 … kn, etl_tstamp, event_count) of the pending batches; of all batches to fill a new key index."""
        return self._named("pairs", key)

    def renewed(self, key: int) -> str:
        """(k1 … kn, etl_tstamp, event_count) of all batches, to make a key index anew."""
        return self._named("renewed", key)

    def keys(self, key: int) -> str:
        """(k1 … kn, recompute): affected keys."""
        return self._named("keys", key)

    def frozen(self, key: int) -> str:
        """(k1 … kn): keys whose history is gone."""
        return self._named("frozen", key)

    def stirred(self, key: int) -> str:
        """(k1, etl_tstamp, event_count, stands), of a key of ids: where each id that has a copy in a pending batch, and
        stands or stood more than once, lies now and lay before; how many rows of it are there now, and in all.
        """
        return self._named("stirred", key)

    def several(self, key: int) -> str:
        """(k1, etl_tstamp, event_count), of a key of ids: where all ids that stand more than once lie."""
        return self._named("several", key)

    def spread(self, key: int) -> str:
        """(c1_1 … cm_n), of a key of ids: the source's other keys, in rows with one of the ids that are `stirred`."""
        return self._named("spread", key)

    def retained(self, key: int) -> str:
        """(c1_1 … cm_n): the same, in rows that have a copy in a batch which is gone and kept."""
        return self._named("retained", key)

    def keys_of(self, key: int) -> str:
        """One column: `{{ keys.NAME }}` of plain queries."""
        return self._named("keys_of", key)

    def history(self, key: int) -> str:
        """All events of the affected keys: `{{ history.NAME }}` of plain queries."""
        return self._named("history", key)

    # -- of a model --------------------------------------------------------------------------------------------------

    def affected(self, model: int) -> str:
        """(k1 … kn, recompute): its affected keys."""
        return self._named("affected", model)

    def frozen_of(self, model: int) -> str:
        """(k1 … kn, recompute): its keys that stay as they are."""
        return self._named("frozen_of", model)

    def lying(self, model: int, source: int, part: int) -> str:
        """(etl_tstamp): the batches of a source that hold rows of its affected keys; a part for each key that it reads by."""
        return f"{self._named('lying', model)}_{source}_{part}"

    def rows(self, model: int, source: int) -> str:
        """Rows of a source that it reads more than once."""
        return f"{self._named('rows', model)}_{source}"

    def new(self, model: int) -> str:
        """Its new rows."""
        return self._named("new", model)

    def diff(self, model: int) -> str:
        """(its columns, and where there is room runner_was, runner_now): old and new rows that differ, as multisets."""
        return self._named("diff", model)

    def changed(self, model: int) -> str:
        """(k1 … kn, runner_was, runner_now): keys whose rows differ."""
        return self._named("changed", model)

    def moved(self, model: int) -> str:
        """(k1 … kn, runner_was, runner_now): values of its `unique` columns in rows that differ."""
        return self._named("moved", model)

    def sample(self, model: int) -> str:
        """(k1 … kn): the keys that `verify --sample` takes."""
        return self._named("sample", model)

    # -- of `verify` -------------------------------------------------------------------------------------------------

    def copied(self, source: int) -> str:
        """(runner_i): ids that stand more than once."""
        return self._named("copied", source)

    def winners(self, source: int) -> str:
        """The source's columns: of each of these ids the one copy that counts."""
        return self._named("winners", source)

    def expected(self, model: int) -> str:
        """What its SELECT gives over the recomputed rows of other models."""
        return self._named("expected", model)

    def alone(self, model: int) -> str:
        """What its SELECT gives over the stored rows of other models."""
        return self._named("alone", model)

    def mended(self, model: int) -> str:
        """Its recomputed rows, and the stored ones of keys that are skipped."""
        return self._named("mended", model)

    def apart(self, model: int) -> str:
        """(k1 … kn as texts, runner_h, runner_was, runner_now): hashes of rows that stand in different numbers."""
        return self._named("apart", model)

    def near(self, model: int) -> str:
        """The same, but for rows that differ in the last digits of inexact numbers alone."""
        return self._named("near", model)

    def first(self, model: int) -> str:
        """(runner_h, runner_g): the rows that are shown, numbered by key."""
        return self._named("first", model)
