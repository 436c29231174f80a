"""The models of the random schedules, as SQL files that every engine takes.

Every model has two variants, so that a schedule can change its definition. What they mean is written down a second
time, in plain Python, in `tests.oracles.oracle`.

The texts for DuckDB and Postgres stay as they are: recorded seeds find their way by the statements that are run.
Redshift and Snowflake have no aggregate with an order that keeps nulls: first and last are row numbers there, or
FIRST_VALUE, and the place of nulls is always written out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SOURCE = "atomic.events"
PAGES = "crm.pages"
DEDUPE = ("event_id", "domain_sessionid", "domain_userid", "event_name", "page_view_id")
SOURCE_DDL = f"""
    create schema if not exists atomic; create schema if not exists crm;
    create table {SOURCE} (
        amount bigint, collector_tstamp timestamp, derived_tstamp timestamp, domain_sessionid varchar,
        domain_userid varchar, etl_tstamp timestamp, event_id varchar, event_name varchar, page_url varchar,
        page_view_id varchar, row_id bigint);
    create table {PAGES} (page_url varchar, title varchar)
"""


@dataclass(frozen=True)
class Sql:
    """A model: its SELECT with `{other}` where the variants differ, its key, and what it reads."""

    name: str
    text: str
    variants: tuple[str, str]
    inputs: tuple[str, ...] = (SOURCE,)
    key: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    key_expression: str = ""
    merge: tuple[tuple[str, str], ...] = ()
    texts: tuple[tuple[str, str], ...] = ()  # (engine, its own SELECT)
    unproven: bool = False

    @property
    def table(self) -> str:
        """The derived table's name."""
        return f"derived.{self.name}"

    def sql(self, variant: int, engine: str = "duckdb") -> str:
        """The file's text."""
        text = dict(self.texts).get(engine, self.text)
        return text.replace("{other}", self.variants[variant]).strip() + "\n"

    def ancestors(self) -> set[str]:
        """The models that this one reads, directly or not."""
        direct = {table.removeprefix("derived.") for table in self.inputs if table.startswith("derived.")}
        return direct.union(*(BY_NAME[name].ancestors() for name in direct))


def first(engine: str, of: str, *order: str) -> str:
    """An aggregate: `of` in the first row by `order`, nulls last."""
    by = ", ".join(order)
    return f"(array_agg({of} order by {by}))[1]" if engine == "postgres" else f"first({of} order by {by})"


def last(engine: str, of: str, *order: str) -> str:
    """An aggregate: `of` in the first row by `order` descending, nulls last."""
    if engine == "postgres":
        return f"(array_agg({of} order by {', '.join(f'{column} desc nulls last' for column in order)}))[1]"
    return f"last({of} order by {', '.join(f'{column} nulls first' for column in order)})"


PORTABLE = ("redshift", "snowflake")


def portable(text: str) -> tuple[tuple[str, str], ...]:
    """One text for the engines that are neither DuckDB nor Postgres."""
    return tuple((engine, text) for engine in PORTABLE)


def by_nulls_last(*order: str, last: bool = False) -> str:
    """An order by these columns, up or down, nulls last."""
    return ", ".join(f"{column}{' desc' if last else ''} nulls last" for column in order)


def _page_views(nulls: str) -> str:
    """Page views, with session and page of the first event in a total order."""
    order = ("derived_tstamp", "collector_tstamp", "event_id", "domain_sessionid", "page_url")
    return f"""
-- the first event of a view, in a total order, gives its session and page
with ordered as (
    select
        page_view_id, domain_sessionid, derived_tstamp, page_url, amount,
        row_number() over (
            partition by page_view_id
            order by {", ".join(f"{column}{nulls}" for column in order)}
        ) as place
    from atomic.events
)
select
    page_view_id,
    max(case when place = 1 then domain_sessionid end) as domain_sessionid,
    min(derived_tstamp) as start_tstamp,
    max(case when place = 1 then page_url end) as page_url,
    count(*) as events,
    cast({{other}} as bigint) as amount
from ordered
group by page_view_id
"""


SESSION_ORDER = ("collector_tstamp", "event_id", "domain_userid", "page_url")


def _sessions(engine: str) -> str:
    """Sessions, with the user and page of the first event in a total order."""
    return f"""
select
    domain_sessionid,
    {first(engine, "domain_userid", *SESSION_ORDER[:3])} as domain_userid,
    min(collector_tstamp) as start_tstamp,
    max(collector_tstamp) as end_tstamp,
    count(*) as events,
    count(distinct page_url) as pages,
    cast(sum({{other}}) as bigint) as amount,
    {first(engine, "page_url", *SESSION_ORDER)} as first_page
from atomic.events
group by domain_sessionid
"""


def _first_value(of: str, *order: str) -> str:
    """A window: `of` in the first row of the session by `order`, nulls last."""
    return f"""first_value({of}) over (
            partition by domain_sessionid
            order by {by_nulls_last(*order)}
            rows between unbounded preceding and unbounded following
        )"""


SESSIONS_PORTABLE = f"""
select
    e.domain_sessionid,
    max(e.first_userid) as domain_userid,
    min(e.collector_tstamp) as start_tstamp,
    max(e.collector_tstamp) as end_tstamp,
    count(*) as events,
    count(distinct e.page_url) as pages,
    cast(sum({{other}}) as bigint) as amount,
    max(e.first_page) as first_page
from (
    select
        domain_sessionid, collector_tstamp, event_name, page_url, amount,
        {_first_value("domain_userid", *SESSION_ORDER[:3])} as first_userid,
        {_first_value("page_url", *SESSION_ORDER)} as first_page
    from atomic.events
) as e
group by e.domain_sessionid
"""


def _marks(name: str, key: str) -> Sql:
    """A merge model on the source: MIN, MAX, FIRST and LAST per `key`, nulls last in both directions."""

    def text(engine: str) -> str:
        return f"""
select
    {key},
    min(collector_tstamp) as first_seen,
    {first(engine, "event_id", "collector_tstamp", "event_id")} as first_event_id,
    {first(engine, "page_url", "collector_tstamp", "event_id", "page_url")} as landing_page,
    max(collector_tstamp) as last_seen,
    {last(engine, "event_id", "collector_tstamp", "event_id")} as last_event_id,
    {last(engine, "page_url", "collector_tstamp", "event_id", "page_url")} as exit_page,
    min(amount) as low_amount,
    {{other}}(amount) as other_amount
from atomic.events
group by {key}
"""

    order = ("collector_tstamp", "event_id", "page_url")
    numbered = f"""
with e as (
    select
        {key}, collector_tstamp, event_id, page_url, amount,
        row_number() over (partition by {key} order by {by_nulls_last(*order)}) as first_n,
        row_number() over (partition by {key} order by {by_nulls_last(*order, last=True)}) as last_n
    from atomic.events
)
select
    e.{key},
    min(e.collector_tstamp) as first_seen,
    max(case when e.first_n = 1 then e.event_id end) as first_event_id,
    max(case when e.first_n = 1 then e.page_url end) as landing_page,
    max(e.collector_tstamp) as last_seen,
    max(case when e.last_n = 1 then e.event_id end) as last_event_id,
    max(case when e.last_n = 1 then e.page_url end) as exit_page,
    min(e.amount) as low_amount,
    {{other}}(e.amount) as other_amount
from e
group by e.{key}
"""
    merge = (
        ("first_seen", "min"),
        ("first_event_id", "first(event_id by collector_tstamp)"),
        ("landing_page", "first(page_url by collector_tstamp, event_id)"),
        ("last_seen", "max"),
        ("last_event_id", "last(event_id by collector_tstamp)"),
        ("exit_page", "last(page_url by collector_tstamp, event_id)"),
        ("low_amount", "min"),
        ("other_amount", "{other}"),
    )
    columns = (key, *(column for column, _ in merge))
    texts = (("postgres", text("postgres")), *portable(numbered))
    return Sql(name, text("duckdb"), ("max", "min"), (SOURCE,), (key,), columns, merge=merge, texts=texts)


MODELS = (
    Sql(
        "page_views",
        _page_views(""),
        ("sum(amount)", "sum(amount * 2)"),
        key=("page_view_id",),
        columns=("page_view_id", "domain_sessionid", "start_tstamp", "page_url", "events", "amount"),
        texts=portable(_page_views(" nulls last")),
        unproven=True,  # the order is total over what is taken from the row, which the key-wise rule does not look at
    ),
    Sql(
        "sessions",
        _sessions("duckdb"),
        ("amount", "case when event_name = 'buy' then amount end"),
        key=("domain_sessionid",),
        columns=(
            *("domain_sessionid", "domain_userid", "start_tstamp", "end_tstamp"),
            *("events", "pages", "amount", "first_page"),
        ),
        texts=(("postgres", _sessions("postgres")), *portable(SESSIONS_PORTABLE)),
    ),
    Sql(
        "users",
        """
select
    domain_userid, min(start_tstamp) as first_tstamp, max(end_tstamp) as last_tstamp, count(*) as sessions,
    cast(sum(events) as bigint) as events, cast({other} as bigint) as amount
from derived.sessions
group by domain_userid
""",
        ("sum(amount)", "sum(amount * 2)"),
        ("derived.sessions",),
        ("domain_userid",),
        ("domain_userid", "first_tstamp", "last_tstamp", "sessions", "events", "amount"),
    ),
    Sql(
        "daily",
        """
select
    cast(start_tstamp as date) as session_date, count(*) as sessions, count(distinct domain_userid) as users,
    cast(sum(events) as bigint) as events, cast({other} as bigint) as amount
from derived.sessions as s
group by cast(start_tstamp as date)
""",
        ("sum(amount)", "sum(amount * 2)"),
        ("derived.sessions",),
        ("session_date",),
        ("session_date", "sessions", "users", "events", "amount"),
        "cast(start_tstamp as date)",
    ),
    Sql(
        "page_totals",
        "select page_url, count(*) as events, cast({other} as bigint) as amount from atomic.events group by page_url",
        ("sum(amount)", "sum(amount * 2)"),
        columns=("page_url", "events", "amount"),
    ),
    Sql(
        "totals",
        """
select
    count(*) as sessions, cast(sum(events) as bigint) as events, max(end_tstamp) as last_tstamp,
    cast({other} as bigint) as amount
from derived.sessions
""",
        ("sum(amount)", "sum(amount * 2)"),
        ("derived.sessions",),
        columns=("sessions", "events", "last_tstamp", "amount"),
    ),
    Sql(
        "user_events",
        """
select
    domain_userid, event_name, count(*) as events, cast({other} as bigint) as amount,
    max(collector_tstamp) as last_tstamp
from atomic.events
group by domain_userid, event_name
""",
        ("sum(amount)", "sum(amount * 2)"),
        key=("domain_userid", "event_name"),
        columns=("domain_userid", "event_name", "events", "amount", "last_tstamp"),
    ),
    Sql(
        "hits",
        """
-- a row an event, equal ones among them
select domain_sessionid, {other} as page_url
from atomic.events
""",
        ("page_url", "cast(page_url || '!' as varchar)"),
        key=("domain_sessionid",),
        columns=("domain_sessionid", "page_url"),
    ),
    Sql(
        "session_views",
        """
select
    s.domain_sessionid, s.events, count(v.page_view_id) as views, min(v.start_tstamp) as view_start_tstamp,
    cast({other} as bigint) as view_amount
from derived.sessions as s
left join derived.page_views as v on v.domain_sessionid = s.domain_sessionid
group by s.domain_sessionid, s.events
""",
        ("sum(v.amount)", "sum(v.amount * 2)"),
        ("derived.sessions", "derived.page_views"),
        ("domain_sessionid",),
        ("domain_sessionid", "events", "views", "view_start_tstamp", "view_amount"),
    ),
    Sql(
        "session_titles",
        """
select s.domain_sessionid, s.first_page, {other} as title
from derived.sessions as s
left join crm.pages as p on p.page_url = s.first_page
""",
        ("cast(p.title as varchar)", "cast(p.title || '!' as varchar)"),
        ("derived.sessions", PAGES),
        ("domain_sessionid",),
        ("domain_sessionid", "first_page", "title"),
    ),
    _marks("session_marks", "domain_sessionid"),
    _marks("user_marks", "domain_userid"),
)
BY_NAME = {model.name: model for model in MODELS}


def with_ancestors(names: Iterable[str]) -> set[str]:
    """These models and all that they read."""
    own = set(names)
    return own.union(*(BY_NAME[name].ancestors() for name in own))
