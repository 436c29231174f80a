"""A semantic model with every kind of property, small enough for an oracle in plain Python: see semantic_oracle.py."""

from __future__ import annotations

from pathlib import Path

CONFIG = """
data_model_schema: sl
active_days: 10
cohorted_daily_kpis_days: [0, 1, 3, 7]
model_settings:
  incremental_update_frequency: 30m
  max_future_skew: 1d
  vanished: retract
  shrank: note
"""
LOGIN = """
table_name: app.login
tags: [registration_event, activity_event]
columns:
  event_id:   {data_type: STRING, tags: [event_id_column]}
  user_id:    {data_type: STRING, tags: [entity_id_column]}
  time:       {data_type: DATETIME, tags: [event_timestamp_column]}
  etl_tstamp: {data_type: DATETIME, tags: [etl_timestamp_column]}
  country:    {data_type: STRING, tags: [registration_property]}
"""
PAYMENT = """
table_name: app.events
where: "{event_name} = 'payment'"
tags: [activity_event, payment_transaction_event]
columns:
  event_id:   {data_type: STRING, tags: [event_id_column]}
  user_id:    {data_type: STRING, tags: [entity_id_column]}
  time:       {data_type: DATETIME, tags: [event_timestamp_column]}
  etl_tstamp: {data_type: DATETIME, tags: [etl_timestamp_column]}
  event_name: {data_type: STRING}
  revenue:    {data_type: NUMBER, tags: [transaction_amount_column]}
  product:    {data_type: STRING}
"""
PROPERTIES = """
properties:
  registration_date: {data_type: DATE, can_group_by: true, registration_property: {source_column: date}}
  registration_country: {data_type: STRING, can_group_by: true, registration_property: {source_column: country}}
  dau_active: {data_type: INTEGER, event_property: {source_event: entity_activity, select: 1, aggregate_function: none, default_value: 0}}
  registered: {data_type: INTEGER, event_property: {source_event: entity_registrations, select: 1, aggregate_function: count, default_value: 0}}
  logins: {data_type: INTEGER, event_property: {source_event: login, select: 1, aggregate_function: count, default_value: 0}}
  revenue: {data_type: NUMBER, event_property: {source_event: payment, select: '{revenue}', aggregate_function: sum, default_value: 0}}
  best: {data_type: NUMBER, event_property: {source_event: payment, select: '{revenue}', aggregate_function: max}}
  mean: {data_type: NUMBER, event_property: {source_event: payment, select: '{revenue}', aggregate_function: avg}}
  first_product: {data_type: STRING, event_property: {source_event: payment, select: '{product}', aggregate_function: first_value, where: '{revenue} > 2'}}
  products: {data_type: INTEGER, event_property: {source_event: payment, select: '{product}', aggregate_function: count_distinct}}
  payer: {data_type: INTEGER, event_property: {source_event: payment, select: 1, aggregate_function: none, default_value: 0}}
  big_revenue: {data_type: NUMBER, event_property: {source_event: payment, select: 'SUM({revenue})', aggregate_function: none, where: '{revenue} > 4'}}
  wau: {data_type: INTEGER, sliding_window_property: {source_property: dau_active, window_function: max, relative_days_from: -4, relative_days_to: 0}}
  days_active: {data_type: INTEGER, can_group_by: true, sliding_window_property: {source_property: dau_active, window_function: sum, relative_days_from: -4, relative_days_to: 0}}
  returns: {data_type: INTEGER, sliding_window_property: {source_property: dau_active, window_function: sum, relative_days_from: 1, relative_days_to: 2}}
  peak: {data_type: INTEGER, sliding_window_property: {source_property: days_active, window_function: max, relative_days_from: -2, relative_days_to: 0}}
  tried: {data_type: INTEGER, sliding_window_property: {source_property: first_product, window_function: count_distinct, relative_days_from: -4, relative_days_to: -1}}
  mean_revenue: {data_type: NUMBER, sliding_window_property: {source_property: revenue, window_function: avg, relative_days_from: -1, relative_days_to: 0}}
  launch_revenue: {data_type: NUMBER, fixed_window_property: {source_property: revenue, window_function: sum, date_from: 2026-01-02, date_to: 2026-01-04}}
  revenue_lifetime: {data_type: NUMBER, lifetime_property: {source_property: revenue, merge_function: sum}}
  payer_ever: {data_type: INTEGER, lifetime_property: {source_property: payer, merge_function: max}}
  first_country: {data_type: STRING, lifetime_property: {source_event_property: {source_event: login, select: '{country}', aggregate_function: first_value}, merge_function: first_value}}
  last_country: {data_type: STRING, can_group_by: true, lifetime_property: {source_event_property: {source_event: login, select: '{country}', aggregate_function: last_value}, merge_function: last_value}}
  spender: {data_type: INTEGER, computed_property: {select: 'IF({revenue} > 4, 1, 0)'}}
  spender_days: {data_type: INTEGER, sliding_window_property: {source_computed_property: spender, window_function: sum, relative_days_from: -2, relative_days_to: 0}}
  segment:
    data_type: STRING
    can_group_by: true
    computed_property:
      select: '{revenue_lifetime}'
      value_mappings:
        - {range: {to: 0}, new_value: none}
        - {range: {from: 0, to: 9}, new_value: some}
        - {range: {from: 9}, new_value: much}
"""
KPIS = """
kpis:
  login_count: {select: 'SUM({property.logins})', x_axis: {date: {}, cohort_day: {}}}
  daily_revenue: {select: 'SUM({property.revenue})', unit: {symbol: $, is_prefix: true}, x_axis: {date: {total_function: sum}, cohort_day: {}}}
  dau: {label: DAU, select: 'SUM({property.dau_active})', x_axis: {date: {total_function: avg}, cohort_day: {}}}
  wau_users: {label: WAU, select: 'SUM({property.wau})', x_axis: {date: {total_function: avg}}}
  arpdau: {select: 'SAFE_DIVIDE({kpi.daily_revenue}, {kpi.dau})', x_axis: {date: {}, cohort_day: {}}}
  payer_dau: {select: '{kpi.dau}', where: '{property.payer_ever} > 0', x_axis: {date: {}}}
  registrations: {select: 'SUM({property.cohort_size})', where: '{property.cohort_day} = 0', x_axis: {date: {}}}
  retention: {select: 'SAFE_DIVIDE({kpi.dau} * 100, SUM({property.cohort_size}))', unit: {symbol: '%'}, x_axis: {cohort_day: {}}}
  retention_d{}: {select: 'SAFE_DIVIDE({kpi.dau} * 100, SUM({property.cohort_size}))', where: '{property.cohort_day} = {}', x_axis: {date: {}}, template: cohort_day}
  ltv: {select: 'SAFE_DIVIDE(SUM({property.revenue_lifetime}), SUM({property.cohort_size}))', x_axis: {cohort_day: {}}}
  lost: {select: 'SUM({property.cohort_size})', where: '{property.days_since_last_active} = 3', x_axis: {date: {}}}
  mean_lifetime: {select: 'AVG({property.revenue_lifetime})', x_axis: {date: {}}}
  top_lifetime: {select: 'MAX({property.revenue_lifetime})', x_axis: {date: {}, cohort_day: {}}}
  countries: {select: 'COUNT(DISTINCT {property.last_country})', x_axis: {date: {}}}
  active_countries: {select: 'COUNT(DISTINCT {property.last_country}) + SUM({property.logins})', where: '{property.dau_active} > 0', x_axis: {date: {}}}
  spread: {select: '({kpi.daily_revenue}) - ({kpi.login_count})', x_axis: {date: {}}}
"""
FILES = {
    "config.yml": CONFIG,
    "events/login.yml": LOGIN,
    "events/payment.yml": PAYMENT,
    "properties/all.yml": PROPERTIES,
    "kpis/all.yml": KPIS,
}


def write(folder: Path, changes: dict[str, str] | None = None) -> Path:
    """The model's files in a folder, some of them changed."""
    for name, text in {**FILES, **(changes or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip("\n"))
    return folder
