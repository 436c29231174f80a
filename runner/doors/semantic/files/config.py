"""config.yml → the settings of a model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from runner.doors.semantic.files.kinds import (
    ANY,
    COUNT,
    DURATION,
    NO_HINTS,
    TEXT,
    WHOLE,
    WORD,
    known_zone,
    near_zone,
    scalar,
)
from runner.doors.semantic.settings import Dedupe, Settings
from runner.errors import Problems, show
from runner.files.environment import expand_text
from runner.files.schema import Hints, Kind, Row, Scope, Wrong, choice, many, record
from runner.files.yaml import Node
from runner.playbook.paths import holds_password

_MODEL_SETTINGS = (
    "incremental_update_frequency",
    "horizon",
    "max_future_skew",
    "dedupe",
    "number_type",
    "identity",
    "backfill",
    "verify",
    "target",
    "vanished",
    "shrank",
)
_OWN_ID = "give events the user's own id, by sql: if need be"
_OURS = Hints({}, dict.fromkeys(_MODEL_SETTINGS, "model_settings"))
_DECIMAL = re.compile(r"decimal\((\d{1,2}), ?(\d{1,2})\)", re.IGNORECASE)
NEVER: tuple[int | None, int] = (None, 500)
BLANK = Settings("", 0, ())


def configuration(app_id: str, env: Mapping[str, str], problems: Problems) -> Kind[Settings]:
    """What config.yml holds; `app_id` stands for {app_id}, `env` fills in the target."""
    reader = _Reader(app_id, env, problems)
    return record("the configuration", reader.settings, BLANK, _OURS)


@dataclass(frozen=True)
class _Reader:
    """Reads one configuration."""

    app_id: str
    env: Mapping[str, str]
    problems: Problems

    def settings(self, row: Row) -> Settings:
        schema = row.need("data_model_schema", WORD, "write the schema of the generated tables: sl")
        schema = schema.replace("{app_id}", self.app_id)
        if schema and not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", schema):
            what = f"{show(schema)} is not a schema of small letters, digits and _"
            row.wrong("data_model_schema", what, "write sl, or another name of at most 40 of them", "E03")
        settings = Settings(
            schema=schema,
            active_days=row.need("active_days", WHOLE, "write how long a user counts as active: 90"),
            cohort_days=row.need("cohorted_daily_kpis_days", many(WHOLE, empty=False), "write [0, 1, 7, 14, 30]"),
            timezone=row.get("timezone", WORD, "UTC") or "UTC",
        )
        row.get("data_model_version", ANY, None)
        if not known_zone(settings.timezone):
            row.wrong("timezone", f"{show(settings.timezone)} is not a time zone", near_zone(settings.timezone))
        if settings.active_days < 0:
            row.wrong("active_days", "active_days must not be negative", "write how long a user counts as active: 90")
        days = settings.cohort_days
        if min(days, default=0) < 0 or len(set(days)) < len(days):
            what = "cohorted_daily_kpis_days must be different days, none of them negative"
            row.wrong("cohorted_daily_kpis_days", what, "write [0, 1, 7, 14, 30]")
        more = record("model_settings", lambda r: self._more(r, settings), settings, _OURS)
        return row.get("model_settings", more, settings)

    def _more(self, row: Row, settings: Settings) -> Settings:
        frequency = row.get("incremental_update_frequency", DURATION, 86_400)
        if frequency < 60:
            what = "an update more often than once a minute"
            row.wrong("incremental_update_frequency", what, "write 1m or more", "E24")
        if row.has("identity"):
            row.get("identity", ANY, None)
            row.wrong("identity", "identity maps are not there yet", _OWN_ID, "E25")
        horizon = row.get("horizon", _one_of("max_event_date", "run_date"), "max_event_date")
        number = _DECIMAL.fullmatch(row.get("number_type", WORD, "decimal(18,4)"))
        if not number or not 1 <= int(number[1]) <= 38 or int(number[2]) > int(number[1]):
            what = "number_type must be an exact one, or no table can be shown to equal a full rebuild"
            row.wrong("number_type", what, "write decimal(18,4), or another of at most 38 digits", "E19")
            number = None
        row.get("backfill", record("backfill", lambda r: r.get("days_per_chunk", COUNT, 10), 10, NO_HINTS), 10)
        every, keys = row.get("verify", record("verify", _verify, NEVER, NO_HINTS), NEVER)
        target = written = row.get("target", TEXT, "")
        if holds_password(target):
            row.wrong(
                "target", "the target holds a literal password", "put it in the environment: ${PGPASSWORD} in its place"
            )
        elif target:
            target = expand_text(target, row.place_of("target"), self.env, self.problems, "target: ", url=True) or ""
        return replace(
            settings,
            frequency_s=frequency,
            run_date=horizon == "run_date",
            skew_s=row.get("max_future_skew", DURATION, None),
            dedupe=row.get("dedupe", choice(Dedupe, Dedupe.LAST), Dedupe.LAST),
            precision=int(number[1]) if number else 18,
            scale=int(number[2]) if number else 4,
            vanished=row.get("vanished", _one_of("stop", "retract"), "stop"),
            shrank=row.get("shrank", _one_of("stop", "note"), "stop"),
            target=target,
            target_written=written,
            verify_s=every,
            verify_keys=keys,
        )


def _one_of(*words: str) -> Kind[str]:
    def read(node: Node, scope: Scope) -> str:
        text = scalar(node).text
        if text not in words:
            raise Wrong(f"must be {' or '.join(words)}, not {show(text)}", f"write {words[0]}")
        return text

    return Kind(read, words[0])


def _verify(row: Row) -> tuple[int | None, int]:
    return row.get("every", DURATION, None), row.get("keys", COUNT, 500)
