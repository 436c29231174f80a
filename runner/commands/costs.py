"""What a model with joins costs: how far its inputs may be cut to the affected keys, and which changes are about all keys."""

from __future__ import annotations

from collections.abc import Iterator

from runner.errors import Place
from runner.names import TableName
from runner.program.values import CompiledModel, Program

FEWER = "if that is most runs, leave `key` out, or split the model: the rows of each key in one, and this in another"


def costs(program: Program) -> Iterator[str]:
    """One line for each thing that makes an increment of a model dearer than the keys that changed."""
    for model in program.models:
        if model.derived is None and model.costs:
            first = model.costs[0]
            what = first.what.removeprefix(f"{model.table}: ")
            yield f"{first.place}: {model.table}: which keys a change reaches is derived from its joins: {what}"
        elif model.derived is not None:
            yield from _told(model)


def _told(model: CompiledModel) -> Iterator[str]:
    whole = list(_read_whole(model))
    if whole and model.is_joined:
        listed = ", ".join(f"{table} (line {line})" for table, line in whole)
        yield f"{model.select.place}: {model.table}: an increment reads the whole of {listed}, and writes the affected keys"
    for table, (reason, line) in model.derived.everywhere.items() if model.derived else ():
        place = Place(model.select.place.path, 0 if model.ported else line)
        yield f"{place}: {model.table}: a change of {table} is about all keys: {reason}; {FEWER}"


def _read_whole(model: CompiledModel) -> Iterator[tuple[TableName, int]]:
    """The sources and models of which all rows are read, with the lines where they are."""
    cut = model.derived.cuts if model.derived else {}
    for number, reference in enumerate(model.select.references):
        if reference.table in (*model.sources, *model.models) and not all(cut.get(number, ("",))):
            yield reference.table, reference.line
