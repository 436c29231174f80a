"""The command line of data products: `runner generate`. Flags only; the work is elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runner.session.process import Process


def add_to(app: typer.Typer) -> None:
    """Put the command into the command line."""
    app.command()(generate)


def generate(
    ctx: typer.Context,
    output: Annotated[str, typer.Argument(metavar="[view|playbook|dbt]", help="what to make")] = "",
    product: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[DATA_PRODUCT]...", help="data products, YAML or JSON files, or folders of them"),
    ] = None,
    schemas: Annotated[
        list[str], typer.Option(metavar="DIR_OR_URL", help="a folder of data structures, or an Iglu registry's URL")
    ] = [],
    engine: Annotated[
        str,
        typer.Option(metavar="E", help="duckdb, postgres, redshift, snowflake; view and dbt also bigquery, databricks"),
    ] = "",
    event: Annotated[
        list[str], typer.Option(metavar="ID_OR_NAME", help="only this event specification; may be given again")
    ] = [],
    entity: Annotated[list[str], typer.Option(metavar="NAME", help="only this entity; may be given again")] = [],
    columns: Annotated[str, typer.Option(metavar="A,B", help="these columns of atomic.events")] = "",
    all_columns: Annotated[bool, typer.Option("--all-columns", help="all columns of atomic.events")] = False,
    match: Annotated[
        str, typer.Option(metavar="M", help="snowtype: by the ids in the events; inferred: by entities and rules")
    ] = "",
    lenient: Annotated[
        bool, typer.Option("--lenient", help="inferred: rules that cannot be said in SQL are left out, and noted")
    ] = False,
    event_specification: Annotated[
        bool, typer.Option("--event-specification", help="columns with the name and id of an event's specification")
    ] = False,
    layout: Annotated[
        str, typer.Option(metavar="L", help="how atomic.events lies: json or struct, objects or lake")
    ] = "",
    since: Annotated[str, typer.Option(metavar="TSTAMP", help="view: only events collected since then, in UTC")] = "",
    last: Annotated[
        str, typer.Option(metavar="7d", help="view: only events of the last so many days, or 12h, 90m")
    ] = "",
    no_dedupe: Annotated[
        bool, typer.Option("--no-dedupe", help="view: all rows of the events, where no event comes twice")
    ] = False,
    events: Annotated[
        str,
        typer.Option(metavar="TABLE", help="the events, and the schema of their structures; default: atomic.events"),
    ] = "",
    schema: Annotated[str, typer.Option(metavar="NAME", help="the schema of what is made; default: derived")] = "",
    source: Annotated[
        str, typer.Option(metavar="NAME", help="dbt: the source of the events that the project has")
    ] = "",
    package: Annotated[
        str, typer.Option(metavar="P", help="dbt: on the events of snowplow_unified's or snowplow_normalize's run")
    ] = "",
    apply: Annotated[bool, typer.Option("--apply", help="create the view in the target")] = False,
    target: Annotated[str, typer.Option("--target", metavar="URL", help="the warehouse for --apply")] = "",
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="DIR", help="write files and NAME.selection.yml; default: to stdout"),
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="what there is to choose")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="--list as JSON")] = False,
    check_only: Annotated[
        bool, typer.Option("--check", help="compare with the files in DIR; exit 9 if they would be others")
    ] = False,
) -> None:
    """A flattened view, a playbook or a dbt model of data products. What was chosen with -o DIR is read there again."""
    from runner.doors.products.command import Flags
    from runner.doors.products.command import generate as do_generate
    from runner.doors.products.selection import Asked

    asked = Asked(
        output=output,
        schemas=tuple(schemas),
        engine=engine,
        layout=layout,
        match=match,
        events=tuple(event),
        entities=tuple(entity),
        columns=tuple(filter(None, (name.strip() for name in columns.split(",")))),
        all_columns=all_columns,
        since=since,
        last=last,
        no_dedupe=no_dedupe,
        events_table=events,
        schema=schema,
        source=source,
        package=package,
        lenient=lenient,
        event_specification=event_specification,
    )
    flags = Flags(tuple(product or ()), asked, target or None, out, apply, show_list, as_json, check_only)
    process: Process = ctx.obj
    do_generate(flags, process)
