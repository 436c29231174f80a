"""`runner config validate`: every rule finds its mistake, at its line, with what to write instead."""

from __future__ import annotations

import io
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.cli.app import main
from tests.doors.semantic.bad_model import CONFIG, DAYS, GOOD, KPIS, LOGIN, PAYMENT, WINDOWS, Case, Found, written
from tests.doors.semantic.bad_models import CASES
from tests.engines.db import Db
from tests.kit import ROOT
from tests.kit.least import least_s
from tests.kit.project import Said

DOCS = ROOT / "docs" / "semantic-rules.md"
PACKAGE = ROOT / "runner" / "doors" / "semantic"
LIVE = {"E26", "W06"}


@pytest.fixture(autouse=True)
def no_warehouse_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """RUNNER_TARGET of the shell is not that of the test."""
    monkeypatch.delenv("RUNNER_TARGET", raising=False)


def validate(folder: Path, *args: str) -> Said:
    """`runner config validate`, in process; a traceback or an internal error fails the test."""
    out, err = io.StringIO(), io.StringIO()
    code = main(["config", "validate", str(folder), *args], watch=_nothing_is_asked, out=out, err=err)
    said = Said(code, out.getvalue(), err.getvalue())
    assert "internal error" not in said.text and "Traceback" not in said.text, said.text
    return said


def _nothing_is_asked(*event: str) -> None:
    raise AssertionError(f"a statement was sent without --live: {event}")


def findings(folder: Path, *args: str) -> list[dict[str, Any]]:
    """What it finds, with files as they are called in the model, and that the exit code says the same."""
    said = validate(folder, "--json", *args)
    assert not said.err
    found: list[dict[str, Any]] = json.loads(said.out)
    assert said.code == (2 if any(one["code"].startswith("E") for one in found) else 0)
    for one in found:
        assert set(one) == {"code", "file", "line", "what", "hint"}
        one["file"] = Path(one["file"]).relative_to(folder).as_posix()
    return found


def places(found: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    """Code, file and line of each."""
    return sorted((one["code"], one["file"], one["line"]) for one in found)


def good_places(files: dict[str, str], wanted: tuple[Found, ...]) -> list[tuple[str, str, int]]:
    """The same, of what is wanted."""
    return sorted({(one.code, one.file, one.line(files)) for one in wanted})


def test_a_good_model_is_fine(tmp_path: Path) -> None:
    """Nothing is found in it, and the last line says how much there is."""
    said = validate(written(GOOD, tmp_path))
    assert said.code == 0
    assert said.out == f"{tmp_path}: fine, 0 warnings (2 events, 14 properties, 10 KPIs)\n"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_mistake_is_found(case: Case, tmp_path: Path) -> None:
    """Exactly the expected codes at the expected lines; each error has a hint; a word says what is wrong."""
    files = case.files()
    folder = written(files, tmp_path)
    assert least_s(lambda: findings(folder), 1) < 1
    found = findings(folder)
    assert places(found) == good_places(files, case.found), found
    for wanted in case.found:
        texts = [f"{one['what']} {one['hint']}" for one in found if one["code"] == wanted.code]
        assert any(wanted.word in text for text in texts), texts
    for one in found:
        assert one["hint"] or one["code"].startswith("W")
        assert not re.search(r"\b[EW]\d\d\b", one["what"]), "the code is printed twice"


def test_every_rule_has_a_case() -> None:
    """Each code of the page of rules is found in some bad model, or in the tests with a warehouse."""
    assert {wanted.code for case in CASES for wanted in case.found} | LIVE == set(_listed())
    assert len({case.name for case in CASES}) == len(CASES) >= 150


# -- the page of rules -----------------------------------------------------------------------------------------------


def _listed() -> list[str]:
    return re.findall(r"^\| ([EW]\d\d) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_page_has_every_code_once() -> None:
    """The codes of the table are those that the code can give, each with one line, what it finds and what to do."""
    written_codes = {code for path in PACKAGE.rglob("*.py") for code in re.findall(r'"([EW]\d\d)"', path.read_text())}
    assert sorted(_listed()) == sorted(written_codes)
    rows = [
        line.split(" | ") for line in DOCS.read_text(encoding="utf-8").splitlines() if re.match(r"\| [EW]\d\d", line)
    ]
    assert all(len(row) == 3 and all(len(cell) > 3 for cell in row[1:]) for row in rows)


# -- many at once, and none ------------------------------------------------------------------------------------------


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    """Ten mistakes in five files give ten findings, those of form beside those of meaning; broken parts add none."""
    changes = (
        (CONFIG, "30m", "30s"),
        (CONFIG, "timezone", "time_zone"),
        (LOGIN, "event_timestamp_column", "event_timestmp_column"),
        (DAYS, "'{revenue}'", "'{revenu}'"),
        (DAYS, "can_group_by: true\n    event", "can_groupby: true\n    event"),
        (WINDOWS, "relative_days_from: -27", "relative_days_from: 7"),
        (WINDOWS, "'{revenue_lifetime}'", "'{revenue_life}'"),
        (KPIS, "symbol: $", "symbol: '%'"),
        (KPIS, "SUM({property.mau_active})", "'{property.mau_active}'"),
        (KPIS, "    select: SUM({property.launch_revenue})\n", ""),
    )
    files = Case("ten", changes, ()).files()
    found = findings(written(files, tmp_path))
    codes = ["E01", "E24", "E01", "E01", "E06", "E13", "E06", "E23", "E08", "E01"]
    assert sorted(one["code"] for one in found) == sorted(codes), found
    assert validate(tmp_path).out.splitlines()[-1] == f"{tmp_path}: 10 errors, 0 warnings"


def test_a_file_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    """A file with bad YAML is reported once, and the mistakes of other files too; its names are not called unknown."""
    for number, broken in enumerate((LOGIN, PAYMENT, DAYS, WINDOWS, KPIS, CONFIG)):
        files = {**GOOD, broken: "a: [1\n"}
        other = KPIS if broken != KPIS else WINDOWS
        was, now = ("label: DAU", "lable: DAU") if other == KPIS else ("window_function: max", "window_function: mix")
        files[other] = files[other].replace(was, now, 1)
        found = findings(written(files, tmp_path / str(number)))
        assert [(one["code"], one["file"]) for one in found] == sorted(
            [("E01", broken), ("E01", other)], key=lambda p: p[1]
        )


def test_text_is_where_what_and_a_hint(tmp_path: Path) -> None:
    """Without --json: file:line: code what, then a hint, and a summary."""
    files = Case("one", ((DAYS, "source_event: payment", "source_event: paymnt"),), ()).files()
    said = validate(written(files, tmp_path))
    assert said.code == 2
    assert said.out == (
        f"{tmp_path}/properties/days.yml:17: E06 unknown event paymnt, the source of revenue_on_day\n"
        f"  hint: did you mean payment?\n{tmp_path}: 1 error, 0 warnings\n"
    )


def test_codes_in_the_users_own_words_are_words(tmp_path: Path) -> None:
    """A name that looks like a code is not taken for one."""
    files = Case("code", ((KPIS, "    label: DAU", "    'a E07 b': DAU"),), ()).files()
    found = findings(written(files, tmp_path))
    assert [(one["code"], one["what"]) for one in found] == [("E01", "unknown key 'a E07 b' in KPI dau")]


def test_more_than_a_hundred_mistakes_end(tmp_path: Path) -> None:
    """After a hundred mistakes of form it is enough."""
    lines = "".join(f"  p{number}: {{data_type: INTEGER}}\n" for number in range(300))
    found = findings(written({**GOOD, WINDOWS: f"properties:\n{lines}"}, tmp_path))
    assert len(found) == 101
    assert "and more" in [one["what"] for one in found]


def test_the_format_of_other_tools_is_accepted(tmp_path: Path) -> None:
    """Files without our tags and settings, with schema heads, {app_id}, older folders and kinds: warnings only."""
    head = "# $schema: http://schema.asemicanalytics.com/v1/semantic_layer/{}.json\n"
    columns = (
        "columns:\n  user: {data_type: STRING, tags: [entity_id_column]}\n"
        "  at: {data_type: DATETIME, tags: [event_timestamp_column, my_own_tag]}\n"
        "  platform: {data_type: STRING, label: Platform, tags: [registration_property]}\n"
        "  amount: {data_type: NUMBER, tags: [transaction_amount_column]}\n"
    )
    tags = "tags: [registration_event, activity_event, payment_transaction_event]\n"
    properties = (
        "properties:\n  platform: {data_type: STRING, can_group_by: true, first_appearance_property: {}}\n"
        "  spent: {data_type: NUMBER, action_property: {source_event: play, select: '{amount}',"
        " aggregate_function: sum, default_value: 0}}\n"
        "  spent_ever: {data_type: NUMBER, lifetime_property: {source_property: spent, merge_function: sum}}\n"
        "  dau_active: {data_type: INTEGER, event_property: {source_event: entity_activity, select: 1,"
        " aggregate_function: none, default_value: 0}}\n"
    )
    kpis = (
        "kpis:\n  dau: {select: 'SUM({property.dau_active})', x_axis: {date: {total_function: avg}, cohort_day: {}}}\n"
        "  ltv: {select: 'SAFE_DIVIDE(SUM({property.spent_ever}), SUM({property.cohort_size}))', x_axis: {cohort_day: {}}}\n"
    )
    files = {
        "config.yml": head.format("config") + "data_model_schema: '{app_id}_gen'\ndata_model_version: 1\n"
        "active_days: 90\ncohorted_daily_kpis_days: [0, 1, 7]\n",
        "actions/play.yml": head.format("event") + "table_name: '{app_id}.play'\n" + tags + columns,
        "properties/all.yaml": head.format("properties") + properties,
        "kpis/all.yml": head.format("kpis") + kpis,
    }
    folder = written(files, tmp_path / "game" / "userentity")
    older = [("W08", "properties/all.yaml", 3), ("W08", "properties/all.yaml", 4)]
    assert places(findings(folder)) == [("W07", "actions/play.yml", 2), *older]
    assert validate(folder.parent).code == 0, "the folder above it is understood too"


def test_no_folder(tmp_path: Path) -> None:
    """A folder that is not there, or a file, is said in one line."""
    (tmp_path / "file").write_text("")
    for name in ("nothing", "file"):
        said = validate(tmp_path / name)
        assert (said.code, said.out.splitlines()[-1]) == (2, f"{tmp_path / name}: 1 error, 0 warnings")


# -- the warehouse ---------------------------------------------------------------------------------------------------

TABLES = """
create schema app;
create table app.login (event_id varchar, user_id varchar, time timestamp, etl_tstamp timestamp, date date,
    country varchar, minutes decimal(18,4));
create table app.events (event_id varchar, user_id varchar, time timestamp, etl_tstamp timestamp,
    event_name varchar, revenue decimal(18,4), product varchar);
"""


@pytest.fixture(name="url")
def url_fixture(tmp_path: Path) -> Iterator[str]:
    """A warehouse with the tables of the good model."""
    url = f"duckdb:///{tmp_path}/live.duckdb"
    run_sql(url, TABLES)
    yield url


def run_sql(url: str, sql: str) -> None:
    """Statements of somebody else."""
    db = Db(url)
    db.execute(sql)
    db.close()


def live(folder: Path, url: str) -> list[dict[str, Any]]:
    """The findings with --live."""
    out, err = io.StringIO(), io.StringIO()
    main(["config", "validate", str(folder), "--live", "--target", url, "--json"], out=out, err=err)
    assert not err.getvalue()
    found: list[dict[str, Any]] = json.loads(out.getvalue())
    return found


@pytest.mark.parametrize(
    ("sql", "file", "line", "word"),
    [
        ("select 1", "", 0, ""),
        ("drop table app.login", LOGIN, 1, "there is no table app.login"),
        ("alter table app.events drop column revenue", PAYMENT, 10, "app.events has no column revenue"),
        ("alter table app.events alter column revenue type varchar", PAYMENT, 10, "app.events.revenue is varchar"),
        ("alter table app.login alter column time type varchar", LOGIN, 6, "app.login.time is varchar"),
    ],
)
def test_live(sql: str, file: str, line: int, word: str, url: str, tmp_path: Path) -> None:
    """E26: a table or column that the warehouse has not, or of another type, at the line that names it."""
    folder = written(GOOD, tmp_path / "model")
    run_sql(url, sql)
    found = live(folder, url)
    if not file:
        assert found == []
        return
    assert [(one["code"], one["line"]) for one in found] == [("E26", line)]
    assert found[0]["file"].endswith(file) and word in found[0]["what"] and found[0]["hint"]


def test_a_new_lifetime_property_says_how_many_days_it_needs(url: str, tmp_path: Path) -> None:
    """W06: the tables are there and the property is not: the next apply reads all days."""
    folder = written(GOOD, tmp_path / "model")
    values = [f"('e{n}', 'u', timestamp '2026-01-0{n} 10:00', timestamp '2026-01-0{n} 11:00'" for n in (1, 2, 3)]
    rows = ", ".join(f"{value}, date '2026-01-0{n}', 'DE', 1)" for n, value in enumerate(values, 1))
    run_sql(url, f"insert into app.login values {rows}")
    out = io.StringIO()
    assert main(["model", "apply", str(folder), "--target", url], out=out, err=out) == 0, out.getvalue()
    assert live(folder, url) == []
    more = "  days_ever:\n    data_type: INTEGER\n    lifetime_property: {source_property: dau_active, merge_function: sum}\n"
    files = {
        **GOOD,
        WINDOWS: GOOD[WINDOWS] + more,
        KPIS: GOOD[KPIS].replace("{property.launch_revenue}", "{property.days_ever} + {property.launch_revenue}"),
    }
    found = live(written(files, folder), url)
    assert [(one["code"], one["line"]) for one in found] == [("W06", len(GOOD[WINDOWS].splitlines()) + 1)]
    assert "all 3 days" in found[0]["what"]


def test_live_without_a_warehouse(tmp_path: Path) -> None:
    """--live and no target: an error that says how to name one."""
    said = validate(written(GOOD, tmp_path), "--live")
    assert said.code == 2 and "--target duckdb:///" in said.text


# -- noise -----------------------------------------------------------------------------------------------------------

SNIPPETS = (
    "{}", "{", "}", "[", "]", ":", "- ", "'", '"', "#", "&a ", "*a", "!x ", "|", "null", "~", "true", "-1", "1e9",
    "{property.dau_active}", "{kpi.dau}", "{date}", "SUM(", ")", "COUNT(*)", "CASE WHEN", " AND ", ", ", "now()",
    "\t", "\n", "\n  ", "x: 1\n", "<<: *a", "é", "\x00", "{{ x }}", "9" * 30, "[[[[", "first_value", "array", "none",
)  # fmt: skip


def mutated(seed: int) -> dict[str, str]:
    """The good model with a few random changes to its text."""
    chance = random.Random(seed)
    files = dict(GOOD)
    for _ in range(chance.randint(1, 3)):
        name = chance.choice(sorted(files))
        lines = files[name].splitlines(keepends=True)
        at = chance.randrange(len(lines))
        line, column = lines[at], chance.randrange(len(lines[at]))
        other = chance.choice(lines)
        lines[at] = chance.choice(
            (
                "",
                line + line,
                other + line,
                line[:column] + chance.choice(SNIPPETS) + line[column:],
                line[:column] + line[column + 1 :],
                line[:column] + "\n",
                re.sub(r"\w+", lambda m: chance.choice((m[0], chance.choice(SNIPPETS))), line, count=2),
                re.sub(r": .*", f": {chance.choice(SNIPPETS)}", line),
                re.sub(r"\b\w+\b(?!.*\b\w+\b)", chance.choice(re.findall(r"\w+", other) or ["x"]), line),
            )
        )
        files[name] = "".join(lines) or "x"
    return files


@pytest.mark.parametrize("block", range(10))
def test_noise_gives_findings_only(block: int, tmp_path: Path) -> None:
    """Whatever is in the files: findings with file, line and hint, never a traceback or an internal error."""
    for seed in range(block * 30, block * 30 + 30):
        found = findings(written(mutated(seed), tmp_path / str(seed)))
        for one in found:
            assert one["what"] and one["file"] and (one["hint"] or one["code"].startswith("W")), (seed, one)
