"""An answer of any engine as a Parquet file, written by an embedded DuckDB of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from runner.doors.semantic.commands.query.printing import Answer, Column
from runner.doors.semantic.dialect import Dialect
from runner.doors.semantic.types import DataType
from runner.errors import BadInput, Place, Problem, Stopped
from runner.warehouse.engines import Engine

AT_ONCE = 500  # rows of a statement


def check_file(path: Path) -> None:
    """Raises BadInput for what cannot become a file, before anything is asked."""
    if path.is_dir():
        raise BadInput(Problem(Place(), f"--parquet {path} is a folder", f"--parquet {path}/kpis.parquet"))
    if not path.absolute().parent.is_dir():
        raise BadInput(
            Problem(Place(), f"--parquet {path}: there is no folder {path.parent}", f"mkdir -p {path.parent}")
        )


def write(answer: Answer, scale: int, path: Path) -> None:
    """The file, whole or not at all; one that is there is replaced. Raises Stopped."""
    from runner.warehouse.duckdb import DuckDB
    from runner.warehouse.values import WarehouseError

    made = path.with_name(f".{path.name}.{os.getpid()}")
    embedded = DuckDB(":memory:")
    engine = embedded.engine
    dialect = Dialect(engine, 38, scale)
    types = [_type(dialect, column, [row[at] for row in answer.rows]) for at, column in enumerate(answer.columns)]
    columns = ", ".join(
        f"{engine.quote(column.name)} {type_}" for column, type_ in zip(answer.columns, types, strict=True)
    )
    try:
        embedded.execute("query:parquet", f"create table answer ({columns})")
        for start in range(0, len(answer.rows), AT_ONCE):
            rows = ", ".join(_row(engine, row) for row in answer.rows[start : start + AT_ONCE])
            embedded.execute("query:parquet", f"insert into answer values {rows}")
        embedded.execute("query:parquet", f"copy answer to {engine.literal(str(made))} (format parquet)")
        made.replace(path)
    except (WarehouseError, OSError) as error:
        raise Stopped(f"cannot write {path}: {error}", "name a file in a folder that you may write to") from None
    finally:
        embedded.close()
        made.unlink(missing_ok=True)


def _row(engine: Engine, row: Sequence[Any]) -> str:
    return f"({', '.join(_literal(engine, value) for value in row)})"


def _literal(engine: Engine, value: Any) -> str:
    """A float and an exact number by their digits, all else as the text that the column's type reads."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    plain = value is None or isinstance(value, (bool, int))
    return engine.literal(value if plain else str(value))


def _type(dialect: Dialect, column: Column, values: Sequence[Any]) -> str:
    """What is known before; of a formula the engine has said it by what it gave."""
    if column.type is not None:
        return dialect.type(column.type)
    kinds = {type(value) for value in values if value is not None}
    if date in kinds:
        return dialect.type(DataType.DATE)
    return "double" if kinds <= {int, float, Decimal} else dialect.type(DataType.STRING)
