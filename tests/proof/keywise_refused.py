"""Queries that are refused, each with its reason."""

from __future__ import annotations

from tests.proof.keywise_query import CLOCK, DAY, DRY, KEYS, MAYBE, ORDER, PAIR, no

REFUSED = [
    # groups
    no("select page as k, count(*) as n from s.events group by page", "does not contain the key k"),
    no("select max(k) as k, count(*) as n from s.events", "without group by"),
    no("select any_value(k) as k, page, count(*) as n from s.events group by page", "does not contain the key k"),
    no(
        "with a as (select page, count(*) as n from s.events group by page) select e.k, a.n from s.events e join a on a.page = e.page",
        "group by page does not contain",
    ),
    no(
        "with v as (select page, k from s.events) select *, count(*) as n from v group by 1",
        "does not contain the key k",
        DRY,
        why="k stands outside of the groups",
    ),
    no(
        "with v as (select page, k from s.events) select * exclude (k), max(k) as k from v group by 1",
        "does not contain the key k",
    ),
    no(
        "with v as (select k, page from s.events) select * replace (page as k) from v group by all",
        "does not contain the key k",
    ),
    no(
        "with v as (select k as page, page as k from s.events) select *, count(*) as n from v group by 1, 2",
        "is not the key",
    ),
    no(
        "select *, count(*) as n from s.events group by 1, 2, 3, 4, 5, 6",
        "does not contain the key k",
        MAYBE,
        why="the place of k is not known offline",
    ),
    no(
        "select e.* exclude (k, items, event_id, t), max(k) as k from s.events e group by all",
        "does not contain the key k",
    ),
    no("select k, g, count(*) as n from s.pairs group by rollup (k, g)", "adds totals", key=PAIR),
    no("select k, g, count(*) as n from s.pairs group by grouping sets ((k, g), (g))", "adds totals", key=PAIR),
    no("select k, g, count(*) as n from s.pairs group by cube (k, g)", "adds totals", key=PAIR),
    no(
        "select k, page, count(*) as n from s.events group by rollup (k, page)",
        "adds totals",
        MAYBE,
        why="the total is under no key here",
    ),
    no("select coalesce(k, 'a') as k, page, count(*) as n from s.events group by k, rollup (page)", "is not the key"),
    no(
        "select page, count(*) as n, coalesce(k, 'a') as k from s.events group by grouping sets ((k, page), page)",
        "adds totals",
    ),
    no(
        "select coalesce(s.k, 'a') as k, s.n, e.k as other from s.sessions s join s.events e on e.k = s.k group by grouping sets ((s.k, s.n), (e.k))",
        "adds totals",
    ),
    no(
        "select k, page, any_value(page) as p from s.events group by k, rollup (page)", "takes rows in any order", ORDER
    ),
    no(
        "select d, count(*) as n from (select t, cast(t as date) as d from s.events group by cast(t as date), rollup (t)) group by d",
        "adds totals",
        MAYBE,
        DAY,
        "a time that is null in some sets could pass for the key",
    ),
    no(
        "select k, n from s.sessions o where (select my_median(e.x) from s.events e where e.k = o.k) > 1",
        "is an aggregate that is not known",
        DRY,
        why="no such function",
    ),
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
    no(
        "select s.k, o.amount from (s.sessions s join s.events e on e.k = s.k) join s.orders o on o.amount = e.x",
        "not joined by equality",
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
        "select k, u from s.sessions where k in (select k from s.lookup where id in (select amount from s.orders))",
        "not tied",
    ),
    no(
        "select o.k, (select max(o.n) from s.events e where e.k = o.k) as m from s.sessions o",
        "aggregates columns of the outer query",
        MAYBE,
        why="DuckDB takes the rows of the subquery, Postgres those of the outer query",
    ),
    no(
        "select e.k, e.event_id, u.x from s.events e, unnest((select list(x order by event_id) from s.events)) as u(x)",
        "without group by",
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
    no(
        "with b as (select k, count(*) as m from s.orders group by k) select k, e.event_id, row_number() over (partition by k order by b.m) as n from s.events e full join b using (k)",
        "leaves rows of a key alike",
        ORDER,
    ),
    no(
        "select k, page from s.events start with page = 'p' connect by prior x = event_id",
        "uses connect",
        DRY,
        why="Snowflake only",
        dialect="snowflake",
    ),
    no(
        "with a as (select k, page, x from s.events union select k, page, amount from s.orders) select k, page, x, row_number() over (partition by k order by page) as n from a",
        "leaves rows of a key alike",
        ORDER,
    ),
    no(
        "select e.k, first((select max(l.id) from s.lookup l where l.page = e.page) order by e.t) as p from s.events e group by e.k",
        "leaves rows of a key alike",
        ORDER,
    ),
    no(
        "select distinct on (k) k, * exclude (k) from s.events order by k, t",
        "takes any of the rows",
        ORDER,
    ),
    no(
        "select e.k, e.event_id, row_number() over (partition by e.k order by e.t) as n from s.events e join s.sessions s on s.k = e.k",
        "leaves rows of a key alike",
        ORDER,
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
    # what an outer join fills up and WHERE lets pass
    no(
        "select s.k, e.page from s.events e left join s.sessions s on s.k = e.k where s.k is null or s.u = 'u'",
        "optional side",
    ),
    no(
        "select s.k, e.page from s.events e left join s.sessions s on s.k = e.k where coalesce(s.u, 'u') = 'u'",
        "optional side",
    ),
    no(
        "select s.k, e.page from s.events e left join s.sessions s on s.k = e.k where s.u is distinct from 'u'",
        "optional side",
    ),
    no(
        "select s.k, e.page from s.events e left join s.sessions s on s.k = e.k where s.u = 'u' or e.x > 1",
        "optional side",
    ),
    no(
        "select s.k, e.page from s.events e left join s.sessions s on s.k = e.k where (s.u = 'u') is not true",
        "optional side",
    ),
    no(
        "select s.k, e.page from s.events e left join s.sessions s on s.k = e.k where s.n not in (select id from s.lookup where id > 9)",
        "optional side",
    ),
    no("select s.k, e.page from s.events e full join s.sessions s on s.k = e.k where e.x > 0", "optional side"),
    no(
        "select s.k, e.page from s.events e left join (select k, coalesce(u, 'u') as u from s.sessions) s on s.k = e.k where e.x > 0",
        "optional side",
    ),
    no(
        "select e.k, l.name from s.lookup l left join s.events e on e.k = l.k where l.name = 'L'",
        "look-up is on the preserved side",
    ),
    no(
        "select e.k, o.amount from s.events e left join s.orders o on o.page = e.page where o.amount > 0",
        "not joined by equality",
    ),
    # what equals the key on some rows only
    no("select l.k, e.x from s.events e left join s.lookup l on l.k = e.k", "optional side"),
    no(
        "select coalesce(l.name, e.k) as k, e.x from s.events e left join s.lookup l on l.k = e.k",
        "is not the key",
    ),
    no(
        "select l.k, e.x from s.events e join s.lookup l on l.k = e.k or l.page = e.page",
        "is not the key",
    ),
    no(
        "select coalesce(o.k, e.k, o.page) as k, e.x from s.events e full join s.orders o on o.k = e.k and o.page = e.k",
        "is not the key",
        MAYBE,
        why="one of the two keys is always there",
    ),
    no(
        "select o.page as k, e.x from s.events e full join s.orders o on o.k = e.k and o.page = e.k",
        "is not the key",
    ),
    no(
        "select l.k, o.amount from s.events e left join s.lookup l on l.k = e.k join s.orders o on o.page = l.k",
        "not joined by equality",
        DRY,
        why="no page is a key in these data",
    ),
    no(
        "select e.k, p.name from s.events e left join lateral (select l.name from s.lookup l where l.page = e.page order by l.page limit 1) p on true",
        "leaves rows alike",
        DRY,
        why="DuckDB numbers the matches of these few rows alike",
    ),
    no(
        "select k, event_id, last_value(t) over (partition by k order by t rows between current row and 1 following) as f from s.events",
        "leaves rows of a key alike",
        ORDER,
    ),
]
