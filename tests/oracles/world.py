"""Upstream, simulated: a stream of events that grows in batches and does everything that hurts.

`World` keeps a shadow of `atomic.events` and of the look-up table in Python; `apply` carries an operation out on a
warehouse as one committed transaction, and on the shadow. An operation is a kind and a seed, nothing else: what it
does follows from these and the rows that are there. So operations can be left out of a list (see `schedules.shrink`)
and the rest still means something.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar

from tests.engines.db import Db
from tests.oracles.models import PAGES, SOURCE, SOURCE_DDL
from tests.oracles.oracle import Batch, Event, Rules, manifest

START = datetime(2024, 3, 1, 12)
DAY_START = datetime(2024, 2, 28, 20)
SESSIONS = 10
USERS = 4
NAMES = ("view", "ping", "buy")
URLS = tuple(f"/p{number}" for number in range(5))
HOUR = timedelta(hours=1)

T = TypeVar("T")


@dataclass(frozen=True)
class Op:
    """One operation of a schedule, upstream's or the runner's."""

    kind: str
    seed: int


@dataclass(frozen=True)
class Change:
    """What an operation does to the source: rows that go, by row_id, and rows that come."""

    gone: tuple[int, ...] = ()
    new: tuple[Event, ...] = ()


@dataclass
class World:
    """The shadow of the source; `rules` say how its rows are read."""

    rules: Rules
    fingerprint: tuple[str, ...] = ()
    rows: dict[int, Event] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=lambda: {url: f"page {url[2:]}" for url in URLS[:4]})
    made: int = 0

    def create(self, db: Db) -> None:
        """Make the empty source and the look-up table."""
        db.execute(SOURCE_DDL)
        db.load(PAGES, ("page_url", "title"), list(self.pages.items()))

    def events(self, batches: Iterable[Batch] | None = None) -> list[Event]:
        """All events, or those of some batches."""
        if batches is None:
            return list(self.rows.values())
        wanted = set(batches)
        return [event for event in self.rows.values() if self.rules.batch(event) in wanted]

    def manifest(self) -> Counter[Batch]:
        """Event count per batch as it is upstream now."""
        return manifest(self.rows.values(), self.rules)

    def apply(self, op: Op, db: Db) -> None:
        """Carry out one operation."""
        if op.kind == "lookup":
            self._change_lookup(Random(op.seed), db)
        else:
            self.commit(UPSTREAM[op.kind](self, Random(op.seed)), db)

    def commit(self, change: Change, db: Db) -> None:
        """One transaction on the warehouse, and the same on the shadow."""
        new = {self.made + 1 + place: event for place, event in enumerate(change.new)}
        self.made += len(new)
        with db.transaction():
            if change.gone:
                db.execute(f"delete from {SOURCE} where row_id in ({', '.join(map(str, change.gone))})")
            db.load(SOURCE, (*Event._fields, "row_id"), [(*event, number) for number, event in new.items()])
        for number in change.gone:
            del self.rows[number]
        self.rows |= new

    def content(self) -> dict[Batch, Counter[Event]]:
        """The rows of each batch."""
        found: dict[Batch, Counter[Event]] = {}
        for event in self.rows.values():
            found.setdefault(self.rules.batch(event), Counter())[event] += 1
        return found

    def signature(self, rows: Counter[Event]) -> object:
        """What a runner can notice of a batch: its count, and with a fingerprint these columns."""
        seen: Counter[tuple[object, ...]] = Counter()
        for event, count in rows.items():
            seen[tuple(getattr(event, column) for column in self.fingerprint)] += count
        return seen

    def reveal(self, processed: dict[Batch, Counter[Event]], db: Db) -> None:
        """Add a row to every batch that changed without a sign since it was processed.

        Some rows left and as many came, say: no runner could know, so the promise does not speak of it.
        """
        rng = Random(self.made)
        hidden = []
        for batch, rows in self.content().items():
            before = processed.get(batch, rows)
            if rows != before and self.signature(rows) == self.signature(before):
                hidden.append(batch)
        if hidden:
            self.commit(Change(new=tuple(self.event(rng, batch) for batch in hidden)), db)

    def _change_lookup(self, rng: Random, db: Db) -> None:
        url = rng.choice(URLS)
        if url in self.pages and rng.random() < 0.3:
            del self.pages[url]
        else:
            self.pages[url] = f"page {rng.randrange(1000)}"
        with db.transaction():
            db.execute(f"delete from {PAGES} where page_url = '{url}'")
            db.load(PAGES, ("page_url", "title"), [pair for pair in self.pages.items() if pair[0] == url])

    def event(self, rng: Random, batch: Batch) -> Event:
        """A new event for a batch: few sessions, users, pages and times, so that all meet; nulls where they hurt."""

        def maybe(value: T, chance: float) -> T | None:
            return None if rng.random() < chance else value

        self.made += 1
        session = rng.randrange(SESSIONS)
        user = session % USERS if rng.random() < 0.85 else rng.randrange(USERS)
        view_session = session if rng.random() < 0.9 else rng.randrange(SESSIONS)
        at = DAY_START + 5 * session * HOUR + timedelta(minutes=45 * rng.randrange(8))
        late = timedelta(minutes=rng.choice((0, 0, 0, -45, 45, 90)))
        return Event(
            amount=maybe(rng.randrange(10), 0.2),
            collector_tstamp=maybe(at, 0.05),
            derived_tstamp=maybe(at + late, 0.1),
            domain_sessionid=maybe(f"s{session}", 0.07),
            domain_userid=maybe(f"u{user}", 0.1),
            etl_tstamp=self.etl_tstamp(rng, batch),
            event_id=maybe(f"e{self.made}", 0.05),
            event_name=maybe(rng.choice(NAMES), 0.1),
            page_url=maybe(rng.choice(URLS), 0.1),
            page_view_id=maybe(f"v{view_session}{rng.choice('abc')}", 0.1),
        )

    def etl_tstamp(self, rng: Random, batch: Batch) -> datetime | None:
        """A load time within a batch: the batch's own, or any in its hour."""
        if batch is None or not self.rules.hourly or rng.random() < 0.2:
            return batch
        return batch + timedelta(minutes=rng.randrange(60))

    def some_batch(self, rng: Random) -> Batch:
        """A batch that exists, or the first one."""
        batches = sorted(self.manifest(), key=lambda batch: (batch is None, batch or START))
        return rng.choice(batches) if batches else START

    def some_rows(self, rng: Random, most: int, batch: Batch | None = None, within: bool = False) -> list[int]:
        """Up to `most` row ids, from anywhere or from one batch."""
        ids = [number for number, event in self.rows.items() if not within or self.rules.batch(event) == batch]
        return rng.sample(ids, min(len(ids), rng.randint(1, most)))

    def edge(self, newest: bool) -> datetime:
        """The newest or oldest batch time; the start where there is none."""
        times = [batch for batch in self.manifest() if batch is not None]
        return (max(times) if newest else min(times)) if times else START


def _batch(world: World, rng: Random, batch: Batch, most: int = 12) -> tuple[Event, ...]:
    return tuple(world.event(rng, batch) for _ in range(rng.randint(2, most)))


def new_batch(world: World, rng: Random) -> Change:
    """A batch after all others."""
    return Change(new=_batch(world, rng, world.edge(newest=True) + rng.randint(1, 3) * HOUR))


def new_batches(world: World, rng: Random) -> Change:
    """Several at once."""
    last = world.edge(newest=True)
    return Change(new=sum((_batch(world, rng, last + hours * HOUR, 6) for hours in (1, 2, 4)), ()))


def older_batch(world: World, rng: Random) -> Change:
    """A batch with an etl_tstamp before all that were seen."""
    return Change(new=_batch(world, rng, world.edge(newest=False) - rng.randint(1, 2) * HOUR))


def null_batch(world: World, rng: Random) -> Change:
    """Rows without an etl_tstamp."""
    return Change(new=_batch(world, rng, None, 4))


def grow(world: World, rng: Random) -> Change:
    """Late rows in a batch that exists."""
    return Change(new=_batch(world, rng, world.some_batch(rng), 6))


def copy(world: World, rng: Random) -> Change:
    """Exact copies of events, in their own batch or another one."""
    other = world.some_batch(rng)
    new = []
    for number in world.some_rows(rng, 4):
        event = world.rows[number]
        new.append(event if rng.random() < 0.5 else event._replace(etl_tstamp=world.etl_tstamp(rng, other)))
    return Change(new=tuple(new))


def twist(world: World, rng: Random) -> Change:
    """Events with the id of another one, and other content; some of them copies by the dedupe columns."""
    batch = world.some_batch(rng)
    new = []
    for number in world.some_rows(rng, 5):
        old, other = world.rows[number], world.event(rng, batch)
        changed = ["etl_tstamp", "amount"]
        changed += [name for name in ("page_url", "derived_tstamp", "collector_tstamp") if rng.random() < 0.4]
        changed += [name for name in ("domain_sessionid", "domain_userid", "page_view_id") if rng.random() < 0.1]
        new.append(old._replace(**{name: getattr(other, name) for name in changed}))
    return Change(new=tuple(new))


def correct(world: World, rng: Random) -> Change:
    """Events come once more in another session, of another user or on another day, in a batch old or new."""
    batch = rng.choice((world.some_batch(rng), world.edge(newest=True) + HOUR))
    new = []
    for number in world.some_rows(rng, 4):
        old, other = world.rows[number], world.event(rng, batch)
        keys = ("domain_sessionid", "domain_userid", "page_view_id", "event_name", "derived_tstamp", "collector_tstamp")
        changed = ("etl_tstamp", "amount", *rng.sample(keys, rng.randint(1, 4)))
        new.append(old._replace(**{name: getattr(other, name) for name in changed}))
    return Change(new=tuple(new))


def shrink(world: World, rng: Random) -> Change:
    """A batch loses rows."""
    return Change(gone=tuple(world.some_rows(rng, 5, world.some_batch(rng), within=True)))


def exchange(world: World, rng: Random) -> Change:
    """Rows of a batch give way to as many others."""
    batch = world.some_batch(rng)
    gone = world.some_rows(rng, 4, batch, within=True)
    new = (world.event(rng, batch) for _ in gone)
    return Change(tuple(gone), tuple(event._replace(event_id=f"x{event.event_id}") for event in new))


def pairs(world: World, rng: Random) -> Change:
    """Two exact copies in a batch; where it has such a pair already, that one goes: the count stays."""
    batch = world.some_batch(rng)
    event = world.event(rng, batch)
    event = event._replace(event_id=f"d{event.event_id}", domain_sessionid=event.domain_sessionid or "s0")
    found: dict[Event, list[int]] = {}
    for number, old in world.rows.items():
        if world.rules.batch(old) == batch:
            found.setdefault(old, []).append(number)
    gone = next((tuple(numbers) for numbers in found.values() if len(numbers) == 2), ())
    return Change(gone, (event, event))


def vanish(world: World, rng: Random) -> Change:
    """All rows of a batch go."""
    batch = world.some_batch(rng)
    return Change(gone=tuple(number for number, event in world.rows.items() if world.rules.batch(event) == batch))


def null_keys(world: World, rng: Random) -> Change:
    """Rows without a session, a user or both, in a batch old or new."""
    batch = rng.choice((world.some_batch(rng), world.edge(newest=True) + HOUR))
    keys = ("domain_sessionid", "domain_userid", "event_name", "page_view_id")
    new = (world.event(rng, batch)._replace(**dict.fromkeys(rng.sample(keys, rng.randint(1, 4)))) for _ in range(4))
    return Change(new=tuple(new))


def ties(world: World, rng: Random) -> Change:
    """Events of one session with all their times equal, and some of their ids."""
    batch = world.some_batch(rng)
    one = world.event(rng, batch)
    others = (world.event(rng, batch) for _ in range(4))
    same = {"collector_tstamp", "derived_tstamp", "domain_sessionid", "page_view_id"}
    if rng.random() < 0.5:
        same.add("event_id")
    return Change(new=(one, *(other._replace(**{name: getattr(one, name) for name in same}) for other in others)))


def move(world: World, rng: Random) -> Change:
    """A session changes its user, its start and its day: an earlier event of it arrives, by another user."""
    new = []
    for number in world.some_rows(rng, 2):
        event = world.event(rng, world.some_batch(rng))
        at = (world.rows[number].collector_tstamp or DAY_START) - rng.randint(1, 30) * HOUR
        session, view = world.rows[number].domain_sessionid, world.rows[number].page_view_id
        moved = event._replace(collector_tstamp=at, derived_tstamp=at, domain_sessionid=session, page_view_id=view)
        new.append(moved)
    return Change(new=tuple(new))


COMING = (new_batch, new_batches, older_batch, null_batch, grow, copy, twist)
UPSTREAM: dict[str, Callable[[World, Random], Change]] = {
    operation.__name__: operation
    for operation in (*COMING, correct, shrink, exchange, pairs, vanish, null_keys, ties, move)
}
WEIGHTS = {
    "new_batch": 8, "new_batches": 3, "older_batch": 3, "null_batch": 2, "grow": 6, "copy": 4, "twist": 4, "shrink": 4,
    "exchange": 3, "pairs": 3, "vanish": 2, "null_keys": 2, "ties": 2, "move": 4, "lookup": 6,
}  # fmt: skip


def random_op(rng: Random, kinds: dict[str, int] = WEIGHTS) -> Op:
    """An operation of these kinds, by weight."""
    return Op(rng.choices(list(kinds), list(kinds.values()))[0], rng.randrange(10**6))


def rules_of(world: World, variants: dict[str, int]) -> Rules:
    """The rules as they are now: the models' variants and the look-up's rows."""
    return replace(world.rules, variants=variants, pages=world.pages)
