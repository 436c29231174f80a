"""Hints of the key-wise rule, obeyed: whoever does what a refusal says gets the rows that the SELECT gave before.

Each kind of advice that a machine can follow is followed on all queries of the table of refusals. Advice with an `if`
is followed on data where that holds; and where it does not hold, some data show that the `if` is needed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from runner.proof.keywise import Refusal, Tracked, check
from runner.sql.volatile import chance
from tests.proof.keywise_query import No
from tests.proof.keywise_refused import REFUSED
from tests.proof.keywise_world import DDL, differences, world

SEEDS = (7, 11, 23)
EARLY = "coalesce(t, timestamp '2024-01-01') + ascii(k) * interval 1 year"
TELLING = {  # each value, null included, belongs to one key: what `if every … belongs to one …` asks for
    "events": f"t = {EARLY}, page = coalesce(page, '') || k, x = coalesce(x, 0) + 10 * ascii(k)",
    "orders": f"t = {EARLY}, page = coalesce(page, '') || k, amount = coalesce(amount, 0) + 10 * ascii(k),"
    " order_id = order_id + 10 * ascii(k)",
    "sessions": "u = u || k, n = coalesce(n, 0) + 10 * ascii(k)",
    "pairs": "k = k || coalesce(g, 0), g = coalesce(g, 0) + 10 * ascii(k), x = coalesce(x, 0) + 100 * coalesce(g, 0)",
    "notes": "k = k || coalesce(g, 0), g = coalesce(g, 0) + 10 * ascii(k), note = coalesce(note, '') || k || g",
}
UNTIED = {  # no two rows have a value in common: any order is total
    "events": "t = timestamp '2024-01-01' + event_id * interval 1 minute, page = chr(97 + event_id), x = event_id",
    "orders": "order_id = rowid, t = timestamp '2024-01-01' + rowid * interval 1 minute, amount = rowid, page = rowid",
    "lookup": "id = rowid, name = rowid, page = chr(97 + rowid::int)",
    "sessions": "n = rowid, u = rowid",
}
NULL_KEYS = "delete from s.{table} where k is null"


def _worlds(changes: dict[str, str]) -> list[duckdb.DuckDBPyConnection]:
    made = [world(seed) for seed in SEEDS]
    for one in made:
        for table in DDL:
            one.execute(NULL_KEYS.format(table=table))
        for table, change in changes.items():
            one.execute(f"update s.{table} set {change}")
    return made


@pytest.fixture(scope="module")
def telling() -> list[duckdb.DuckDBPyConnection]:
    return _worlds(TELLING)


@pytest.fixture(scope="module")
def untied() -> list[duckdb.DuckDBPyConnection]:
    return _worlds(UNTIED)


@cache
def _told() -> list[tuple[No, tuple[Refusal, ...]]]:
    """The refused queries, and what is said of them."""
    trees = [sqlglot.parse_one(case.sql, read=case.dialect) for case in REFUSED]
    found = [check(tree, one.key, one.tracked, one.dialect) for tree, one in zip(trees, REFUSED, strict=True)]  # type: ignore[arg-type]
    return [(case, verdict.refusals) for case, verdict in zip(REFUSED, found, strict=True)]


def _rows(of: duckdb.DuckDBPyConnection, sql: str, places: int | None = None) -> Counter[str]:
    return Counter(repr(row[:places]) for row in of.execute(sql).fetchall())


Follow = Callable[[exp.Query, No, Refusal], bool]


def _obeyed(follow: Follow, start: str) -> Iterator[tuple[No, str]]:
    """The queries of which all hints with `start` can be followed, and what becomes of them."""
    for case, refusals in _told():
        hints = [one for one in refusals if start in one.hint]
        if hints and case.dialect == "duckdb":
            tree = sqlglot.parse_one(case.sql, read="duckdb")
            assert isinstance(tree, exp.Query)
            done = [follow(tree, case, refusal) for refusal in hints]
            if all(done):
                yield case, tree.sql("duckdb")


def _add_key(tree: exp.Query, case: No, refusal: Refusal) -> bool:
    """`if every page belongs to one k, add k to the group by`."""
    key, _, clause = refusal.hint.partition(", add ")[2].partition(", which")[0].partition(" to the ")
    shown = refusal.reason.partition(" does not")[0]
    for node in tree.walk():
        if (clause == "group by" and isinstance(node, exp.Group) and node.sql("duckdb").lower() == shown) or (
            clause == "partition by" and isinstance(node, exp.Window) and shown.endswith(_list(node)) and _list(node)
        ):
            found = node
        else:
            continue
        holder, args = found, "partition_by" if clause == "partition by" else "expressions"
        if clause == "distinct on":
            holder = found.args["on"]
        scope = found.find_ancestor(exp.Select)
        assert scope is not None
        if not _reads(scope, case):
            return False
        more = [
            sqlglot.parse_one(f"{_name(scope)}.{one}", read="duckdb") for one in key.split(", ") if one.isidentifier()
        ]
        holder.set(args, [*holder.args[args], *more])
        return bool(more)
    return False


def _list(node: exp.Window) -> str:
    return ", ".join(one.sql("duckdb") for one in node.args.get("partition_by") or ())


def _name(scope: exp.Select) -> str:
    name = scope.args["from_"].this.alias_or_name
    return str(name)


def _reads(scope: exp.Select, case: No) -> bool:
    """Whether the block reads a tracked table first, so that its key has a name."""
    first = scope.args["from_"].this
    return isinstance(first, exp.Table) and f"{first.db}.{first.name}" in {str(one) for one in case.tracked}


def _tie(tree: exp.Query, case: No, _: Refusal) -> bool:
    """`if what matches always has the same k, tie it`: joins of two tables on another column than the key."""
    (select, *others) = list(tree.find_all(exp.Select))
    joins = select.args.get("joins") or []
    on = joins[0].args.get("on") if len(joins) == 1 else None
    if (
        others
        or not isinstance(on, exp.EQ)
        or not {one.name for one in on.find_all(exp.Column)} <= {"page", "amount", "x"}
    ):
        return False
    left, right = _name(select), joins[0].this.alias_or_name
    if not left or not right:
        return False
    tied = [sqlglot.parse_one(f"{left}.{one} = {right}.{one}", read="duckdb") for one in case.key]
    joins[0].set("on", exp.and_(on, *tied))
    return True


def _end_order(tree: exp.Query, case: No, _: Refusal) -> bool:
    """`end the order with a column that is unique within the key`: the one that such a table has."""
    done = False
    for order in list(tree.find_all(exp.Order)):
        scope = order.find_ancestor(exp.Select)
        if scope is None or scope.args.get("joins") or not _reads(scope, case):
            continue
        decides = scope.args.get("limit") or (scope.args.get("distinct") and scope.args["distinct"].args.get("on"))
        if isinstance(order.parent, exp.Select) and not decides:
            continue
        if scope.args["from_"].this.name == "events":
            order.append("expressions", exp.Ordered(this=exp.column("event_id", table=_name(scope))))
            done = True
    return done


def _count(found: int, least: int) -> None:
    assert found >= least, f"{found} queries could be followed: the test looks for other words than the hints have"


def test_add_the_key(telling: list[duckdb.DuckDBPyConnection]) -> None:
    """Where every group belongs to one key the rows stay as they are; where not, some data show other rows."""
    plain = _worlds({})
    followed = list(_obeyed(_add_key, ", add "))
    for case, sql in followed:
        assert all(_rows(one, case.sql) == _rows(one, sql) for one in telling), sql
    needed = [sql for case, sql in followed if any(_rows(one, case.sql) != _rows(one, sql) for one in plain)]
    assert len(followed) >= 9
    assert len(needed) > len(followed) / 2


def test_tie_what_matches(telling: list[duckdb.DuckDBPyConnection]) -> None:
    """Where what matches always has the same key, the rows stay as they are."""
    followed = list(_obeyed(_tie, ", tie it: "))
    for case, sql in followed:
        assert all(_rows(one, case.sql) == _rows(one, sql) for one in telling), sql
    assert len(followed) >= 4


def test_end_the_order(untied: list[duckdb.DuckDBPyConnection]) -> None:
    """Where no rows tie, what comes after an order decides nothing; where they do, it is one of the answers."""
    followed = list(_obeyed(_end_order, "end the order"))
    for case, sql in followed:
        assert all(_rows(one, case.sql) == _rows(one, sql) for one in untied), sql
        tree = sqlglot.parse_one(sql, read="duckdb")
        said = check(tree, case.key, case.tracked, "duckdb").refusals  # type: ignore[arg-type]
        assert not any("alike" in one.reason for one in said), sql
    assert len(followed) >= 12


def test_leave_the_key_out() -> None:
    """The SELECT stays, so its rows do; and a model without a key may be written so, for there is no chance in it."""
    followed = [case for case, said in _told() if any("leave `key` out" in one.hint for one in said)]
    for case in followed:
        tree = sqlglot.parse_one(case.sql, read=case.dialect)
        assert not any(chance(node, case.dialect) for node in tree.walk()), case.sql
    assert len(followed) >= 80


def test_make_it_the_key() -> None:
    """`key: {k: "page"}`: the same SELECT, accepted by that key, and right by it."""
    plain = [world(seed) for seed in SEEDS]
    followed = 0
    for case, said in _told():
        tree = sqlglot.parse_one(case.sql, read=case.dialect)
        tables = list(tree.find_all(exp.Table))
        hints = [one.hint for one in said if "say so in the playbook" in one.hint]
        for hint in hints if len(tables) == 1 and len(case.key) == 1 else ():
            text = hint.partition(': "')[2].partition('"}')[0]
            name = f"{tables[0].db}.{tables[0].name}"
            tracked = {t: Tracked((text,), one.unique) for t, one in case.tracked.items() if str(t) == name}
            assert check(tree, case.key, tracked, "duckdb").refusals == (), case.sql  # type: ignore[arg-type]
            assert differences(case.sql, case.key, tracked, plain) == "", case.sql
            followed += 1
    assert followed >= 4
