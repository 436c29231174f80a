"""The simulation among upheavals: tables that are emptied and loaded anew, exchanged or altered, and other playbooks.

What `sim` lets happen, and besides, between any two statements of a run:

* the source or the look-up is truncated and filled again in one transaction, with the same rows or others;
* another table takes the source's name;
* the source gets a column, or loses that one again;
* another playbook of two sources, whose state stands in the same schema, runs from start to end;
* a reader takes a snapshot, and looks into it later.

The history of all readers is kept: each saw exactly the tables of one published version, and versions never go back.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from tests.engines.db import Db
from tests.kit import driver
from tests.oracles.models import BY_NAME, PAGES, SOURCE
from tests.oracles.oracle import Event
from tests.oracles.play import Difference, Tables
from tests.oracles.world import SESSIONS
from tests.reliability.simulation.sim import STATE, WILD, Process, Profile, Simulation

HARSH: Profile = replace(
    WILD,
    rate=0.05,
    weights=(*WILD.weights, ("reload", 4), ("swap", 3), ("alter", 3), ("neighbour", 3), ("snapshot", 5), ("look", 8)),
)
NEIGHBOUR = "web_too"
CLICKS = "crm.clicks"
COUNTS = f"""select k, count(*) as rows_of_both from (
    select domain_sessionid as k from {SOURCE} union all select session_id as k from {CLICKS}) both_sources group by k"""


@dataclass
class Reader:
    """A snapshot that somebody works in; what he sees of it is asked for later."""

    db: Db
    version: int


@dataclass
class Upheavals(Simulation):
    """A schedule under way among upheavals."""

    reader: Reader | None = None
    versions: dict[int, Tables] = field(default_factory=dict)  # what each publish made public
    seen: list[int] = field(default_factory=list)  # the versions that readers saw, in order
    extra: bool = False  # whether the source has its other column

    def _published(self, process: Process) -> None:
        super()._published(process)
        self.versions[self._version(self.db)] = {**self.expected}

    def _version(self, db: Db) -> int:
        return int(db.rows(f"select version from {STATE}")[0][0]) if db.has_table(STATE) else 0

    def _may(self, kind: str, process: Process) -> bool:
        free = not any(one.within for one in self.stack)
        if kind in ("reload", "swap", "alter"):  # they wait for whoever reads the table
            return self.loader is None and (free or not self.served) and (self.reader is None or not self.served)
        if kind == "neighbour":
            return free
        if kind in ("snapshot", "look"):
            return (self.reader is None) == (kind == "snapshot") and bool(self.versions)
        return super()._may(kind, process)

    def _doings(self) -> dict[str, Callable[[Random], None]]:
        more = {"reload": self._reload, "swap": self._swap, "alter": self._alter, "neighbour": self._neighbour}
        return {**super()._doings(), **more, "snapshot": self._snapshot, "look": self._look}

    # -- upheavals -------------------------------------------------------------------------------------------------

    def _reload(self, rng: Random) -> None:
        """TRUNCATE and INSERT, as one transaction: of the look-up, or of the source, where rows may be gone afterwards."""
        empty = "truncate" if self.served else "delete from"
        if rng.random() < 0.5:
            if not self.schedule.design.static_lookup:
                self.world.pages = {url: f"page {rng.randrange(1000)}" for url in self.world.pages}
            with self.db.transaction():
                self.db.execute(f"{empty} {PAGES}")
                self.db.load(PAGES, ("page_url", "title"), list(self.world.pages.items()))
            return
        if rng.random() < 0.5 and self.world.rows:
            del self.world.rows[rng.choice(sorted(self.world.rows))]
        with self.db.transaction():
            self.db.execute(f"{empty} {SOURCE}")
            self._fill(SOURCE)

    def _fill(self, table: str) -> None:
        rows = [(*event, number) for number, event in self.world.rows.items()]
        self.db.load(table, (*Event._fields, "row_id"), rows)

    def _swap(self, rng: Random) -> None:
        """A loader that builds beside and renames; rows may have come meanwhile."""
        fresh = f"{SOURCE}_fresh"
        with self.db.transaction():
            self.db.execute(f"create table {fresh} as select * from {SOURCE} where 1 = 0")
            self._fill(fresh)
            self.db.execute(f"drop table {SOURCE}")
            self.db.execute(f"alter table {fresh} rename to {SOURCE.partition('.')[2]}")

    def _alter(self, rng: Random) -> None:
        """A column that no model reads comes, or goes."""
        how = "drop column extra" if self.extra else "add column extra varchar"
        self.extra = not self.extra
        self.db.execute(f"alter table {SOURCE} {how}")

    def _neighbour(self, rng: Random) -> None:
        """Another playbook, over the same source and one of its own that changes first, from start to end."""
        path = self.folder / f"{NEIGHBOUR}.yml"
        if not path.exists():
            self.db.execute(f"create table {CLICKS} (session_id varchar, etl_tstamp timestamp)")
            _write_neighbour(path, self.url)
        if rng.random() < 0.3:
            self.db.execute(f"delete from {CLICKS} where session_id = 's{rng.randrange(SESSIONS)}'")
        new = [(f"s{rng.randrange(SESSIONS)}", self.world.some_batch(rng)) for _ in range(rng.randrange(4))]
        self.db.load(CLICKS, ("session_id", "etl_tstamp"), new)
        outcome = driver.command("run", str(path))
        if outcome.code:
            raise Difference(f"the neighbour: exit {outcome.code}: {outcome.text}")
        found, wanted = (Counter(self.db.rows(sql)) for sql in (f"select * from {NEIGHBOUR}.counts", COUNTS))
        self.equal({NEIGHBOUR: found}, {NEIGHBOUR: wanted})

    # -- readers ---------------------------------------------------------------------------------------------------

    def _snapshot(self, rng: Random) -> None:
        db = Db(self.url)
        db.execute("begin isolation level repeatable read" if self.served else "begin")
        self.reader = Reader(db, self._version(db))

    def _look(self, rng: Random) -> None:
        """What the snapshot holds is what was public when it was taken, whatever has been published since."""
        reader, self.reader = self.reader, None
        assert reader is not None
        public = max(version for version in self.versions if version <= reader.version)
        tables = {}
        for name in self.versions[public]:
            model = BY_NAME[name]
            tables[name] = Counter(reader.db.rows(f"select {', '.join(model.columns)} from {model.table}"))
        reader.db.close()
        self.equal(tables, self.versions[public])
        if self.seen and public < self.seen[-1]:
            raise Difference(f"a reader saw version {public} after another had seen {self.seen[-1]}")
        self.seen.append(public)

    def finish(self) -> None:
        """No reader is left, and at the end all is as after any simulation."""
        if self.reader:
            self._look(Random(0))
        super().finish()

    def close(self) -> None:
        """Close all connections."""
        if self.reader:
            self.reader.db.close()
        super().close()


def _write_neighbour(path: Path, url: str) -> None:
    path.with_suffix(".sql").write_text(COUNTS)
    key = {"k": {SOURCE: "domain_sessionid", CLICKS: "session_id"}}
    model = {"table": f"{NEIGHBOUR}.counts", "sql": f"{NEIGHBOUR}.sql", "key": key}
    sources = [{"table": table, "batch": "etl_tstamp", "vanished": "retract"} for table in (SOURCE, CLICKS)]
    book = {"name": NEIGHBOUR, "target": url, "sources": sources, "models": [model]}
    path.write_text(json.dumps(book))
