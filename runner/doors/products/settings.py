"""What was asked for in words → what is to be made: words that are known, a layout, a span of time; flags that fit."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from runner.doors.products.choose.naming import Given
from runner.doors.products.choose.wide import Choices, Match, Span
from runner.doors.products.generate import Job
from runner.doors.products.layouts import LAYOUTS, DocumentLayout, TableLayout
from runner.doors.products.output.files import Destination, Output, Package
from runner.doors.products.selection import Asked
from runner.errors import BadInput, Place, Problem, did_you_mean, show
from runner.warehouse.engines import DUCKDB, ENGINES
from runner.warehouse.target import Target

W = TypeVar("W", bound=StrEnum)
_MINUTES = {"m": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60}
_LAST = re.compile(r"([1-9][0-9]{0,4})([mhdw])")


def job_of(product: Path, asked: Asked, before: tuple[Given, ...], target: Target | None) -> Job:
    """Raises BadInput for what is not known, or does not go together."""
    output = word(Output, asked.output, "output")
    if not asked.schemas:
        hint = "--schemas names a folder of data structures, or a registry: http://…"
        raise BadInput(Problem(Place(), "--schemas is missing: where are the data structures?", hint))
    if output is not Output.VIEW and (asked.since or asked.last or asked.no_dedupe):
        what = "--since, --last and --no-dedupe are for the view"
        raise BadInput(Problem(Place(), what, f"leave them out: the {output} finds new events by itself"))
    if asked.columns and asked.all_columns:
        raise BadInput(Problem(Place(), "--columns and --all-columns exclude each other", "leave one of them out"))
    if asked.source and output is not Output.DBT:
        raise BadInput(Problem(Place(), "--source is for dbt", "leave it out"))
    match = word(Match, asked.match or Match.SNOWTYPE, "--match")
    choices = Choices(
        events=asked.events,
        entities=asked.entities,
        columns=asked.columns,
        all_columns=asked.all_columns,
        match=match,
        span=_span(asked),
        dedupe=not asked.no_dedupe,
        lenient=asked.lenient,
        event_specification=asked.event_specification,
    )
    refuse_to_run(asked, running=target is not None or output is Output.PLAYBOOK)
    layout = _layout(asked, target)
    where = Destination.of(asked.events_table, asked.schema, asked.source, _package(asked, layout), layout.engine)
    return Job(output, product, asked.schemas, layout, choices, before, where)


def refuse_to_run(asked: Asked, *, running: bool) -> None:
    """Raises BadInput where something is to run on an engine that texts alone are written for."""
    if running and asked.engine in LAYOUTS and asked.engine not in ENGINES:
        title = LAYOUTS[asked.engine][0].engine.title
        what = f"runner does not run on {title}: it writes the text of a view or a dbt model for it"
        raise BadInput(Problem(Place(), what, f"runner generate dbt … --engine {asked.engine} -o models"))


def _package(asked: Asked, layout: DocumentLayout | TableLayout) -> Package | None:
    """The package of Snowplow's that a dbt model stands on."""
    if not asked.package:
        return None
    if isinstance(layout, TableLayout) or asked.output != Output.DBT:
        what = "--package is for dbt, where the events hold their structures in columns"
        raise BadInput(Problem(Place(), what, "leave it out"))
    return word(Package, asked.package, "--package")


def word(words: type[W], text: str, label: str) -> W:
    """One of the words that are known."""
    try:
        return words(text)
    except ValueError:
        known = ", ".join(words)
        raise BadInput(Problem(Place(), f"{label} {text}: not one of {known}", did_you_mean(text, words))) from None


def _span(asked: Asked) -> Span:
    """What --since and --last say together."""
    if asked.since and asked.last:
        raise BadInput(Problem(Place(), "--since and --last exclude each other", "leave one of them out"))
    if asked.since:
        try:
            found = datetime.fromisoformat(asked.since)
        except ValueError:
            what = f"--since {show(asked.since)} is no time"
            raise BadInput(Problem(Place(), what, "write --since 2024-03-01 or 2024-03-01T12:00:00Z")) from None
        return Span(since=found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found)
    said = _LAST.fullmatch(asked.last) if asked.last else None
    if asked.last and not said:
        raise BadInput(Problem(Place(), f"--last {show(asked.last)} is no time", "write --last 7d, 12h or 90m"))
    return Span(minutes=int(said[1]) * _MINUTES[said[2]]) if said else Span()


def _layout(asked: Asked, target: Target | None) -> DocumentLayout | TableLayout:
    theirs = target.engine if target else None
    engine = asked.engine or theirs or DUCKDB.name
    if engine not in LAYOUTS:
        raise BadInput(Problem(Place(), f"--engine {engine}: not known", did_you_mean(engine, LAYOUTS)))
    if theirs and theirs != engine:
        raise BadInput(Problem(Place(), f"--engine {engine}, but the target is {theirs}", "leave --engine out"))
    known = {layout.name: layout for layout in LAYOUTS[engine]}
    name = asked.layout or next(iter(known))
    if name not in known:
        what = f"--layout {name}: {engine} has {' and '.join(known)}"
        raise BadInput(Problem(Place(), what, f"--layout {next(iter(known))}"))
    return known[name]
