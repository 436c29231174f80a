"""The runner's state in the warehouse: manifest, runs, models, key indexes, dirty keys and the fence.

The only module that writes it. Queries are in state/state.sql.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from runner.errors import Fenced, Stopped
from runner.names import TableName
from runner.playbook.values import Source
from runner.program.values import SourceKey
from runner.state.queries import Value, queries
from runner.warehouse.base import Warehouse
from runner.warehouse.values import Trouble, WarehouseError

STATE_VERSION = 1


@dataclass(frozen=True)
class ModelState:
    """What the warehouse knows of a model: the definition its rows were built with, and what it owes."""

    digest: str
    inputs: str  # names the columns that it read, and their types
    as_of_run: str
    owes: str  # '', 'keys' or 'all'


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


def fence_table(playbook: str) -> str:
    """The name of a playbook's state table. The hash tells `a-b`, `a_b` and `A-b` apart, the rest is for readers."""
    readable = re.sub(r"[^a-z0-9_]", "_", playbook.lower())[:40]
    return f"state_{readable}_{hashlib.sha256(playbook.encode()).hexdigest()[:8]}"


class Manifest:
    """Reads and writes the state of one playbook."""

    def __init__(self, warehouse: Warehouse, playbook: str, schema: str) -> None:
        self.warehouse, self.playbook, self.schema = warehouse, playbook, schema
        self.held_version = 0  # the version that this run made when it took the lease or published last
        self.present = True  # False: nothing has run here yet, and a command that only reads makes nothing
        self.state_table = fence_table(playbook)
        place = hashlib.sha256(f"{schema}\x1f{playbook}".encode()).hexdigest()[:10]
        self.scratch_name = f"{playbook[:12]}_{place}"  # another environment's runs must not be swept away

    @cached_property
    def _own(self) -> dict[str, Value]:
        """What every query may ask for; made late, since the warehouse may be asked for it."""
        return {
            "s": self.warehouse.engine.schema(self.schema),
            "playbook": self.playbook,
            "state_table": self.warehouse.engine.quote(self.state_table),
            "now": self.warehouse.engine.now,
        }

    def sql(self, name: str, /, **given: Value) -> str:
        """A named query of state.sql, filled with what it is `given` and with the playbook's own."""
        return queries()[name].filled(self.warehouse.engine.literal, self._own, given)

    def _do(self, name: str, label: str = "", /, **given: Value) -> int:
        return self.warehouse.execute(label or f"state:{name}", self.sql(name, **given)).row_count

    def _rows(self, name: str, /, **given: Value) -> Sequence[tuple[object, ...]]:
        return self.warehouse.execute(f"state:{name}", self.sql(name, **given)).rows

    def table(self, name: str) -> str:
        """A table of the state schema, quoted."""
        return f"{self._own['s']}.{self.warehouse.engine.quote(name)}"

    # -- reading -----------------------------------------------------------------------------------------------------

    def look(self) -> State:
        """The state, for commands that only read: empty where nothing has run yet."""
        name = TableName((self.schema, self.state_table))
        self.present = name in self.warehouse.describe([name])
        return self.read() if self.present else State()

    def processed(self, source: Source) -> str:
        """A SELECT of the manifest's rows of a source."""
        if not self.present:
            return (
                "select cast(null as timestamp) as etl_tstamp, cast(null as bigint) as event_count,"
                " cast(null as varchar(200)) as fingerprint, false as rewound where 1 = 0"
            )
        return self.sql("processed", source=str(source.table))

    def ensure(self) -> None:
        """Create the state tables; idempotent, and safe if two runners do it at once."""
        try:
            self._rows("version-read")
            self._check_version()
            return
        except WarehouseError as error:
            if error.trouble is not Trouble.REFUSED:
                raise
        self._guarded(lambda: self.warehouse.create_schema("state:create-schema", str(self._own["s"])))
        for name in queries():
            if name.startswith("create-"):
                self._guarded(lambda: self._do(name))  # noqa: B023 - called at once
        state, first = self.table(self.state_table), self.sql("first-state")
        self._guarded(lambda: self.warehouse.create_once("state:create-state", state, first))
        self._do("meta-insert", version=STATE_VERSION)
        self._check_version()

    def _guarded(self, create: Callable[[], object]) -> None:
        """IF NOT EXISTS does not help two sessions that create at the same instant: the second tries once more."""
        try:
            create()
        except WarehouseError as error:
            if error.trouble is Trouble.LOST:
                raise
            create()

    def _check_version(self) -> None:
        (row,) = self._rows("meta-read")
        version = row[0]
        if isinstance(version, int) and version > STATE_VERSION:
            raise Stopped(
                f"the state in schema {self.schema} was written by a newer runner (version {version}, this one knows {STATE_VERSION})",
                "upgrade this runner",
            )

    def version(self) -> int:
        """The fence: whoever publishes, rewinds or takes the lease raises it."""
        (row,) = self._rows("version-read")
        return int(str(row[0]))

    def read(self) -> State:
        """All that a run needs to know before its freeze. The version is read first: what changes later, fences."""
        version = self.version()
        published = self._rows("last-published")
        models = {str(t): ModelState(*map(str, known)) for t, *known in self._rows("models-read")}
        lookups = {(str(t), str(name)): str(f) for t, name, f in self._rows("lookups-read")}
        indexes = self.indexes()
        owners = {str(t): str(p) for t, p in self._rows("owners-read")}
        last = str(published[0][0]) if published else None
        after_done = bool(published[0][1]) if published else True
        return State(version, last, after_done, models, lookups, indexes, owners)

    def indexes(self) -> dict[tuple[str, str], str]:
        """The key indexes that are trusted: (source, key digest) → table, quoted."""
        return {(str(s), str(d)): self.table(str(t)) for s, d, t in self._rows("indexes-read")}

    def after_done_of(self, run_id: str) -> bool | None:
        """Whether a published run has finished its `after` queries; None if no run of that name was published."""
        rows = self._rows("run-read", run_id=run_id)
        return bool(rows[0][1]) if rows else None

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

    @property
    def index_prefix(self) -> str:
        """What the names of this playbook's key indexes begin with."""
        return f"keys_{hashlib.sha256(self.playbook.encode()).hexdigest()[:10]}_"

    def new_index_name(self, key: SourceKey, run_id: str) -> str:
        """A name no other run uses: a half-built index is never trusted, only what `key_index` lists is."""
        text = str(key.source.table) + key.digest
        return f"{self.index_prefix}{hashlib.sha256(text.encode()).hexdigest()[:10]}_{run_id.lower()[-12:]}"

    def register_index(self, key: SourceKey, name: str, run_id: str) -> None:
        """Trust a new index from now on."""
        known = {"source": str(key.source.table), "key_digest": key.digest, "key_text": ", ".join(key.texts)[:4000]}
        self._do("index-register", "publish:index-register", keys_table=name, run_id=run_id, **known)

    def forget_index(self, source: str, key_digest: str) -> None:
        """Stop trusting an index that this run does not keep up."""
        self._do("index-forget", "publish:index-forget", source=source, key_digest=key_digest)

    def write_model(self, table: str, digest: str, inputs: str, owes: str, run_id: str) -> None:
        """A model was built: its definition, the columns that it read, and that it is up to date with this run."""
        self._do("model-delete", "publish:model-delete", table_name=table)
        row = {"table_name": table, "digest": digest, "inputs": inputs, "owes": owes, "run_id": run_id}
        self._do("model-insert", "publish:model-insert", **row)

    def forget_model(self, table: str) -> None:
        """A table or view is no longer part of the playbook."""
        self._do("model-delete", "prune:model-delete", table_name=table)

    def account_model(self, table: str, owes: str, run_id: str) -> None:
        """A model was accounted for by this run: recomputed, or its keys are in its dirty table."""
        self._do("model-as-of", "publish:model-as-of", table_name=table, owes=owes, run_id=run_id)

    def owe(self, table: str, owes: str) -> None:
        """Note that a model owes keys or a full build."""
        self._do("model-owes", table_name=table, owes=owes)

    def write_lookups(self, table: str, fingerprints: Mapping[str, str]) -> None:
        """The look-ups that a model's rows were built with."""
        self._do("lookup-delete", "publish:lookup-delete", table_name=table)
        for lookup, fingerprint in fingerprints.items():
            texts = {"table_name": table, "lookup": lookup, "fingerprint": fingerprint}
            self._do("lookup-insert", "publish:lookup-insert", **texts)

    def write_after_done(self, run_id: str) -> None:
        """The `after` queries of a run are done."""
        self._do("after-done", run_id=run_id)

    # -- dirty keys and rewind ---------------------------------------------------------------------------------------

    def dirty_table(self, table: str, key_names: Sequence[str]) -> str:
        """The table of the keys that a model owes, quoted; named by playbook, table and key."""
        text = "\x1f".join([self.playbook, table, *key_names])
        return self.table(f"dirty_{hashlib.sha256(text.encode()).hexdigest()[:16]}")

    def mark_rewound(self, source: Source, batches: str) -> int:
        """Make processed batches pending again; gives how many."""
        return self._do("rewind-mark", "rewind:mark", source=str(source.table), batches=batches)

    # -- for status ------------------------------------------------------------------------------------------------

    def summary(self) -> Sequence[tuple[object, ...]]:
        """Per source: batches, events, newest etl_tstamp, rewound batches, last commit."""
        return self._rows("manifest-summary")
