"""The flags of `runner model query` and `runner model list`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from runner.errors import BadInput, Place, Problem, did_you_mean

if TYPE_CHECKING:
    from runner.doors.semantic.commands.query.command import Form

HERE = Path()
FolderArgument = Annotated[Path, typer.Argument(metavar="[DIR]", help="the folder with config.yml; default: here")]
Word = TypeVar("Word", bound=StrEnum)


def query(
    ctx: typer.Context,
    folder: FolderArgument = HERE,
    kpi: Annotated[list[str], typer.Option("--kpi", metavar="NAME", help="a KPI; may be given again")] = [],
    by: Annotated[list[str], typer.Option("--by", metavar="PROPERTY", help="group by it; may be given again")] = [],
    grain: Annotated[
        str, typer.Option(metavar="G", help="day, week (from Sunday), isoweek (from Monday), month, quarter or year")
    ] = "day",
    since: Annotated[str | None, typer.Option("--from", metavar="D", help="from this date on")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="D", help="to this date, included")] = None,
    where: Annotated[
        str, typer.Option(metavar="CONDITION", help="only users and days of it: \"{country} = 'DE'\"")
    ] = "",
    axis: Annotated[str, typer.Option(metavar="A", help="date or cohort_day")] = "date",
    cohort: Annotated[
        str | None, typer.Option(metavar="G", help="a triangle: a row a day, week … of registrations, a column a day")
    ] = None,
    days: Annotated[
        str | None, typer.Option(metavar="N,N", help="its columns; default: cohorted_daily_kpis_days")
    ] = None,
    compare: Annotated[str | None, typer.Option(metavar="previous", help="the period before beside each")] = None,
    order: Annotated[
        list[str], typer.Option(metavar="COLUMN", help="sort by it: dau, or 'dau desc'; may be given again")
    ] = [],
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="only the first N rows")] = None,
    sql: Annotated[bool, typer.Option("--sql", help="print the SELECT, and run nothing")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV instead of a table")] = False,
    json: Annotated[bool, typer.Option("--json", help="one JSON list of objects")] = False,
    parquet: Annotated[Path | None, typer.Option(metavar="FILE", help="write it to this file")] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", metavar="URL", help="the warehouse; default: RUNNER_TARGET, or the config's"),
    ] = None,
) -> None:
    """KPIs as a table."""
    from runner.doors.semantic.commands.flags import days_between
    from runner.doors.semantic.commands.loaded import load
    from runner.doors.semantic.commands.query.command import query as do_query
    from runner.doors.semantic.commands.query.periods import Grain
    from runner.doors.semantic.commands.query.request import QueryOptions
    from runner.doors.semantic.values import Axis

    if not kpi:
        hint = f"runner model query {folder} --kpi dau; runner model list {folder} shows what there is"
        raise BadInput(Problem(Place(), "--kpi is missing", hint))
    if compare not in (None, "previous"):
        raise BadInput(Problem(Place(), f"--compare {compare}: not known", "--compare previous"))
    first, last = days_between(since, until)
    options = QueryOptions(
        kpis=tuple(kpi),
        by=tuple(by),
        axis=_word(Axis, axis, "--axis"),
        grain=_word(Grain, grain, "--grain"),
        cohort=_word(Grain, cohort, "--cohort") if cohort is not None else None,
        days=_numbers(days),
        since=first,
        until=last,
        where=where,
        order=tuple(order),
        limit=limit,
        compare=compare is not None,
    )
    form = _form(sql=sql, as_csv=as_csv, json=json, parquet=parquet is not None)
    do_query(load(ctx.obj, folder, target), options, form, parquet)


def list_(
    ctx: typer.Context,
    folder: FolderArgument = HERE,
    json: Annotated[bool, typer.Option("--json", help="JSON instead of text")] = False,
) -> None:
    """The KPIs and properties of the files; connects to nothing."""
    from runner.doors.semantic.commands.query.listing import listing

    listing(ctx.obj, folder, json)


def _word(kind: type[Word], text: str, flag: str) -> Word:
    if text not in list(kind):
        raise BadInput(Problem(Place(), f"{flag} {text}: not known", did_you_mean(text, list(kind))))
    return kind(text)


def _numbers(text: str | None) -> tuple[int, ...]:
    if text is None:
        return ()
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and len(part) < 6 for part in parts):
        raise BadInput(Problem(Place(), f"--days {text}: not a list of days", "--days 0,1,7,30"))
    return tuple(map(int, parts))


def _form(*, sql: bool, as_csv: bool, json: bool, parquet: bool) -> Form:
    from runner.doors.semantic.commands.query.command import Form

    given = [
        form
        for form, wanted in zip(
            (Form.SQL, Form.CSV, Form.JSON, Form.PARQUET), (sql, as_csv, json, parquet), strict=True
        )
        if wanted
    ]
    if len(given) > 1:
        raise BadInput(Problem(Place(), f"{' and '.join(given)} are two forms of one answer", "choose one"))
    return given[0] if given else Form.TEXT
