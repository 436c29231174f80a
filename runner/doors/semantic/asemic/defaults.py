"""The properties and KPIs that every model of users begins with, as the vendor's generator gives them.

Two of its definitions are mended: monthly users are users, not their days, and LTV is money a user, added up over the
cohort's days. `<day>` stands for what events call their day, `<event>` and `<amount>` for those of payments.
"""

from __future__ import annotations

CONFIG = """data_model_schema: <schema>
active_days: 90
cohorted_daily_kpis_days: [0, 1, 2, 3, 4, 5, 6, 7, 14, 21, 28, 30, 40, 50, 60, 90, 120, 180, 270, 360]
# model_settings:
#   target: duckdb:///app.duckdb   # the warehouse, unless RUNNER_TARGET or --target names it
#   incremental_update_frequency: 30m
"""
REGISTRATION_PROPERTIES = """properties:
  registration_date:
    data_type: DATE
    can_group_by: true
    registration_property: {source_column: <day>}
"""
REGISTRATION_PROPERTY = """  <name>:
    data_type: <type>
    can_group_by: true
    registration_property: {source_column: <column>}
"""
COHORT_PROPERTIES = """  cohort_day:
    data_type: INTEGER
    can_group_by: true
    computed_property: {select: 'DATE_DIFF({<day>}, {registration_date}, DAY)'}
  cohort_size:
    data_type: INTEGER
    can_filter: false
    computed_property: {select: '1'}
"""
REGISTRATION_KPIS = """kpis:
  registrations:
    select: SUM({property.cohort_size})
    where: '{property.cohort_day} = 0'
    x_axis: {<day>: {}}
"""
ACTIVITY_PROPERTIES = """properties:
  dau_active:
    data_type: INTEGER
    can_filter: false
    event_property: {source_event: entity_activity, select: '1', aggregate_function: none, default_value: 0}
  was_active_on_day:
    data_type: STRING
    can_group_by: true
    computed_property:
      select: '{dau_active}'
      value_mappings:
        - {constant: 0, new_value: Inactive on day}
        - {constant: 1, new_value: Active on day}
  days_active_last_7_days:
    data_type: INTEGER
    can_group_by: true
    sliding_window_property: {source_property: dau_active, window_function: sum, relative_days_from: -6, relative_days_to: 0}
  days_active_last_28_days:
    data_type: INTEGER
    can_group_by: true
    sliding_window_property: {source_property: dau_active, window_function: sum, relative_days_from: -27, relative_days_to: 0}
  mau_active:   # 1 for a user who came within 28 days, however often
    data_type: INTEGER
    can_filter: false
    sliding_window_property: {source_property: dau_active, window_function: max, relative_days_from: -27, relative_days_to: 0}
  last_activity_date:
    data_type: DATE
    can_group_by: true
    lifetime_property:
      source_event_property: {source_event: entity_activity, select: '{<day>}', aggregate_function: last_value}
      merge_function: last_value
  days_since_last_active:
    data_type: INTEGER
    can_group_by: true
    computed_property: {select: 'DATE_DIFF({<day>}, {last_activity_date}, DAY)'}
"""
ACTIVITY_KPIS = """kpis:
  active_users:
    select: SUM({property.cohort_size})
    where: '{property.days_since_last_active} <= 90'
    x_axis: {<day>: {}, cohort_day: {}}
  dau:
    label: DAU
    select: SUM({property.dau_active})
    x_axis: {<day>: {total_function: avg}, cohort_day: {}}
  mau:
    label: MAU
    select: SUM({property.mau_active})
    x_axis: {<day>: {total_function: avg}, cohort_day: {}}
  mau_lost:   # who was one of them yesterday, and is no longer
    label: MAU Lost
    select: SUM({property.cohort_size})
    where: '{property.days_since_last_active} = 28'
    x_axis: {<day>: {}, cohort_day: {}}
  retention:
    select: SAFE_DIVIDE({kpi.dau} * 100, SUM({property.cohort_size}))
    unit: {symbol: '%', is_prefix: false}
    x_axis: {cohort_day: {}}
  retention_d{}:
    select: SAFE_DIVIDE({kpi.dau} * 100, SUM({property.cohort_size}))
    where: '{property.cohort_day} = {}'
    unit: {symbol: '%', is_prefix: false}
    x_axis: {<day>: {}}
    template: cohort_day
  stickiness:
    select: SAFE_DIVIDE({kpi.dau} * 100, {kpi.mau})
    unit: {symbol: '%', is_prefix: false}
    x_axis: {<day>: {}}
"""
REVENUE_PROPERTIES = """properties:
  revenue_on_day:
    data_type: NUMBER
    event_property: {source_event: <event>, select: '{<amount>}', aggregate_function: sum, default_value: 0}
  revenue_last_28_days:
    data_type: NUMBER
    sliding_window_property: {source_property: revenue_on_day, window_function: sum, relative_days_from: -27, relative_days_to: 0}
  revenue_lifetime:
    data_type: NUMBER
    lifetime_property: {source_property: revenue_on_day, merge_function: sum}
  payment_segment:
    data_type: STRING
    can_group_by: true
    computed_property:
      select: '{revenue_lifetime}'
      value_mappings:
        - {range: {to: 0}, new_value: Non Payer}
        - {range: {from: 0, to: 20}, new_value: Minnow}
        - {range: {from: 20, to: 100}, new_value: Dolphin}
        - {range: {from: 100}, new_value: Whale}
  payers_on_day:
    data_type: INTEGER
    can_filter: false
    event_property: {source_event: <event>, select: '1', aggregate_function: none, default_value: 0}
  was_payer_on_day:
    data_type: STRING
    can_group_by: true
    computed_property:
      select: '{payers_on_day}'
      value_mappings:
        - {constant: 0, new_value: Non Payer on day}
        - {constant: 1, new_value: Payer on day}
  payers_lifetime:
    data_type: INTEGER
    can_group_by: true
    lifetime_property: {source_property: payers_on_day, merge_function: max}
  was_payer_lifetime:
    data_type: STRING
    can_group_by: true
    computed_property:
      select: '{payers_lifetime}'
      value_mappings:
        - {constant: 0, new_value: Non Payer lifetime}
        - {constant: 1, new_value: Payer lifetime}
  payment_transactions_count:
    data_type: INTEGER
    event_property: {source_event: <event>, select: COUNT(*), aggregate_function: none, default_value: 0}
"""
REVENUE_KPIS = """kpis:
  revenue:
    select: SUM({property.revenue_on_day})
    unit: {symbol: $, is_prefix: true}
    x_axis: {<day>: {total_function: sum}, cohort_day: {total_function: sum}}
  daily_revenue:   # what the vendor's page on updates calls it
    label: Daily revenue
    select: '{kpi.revenue}'
    unit: {symbol: $, is_prefix: true}
    x_axis: {<day>: {total_function: sum}}
  daily_payers:
    select: SUM({property.payers_on_day})
    x_axis: {<day>: {}, cohort_day: {}}
  mdau:
    label: mDAU
    select: '{kpi.dau}'
    where: '{property.payers_lifetime} > 0'
    x_axis: {<day>: {total_function: avg}, cohort_day: {}}
  arpdau:
    label: ARPDAU
    select: SAFE_DIVIDE({kpi.revenue}, {kpi.dau})
    unit: {symbol: $, is_prefix: true}
    x_axis: {<day>: {}, cohort_day: {}}
  arppu:
    label: ARPPU
    select: SAFE_DIVIDE({kpi.revenue}, {kpi.daily_payers})
    unit: {symbol: $, is_prefix: true}
    x_axis: {<day>: {}, cohort_day: {}}
  ltv:
    label: LTV
    select: SAFE_DIVIDE(SUM({property.revenue_lifetime}), SUM({property.cohort_size}))
    unit: {symbol: $, is_prefix: true}
    x_axis: {cohort_day: {}}
  ltv_d{}:
    label: LTV D{}
    select: SAFE_DIVIDE(SUM({property.revenue_lifetime}), SUM({property.cohort_size}))
    where: '{property.cohort_day} = {}'
    unit: {symbol: $, is_prefix: true}
    x_axis: {<day>: {}}
    template: cohort_day
"""
