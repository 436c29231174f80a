"""What the derived tables of `tests.oracles.models` have to hold: plain Python over plain rows, no SQL.

The definitions are written down a second time here on purpose, as loops over groups: nothing is shared with the
runner or with the SQL that the runner is given. The rules, from DESIGN.md:

- NULL is a key like any other, in one column or in all of several;
- rows equal in all dedupe columns are copies, and only the first of them counts, by `order_by`, completed by the
  columns of the table in their order, nulls last, whatever columns a model uses; rows without the first dedupe column,
  the id, are never copies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

Row = tuple[Any, ...]
Table = list[Row]
Batch = datetime | None  # None: the batch of the rows without an etl_tstamp


class Event(NamedTuple):
    """A row of `atomic.events`. In alphabetical order, as the columns of the table."""

    amount: int | None
    collector_tstamp: datetime | None
    derived_tstamp: datetime | None
    domain_sessionid: str | None
    domain_userid: str | None
    etl_tstamp: datetime | None
    event_id: str | None
    event_name: str | None
    page_url: str | None
    page_view_id: str | None


@dataclass(frozen=True)
class Rules:
    """How rows are read: the source block of the playbook, each model's variant, and the look-up table."""

    dedupe: tuple[str, ...] = ()
    order_by: tuple[str, ...] = ()
    hourly: bool = False
    variants: dict[str, int] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)

    def batch(self, event: Event) -> Batch:
        """The batch that an event came in."""
        at = event.etl_tstamp
        return at.replace(minute=0, second=0, microsecond=0) if at and self.hourly else at


def manifest(events: Iterable[Event], rules: Rules) -> Counter[Batch]:
    """Event count per batch: raw rows, copies and rows without keys included."""
    return Counter(rules.batch(event) for event in events)


def nulls_last(values: Iterable[Any]) -> Row:
    """A sort key for an ascending order with nulls last."""
    return tuple((value is None, 0 if value is None else value) for value in values)


def nulls_first(values: Iterable[Any]) -> Row:
    """A sort key; its reverse is a descending order with nulls last."""
    return tuple((value is not None, 0 if value is None else value) for value in values)


def pick(event: Event, columns: Sequence[str]) -> Row:
    """These columns of an event."""
    return tuple(getattr(event, column) for column in columns)


def first(events: Iterable[Event], *by: str) -> Event:
    """The first row by these columns, nulls last."""
    return min(events, key=lambda event: nulls_last(pick(event, by)))


def last(events: Iterable[Event], *by: str) -> Event:
    """The first row by these columns, descending, nulls last."""
    return max(events, key=lambda event: nulls_first(pick(event, by)))


def one_of_copies(events: Sequence[Event], rules: Rules) -> list[Event]:
    """The rows that count."""
    by = (*rules.order_by, *Event._fields)
    copies: dict[Row, list[Event]] = {}
    kept = []
    for event in events:
        same = pick(event, rules.dedupe)
        if not rules.dedupe or same[0] is None:
            kept.append(event)
        else:
            copies.setdefault(same, []).append(event)
    return kept + [first(group, *by) for group in copies.values()]


def groups(rows: Iterable[Any], key: Callable[[Any], Row]) -> dict[Row, list[Any]]:
    """Rows by key; NULL is a key like any other."""
    found: dict[Row, list[Any]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def known(values: Iterable[Any]) -> list[Any]:
    """The values that are not null."""
    return [value for value in values if value is not None]


def low(values: Iterable[Any]) -> Any:
    """MIN: nulls do not count."""
    return min(known(values), default=None)


def high(values: Iterable[Any]) -> Any:
    """MAX: nulls do not count."""
    return max(known(values), default=None)


def total(values: Iterable[Any], times: int = 1) -> int | None:
    """SUM: null where there is nothing to add."""
    found = known(values)
    return sum(found) * times if found else None


def page_views(events: Sequence[Event], rules: Rules) -> Table:
    """page_view_id, domain_sessionid, start_tstamp, page_url, events, amount."""
    table = []
    for (view,), rows in groups(events, lambda e: (e.page_view_id,)).items():
        top = first(rows, "derived_tstamp", "collector_tstamp", "event_id", "domain_sessionid", "page_url")
        start = low(e.derived_tstamp for e in rows)
        amount = total((e.amount for e in rows), 1 + rules.variants.get("page_views", 0))
        table.append((view, top.domain_sessionid, start, top.page_url, len(rows), amount))
    return table


def sessions(events: Sequence[Event], rules: Rules) -> Table:
    """domain_sessionid, domain_userid, start_tstamp, end_tstamp, events, pages, amount, first_page."""
    table = []
    for (session,), rows in groups(events, lambda e: (e.domain_sessionid,)).items():
        top = first(rows, "collector_tstamp", "event_id", "domain_userid", "page_url")
        start, end = low(e.collector_tstamp for e in rows), high(e.collector_tstamp for e in rows)
        counted = rows if not rules.variants.get("sessions") else [e for e in rows if e.event_name == "buy"]
        pages = len(set(known(e.page_url for e in rows)))
        amount = total(e.amount for e in counted)
        table.append((session, top.domain_userid, start, end, len(rows), pages, amount, top.page_url))
    return table


def users(of_sessions: Table, rules: Rules) -> Table:
    """domain_userid, first_tstamp, last_tstamp, sessions, events, amount."""
    table = []
    for (user,), rows in groups(of_sessions, lambda s: (s[1],)).items():
        amount = total((s[6] for s in rows), 1 + rules.variants.get("users", 0))
        start, end = low(s[2] for s in rows), high(s[3] for s in rows)
        table.append((user, start, end, len(rows), sum(s[4] for s in rows), amount))
    return table


def daily(of_sessions: Table, rules: Rules) -> Table:
    """session_date, sessions, users, events, amount."""
    table = []
    for (day,), rows in groups(of_sessions, lambda s: (s[2].date() if s[2] else None,)).items():
        visitors = len(set(known(s[1] for s in rows)))
        amount = total((s[6] for s in rows), 1 + rules.variants.get("daily", 0))
        table.append((day, len(rows), visitors, sum(s[4] for s in rows), amount))
    return table


def page_totals(events: Sequence[Event], rules: Rules) -> Table:
    """page_url, events, amount: without a key, so rows without a page are a group like any other."""
    found: dict[str | None, list[Event]] = {}
    for event in events:
        found.setdefault(event.page_url, []).append(event)
    times = 1 + rules.variants.get("page_totals", 0)
    return [(url, len(rows), total((e.amount for e in rows), times)) for url, rows in found.items()]


def totals(of_sessions: Table, rules: Rules) -> Table:
    """sessions, events, last_tstamp, amount: always one row."""
    events = total(s[4] for s in of_sessions)
    amount = total((s[6] for s in of_sessions), 1 + rules.variants.get("totals", 0))
    return [(len(of_sessions), events, high(s[3] for s in of_sessions), amount)]


def marks(name: str, column: str) -> Callable[[Sequence[Event], Rules], Table]:
    """The merge model per `column`.

    Its columns: that one, first_seen, first_event_id, landing_page, last_seen, last_event_id, exit_page, low_amount,
    other_amount.
    """

    def table(events: Sequence[Event], rules: Rules) -> Table:
        out = []
        by = ("collector_tstamp", "event_id", "page_url")
        other_end = low if rules.variants.get(name) else high
        for (key,), rows in groups(events, lambda e: (getattr(e, column),)).items():
            start, end = first(rows, *by), last(rows, *by)
            seen = [e.collector_tstamp for e in rows]
            amounts = (low(e.amount for e in rows), other_end(e.amount for e in rows))
            ends = (low(seen), start.event_id, start.page_url, high(seen), end.event_id, end.page_url)
            out.append((key, *ends, *amounts))
        return out

    return table


def user_events(events: Sequence[Event], rules: Rules) -> Table:
    """domain_userid, event_name, events, amount, last_tstamp: a key of two columns, each of which may be null."""
    table = []
    times = 1 + rules.variants.get("user_events", 0)
    for key, rows in groups(events, lambda e: (e.domain_userid, e.event_name)).items():
        amount = total((e.amount for e in rows), times)
        table.append((*key, len(rows), amount, high(e.collector_tstamp for e in rows)))
    return table


def hits(events: Sequence[Event], rules: Rules) -> Table:
    """domain_sessionid, page_url: a row an event."""
    mark = "!" if rules.variants.get("hits") else ""
    return [(e.domain_sessionid, None if e.page_url is None else e.page_url + mark) for e in events]


def session_views(of_sessions: Table, of_views: Table, rules: Rules) -> Table:
    """domain_sessionid, events, views, view_start_tstamp, view_amount: two inputs joined on the key."""
    table = []
    views = groups(of_views, lambda v: (v[1],))
    times = 1 + rules.variants.get("session_views", 0)
    for session in of_sessions:
        rows = views.get((session[0],), []) if session[0] is not None else []  # NULL joins nothing
        amount = total((v[5] for v in rows), times)
        table.append((session[0], session[4], len(known(v[0] for v in rows)), low(v[2] for v in rows), amount))
    return table


def session_titles(of_sessions: Table, rules: Rules) -> Table:
    """domain_sessionid, first_page, title: the title comes from the look-up table."""
    suffix = "!" if rules.variants.get("session_titles") else ""
    titles = {url: title + suffix for url, title in rules.pages.items()}
    return [(s[0], s[7], titles.get(s[7])) for s in of_sessions]


ON_SOURCE: dict[str, Callable[[Sequence[Event], Rules], Table]] = {
    "page_views": page_views,
    "sessions": sessions,
    "hits": hits,
    "page_totals": page_totals,
    "user_events": user_events,
    "session_marks": marks("session_marks", "domain_sessionid"),
    "user_marks": marks("user_marks", "domain_userid"),
}
ON_SESSIONS: dict[str, Callable[[Table, Rules], Table]] = {
    "users": users,
    "daily": daily,
    "totals": totals,
    "session_titles": session_titles,
}


def derive(events: Sequence[Event], rules: Rules) -> dict[str, Table]:
    """Every derived table, recomputed from these events."""
    counted = one_of_copies(events, rules)
    tables = {name: model(counted, rules) for name, model in ON_SOURCE.items()}
    tables |= {name: model(tables["sessions"], rules) for name, model in ON_SESSIONS.items()}
    tables["session_views"] = session_views(tables["sessions"], tables["page_views"], rules)
    return tables
