"""Times are UTC: the zone of the process, of the server and of its roles changes nothing, nor does the unit of a column.

The same steps, in processes of other time zones and over nights when clocks change, on every type that a timestamp
can have: equal tables, manifests and words of the commands, and a run with nothing new picks nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from tests.engines import postgres
from tests.engines.db import ENGINES
from tests.kit.arena import FOLDER
from tests.kit.project import Project, project_fixture  # noqa: F401
from tests.kit.tally import Tally
from tests.reliability.leaks.zones import TYPES, Found, Job

ZONES = ("UTC", "Asia/Kolkata", "America/New_York")
SIZE = 200  # random schedules a zone on DuckDB in the soak
NANOSECONDS = (
    "1969-12-31 23:59:59.999999100", "1969-12-31 23:59:59.999999499", "2024-03-10 02:30:00.000001001",
    "2024-03-10 02:30:00.000001501", "2024-03-10 02:30:00.000002000",
)  # fmt: skip
SMALL = {  # the soak takes each type in each zone
    "UTC": {"duckdb": ["us"], "postgres": ["us"]},
    "Asia/Kolkata": {"duckdb": ["ns"], "postgres": ["aware"]},
    "America/New_York": {"duckdb": ["s", "aware"], "postgres": ["aware"]},
}


def in_zone(zone: str, jobs: list[Job], cache: str) -> list[Found]:
    """A process that lives in this zone; AssertionError with what it said if it fails."""
    command = [sys.executable, "-m", "tests.reliability.leaks.zones", json.dumps([asdict(job) for job in jobs])]
    env = {**os.environ, "TZ": zone, "RUNNER_CACHE": cache}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, f"TZ={zone} {' '.join(command)}\n{done.stderr}"
    return [Found(**found) for found in json.loads(done.stdout)]


@contextmanager
def warehouses(server: postgres.Server, zone: str, seeds: list[int]) -> Iterator[str]:
    """A database for the types, and beside it one for each seed; the zone is the databases' own."""
    name = f"time_{os.getpid()}_{ZONES.index(zone)}"
    names = [name, *(f"{name}_{seed}" for seed in seeds)]
    with psycopg.connect(server.url, autocommit=True) as admin:
        try:
            for one in names:
                admin.execute(f"create database {one} template template0 encoding 'utf8' locale 'C'".encode())
                admin.execute(f"alter database {one} set timezone = '{zone}'".encode())
            yield server.database(name)
        finally:
            for one in names:
                admin.execute(f"drop database if exists {one} with (force)".encode())


def played(zone: str, types: dict[str, list[str]], seeds: dict[str, list[int]], server: postgres.Server) -> list[Found]:
    """All that one zone is asked for, on both engines."""
    with (
        TemporaryDirectory(prefix="runner_time_", dir=FOLDER) as folder,
        warehouses(server, zone, seeds["postgres"]) as url,
    ):
        places = {"duckdb": f"duckdb:///{folder}/w", "postgres": url}
        return in_zone(zone, [Job(places[engine], types[engine], seeds[engine]) for engine in ENGINES], folder)


def compared(found: dict[str, list[Found]], engine: str, seeds: str = "") -> Tally:
    """All types must give the same in all zones, and each seed."""
    first: dict[str, list[str]] = {}
    wrong, size = [], 0
    for zone, results in found.items():
        for one in (one for one in results if one.engine == engine):
            size += 1
            expected = first.setdefault(one.what if one.what.startswith("seed") else "types", one.lines)
            if one.lines != expected:
                wrong.append(f"TZ={zone}, {engine}, {one.what}: {difference(one.lines, expected)}")
    return Tally(19, "time zones and units", engine, size, divergences=len(wrong), seeds=seeds, notes=tuple(wrong))


def difference(one: list[str], other: list[str]) -> str:
    """The first lines that are not the same."""
    pairs = [(a, b) for a, b in zip(one, other, strict=False) if a != b]
    return f"{pairs[0][0]!r}, elsewhere {pairs[0][1]!r}" if pairs else f"{len(one)} lines, elsewhere {len(other)}"


def soak(size: int, seed: int) -> list[Tally]:
    """`size` random schedules a zone on DuckDB, a tenth of them on Postgres, and all types on both."""
    types = {engine: list(TYPES[engine]) for engine in ENGINES}
    seeds = {"duckdb": list(range(seed, seed + size)), "postgres": list(range(seed, seed + max(1, size // 10)))}
    found = {}
    with postgres.server() as server:
        for zone in ZONES:
            found[zone] = played(zone, types, seeds, server)
            print(f"time: {zone} played", file=sys.stderr)
    return [compared(found, engine, f"{seed}…{seeds[engine][-1]}") for engine in ENGINES]


def test_zones_and_units_change_nothing(postgres_server: postgres.Server) -> None:
    """Checksums of all tables, of the manifest and of what commands say are equal; nothing is picked twice."""
    none: dict[str, list[int]] = {"duckdb": [], "postgres": []}
    found = {zone: played(zone, SMALL[zone], none, postgres_server) for zone in ZONES}
    for engine, size in (("duckdb", 4), ("postgres", 3)):
        tally = compared(found, engine)
        assert not tally.failed, "\n".join(tally.notes)
        assert tally.size == size


def test_nanoseconds_are_one_batch_a_microsecond(duckdb_url: str, tmp_path: Path) -> None:
    """The manifest counts in microseconds, to which DuckDB rounds: values that round to one are one batch, in its
    counts, keys and comparisons alike.
    """
    project = Project(duckdb_url, tmp_path / "project")
    project.db.execute("alter table atomic.events alter etl_tstamp type timestamp_ns")
    project.standard("sessions", "totals")

    def add(*tstamps: str) -> None:
        for n, tstamp in enumerate(tstamps):
            project.db.execute(f"insert into atomic.events (domain_sessionid, etl_tstamp) values ('s{n}', '{tstamp}')")

    def manifest() -> list[int]:
        return [n for _, n in project.rows("select etl_tstamp, event_count from runner.manifest order by 1")]

    add(*NANOSECONDS)
    project.checked()
    assert manifest() == [2, 1, 2]
    assert "nothing to do" in project.run().out
    project.command("verify")
    add(NANOSECONDS[3])
    assert "1 grew 2→3" in project.checked().out
    assert "nothing to do" in project.run().out
    project.command("rewind", "--since", "2024-03-10T02:30:00.000002")
    assert "1 rewound" in project.checked().out
    project.db.execute(f"delete from atomic.events where etl_tstamp = '{NANOSECONDS[0]}'")
    assert "1 shrank 2→1" in project.checked().out
    project.command("verify")
    assert "nothing to do" in project.run().out
    project.close()
