"""The shapes of joins that are kept incrementally: a name, the key, the SELECT, and where it runs.

Over two sources (events, orders), three models (ev, us, dim: one row an event, a user, a product) and look-ups.
"""

from __future__ import annotations

from dataclasses import dataclass

ALL = frozenset({"duckdb", "postgres", "redshift", "snowflake"})
LOCAL = frozenset({"duckdb", "postgres"})
DUCKDB = frozenset({"duckdb"})

TABLES = {
    "raw.events": "id integer, uid varchar(10), sku varchar(10), ts timestamp, amt integer, etl_tstamp timestamp",
    "raw.orders": "oid integer, customer varchar(10), total integer, ordered timestamp, etl_tstamp timestamp",
    "raw.products": "sku varchar(10), name varchar(10), price integer",
    "raw.prices": "sku varchar(10), valid_from timestamp, price integer",
    "raw.cats": "name varchar(10), cat varchar(10)",
    "raw.days": "day date",
}
BASE = {
    "ev": ("id", "select id, uid, sku, ts, amt from raw.events"),
    "us": (
        "uid",
        "select uid, min(ts) as first_ts, cast(min(ts) as date) as cohort, count(*) as n from raw.events group by uid",
    ),
    "dim": ("sku", "select sku, count(*) as n, max(amt) as price, min(uid) as name from raw.events group by sku"),
}


@dataclass(frozen=True)
class Shape:
    """One model: `everywhere` if a change of some input is about all of its keys."""

    name: str
    key: str
    select: str
    engines: frozenset[str] = LOCAL
    everywhere: bool = False

    @property
    def table(self) -> str:
        return "s_" + "".join(c if c.isalnum() else "_" for c in self.name)


ROLL = "from raw.days c join d.ev e on cast(e.ts as date) >= c.day - 6 and cast(e.ts as date) <= c.day"
SHAPES = (
    Shape(
        "star",
        "id",
        "select e.id, e.sku, d.name, p.price, u.n as visits from d.ev e left join d.dim d on d.sku = e.sku left join raw.products p on p.sku = e.sku left join d.us u on u.uid = e.uid",
        ALL,
    ),
    Shape(
        "inner dimension",
        "id",
        "select e.id, d.name, e.amt * d.price as revenue from d.ev e join d.dim d on d.sku = e.sku where d.price > 2",
        ALL,
    ),
    Shape(
        "dimension of a source", "id", "select e.id, d.price from raw.events e left join d.dim d on d.sku = e.sku", ALL
    ),
    Shape(
        "other source",
        "uid",
        "select e.uid, count(distinct e.id) as events, max(o.total) as best from raw.events e left join raw.orders o on o.customer = e.uid group by e.uid",
        ALL,
    ),
    Shape(
        "since first visit",
        "id",
        "select e.id, e.uid, u.cohort from d.ev e join d.us u on u.uid = e.uid and u.first_ts < e.ts",
        ALL,
    ),
    Shape(
        "rolling seven days",
        "day",
        f"select c.day, count(distinct e.uid) as users7, sum(e.amt) as amt7 {ROLL} group by c.day",
        LOCAL,
    ),
    Shape(
        "rolling over a source",
        "day",
        "select c.day, count(distinct e.uid) as users from raw.days c left join raw.events e on cast(e.ts as date) between c.day - 27 and c.day group by c.day",
        LOCAL,
    ),
    Shape(
        "month to date",
        "day",
        "select c.day, sum(e.amt) as amt from raw.days c left join d.ev e on date_trunc('month', e.ts) = date_trunc('month', cast(c.day as timestamp)) and cast(e.ts as date) <= c.day group by c.day",
        LOCAL,
    ),
    Shape(
        "calendar with empty days",
        "day",
        "select c.day, count(e.id) as n from raw.days c left join d.ev e on cast(e.ts as date) = c.day group by c.day",
        ALL,
    ),
    Shape(
        "retention by cohort",
        "cohort",
        "select u.cohort, cast(e.ts as date) as day, count(distinct e.uid) as users from d.us u join d.ev e on e.uid = u.uid group by u.cohort, cast(e.ts as date)",
        ALL,
    ),
    Shape(
        "scd2 by range",
        "id",
        "with v as (select customer, total, ordered, lead(ordered) over (partition by customer order by ordered, oid) as until from d.orders) select e.id, v.total from d.ev e left join v on v.customer = e.uid and e.ts >= v.ordered and (e.ts < v.until or v.until is null)",
        ALL,
    ),
    Shape(
        "price of the day, lateral",
        "id",
        "select e.id, l.price from d.ev e left join lateral (select p.total as price from d.orders p where p.customer = e.uid and p.ordered <= e.ts order by p.ordered desc, p.oid limit 1) l on true",
        LOCAL,
    ),
    Shape(
        "price of the day, scalar",
        "id",
        "select e.id, (select p.total from d.orders p where p.customer = e.uid and p.ordered <= e.ts order by p.ordered desc, p.oid limit 1) as price from d.ev e",
        LOCAL,
    ),
    Shape(
        "asof", "id", "select e.id, p.n from d.ev e asof left join d.firsts p on p.uid = e.uid and p.ts <= e.ts", DUCKDB
    ),
    Shape(
        "asof, its value as the key",
        "n",
        "select p.n, count(*) as c from d.ev e asof left join d.firsts p on p.uid = e.uid and p.ts <= e.ts group by p.n",
        DUCKDB,
    ),
    Shape(
        "asof, joined further",
        "name",
        "select d.name, count(*) as c from raw.events e asof join raw.prices p on p.sku = e.sku and p.valid_from <= e.ts left join d.dim d on d.price = p.price group by d.name",
        DUCKDB,
    ),
    Shape(
        "using behind a right join",
        "sku",
        "select sku, count(c.price) as n from d.ev e right join raw.products p using (sku) left join d.dim c using (sku) group by sku",
        LOCAL,
        True,
    ),
    Shape(
        "columns renamed by position",
        "id",
        "select e.id, x.sku as named from d.ev e left join raw.products x(name, sku) on x.name = e.sku",
        ALL,
    ),
    Shape(
        "columns of a source renamed",
        "sku",
        "select x.sku, count(*) as n, max(d.price) as price from raw.orders x(id, sku, customer) left join d.dim d on d.n = x.customer group by x.sku",
        LOCAL,
    ),
    Shape(
        "count of a source between",
        "uid",
        "select u.uid, p.price from (select uid, count(*) as n from raw.events group by uid) u left join raw.products p on p.price = u.n",
        ALL,
    ),
    Shape(
        "count of a source as the key",
        "n, name",
        "select x.n, p.name, count(*) as c from (select uid, sku, count(*) as n from raw.events group by uid, sku) x left join raw.products p on p.sku = x.sku group by x.n, p.name",
        LOCAL,
    ),
    Shape(
        "a number of the optional side as the key",
        "price",
        "select d.price, count(*) as n from raw.events e left join d.dim d on d.sku = e.sku group by d.price",
        ALL,
    ),
    Shape(
        "totals over numbers",
        "amt, price",
        "select e.amt, d.price, count(*) as n from raw.events e left join raw.products d on d.sku = e.sku group by cube (e.amt, d.price)",
        LOCAL,
    ),
    Shape(
        "a left join within",
        "id, price",
        "select e.id, x.price, x.day from d.ev e left join (select u.uid, p.price, cast(u.first_ts as date) as day from d.us u left join raw.products p on p.price = u.n) x on x.uid = e.uid",
        ALL,
    ),
    Shape(
        "two columns of one name by position",
        "day",
        "with w(sku, uid, id, ts) as (select * exclude (ts, amt), ts as amt, ts from d.ev) select cast(ts as date) as day, count(*) as n from w group by 1",
        DUCKDB,
        True,
    ),
    Shape(
        "inner asof, its value as the key",
        "price",
        "select p.price, count(*) as c from raw.events e asof join raw.prices p on p.sku = e.sku and p.valid_from < e.ts group by p.price",
        DUCKDB,
    ),
    Shape(
        "a condition on the nearest",
        "id",
        "select e.id, p.n from d.ev e asof join d.firsts p on p.uid = e.uid and p.ts <= e.ts where p.n > 2",
        DUCKDB,
    ),
    Shape(
        "asof by using",
        "n",
        "select p.n, count(*) as c from d.ev e asof left join d.firsts p using (uid, ts) group by p.n",
        DUCKDB,
        True,
    ),
    Shape(
        "a lateral behind the optional side",
        "price",
        "select l.price, count(*) as c from d.ev e left join d.us p on p.uid = e.uid left join lateral (select max(d.price) as price from raw.products d where d.price >= p.n and d.sku = e.sku) l on true group by l.price",
    ),
    Shape(
        "lateral top two",
        "id",
        "select e.id, l.total, l.oid from d.ev e cross join lateral (select p.total, p.oid from d.orders p where p.customer = e.uid order by p.total desc, p.oid limit 2) l",
        LOCAL,
    ),
    Shape(
        "first touch over a source",
        "uid",
        "select u.uid, u.n, t.first_order from d.us u left join (select customer, min(ordered) as first_order from raw.orders group by customer) t on t.customer = u.uid",
        ALL,
    ),
    Shape(
        "never bought",
        "sku",
        "select d.sku, d.name from d.dim d where not exists (select 1 from d.ev e join d.orders o on o.customer = e.uid where e.sku = d.sku and o.total > 4)",
        ALL,
    ),
    Shape("semi join", "id", "select e.id, e.amt from d.ev e where e.uid in (select uid from d.us where n > 2)", ALL),
    Shape(
        "not in, nulls too",
        "id",
        "select e.id, e.uid from d.ev e where e.uid not in (select customer from d.orders where total > 3)",
    ),
    Shape(
        "not in",
        "id",
        "select e.id, e.uid from d.ev e where e.uid not in (select customer from d.orders where total > 3 and customer is not null)",
        LOCAL,
    ),
    Shape(
        "exists in a source",
        "uid",
        "select uid, count(*) as n from raw.events e where exists (select 1 from raw.orders o where o.customer = e.uid) group by uid",
        ALL,
    ),
    Shape(
        "nested exists",
        "id",
        "select e.id from d.ev e where exists (select 1 from d.us u where u.uid = e.uid and not exists (select 1 from d.orders o where o.customer = u.uid and o.total > e.amt))",
    ),
    Shape(
        "scalar of a side",
        "id",
        "select e.id, (select sum(o.total) from d.orders o where o.customer = e.uid and o.total > e.amt) as later from d.ev e",
    ),
    Shape(
        "in as a value",
        "id",
        "select e.id, e.uid in (select customer from d.orders where total > 2) as buys from d.ev e",
    ),
    Shape(
        "exists or dimension",
        "id",
        "select e.id from d.ev e left join d.dim d on d.sku = e.sku where d.price > 5 or exists (select 1 from d.orders o where o.customer = e.uid)",
    ),
    Shape(
        "having over a side",
        "uid",
        "select e.uid, count(*) as n from d.ev e group by e.uid having count(*) > (select count(*) from d.orders o where o.customer = e.uid)",
    ),
    Shape(
        "anti join by left join",
        "id",
        "select e.id from d.ev e left join d.us u on u.uid = e.uid and u.n > 2 where u.uid is null",
        ALL,
    ),
    Shape(
        "filter above a left join",
        "id",
        "select e.id, d.name from d.ev e left join d.dim d on d.sku = e.sku where d.price > 5 or d.sku is null",
        ALL,
    ),
    Shape(
        "condition on the left",
        "id",
        "select e.id, d.name from d.ev e left join d.dim d on d.sku = e.sku and e.amt > 3",
        ALL,
    ),
    Shape(
        "right join", "id", "select e.id, d.name from d.dim d right join d.ev e on d.sku = e.sku and d.price > 4", ALL
    ),
    Shape(
        "full join, coalesced key",
        "uid",
        "select coalesce(u.uid, o.customer) as uid, u.n, o.orders from d.us u full join (select customer, count(*) as orders from raw.orders group by customer) o on o.customer = u.uid",
        LOCAL,
    ),
    Shape(
        "chain of dimensions",
        "id",
        "select e.id, c.cat from d.ev e left join raw.products p on p.sku = e.sku left join raw.cats c on c.name = p.name left join d.dim d on d.sku = p.sku",
        ALL,
    ),
    Shape(
        "inner chain",
        "id",
        "select e.id, p.price, c.cat from d.ev e join raw.products p on p.sku = e.sku join raw.cats c on c.name = p.name where c.cat in ('c0', 'c1')",
    ),
    Shape(
        "a side numbered by another column",
        "id",
        "select e.id, l.n from d.ev e join (select id, sku, row_number() over (partition by uid order by ts, id) as n from d.ev) l on l.sku = e.sku",
    ),
    Shape(
        "numbered by user",
        "id",
        "select id, uid, row_number() over (partition by uid order by ts, id) as n from d.ev",
        ALL,
    ),
    Shape(
        "full join, key of one side",
        "customer",
        "select o.customer, u.uid as who, u.n, o.oid from d.us u full join d.orders o on o.customer = u.uid",
    ),
    Shape(
        "chain through coalesce",
        "id",
        "select e.id, u.n from d.ev e left join d.dim d on d.sku = e.sku left join d.us u on u.uid = coalesce(d.name, 'u1')",
    ),
    Shape(
        "comma join",
        "id",
        "select e.id, p.name, u.n from d.ev e, d.dim p, d.us u where p.sku = e.sku and u.uid = e.uid and u.n < p.price",
        ALL,
    ),
    Shape(
        "side grouped by its own key",
        "id",
        "with per_sku as (select sku, count(*) as n, max(amt) as top from d.ev group by sku) select e.id, p.n, p.top from d.ev e join per_sku p on p.sku = e.sku",
        ALL,
    ),
    Shape(
        "grouped side of a source",
        "id",
        "with per_sku as (select sku, sum(amt) as total from raw.events group by sku having count(*) > 1) select e.id, p.total from raw.events e join per_sku p on p.sku = e.sku",
        ALL,
    ),
    Shape(
        "latest of the side",
        "id",
        "with l as (select uid, id, amt, row_number() over (partition by uid order by ts desc, id) as rn from d.ev) select e.id, l.amt as latest from d.ev e left join l on l.uid = e.uid and l.rn = 1",
        ALL,
    ),
    Shape(
        "qualify in the side",
        "id",
        "select e.id, l.amt from d.ev e left join (select uid, amt from d.ev qualify row_number() over (partition by uid order by ts desc, id) = 1) l on l.uid = e.uid",
        DUCKDB,
    ),
    Shape(
        "self join by range",
        "id",
        "select a.id, count(b.id) as before from d.ev a left join d.ev b on b.sku = a.sku and b.ts < a.ts group by a.id",
        ALL,
    ),
    Shape(
        "self join of a source",
        "id",
        "select a.id, count(distinct b.uid) as others from raw.events a left join raw.events b on b.sku = a.sku and b.uid <> a.uid group by a.id",
    ),
    Shape(
        "cohort within, as the key",
        "cohort",
        "with f as (select uid, min(cast(ts as date)) as cohort from d.ev group by uid) select f.cohort, count(distinct e.uid) as users, count(*) as n from f join d.ev e on e.uid = f.uid group by f.cohort",
        ALL,
    ),
    Shape(
        "funnel by day",
        "day",
        "with s as (select e.uid, cast(e.ts as date) as day, max(case when d.price > 2 then 1 else 0 end) as seen, max(case when o.total > 1 then 1 else 0 end) as bought from d.ev e left join d.dim d on d.sku = e.sku left join d.orders o on o.customer = e.uid group by e.uid, cast(e.ts as date)) select day, sum(seen) as seen, sum(bought) as bought from s group by day",
        ALL,
    ),
    Shape(
        "union of sides",
        "id",
        "select e.id, d.name as what from d.ev e join d.dim d on d.sku = e.sku union all select e.id, u.uid from d.ev e join d.us u on u.uid = e.uid where u.n > 1",
        ALL,
    ),
    Shape(
        "union in the side",
        "id",
        "with b as (select customer as uid, total as v from d.orders union select uid, n from d.us) select e.id, sum(b.v) as v from d.ev e left join b on b.uid = e.uid group by e.id",
    ),
    Shape(
        "except in the side",
        "id",
        "with b as (select uid from d.us except select customer from d.orders where total > 2) select e.id, b.uid as idle from d.ev e left join b on b.uid = e.uid",
    ),
    Shape(
        "window above a join",
        "uid",
        "select e.uid, e.id, d.price, sum(d.price) over (partition by e.uid order by e.ts, e.id rows between unbounded preceding and current row) as running from d.ev e join d.dim d on d.sku = e.sku",
        ALL,
    ),
    Shape(
        "composite key of two inputs",
        "cohort, day",
        "select u.cohort, cast(e.ts as date) as day, count(*) as n from d.us u join d.ev e on e.uid = u.uid group by u.cohort, cast(e.ts as date)",
        ALL,
    ),
    Shape(
        "key of a side alone",
        "name",
        "select d.name, count(*) as n from d.ev e join d.dim d on d.sku = e.sku group by d.name",
        ALL,
    ),
    Shape(
        "scd2 of a look-up",
        "id",
        "with v as (select sku, price, valid_from, lead(valid_from) over (partition by sku order by valid_from) as valid_to from raw.prices where valid_from is not null and sku is not null) select e.id, v.price from d.ev e left join v on v.sku = e.sku and e.ts >= v.valid_from and (e.ts < v.valid_to or v.valid_to is null)",
        ALL,
    ),
    Shape(
        "last price of a look-up",
        "id",
        "select e.id, (select p.price from raw.prices p where p.sku = e.sku and p.valid_from <= e.ts order by p.valid_from desc limit 1) as price from d.ev e",
    ),
    Shape(
        "asof a look-up",
        "id",
        "select e.id, p.price from d.ev e asof left join raw.prices p on p.sku = e.sku and p.valid_from <= e.ts",
        DUCKDB,
    ),
    Shape(
        "over look-ups alone",
        "sku",
        "select p.sku, p.name, c.cat from raw.products p left join raw.cats c on c.name = p.name",
        ALL,
    ),
    Shape(
        "by its key, with a look-up",
        "uid",
        "select e.uid, count(*) as n, max(p.price) as dearest from raw.events e left join raw.products p on p.sku = e.sku group by e.uid",
        ALL,
    ),
    Shape(
        "global share",
        "uid",
        "select uid, sum(amt) as amt, sum(amt) * 100 / nullif((select sum(amt) from d.ev), 0) as share from d.ev group by uid",
        LOCAL,
        True,
    ),
    Shape("rank over all", "uid", "select uid, n, rank() over (order by n) as r from d.us", ALL, True),
    Shape("cross join", "id", "select e.id, count(*) as n from d.ev e cross join d.dim c group by e.id", LOCAL, True),
    Shape("rollup", "uid", "select uid, sku, count(*) as n from d.ev group by rollup (uid, sku)", LOCAL),
    Shape(
        "a total beside its parts",
        "k",
        "select 'all' as k, count(*) as n from raw.events union all select sku, count(*) from raw.events group by sku",
        ALL,
    ),
    Shape(
        "totals of a star",
        "cat, name, level",
        "select coalesce(c.cat, 'all') as cat, d.name, grouping(c.cat, d.name) as level, sum(e.amt) as amt from raw.events e join d.dim d on d.sku = e.sku left join raw.cats c on c.name = d.name group by rollup (c.cat, d.name)",
        LOCAL,
    ),
    Shape(
        "cube and a plain column",
        "uid, sku, day",
        "select e.uid, e.sku, cast(e.ts as date) as day, count(distinct d.name) as names, grouping(e.uid) as g from d.ev e left join d.dim d on d.sku = e.sku group by cube (e.uid, e.sku), cast(e.ts as date)",
        LOCAL,
    ),
    Shape(
        "sets of a side",
        "id",
        "select e.id, g.n from raw.events e join (select uid, sku, count(*) as n from raw.events group by grouping sets ((uid, sku), (uid), ())) g on g.uid = e.uid and g.sku is null",
        LOCAL,
    ),
    Shape("renamed key", "buyer", "select customer as buyer, count(*) as n from raw.orders group by customer", ALL),
    Shape(
        "key of an aggregate",
        "n",
        "select n, count(*) as users from (select uid, count(*) as n from d.ev group by uid) q group by n",
        ALL,
    ),
)
MORE = {
    "orders": ("oid", "select oid, customer, total, ordered from raw.orders"),
    "firsts": ("uid", "select uid, ts, min(id) as n from d.ev group by uid, ts"),
}
