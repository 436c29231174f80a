"""Answers as the driver reads them: columns, and rows as JSON or Arrow with Snowflake's types."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from fakesnow import arrow
from fakesnow.rowtype import duckdb_to_sf_type

MORE_TYPES = {
    "TINYINT": "fixed", "SMALLINT": "fixed", "UTINYINT": "fixed", "USMALLINT": "fixed", "UINTEGER": "fixed",
    "UHUGEINT": "fixed", "FLOAT": "real", "TIMESTAMP_MS": "timestamp_ntz", "TIMESTAMP_S": "timestamp_ntz",
}  # fmt: skip
SHOWN = {
    "BIGINT": "NUMBER(38,0)", "INTEGER": "NUMBER(38,0)", "SMALLINT": "NUMBER(38,0)", "TINYINT": "NUMBER(38,0)",
    "HUGEINT": "NUMBER(38,0)", "UBIGINT": "NUMBER(38,0)", "UINTEGER": "NUMBER(38,0)", "DOUBLE": "FLOAT",
    "FLOAT": "FLOAT", "TIMESTAMP": "TIMESTAMP_NTZ(9)", "TIMESTAMP_NS": "TIMESTAMP_NTZ(9)", "JSON": "VARIANT",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_LTZ(9)", "TIME": "TIME(9)", "BLOB": "BINARY(8388608)",
}  # fmt: skip
DONE_WORDS = {"insert": "inserted", "update": "updated", "delete": "deleted"}


def column_info(name: str, type_: str) -> dict[str, Any]:
    """How the driver is told of a column of a DuckDB type."""
    base = type_.partition("(")[0]
    kind = duckdb_to_sf_type.get("DECIMAL" if base == "DECIMAL" else type_) or MORE_TYPES.get(type_, "text")
    info: dict[str, Any] = {
        "name": name, "database": "", "schema": "", "table": "", "nullable": True, "type": kind,
        "byteLength": None, "length": None, "scale": None, "precision": None, "collation": None,
    }  # fmt: skip
    if base == "DECIMAL":
        precision, scale = re.findall(r"\d+", type_) or ("38", "0")
        info.update(precision=int(precision), scale=int(scale))
    elif kind == "fixed":
        info.update(precision=38, scale=0)
    elif kind == "text":
        info.update(byteLength=16777216, length=16777216)
    elif kind.startswith("time"):
        info.update(precision=0, scale=9)
    elif kind == "binary":
        info.update(byteLength=8388608, length=8388608)
    return info


def shown_type(type_: str, length: int | None) -> str:
    """A DuckDB type as DESCRIBE TABLE names it."""
    if type_.startswith("DECIMAL"):
        return "NUMBER" + type_.removeprefix("DECIMAL")
    if type_ == "VARCHAR":
        return f"VARCHAR({length or 16777216})"
    return SHOWN.get(type_, type_)


@dataclass
class Answer:
    """The result of a statement."""

    columns: list[dict[str, Any]]
    table: Any = None  # Arrow
    rows: list[list[Any]] | None = None  # instead
    type_id: int = 0
    extra: dict[str, Any] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        if self.rows is not None:
            texts = [[None if value is None else str(value) for value in row] for row in self.rows]
            return {"queryResultFormat": "json", "rowset": texts, "total": len(texts), "returned": len(texts)}
        result = {"queryResultFormat": "arrow", "rowsetBase64": "", "total": 0, "returned": 0}
        if self.table is not None:
            table = fitted(self.table, self.columns)
            raw = arrow.to_ipc(for_driver(table, self.columns))
            result.update(rowsetBase64=base64.b64encode(raw).decode(), total=table.num_rows, returned=table.num_rows)
        return result


def fitted(table: Any, columns: list[dict[str, Any]]) -> Any:
    """Types that the driver knows, and names that differ (Arrow's own functions want them so)."""
    arrays = []
    for found in table.columns:
        kind = found.type
        if pa.types.is_uint64(kind):
            found = found.cast(pa.decimal128(38, 0))
        elif pa.types.is_unsigned_integer(kind):
            found = found.cast(pa.int64())
        elif pa.types.is_float32(kind):
            found = found.cast(pa.float64())
        elif pa.types.is_timestamp(kind) and kind.unit != "us":
            found = found.cast(pa.timestamp("us", kind.tz), safe=False)
        elif pa.types.is_nested(kind) or pa.types.is_interval(kind):
            found = pa.array(
                [None if v is None else json.dumps(v, default=str) for v in found.to_pylist()], pa.string()
            )
        if isinstance(found.type, pa.TimestampType) and found.type.tz:
            found = found.cast(pa.timestamp("us", "UTC"))
        arrays.append(found)
    return pa.table(arrays, names=[column["name"] for column in columns])


def for_driver(table: Any, columns: list[dict[str, Any]]) -> Any:
    """The table as Snowflake sends it: timestamps are structs, and each field tells its type."""
    arrays, fields = [], []
    for found, column in zip(table.columns, columns, strict=True):
        kind, made = found.type, found
        if pa.types.is_timestamp(kind):
            made = stamps(found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found, bool(kind.tz))
        elif pa.types.is_time(kind):
            made = pc.multiply(found.cast(pa.int64()), 1000)
        elif pa.types.is_null(kind):
            made = found.cast(pa.string())
        told = {
            "logicalType": column["type"].upper(), "precision": str(column["precision"] or 38),
            "scale": str(column["scale"] or 0), "charLength": str(column["length"] or 0),
        }  # fmt: skip
        arrays.append(made)
        fields.append(pa.field(column["name"], made.type, metadata=told))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def stamps(found: Any, zoned: bool) -> Any:
    """Timestamps as structs of seconds and nanoseconds."""
    none = pc.is_null(found)
    micros = pc.fill_null(found.cast(pa.timestamp("us")).cast(pa.int64()), 0)
    epoch = pc.divide(micros, 1_000_000)  # towards zero, but a fraction counts from the second before
    rest = pc.subtract(micros, pc.multiply(epoch, 1_000_000))
    below = pc.less(rest, 0).cast(pa.int64())
    epoch, rest = pc.subtract(epoch, below), pc.add(rest, pc.multiply(below, 1_000_000))
    fraction = pc.multiply(rest, 1000).cast(pa.int32())
    parts = [epoch, fraction]
    names = [pa.field("epoch", pa.int64(), nullable=False), pa.field("fraction", pa.int32(), nullable=False)]
    if zoned:
        parts.append(pa.array([1440] * len(found), pa.int32()))
        names.append(pa.field("timezone", pa.int32(), nullable=False))
    mask = none.combine_chunks() if isinstance(none, pa.ChunkedArray) else none
    return pa.StructArray.from_arrays(parts, fields=names, mask=mask)


def strings(head: tuple[str, ...], rows: list[list[Any]], type_id: int = 0) -> Answer:
    """A table of texts."""
    return Answer([column_info(name, "VARCHAR") for name in head], rows=rows, type_id=type_id)


def one_column(name: str, value: str) -> Answer:
    """One text."""
    return strings((name,), [[value]])


def changed(kind: str, counts: dict[str, int], type_id: int) -> Answer:
    """How many rows a DML statement changed."""
    columns = [column_info(f"number of rows {name}", "BIGINT") for name in counts]
    rows = [list(counts.values())]
    if kind == "update":
        columns.append(column_info("number of multi-joined rows updated", "BIGINT"))
        rows[0].append(0)
    return Answer(columns, rows=rows, type_id=type_id)


def from_arrow(kind: Any) -> str:
    """The DuckDB type of an Arrow one."""
    if pa.types.is_boolean(kind):
        return "BOOLEAN"
    if pa.types.is_integer(kind):
        return "BIGINT"
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if pa.types.is_floating(kind):
        return "DOUBLE"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP WITH TIME ZONE" if kind.tz else "TIMESTAMP"
    return "DATE" if pa.types.is_date(kind) else "VARCHAR"
