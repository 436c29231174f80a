"""The dbt output: an incremental model <name>_dm.sql, and <name>_dm.yml with descriptions, tests and sources.

Products may share a folder and a project, so their files and their sources have names of their own.

A run takes the events that were loaded since the newest that the table has, with all copies of these, and those that the
table lacks of the days before. What else comes with an older load time is not seen: dbt keeps no manifest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from runner.doors.products.choose.guaranteed import has_value
from runner.doors.products.columns import quoted
from runner.doors.products.layouts import EVENTS, EventLayout
from runner.doors.products.output.files import ATOMIC, ATOMIC_TABLE, File, Package, Plan
from runner.doors.products.output.playbook import untemplated
from runner.doors.products.values import Json

QUOTES = '"`'
WINDOW, DAYS = "late_days", 3  # a variable of the project, and what it is unless it is said


def dbt_files(plan: Plan) -> tuple[File, ...]:
    """The model and its properties."""
    return (
        File(f"{plan.name}_dm.sql", _model(plan)),
        File(f"{plan.name}_dm.yml", "\n".join([*plan.header("#"), *_schema(plan), ""])),
    )


def newest_by(layout: EventLayout) -> str:
    """The atomic column that tells what has come since: when it was loaded, or collected where no loader says that."""
    return "load_tstamp" if "load_tstamp" in layout.atomic else "collector_tstamp"


def _output(plan: Plan, source: str) -> str:
    return next(one.name for one in plan.wide.atomic if one.source == source)


def _model(plan: Plan) -> str:
    config = {"materialized": "incremental", "unique_key": _output(plan, "event_id")}
    strategy = "merge" if plan.layout.merges else "delete+insert"
    config |= {"incremental_strategy": strategy, "on_schema_change": "append_new_columns"}
    if plan.where.schema != ATOMIC.schema:
        config["schema"] = plan.where.schema
    only, events = _new(plan), f"source('{_source(plan)}', '{plan.where.events.rpartition('.')[2]}')"
    if package := plan.where.package:
        del config["incremental_strategy"]  # the package's own, which looks at the table from upsert_date_key on
        config |= {"upsert_date_key": _output(plan, newest_by(plan.layout)), "tags": f"{package.value}_incremental"}
        only, events = _this_run(package), f"ref('{package.events}')"
    listed = ", ".join([*(f"{key}='{value}'" for key, value in config.items()), *_optimized(plan)])
    select = untemplated(plan.atomic()).replace("where a.event_id is not null", only, 1)
    select = ATOMIC_TABLE.sub(lambda found: _named(found, events, _source(plan)), select)
    return "\n".join([f"{{{{ config({listed}) }}}}", *map(untemplated, plan.header("--")), "", select, ""])


def _named(found: re.Match[str], events: str, source: str) -> str:
    """A table of atomic as dbt knows it."""
    if not found[1]:
        return found[0]
    table = events if found[2] == "events" else f"source('{source}', '{found[2]}')"
    return f"{found[1]} {{{{ {table} }}}}"


def _optimized(plan: Plan) -> list[str]:
    return ["snowplow_optimize=true"] if plan.where.package else []


def _this_run(package: Package) -> str:
    """The condition by which a model of a package stands still where its run has no new events."""
    return f"where a.event_id is not null\n    and {{{{ snowplow_utils.is_run_with_new_events('{package.value}') }}}}"


def _new(plan: Plan) -> str:
    """The condition: what came since the newest that the table has, and within a window before it what the table lacks."""
    by = newest_by(plan.layout)
    event_id, loaded = _output(plan, "event_id"), _output(plan, by)
    newest = f"coalesce((select max(t.{loaded}) from {{{{ this }}}} as t), cast('1970-01-01' as timestamp))"
    days = plan.layout.interval(f"{{{{ var('{WINDOW}', {DAYS}) }}}}", "day")
    return (
        "where a.event_id is not null\n"
        "    {% if is_incremental() %}\n"
        "    and a.event_id in (\n"
        f"        select n.event_id from {EVENTS} as n\n"
        f"        where n.{by} >= {newest}\n"
        f"            or (n.{by} >= {newest} - {days}\n"
        f"                and not exists (select 1 from {{{{ this }}}} as t where t.{event_id} = n.event_id))\n"
        "    )\n"
        "    {% endif %}"
    )


def _source(plan: Plan) -> str:
    return plan.where.source or f"{plan.name}_atomic"


def _schema(plan: Plan) -> Iterator[str]:
    yield "version: 2"
    if not plan.where.source:
        yield from _sources(plan)
    yield "models:"
    yield f"  - name: {plan.name}_dm"
    yield f"    description: {_text(plan.description)}"
    yield "    columns:"
    for atomic in plan.wide.atomic:
        yield f"      - name: {atomic.name}"
        yield f"        description: {_text(f'{atomic.source} of {plan.where.events}')}"
        if atomic.source == "event_id":
            yield "        data_tests: [unique, not_null]"
    for told in plan.wide.told:
        what = "id" if told.source.endswith("_id") else "name"
        yield f"      - name: {told.name}"
        yield f"        description: the {what} of the event specification that it is of, the first in the product of several"
        yield f"        data_type: {_text(plan.layout.engine.text_type)}"
    for part in plan.wide.parts:
        properties = {one.name: one for one in part.properties}
        for column in part.columns:
            name = quoted(column.name, plan.layout.engine)
            yield f"      - name: {json.dumps(name.strip(QUOTES))}"
            if name != column.name:
                yield "        quote: true"
            yield f"        description: {_text(column.description or f'{column.property} of {column.family}')}"
            yield f"        data_type: {_text(plan.layout.type(column.type))}"
            one = properties.get(column.property)
            yield from _tests(column.values, has_value=one is not None and has_value(plan.wide, part, one))


def _sources(plan: Plan) -> Iterator[str]:
    """The events and tables of structures, in a schema that a variable of Snowplow's packages may name."""
    *database, schema, events = plan.where.events.split(".")
    yield "sources:"
    yield f"  - name: {_source(plan)}"
    if database:
        yield f"    database: {database[0]}"
    yield f"    schema: \"{{{{ var('snowplow__atomic_schema', '{schema}') }}}}\""
    yield "    tables:"
    yield f"      - name: {events}"
    yield "        config:"
    yield f"          loaded_at_field: {newest_by(plan.layout)}"
    yield "          freshness: {warn_after: {count: 24, period: hour}}"
    for table in plan.shredded_tables():
        yield f"      - name: {table.partition('.')[2]}"


def _tests(values: tuple[Json, ...], *, has_value: bool) -> Iterator[str]:
    """A warning where a value is none that the schema lists, or is not there though every event has it."""
    texts = [value for value in values if isinstance(value, str)]
    is_listed = bool(texts) and len(texts) == len([value for value in values if value is not None])
    if has_value or is_listed:
        yield "        data_tests:"
    if has_value:
        yield "          - not_null:"
        yield "              config: {severity: warn}"
    if is_listed:
        yield "          - accepted_values:"
        yield f"              arguments: {{values: [{', '.join(map(_text, texts))}]}}"
        yield "              config: {severity: warn}"


def _text(text: str) -> str:
    """A text of the user's in YAML, which dbt reads as a template."""
    return json.dumps(untemplated(text), ensure_ascii=False)
