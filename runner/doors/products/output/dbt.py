"""The dbt output: an incremental model <name>_dm.sql, and <name>_dm.yml with descriptions, tests and sources.

Products may share a folder and a project, so their files and their sources have names of their own.

A run takes the events that were loaded since the newest that the table has, and all copies of these. What comes later
with an older load time is not seen: dbt keeps no manifest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from runner.doors.products.columns import quoted
from runner.doors.products.layouts import EVENTS, EventLayout
from runner.doors.products.output.files import File, Plan
from runner.doors.products.output.playbook import untemplated

_ATOMIC = re.compile(r"\b(from|join) atomic\.(\w+)")


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
    by = newest_by(plan.layout)
    event_id, loaded = _output(plan, "event_id"), _output(plan, by)
    config = (
        f"{{{{ config(materialized='incremental', unique_key='{event_id}',"
        " incremental_strategy='delete+insert', on_schema_change='fail') }}"
    )
    only = (
        "where a.event_id is not null\n"
        "    {% if is_incremental() %}\n"
        "    and a.event_id in (\n"
        f"        select n.event_id from {EVENTS} as n\n"
        f"        where n.{by} >= coalesce(\n"
        f"            (select max(t.{loaded}) from {{{{ this }}}} as t), cast('1970-01-01' as timestamp)\n"
        "        )\n"
        "    )\n"
        "    {% endif %}"
    )
    select = untemplated(plan.atomic()).replace("where a.event_id is not null", only, 1)
    source = _source(plan)
    select = _ATOMIC.sub(lambda found: f"{found[1]} {{{{ source('{source}', '{found[2]}') }}}}", select)
    return "\n".join([config, *map(untemplated, plan.header("--")), "", select, ""])


def _source(plan: Plan) -> str:
    return f"{plan.name}_atomic"


def _schema(plan: Plan) -> Iterator[str]:
    yield "version: 2"
    yield "sources:"
    yield f"  - name: {_source(plan)}"
    yield "    schema: atomic"
    yield "    tables:"
    for table in (EVENTS, *plan.shredded_tables()):
        yield f"      - name: {table.partition('.')[2]}"
    yield "models:"
    yield f"  - name: {plan.name}_dm"
    yield f"    description: {_text(plan.description)}"
    yield "    columns:"
    for atomic in plan.wide.atomic:
        yield f"      - name: {atomic.name}"
        yield f"        description: {_text(f'{atomic.source} of atomic.events')}"
        if atomic.source == "event_id":
            yield "        data_tests: [unique, not_null]"
    for part in plan.wide.parts:
        for column in part.columns:
            name = quoted(column.name, plan.layout.engine)
            yield f"      - name: {json.dumps(name.strip(chr(34)))}"
            if name != column.name:
                yield "        quote: true"
            yield f"        description: {_text(column.description or f'{column.property} of {column.family}')}"


def _text(text: str) -> str:
    """A text of the user's in YAML, which dbt reads as a template."""
    return json.dumps(untemplated(text), ensure_ascii=False)
