"""An increment through joins beside the same job by hand, and beside a full build, in one run on DuckDB.

    python -m tests.benchmarks.joins [--facts 1000000] [--rounds 3]

A star: facts joined to a product and a customer. Each round brings 10,000 facts and changes 100 products. By hand means
what an incremental model of other tools does (new facts only, which leaves old facts with old products), and the SQL
that is right: delete and insert of all facts that are new or have a changed product. CPU seconds, medians and ratios.
"""

from __future__ import annotations

import argparse
import io
import resource
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb

from runner.cli.app import main as runner

STAR = """
select f.id, f.sku, f.amt * p.price as revenue, p.name, c.city
from mart.facts f left join crm.products p on p.sku = f.sku left join crm.customers c on c.uid = f.uid
"""
PAGE = """
name: star
target: duckdb:///{db}
trial: off
source: {{table: shop.facts, batch: etl_tstamp}}
lookups:
  crm.products: {{key: sku}}
  crm.customers: {{key: uid}}
models:
  - {{table: mart.facts, sql: facts.sql, key: id, unique: id}}
  - {{table: mart.star, sql: star.sql, key: id, unique: id}}
"""
NEW = 10_000


def cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def timed(work: Callable[[], object]) -> float:
    began = cpu_s()
    work()
    return cpu_s() - began


def begin(db: Path, facts: int) -> None:
    with duckdb.connect(str(db)) as con:
        con.execute(
            f"""create schema shop; create schema crm; create schema mart; create schema hand;
            create table shop.facts as select i as id, i % 20000 as uid, (i * 7919) % 10000 as sku, i % 50 as amt,
                timestamp '2024-01-01' + to_hours(cast(i // {NEW} as integer)) as etl_tstamp from range({facts}) t(i);
            create table crm.products as select i as sku, 'n' || i as name, i % 90 as price from range(10000) t(i);
            create table crm.customers as select i as uid, 'c' || i % 100 as city from range(20000) t(i);"""
        )


def arrive(db: Path, round_: int) -> None:
    """10,000 facts, and 100 products with another price."""
    with duckdb.connect(str(db)) as con:
        con.execute(
            f"""insert into shop.facts select {10**8} + {round_ * NEW} + i, i % 20000, (i * 7919) % 10000, i % 50,
                timestamp '2025-01-01' + to_hours({round_}) from range({NEW}) t(i);
            update crm.products set price = price + 100 where sku between {round_ * 100} and {round_ * 100 + 99};"""
        )


def by_hand(db: Path, round_: int, *, right: bool) -> None:
    select = STAR.replace("mart.facts", "shop.facts")
    since = f"etl_tstamp >= timestamp '2025-01-01' + to_hours({round_})"
    reached = f" or sku between {round_ * 100} and {round_ * 100 + 99}" if right else ""
    with duckdb.connect(str(db)) as con:
        con.execute(
            f"""begin; create temp table ids as select id from shop.facts where {since}{reached};
            delete from hand.star where id in (select id from ids);
            insert into hand.star select * from ({select}) q where id in (select id from ids); commit;"""
        )


def run(page: Path, *flags: str) -> None:
    out = io.StringIO()
    code = runner(["run", str(page), *flags], out=out, err=out)
    assert code == 0, out.getvalue()


def main() -> None:
    """Print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facts", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        db, page = folder / "w.duckdb", folder / "star.yml"
        page.write_text(PAGE.format(db=db))
        (folder / "facts.sql").write_text("select id, uid, sku, amt from shop.facts")
        (folder / "star.sql").write_text(STAR)
        begin(db, given.facts)
        full = timed(lambda: run(page))
        with duckdb.connect(str(db)) as con:
            con.execute(f"create table hand.star as {STAR.replace('mart.facts', 'shop.facts')}")
        increments, hands, partial = [], [], []
        for round_ in range(1, given.rounds + 1):
            arrive(db, round_)
            partial.append(timed(lambda r=round_: by_hand(db, r, right=False)))  # type: ignore[misc]
            hands.append(timed(lambda r=round_: by_hand(db, r, right=True)))  # type: ignore[misc]
            increments.append(timed(lambda: run(page)))
        with duckdb.connect(str(db)) as con:
            apart = "select count(*) from (from mart.star except all from hand.star)"
            assert con.execute(apart).fetchall() == [(0,)], "the two are not the same"
    increment, hand, new_only = (statistics.median(times) for times in (increments, hands, partial))
    print(f"full build {full:.2f} s; increment {increment:.2f} s (full is {full / increment:.1f} times that)")
    print(f"by hand, right {hand:.2f} s ({increment / hand:.2f}); new facts only, old ones left wrong {new_only:.2f} s")


if __name__ == "__main__":
    main()
