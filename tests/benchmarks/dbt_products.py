"""The generated dbt model in a real dbt project: runs over the real events, one batch of them late.

    python -m tests.benchmarks.dbt_products [--home DIR] [--seed N]

dbt-core and dbt-duckdb are installed from the package index into an environment of their own at the first use (a
minute), in DIR (~/.cache/sql-model-runner). The events come in batches, with the time of loading as load_tstamp: some
of no specification, old ones, newer ones, and the newest together with late ones and some that were loaded before.
After each batch `dbt run` brings the table up to date; at the end `dbt test` runs the generated tests, and the table is
compared, column by column, with an independent reading of the raw JSON, and so are the generated View and the table of
the generated playbook.

Then the limit is shown. The predicate takes every event of which a copy has a load_tstamp not before the newest that
the table has, with all its copies, and events that the table lacks, loaded in the `late_days` before. A batch that
becomes visible with a load_tstamp older than that (a loader that was overtaken, a repaired load), or with none, stays
out until `dbt run --full-refresh`; the playbook, which compares every batch with its manifest, has it at its next run.
At last a property is added to a data structure: the model is generated anew, and the next run appends its column.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import random
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from tests.doors.products.oracle import Oracle, Selection, read_yaml, utc
from tests.doors.products.shop import COLUMNS, PRODUCT, STAMPS, STRUCTURES, Shop, absent, differences, real_events
from tests.engines.db import Db
from tests.kit import driver

PACKAGES = ("dbt-core>=1.11,<1.12", "dbt-duckdb>=1.11,<1.12")  # 1.12 of dbt-core fetches a part of itself from GitHub
FIRST_LOAD = datetime(2023, 1, 1)
AS_LOADED = ("load_tstamp",)  # an event that came twice has one of two
SELECTION = Selection(columns=(*COLUMNS, "load_tstamp"))
PROJECT = """
name: shop
version: "1.0"
profile: shop
model-paths: [models]
"""
PROFILE = """
shop:
  target: dev
  outputs:
    dev: {{type: duckdb, path: "{path}", schema: dbt, threads: 1, settings: {{TimeZone: UTC}}}}
"""


class Dbt:
    """dbt's own environment, and a project in a folder."""

    def __init__(self, home: Path, project: Path) -> None:
        self.program = environment(home) / "bin" / "dbt"
        self.project = project

    def __call__(self, *args: str) -> str:
        """`dbt ARGS…`; what it printed."""
        settings = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "NO_COLOR": "1", "DO_NOT_TRACK": "1"}
        done = subprocess.run(
            [str(self.program), *args, "--project-dir", ".", "--profiles-dir", "."],
            cwd=self.project,
            env=os.environ | settings,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"dbt {' '.join(args)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout


def environment(home: Path) -> Path:
    """The environment that has dbt; built if it is not there."""
    folder = home / "dbt-1.11"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock-dbt").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            print(f"installing {', '.join(PACKAGES)} in {folder}")
            venv.create(folder, with_pip=True, clear=True)
            subprocess.run([str(folder / "bin" / "pip"), "install", "-q", *PACKAGES], check=True)
            (folder / "complete").touch()
    return folder


def batches(oracle: Oracle, events: list[dict[str, str]], chance: random.Random) -> list[list[int]]:
    """Positions of the events: none of the product's, three batches by etl_tstamp, and one that is overtaken.

    The third batch has late events of the first two as well, and some that came before.
    """
    ours = {row[0] for row in oracle.table(events, Selection(columns=("event_id",)), STAMPS).rows}
    order = sorted(range(len(events)), key=lambda at: utc(events[at]["etl_tstamp"]))
    known = [at for at in order if events[at]["event_id"] in ours]
    foreign = [at for at in order if events[at]["event_id"] not in ours]
    cuts = [known[:200], known[200:320], known[320:]]
    late = chance.sample(cuts[0], 30) + chance.sample(cuts[1], 20)
    overtaken = chance.sample([at for at in cuts[1] if at not in late], 15)
    first, second = ([at for at in cut if at not in late and at not in overtaken] for cut in cuts[:2])
    again = chance.sample(first, 25)
    return [foreign[:100], first + foreign[100:200], second + foreign[200:], cuts[2] + late + again, overtaken]


def generate(what: str, folder: Path, *more: str, schemas: Path = STRUCTURES) -> list[Path]:
    """`runner generate WHAT`: its files."""
    folder.mkdir(parents=True, exist_ok=True)
    flags = ["--schemas", str(schemas), "--engine", "duckdb", "--columns", ",".join(SELECTION.columns)]
    said = driver.command("generate", what, str(PRODUCT), *flags, "--match", SELECTION.match, "-o", str(folder), *more)
    if said.code:
        raise SystemExit(said.text)
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".selection.yml"))


def predicate(model: str) -> str:
    """What the model says of its later runs, on one line."""
    _, _, rest = model.partition("{% if is_incremental() %}")
    return " ".join(rest.partition("{% endif %}")[0].split())


class Proof:
    """One warehouse, one dbt project and one playbook, brought up to date after each batch."""

    def __init__(self, folder: Path, home: Path, chance: random.Random) -> None:
        self.folder = folder
        self.url = f"duckdb:///{folder / 'shop.duckdb'}"
        self.oracle = Oracle(PRODUCT, STRUCTURES)
        self.events = real_events()
        self.real = len(self.events)
        self.batches = batches(self.oracle, self.events, chance)
        self.wrong = 0
        project = folder / "project"
        files = generate("dbt", project / "models")
        print("generated for dbt:", ", ".join(path.name for path in files))
        print(
            "predicate:", predicate(next(path for path in files if path.suffix == ".sql").read_text(encoding="utf-8"))
        )
        self.model = next(path for path in files if path.suffix == ".sql").stem
        (project / "dbt_project.yml").write_text(PROJECT)
        (project / "profiles.yml").write_text(PROFILE.format(path=folder / "shop.duckdb"))
        self.relation = f"dbt.{self.model}"
        self.dbt = Dbt(home, project)
        self.playbook = next(path for path in generate("playbook", folder / "playbook") if path.suffix == ".yml")
        steps = read_yaml(self.playbook)
        self.table = str([model for step in steps.get("steps", [steps]) for model in step["models"]][-1]["table"])

    def run(self) -> int:
        """Events of no specification, three batches and their comparison, then a batch that was overtaken."""
        *usual, overtaken = self.batches
        self._stamp()
        with Db(self.url) as db:
            shop = Shop(db, self.oracle, self.events)
        for number, batch in enumerate(usual):
            self._arrive(shop, batch)
            self._both()
            print(f"batch {number}: {len(batch)} events; dbt has {self._count(self.relation)} rows")
        there = [event for at, event in enumerate(self.events[: self.real]) if at not in overtaken]
        print(self.dbt("test").strip().splitlines()[-1])
        self._compare("dbt", self.relation, there)
        self._compare("playbook", self.table, there)
        self._compare_view(there)
        self._arrive(shop, overtaken)
        for late_days, lacking in ((0, len(overtaken)), (3, 0)):
            self._both("--vars", f"{{late_days: {late_days}}}")
            missing = self._count(self.table) - self._count(self.relation)
            print(
                f"a batch of {len(overtaken)} that was overtaken: with late_days {late_days} dbt's table lacks {missing}"
            )
            self.wrong += missing != lacking  # then the text above is out of date
        self._compare("dbt, with the overtaken batch", self.relation, self.events[: self.real])
        self._compare("playbook, with the overtaken batch", self.table, self.events[: self.real])
        self.dbt("run", "--full-refresh")
        self._compare("dbt run --full-refresh", self.relation, self.events[: self.real])
        self._widen()
        return 1 if self.wrong else 0

    def _widen(self) -> None:
        """A property is added: the next run appends its column, and keeps all rows."""
        before = self._count(self.relation)
        wider = self.folder / "wider"
        shutil.copytree(STRUCTURES, wider)
        (path,) = wider.rglob("user.yaml")
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("  properties:\n", "  properties:\n    addedLater: {type: integer}\n", 1))
        generate("dbt", self.folder / "project" / "models", schemas=wider)
        self.dbt("run")
        with Db(self.url) as db:
            named = f"table_schema || '.' || table_name = '{self.relation}' and column_name like '%added_later'"
            added = db.rows(f"select column_name from information_schema.columns where {named}")
        kept = self._count(self.relation) == before
        print(
            f"a property is added: {added[0][0] if added else 'NO COLUMN'}, {'all rows kept' if kept else 'ROWS LOST'}"
        )
        self.wrong += not (added and kept)

    def _stamp(self) -> None:
        """Say when each event is loaded: a day for each batch; the overtaken one has a time of the first."""
        before: set[int] = set()
        for number, batch in enumerate(self.batches):
            day = FIRST_LOAD + timedelta(days=1 if number == len(self.batches) - 1 else number)
            for order, at in enumerate(batch):
                stamp = str(day + timedelta(hours=order // 100))
                if at in before:
                    self.events.append(self.events[at] | {"load_tstamp": stamp})
                    batch[order] = len(self.events) - 1
                else:
                    self.events[at]["load_tstamp"] = stamp
            before.update(batch)

    def _arrive(self, shop: Shop, batch: list[int]) -> None:
        with Db(self.url) as db:
            shop.db = db
            shop.arrive(batch)

    def _both(self, *flags: str) -> None:
        self.dbt("run", *flags)
        said = driver.command("run", str(self.playbook), "--target", self.url)
        if said.code:
            raise SystemExit(said.text)

    def _count(self, relation: str) -> int:
        with Db(self.url) as db:
            return int(db.rows(f"select count(*) from {relation}")[0][0])

    def _compare(self, what: str, relation: str, events: Sequence[Mapping[str, str]]) -> None:
        with Db(self.url) as db:
            found = differences(db, relation, self.oracle, events, SELECTION, AS_LOADED)
        rows = len(self.oracle.table(events, SELECTION, STAMPS).rows)
        print(f"{what}: {rows} rows, {'every column equals the raw JSON' if not found else f'DIFFERENT {found}'}")
        self.wrong += bool(found)

    def _compare_view(self, events: Sequence[Mapping[str, str]]) -> None:
        with Db(self.url) as db:
            for path in generate("view", self.folder / "view"):
                if path.suffix == ".sql":
                    db.execute(path.read_text(encoding="utf-8"))
            own = "table_schema not in ('information_schema', 'pg_catalog', 'main')"
            listed = db.rows(f"select table_schema, table_name from information_schema.views where {own}")
        self._compare("view", ".".join(listed[0]), events)


def main() -> int:
    """Three runs of dbt, the comparison, and the limit; 1 if anything differs from what is said above."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sql-model-runner"
    options.add_argument("--home", type=Path, default=cache)
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    if missing := absent():
        raise SystemExit(missing)
    print(f"seed {asked.seed}")
    with tempfile.TemporaryDirectory(prefix="runner_dbt_") as name:
        return Proof(Path(name), asked.home, random.Random(asked.seed)).run()


if __name__ == "__main__":
    sys.exit(main())
