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
    output: Annotated[str, typer.Argument(metavar="view|playbook|dbt", help="what to make")],
    product: Annotated[Path, typer.Argument(metavar="DATA_PRODUCT", help="the data product, a YAML or JSON file")],
    schemas: Annotated[
        list[str], typer.Option(metavar="DIR_OR_URL", help="a folder of its data structures, or an Iglu registry's URL")
    ],
    engine: Annotated[
        str | None,
        typer.Option(metavar="E", help="duckdb, postgres, redshift or snowflake; default: the target's, or duckdb"),
    ] = None,
    event: Annotated[
        list[str], typer.Option(metavar="ID_OR_NAME", help="only this event specification; may be given again")
    ] = [],
    entity: Annotated[list[str], typer.Option(metavar="NAME", help="only this entity; may be given again")] = [],
    columns: Annotated[str, typer.Option(metavar="A,B", help="these columns of atomic.events")] = "",
    all_columns: Annotated[bool, typer.Option("--all-columns", help="all columns of atomic.events")] = False,
    match: Annotated[
        str, typer.Option(metavar="M", help="snowtype: by the ids in the events; inferred: by entities and rules")
    ] = "snowtype",
    layout: Annotated[
        str | None, typer.Option(metavar="L", help="how atomic.events lies: json or struct, objects or lake")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TSTAMP", help="view: only events collected since then, in UTC")
    ] = None,
    last: Annotated[
        str | None, typer.Option(metavar="7d", help="view: only events of the last so many days, or 12h, 90m")
    ] = None,
    no_dedupe: Annotated[
        bool, typer.Option("--no-dedupe", help="view: all rows of the events, where no event comes twice")
    ] = False,
    apply: Annotated[bool, typer.Option("--apply", help="create the view in the target")] = False,
    target: Annotated[str | None, typer.Option("--target", metavar="URL", help="the warehouse for --apply")] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="DIR", help="write files; default: to stdout")
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="what there is to choose")] = False,
    check_only: Annotated[
        bool, typer.Option("--check", help="compare with the files in DIR; exit 9 if they would be others")
    ] = False,
) -> None:
    """A flattened view, a playbook or a dbt model of a data product."""
    from runner.doors.products.choose.wide import Choices
    from runner.doors.products.command import Flags
    from runner.doors.products.command import generate as do_generate

    chosen = tuple(filter(None, (name.strip() for name in columns.split(","))))
    choices = Choices(tuple(event), tuple(entity), chosen, all_columns, dedupe=not no_dedupe)
    where = target or None
    flags = Flags(
        output,
        product,
        tuple(schemas),
        engine,
        layout,
        match,
        choices,
        where,
        out,
        since,
        last,
        apply,
        show_list,
        check_only,
    )
    process: Process = ctx.obj
    do_generate(flags, process)
