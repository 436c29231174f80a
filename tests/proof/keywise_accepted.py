"""Queries that are right key by key, and accepted."""

from __future__ import annotations

from tests.proof.keywise_query import DAY, PAIR, yes

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
    yes("select k, page, count(*) as n from s.events group by (k, page)"),
    yes("select k, page, count(*) as n from s.events group by ((1, 2))"),
    yes("select k, page, grouping(page) as g, count(*) as n from s.events group by k, rollup (page)"),
    yes("select k, grouping(k) as g from s.events group by k"),
    # a star that is grouped by
    yes("with v as (select k, page from s.events) select *, count(*) as n from v group by 1, 2"),
    yes("with v as (select page, k from s.events) select v.*, count(*) as n from v group by 2, 1"),
    yes("with v as (select page, k from s.events) select x.*, count(*) as n from v as x group by all"),
    yes(
        "with v as (select page as k, k as k2, x from s.events) select * exclude (k, k2), k2 as k from v group by 1, 2"
    ),
    yes("with v as (select k, x from s.events) select * replace (x + 1 as x), count(*) as n from v group by 1, 2"),
    yes("select e.*, count(*) as n from s.events e group by all"),
    yes(
        "with v as (select k, page from s.events) select *, row_number() over (partition by k order by page) as r from (select *, count(*) as n from v group by 1, 2)"
    ),
    yes(
        "with v as (select cast(t as date) as d, page from s.events) select *, count(*) as n from v group by rollup (2), 1",
        DAY,
    ),
    # what an outer join fills up is left out again
    yes("select s.k, e.page from s.events e left join s.sessions s on s.k = e.k where s.k is not null"),
    yes("select s.k, count(*) as n from s.events e left join s.sessions s on s.k = e.k where s.u = 'u' group by s.k"),
    yes(
        "select s.k, e.page from s.events e left join s.sessions s on s.k = e.k where s.u = 'u' or (s.n > 1 and e.x > 1)"
    ),
    yes(
        "select s.k, e.page from s.events e left join s.sessions s on s.k = e.k where not (lower(s.u) = 'u') and s.n + 1 in (2, 3)"
    ),
    yes("select l.k, e.page from s.events e left join s.lookup l on l.k = e.k where l.name not like 'L%'"),
    yes("select s.k, e.page from s.events e full join s.sessions s on s.k = e.k where s.n is not null"),
    yes(
        "select s.k, e.page from s.events e full join s.sessions s on s.k = e.k where e.page = 'p'  and s.u is not null"
    ),
    yes("select e.k, l.name from s.lookup l left join s.events e on e.k = l.k where e.page = 'p'"),
    yes(
        "select coalesce(e.k, l.k) as k, l.name from s.events e full join s.lookup l on l.k = e.k where e.event_id is not null"
    ),
    yes("select e.k, l.name from s.events e right join s.lookup l on l.k = e.k where e.event_id > 0"),
    yes(
        "select s.k, o.amount from s.events e left join s.sessions s on s.k = e.k left join s.orders o on o.k = s.k where o.amount > 1"
    ),
    yes(
        "select s.k, o.amount from s.events e left join s.sessions s on s.k = e.k join s.orders o on o.k = e.k and o.amount = s.n"
    ),
    yes("select k, lower(page) as page_lower, count(*) as n from s.events group by k, page_lower having count(*) > 1"),
    yes("select (k) as k, max(case when x > 1 then page end) as p from s.events group by (k) order by 2"),
    yes("select distinct k, page from s.events"),
    yes("select max(k) as k, count(*) as n from s.events group by k"),
    yes("select any_value(k) as k, page, count(*) from s.events group by k, page"),
    yes("select k, page, count(*) as n from s.events group by k, rollup (page)"),
    yes("select k, page, x, count(*) as n, max(k) as m from s.events group by grouping sets ((k, page), (x, k), k)"),
    yes("select k, page, x, sum(x) as s from s.events group by cube (page, x), k"),
    yes("select cast(t as date) as d, page, count(*) as n from s.events group by 1, rollup (page)", DAY),
    yes("select k, g, x, count(*) as n from s.pairs group by grouping sets ((k, g), (k, g, x))", PAIR),
    yes("select k, page, min(x) as x from s.events group by k, grouping sets (rollup (page), x)"),
    # calls that are not known, where no aggregate can stand
    yes("select k, max(printf('%d', x)) as p, sum(bit_count(x)) as b from s.events group by k"),
    yes(
        "select k, count(*) filter (where gcd(x, 2) = 1) as n from s.events where strip_accents(page) = 'p' group by k"
    ),
    yes("select k, string_agg(printf('%s', page), ',' order by epoch_us(t), event_id) as p from s.events group by k"),
    yes(
        "select e.k, count(*) as n from s.events e left join s.sessions s on s.k = e.k and gcd(s.n, e.x) > 1 group by e.k"
    ),
    yes("select o.k, (select max(jaccard(e.page, 'p')) from s.events e where e.k = o.k) as m from s.sessions o"),
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
    yes("select k, page, any_value(page) as p, count(*) as n from s.events group by k, page"),
    yes("select distinct on (k) k, x as event_id from s.events e order by k, e.event_id"),
    yes("select cast(t as date) as d, page from (select distinct t, page from s.events)", DAY),
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
    yes("select k, count(distinct page) over (partition by k) as n from s.events"),
    yes(
        "select e.k, first_value(s.k) over (partition by e.k order by e.t) as f from s.events e join s.sessions s on s.k = e.k"
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
    yes(
        "with a as (select k, count(*) as n from s.events group by k), b as (select k, sum(amount) as m from s.orders group by k) select k, n, row_number() over (partition by k order by m) as place from a full join b using (k)"
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
    # what equals the key is the key: through a third relation, of a look-up that is joined
    yes("select l.k, e.x from s.events e join s.lookup l on l.k = e.k"),
    yes("select l.k, count(*) as n from s.events e, s.lookup l where e.k = l.k group by l.k"),
    yes("select lower(l.k) as k, max(e.x) as x from s.lookup l join s.events e on e.k = lower(l.k) group by 1"),
    yes("select e.k, o.amount from s.events e, s.orders o, s.lookup l where e.k = l.k and o.k = l.k"),
    yes("select l.k, o.amount from s.lookup l join s.events e on e.k = l.k left join s.orders o on o.k = l.k"),
    yes("select e.k, o.amount from s.events e left join s.lookup l on l.k = e.k left join s.orders o on o.k = l.k"),
    yes(
        "select m.k, e.x from s.events e join s.lookup l on l.name = l.name join s.lookup m on m.k = l.k where l.k = e.k"
    ),
    yes(
        "select e.k, (select count(*) from s.orders o where o.k = l.k) as n from s.events e join s.lookup l on l.k = e.k"
    ),
    # dates in other words
    yes("select date_trunc('day', t)::date as d, count(*) as n from s.events group by 1", DAY),
    yes("select date(t) as d, max(x) as x from s.events group by date(t)", DAY),
    yes("select cast(cast(date_trunc('DAY', t) as date) as date) as d, count(*) as n from s.events group by all", DAY),
    # some rows of a look-up, and the first value of a frame that begins with the partition
    yes(
        "select e.k, p.name from s.events e left join lateral (select l.name from s.lookup l where l.page = e.page order by l.name limit 1) p on true"
    ),
    yes(
        "select e.k, l.name from s.events e join (select name from s.lookup order by name desc limit 1) l on l.name > e.page"
    ),
    yes(
        "select k, event_id, first_value(t) over (partition by k order by t desc nulls last rows unbounded preceding) as f from s.events"
    ),
    yes(
        "select k, event_id, last_value(t) over (partition by k order by t rows between current row and unbounded following) as f from s.events"
    ),
]
