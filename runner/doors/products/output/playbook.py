"""The playbook output: a model keyed by event_id over the events under our manifest, and tables of structures as sources.

A structure's table is a source of its own, in batches by root_tstamp, tied to the events by the key: rows that come
later than their events are seen by the counts of these batches.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from runner.doors.products.columns import shortened
from runner.doors.products.layouts import TableLayout
from runner.doors.products.output.files import File, Plan

LENGTH = 40  # of a playbook's name
_BRACES = re.compile(r"\{[{%#]")


def untemplated(text: str) -> str:
    """A text that a template gives back as it is."""
    return _BRACES.sub(lambda found: "{{ '" + found[0] + "' }}", text)


def playbook_files(plan: Plan) -> tuple[File, ...]:
    """The playbook, and the SELECT beside it."""
    sql = "\n".join([*plan.header("--"), "", plan.select(), ""])
    return (
        File(f"{plan.name}.yml", "\n".join([*plan.header("#"), *_lines(plan), ""])),
        File(f"{plan.name}_dm.sql", untemplated(sql)),
    )


def _lines(plan: Plan) -> Iterator[str]:
    event_id = next(one.name for one in plan.wide.atomic if one.source == "event_id")
    target = plan.layout.target.format(name=plan.name)
    yield f"name: {json.dumps(shortened(plan.name, LENGTH))}"
    yield f"target: ${{RUNNER_TARGET:-{target}}}"
    yield "sources:"
    yield f"  - table: {plan.where.events}"
    yield "    batch: date_trunc('hour', etl_tstamp)"
    if not isinstance(
        plan.layout, TableLayout
    ):  # the SELECT counts the copies of an event to know those of its structures
        yield "    dedupe: [event_id]"
        yield "    order_by: [collector_tstamp, etl_tstamp]"
    tables = [plan.where.table(table) for table in plan.shredded_tables()]
    for table in tables:
        yield f"  - table: {table}"
        yield "    batch: date_trunc('hour', root_tstamp)"
    inputs = ", ".join([f"{plan.where.events}: event_id", *(f"{table}: root_id" for table in tables)])
    yield "models:"
    yield f"  - table: {plan.view}_dm"
    yield f"    sql: {plan.name}_dm.sql"
    yield f"    key: {{{event_id}: {{{inputs}}}}}"
    yield f"    unique: {event_id}"
    described = plan.description.replace("${", "$${")  # as a playbook writes it that means no variable
    yield f"    description: {json.dumps(described, ensure_ascii=False)}"
