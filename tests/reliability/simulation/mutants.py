"""The naive designs: each takes one safeguard out of the real engine, as a wrapper that only tests put on.

The simulation must catch every one of them; a harness that misses one proves nothing. The first group is the table of
naive designs that were found wrong before; the second are the mistakes which the design itself warns of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import PropertyMock, patch

from runner.algebra import batches, changes, copies, keys, rows
from runner.algebra.texts import Algebra, ks
from runner.algebra.values import BoundSource, Cut, FrozenSource, Planned, Staged
from runner.increment import publish
from runner.increment.stage import _Stager
from runner.playbook.values import Source
from runner.program.values import SourceKey
from runner.state.manifest import Manifest
from runner.warehouse.base import Warehouse
from runner.warehouse.values import Result
from tests.oracles.schedules import Schedule, make
from tests.oracles.world import Op

Patch = Callable[[], AbstractContextManager[Any]]
RUNS = 6


@dataclass(frozen=True)
class Mutant:
    """A mistake, the seed whose simulation catches it, and what its schedules need for it to matter at all."""

    name: str
    seed: int
    apply: Patch
    models: tuple[str, ...] = ()
    design: tuple[tuple[str, object], ...] = ()
    often: tuple[str, ...] = ()  # these operations, again and again, where it takes a rare meeting of them

    def schedule(self, seed: int) -> Schedule:
        """The schedule of a seed, with the models and the source block in which the mistake can show."""
        schedule = make(seed, RUNS)
        if self.models:
            schedule = replace(schedule, fixed=self.models, optional=())
        if self.often:
            ops = (Op(kind, seed * 1000 + place) for place, kind in enumerate(self.often * RUNS))
            schedule = replace(schedule, ops=tuple(ops))
        return replace(schedule, design=replace(schedule.design, **dict(self.design)))  # type: ignore[arg-type]


# -- which batches ---------------------------------------------------------------------------------------------------


def only(rule: str) -> Patch:
    """Pending batches for which a rule is true; {m} is the newest batch of the manifest."""
    real = batches.pending

    def pending(current: str, processed: str) -> str:
        newest = f"(select max(etl_tstamp) from ({processed}) runner_n)"
        return f"select * from ({real(current, processed)}) runner_q where {rule.format(m=newest)}"

    return lambda: patch("runner.algebra.batches.pending", pending)


def fingerprint(change: Callable[[str], str]) -> Patch:
    """Another hash of a batch."""
    real = batches.fingerprint

    def changed(algebra: Algebra, source: BoundSource, columns: Any) -> str:
        return change(real(algebra, source, columns))

    return lambda: patch("runner.algebra.batches.fingerprint", changed)


def chunk_of_all(table: str, size: int) -> str:
    """--chunk leaves changed batches for later, too."""
    return f"select etl_tstamp from {table} order by etl_tstamp offset {size}"


def counts_at_the_end() -> AbstractContextManager[Any]:
    """The manifest gets the counts of the moment of publishing."""
    real = Manifest.write_batches

    def write(self: Manifest, source: Source, table: str, run_id: str) -> None:
        batch = f"coalesce(cast({source.batch.text} as timestamp), timestamp '0001-01-01 00:00:00')"
        count = f"(select count(*) from {self.warehouse.engine.table(source.table)} e where {batch} = b.etl_tstamp)"
        real(
            self,
            source,
            f"(select b.etl_tstamp, b.fingerprint, {count} as event_count from {table} b) runner_b",
            run_id,
        )

    return patch.object(Manifest, "write_batches", write)


# -- transactions ----------------------------------------------------------------------------------------------------


@contextmanager
def sending(
    skip: tuple[str, ...] = (), after: Callable[[Warehouse, str, Callable[[str], object]], None] | None = None
) -> Iterator[None]:
    """Statements that are not sent, and others that are sent after some; the watch sees every label as always."""
    real = Warehouse.execute

    def execute(self: Warehouse, label: str, sql: str) -> Result:
        if label in skip:
            if self.watch:
                self.watch("before", label, sql)
                self.watch("after", label, sql)
            result = Result((), [], 0)
        else:
            result = real(self, label, sql)
        if after:
            after(self, label, lambda text: self._wait(label, self._worker.submit(lambda: self._run(text))))
        return result

    with patch.object(Warehouse, "execute", execute):
        yield


def begin_after_counting(warehouse: Warehouse, label: str, send: Callable[[str], object]) -> None:
    """Batches are chosen in one statement, rows are read in a later snapshot."""
    if _within(warehouse, label, "freeze") and label == "freeze:batches":
        send(warehouse._begin(True))


def commit_after_freeze(warehouse: Warehouse, label: str, send: Callable[[str], object]) -> None:
    """Keys are found in the snapshot, models read what is there later."""
    if _within(warehouse, label, "freeze") and label == "freeze:keys":
        _begun[id(warehouse)] = ""
        send("commit")


_begun: dict[int, str] = {}


def _within(warehouse: Warehouse, label: str, name: str) -> bool:
    """Whether the last transaction that this connection began is called so: verify counts batches, too."""
    if label.endswith(":begin"):
        _begun[id(warehouse)] = label.removesuffix(":begin")
    return _begun.get(id(warehouse)) == name


def commit_per_table(warehouse: Warehouse, label: str, send: Callable[[str], object]) -> None:
    """Each table is published in a transaction of its own."""
    if label.startswith("publish:insert:"):
        send("commit")
        send(warehouse._begin(False))


def ddl_in_publish(warehouse: Warehouse, label: str, send: Callable[[str], object]) -> None:
    """A CREATE TABLE among the DML, on an engine whose DDL commits the open transaction."""
    if label.startswith("publish:delete:"):
        send("commit")
        send("create table if not exists atomic.ddl_in_publish as select 1 as one")
        send(warehouse._begin(False))


@contextmanager
def manifest_first() -> Iterator[None]:
    """Without a transaction: what has been processed is written before the rows are."""
    real_write, real_model = publish._write, publish._write_model

    def write(*args: Any) -> None:
        later: list[tuple[Any, ...]] = []
        with patch("runner.increment.publish._write_model", lambda *given: later.append(given)):
            real_write(*args)
        for given in later:
            real_model(*given)

    with sending(skip=("publish:begin", "publish:commit")), patch("runner.increment.publish._write", write):
        yield


def no_fence() -> AbstractContextManager[Any]:
    """The version is raised, not compared."""

    def fence(self: Manifest, version: int, run_id: str) -> None:
        self._do("version-raise", "publish:fence-raise")

    return patch.object(Manifest, "fence", fence)


# -- which keys, and which rows of them ------------------------------------------------------------------------------


def add_batch() -> AbstractContextManager[Any]:
    """SUM and COUNT: what is stored plus what the batch brings."""

    def fresh(self: _Stager, planned: Planned, key_count: int) -> str:
        cut = Cut(self.algebra.scratch.affected(planned.number), key_count, only_pending=True)
        batch = rows.of_select(self.algebra, planned, self._inputs(planned, None), cut)
        names = planned.compiled.key_names
        columns = []
        for name in (column.name for column in planned.stored_columns):
            both = f"coalesce(o.{name}, n.{name}), coalesce(n.{name}, o.{name})"
            added = f"coalesce(o.{name}, 0) + coalesce(n.{name}, 0)"
            columns.append(f"{added if name in ('events', 'amount') else f'greatest({both})'} as {name}")
        named = zip(planned.stored_columns, columns, strict=True)
        columns = [f"n.{c.name}" if c.name in names else text for c, text in named]
        same = " and ".join(f"o.{name} is not distinct from n.{name}" for name in names)
        return f"select {', '.join(columns)} from (\n{batch}\n) n left join {planned.table} o on {same}"

    return patch.object(_Stager, "_fresh", fresh)


def merge_always() -> AbstractContextManager[Any]:
    """Changed batches are merged like new ones."""
    real = keys.of_source

    def of_source(algebra: Algebra, key: SourceKey, number: int, source: FrozenSource, *more: str | None) -> str:
        listed = ", ".join(ks(len(key.texts)))
        return f"select {listed}, 0 as recompute from ({real(algebra, key, number, source, *more)}) runner_z"

    return patch.object(keys, "of_source", of_source)


def copies_out_first() -> AbstractContextManager[Any]:
    """Copies are taken out of the batch before it is merged; those in history are not looked for."""
    return patch.object(_Stager, "_recompute_copied", lambda *_: None)


def no_key_index() -> AbstractContextManager[Any]:
    """Only the rows that a batch has now tell which keys it touches."""
    real = keys.of_source
    return patch.object(
        keys,
        "of_source",
        lambda algebra, key, number, source, index, *more: real(algebra, key, number, source, None, *more),
    )


def new_rows_only() -> AbstractContextManager[Any]:
    """Users of the sessions as they are now; those whom a session left are forgotten."""
    real = keys.of_diff

    def of_diff(algebra: Algebra, compiled: Any, upstream: Staged, upstreams: Any) -> str:
        table = algebra.scratch.diff(upstream.number)
        new = f"(select * from {table} where runner_now > runner_was)"
        return real(algebra, compiled, upstream, upstreams).replace(f"from {table} as", f"from {new} as")

    return patch.object(keys, "of_diff", of_diff)


def copies_within_the_key() -> AbstractContextManager[Any]:
    """Which copy counts is asked of a key's own rows."""
    real = rows.of_source
    return patch.object(rows, "of_source", lambda *given, few, **_: real(*given, few=few, apart=False))


def keys_of_the_batch() -> AbstractContextManager[Any]:
    """Copies that come or go affect their own keys, not those of other copies."""
    real = keys.of_source
    return patch.object(keys, "of_source", lambda *given: real(*given[:5]))


def copies_that_are_there() -> AbstractContextManager[Any]:
    """Ids that stand more than once now; those that did so before are forgotten."""
    real = copies.stirred
    return patch.object(copies, "stirred", lambda *given: real(*given).replace("where stood > 1 or", "where"))


def marks_left_out() -> AbstractContextManager[Any]:
    """Which ids stand more than once is not kept."""
    return patch.object(Manifest, "mark_copies", lambda *_: None)


def lookback() -> AbstractContextManager[Any]:
    """History is read as far back as a fixed time."""
    real = rows.of_source

    def of_source(algebra: Algebra, source: FrozenSource, columns: Any, where: rows.Where, **how: bool) -> str:
        newest = f"(select max(x.collector_tstamp) - interval '20 hours' from {source.rows} x)"
        late = [f"(collector_tstamp is null or collector_tstamp >= {newest})"] if how["few"] else []
        return real(algebra, source, columns, [[*conditions, *late] for conditions in where], **how)

    return patch.object(rows, "of_source", of_source)


def shared_index() -> AbstractContextManager[Any]:
    """One key index for all keys of a source."""
    return patch.object(SourceKey, "digest", PropertyMock(return_value="shared"))


def except_diff() -> AbstractContextManager[Any]:
    """Old and new rows compared as sets."""

    def diff(algebra: Algebra, staged: Staged) -> str:
        listed = algebra.listed(staged.common)
        old = changes.old_rows(algebra, staged, [column.name for column in staged.common])
        new = f"select {listed} from {algebra.scratch.new(staged.number)}"
        return (
            f"select {listed}, 1 as runner_was, 0 as runner_now from (({old}) except ({new})) runner_a union all"
            f" select {listed}, 0 as runner_was, 1 as runner_now from (({new}) except ({old})) runner_b"
        )

    return patch.object(changes, "diff", diff)


def both(*parts: Patch) -> Patch:
    """Several at once."""

    @contextmanager
    def apply() -> Iterator[None]:
        with ExitStack() as stack:
            for part in parts:
                stack.enter_context(part())
            yield

    return apply


LIVE: Patch = lambda: sending(skip=("freeze:begin", "freeze:commit"))  # noqa: E731
UNFENCED: Patch = lambda: sending(skip=("publish:begin", "publish:commit"))  # noqa: E731
BY_ID: tuple[tuple[str, object], ...] = (("dedupe", True), ("by_id", True))
MARKS = (("models", ("session_marks", "user_marks")),)
PRINT: tuple[tuple[str, object], ...] = (("fingerprint", True),)
COPIES: tuple[tuple[str, object], ...] = (("dedupe", True),)
PLAIN = ("sessions", "users")
APART = ("user_events", "page_views")
MOVED = ("new_batches", "correct", "shrink", "run", "correct", "vanish", "run")

NAIVE = (
    Mutant("watermark, > max", 0, only("{m} is null or etl_tstamp > {m}")),
    Mutant("watermark, >= max", 0, only("({m} is null or etl_tstamp >= {m}) and reason <> 'vanished'")),
    Mutant("a set of seen batches, no counts", 0, only("reason in ('new', 'rewound')")),
    Mutant("counts that grew only", 15, only("reason in ('new', 'rewound', 'grew')")),
    Mutant("counts without a fingerprint", 0, fingerprint(lambda _: "cast(null as varchar(200))"), design=PRINT),
    Mutant("counts taken at the end", 0, counts_at_the_end),
    Mutant("counts at the end, live reads", 2, both(counts_at_the_end, LIVE)),
    Mutant("live reads, counts first", 3, LIVE),
    Mutant("a freeze of several statements", 16, lambda: sending(skip=("freeze:begin",), after=begin_after_counting)),
    Mutant("autocommit, manifest first", 1, manifest_first),
    Mutant("autocommit, manifest last", 1, UNFENCED),
    Mutant("autocommit, no merge", 0, UNFENCED, models=PLAIN),
    Mutant("a transaction per table", 1, lambda: sending(after=commit_per_table)),
    Mutant("SUM += batch", 0, add_batch, models=("user_events",)),
    Mutant("merge always", 3, merge_always, models=("session_marks", "user_marks")),
    Mutant(
        "copies out first, then merge",
        27,
        copies_out_first,
        models=("session_marks", "user_marks"),
        design=COPIES,
        often=("new_batches", "twist", "twist", "run"),
    ),
    Mutant("no key index", 7, no_key_index),
    Mutant("users of the batch only", 1, new_rows_only, models=PLAIN),
    Mutant("no fence", 14, no_fence),
    Mutant("a fixed lookback", 0, lookback),
    Mutant("rows without etl_tstamp never match", 1, only("etl_tstamp > timestamp '0001-01-02'")),
    Mutant("a fingerprint by XOR", 39, fingerprint(lambda text: text.replace("sum(", "bit_xor(")), design=PRINT),
    Mutant("DDL in the publish, where DDL commits", 1, lambda: sending(after=ddl_in_publish)),
)
WARNED = (
    Mutant("changed batches in chunks", 26, lambda: patch("runner.algebra.batches.held_chunk", chunk_of_all)),
    Mutant("live reads after the freeze", 3, lambda: sending(skip=("freeze:commit",), after=commit_after_freeze)),
    Mutant("one key index for all keys", 7, shared_index),
    Mutant("EXCEPT as the diff", 0, except_diff, models=("hits",)),
    Mutant("a window of recent batches", 0, only("{m} is null or etl_tstamp >= {m} - interval '2 hours'")),
)
REPORTED = (
    Mutant(
        "an overtaken run tells of the wreckage", 6, lambda: patch("runner.increment.run._overtaken", lambda *_: None)
    ),
)
COPIED = (
    Mutant("copies within the key", 0, copies_within_the_key, design=BY_ID, models=APART, often=MOVED),
    Mutant("keys of the batch alone", 0, keys_of_the_batch, design=BY_ID, models=APART, often=MOVED),
    Mutant("copies that are there alone", 11, copies_that_are_there, design=BY_ID, models=APART, often=MOVED),
    Mutant("copies that are not kept", 3, marks_left_out, design=BY_ID, models=APART, often=MOVED),
)
MUTANTS = (*NAIVE, *WARNED, *REPORTED, *COPIED)
