"""The oracle against hand-made cases, each with the result worked out by hand: whoever checks must be checked."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from tests.oracles.models import BY_NAME, DEDUPE
from tests.oracles.oracle import Event, Row, Rules, derive, manifest


def at(hour: int, minute: int = 0) -> datetime:
    """A time on 1 March."""
    return datetime(2024, 3, 1, hour, minute)


def ev(event_id: str | None = None, **fields: Any) -> Event:
    """An event with these fields, all others null."""
    return Event(**(dict.fromkeys(Event._fields) | {"event_id": event_id} | fields))


def on(page: str | None, hour: int | None, event_id: str | None = None, **fields: Any) -> Event:
    """An event of session s by user u on a page at an hour."""
    given = {"domain_sessionid": "s", "domain_userid": "u", "page_url": page, "collector_tstamp": hour and at(hour)}
    return ev(event_id, **(given | fields))


def same(page: str, hour: int | None, amount: int | None = None, **fields: Any) -> Event:
    """One of several copies by the dedupe columns, with content of its own."""
    return on(page, hour, "e", event_name="buy", page_view_id="v", amount=amount, **fields)


RAW = Rules()
DEDUPED = Rules(DEDUPE, ("collector_tstamp",))
UNORDERED = Rules(DEDUPE)


def twice(**variants: int) -> Rules:
    """Rules with other variants of some models."""
    return Rules(variants=variants)


CASES: dict[str, tuple[str, Rules, list[Event], list[Row]]] = {
    "no events, no sessions": ("sessions", RAW, [], []),
    "no events, but a total": ("totals", RAW, [], [(0, None, None, None)]),
    "a row an event, equal ones too": (
        "hits",
        RAW,
        [on("/a", 10, "e1"), on("/a", 11, "e2"), on(None, 12, "e3"), on("/b", 13, domain_sessionid=None)],
        [("s", "/a"), ("s", "/a"), ("s", None), (None, "/b")],
    ),
    "a session's start, end, pages and first page": (
        "sessions",
        RAW,
        [on("/b", 12, "e2", amount=2), on("/a", 10, "e1", amount=3), on("/b", 11, "e3")],
        [("s", "u", at(10), at(12), 3, 2, 5, "/a")],
    ),
    "a tie in time is broken by the event id": (
        "sessions",
        RAW,
        [on("/b", 10, "e2"), on("/a", 10, "e1", domain_userid="w")],
        [("s", "w", at(10), at(10), 2, 2, None, "/a")],
    ),
    "a tie in time and id is broken by the user, then the page": (
        "sessions",
        RAW,
        [on("/c", 10, "e"), on("/b", 10, "e", domain_userid="t"), on("/a", 10, "e", domain_userid=None)],
        [("s", "t", at(10), at(10), 3, 3, None, "/b")],
    ),
    "null times come last": (
        "sessions",
        RAW,
        [on("/a", None, "e1"), on("/b", 10, "e2")],
        [("s", "u", at(10), at(10), 2, 2, None, "/b")],
    ),
    "a session of null times has no start, and no day": (
        "daily",
        RAW,
        [on("/a", None, "e1"), on("/a", 10, domain_sessionid="t", amount=4)],
        [(None, 1, 1, 1, None), (date(2024, 3, 1), 1, 1, 1, 4)],
    ),
    "the first row wins even if its page is null": (
        "sessions",
        RAW,
        [on(None, 9, "e1"), on("/b", 10, "e2")],
        [("s", "u", at(9), at(10), 2, 1, None, None)],
    ),
    "rows without a session are one session": (
        "sessions",
        RAW,
        [on("/a", 9, domain_sessionid=None, amount=1), on("/b", 10, amount=2)],
        [(None, "u", at(9), at(9), 1, 1, 1, "/a"), ("s", "u", at(10), at(10), 1, 1, 2, "/b")],
    ),
    "rows without a session still count for a page": (
        "page_totals",
        RAW,
        [on("/a", 9, domain_sessionid=None, amount=1), on("/a", 10, amount=2), on(None, 10)],
        [("/a", 2, 3), (None, 1, None)],
    ),
    "a session that changes user moves as a whole": (
        "users",
        RAW,
        [on("/a", 10, "e1", amount=1), on("/b", 9, "e0", domain_userid="w", amount=2), on("/c", 11, "e2")],
        [("w", at(9), at(11), 1, 3, 3)],
    ),
    "a session whose first event has no user belongs to the user NULL": (
        "users",
        RAW,
        [on("/a", 9, domain_userid=None), on("/b", 10), on("/c", 11, domain_sessionid="t")],
        [(None, at(9), at(10), 1, 2, None), ("u", at(11), at(11), 1, 1, None)],
    ),
    "users add up their sessions": (
        "users",
        RAW,
        [on("/a", 10, amount=1), on("/b", 9, domain_sessionid="t", amount=2), on("/c", 12, domain_sessionid="t")],
        [("u", at(9), at(12), 2, 3, 3)],
    ),
    "a day counts the sessions that start on it": (
        "daily",
        RAW,
        [
            on("/a", 23, amount=1),
            on("/b", 10, collector_tstamp=datetime(2024, 3, 2, 1), amount=2),
            on("/b", 10, collector_tstamp=datetime(2024, 3, 2, 1), domain_sessionid="t", domain_userid=None),
        ],
        [(date(2024, 3, 1), 1, 1, 2, 3), (date(2024, 3, 2), 1, 0, 1, None)],
    ),
    "a page view in two sessions belongs to that of its first event": (
        "page_views",
        RAW,
        [
            ev("e2", page_view_id="v", domain_sessionid="s", derived_tstamp=at(10), page_url="/b", amount=1),
            ev("e1", page_view_id="v", domain_sessionid="t", derived_tstamp=at(9), page_url="/a", amount=2),
        ],
        [("v", "t", at(9), "/a", 2, 3)],
    ),
    "a page view's first event is the first derived, then the first collected": (
        "page_views",
        RAW,
        [
            ev("e2", page_view_id="v", derived_tstamp=at(9), collector_tstamp=at(12), page_url="/b"),
            ev("e3", page_view_id="v", derived_tstamp=at(9), collector_tstamp=at(11), page_url="/c"),
            ev("e1", page_view_id="v", derived_tstamp=at(10), collector_tstamp=at(10), page_url="/a"),
        ],
        [("v", None, at(9), "/c", 3, None)],
    ),
    "a page view in two sessions counts in one of them": (
        "session_views",
        RAW,
        [
            ev("e2", page_view_id="v", domain_sessionid="s", derived_tstamp=at(10), amount=1),
            ev("e1", page_view_id="v", domain_sessionid="t", derived_tstamp=at(9), amount=2),
        ],
        [("s", 1, 0, None, None), ("t", 1, 1, at(9), 3)],
    ),
    "a page view without a session joins none": (
        "session_views",
        RAW,
        [ev("e1", page_view_id="v", derived_tstamp=at(9)), ev("e2", page_view_id="w", domain_sessionid="s")],
        [("s", 1, 1, None, None), (None, 1, 0, None, None)],
    ),
    "copies count once, the first by order_by": (
        "sessions",
        DEDUPED,
        [same("/a", 11, 5), same("/b", 10, 7), same("/a", 11, 5)],
        [("s", "u", at(10), at(10), 1, 1, 7, "/b")],
    ),
    "copies without order_by: the first by the table's columns": (
        "sessions",
        UNORDERED,
        [same("/a", 11, 5), same("/b", 10, 7), same("/c", 12, None)],
        [("s", "u", at(11), at(11), 1, 1, 5, "/a")],
    ),
    "a column that a model does not use chooses its copy too": (
        "page_totals",
        UNORDERED,
        [same("/b", 9, 5), same("/a", 10, 5)],
        [("/b", 1, 5)],
    ),
    "copies: a null in order_by comes last": (
        "page_totals",
        DEDUPED,
        [same("/a", None, 1), same("/b", 10, 2)],
        [("/b", 1, 2)],
    ),
    "null ids are never copies": (
        "page_totals",
        DEDUPED,
        [same("/a", 10, 1)._replace(event_id=None)] * 2,
        [("/a", 2, 2)],
    ),
    "a null in another dedupe column than the id is a value like any other": (
        "page_totals",
        DEDUPED,
        [same("/a", 10, 1)._replace(page_view_id=None)] * 2 + [same("/a", 10, 1)],
        [("/a", 2, 2)],
    ),
    "the same id in two sessions is two events": (
        "page_totals",
        DEDUPED,
        [same("/a", 10, 1), same("/a", 10, 1, domain_sessionid="t")],
        [("/a", 2, 2)],
    ),
    "merge models see the same copy": (
        "session_marks",
        DEDUPED,
        [same("/a", 11, 5), same("/b", 10, 7)],
        [("s", at(10), "e", "/b", at(10), "e", "/b", 7, 7)],
    ),
    "first and last: ties by id, then page": (
        "session_marks",
        RAW,
        [on("/a", 10, "e2"), on("/c", 10, "e1"), on("/b", 10, "e1"), on("/d", 10, "e2")],
        [("s", at(10), "e1", "/b", at(10), "e2", "/d", None, None)],
    ),
    "first and last: nulls lose in both directions": (
        "user_marks",
        RAW,
        [on("/a", None, "e9"), on("/b", 10, None), on("/c", 10, "e1"), on(None, 10, "e1")],
        [("u", at(10), "e1", "/c", at(10), "e1", "/c", None, None)],
    ),
    "first and last: a null page may be the first": (
        "user_marks",
        RAW,
        [on(None, 9, "e1", amount=1), on("/b", 10, "e2", amount=None)],
        [("u", at(9), "e1", None, at(10), "e2", "/b", 1, 1)],
    ),
    "only null times: then ids decide": (
        "user_marks",
        RAW,
        [on("/a", None, "e2"), on("/b", None, "e1")],
        [("u", None, "e1", "/b", None, "e2", "/a", None, None)],
    ),
    "a key of two columns: NULL is a key in one and in both": (
        "user_events",
        RAW,
        [
            ev(domain_userid="u", amount=1),
            ev(domain_userid="u", amount=2),
            ev(event_name="buy", collector_tstamp=at(10)),
            ev(domain_userid="u", event_name="buy"),
            ev(amount=9),
        ],
        [
            ("u", None, 2, 3, None),
            (None, "buy", 1, None, at(10)),
            ("u", "buy", 1, None, None),
            (None, None, 1, 9, None),
        ],
    ),
    "titles come from the look-up, or not at all": (
        "session_titles",
        Rules(pages={"/a": "A"}),
        [on("/a", 10), on("/b", 10, domain_sessionid="t"), on(None, 10, domain_sessionid="x")],
        [("s", "/a", "A"), ("t", "/b", None), ("x", None, None)],
    ),
    "totals over sessions": (
        "totals",
        RAW,
        [on("/a", 10, amount=1), on("/b", 12, domain_sessionid="t"), on("/c", 13, domain_sessionid=None, amount=5)],
        [(3, 3, at(13), 6)],
    ),
    "other variant: sessions add up purchases only": (
        "sessions",
        twice(sessions=1),
        [on("/a", 10, event_name="buy", amount=2), on("/a", 10, event_name="view", amount=3), on("/a", 10, amount=4)],
        [("s", "u", at(10), at(10), 3, 1, 2, "/a")],
    ),
    "other variant: what reads a changed model sees its change": (
        "users",
        twice(sessions=1, users=1),
        [on("/a", 10, event_name="buy", amount=2), on("/a", 10, event_name="view", amount=3)],
        [("u", at(10), at(10), 1, 2, 4)],
    ),
    "other variant: marks take the low end twice": (
        "session_marks",
        twice(session_marks=1),
        [on("/a", 10, "e", amount=2), on("/a", 10, "e", amount=3)],
        [("s", at(10), "e", "/a", at(10), "e", "/a", 2, 2)],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    """The oracle gives the rows that were worked out by hand, in whatever order the events come."""
    model, rules, events, expected = CASES[name]
    for order in (events, events[::-1]):
        found = derive(order, rules)[model]
        assert sorted(found, key=repr) == sorted(expected, key=repr)
        assert all(len(row) == len(BY_NAME[model].columns) for row in found)


def test_manifest_counts_all_rows() -> None:
    """Copies and rows without keys count; rows without an etl_tstamp are a batch of their own."""
    events = [ev("e", etl_tstamp=at(1)), ev("e", etl_tstamp=at(1)), ev(etl_tstamp=at(2)), ev("f")]
    assert manifest(events, DEDUPED) == {at(1): 2, at(2): 1, None: 1}


def test_manifest_of_hourly_batches() -> None:
    """With an hourly batch expression the hour is the batch."""
    events = [ev(etl_tstamp=at(1)), ev(etl_tstamp=at(1, 59)), ev(etl_tstamp=at(2))]
    assert manifest(events, Rules(hourly=True)) == {at(1): 2, at(2): 1}
