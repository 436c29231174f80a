"""The queries of test_keywise: what is accepted, and what is refused with its reason."""

# ruff: noqa: E501 (one query is one line)

from __future__ import annotations

from dataclasses import dataclass

from runner.names import TableName
from runner.proof.keywise import Tracked
from tests.proof.keywise_world import BY_DAY, BY_K, BY_PAIR

KEYS = "keys"  # restricted to some keys it gives other rows for them
ORDER = "order"  # rows inserted in another order give another answer
CLOCK = "clock"  # asked again it gives another answer
DRY = "dry"  # DuckDB cannot run it, or not show it here: `why`
MAYBE = "maybe"  # may well be right; refused because it cannot be shown: `why`
K = ("k",)


@dataclass(frozen=True)
class Good:
    """A query that is right key by key."""

    sql: str
    key: tuple[str, ...] = K
    tracked: dict[TableName, Tracked] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.tracked is None:
            object.__setattr__(self, "tracked", BY_K if self.key == K else BY_DAY if self.key == ("d",) else BY_PAIR)


@dataclass(frozen=True)
class No(Good):
    """A query that is refused: the reason, and how data show it."""

    reason: str = ""
    shows: str = KEYS
    why: str = ""
    dialect: str = "duckdb"


DAY, PAIR = ("d",), ("k", "g")


def no(
    sql: str, reason: str, shows: str = KEYS, key: tuple[str, ...] = K, why: str = "", dialect: str = "duckdb"
) -> No:
    return No(sql, key, reason=reason, shows=shows, why=why, dialect=dialect)


def yes(sql: str, key: tuple[str, ...] = K) -> Good:
    return Good(sql, key)


ACCEPTED = [
    # rows and groups
    yes("select k, page, x from s.events"),
    yes(
        "select k, abs(jaccard(page, 'p')) as j, count(*) as n from s.events where jaccard(page, 'p') > 0 group by k, abs(jaccard(page, 'p'))"
    ),
    yes("select * from s.events"),
    yes("from s.events"),
    yes("select e.* exclude (items) from s.events e where x > 1"),
    yes("select * replace (coalesce(page, '-') as page) from s.events"),
    yes("select K, count(*) as n from S.Events group by K"),
    yes(
        "select k, count(*) as n, sum(x), min(t), max(t), avg(x), count(distinct page), median(x) from s.events group by k"
    ),
    yes(
        "select k, count(*) filter (where page = 'p') as n, bool_or(x > 1), quantile_cont(x, 0.5) from s.events group by 1"
    ),
    yes("select k, page, count(*) as n from s.events group by all"),
    yes("select k, lower(page) as page_lower, count(*) as n from s.events group by k, page_lower having count(*) > 1"),
    yes("select (k) as k, max(case when x > 1 then page end) as p from s.events group by (k) order by 2"),
    yes("select distinct k, page from s.events"),
    yes("select max(k) as k, count(*) as n from s.events group by k"),
    yes("select any_value(k) as k, page, count(*) from s.events group by k, page"),
    # order
    yes("select k, first(page order by t, event_id) as landing from s.events group by k"),
    yes("select k, last(page order by t nulls first, page) as exit from s.events group by k"),
    yes(
        "select k, string_agg(page, ',' order by t, event_id) as path, list(x order by x) as xs from s.events group by k"
    ),
    yes("select k, array_agg(distinct page order by page) as pages, list_sort(list(x)) as xs from s.events group by k"),
    yes("select k, string_agg(distinct page, ',' order by page) as pages from s.events group by k"),
    yes("select k, arg_min(page, event_id) as p, arg_max(page, (t, event_id)) as q from s.events group by k"),
    yes("select distinct on (k) k, page from s.events order by k, t desc, event_id"),
    yes("select distinct on (k) k, page, t from s.events order by k, t desc, page"),
    yes("select distinct on (k, page) k, page from s.events"),
    yes("select k, page from s.events qualify row_number() over (partition by k order by t, event_id) = 1"),
    yes(
        "select k, page, row_number() over w as n, lag(page) over w as before from s.events window w as (partition by k order by t, event_id)"
    ),
    yes(
        "select k, page, rank() over (partition by k order by t), dense_rank() over (partition by k order by x) from s.events"
    ),
    yes(
        "select k, x, sum(x) over (partition by k order by t) as so_far, count(*) over (partition by k, page) from s.events"
    ),
    yes(
        "select k, sum(x) over (partition by k order by t, event_id rows between 1 preceding and current row) as s2 from s.events"
    ),
    yes(
        "select k, max(x) over (partition by k rows between unbounded preceding and unbounded following) as m from s.events"
    ),
    yes("select k, first_value(page) over (partition by k order by t, page) as f from s.events"),
    yes("select k, last_value(page) over (partition by k order by t, page) as l from s.events"),
    yes(
        "select k, count(*) over (partition by k order by t range between interval 1 hour preceding and current row) as h from s.events where t is not null"
    ),
    yes("select k, ntile(2) over (partition by k order by event_id) as half, page from s.events"),
    yes(
        "select k, page, n from (select k, page, count(*) as n from s.events group by k, page) where page is not null qualify row_number() over (partition by k order by n desc, page) = 1"
    ),
    yes(
        "select k, page, row_number() over (partition by k order by count(*) desc, page) as place from s.events group by k, page"
    ),
    yes(
        "select k, n, sum(n) over (partition by k) as every from (select k, page, count(*) as n from s.events group by 1, 2)"
    ),
    yes("select k, count(*) as n, sum(count(*)) over (partition by k) as m from s.events group by k, page"),
    # CTEs
    yes(
        "with r as (select *, row_number() over (partition by k order by t, event_id) as n from s.events) select k, page from r where n = 1"
    ),
    yes(
        "with r as (select k, page, t, row_number() over (partition by k order by t, event_id) as n from s.events), one as (select k, page from r where n = 1) select k, first(page) as page from one group by k"
    ),
    yes(
        "with a as (select k, count(*) as n from s.events group by k), b as (select k, sum(amount) as m from s.orders group by k) select a.k, n, m from a left join b on a.k = b.k"
    ),
    yes(
        "with a as (select k, count(*) as n from s.events group by k), b as (select k, sum(amount) as m from s.orders group by k) select k, n, m from a full join b using (k)"
    ),
    yes(
        "with a as (select k, count(*) as n from s.events group by k), b as (select k, sum(amount) as m from s.orders group by k) select coalesce(a.k, b.k) as k, n, m from a full outer join b on a.k = b.k"
    ),
    yes(
        "with a as (select k, count(*) as n from s.events group by k), b as (select k, sum(amount) as m from s.orders group by k) select k, a.n, m, s.u from a full join b using (k) full join s.sessions s using (k)"
    ),
    yes("with events as (select * from s.events where x is not null) select k, sum(x) as x from events group by k"),
    yes("with a(key, p) as (select k, page from s.events) select key as k, p from a"),
    yes(
        "with a as (select k, page from s.events), b as (select * from a), c as (select * from b) select k, count(*) from c group by k"
    ),
    yes("select k, n from (select k, count(*) as n from s.events group by k) as g(k, n)"),
    yes("with a as (select k as kk, t from s.events) select kk as k, min(t) as t from a group by kk"),
    # joins
    yes("select e.k, e.page, s.u from s.events e join s.sessions s on s.k = e.k"),
    yes("select e.k, e.page, s.u from s.events e join s.sessions s on s.k = e.k and e.t::date = s.d"),
    yes("select e.k, s.u, count(*) from s.events e left join s.sessions s using (k) group by e.k, s.u"),
    yes("select k, s.u, count(*) from s.events e left join s.sessions s using (k) group by k, s.u"),
    yes("select s.k, e.page from s.events e right join s.sessions s on s.k = e.k"),
    yes("select e.k, e.page, o.amount from s.events e, s.orders o where e.k = o.k and e.x = o.amount"),
    yes("select e.k, o.amount from s.events e cross join s.orders o where o.k = e.k"),
    yes("select e.k, o.amount, s.u from s.events e join s.orders o on e.k = o.k join s.sessions s on o.k = s.k"),
    yes(
        "select e.k, o.amount, s.u from s.events e left join s.orders o on e.k = o.k and o.amount > 1 left join s.sessions s on o.k = s.k"
    ),
    yes("select e.k, s.u from s.events e left join s.sessions s on e.k is not distinct from s.k"),
    yes("select e.k, e.page from s.events e semi join s.orders o on o.k = e.k"),
    yes("select e.k, e.page from s.events e anti join s.orders o using (k)"),
    yes("select a.k, a.page, b.page as other from s.events a join s.events b on a.k = b.k and a.event_id < b.event_id"),
    yes(
        "select a.k, a.n, b.n as m from (select k, count(*) as n from s.events group by k) a join (select k, count(*) as n from s.orders group by k) b on (a.k = b.k)"
    ),
    yes(
        "select s.k, s.u, e.n from (s.sessions s left join (select k, count(*) as n from s.events group by k) e on e.k = s.k)"
    ),
    yes(
        "select e.k, e.event_id, s.u, row_number() over (partition by e.k order by e.event_id) as n from s.events e left join s.sessions s on s.k = e.k"
    ),
    # look-ups
    yes("select e.k, e.page, l.name from s.events e left join s.lookup l on l.id = e.x"),
    yes("select e.k, count(l.name) as n from s.events e join s.lookup l on l.page = e.page group by e.k"),
    yes("select e.k, l.name from s.lookup l join s.events e on l.id = e.x"),
    yes("select e.k, l.name from s.lookup l right join s.events e on l.id = e.x"),
    yes(
        "with l as (select id, max(name) as name from s.lookup group by id) select e.k, e.event_id, l.name, row_number() over (partition by e.k order by e.t, e.event_id) as n from s.events e left join l on l.id = e.x"
    ),
    yes("select k, x, (select max(name) from s.lookup) as m from s.events where x in (select id from s.lookup)"),
    yes("select e.k, p.top from s.events e cross join (select max(id) as top from s.lookup) p"),
    yes("select e.k, v.a from s.events e join (values (1, 'one'), (2, 'two')) v(id, a) on v.id = e.x"),
    yes("select e.k, g.i from s.events e, generate_series(1, 2) g(i) where g.i <= e.x"),
    yes("select e.k, count(distinct u.item) as n from s.events e, unnest(e.items) as u(item) group by e.k"),
    yes("select k, unnest(items) as item from s.events"),
    yes("select e.k, l.m from s.events e, lateral (select e.x + 1 as m) l"),
    # set operations
    yes("select k, t from s.events union all select k, t from s.orders"),
    yes("select k, page from s.events union select k, page from s.orders"),
    yes(
        "with u as (select k, t, 'event' as kind from s.events union all select k, t, 'order' from s.orders) select k, kind, min(t) from u group by k, kind"
    ),
    yes("select k, page from s.events intersect select k, page from s.orders"),
    yes("select k, page from s.events except select k, page from s.lookup"),
    yes("select k from s.events except select k from s.orders"),
    yes("select k, page from s.lookup intersect select k, page from s.events"),
    yes("(select k, page from s.events) union all (select k, page from s.orders order by amount) order by 1"),
    # subqueries
    yes("select k, u from s.sessions o where exists (select 1 from s.events e where e.k = o.k and e.x > 1)"),
    yes("select k, u from s.sessions o where not exists (select 1 from s.events e where o.k = e.k)"),
    yes("select o.k, (select count(*) from s.events e where e.k = o.k) as n from s.sessions o"),
    yes(
        "select o.k, (select e.page from s.events e where e.k = o.k order by e.t, e.event_id limit 1) as p from s.sessions o"
    ),
    yes("select k, page from s.events where k in (select k from s.orders where amount > 1)"),
    yes("select k, page from s.events e where x in (select amount from s.orders o where o.k = e.k)"),
    yes(
        "select k, page from s.events e where x not in (select amount from s.orders o where o.k = e.k and amount is not null)"
    ),
    yes(
        "select o.k, n.n from s.sessions o left join lateral (select count(*) as n, max(page) as p from s.events e where e.k = o.k) n on true"
    ),
    yes("select k, x from s.events e where t = (select max(t) from s.events f where f.k = e.k)"),
    yes(
        "select k, case when exists (select 1 from s.orders o where o.k = e.k) then 'buyer' else 'visitor' end as kind from s.sessions e"
    ),
    yes(
        "select o.k from s.sessions o where exists (select 1 from s.events e join s.orders p on p.k = e.k where e.k = o.k)"
    ),
    # key expressions and composite keys
    yes("select cast(t as date) as d, count(*) as n from s.events group by 1", DAY),
    yes("select t::date as d, page, count(distinct k) as n from s.events group by t::date, page", DAY),
    yes("select t::date as d, count(*) as n from s.events group by d", DAY),
    yes(
        "with e as (select cast(T as DATE) as day, x from s.events) select day as d, sum(x) as x from e group by day",
        DAY,
    ),
    yes(
        "select e.t::date as d, count(*) as n, max(s.n) as m from s.events e left join s.sessions s on s.d = e.t::date group by 1",
        DAY,
    ),
    yes("select k, g, sum(x) as x from s.pairs group by k, g", PAIR),
    yes("select g, count(*) as n, k from s.pairs group by all", PAIR),
    yes("select p.k, p.g, p.x, n.note from s.pairs p left join s.notes n on n.k = p.k and n.g = p.g", PAIR),
    yes("select k, g, p.x, n.note from s.pairs p join s.notes n using (k, g)", PAIR),
    yes("select k, g, first(x order by pair_id) as x from s.pairs group by g, k", PAIR),
    yes("select p.k, p.g from s.pairs p where (k, g) in (select k, g from s.notes)", PAIR),
    yes("select p.k, p.g from s.pairs p where exists (select 1 from s.notes n where (n.k, n.g) = (p.k, p.g))", PAIR),
    yes(
        "select p.k, p.g, n.note from s.pairs p left join s.notes n on n.k is not distinct from p.k and n.g is not distinct from p.g",
        PAIR,
    ),
]

REFUSED = [
    # groups
    no("select page as k, count(*) as n from s.events group by page", "does not contain the key k"),
    no("select max(k) as k, count(*) as n from s.events", "without group by"),
    no("select any_value(k) as k, page, count(*) as n from s.events group by page", "does not contain the key k"),
    no(
        "with a as (select page, count(*) as n from s.events group by page) select e.k, a.n from s.events e join a on a.page = e.page",
        "group by page does not contain",
    ),
    no("select k, g, count(*) as n from s.pairs group by rollup (k, g)", "adds totals", key=PAIR),
    no("select k, g, count(*) as n from s.pairs group by grouping sets ((k, g), (g))", "adds totals", key=PAIR),
    no("select k, g, count(*) as n from s.pairs group by cube (k, g)", "adds totals", key=PAIR),
    no(
        "select upper(k) as k, count(*) as n from s.events group by upper(k)",
        "does not contain the key",
        MAYBE,
        why="upper() could map two keys to one",
    ),
    no("select e.k, count(*) over () as n from s.events e", "does not contain the key k"),
    no("select k, row_number() over (order by event_id) as n from s.events", "does not contain the key k"),
    no("select k, page, count(*) over (partition by page) as n from s.events", "partition by page does not contain"),
    no(
        "select k, rank() over w as r from s.events window w as (partition by page order by t)",
        "partition by page does not contain",
    ),
    no("select k, page from s.events qualify count(*) over (partition by x) > 3", "partition by x does not contain"),
    no(
        "with p as (select distinct page from s.events) select e.k, p.page from s.events e left join p on p.page > e.page",
        "select distinct does not put out the key",
    ),
    no("select distinct on (page) k, page from s.events order by page, event_id", "does not contain the key"),
    no(
        "select k, n from (select k, count(*) as n from s.sessions group by k having count(*) > (select count(*) from s.events) / 9)",
        "without group by",
    ),
    no("select e.k, t.n from s.events e cross join (select count(*) as n from s.events) t", "without group by"),
    no("select k, x from s.events where x > (select avg(x) from s.events)", "without group by"),
    # the output key
    no("select page, x, event_id::varchar as k from s.events", "output column k is not the key"),
    no("select page as k, k as page from s.events", "output column k is not the key"),
    no("select lower(k) || page as k, x from s.events", "output column k is not the key"),
    no("select coalesce(k, 'a') as k, x from s.events", "output column k is not the key"),
    no("select page from s.events", "no output column k", DRY, why="there is no key to compare by"),
    no(
        "select o.k, s.u from s.events s2 left join s.orders o on o.k = s2.k left join s.sessions s on s.k = s2.k",
        "optional side",
        MAYBE,
        why="rows without the key are left out here; with a second key column they would not be",
    ),
    no(
        "select s.k, count(*) as n from s.events e left join s.sessions s on s.k = e.k and s.u = 'u' group by s.k",
        "does not contain the key",
        MAYBE,
        why="the group without the key is left out here",
    ),
    no("select p.k, n.g, p.x from s.pairs p left join s.notes n on n.k = p.k and n.g = p.g", "optional side", key=PAIR),
    no("select g as k, k as g, x from s.pairs", "is not the key", DRY, PAIR, why="the columns have other types"),
    no("select cast(t as date) + 1 as d, count(*) as n from s.events group by 1", "does not contain the key", key=DAY),
    no(
        "select date_trunc('month', t)::date as d, count(*) as n from s.events group by 1",
        "does not contain the key",
        key=DAY,
    ),
    no(
        "select (t + interval 1 day)::date as d, count(*) as n from s.events group by d",
        "does not contain the key",
        key=DAY,
    ),
    no("select k, sum(x) as g from s.pairs group by k", "group by k does not contain the key k, g", key=PAIR),
    no("select 1 as one, k from s.lookup", "reads no tracked input"),
    # joins
    no(
        "select e.k, o.amount from s.events e join s.orders o on o.page = e.page",
        "not joined by equality on the whole key",
    ),
    no(
        "select e.k, o.amount from s.events e left join s.orders o on o.page = e.page",
        "not joined by equality on the whole key",
    ),
    no("select e.k, o.amount from s.events e, s.orders o", "not joined by equality"),
    no("select e.k, o.amount from s.events e join s.orders o on o.k = e.k or o.amount = e.x", "not joined by equality"),
    no("select e.k, o.amount from s.events e join s.orders o on o.k <> e.k", "not joined by equality"),
    no("select e.k, o.amount from s.events e left join s.orders o on o.k >= e.k", "not joined by equality"),
    no(
        "select a.k, b.page as other from s.events a join s.events b on a.event_id = b.event_id + 1",
        "not joined by equality",
    ),
    no("select l.k, e.page from s.lookup l left join s.events e on e.k = l.k", "look-up is on the preserved side"),
    no(
        "select coalesce(e.k, l.k) as k, l.name from s.events e full join s.lookup l on l.k = e.k",
        "look-up is on the preserved side",
    ),
    no(
        "select l.k, l.name, e.page from s.events e right join s.lookup l on l.k = e.k",
        "look-up is on the preserved side",
    ),
    no(
        "select e.k, e.page, s.u from s.events e full join s.sessions s on s.k = e.k",
        "optional side",
        MAYBE,
        why="rows without the key are left out here",
    ),
    no("select p.k, p.g, n.note from s.pairs p left join s.notes n on n.k = p.k", "whole key k, g", key=PAIR),
    no("select p.k, p.g, n.note from s.pairs p join s.notes n using (k)", "whole key k, g", key=PAIR),
    no(
        "select p.k, n.g, count(*) as c from s.pairs p left join s.notes n on n.k = p.k and n.g = p.g group by p.k, n.g",
        "does not contain the key",
        key=PAIR,
    ),
    no(
        "select e.k, s.u from s.events e left join s.sessions s on e.k = s.k left join s.orders o on o.k is not distinct from s.k",
        "not joined by equality",
    ),
    no("select e.k, e.page from s.events e anti join s.orders o on o.page = e.page", "not joined by equality"),
    no("select e.k, e.page from s.events e semi join s.orders o on o.page = e.page", "not joined by equality"),
    no(
        "select k, page from s.events natural join s.sessions",
        "natural join",
        MAYBE,
        why="the common columns are not known offline",
    ),
    no("select e.k, o.amount from s.events e asof join s.orders o on o.k = e.k and e.t >= o.t", "asof join", ORDER),
    no("select e.k, o.amount from s.events e positional join s.orders o", "positional join", KEYS),
    no(
        "select e.k, g.i from generate_series(1, 2) g(i) left join s.events e on e.x = g.i",
        "preserved side",
        MAYBE,
        why="its unmatched rows have a null key here",
    ),
    no(
        "select coalesce(e.k, 'z') as k, i from generate_series(1, 2) g(i) left join s.events e on e.x = g.i",
        "preserved side",
        KEYS,
    ),
    # set operations
    no("select k, page from s.events union all select k, page from s.lookup", "reads no tracked input"),
    no("select k, page from s.events union all select page, k from s.orders", "same position"),
    no("select k, page from s.lookup except select k, page from s.events", "reads no tracked input"),
    no(
        "select k, page from s.events union by name select page, k from s.orders",
        "by name",
        MAYBE,
        why="only positions are followed",
    ),
    no(
        "select * from s.events union all select * from s.events where x > 1",
        "same position",
        MAYBE,
        why="the positions of columns are not known offline",
    ),
    no(
        "with p as (select page, x from s.events union select page, amount from s.orders) select e.k, p.page from s.events e left join p on true",
        "same position",
    ),
    # subqueries
    no("select k, u from s.sessions where exists (select 1 from s.events where x > 2)", "not tied to the outer row"),
    no(
        "select k, u from s.sessions o where exists (select 1 from s.events e where e.x = o.n)",
        "not tied to the outer row",
    ),
    no("select k, page from s.events where x in (select amount from s.orders)", "not tied to the outer row"),
    no("select k, page from s.events where k not in (select k from s.orders)", "not tied to the outer row"),
    no("select k, k in (select k from s.orders) as b from s.events", "not tied to the outer row"),
    no(
        "select o.k, (select count(*) from s.events e where e.page = o.u) as n from s.sessions o",
        "without group by",
        MAYBE,
        why="page and u have no value in common here",
    ),
    no("select o.k, (select count(*) from s.events e where e.x = o.n) as n from s.sessions o", "without group by"),
    no("select o.k, (select max(e.page) from s.events e where e.k >= o.k) as n from s.sessions o", "without group by"),
    no(
        "select o.k, n.n from s.sessions o, lateral (select count(*) as n from s.events e where e.x = o.n) n",
        "without group by",
    ),
    no(
        "select p.k, p.g, (select count(*) from s.notes n where n.k = p.k) as c from s.pairs p",
        "without group by",
        key=PAIR,
    ),
    no("select k, array(select page from s.orders o where o.k = e.k) as pages from s.events e", "in any order", ORDER),
    no(
        "select k, u from s.sessions where k in (select k from s.lookup where id in (select amount from s.orders where page = 'p'))",
        "not tied",
    ),
    # order
    no("select k, first(page) as p from s.events group by k", "takes rows in any order", ORDER),
    no("select k, first(page order by t) as p from s.events group by k", "leaves rows of a key alike", ORDER),
    no("select k, any_value(page) as p from s.events group by k", "takes rows in any order", ORDER),
    no("select k, arg_min(page, t) as p from s.events group by k", "leaves rows of a key alike", ORDER),
    no("select k, max_by(page, x) as p from s.events group by k", "leaves rows of a key alike", ORDER),
    no("select k, string_agg(page, ',') as p from s.events group by k", "takes rows in any order", ORDER),
    no("select k, list(page order by t) as p from s.events group by k", "leaves rows of a key alike", ORDER),
    no("select k, array_agg(x) filter (where x > 1) as p from s.events group by k", "takes rows in any order", ORDER),
    no(
        "select k, mode(page) as p from s.events group by k",
        "equally frequent",
        DRY,
        why="DuckDB happens to take the same one",
    ),
    no(
        "select k, page from s.events qualify row_number() over (partition by k order by t) = 1",
        "leaves rows of a key alike",
        ORDER,
    ),
    no(
        "select k, amount, row_number() over (partition by k order by order_id) as n from s.orders",
        "leaves rows of a key alike",
        ORDER,
    ),
    no(
        "select k, event_id, lag(page) over (partition by k order by t) as p from s.events",
        "leaves rows of a key alike",
        ORDER,
    ),
    no(
        "select k, event_id, lead(page) over (partition by k order by t, page) as p from s.events",
        "leaves rows of a key alike",
        ORDER,
    ),
    no(
        "select k, event_id, first_value(page) over (partition by k order by t) as p from s.events",
        "leaves rows of a key alike",
        ORDER,
    ),
    no(
        "select k, event_id, sum(x) over (partition by k order by t rows between 1 preceding and current row) as s2 from s.events",
        "leaves rows of a key alike",
        ORDER,
    ),
    no(
        "select k, event_id, ntile(2) over (partition by k order by t) as h from s.events",
        "leaves rows of a key alike",
        ORDER,
    ),
    no("select distinct on (k) k, page from s.events order by k, t", "takes any of the rows", ORDER),
    no(
        "select distinct on (k) k, page as event_id, x from s.events order by k, event_id",
        "takes any of the rows",
        ORDER,
    ),
    no(
        "select o.k, (select e.page from s.events e where e.k = o.k order by e.t limit 1) as p from s.sessions o",
        "leaves rows of a key alike",
        ORDER,
    ),
    no(
        "select e.k, e.event_id, l.name, row_number() over (partition by e.k order by e.event_id) as n from s.events e left join s.lookup l on l.id = e.x",
        "leaves rows of a key alike",
        ORDER,
    ),
    no(
        "select k, i, row_number() over (partition by k order by event_id) as n from s.events, unnest(items) as u(i)",
        "leaves rows of a key alike",
        DRY,
        why="DuckDB happens to keep the order of the array",
    ),
    no(
        "with l as (select id, name, row_number() over (partition by id order by id) as n from s.lookup) select e.k, l.name from s.events e join l on l.id = e.x and n = 1",
        "leaves rows of a key alike",
        ORDER,
    ),
    no(
        "with a as (select k, event_id from s.events union all select k, order_id from s.orders) select k, event_id, row_number() over (partition by k order by event_id) as n from a",
        "leaves rows",
        MAYBE,
        why="equal rows are put out whole here",
    ),
    # limits, samples, the clock, chance
    no("select k, page from s.events order by t, event_id limit 3", "limit 3 takes some rows"),
    no("select k, page from s.events order by event_id offset 2", "takes some rows"),
    no("select k, page from (select * from s.events order by event_id limit 5)", "takes some rows"),
    no("select k, page from s.events union all (select k, page from s.orders limit 2)", "takes some rows"),
    no(
        "select k, page from s.events union all select k, page from s.orders order by 2, 1 limit 3",
        "counts rows of all keys",
    ),
    no("select k, page from s.events tablesample bernoulli(50%)", "takes a sample", CLOCK),
    no("select k, page from s.events using sample 3 rows", "takes a sample", CLOCK),
    no("select k, now() as at from s.events", "another answer on every run", CLOCK),
    no(
        "select k, page from s.events where t < current_date",
        "another answer on every run",
        DRY,
        why="it takes a day to show",
    ),
    no(
        "select k, clock_timestamp() as at from s.events",
        "another answer on every run",
        DRY,
        why="Postgres only",
        dialect="postgres",
    ),
    no("select k, random() as r from s.events", "is random", CLOCK),
    no("select k, uuid() as r from s.events", "is random", CLOCK),
    no("select k, nextval('s.seq') as r from s.events", "depends on the session", CLOCK),
    no("select k, current_user as r from s.events", "depends on the session", DRY, why="it takes another user to show"),
    no("select k, age(t) as r from s.events", "another answer on every run", DRY, why="it takes a day to show"),
    no(
        "select k, timestamp 'today' as r from s.events",
        "another answer on every run",
        DRY,
        why="Postgres only",
        dialect="postgres",
    ),
    no(
        "select k, sysdate as r from s.events",
        "another answer on every run",
        DRY,
        why="Redshift only",
        dialect="redshift",
    ),
    no("select k, rowid as r, page from s.events", "place in storage", ORDER),
    no(
        "select e.k, l.name from s.events e join (select id, name, random() as r from s.lookup) l on l.id = e.x where l.r > 0.5",
        "is random",
        CLOCK,
    ),
    no(
        "with recursive a as (select k, 1 as n from s.events union select k, n + 1 from a where n < 3) select k, n from a",
        "with recursive",
        MAYBE,
        why="recursion is not followed",
    ),
    no(
        "select k, my_median(x) as m from s.events group by k",
        "is an aggregate that is not known",
        DRY,
        why="no such function",
    ),
    no("select k, grouping(k) as m from s.events group by k", "grouping sets", MAYBE, why="it is always 0"),
    no(
        "from s.orders pivot (sum(amount) for order_id in (1, 2) group by k)",
        "pivots",
        MAYBE,
        why="a pivot grouped by the key is right",
    ),
    no(
        "from s.orders pivot (sum(amount) for order_id in (1, 2))",
        "pivots",
        MAYBE,
        why="its groups are all other columns",
    ),
    no("select r.k, r.n from s.events e, read_csv('x.csv') r", "not known here", DRY, why="there is no such file"),
    # scopes and stars
    no(
        "with a as (select l.*, e.k from s.events e left join s.lookup l on l.id = e.x) select k, name, count(*) as n from a group by k, name",
        "does not contain the key",
    ),
    no("select * from s.lookup l join s.events e on e.x = l.id", "no output column k"),
    no("select o.k, (select max(page) from s.events e where k = k) as n from s.sessions o", "without group by"),
    no(
        "select k, u from s.sessions o where exists (select 1 from s.events where k = k and x > 2)",
        "not tied to the outer row",
    ),
    no(
        "with a as (select page as k, x from s.events) select k, sum(x) as x from a group by k",
        "does not contain the key",
    ),
    no(
        "with a as (select k, x from s.events), b as (select k, n from s.sessions) select a.k, sum(b.n) as n from a left join b on a.x = b.n group by a.k",
        "not joined by equality",
    ),
    no("select k, columns('p.*') from s.events", "no output column k", MAYBE, why="the names are not known offline"),
]
