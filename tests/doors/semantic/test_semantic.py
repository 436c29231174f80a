"""The semantic layer through its commands: what each does, on DuckDB and Postgres. Values at large: test_semantic_schedules."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from runner.cli.app import main
from runner.clock import Clock
from runner.session.session import Session
from tests.doors.semantic import model as semantic_model
from tests.doors.semantic.oracle import Row
from tests.doors.semantic.world import DAY, START, World


@pytest.fixture(name="world")
def world_fixture(warehouse_url: str, tmp_path: Path) -> Iterator[World]:
    """Empty tables and the model beside them."""
    made = World(warehouse_url, tmp_path / "model")
    yield made
    made.close()


def login(event_id: str, user: str, day: float, batch: int, country: str = "DE") -> Row:
    """A login; days and batches count from the start."""
    return Row("login", event_id, user, START + DAY * day, START + DAY * batch, country=country)


def payment(event_id: str, user: str, day: float, batch: int, revenue: int, product: str = "a") -> Row:
    """A payment."""
    tstamp = START + DAY * day
    return Row("payment", event_id, user, tstamp, START + DAY * batch, revenue=Decimal(revenue), product=product)


def begin(world: World) -> None:
    """Two users in two batches, applied."""
    world.load(login("l1", "ann", 0, 1), login("l2", "bob", 0.5, 1, "FR"), payment("p1", "ann", 0.6, 1, 5))
    world.load(login("l3", "ann", 1, 2), payment("p2", "bob", 1.2, 2, 10))
    world.run("apply")


def series(world: World, kpi: str, *args: str) -> dict[str, object]:
    """A KPI by date or cohort day, as --json gives it."""
    rows = json.loads(world.run("query", "--kpi", kpi, "--json", *args).out)
    return {str(row.get("date", row.get("cohort_day"))): row[kpi] for row in rows}


def test_apply_makes_tables_and_views(world: World) -> None:
    """One command from nothing: tables are filled, views can be read, and everything is what the oracle says."""
    begin(world)
    world.check()
    assert series(world, "dau") == {"2026-01-01": 2, "2026-01-02": 2}
    assert series(world, "daily_revenue") == {"2026-01-01": 5, "2026-01-02": 10}
    assert series(world, "ltv", "--axis", "cohort_day") == {"0": 2.5, "1": 7.5}


def test_a_late_first_touch_moves_the_cohort(world: World) -> None:
    """An earlier registration takes a user out of the old cohort and country, on all dates since."""
    begin(world)
    world.load(login("l0", "bob", -3, 3, "US"))
    world.run("update")
    world.check()
    assert series(world, "registrations") == {
        "2025-12-29": 1,
        "2025-12-30": 0,
        "2025-12-31": 0,
        "2026-01-01": 1,
        "2026-01-02": 0,
    }


def test_users_leave_a_window_by_the_clock(world: World) -> None:
    """A user without an event today is still active this week, and not after it, though no row of his changed."""
    begin(world)
    for day in range(3, 9):
        world.load(login(f"c{day}", "cat", day, day + 1))
        world.run("update")
    world.check()
    assert list(series(world, "wau_users").values()) == [2, 2, 2, 3, 3, 3, 1, 1, 1]


def test_query(world: World) -> None:
    """A table with unit and total, CSV, JSON; groups, axes, ranges; what is not there is said with what is."""
    begin(world)
    text = world.run("query", "--kpi", "daily_revenue").out
    assert text.splitlines() == [
        "date        daily_revenue",
        "2026-01-01             $5",
        "2026-01-02            $10",
        "sum: $15",
    ]
    assert world.run("query", "--kpi", "dau", "--csv", "--from", "2026-01-02").out == "date,dau\n2026-01-02,2\n"
    by = json.loads(
        world.run("query", "--kpi", "dau", "--by", "registration_country", "--json", "--to", "2026-01-01").out
    )
    assert by == [
        {"date": "2026-01-01", "registration_country": "DE", "dau": 1},
        {"date": "2026-01-01", "registration_country": "FR", "dau": 1},
    ]
    several = world.run("query", "--kpi", "dau", "--by", "registration_country", "--by", "segment", "--csv").out
    assert "2026-01-02,FR,much,1" in several
    assert "%" in world.run("query", "--kpi", "retention", "--axis", "cohort_day").out
    assert "did you mean dau?" in world.run("query", "--kpi", "dua", code=2).err
    assert "did you mean" in world.run("query", "--kpi", "dau", "--by", "registration_contry", code=2).err
    assert "its can_group_by is false" in world.run("query", "--kpi", "dau", "--by", "dau_active", code=2).err
    assert "its axes: date" in world.run("query", "--kpi", "lost", "--axis", "cohort_day", code=2).err


def test_plan_says_what_a_change_means(world: World) -> None:
    """A label costs nothing, a formula views, a window columns and cells, an event's condition a full build."""
    assert "new" in world.run("plan").out
    begin(world)
    assert "as it was applied" in world.run("plan").out
    kpis = semantic_model.KPIS.replace("label: DAU", "label: Daily users")
    world.write(kpis__all_yml=kpis)
    assert "as it was applied" in world.run("plan").out
    world.write(kpis__all_yml=kpis.replace("SUM({property.revenue})'", "SUM({property.revenue}) * 100'"))
    lines = [line for line in world.run("plan").out.splitlines() if line.startswith("sl.")]
    assert lines
    assert all("view only" in line for line in lines)
    world.write(
        kpis__all_yml=semantic_model.KPIS, properties__all_yml=semantic_model.PROPERTIES.replace("from: -4", "from: -5")
    )
    said = world.run("plan").out
    assert "sl.user_spans" in said
    assert "source events unread" in said
    assert "full: source events" not in said
    world.write(
        properties__all_yml=semantic_model.PROPERTIES,
        events__payment_yml=semantic_model.PAYMENT.replace("= 'payment'", "<> 'other'"),
    )
    assert "full: source events are read again" in world.run("plan").out


def test_update_keeps_to_what_was_applied(world: World) -> None:
    """An update never rebuilds what a new configuration means; it stops before anything is done."""
    assert "runner model apply" in world.run("update", code=6).err
    begin(world)
    world.write(properties__all_yml=semantic_model.PROPERTIES.replace("from: -4", "from: -5"))
    assert "runner model plan" in world.run("update", code=6).err
    world.run("apply")
    world.run("update")


@pytest.mark.parametrize("old_type", ["INTEGER", "NUMBER"])
def test_apply_changes_types_and_columns(world: World, old_type: str) -> None:
    """A property that changes its type, goes and comes back: tables and the views over them in one transaction."""
    wide = semantic_model.PROPERTIES.replace("peak: {data_type: INTEGER", f"peak: {{data_type: {old_type}")
    world.write(properties__all_yml=wide)
    begin(world)
    world.write(
        properties__all_yml="\n".join(line for line in semantic_model.PROPERTIES.splitlines() if "peak:" not in line)
    )
    world.run("apply")
    world.write(properties__all_yml=semantic_model.PROPERTIES)
    world.run("apply")
    world.check()
    assert "every row compared" in world.run("verify").out


def test_partial_update(world: World) -> None:
    """`update --kpi`: that one has the new day; another has not, and says so; all catch up later."""
    begin(world)
    world.load(login("l9", "ann", 2, 3), payment("p9", "ann", 2, 3, 7))
    world.run("update", "--kpi", "daily_revenue")
    assert series(world, "daily_revenue")["2026-01-03"] == 7
    assert "2026-01-03" not in series(world, "login_count")
    assert "sl.kpi_login owes keys" in world.run("status").out
    world.run("update", "--property", "wau", "--event", "login")
    world.run("update")
    world.check()
    assert "owes" not in world.run("status").out


def test_apply_begins_with_a_part(world: World) -> None:
    """`apply --from --to`: the batches of those days first; the rest comes with the next update."""
    for day in range(5):
        world.load(login(f"l{day}", "ann", day, day))
    said = world.run("apply", "--from", "2026-01-03", "--to", "2026-01-04")
    assert "2 pending batches" in said.out
    assert list(series(world, "dau")) == ["2026-01-03", "2026-01-04"]
    world.run("update")
    world.check()


def test_prune(world: World) -> None:
    """What the model has no longer is named, and dropped when asked."""
    begin(world)
    world.write(
        kpis__all_yml="\n".join(line for line in semantic_model.KPIS.splitlines() if "  countries:" not in line)
    )
    assert "sl.v_kpi_countries" in world.run("apply").out
    assert "--prune" in world.run("plan").out
    assert "dropped" in world.run("apply", "--prune").out
    assert "no longer part" not in world.run("status").out
    world.write(kpis__all_yml=semantic_model.KPIS)
    world.run("apply")
    world.check()


def test_rewind(world: World) -> None:
    """Rows changed in place: their days are rewound, by what they are and by what they were; readers see no gap."""
    begin(world)
    world.replace_all([replace(row, revenue=Decimal(50)) if row.event_id == "p2" else row for row in world.rows])
    assert "nothing to do" in world.run("update").out
    assert "would rewind" in world.run("rewind", "--from", "2026-01-02", "--to", "2026-01-02", "--dry-run").out
    assert "no processed batches" in world.run("rewind", "--from", "2027-01-01").out
    assert "1 batches, 1 events" in world.run("rewind", "--from", "2026-01-02", "--event", "payment").out
    assert series(world, "daily_revenue")["2026-01-02"] == 10
    world.run("update")
    world.check()
    moved = [replace(row, time=START) if row.event_id == "l3" else row for row in world.rows]
    world.replace_all(moved)
    world.run("rewind", "--from", "2026-01-02", "--to", "2026-01-02", "--property", "logins")
    world.run("update")
    world.check()


def test_refresh_and_verify_find_what_was_tampered_with(world: World) -> None:
    """`verify` names it and exits 9; `refresh` rebuilds everything and says what was different."""
    begin(world)
    world.db.execute("update sl.user_spans set wau = 5 where user_id = 'ann'")
    said = world.run("verify", code=9)
    assert "sl.user_spans: user_id=ann" in said.out
    assert "runner model refresh" in said.err
    assert re.search(r"user_spans +\d+ rows   \+0 ~2 -0", world.run("refresh").out)
    world.run("verify")


def test_explain(world: World) -> None:
    """The terms of a value, who counts, and which batches and run it came from."""
    begin(world)
    said = world.run("explain", "--kpi", "payer_dau", "--date", "2026-01-02").out
    assert "payer_dau on 2026-01-02 = 2" in said
    assert "{payer_ever} > 0" in said
    assert "ann" in said
    assert "2026-01-03 00:00:00" in said


def test_a_model_without_our_tags(world: World) -> None:
    """No event id and no load time, as Asemic's files are: a batch is a day, and late events are counted all the same."""
    plain = [
        line for line in semantic_model.LOGIN.splitlines() if "etl_tstamp" not in line and "event_id_column" not in line
    ]
    paid = [
        line
        for line in semantic_model.PAYMENT.splitlines()
        if "etl_tstamp" not in line and "event_id_column" not in line
    ]
    world.write(events__login_yml="\n".join(plain), events__payment_yml="\n".join(paid))
    begin(world)
    assert series(world, "dau") == {"2026-01-01": 2, "2026-01-02": 2}
    world.load(login("l7", "cat", 0.2, 9), login("l7", "cat", 0.3, 9))
    world.run("update")
    assert series(world, "login_count") == {"2026-01-01": 4, "2026-01-02": 1}
    assert series(world, "dau") == {"2026-01-01": 3, "2026-01-02": 2}
    world.run("verify")


def test_an_event_of_its_own_sql(world: World) -> None:
    """What a formula cannot say is a SELECT over the event's table, held to the rules of a model."""
    sql = "sql: select event_id, user_id, time, etl_tstamp, upper(country) as country from app.login where country <> 'XX'\n"
    world.write(
        events__login_yml=semantic_model.LOGIN.replace("tags: [registration_event", f"{sql}tags: [registration_event")
    )
    world.load(login("l1", "ann", 0, 1, "de"), login("l2", "bob", 0, 1, "XX"))
    world.run("apply")
    by = world.run("query", "--kpi", "dau", "--by", "registration_country", "--csv").out
    assert by == "date,registration_country,dau\n2026-01-01,DE,1\n"
    counted = "sql: select event_id, user_id, time, etl_tstamp, country, row_number() over (order by time) as n from app.login\n"
    world.write(
        events__login_yml=semantic_model.LOGIN.replace(
            "tags: [registration_event", f"{counted}tags: [registration_event"
        )
    )
    assert "login.yml" in world.run("apply", code=2).err


def test_time_zone_and_run_date(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A date is that of the zone; with horizon: run_date the last day is that of the run, whatever came: the same model
    the day after has one day more, without an event and without being applied again.
    """
    config = semantic_model.CONFIG + "  horizon: run_date\ntimezone: America/New_York\n"
    world.write(config_yml=config)
    today = datetime(2026, 3, 9)
    late = today - timedelta(days=3) + timedelta(hours=3)  # the evening before, in New York
    world.load(Row("login", "l1", "ann", late, late, country="DE"))
    for day, command in enumerate(("apply", "update", "update")):
        now = f"{today + timedelta(days=day):%Y-%m-%d} 12:00:00"
        monkeypatch.setattr(Session, "now_utc", lambda _, now=now: now)
        world.run(command)
        found = series(world, "wau_users")
        assert min(found) == str((late - timedelta(days=1)).date())
        assert max(found) == str((today + timedelta(days=day)).date())
    world.run("verify")


def test_watch_and_due(world: World) -> None:
    """`watch` updates at the model's frequency and counts missed ticks as one; `update --if-due` waits for its turn."""
    begin(world)
    assert "not due before" in world.run("update", "--if-due").out
    world.close()
    slept: list[float] = []
    now = [0.0]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds + (4000 if len(slept) == 1 else 0)  # the machine slept over two ticks

    out, err = io.StringIO(), io.StringIO()
    clock = Clock(lambda: now[0], sleep)
    code = main(
        ["model", "watch", str(world.folder), "--times", "3", "--target", world.url], out=out, err=err, clock=clock
    )
    assert code == 0, err.getvalue()
    assert out.getvalue().count("nothing to do") == 3
    assert [round(seconds) for seconds in slept if seconds > 1] == [1800, 1400]


def test_config_push_is_apply(world: World) -> None:
    """Asemic's word for it."""
    world.load(login("l1", "ann", 0, 1))
    out, err = io.StringIO(), io.StringIO()
    assert main(["config", "push", str(world.folder), "--target", world.url], out=out, err=err) == 0, err.getvalue()
    assert series(world, "dau") == {"2026-01-01": 1}


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """A misspelt file: exit 5, and nothing is left behind."""
    folder = semantic_model.write(tmp_path / "model")
    for command in ("apply", "plan", "status"):
        out, err = io.StringIO(), io.StringIO()
        code = main(
            ["model", command, str(folder), "--target", f"duckdb:///{tmp_path}/typo/w.duckdb"], out=out, err=err
        )
        assert code == 5, err.getvalue()
    assert not (tmp_path / "typo").exists()


def test_watch_ends_with_a_signal(world: World) -> None:
    """SIGTERM ends the wait between two updates at once: exit 143, and what was published stays."""
    begin(world)
    world.load(login("l8", "cat", 2, 3))
    world.close()
    command = [sys.executable, "-m", "runner", "model", "watch", str(world.folder), "--target", world.url]
    watching = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert watching.stdout is not None
    while not watching.stdout.readline().startswith("next:"):
        assert watching.poll() is None
    watching.terminate()
    _, err = watching.communicate(timeout=20)
    assert watching.returncode == 143
    assert re.fullmatch(
        r"stopped by SIGTERM; (watching ended; what was published stays|run \S+ is published; .*)\n", err
    )
    assert series(world, "dau")["2026-01-03"] == 1


def test_a_view_that_was_dropped_comes_back(world: World) -> None:
    """`apply` makes what the files say, whoever took it away."""
    begin(world)
    world.db.execute("drop view sl.v_kpi_dau")
    world.run("apply")
    assert series(world, "dau") == {"2026-01-01": 2, "2026-01-02": 2}


def test_the_state_of_an_older_runner(world: World) -> None:
    """Every command says so, and that `refresh` begins it anew; the model's views are known as its own then."""
    begin(world)
    world.db.execute("update runner.meta set version = 1")
    days = ("--from", "2026-01-01")
    for command in (
        *(("plan",), ("apply",), ("update",), ("watch", "--times", "1"), ("rewind", *days), ("verify",), ("status",)),
        *(("query", "--kpi", "dau"), ("explain", "--kpi", "dau", "--date", "2026-01-01")),
    ):
        said = world.run(*command, code=6).err
        assert "(version 1, this one writes 3)" in said, command
        assert f"begin it anew and build every table in full: runner model refresh {world.folder}\n" in said, command
    assert "begun anew" in world.run("refresh").out
    world.load(login("l4", "bob", 2, 3))
    world.run("update")
    world.check()
    assert "as it was applied" in world.run("plan").out


def test_no_password_in_the_files(tmp_path: Path) -> None:
    """One in `target:` is refused with its line, and not shown."""
    config = semantic_model.CONFIG + "  target: postgresql://me:hunter2@host/db\n"
    folder = semantic_model.write(tmp_path / "model", {"config.yml": config})
    out, err = io.StringIO(), io.StringIO()
    assert main(["config", "validate", str(folder)], out=out, err=err) == 2
    assert "config.yml:9: E01 the target holds a literal password" in out.getvalue()
    assert "hunter2" not in out.getvalue() + err.getvalue()
