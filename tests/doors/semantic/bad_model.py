"""A good semantic model, and what a bad one is: a small change to it, with what must be found, in which file and line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

GOOD = {
    "config.yml": """\
data_model_schema: sl
active_days: 90
cohorted_daily_kpis_days: [0, 1, 7, 30]
timezone: UTC
model_settings:
  incremental_update_frequency: 30m
  number_type: decimal(18,4)
""",
    "events/login.yml": """\
table_name: app.login
tags: [registration_event, activity_event]
columns:
  event_id: {data_type: STRING, tags: [event_id_column]}
  user_id: {data_type: STRING, tags: [entity_id_column]}
  time: {data_type: DATETIME, tags: [event_timestamp_column]}
  etl_tstamp: {data_type: DATETIME, tags: [etl_timestamp_column]}
  date: {data_type: DATE, tags: [date_column]}
  country: {data_type: STRING, tags: [registration_property]}
  minutes: {data_type: NUMBER}
""",
    "events/payment.yml": """\
table_name: app.events
where: "{event_name} = 'payment'"
tags: [activity_event, payment_transaction_event]
columns:
  event_id: {data_type: STRING, tags: [event_id_column]}
  user_id: {data_type: STRING, tags: [entity_id_column]}
  time: {data_type: DATETIME, tags: [event_timestamp_column]}
  etl_tstamp: {data_type: DATETIME, tags: [etl_timestamp_column]}
  event_name: {data_type: STRING}
  revenue: {data_type: NUMBER, tags: [transaction_amount_column]}
  product: {data_type: STRING}
""",
    "properties/days.yml": """\
properties:
  country:
    data_type: STRING
    can_group_by: true
    registration_property:
      source_column: country
  dau_active:
    data_type: INTEGER
    event_property:
      source_event: entity_activity
      select: 1
      aggregate_function: none
      default_value: 0
  revenue_on_day:
    data_type: NUMBER
    event_property:
      source_event: payment
      select: '{revenue}'
      aggregate_function: sum
      where: "{product} <> 'gift'"
      default_value: 0
  last_product:
    data_type: STRING
    can_group_by: true
    event_property:
      source_event: payment
      select: '{product}'
      aggregate_function: last_value
""",
    "properties/windows.yml": """\
properties:
  mau_active:
    data_type: INTEGER
    sliding_window_property:
      source_property: dau_active
      window_function: max
      relative_days_from: -27
      relative_days_to: 0
  launch_revenue:
    data_type: NUMBER
    fixed_window_property:
      source_property: revenue_on_day
      window_function: sum
      date_from: 2026-01-01
      date_to: 2026-01-07
  revenue_lifetime:
    data_type: NUMBER
    lifetime_property:
      source_property: revenue_on_day
      merge_function: sum
  segment:
    data_type: STRING
    can_group_by: true
    computed_property:
      select: '{revenue_lifetime}'
      value_mappings:
        - range: {to: 0}
          new_value: Non payer
        - range: {from: 0, to: 20}
          new_value: Minnow
        - range: {from: 20}
          new_value: Whale
""",
    "kpis/all.yml": """\
kpis:
  revenue:
    label: Revenue
    select: SUM({property.revenue_on_day})
    unit: {symbol: $, is_prefix: true}
    x_axis: {date: {}, cohort_day: {}}
  dau:
    label: DAU
    select: SUM({property.dau_active})
    x_axis:
      date: {total_function: avg}
      cohort_day: {}
  mau:
    label: MAU
    select: SUM({property.mau_active})
    x_axis: {date: {total_function: avg}}
  arpdau:
    select: SAFE_DIVIDE({kpi.revenue}, {kpi.dau})
    x_axis: {date: {}, cohort_day: {}}
  whales:
    select: '{kpi.dau}'
    where: "{property.segment} = 'Whale'"
    x_axis: {date: {}}
  launch:
    select: SUM({property.launch_revenue})
    x_axis: {date: {}}
  retention_d{}:
    select: SAFE_DIVIDE({kpi.dau} * 100, SUM({property.cohort_size}))
    where: '{property.cohort_day} = {}'
    unit: {symbol: '%', is_prefix: false}
    x_axis: {date: {}}
    template: cohort_day
""",
}
CONFIG, LOGIN, PAYMENT = "config.yml", "events/login.yml", "events/payment.yml"
DAYS, WINDOWS, KPIS = "properties/days.yml", "properties/windows.yml", "kpis/all.yml"

Change = tuple[str, str, str | None]


@dataclass(frozen=True)
class Found:
    """What must be found: on the nth line of the file that holds `at` (in the file as a whole where it is '')."""

    code: str
    file: str
    at: str
    word: str
    nth: int = 1

    def line(self, files: dict[str, str]) -> int:
        """The number of the line."""
        if not self.at:
            return 0
        lines = files[self.file].splitlines()
        return [number for number, line in enumerate(lines, 1) if self.at in line][self.nth - 1]


@dataclass(frozen=True)
class Case:
    """A bad model: `was` becomes `now` in a file ('' for the whole file; now None takes the file away)."""

    name: str
    changes: tuple[Change, ...]
    found: tuple[Found, ...]

    def with_more(self, *changes: Change) -> Case:
        """With further changes."""
        return replace(self, changes=(*self.changes, *changes))

    def and_also(self, *found: Found) -> Case:
        """With further findings."""
        return replace(self, found=(*self.found, *found))

    def moved(self, at: str, nth: int) -> Case:
        """With the first finding on another line."""
        return replace(self, found=(replace(self.found[0], at=at, nth=nth), *self.found[1:]))

    def files(self) -> dict[str, str]:
        """Its files."""
        files = dict(GOOD)
        for file, was, now in self.changes:
            if now is None:
                del files[file]
            elif not was:
                files[file] = now
            else:
                assert files[file].count(was) >= 1, f"{self.name}: {file} has no {was!r}"
                files[file] = files[file].replace(was, now, 1)
        return files


def written(files: dict[str, str], folder: Path) -> Path:
    """The model on disk."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def one(name: str, file: str, was: str, now: str | None, code: str, at: str, word: str, where: str = "") -> Case:
    """A case of one change and one finding."""
    return Case(name, ((file, was, now),), (Found(code, where or file, at, word),))
