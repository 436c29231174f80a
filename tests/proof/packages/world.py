"""The tables that the models of packages read: a click stream, order lines, changes of tickets, mails, and look-ups.

Each has the columns of its kind of package, ids that are unique as a playbook's `dedupe` says, and few distinct values,
nulls among them, so that ties, unmatched rows and the null key come up.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import duckdb

from runner.names import TableName
from runner.proof.keywise import Tracked

EVENTS, SESSIONS, USERS = TableName(("web", "events")), TableName(("mart", "sessions")), TableName(("mart", "users"))
LINES, CHANGES, MAILS = TableName(("shop", "lines")), TableName(("desk", "changes")), TableName(("mail", "activity"))
DDL = {
    "web.events": "event_id int, view_id varchar, session_id varchar, user_id varchar, tstamp timestamp, name varchar, "
    "page varchar, referrer varchar, seconds int, scroll int, params struct(key varchar, value varchar)[]",
    "mart.sessions": "session_id varchar, user_id varchar, start_tstamp timestamp, end_tstamp timestamp, "
    "page_views int, converted boolean",
    "mart.users": "user_id varchar, known_as varchar",
    "shop.lines": "line_id int, order_id varchar, customer_id varchar, email varchar, created_at timestamp, "
    "kind varchar, amount int",
    "desk.changes": "change_id int, issue_id varchar, field varchar, value varchar, author_id varchar, "
    "changed_at timestamp",
    "mail.activity": "activity_id int, campaign_id varchar, member_id varchar, action varchar, acted_at timestamp",
    "ref.referrers": "host varchar, medium varchar",
    "ref.people": "person_id varchar, role varchar",
    "ref.days": "day date",
}
COLUMNS = {
    TableName(tuple(table.split("."))): tuple(column.split()[0] for column in text.split(", "))
    for table, text in DDL.items()
}
COLUMNS[EVENTS] = (*COLUMNS[EVENTS][:10], "params")  # the type of params has a comma

BY_SESSION = {
    EVENTS: Tracked(("session_id",), (("event_id",),)),
    SESSIONS: Tracked(("session_id",), (("session_id",),)),
}
BY_USER = {
    EVENTS: Tracked(("user_id",), (("event_id",),)),
    SESSIONS: Tracked(("user_id",), (("session_id",),)),
    USERS: Tracked(("user_id",), (("user_id",),)),
}
BY_VIEW = {EVENTS: Tracked(("view_id",), (("event_id",),))}
BY_DAY = {
    EVENTS: Tracked(("cast(tstamp as date)",), (("event_id",),)),
    SESSIONS: Tracked(("cast(start_tstamp as date)",), (("session_id",),)),
    LINES: Tracked(("cast(created_at as date)",), (("line_id",),)),
    CHANGES: Tracked(("cast(changed_at as date)",), (("change_id",),)),
}
BY_MONTH = {SESSIONS: Tracked(("date_trunc('month', start_tstamp)",), (("session_id",),))}
BY_PAGE_AND_DAY = {EVENTS: Tracked(("page", "cast(tstamp as date)"), (("event_id",),))}
BY_HASH = {EVENTS: Tracked(("md5(coalesce(user_id, '') || '-' || page)",), (("event_id",),))}
BY_CUSTOMER = {LINES: Tracked(("customer_id",), (("line_id",),))}
BY_ORDER = {LINES: Tracked(("order_id",), (("line_id",),))}
BY_EMAIL = {LINES: Tracked(("lower(email)",), (("line_id",),))}
BY_ISSUE = {CHANGES: Tracked(("issue_id",), (("change_id",),))}
BY_CAMPAIGN = {MAILS: Tracked(("campaign_id",), (("activity_id",),))}
BY_MEMBER = {MAILS: Tracked(("member_id",), (("activity_id",),))}
# a model keyed by session that joins users: the other model has no such column, so the playbook can name none
USERS_BESIDE_SESSIONS = {**BY_SESSION, USERS: Tracked(("session_id",), (("user_id",),))}


def rows(seed: int) -> dict[str, list[tuple[object, ...]]]:
    """A data set."""
    pick = random.Random(seed)
    one: Callable[[list[str | None]], str | None] = pick.choice
    times: list[str | None] = [
        "2024-01-30 09:00", "2024-01-30 09:10", "2024-01-30 23:50", "2024-01-31 00:05", "2024-02-01 10:00", None,
    ]  # fmt: skip
    users: list[str | None] = ["u1", "u2", "u3", None]
    sessions: list[str | None] = ["s1", "s2", "s3", "s4", None]
    pages: list[str | None] = ["/", "/shop", "/cart", None]
    hosts: list[str | None] = ["a.com", "b.com", "", None]

    def number() -> int | None:
        return pick.choice([1, 5, 40, None])

    def params() -> list[dict[str, str | None]]:
        return [{"key": pick.choice(["id", "q"]), "value": one(["1", "2", None])} for _ in range(pick.randint(0, 2))]

    names = ["page_view", "page_view", "page_ping", "purchase"]
    emails: list[str | None] = ["a@x.com", "A@x.com", "b@x.com", None]
    return {
        "web.events": [
            (n, one(["v1", "v2", "v3", None]), one(sessions), one(users), one(times), pick.choice(names), one(pages),
             one(hosts), number(), number(), params())
            for n in range(30)
        ],
        "mart.sessions": [
            (session, one(users), one(times[:5]), one(times[:5]), number(), pick.choice([True, False, None]))
            for session in sessions[:4] if pick.random() < 0.8
        ],
        "mart.users": [(user, one(["k1", "k2", None])) for user in users[:3]],
        "shop.lines": [
            (n, one(["o1", "o2", "o3", "o4"]), one(["c1", "c2", None]), one(emails), one(times),
             pick.choice(["charge", "charge", "refund", "fee"]), number())
            for n in range(24)
        ],
        "desk.changes": [
            (n, one(["i1", "i2", "i3", None]), pick.choice(["status", "status", "assignee", "parent"]),
             one(["open", "done", "i1", None]), one(["p1", "p2", None]), one(times))
            for n in range(24)
        ],
        "mail.activity": [
            (n, one(["m1", "m2", None]), one(["a", "b", "c", None]), pick.choice(["open", "click", "bounce"]), one(times))
            for n in range(20)
        ],
        "ref.referrers": [("a.com", "search"), ("b.com", "social")],
        "ref.people": [("p1", "agent"), ("p2", "end-user")],
        "ref.days": [(f"2024-{day}",) for day in ("01-29", "01-30", "01-31", "02-01", "02-02")],
    }  # fmt: skip


def packages_world(seed: int, *, backwards: bool = False) -> duckdb.DuckDBPyConnection:
    """The data set in DuckDB; `backwards`, inserted in the other order."""
    warehouse = duckdb.connect(config={"threads": 1})
    for schema in sorted({table.split(".")[0] for table in DDL}):
        warehouse.execute(f"create schema {schema}")
    for table, lines in rows(seed).items():
        warehouse.execute(f"create table {table} ({DDL[table]})")
        marks = ", ".join("?" * len(lines[0]))
        for line in reversed(lines) if backwards else lines:
            warehouse.execute(f"insert into {table} values ({marks})", line)
    return warehouse
