"""A formula has one value on every engine, BigQuery's; what has not is refused with its line."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from runner.doors.semantic.formulas import Formula
from runner.doors.semantic.rules.findings import Findings
from runner.doors.semantic.rules.formulas import readable
from runner.warehouse.engines import ENGINES
from tests.doors.semantic.formula_values import REFUSED, ROW, VALUES
from tests.engines.db import Db, engine_of


def plain(value: Any) -> object:
    """A value as Python has it, whatever type an engine gives it."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, bool) or value is None or isinstance(value, (str, date)):
        return value
    return round(float(value), 9)


def test_every_formula_has_its_value(warehouse_url: str) -> None:
    """All that is allowed, in one SELECT an engine; a wrong one is named."""
    engine = ENGINES[engine_of(warehouse_url)]
    listed = ", ".join(
        f"{Formula(text).sql(engine, ROW.__getitem__)} as c{number}" for number, (text, _) in enumerate(VALUES)
    )
    with Db(warehouse_url) as db:
        (row,) = db.rows(f"select {listed}")
    found = {text: plain(value) for (text, _), value in zip(VALUES, row, strict=True)}
    assert found == {text: plain(value) for text, value in VALUES}


@pytest.mark.parametrize("text", [text for text, _ in VALUES])
def test_what_has_a_value_is_allowed(text: str) -> None:
    """No finding."""
    findings = Findings()
    assert readable(Formula(text), findings)
    assert not findings.found


@pytest.mark.parametrize("text", REFUSED)
def test_what_differs_is_refused(text: str) -> None:
    """One finding that names the call."""
    findings = Findings()
    readable(Formula(text), findings)
    assert [one.code for one in findings.found] == ["E12"]
