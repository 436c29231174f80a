"""Bad semantic models, by the rules of docs/semantic-rules.md."""

from __future__ import annotations

from tests.doors.semantic.bad_enrichments import CASES as ENRICHMENTS
from tests.doors.semantic.bad_model import CONFIG, DAYS, GOOD, KPIS, LOGIN, PAYMENT, WINDOWS, Case, Found, one


# fmt: off
def _form() -> list[Case]:
    return [
        one("a bracket is not closed", KPIS, "{total_function: avg}", "{total_function: avg", "E01", "avg", "closed"),
        one("a tab in the indentation", CONFIG, "active_days", "\tactive_days", "E01", "active_days", "tab"),
        one("an unquoted percent sign", KPIS, "'%'", "%", "E01", "symbol: %", "cannot begin with"),
        one("an unquoted name in braces", DAYS, "'{revenue}'", "{revenue}", "E01", "{revenue}", "quote it: '{revenue}'"),
        one("an alias", DAYS, "select: '{product}'", "select: *x", "E01", "*x", "alias"),
        one("a list instead of a mapping", CONFIG, "", "- a\n- b\n", "E01", "- a", "mapping"),
        one("an empty file", WINDOWS, "", "# later\n", "E01", "", "empty").with_more(
            (KPIS, "", "kpis: {}\n"),
        ),
        one("no config.yml", CONFIG, "", None, "E01", "", "no such file"),
        one("no KPIs", KPIS, "", None, "E01", "", "no files in kpis/", where="kpis"),
        one("an unknown key in config.yml", CONFIG, "timezone", "time_zone", "E01", "time_zone", "timezone"),
        one("a key in the wrong mapping", CONFIG, "timezone: UTC", "dedupe: none", "E01", "dedupe", "model_settings"),
        one("an unknown key of a property", DAYS, "can_group_by", "can_groupby", "E01", "can_groupby", "did you mean can_group_by?"),
        one("an unknown key of a KPI", KPIS, "label: DAU", "lable: DAU", "E01", "lable", "did you mean label?"),
        one("an unknown key beside kpis:", KPIS, "kpis:", "sections: 1\nkpis:", "E01", "sections", "unknown key"),
        one("a needed key is missing", KPIS, "    select: SUM({property.mau_active})\n", "", "E01", "label: MAU", "needs 'select'"),
        one("an event without a table", PAYMENT, "table_name: app.events\n", "", "E01", "where", "table_name"),
        one("a type of other tools", PAYMENT, "revenue: {data_type: NUMBER", "revenue: {data_type: FLOAT", "E01", "FLOAT", "write NUMBER"),
        one("a type in small letters", DAYS, "data_type: INTEGER", "data_type: integer", "E01", "integer", "did you mean INTEGER?"),
        one("an unknown function", DAYS, "aggregate_function: sum", "aggregate_function: summ", "E01", "summ", "did you mean sum?"),
        one("not a flag", DAYS, "can_group_by: true", "can_group_by: yes", "E01", "yes", "true or false"),
        one("not a whole number", CONFIG, "active_days: 90", "active_days: many", "E01", "many", "whole number"),
        one("negative days", CONFIG, "active_days: 90", "active_days: -1", "E01", "-1", "negative"),
        one("a day twice", CONFIG, "[0, 1, 7, 30]", "[0, 1, 1, 7, 30]", "E01", "1, 1", "different"),
        one("not a date", WINDOWS, "2026-01-01", "2026-13-01", "E01", "2026-13-01", "date"),
        one("an unknown axis", KPIS, "x_axis: {date: {total", "x_axis: {day: {total", "E01", "day: {total", "write date or cohort_day"),
        one("axes in a list", KPIS, "x_axis: {date: {total_function: avg}}", "x_axis: [date]", "E01", "[date]", "mapping of axes"),
        one("a target of another kind", CONFIG, "  number_type", "  target: mysql://x\n  number_type", "E01", "", "mysql"),
        one("a target of the environment that is not set", CONFIG, "  number_type", "  target: ${NO_SUCH_TARGET}\n  number_type", "E01", "target:", "NO_SUCH_TARGET"),
        one("an unknown time zone", CONFIG, "UTC", "Europe/Berln", "E01", "Berln", "did you mean Europe/Berlin?"),
        one("a misspelt tag of a column", LOGIN, "event_timestamp_column", "event_timestmp_column", "E01", "timestmp", "did you mean event_timestamp_column?"),
        one("a misspelt tag of an event", LOGIN, "registration_event", "registraton_event", "E01", "registraton", "did you mean registration_event?"),
        one("a word of older files", DAYS, "event_property:\n      source_event: entity", "action_property:\n      source_event: entity", "W08", "action_property", "event_property"),
        one("a format before that", CONFIG, "data_model_schema: sl", "entity_table_prefix: sl.users", "E27", "entity_table_prefix", "older format"),
        one("a mapping without constant or range", WINDOWS, "- range: {to: 0}\n          new_value", "- new_value", "E01", "- new_value: Non", "constant: or range:"),
        one("a range of words", WINDOWS, "{to: 0}", "{to: none}", "E01", "none", "not a number"),
        one("a folder of a strange encoding", KPIS, "label: MAU", 'label: "\\u202eMAU"', "E01", "202e", "invisible"),
    ]


def _names() -> list[Case]:
    return [
        one("one property twice in a file", WINDOWS, "  segment:", "  mau_active:", "E02", "", "first at line 2").moved("  mau_active:", 2).with_more(
            (KPIS, "{property.segment} = 'Whale'", "{property.country} = 'DE'")
        ),
        one("one property twice, in two files", WINDOWS, "  launch_revenue:", "  country:", "E02", "country:", "days.yml:2").with_more(
            (KPIS, "launch_revenue", "revenue_on_day")
        ),
        Case(
            "one KPI twice, in two files",
            (("kpis/more.yml", "", "kpis:\n  dau:\n    select: COUNT(*)\n    x_axis: {date: {}}\n"),),
            (Found("E02", "kpis/more.yml", "dau:", "second KPI called dau"),),
        ),
        one("a KPI that a template makes too", KPIS, "  launch:", "  retention_d7:", "E02", "retention_d{}", "retention_d7"),
        Case(
            "one event twice, in two folders",
            (("actions/login.yml", "", GOOD[LOGIN]),),
            (Found("E02", "actions/login.yml", "", "second event called login"),),
        ),
        one("a key twice", KPIS, "label: DAU", "label: DAU\n    label: X", "E02", "label: X", "duplicate key"),
        one("columns that differ in capitals only", LOGIN, "  minutes:", "  Country:", "E02", "Country", "capitals"),
        one("a KPI called as the view of another", KPIS, "  launch:", "  dau_cohort:", "E02", "dau_cohort", "the view v_kpi_dau_cohort"),
        one("a property called as a word of SQL", WINDOWS, "  segment:", "  order:", "E03", "order:", "order_1").with_more(
            (KPIS, "{property.segment} = 'Whale'", "{property.country} = 'DE'")
        ),
        one("a property called as a column of the tables", WINDOWS, "  segment:", "  valid_from:", "E03", "valid_from:", "valid_from").with_more(
            (KPIS, "{property.segment} = 'Whale'", "{property.country} = 'DE'")
        ),
        one("a KPI with capitals", KPIS, "  launch:", "  Launch:", "E03", "Launch:", "small letters"),
        one("a KPI with a blank", KPIS, "  launch:", "  launch week:", "E03", "launch week", "small letters"),
        one("a KPI called as its axis", KPIS, "  launch:", "  cohort_day:", "E03", "  cohort_day:\n".strip(), "column of that name").moved("  cohort_day:", 2),
        one("a template with capitals, said once", KPIS, "retention_d{}", "Retention_d{}", "E03", "Retention_d", "small letters"),
        one("a name of the runner's own", KPIS, "  launch:", "  runner_x:", "E03", "runner_x", "runner_"),
        one("no schema", CONFIG, "schema: sl", "schema:", "E01", "schema:", "has no value"),
        one("an unsafe schema", CONFIG, "schema: sl", "schema: sl; drop", "E03", "drop", "schema of small letters"),
        one("an unsafe column", LOGIN, "  minutes:", "  'a\" b':", "E03", 'a" b', "name of a column"),
        Case(
            "an event called as a built-in one",
            (("events/entity_activity.yml", "", GOOD[LOGIN]),),
            (Found("E03", "events/entity_activity.yml", "", "rename the file"),),
        ),
    ]


def _kinds() -> list[Case]:
    fixed = "      source_property: revenue_on_day\n      window_function: sum\n"
    return [
        one("no kind", DAYS, "    registration_property:\n      source_column: country\n", "", "E04", "country:", "no kind"),
        one("two kinds", DAYS, "    registration_property:", "    computed_property: {select: 1}\n    registration_property:", "E04", "registration_property", "two kinds"),
        one("no source", WINDOWS, fixed, "      window_function: sum\n", "E05", "window_function: sum", "no source"),
        one("two sources", WINDOWS, fixed, fixed + "      source_computed_property: segment\n", "E05", "source_computed", "two sources"),
        one("a window over a fixed one", WINDOWS, "source_property: revenue_on_day\n      merge", "source_property: launch_revenue\n      merge", "E05", "source_property: launch_revenue", "does not change").and_also(
            Found("E20", WINDOWS, "source_property: launch_revenue", "grows every day")
        ),
        one("a window over a formula with the date", WINDOWS, "source_property: dau_active", "source_property: cohort_day", "E05", "source_property: cohort_day", "{date}"),
        one("a source without a name", DAYS, "source_event: payment", "source_event: ''", "E01", "source_event: ''", "is empty"),
        one("an unknown event", DAYS, "source_event: payment", "source_event: paymnt", "E06", "paymnt", "did you mean payment?"),
        one("an unknown column of an event", DAYS, "'{revenue}'", "'{revenu}'", "E06", "revenu}", "did you mean revenue?"),
        one("an unknown column in the condition of an event", PAYMENT, "{event_name} =", "{event_nam} =", "E06", "event_nam}", "did you mean event_name?"),
        one("an unknown column in the condition of a property", DAYS, "{product} <>", "{produkt} <>", "E06", "produkt", "did you mean product?"),
        one("an unknown column of the registration", DAYS, "source_column: country", "source_column: contry", "E06", "contry", "did you mean country?"),
        one("an unknown source", WINDOWS, "source_property: dau_active", "source_property: dau_activ", "E06", "dau_activ", "did you mean dau_active?"),
        one("an unknown property in a formula", WINDOWS, "'{revenue_lifetime}'", "'{revenue_life}'", "E06", "revenue_life}", "did you mean revenue_lifetime?"),
        one("an unknown property in a KPI", KPIS, "SUM({property.mau_active})", "SUM({property.mau_activ})", "E06", "mau_activ}", "did you mean mau_active?"),
        one("an unknown property in the condition of a KPI", KPIS, "{property.segment}", "{property.segmnt}", "E06", "segmnt", "did you mean segment?"),
        one("an unknown KPI", KPIS, "{kpi.revenue}", "{kpi.revenu}", "E06", "revenu}", "did you mean revenue?"),
        one("a KPI named as a property", KPIS, "{kpi.revenue}", "{property.revenue}", "E06", "property.revenue}", "write {kpi.revenue}").and_also(
            Found("E08", KPIS, "property.revenue}", "not aggregated")
        ),
        one("a name that does not say what it is", KPIS, "{kpi.revenue}", "{revenue}", "E06", "({revenue}", "write {kpi.revenue}"),
        one("a name without braces", KPIS, "SUM({property.mau_active})", "SUM(mau_active)", "E06", "(mau_active)", "{property.mau_active}"),
        one("a column without braces", DAYS, "select: '{revenue}'", "select: revenue", "E06", "select: revenue", "write {revenue}"),
        one("no event is an activity", LOGIN, ", activity_event", "", "E06", "entity_activity", "activity_event", where=DAYS).with_more(
            (PAYMENT, "activity_event, ", "")
        ),
        Case(
            "a property of the activity where there is none",
            ((LOGIN, ", activity_event", ""), (PAYMENT, "activity_event, ", ""), (DAYS, "entity_activity", "login"),
             (KPIS, "'{kpi.dau}'", "MAX({property.days_since_last_active})")),
            (Found("E06", KPIS, "days_since", "activity_event"),),
        ),
    ]


def _circles() -> list[Case]:
    return [
        one("a property of itself", WINDOWS, "'{revenue_lifetime}'", "'{segment}'", "E07", "segment:", "segment → segment").with_more(
            (KPIS, "SUM({property.launch_revenue})", "SUM({property.revenue_lifetime})"),
            (WINDOWS, "source_property: revenue_on_day\n      window_function: sum", "source_property: revenue_on_day\n      window_function: max"),
        ),
        one("properties of each other, said once", WINDOWS, "source_property: revenue_on_day\n      merge_function: sum", "source_computed_property: segment\n      merge_function: max", "E07", "  revenue_lifetime:", "revenue_lifetime → segment → revenue_lifetime").and_also(
            Found("E20", WINDOWS, "  revenue_lifetime:", "STRING")
        ),
        one("a KPI of itself", KPIS, "'{kpi.dau}'", "'{kpi.whales} + {kpi.dau}'", "E07", "whales:", "whales → whales"),
        one("KPIs of each other, said once", KPIS, "SUM({property.revenue_on_day})", "'{kpi.arpdau} * {kpi.dau}'", "E07", "  revenue:", "revenue → arpdau → revenue"),
        Case(
            "a KPI that unfolds without end",
            (("kpis/more.yml", "", "kpis:\n" + "".join(
                f"  k{n}:\n    select: '{{kpi.k{n - 1}}} + {{kpi.k{n - 1}}}'\n    x_axis: {{date: {{}}}}\n" if n
                else "  k0:\n    select: COUNT(*)\n    x_axis: {date: {}}\n" for n in range(60))),),
            (Found("E07", "kpis/more.yml", "  k9:", "1,000 parts"),),
        ),
        Case(
            "properties in too many layers",
            (("properties/more.yml", "", "properties:\n" + "".join(
                f"  c{n}: {{data_type: NUMBER, can_group_by: true, computed_property: {{select: '{{c{n - 1}}} + 1'}}}}\n" if n
                else "  c0: {data_type: NUMBER, computed_property: {select: 1}}\n" for n in range(400))),),
            (Found("E07", "properties/more.yml", "  c12:", "12 layers"),),
        ),
        Case(
            "KPIs in too many layers",
            (("kpis/more.yml", "", "kpis:\n" + "".join(
                f"  k{n}: {{select: '{{kpi.k{n - 1}}} + 1', x_axis: {{date: {{}}}}}}\n" if n
                else "  k0: {select: COUNT(*), x_axis: {date: {}}}\n" for n in range(400))),),
            (Found("E07", "kpis/more.yml", "  k12:", "12 layers"),),
        ),
        one("no aggregate", KPIS, "SUM({property.mau_active})", "1 + 1", "E08", "1 + 1", "no aggregate"),
        one("nested aggregates", KPIS, "SUM({property.mau_active})", "SUM(MAX({property.mau_active}))", "E08", "SUM(MAX", "within an aggregate"),
        one("a property that is not aggregated", KPIS, "SUM({property.mau_active})", "'{property.mau_active}'", "E08", "'{property.mau_active}'", "write SUM"),
        one("a property aggregated here and not there", KPIS, "SUM({property.mau_active})", "SUM({property.mau_active}) + {property.mau_active}", "E08", "+ {property.mau_active}", "not aggregated"),
        one("a KPI that is aggregated once more", KPIS, "'{kpi.dau}'", "SUM({kpi.dau})", "E08", "SUM({kpi.dau})", "an aggregate already"),
        one("a condition that aggregates", KPIS, "{property.segment} =", "MAX({property.segment}) =", "E08", "MAX(", "aggregates"),
        one("a condition of an event that aggregates", PAYMENT, "{event_name} =", "MAX({event_name}) =", "E08", "MAX(", "one row"),
        one("a condition of a property that aggregates", DAYS, "{product} <>", "MAX({product}) <>", "E08", "MAX(", "one row"),
        one("a property that aggregates twice", DAYS, "'{revenue}'", "SUM({revenue})", "E08", "SUM({revenue})", "twice"),
        one("none, and nothing aggregates", DAYS, "aggregate_function: sum", "aggregate_function: none", "E08", "'{revenue}'", "none"),
        one("an aggregate within one, of a property", DAYS, "select: 1", "select: SUM(MAX({date}))", "E08", "SUM(MAX", "within"),
        one("a formula that aggregates", WINDOWS, "'{revenue_lifetime}'", "SUM({revenue_lifetime})", "E08", "SUM({revenue", "event_property"),
        one("an axis is missing", KPIS, "      cohort_day: {}\n", "", "E09", "SAFE_DIVIDE({kpi.revenue}", "add cohort_day"),
        one("an axis is missing where a template needs it", KPIS, "      date: {total_function: avg}\n", "", "E09", "SAFE_DIVIDE({kpi.revenue}", "add date").and_also(
            Found("E09", KPIS, "'{kpi.dau}'", "add date"), Found("E09", KPIS, "SAFE_DIVIDE({kpi.dau}", "add date")
        ),
        one("a template without {} in its name", KPIS, "retention_d{}", "retention", "E10", "template", "call it retention_d{}"),
        one("{} without a template", KPIS, "    template: cohort_day\n", "", "E10", "retention_d{}", "template: cohort_day"),
        one("{} in a formula without a template", KPIS, "SUM({property.mau_active})", "SUM({property.mau_active}) + {}", "E10", "+ {}", "template: cohort_day"),
        one("an unknown template", KPIS, "template: cohort_day", "template: weeks", "E10", "weeks", "write template: cohort_day"),
        one("a template of words", KPIS, "template: cohort_day", "template: [1, x]", "E10", "[1, x]", "'x'"),
        one("a template with a day twice", KPIS, "template: cohort_day", "template: [1, 1]", "E10", "[1, 1]", "different"),
        one("a template of nothing", KPIS, "template: cohort_day", "template: []", "E10", "[]", "list of days"),
    ]


def _tags_and_sql() -> list[Case]:
    mau = "SUM({property.mau_active})"
    return [
        one("no user", PAYMENT, ", tags: [entity_id_column]", "", "E11", "table_name", "entity_id_column"),
        one("no timestamp", LOGIN, ", tags: [event_timestamp_column]", "", "E11", "table_name", "event_timestamp_column"),
        one("a tag twice", PAYMENT, "product: {data_type: STRING", "product: {data_type: STRING, tags: [entity_id_column]", "E11", "product", "twice"),
        one("no registration", LOGIN, "registration_event, ", "", "E11", "", "registration_event", where=CONFIG),
        one("a tag of events on a column", LOGIN, "[registration_property]", "[registration_event]", "E11", "country", "the event itself"),
        one("a tag of columns on an event", PAYMENT, "[activity_event, ", "[activity_event, date_column, ", "E11", "date_column", "one of the columns"),
        one("two batches of one table", PAYMENT, "app.events", "app.login", "E11", "table_name", "etl_timestamp_column").with_more(
            (PAYMENT, "etl_tstamp:", "loaded:")
        ),
        one("two ids of one table", PAYMENT, "app.events", "app.login", "E11", "table_name", "event_id_column").with_more(
            (PAYMENT, "event_id:", "id:")
        ),
        one("SQL that ends too early", KPIS, mau, "SUM({property.mau_active}", "E12", "mau_active}", "expecting )"),
        one("braces that do not match", KPIS, mau, "SUM({property.mau_active)", "E12", "mau_active)", "braces"),
        one("two expressions", KPIS, mau, f"{mau}, {mau}", "E12", f"{mau}, ", "one expression"),
        one("a subquery", KPIS, mau, "(SELECT 1)", "E12", "SELECT 1", "subquery"),
        one("a semicolon", KPIS, mau, f"{mau}; DROP TABLE x", "E12", "DROP", "semicolon"),
        one("a comment", KPIS, mau, f"{mau} -- all", "E12", "-- all", "comment"),
        one("a template of another kind", KPIS, mau, "'{{ mau }}'", "E12", "{{ mau", "template"),
        one("a window function", DAYS, "'{revenue}'", "SUM({revenue}) OVER ()", "E12", "OVER", "window").and_also(
            Found("E08", DAYS, "OVER", "twice")
        ),
        one("an unknown SQL function", DAYS, "'{revenue}'", "FROBNICATE({revenue})", "E12", "FROB", "no function"),
        one("a parameter", DAYS, "'{revenue}'", "'@revenue'", "E12", "@revenue", "parameter"),
        one("a name within quotes", DAYS, "\"{product} <> 'gift'\"", "\"{product} <> '{revenue}'\"", "E12", "<>", "quotes"),
        one("a filter that not every engine has", KPIS, mau, f"{mau} FILTER (WHERE TRUE)", "E12", "FILTER", "FILTER"),
        one("a formula nested without end", KPIS, mau, "(" * 400 + mau + ")" * 400, "E12", "((((", "nested"),
        one("a formula without end", KPIS, mau, " + ".join([mau] * 400), "E12", f"+ {mau}", "10,000"),
        one("SQL of an event that cannot be read", PAYMENT, "tags: [act", "sql: SELECT FROM WHERE\ntags: [act", "E12", "sql:", "sql"),
        one("SQL of an event that is no SELECT", PAYMENT, "tags: [act", "sql: DROP TABLE app.events\ntags: [act", "E12", "sql:", "SELECT"),
    ]


def _values() -> list[Case]:
    return [
        one("days backwards", WINDOWS, "relative_days_from: -27", "relative_days_from: 7", "E13", "relative_days_from", "backwards"),
        one("dates backwards", WINDOWS, "2026-01-01", "2026-02-01", "E13", "date_from", "swap"),
        one("a window of ages", WINDOWS, "-27", "-4000", "E13", "source_property: dau_active", "ten years"),
        one("a range backwards", WINDOWS, "{from: 0, to: 20}", "{from: 20, to: 0}", "E13", "{from: 20, to: 0}", "smaller"),
        one("users that nobody looks at", KPIS, "{property.segment} = 'Whale'", "{property.days_since_last_active} <= 120", "E14", "120", "active_days"),
        one("the same, the other way round", KPIS, "{property.segment} = 'Whale'", "121 > {property.days_since_last_active}", "E14", "121", "active_days"),
        one("the same, between", KPIS, "{property.segment} = 'Whale'", "{property.days_since_last_active} BETWEEN 1 AND 91", "E14", "91", "active_days"),
        one("users beyond every window", KPIS, "{property.segment} = 'Whale'", "{property.days_since_last_active} = 150", "E14", "150", "active_days").with_more(
            (WINDOWS, "-27", "-149")
        ),
        one("a cohort day that is not listed", KPIS, "{property.segment} = 'Whale'", "{property.cohort_day} = 3", "E15", "= 3", "cohort day 3"),
        one("one of several cohort days is not listed", KPIS, "{property.segment} = 'Whale'", "{property.cohort_day} IN (1, 5)", "E15", "IN (1, 5)", "cohort day 5"),
        one("a day of a template that is not listed", KPIS, "template: cohort_day", "template: [1, 3]", "E15", "[1, 3]", "day 3").and_also(
            Found("E15", KPIS, "{property.cohort_day} = {}", "cohort day 3")
        ),
        Case(
            "grouping by a list",
            ((WINDOWS, "  mau_active:\n    data_type: INTEGER", "  mau_active:\n    data_type: INTEGER\n    can_group_by: true"), (WINDOWS, "window_function: max", "window_function: array")),
            (Found("E16", WINDOWS, "mau_active:", "list"), Found("E20", KPIS, "mau_active", "a list")),
        ),
        one("a condition on what is no filter", WINDOWS, "can_group_by: true", "can_filter: false", "E16", "'Whale'", "can_filter", where=KPIS),
        one("a condition on a KPI", KPIS, "{property.segment} = 'Whale'", "{kpi.dau} > 0", "E16", "{kpi.dau} > 0", "property.x"),
        one("conditions that exclude each other", KPIS, "= 'Whale'", "= 'Whale' AND {property.segment} = 'Minnow'", "E16", "'Minnow'", "at once"),
        Case(
            "conditions that exclude each other, one within the other",
            (("kpis/more.yml", "", "kpis:\n  minnows:\n    select: '{kpi.whales}'\n    where: \"{property.segment} = 'Minnow'\"\n    x_axis: {date: {}}\n"),),
            (Found("E16", "kpis/more.yml", "where", "at once"),),
        ),
        one("the day of today", DAYS, "{product} <> 'gift'", "{date} = CURRENT_DATE()", "E17", "CURRENT_DATE", "run to run"),
        one("now, as another engine says it", DAYS, "{product} <> 'gift'", "{time} < now()", "E17", "now()", "use {date}"),
        one("chance", KPIS, "SUM({property.mau_active})", "SUM({property.mau_active} * RAND())", "E17", "RAND", "rand"),
        one("chance, as another engine says it", KPIS, "SUM({property.mau_active})", "SUM({property.mau_active} * gen_random_uuid())", "E17", "uuid", "gen_random_uuid"),
        one("now, in the SQL of an event", PAYMENT, "tags: [act", "sql: SELECT * FROM app.events WHERE time < now()\ntags: [act", "E17", "sql:", "run to run"),
        one("numbers that are not exact", CONFIG, "decimal(18,4)", "double", "E19", "double", "exact"),
        one("too many digits", CONFIG, "decimal(18,4)", "decimal(40,4)", "E19", "40", "38"),
        one("a fold that there is not", WINDOWS, "merge_function: sum", "merge_function: avg", "E20", "merge_function: avg", "first_value"),
        one("a window function that there is not", WINDOWS, "window_function: max", "window_function: last_value", "E20", "last_value", "count_distinct"),
        one("the sum of texts", DAYS, "'{revenue}'", "'{product}'", "E20", "'{product}'", "added up"),
        one("a sum as a text", DAYS, "data_type: NUMBER", "data_type: STRING", "E20", "revenue_on_day:", "NUMBER").and_also(
            Found("E20", DAYS, "revenue_on_day:", "NUMBER"),
            Found("E20", WINDOWS, "launch_revenue:", "both must be"),
            Found("E20", WINDOWS, "revenue_lifetime:", "both must be"),
            Found("E20", KPIS, "SUM({property.revenue_on_day})", "of type STRING"),
        ),
        one("a maximum of another type", WINDOWS, "mau_active:\n    data_type: INTEGER", "mau_active:\n    data_type: DATE", "E20", "mau_active:", "INTEGER").and_also(
            Found("E20", KPIS, "mau_active", "of type DATE")
        ),
        one("a registration of another type", DAYS, "data_type: STRING", "data_type: DATE", "E20", "country:", "data_type: STRING"),
        one("a default of another type", DAYS, "default_value: 0", "default_value: none", "E20", "default_value: none", "INTEGER"),
        one("a new value of another type", WINDOWS, "segment:\n    data_type: STRING", "segment:\n    data_type: INTEGER", "E20", "new_value: Non payer", "INTEGER").and_also(
            Found("E20", WINDOWS, "new_value: Minnow", "INTEGER"), Found("E20", WINDOWS, "new_value: Whale", "INTEGER")
        ),
        one("a timestamp that is a text", LOGIN, "time: {data_type: DATETIME", "time: {data_type: STRING", "E20", "time:", "DATETIME"),
        one("an amount that is a text", PAYMENT, "revenue: {data_type: NUMBER", "revenue: {data_type: STRING", "E20", "revenue:", "NUMBER").and_also(
            Found("E20", DAYS, "'{revenue}'", "added up")
        ),
        one("a condition that is none", KPIS, "{property.segment} = 'Whale'", "{property.segment}", "E20", "{property.segment}", "true or false"),
        one("a lifetime sum that grows every day", DAYS, "aggregate_function: sum\n      where: \"{product} <> 'gift'\"\n      default_value: 0", "aggregate_function: sum\n      default_value: 5", "E20", "source_property: revenue_on_day\n".strip(), "grows every day", where=WINDOWS).moved("      source_property: revenue_on_day", 2),
        one("monthly users that are days", WINDOWS, "window_function: max", "window_function: sum", "W21", "  mau:", "window_function: max", where=KPIS),
        one("a ratio that is added up", KPIS, "{kpi.dau})\n    x_axis: {date: {}", "{kpi.dau})\n    x_axis: {date: {total_function: sum}", "E22", "arpdau:", "write avg"),
        one("a distinct count that is added up", KPIS, "SUM({property.launch_revenue})\n", "COUNT(DISTINCT {property.country})\n    total_function: sum\n", "E22", "launch:", "distinct").and_also(
            Found("W03", KPIS, "COUNT(DISTINCT", "merged")
        ),
        one("per cent of nothing", KPIS, "symbol: $", "symbol: '%'", "E23", "  revenue:", "divides nothing"),
        one("more often than once a minute", CONFIG, "30m", "30s", "E24", "30s", "write 1m or more"),
        one("not a frequency", CONFIG, "30m", "half an hour", "E24", "half", "write 30m"),
        one("an identity map", CONFIG, "  number_type", "  identity: {table: app.ids}\n  number_type", "E25", "identity", "own id"),
    ]


def _warnings() -> list[Case]:
    return [
        one("a property that nothing uses", KPIS, "{property.launch_revenue}", "{property.revenue_lifetime}", "W01", "launch_revenue:", "used by no KPI", where=WINDOWS),
        Case(
            "an event that nothing uses",
            ((PAYMENT, "activity_event, ", ""), (DAYS, "source_event: payment\n      select: '{revenue}'", "source_event: login\n      select: '{minutes}'"), (DAYS, "{product} <> 'gift'", "{minutes} > 0"), (DAYS, "source_event: payment\n      select: '{product}'", "source_event: login\n      select: '{country}'")),
            (Found("W01", PAYMENT, "table_name", "used by no property"),),
        ),
        one("a label twice", KPIS, "label: MAU", "label: DAU", "W02", "  mau:", "one label"),
        one("a label twice, of a template", KPIS, "  retention_d{}:", "  retention_d{}:\n    label: Retention", "W02", "retention_d{}", "{} in it"),
        one("an aggregate that cannot be merged", KPIS, "SUM({property.launch_revenue})", "COUNT(DISTINCT {property.launch_revenue})", "W03", "DISTINCT", "merged"),
        one("a deviation cannot be merged either", KPIS, "SUM({property.launch_revenue})", "STDDEV({property.launch_revenue})", "W03", "STDDEV", "merged"),
        one("an approximate KPI", KPIS, "SUM({property.launch_revenue})", "APPROX_COUNT_DISTINCT({property.launch_revenue})", "W04", "APPROX", "approximate"),
        one("an approximate property", DAYS, "select: '{revenue}'\n      aggregate_function: sum", "select: APPROX_COUNT_DISTINCT({revenue})\n      aggregate_function: none", "W04", "APPROX", "approximate"),
        one("a window of days to come", WINDOWS, "relative_days_to: 0", "relative_days_to: 3", "W05", "mau_active:", "3 days ahead"),
        one("no time of loading", PAYMENT, "tags: [etl_timestamp_column]", "label: loaded", "W07", "table_name", "etl_timestamp_column"),
        one("a last value without an id", PAYMENT, "tags: [event_id_column]", "label: id", "W18", "last_product:", "event_id_column", where=DAYS),
    ]


CASES = [*_form(), *_names(), *_kinds(), *_circles(), *_tags_and_sql(), *_values(), *_warnings(), *ENRICHMENTS]
