"""Generated texts for Redshift, which no test runs: what other engines write differently."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from tests.doors.products.small import PRODUCT, STRUCTURES, generate, write

ARGUMENTS = 100  # of one call


@pytest.mark.parametrize("engine", ["postgres", "redshift"])
@pytest.mark.parametrize("count", [1, 40, 41, 95])
def test_many_properties(engine: str, count: int, tmp_path: Path) -> None:
    """An element has all properties of its schema, however many, and no call has more arguments than engines take."""
    names = [f"p{number}" for number in range(count)]
    write(tmp_path, structures=STRUCTURES | {"com.acme/item/1-0-0": {name: {"type": "string"} for name in names}})
    sql = generate(tmp_path, "view", "--engine", engine, "--entity", "item")
    trees = sqlglot.parse(sql.partition("note:")[0], dialect=engine)
    calls = [call for tree in trees if tree for call in tree.find_all(exp.Func)]
    built = [call for call in calls if call.sql(dialect=engine).lower().startswith(("object(", "jsonb_build_object("))]
    keys = [str(key.this) for call in built for key in call.expressions[::2]]
    assert sorted(keys) == sorted(names)
    assert all(len(call.expressions) <= ARGUMENTS for call in built)


def test_backslash(tmp_path: Path) -> None:
    """Whether a backslash escapes within quotes depends on the server: no text has one."""
    write(tmp_path, PRODUCT.replace("[new]", r"['a\b']"))
    said = generate(tmp_path, "view", "--match", "inferred", "--engine", "redshift")
    assert "in (('a' || chr(92) || 'b'))" in said
