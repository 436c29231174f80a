"""What the tables of playbooks/web.yml have to hold: plain Python over events as dicts, no SQL.

Written from the definitions (Snowplow's standard web model, see the comments of sql/web/*.sql), as loops over groups.
An event is a dict of Snowplow's canonical columns; `page_view_id` is read from the JSON of its web_page entity.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

Event = dict[str, Any]
Row = dict[str, Any]

PAGE = ["page_title", "page_url", "page_urlscheme", "page_urlhost", "page_urlpath", "page_urlquery", "page_urlfragment"]
REFERRER = [
    "page_referrer",
    "refr_urlscheme",
    "refr_urlhost",
    "refr_urlpath",
    "refr_urlquery",
    "refr_urlfragment",
    "refr_medium",
    "refr_source",
    "refr_term",
]
MARKETING = ["mkt_medium", "mkt_source", "mkt_term", "mkt_content", "mkt_campaign", "mkt_clickid", "mkt_network"]
PLACE = [
    "geo_country",
    "geo_region",
    "geo_region_name",
    "geo_city",
    "geo_zipcode",
    "geo_latitude",
    "geo_longitude",
    "geo_timezone",
    "user_ipaddress",
]
DEVICE = [
    "useragent",
    "br_name",
    "br_family",
    "br_version",
    "br_type",
    "br_lang",
    "br_viewwidth",
    "br_viewheight",
    "br_renderengine",
    "os_name",
    "os_family",
    "os_manufacturer",
    "os_timezone",
    "dvce_type",
    "dvce_ismobile",
    "dvce_screenwidth",
    "dvce_screenheight",
]
WHO = ["app_id", "platform", "domain_sessionidx", "domain_userid", "network_userid", "user_id"]
FORMS = ("page_view", "page_ping", "link_click", "submit_form")
TOTALS = ("page_views", "total_events", "engaged_time_s", "absolute_time_s")
USER_PAGE = ["title", "url", "urlhost", "urlpath"]
USER_FIRST = [
    "page_referrer",
    "refr_urlhost",
    "refr_medium",
    "refr_source",
    "refr_term",
    "mkt_medium",
    "mkt_source",
    "mkt_term",
    "mkt_content",
    "mkt_campaign",
    "geo_country",
]


@dataclass(frozen=True)
class Policies:
    """The variables of the playbook."""

    heartbeat_s: int = 10
    min_visit_s: int = 5
    app_ids: tuple[str, ...] = ()
    bot_words: tuple[str, ...] = ()  # empty: no bot filter
    max_days_late: int = 0
    max_session_days: int = 0


def page_view_id(event: Event) -> str | None:
    """The id in the web_page entity of an event."""
    return _first_id(event["contexts_com_snowplowanalytics_snowplow_web_page_1"])


@cache
def _first_id(text: str | None) -> str | None:
    items = json.loads(text) if text is not None else []
    return items[0].get("id") if items else None


def _nulls_last(value: Any) -> tuple[bool, Any]:
    return (value is None, 0 if value is None else value)


def _nulls_last_down(value: datetime | str | None) -> tuple[bool, Any]:
    """For sorting downwards: texts and times as numbers that grow the other way."""
    if value is None:
        return (True, ())
    numbers = (value - datetime(1970, 1, 1)).total_seconds() if isinstance(value, datetime) else None
    return (False, (-numbers,) if numbers is not None else (*(-ord(letter) for letter in str(value)), 1))


def deduped(events: Iterable[Event]) -> list[Event]:
    """Of rows with the same event id the first collected (or loaded); rows without one are never copies."""
    groups: defaultdict[Hashable, list[Event]] = defaultdict(list)
    for number, event in enumerate(events):
        groups[event["event_id"] if event["event_id"] is not None else number].append(event)
    order = ["collector_tstamp", "etl_tstamp"]

    def key(event: Event) -> list[tuple[bool, Any]]:
        return [_nulls_last(event[name]) for name in [*order, *sorted(event)]]

    return [min(group, key=key) for group in groups.values()]


def _second(moment: datetime) -> int:
    return int(moment.replace(microsecond=0, tzinfo=UTC).timestamp())


def _counts(event: Event, policies: Policies) -> bool:
    """Whether the policies that look at one event keep it."""
    if policies.app_ids and event["app_id"] not in policies.app_ids:
        return False
    if policies.bot_words:
        agent = (event["useragent"] or "").lower()
        if "robot" in (event["br_type"] or "").lower() or any(word in agent for word in policies.bot_words):
            return False
    created, sent = event["dvce_created_tstamp"], event["dvce_sent_tstamp"]
    if policies.max_days_late and created is not None and sent is not None:
        return _second(sent) - _second(created) <= 86400 * policies.max_days_late
    return True


def _groups(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    """Rows by key; rows without a key belong to no group."""
    found: defaultdict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        if key(row) is not None:
            found[key(row)].append(row)
    return dict(found)


def _first(events: Sequence[Event], last_tie: Callable[[Event], Any]) -> Event | None:
    names = ("derived_tstamp", "dvce_created_tstamp", "event_id")
    return min(events, key=lambda e: [*(_nulls_last(e[n]) for n in names), _nulls_last(last_tie(e))], default=None)


def _last(events: Sequence[Event]) -> Event | None:
    names = ("derived_tstamp", "dvce_created_tstamp", "event_id")
    return min(
        events,
        key=lambda e: [*(_nulls_last_down(e[n]) for n in names), _nulls_last_down(page_view_id(e))],
        default=None,
    )


def _biggest(values: Iterable[Any]) -> Any:
    return max((value for value in values if value is not None), default=None)


def _smallest(values: Iterable[Any]) -> Any:
    return min((value for value in values if value is not None), default=None)


def page_views_base(events: Sequence[Event], policies: Policies) -> list[Row]:
    """One row per page view id: the first page_view, what its pings of the same session tell, scroll depth."""
    kept = [e for e in events if _counts(e, policies) and e["event_name"] in ("page_view", "page_ping")]
    rows = []
    for number, group in _groups(kept, page_view_id).items():
        view = _first([e for e in group if e["event_name"] == "page_view"], lambda e: e["domain_sessionid"])
        if view is None:
            continue
        session = view["domain_sessionid"]
        same = [e for e in group if session is not None and e["domain_sessionid"] == session]
        pings = [e for e in same if e["event_name"] == "page_ping"]
        buckets = {
            _second(e["derived_tstamp"]) // policies.heartbeat_s for e in pings if e["derived_tstamp"] is not None
        }
        last_ping = _biggest(e["derived_tstamp"] for e in pings)
        start = view["derived_tstamp"]
        longer = last_ping is not None and start is not None and last_ping > start
        row = {name: view[name] for name in [*WHO, *PAGE, *REFERRER, *MARKETING, *PLACE, *DEVICE]}
        row |= {
            name: view[name] for name in ("event_id", "domain_sessionid", "collector_tstamp", "dvce_created_tstamp")
        }
        row |= {
            "page_view_id": number,
            "derived_tstamp": start,
            "start_tstamp": start,
            "end_tstamp": last_ping if longer else start,
            "page_pings": len(pings),
            "engaged_time_s": policies.heartbeat_s * (len(buckets) - 1) + policies.min_visit_s if buckets else 0,
            "absolute_time_s": _second(last_ping) - _second(start) if longer else 0,
        }
        for side, axis, offset in (("width", "horizontal", "pp_xoffset_max"), ("height", "vertical", "pp_yoffset_max")):
            size = _biggest(e[f"doc_{side}"] for e in same)
            seen = _biggest(e[f"br_view{side}"] for e in same) or 0
            far = max([0, *(e[offset] for e in same if e[offset] is not None)]) if same else None
            row[f"doc_{side}"] = view[f"doc_{side}"] if size is None else size
            row[f"{axis}_pixels_scrolled"] = min(far, size) if size is not None and far is not None else far
            share = None
            if size is not None and size > 0 and far is not None:
                share = 100 if far + seen >= size else (200 * (far + seen) + size) // (2 * size)
            row[f"{axis}_percentage_scrolled"] = share
        rows.append(row)
    return rows


def _starts(events: Sequence[Event], policies: Policies) -> dict[str, datetime | None]:
    sessions = _groups([e for e in events if _counts(e, policies)], lambda e: e["domain_sessionid"])
    return {key: _smallest(e["derived_tstamp"] for e in group) for key, group in sessions.items()}


def _in_time(moment: datetime | None, start: datetime | None, policies: Policies) -> bool:
    if not policies.max_session_days or moment is None or start is None:
        return True
    return _second(moment) - _second(start) <= 86400 * policies.max_session_days


def page_views(events: Sequence[Event], policies: Policies) -> list[Row]:
    """The page views of sessions, numbered."""
    starts = _starts(events, policies)
    base = [
        row
        for row in page_views_base(events, policies)
        if _in_time(row["derived_tstamp"], starts.get(row["domain_sessionid"]), policies)
    ]
    rows = []
    names = ("derived_tstamp", "dvce_created_tstamp", "event_id", "page_view_id")
    for group in _groups(base, lambda row: row["domain_sessionid"]).values():
        group.sort(key=lambda row: [_nulls_last(row[name]) for name in names])
        for number, row in enumerate(group, 1):
            rows.append(row | {"page_view_in_session_index": number, "page_views_in_session": len(group)})
    return rows


def _session_groups(events: Sequence[Event], policies: Policies) -> dict[str, list[Event]]:
    starts = _starts(events, policies)
    kept = [
        e
        for e in events
        if _counts(e, policies) and _in_time(e["derived_tstamp"], starts.get(e["domain_sessionid"]), policies)
    ]
    return _groups(kept, lambda e: e["domain_sessionid"])


def sessions(events: Sequence[Event], policies: Policies) -> list[Row]:
    """One row per session."""
    views = _groups(page_views(events, policies), lambda row: row["domain_sessionid"])
    rows = []
    for session, group in _session_groups(events, policies).items():
        pages = [e for e in group if e["event_name"] in ("page_view", "page_ping")]
        who, first, last = _first(group, page_view_id), _first(pages, page_view_id), _last(pages)
        assert who is not None
        start, end = (pick(e["derived_tstamp"] for e in group) for pick in (_smallest, _biggest))
        names = Counter(e["event_name"] if e["event_name"] in FORMS else "other" for e in group)
        row = {"domain_sessionid": session, "start_tstamp": start, "end_tstamp": end, "total_events": len(group)}
        row |= {name: who[name] for name in WHO}
        row |= {f"first_{name}": first and first[name] for name in PAGE}
        row |= {f"last_{name}": last and last[name] for name in PAGE}
        row |= {name: first and first[name] for name in [*REFERRER, *MARKETING, *PLACE, *DEVICE]}
        row |= {f"{name}_events": names[name] for name in (*FORMS, "other")}
        row |= {
            "absolute_time_s": None if start is None else _second(end) - _second(start),
            "engaged_time_s": sum(view["engaged_time_s"] for view in views.get(session, [])),
            "page_views": len(views.get(session, [])),
        }
        rows.append(row)
    return rows


def session_events(events: Sequence[Event], policies: Policies) -> list[Row]:
    """One row per session and event name."""
    rows = []
    for session, group in _session_groups(events, policies).items():
        for name, named in _groups(group, lambda e: e["event_name"] or "unknown").items():
            times = [e["derived_tstamp"] for e in named]
            rows.append(
                {
                    "domain_sessionid": session,
                    "event_name": name,
                    "events": len(named),
                    "first_tstamp": _smallest(times),
                    "last_tstamp": _biggest(times),
                }
            )
    return rows


def _total(rows: Iterable[Row], name: str) -> int | None:
    values = [row[name] for row in rows if row[name] is not None]
    return sum(values) if values else None


def users(events: Sequence[Event], policies: Policies) -> list[Row]:
    """One row per user, from sessions."""
    rows = []
    for user, group in _groups(sessions(events, policies), lambda row: row["domain_userid"]).items():
        up = sorted(group, key=lambda row: (_nulls_last(row["start_tstamp"]), row["domain_sessionid"]))
        down = sorted(
            group, key=lambda row: (_nulls_last_down(row["start_tstamp"]), _nulls_last_down(row["domain_sessionid"]))
        )
        paged = [row for row in up if row["page_view_events"] + row["page_ping_events"] > 0] or up
        paged_down = [row for row in down if row["page_view_events"] + row["page_ping_events"] > 0] or down
        row = {
            "domain_userid": user,
            "user_id": next((row["user_id"] for row in down if row["user_id"] is not None), None),
            "first_seen_tstamp": _smallest(row["start_tstamp"] for row in group),
            "last_seen_tstamp": _biggest(row["end_tstamp"] for row in group),
            "sessions": len(group),
        }
        row |= {name: _total(group, name) for name in TOTALS}
        row |= {f"first_page_{name}": paged[0][f"first_page_{name}"] for name in USER_PAGE}
        row |= {f"last_page_{name}": paged_down[0][f"last_page_{name}"] for name in USER_PAGE}
        row |= {name: paged[0][name] for name in USER_FIRST}
        rows.append(row)
    return rows


def daily(events: Sequence[Event], policies: Policies) -> list[Row]:
    """One row per day on which sessions began."""
    rows = []
    days = _groups(sessions(events, policies), lambda row: row["start_tstamp"] and row["start_tstamp"].date())
    for day, group in days.items():
        known = [row for row in group if row["domain_userid"] is not None]
        row = {
            "session_date": day,
            "sessions": len(group),
            "users": len({row["domain_userid"] for row in known}),
            "new_users": len({row["domain_userid"] for row in known if row["domain_sessionidx"] == 1}),
            "engaged_sessions": sum(row["engaged_time_s"] > 0 for row in group),
            "single_page_sessions": sum(row["page_views"] == 1 for row in group),
        }
        row |= {name: _total(group, name) for name in TOTALS}
        rows.append(row)
    return rows


TABLES: dict[str, Callable[[Sequence[Event], Policies], list[Row]]] = {
    "derived.page_views_base": page_views_base,
    "derived.page_views": page_views,
    "derived.sessions": sessions,
    "derived.session_events": session_events,
    "derived.users": users,
    "derived.daily": daily,
}
