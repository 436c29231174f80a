"""Ids that are equal and have several texts: numbers are made of the texts, and copies would be missed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runner.algebra.values import BoundSource
from runner.errors import Problem
from runner.names import TableName
from runner.program.values import Program
from runner.warehouse.engines import Engine
from runner.warehouse.values import types_of

TEXTS = ("char", "varchar", "text", "bpchar")


def with_several_texts(program: Program, sources: Mapping[TableName, BoundSource], engine: Engine) -> Iterator[Problem]:
    """What `dedupe` lists of such types, where copies may differ in a key; of expressions no type is known."""
    for source in (ids.key.source for ids in program.ids if ids.key.source.table in sources):
        types = types_of(sources[source.table].relation.columns)
        for one in source.dedupe:
            type_ = types.get(one.text.strip('"').lower(), "")
            if type_ and not type_.lower().startswith(TEXTS) and not engine.same_if_equal.fullmatch(type_):
                what = f"dedupe of {source.table}: equal values of {one.text}, which is {type_}, may be written in several ways"
                hint = f"write what is the same for copies, such as cast({one.text} as bigint) or lower({one.text})"
                yield Problem(source.place, what, hint)
