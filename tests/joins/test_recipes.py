"""The recipes of docs/joins.md are models like any other: each stays equal to a recompute."""

from __future__ import annotations

import random
import re
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from runner.joins import derive
from tests.joins.shapes import LOCAL, Shape
from tests.joins.test_shapes import begin, make, same
from tests.joins.world import World
from tests.kit import ROOT
from tests.kit.project import Project, project_fixture

__all__ = ["project_fixture"]
NAMES = {
    "mart.events": "d.ev",
    "mart.users": "d.us",
    "mart.products": "d.dim",
    "mart.orders": "d.orders",
    "shop.events": "raw.events",
    "shop.orders": "raw.orders",
    "crm.products": "raw.products",
    "crm.prices": "raw.prices",
    "crm.calendar": "raw.days",
}


def recipes() -> list[Shape]:
    page = (ROOT / "docs" / "joins.md").read_text(encoding="utf-8")
    found = []
    for number, text in enumerate(re.findall(r"^```sql\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)):
        first, _, select = text.partition("\n")
        for name, real in NAMES.items():
            select = select.replace(name, real)
        found.append(Shape(f"recipe {number}", first.removeprefix("-- key: "), select, LOCAL))
    return found


def test_recipes(project: Project) -> None:
    """Each recipe of the page, under random batches on all that it reads; those that are not dear say so."""
    begin(project)
    shapes = recipes()
    assert len(shapes) > 12
    make(project, "", shapes)
    world = World(project.db, random.Random(11))
    world.fill()
    project.run()
    for _ in range(5):
        world.step()
        assert "could not be asked" not in project.run().text
        for name in project.models:
            same(project, name)
    project.command("verify")
    said = project.command("check", "--live").text
    assert "is about all keys" in said  # the share of the total


def test_a_change_reaches_the_keys_that_it_joins(project: Project) -> None:
    """How much is recomputed: an event is of seven days, and of no other; a product reaches its own facts."""
    begin(project)
    shapes = recipes()
    make(project, "", shapes)
    world = World(project.db, random.Random(3))
    world.fill()
    project.run()
    dear = next(shape.table for shape in shapes if "revenue" in shape.select)
    name = next(shape.table for shape in shapes if "users7" in shape.select)
    world.events.append((900, "u1", "s1", world.events[0][3].replace(day=9), 5, world.tstamp(50)))
    world.write()
    share = next(shape.table for shape in shapes if "as share" in shape.select)
    assert re.search(rf"{share} +built in full +where rows of d.ev differ", project.command("plan").out)
    world.db = project.db  # a command that reads only has closed the one before
    said = project.run()
    assert re.search(rf"{name} +7 keys", said.text), said.text
    world.products["s1"] = ("n0", 77)
    world.write()
    facts = project.one("select count(*) from d.ev where sku = 's1'")
    said = project.run()
    assert re.search(rf"{dear} +{facts} keys", said.text), said.text
    assert re.search(rf"{name} +nothing to do", said.text), said.text


def test_what_is_derived_is_kept(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run with nothing to do derives nothing anew; columns that are others do."""
    monkeypatch.setenv("RUNNER_CACHE", str(tmp_path / "cache"))
    begin(project)
    make(project, "", recipes())
    World(project.db, random.Random(3)).fill()
    project.run()
    project.run()
    asked = MagicMock(side_effect=derive.derive)
    monkeypatch.setattr(derive, "derive", asked)
    assert "nothing to do" in project.run().out
    asked.assert_not_called()
    project.db.execute("alter table raw.products alter column name type varchar(40)")
    project.db.execute("alter table raw.products add column more integer")
    project.run()
    asked.assert_called()
