"""An increment through joins beside the same job by hand, and beside a full build, in one run on DuckDB.

    python -m tests.benchmarks.joins [--facts 1000000] [--rounds 3] [--dbt HOME]

A star: facts joined to a product and a customer. Each round brings 10,000 facts and changes 100 products. By hand means
the SQL that is right, in a session that is open: delete and insert of all facts that are new or have a changed product.
`--dbt HOME` adds dbt's incremental model (merge of what is new by etl_tstamp) in an environment of its own there: it
leaves old facts with old products, and how many is counted. The runner and dbt are processes, start included. CPU
seconds, medians.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb

from tests.benchmarks.dbt_products import PROFILE, PROJECT, Dbt

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
    """Of this process and of those that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


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


def by_hand(db: Path, round_: int) -> None:
    select = STAR.replace("mart.facts", "shop.facts")
    since = f"etl_tstamp >= timestamp '2025-01-01' + to_hours({round_})"
    reached = f" or sku between {round_ * 100} and {round_ * 100 + 99}"
    with duckdb.connect(str(db)) as con:
        con.execute(
            f"""begin; create temp table ids as select id from shop.facts where {since}{reached};
            delete from hand.star where id in (select id from ids);
            insert into hand.star select * from ({select}) q where id in (select id from ids); commit;"""
        )


def run(page: Path) -> None:
    subprocess.run([sys.executable, "-m", "runner", "run", str(page)], check=True, stdout=subprocess.DEVNULL)


def project(folder: Path, db: Path, home: Path) -> Dbt:
    """The same model for dbt, as its documents have it."""
    made = folder / "dbt"
    (made / "models").mkdir(parents=True)
    (made / "dbt_project.yml").write_text(PROJECT)
    (made / "profiles.yml").write_text(PROFILE.format(path=db))
    select = STAR.replace("mart.facts", "shop.facts").replace("select f.id,", "select f.id, f.etl_tstamp,")
    config = "{{ config(materialized='incremental', incremental_strategy='merge', unique_key='id') }}"
    since = "{% if is_incremental() %} where f.etl_tstamp > (select max(etl_tstamp) from {{ this }}) {% endif %}"
    (made / "models" / "star.sql").write_text(config + select + since)
    return Dbt(home, made)


def main() -> None:
    """Print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facts", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dbt", type=Path, metavar="HOME")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        db, page = folder / "w.duckdb", folder / "star.yml"
        page.write_text(PAGE.format(db=db))
        (folder / "facts.sql").write_text("select id, uid, sku, amt from shop.facts")
        (folder / "star.sql").write_text(STAR)
        begin(db, given.facts)
        dbt = project(folder, db, given.dbt) if given.dbt else None
        dbt_full = timed(lambda: dbt("run")) if dbt else 0
        full = timed(lambda: run(page))
        with duckdb.connect(str(db)) as con:
            con.execute(f"create table hand.star as {STAR.replace('mart.facts', 'shop.facts')}")
        increments, hands, dbts = [], [], []
        for round_ in range(1, given.rounds + 1):
            arrive(db, round_)
            hands.append(timed(lambda r=round_: by_hand(db, r)))  # type: ignore[misc]
            increments.append(timed(lambda: run(page)))
            if dbt:
                dbts.append(timed(lambda: dbt("run")))
        with duckdb.connect(str(db)) as con:
            apart = "select count(*) from (from mart.star except all from hand.star)"
            assert con.execute(apart).fetchall() == [(0,)], "the two are not the same"
            stale = "select count(*) from (from mart.star except all select * exclude (etl_tstamp) from dbt.star)"
            wrong = con.execute(stale).fetchall()[0][0] if dbt else 0
    increment, hand = statistics.median(increments), statistics.median(hands)
    print(f"full build {full:.2f} s; increment {increment:.2f} s (full is {full / increment:.1f} times that)")
    print(f"by hand {hand:.2f} s (increment: {increment / hand:.1f} times that)")
    if dbt:
        print(f"dbt: full build {dbt_full:.2f} s; increment {statistics.median(dbts):.2f} s, {wrong:,} rows left wrong")


if __name__ == "__main__":
    main()
