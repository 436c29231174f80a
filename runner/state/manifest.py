"""The runner's state in the warehouse: manifest, runs, models, key indexes, dirty keys and the fence.

No package but this one writes it; tables.py makes the tables; lease.py, runs.py and renewal.py have their parts. Queries are in state/state.sql.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from runner.errors import Fenced
from runner.names import TableName
from runner.playbook.values import Source
from runner.program.values import SourceKey
from runner.state import names
from runner.state.queries import fitting
from runner.state.tables import StateTables
from runner.state.whole import LastRun, contradiction
from runner.warehouse.base import Warehouse
from runner.warehouse.values import Trace

NO_TRACE = Trace()
KEY_BYTES = 4000  # of key_text


@dataclass(frozen=True)
class ModelState:
    """What the warehouse knows of a model: the definition its rows were built with, and what it owes."""

    digest: str
    inputs: str  # names the columns that it read, and their types
    instant: str  # what its clock said, UTC; '' where it reads none
    as_of_run: str
    owes: str  # '', 'keys' or 'all'
    owed_count: int | None  # the rows of the table of keys that it owes
    trial: str  # the guard that its definition has passed; '' none
    trace: Trace = field(default_factory=Trace)  # as its table has to be, if nobody else has touched it

    def is_of(self, digest: str, inputs: str) -> bool:
        """Whether the rows were built with this very definition, over these columns."""
        return (self.digest, self.inputs) == (digest, inputs)


@dataclass(frozen=True)
class KeptRows:
    """The rows of a look-up with a key as the last run saw them: in a table of the state, quoted."""

    lookup: str
    digest: str  # of the columns that are kept
    table: str
    row_count: int


@dataclass(frozen=True)
class State:
    """The playbook's state before a run."""

    version: int = 0
    last_run: str | None = None
    after_done: bool = True
    models: Mapping[str, ModelState] = field(default_factory=dict)
    lookups: Mapping[tuple[str, str], str] = field(default_factory=dict)
    indexes: Mapping[tuple[str, str], str] = field(default_factory=dict)  # (source, key digest) → table, quoted
    owners: Mapping[str, str] = field(default_factory=dict)  # tables of other playbooks → playbook
    kept: Mapping[str, KeptRows] = field(default_factory=dict)  # by the names of the look-ups

    @property
    def trusted(self) -> frozenset[str]:
        """The tables that runs have made and a publish has registered."""
        return frozenset([*self.indexes.values(), *(rows.table for rows in self.kept.values())])


class Manifest(StateTables):
    """Reads and writes the state of one playbook."""

    def __init__(self, warehouse: Warehouse, playbook: str, schema: str) -> None:
        super().__init__(warehouse, playbook, schema)
        self.held_version = 0  # the version that this run made when it took the lease or published last
        self.held_as = ""  # the run id that the lease is held under
        self.scratch_name = names.scratch(playbook, schema)

    # -- reading -----------------------------------------------------------------------------------------------------

    def look(self, *, counted: bool = True) -> State:
        """The state, for commands that only read: empty where nothing has run yet. Raises Stopped; see `_check`.

        Not `counted`: for a command that tells itself which batches the manifest lacks.
        """
        self._check(self.written_by())
        if self.present:
            self._check_lost()
            return self.read(counted=counted)
        if self._has_past():
            raise self.damaged(f"its fence, {self.state_table}, is gone")
        return State()

    def owned(self) -> set[str]:
        """The tables and views that the playbook made, whichever runner it was then."""
        models = TableName((self.schema, "models"))
        known = models in self.warehouse.describe([models])
        return {str(table) for (table,) in self._rows("owned-read")} if known else set()

    def processed(self, source: Source) -> str:
        """A SELECT of the manifest's rows of a source."""
        if not self.present:
            return (
                "select cast(null as timestamp) as etl_tstamp, cast(null as bigint) as event_count,"
                " cast(null as varchar(200)) as fingerprint, false as rewound where 1 = 0"
            )
        return self.sql("processed", source=str(source.table))

    def newest(self, source: Source) -> str:
        """A SELECT of the manifest's rows that the last run has written for a source."""
        return self.sql("newest", source=str(source.table))

    def version(self) -> int:
        """The fence: whoever publishes, rewinds or takes the lease raises it."""
        (row,) = self._rows("version-read")
        return int(str(row[0]))

    def read(self, *, counted: bool = True) -> State:
        """All that a run needs to know before its freeze. The version is read first: what changes later, fences."""
        fence = self._rows("fence-look")
        if not fence:
            raise self.damaged(f"its fence, {self.state_table}, has no row")
        version, run_id = int(str(fence[0][0])), fence[0][1]
        last = next((LastRun(*row) for row in self._rows("last-published")), None)
        if last is not None and not counted:
            last = replace(last, batches_now=last.batches_then)
        models = {
            str(table): ModelState(
                str(digest), str(inputs), str(instant), str(as_of), str(owes), owed, str(trial), Trace(*trace)
            )
            for table, digest, inputs, instant, as_of, owes, owed, trial, *trace in self._rows("models-read")
        }
        if wrong := contradiction(version, run_id, last, [model.as_of_run for model in models.values()]):
            if self.version() != version:  # another run published between these reads
                return self.read(counted=counted)
            raise self.damaged(wrong)
        lookups = {(str(t), str(name)): str(f) for t, name, f in self._rows("lookups-read")}
        registered = [(str(s), str(d), self.table(str(t)), count) for s, d, t, count in self._rows("indexes-read")]
        indexes = {(source, digest): table for source, digest, table, count in registered if count is None}
        kept = {one[0]: KeptRows(*one) for one in registered if one[3] is not None}
        owners = {str(t): str(p) for t, p in self._rows("owners-read")}
        if last is None or run_id is None:  # none was published since the state was begun
            return State(version, None, True, models, lookups, indexes, owners, kept)
        return State(version, last.run_id, bool(last.after_done), models, lookups, indexes, owners, kept)

    def digests(self) -> tuple[str, ...]:
        """What the last published runs were made of, the newest first."""
        return tuple(str(digest) for (digest,) in self._rows("digests-read"))

    def trusted(self) -> frozenset[str]:
        """See `State.trusted`."""
        return frozenset(self.table(str(table)) for _, _, table, _ in self._rows("indexes-read"))

    def free_name(self, run_id: str) -> str:
        """What a run is called that is to be called `run_id`: A, or A.2, A.3 … where A was published before."""
        taken = {str(name) for (name,) in self._rows("runs-named", run_id=run_id, length=len(run_id))}
        numbered = (f"{run_id}.{number}" for number in count(2))
        return run_id if run_id not in taken else next(name for name in numbered if name not in taken)

    def published_after(self, version: int) -> set[tuple[str, int]]:
        """(run_id, version) of the publishes that raised the version beyond `version`."""
        return {(str(run), int(str(raised))) for run, raised in self._rows("published-after", version=version)}

    # -- the fence and the publish -----------------------------------------------------------------------------------

    def fence(self, version: int, run_id: str) -> None:
        """Lock the playbook's state row, read the version in a new statement, compare, raise it. Raises Fenced."""
        self.lock("publish:lock")
        locked = self._do("fence-lock", "publish:fence-lock", run_id=run_id)
        found = int(str(self.warehouse.execute("publish:fence-read", self.sql("fence-read")).one()[0]))
        # Compared twice: a session may be shown an old row for a moment (Snowflake), an UPDATE never works on one.
        if locked != 1 or found != version or self._do("fence-raise", "publish:fence-raise", version=version) != 1:
            raise Fenced("another run published, or a rewind was asked, while this one worked")

    def lock(self, label: str) -> None:
        """First thing in a transaction that raises the version; see `Warehouse.lock`."""
        self.warehouse.lock(label, self.table(self.state_table))

    def raise_version(self) -> None:
        """Outlaw every run that has read the version before."""
        self._do("version-raise")

    def outlaw(self, version: int) -> None:
        """Outlaw a run that has read `version`, or wait until it has ended.

        Its publish holds the row that this waits for. Where the version is another one by then, the run has ended or
        never passed the fence, and whoever raised it must not be outlawed in its place.
        """
        self._do("fence-raise", "state:fence-outlaw", version=version)

    def break_lease(self) -> str | None:
        """Free the lease and outlaw its holder, which is given."""
        with self.warehouse.transaction("unlock"):
            self.lock("unlock:lock")
            rows = self._rows("lease-holder")
            holder = str(rows[0][0]) if rows and rows[0][0] else None
            self._do("lease-break")
            self.raise_version()
        return holder

    def write_batches(self, source: Source, batches: str, run_id: str) -> None:
        """The manifest's rows of the batches that this run processed: the counts of its freeze."""
        texts = {"source": str(source.table), "batches": batches}
        self._do("manifest-delete", "publish:manifest-delete", **texts)
        self._do("manifest-insert", "publish:manifest-insert", run_id=run_id, **texts)

    def write_pairs(self, index: str, width: int, batches: str, pairs: str) -> None:
        """The key index's rows of the batches that this run processed."""
        columns = ", ".join([*(f"k{n}" for n in range(1, width + 1)), "etl_tstamp", "event_count"])
        self._do("index-delete", "publish:index-delete", keys_table=index, batches=batches)
        self._do("index-insert", "publish:index-insert", keys_table=index, columns=columns, pairs=pairs)

    def mark_copies(self, index: str, stirred: str) -> None:
        """In the index of a source's ids, those that stand more than once."""
        self._do("index-mark", "publish:index-mark", keys_table=index, stirred=stirred)

    @property
    def index_prefix(self) -> str:
        """What the names of this playbook's key indexes begin with."""
        return names.keys_prefix(self.playbook)

    def new_index_name(self, of: str, run_id: str) -> str:
        """A name no other run uses: a half-built index is never trusted, only what `key_index` lists is.

        `of`: a source with the digest of its key, or a look-up.
        """
        return names.keys(self.playbook, of, self._own_to(run_id))

    def scratch_id(self, run_id: str, part: int) -> str:
        """What tells the scratch place of a run's part from all others."""
        return f"{self._own_to(run_id)}{part:04d}"

    def _own_to(self, run_id: str) -> str:
        """Names this run alone: one of the same id that was overtaken and goes on had another version."""
        return names.run(self.playbook, run_id, self.held_version)

    def register_index(self, key: SourceKey, name: str, run_id: str) -> None:
        """Trust a new index from now on."""
        known = {
            "source": str(key.source.table),
            "key_digest": key.digest,
            "key_text": fitting(", ".join(key.texts), KEY_BYTES),
        }
        self._do("index-register", "publish:index-register", keys_table=name, run_id=run_id, **known)

    def forget_index(self, source: str, key_digest: str) -> None:
        """Stop trusting an index that this run does not keep up."""
        self._do("index-forget", "publish:index-forget", source=source, key_digest=key_digest)

    def write_model(
        self,
        table: str,
        digest: str,
        inputs: str,
        instant: str,
        run_id: str,
        trace: Trace = NO_TRACE,
        storage: str = "",
        trial: str = "",
    ) -> None:
        """A model was built: its definition, what it read, and that it is up to date with this run.

        `storage`: a query for what the trace has of it, where the table is new. `trial`: the guard that it has passed.
        """
        self._do("model-delete", "publish:model-delete", table_name=table)
        row = {"table_name": table, "digest": digest, "inputs": inputs, "instant": instant, "owes": "", "trial": trial}
        lies = {"storage": storage or self.warehouse.engine.literal(trace.storage)}
        counted = {"row_count": trace.row_count, "changes": trace.changes}
        self._do("model-insert", "publish:model-insert", run_id=run_id, **row, **lies, **counted)

    def write_trace(self, table: str, trace: Trace) -> None:
        """The rows of a table are those that were published, wherever they lie now."""
        self._do("model-trace", table_name=table, storage=trace.storage, changes=trace.changes)

    def note_trial(self, tables: Sequence[str], trial: str) -> None:
        """Note the guard that these models' definitions have passed."""
        listed = ", ".join(map(self.warehouse.engine.literal, tables))
        self._do("model-tried", trial=trial, tables=listed)

    def forget_model(self, table: str) -> None:
        """A table or view is no longer part of the playbook."""
        self._do("model-delete", "prune:model-delete", table_name=table)

    def account_model(self, table: str, owes: str, run_id: str, dirty: str) -> None:
        """A model was accounted for by this run: recomputed, or its keys are in its dirty table."""
        owed = _count(dirty) if owes == "keys" else "null"
        self._do("model-as-of", "publish:model-as-of", table_name=table, owes=owes, run_id=run_id, owed=owed)

    def owe(self, table: str, owes: str, dirty: str = "") -> None:
        """Note that a model owes a full build, or the keys in its dirty table."""
        self._do("model-owes", table_name=table, owes=owes, owed=_count(dirty) if dirty else "null")

    def write_after_done(self, run_id: str) -> None:
        """The `after` queries of a run are done."""
        self._do("after-done", run_id=run_id)

    # -- dirty keys and rewind ---------------------------------------------------------------------------------------

    def dirty_table(self, table: str, key_names: Sequence[str], key_types: Sequence[str]) -> str:
        """The table of the keys that a model owes, quoted; named by playbook, table and key with its types."""
        return self.table(self.dirty_name(table, key_names, key_types))

    def dirty_name(self, table: str, key_names: Sequence[str], key_types: Sequence[str]) -> str:
        """Its name in the state schema."""
        types = map(self.warehouse.engine.unlimited, key_types)
        return names.dirty(self.playbook, table, [*key_names, *types])

    def mark_rewound(self, source: Source, batches: str) -> int:
        """Make processed batches pending again; gives how many."""
        return self._do("rewind-mark", "rewind:mark", source=str(source.table), batches=batches)

    # -- for status ------------------------------------------------------------------------------------------------

    def summary(self) -> Sequence[tuple[object, ...]]:
        """Per source: batches, events, newest etl_tstamp, rewound batches, last commit."""
        return self._rows("manifest-summary")


def _count(table: str) -> str:
    return f"(select count(*) from {table})"
