"""What the columns of a live table are in an event's file: the engine's types as those of the semantic layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.errors import SqlglotError

from runner.doors.semantic.files.events import COLUMN_NAME
from runner.doors.semantic.types import DataType
from runner.doors.semantic.values import Column
from runner.warehouse.values import Column as LiveColumn
from runner.warehouse.values import Relation

_TYPES = exp.DataType.Type
_DAYS = frozenset({_TYPES.DATE, _TYPES.DATE32})
_TIMES = frozenset({_TYPES.TIME, _TYPES.TIMETZ})
_FAMILIES = (
    (DataType.INTEGER, frozenset(exp.DataType.INTEGER_TYPES) - {_TYPES.BIT}),
    (DataType.NUMBER, frozenset(exp.DataType.REAL_TYPES)),
    (DataType.STRING, frozenset({*exp.DataType.TEXT_TYPES, _TYPES.BPCHAR, _TYPES.UUID, _TYPES.ENUM, _TYPES.INET})),
    (DataType.DATE, _DAYS),
    (DataType.DATETIME, frozenset(exp.DataType.TEMPORAL_TYPES) - _DAYS - _TIMES),
    (DataType.BOOLEAN, frozenset({_TYPES.BOOLEAN})),
)


@dataclass(frozen=True)
class LeftOut:
    """A column that an event's file cannot have."""

    name: str
    why: str


def columns_of(relation: Relation, dialect: str) -> tuple[tuple[Column, ...], tuple[LeftOut, ...]]:
    """The columns of a table, with the fields within them as columns of their own, and what is left out."""
    columns: dict[str, Column] = {}
    left_out: list[LeftOut] = []
    for live in relation.columns:
        for name, type_ in _fields(live.name, _type_of(live, dialect)):
            plain = _plain(type_, live)
            if plain is None:
                left_out.append(LeftOut(name, live.type))
            elif not COLUMN_NAME.fullmatch(name):
                left_out.append(LeftOut(name, "its name: give it another in the event's sql:"))
            else:
                column = Column(name, plain)
                if columns.setdefault(column.stored, column) is not column:
                    left_out.append(
                        LeftOut(name, f"differs from {columns[column.stored].name} in capitals and dots only")
                    )
    return tuple(columns.values()), tuple(left_out)


def _type_of(live: LiveColumn, dialect: str) -> exp.DataType | None:
    try:
        return exp.DataType.build(live.type, dialect=dialect, udt=True)
    except SqlglotError:
        return None


def _fields(name: str, type_: exp.DataType | None) -> Iterator[tuple[str, exp.DataType | None]]:
    """A column, or what is within it: `level` of a struct gives `level.number`."""
    fields = type_.expressions if type_ is not None and type_.this is _TYPES.STRUCT else []
    if not fields or not all(isinstance(field, exp.ColumnDef) for field in fields):
        yield name, type_
        return
    for field in fields:
        yield from _fields(f"{name}.{field.name}", field.args.get("kind"))


def _plain(type_: exp.DataType | None, live: LiveColumn) -> DataType | None:
    if type_ is None or type_.this is _TYPES.USERDEFINED:
        return DataType.STRING if live.sense else None  # the labels of an enum
    if type_.this is _TYPES.DECIMAL and len(type_.expressions) > 1 and type_.expressions[1].name == "0":
        return DataType.INTEGER
    return next((plain for plain, types in _FAMILIES if type_.this in types), None)
