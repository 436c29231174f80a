"""What is derived is SQL that Redshift and Snowflake take, as far as their documents tell."""

from __future__ import annotations

import pytest

from runner.errors import Place
from runner.joins.derive import derive
from runner.joins.values import Input, Moves, filled
from runner.porting import portable
from runner.sql.references import parse_select
from runner.warehouse.engines import ENGINES
from tests.joins.play import COLUMNS, STILL
from tests.joins.shapes import SHAPES


@pytest.mark.parametrize("engine", ["redshift", "snowflake"])
def test_derived_texts_port(engine: str) -> None:
    """The runner's own texts are held to the rules that models are held to."""
    wrong, seen = [], 0
    for shape in (one for one in SHAPES if engine in one.engines):
        for moves in (Moves.SIGNED, Moves.VALUES):
            select, tree = parse_select(shape.select, engine, Place())
            inputs = {}
            for table in select.tables:
                columns = tuple(column.split()[0] for column in COLUMNS[str(table)].split(", "))
                inputs[table] = Input(columns, Moves.NOT if str(table) in STILL else moves)
            derived = derive(tree, select.references, shape.key.split(", "), inputs, ENGINES[engine])
            for piece in derived.pieces:
                text = filled(piece.text, lambda kind, number: f"x.{kind}_{number}")
                found, read = parse_select(text, engine, Place())
                problems = portable.check_select(found.text, read, engine, Place(), frozenset())
                wrong += [f"{shape.name}: {problem.what}" for problem in problems]
                seen += 1
    assert seen > 40
    assert wrong == []
