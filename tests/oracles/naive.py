"""A runner of a few lines that recomputes everything in full, and can be told to do it wrong.

It shows that the harness of the schedules is right: done properly, full recompute passes every schedule; with any one
mistake some schedule fails.
"""

from __future__ import annotations

import argparse
from datetime import datetime
from typing import Any

from tests.engines.db import Db
from tests.kit.driver import Outcome
from tests.oracles.models import BY_NAME, SOURCE, Sql, with_ancestors
from tests.oracles.oracle import ON_SOURCE, Event, Rules
from tests.oracles.play import FAILED, Play
from tests.oracles.playbooks import NAME

SENTINEL = datetime(1, 1, 1)
STATE = """
    create schema if not exists runner; create schema if not exists derived;
    create table if not exists runner.manifest (
        playbook varchar, source varchar, etl_tstamp timestamp, event_count bigint, rewound boolean, run_id varchar)
"""
MISTAKES = (
    "takes only batches after the newest",
    "takes only batches that grew",
    "takes no older batch",
    "ignores rows without a batch",
    "ignores --until",
    "ignores --model",
    "ignores a new definition",
    "keeps vanished batches",
    "never stops",
    "leaves the key NULL out",
    "counts copies",
    "reads rows that are not in the manifest",
    "writes on every run",
    "forgets the manifest on rewind",
)


def recompute(
    db: Db, model: Sql, rules: Rules, variant: int, source: str = SOURCE, null_keys: bool = True, engine: str = ""
) -> None:
    """Build one model in full, the naive way; `engine`: with the text for another engine."""
    rows = source
    if rules.dedupe and model.name in ON_SOURCE:
        order = ", ".join((*rules.order_by, *Event._fields))
        numbered = (
            f"select *, row_number() over (partition by {', '.join(rules.dedupe)} order by {order}) as copy_no "
            f"from {source}"
        )
        rows = f"(select * from ({numbered}) as c where copy_no = 1 or {rules.dedupe[0]} is null) as e"
    text = model.sql(variant, engine or db.engine).replace(f"from {SOURCE}", f"from {rows}")
    keyed = " or ".join(f"{column} is not null" for column in model.key if not null_keys) or "true"
    db.execute(f"drop table if exists {model.table}")
    db.execute(f"create table {model.table} as select * from ({text}) as q where {keyed}")


class NaivePlay(Play):
    """A play whose runner is this one."""

    mistake: str = ""
    turn: int = 0

    def command(self, name: str, *args: str) -> Outcome:
        """Do what `runner NAME PLAYBOOK ARGS` does."""
        self.db.execute(STATE)
        if name == "rewind":
            if self.mistake == "forgets the manifest on rewind":
                self.db.execute("delete from runner.manifest")
            return Outcome(0, "")
        return Outcome(self._do_run(self._parsed(args)), "")

    @staticmethod
    def _parsed(args: tuple[str, ...]) -> argparse.Namespace:
        parser = argparse.ArgumentParser()
        parser.add_argument("--until", type=datetime.fromisoformat)
        parser.add_argument("--chunk", type=int)
        parser.add_argument("--model", action="append")
        parser.add_argument("--retract", action="store_true")
        return parser.parse_args(args)

    def _do_run(self, given: argparse.Namespace) -> int:
        batch = "date_trunc('hour', etl_tstamp)" if self.world.rules.hourly else "etl_tstamp"
        batch = f"coalesce({batch}, timestamp '{SENTINEL.isoformat()}')"
        current: dict[Any, int] = dict(self.db.rows(f"select {batch}, count(*) from {SOURCE} group by 1"))
        before: dict[Any, int] = dict(self.db.rows("select etl_tstamp, event_count from runner.manifest"))
        retract = given.retract or self.schedule.design.vanished == "retract" or self.mistake == "never stops"
        if not retract and before.keys() - current.keys():
            return FAILED
        after = self._taken(before, current, None if self.mistake == "ignores --until" else given.until)
        if after != before or self.mistake == "writes on every run":
            self.turn += 1
            self.db.execute("delete from runner.manifest")
            rows = [(NAME, SOURCE, etl, count, False, str(self.turn)) for etl, count in after.items()]
            columns = ("playbook", "source", "etl_tstamp", "event_count", "rewound", "run_id")
            self.db.load("runner.manifest", columns, rows)
        listed = ", ".join(f"timestamp '{etl.isoformat()}'" for etl in after) or "null"
        self.db.execute("drop table if exists taken")
        rule = "true" if self.mistake == "reads rows that are not in the manifest" else f"{batch} in ({listed})"
        self.db.execute(f"create table taken as select * from {SOURCE} where {rule}")
        self._build(given.model)
        return 0

    def _taken(self, before: dict[Any, int], current: dict[Any, int], until: datetime | None) -> dict[Any, int]:
        """The manifest after the run."""
        wrong = self.mistake
        newest = max(before, default=SENTINEL)
        taken = {etl: count for etl, count in current.items() if etl in before or until is None or etl < until}
        if wrong == "takes only batches after the newest":
            taken = {etl: before.get(etl, count) for etl, count in taken.items() if etl in before or etl > newest}
        elif wrong == "takes only batches that grew":
            taken = {etl: max(count, before.get(etl, 0)) for etl, count in taken.items()}
        elif wrong == "takes no older batch":
            taken = {etl: count for etl, count in taken.items() if etl in before or etl > newest}
        elif wrong == "ignores rows without a batch":
            taken.pop(SENTINEL, None)
        elif wrong == "keeps vanished batches":
            taken = before | taken
        return taken

    def _build(self, tables: list[str] | None) -> None:
        names = with_ancestors(table.removeprefix("derived.") for table in tables or ())
        for model in BY_NAME.values():
            wanted = not names or model.name in names or self.mistake == "ignores --model"
            if model.name in self.variants and wanted:
                variant = 0 if self.mistake == "ignores a new definition" else self.variants[model.name]
                rules = Rules() if self.mistake == "counts copies" else self.world.rules
                recompute(self.db, model, rules, variant, "taken", self.mistake != "leaves the key NULL out")
