"""The trial over all queries of the key-wise rule's tables: check 23 of the soak.

    python -m tests.trial.soak --part accepted packages     what is right passes: no false alarm
    python -m tests.trial.soak --part refused               with the rule switched off, what is wrong is found
    python -m tests.trial.soak --part chains --size 1000    accepted random chains of CTEs pass, one round each

Prints each that is not as it should be, and a table; exit code 1 after a false alarm.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp

from runner.errors import RunnerError
from runner.names import TableName
from runner.proof.keywise import Tracked
from tests.kit.tally import Tally
from tests.proof import keywise_chains, keywise_world
from tests.proof.keywise_accepted import ACCEPTED
from tests.proof.keywise_query import CLOCK, KEYS, ORDER, Good, No
from tests.proof.keywise_refused import REFUSED
from tests.proof.keywise_soak import asked
from tests.proof.packages import world as packages_world
from tests.proof.packages.test_packages import MODELS
from tests.trial.cases import Case, held

Columns = Mapping[str, str]
"""The columns of tables, as DDL."""
WORLD: Columns = {f"s.{table}": text for table, text in keywise_world.DDL.items()}
CHAINS: Columns = {
    "c.rows": "event_id int, k varchar, t timestamp, page varchar, x int, payload struct(k varchar, t timestamp)",
    "c.others": "k varchar, t timestamp, page varchar, x int",
    "c.look": "name varchar, look_id int",
}


def case_of(query: Good, columns: Columns) -> Case:
    """A query of the tables as a playbook: what is tracked is a source, what else it reads a look-up.

    An id of a source stands in `dedupe` with the key beside it, and copies of it are exchanged in a total order.
    """
    read = {".".join(part.name.lower() for part in table.parts) for table in _tables(query.sql)}
    ddl, sources = ["create sequence atomic.seq"], []
    for schema in sorted({name.split(".")[0] for name in columns}):
        ddl.append(f"create schema {schema}")
    keys: dict[str, dict[str, str]] = {name: {} for name in query.key}
    for table, text in columns.items():
        tracked = query.tracked.get(TableName(tuple(table.split("."))))
        if table not in read:
            continue
        if tracked is None:
            ddl.append(f"create table {table} ({text})")
            continue
        ids = tracked.unique[0] if tracked.unique else ()
        plain = [name for name in ids if name.isidentifier()]
        ddl.append(f"create table {table} ({_required(text, plain[:1])}, etl_tstamp timestamp)")
        sources.append(_source(table, tracked, plain, text))
        for name, expression in zip(query.key, tracked.key, strict=True):
            keys[name][table] = expression
    return Case(
        " ".join(query.sql.split())[:60], {"derived.m": query.sql}, None, keys, tuple(ddl), top={"sources": sources}
    )


def _tables(sql: str) -> Iterable[exp.Table]:
    return sqlglot.parse_one(sql, read="duckdb").find_all(exp.Table)


def _required(text: str, names: Iterable[str]) -> str:
    for name in names:
        text = ", ".join(f"{part} not null" if part.split()[0] == name else part for part in text.split(", "))
    return text


def _source(table: str, tracked: Tracked, ids: list[str], text: str) -> dict[str, Any]:
    source: dict[str, Any] = {"table": table, "batch": "etl_tstamp"}
    if ids:
        more = [expression for expression in tracked.key if expression not in ids]
        flat = re.sub(r"\([^()]*\)", "()", text)  # fields are no columns
        names = [name for part in flat.split(", ") if (name := part.split()[0]).isidentifier() and "struct" not in part]
        source |= {"dedupe": [*ids, *more], "order_by": ["etl_tstamp desc", *names]}
    return source


def accepted() -> Iterator[tuple[Good, Case]]:
    """What the tables accept."""
    return ((query, case_of(query, WORLD)) for query in ACCEPTED)


def packages() -> Iterator[tuple[Good, Case]]:
    """What is accepted of the models of packages."""
    return ((q, case_of(q, packages_world.DDL)) for q in MODELS if not isinstance(q, No))


def chains() -> Iterator[tuple[Good, Case]]:
    """Random chains of CTEs that are accepted, without end."""
    for number in count(500_000):
        for key in keywise_chains.KEYS:
            query = Good(keywise_chains.ChainAuthor(number, key).query(), ("key",), keywise_chains.tracked(key))
            if not asked(query.sql, query.tracked)[1].refusals:
                yield query, case_of(query, CHAINS)


def refused() -> Iterator[tuple[Good, Case]]:
    """What the tables refuse and data can show."""
    return ((q, case_of(q, WORLD)) for q in REFUSED if q.dialect == "duckdb" and q.shows in {KEYS, ORDER, CLOCK})


PARTS: dict[str, tuple[Callable[[], Iterator[tuple[Good, Case]]], bool, int]] = {
    # what gives the queries, whether the rule is switched off, rounds
    "accepted": (accepted, False, 5),
    "packages": (packages, False, 5),
    "chains": (chains, False, 1),
    "refused": (refused, True, 5),
}


def play(part: str, size: int) -> tuple[Counter[str], list[str]]:
    """How many were found, passed or not tried; and those that are not as they should be."""
    queries, off, rounds = PARTS[part]
    said: Counter[str] = Counter()
    notes = []
    for (query, case), _ in zip(queries(), range(size), strict=False):
        how, why = _tried(case, off, rounds)
        kind = f" {query.shows}" if isinstance(query, No) else ""
        said[how + kind] += 1
        if how != ("found" if off else "passed"):
            notes.append(f"{how}{kind}: {why}: {' '.join(query.sql.split())}")
    return said, notes


def _tried(case: Case, off: bool, rounds: int) -> tuple[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            verdict = held(case, Path(folder), unproven=off, rounds=rounds, shrink_s=0)
        except RunnerError as error:
            return "refused", error.what.splitlines()[0]
    if verdict.found:
        difference = verdict.found[0].difference
        return "found", f"{difference.kind.name} {difference.increment[:1]} {difference.full[:1]}"
    return ("not tried", next(iter(verdict.untried.values()))) if verdict.untried else ("passed", "")


def soak(size: int, _seed: int) -> list[Tally]:
    """Check 23: what is right, `size` chains among it."""
    done = {part: play(part, size) for part in ("accepted", "packages", "chains")}
    return [
        Tally(
            23,
            f"trial: {part}",
            "duckdb",
            said.total(),
            0,
            said["found"],
            notes=tuple(n for n in notes if n[:5] == "found"),
        )
        for part, (said, notes) in done.items()
    ]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--size", type=int, default=1000)
    given, alarms = parser.parse_args(), 0
    for part in given.part:
        began = time.process_time()
        said, notes = play(part, given.size)
        alarms += said["found"] if part != "refused" else 0
        print("\n".join(notes))
        print(
            f"{part}: {dict(said)}, {(time.process_time() - began) / max(1, said.total()):.2f} s CPU each", flush=True
        )
    return int(alarms > 0)


if __name__ == "__main__":
    sys.exit(main())
