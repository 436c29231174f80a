"""Views that a playbook reads: their texts are part of what a model reads, and what hides in them is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from runner.errors import Place, Problem
from runner.increment.catalogue.functions import Functions
from runner.names import TableName
from runner.playbook.values import Source
from runner.program import cache
from runner.program.values import Program
from runner.warehouse.base import Warehouse
from runner.warehouse.values import Relation


@dataclass(frozen=True)
class Views:
    """Of each input that is a view: the views that it is made of, itself the first, and the tables that they reach."""

    made_of: Mapping[TableName, tuple[Relation, ...]] = field(default_factory=dict)
    reached: Mapping[TableName, frozenset[TableName]] = field(default_factory=dict)

    def texts(self, table: TableName) -> tuple[str, ...]:
        """The SELECTs of an input's views."""
        return tuple(view.definition for view in self.made_of.get(table, ()))


def find_views(warehouse: Warehouse, inputs: Mapping[TableName, Relation]) -> Views:
    """Look into all inputs that are views, through other views too."""
    looked = {table: _look(warehouse, relation) for table, relation in inputs.items() if relation.is_view}
    return Views({t: made for t, (made, _) in looked.items()}, {t: tables for t, (_, tables) in looked.items()})


def _look(warehouse: Warehouse, relation: Relation) -> tuple[tuple[Relation, ...], frozenset[TableName]]:
    from runner.proof.behind.views import tables_of

    default = warehouse.engine.default_schema
    made, reached = [relation], set[TableName]()
    for view in made:  # grows on the way
        fresh = {t.within(default) for t in tables_of(view.definition, warehouse.engine.name)} - reached
        reached |= fresh
        made += [found for found in warehouse.describe(sorted(fresh, key=str)).values() if found.is_view]
    return tuple(made), frozenset(reached)


def refused_views(program: Program, warehouse: Warehouse, views: Views, own: Functions) -> list[Problem]:
    """What in a view changes its rows although no count and no fingerprint would tell."""
    passed = repr((views, own))
    if not views.made_of or cache.is_noted(program, passed):
        return []
    problems = list(_all_refused(program, warehouse, views, own))
    if not problems:
        cache.note(program, passed)
    return problems


def _all_refused(program: Program, warehouse: Warehouse, views: Views, own: Functions) -> Iterator[Problem]:
    sources = {source.table: source for source in program.playbook.sources}
    for table, made in views.made_of.items():
        if not program.lookup_is_static(table):
            for view in made:
                yield from _refused(program, warehouse, table, sources.get(table), view, own)


def _refused(
    program: Program, warehouse: Warehouse, table: TableName, source: Source | None, view: Relation, own: Functions
) -> Iterator[Problem]:
    from runner.proof.behind import bodies
    from runner.proof.behind.views import of_lookup, of_source

    default, dialect = warehouse.engine.default_schema, warehouse.engine.name
    fixed = [lookup.table for lookup in program.playbook.lookups if lookup.static]
    static = frozenset([*fixed, *(t.within(default) for t in fixed)])
    if source is None:
        found = of_lookup(view.definition, dialect)
        reader = next(model for model in program.models if table in model.lookups)
        line = next(r.line for r in reader.select.references if r.table == table)
        place = Place(reader.select.place.path, line)
    else:
        found = of_source(view.definition, dialect, static, fingerprint=source.fingerprint)
        place = source.place
    through = "" if view.name == table else f" over {view.name}"
    if found is not None:
        yield Problem(place, f"{table} is a view{through}, and {found[0]}", found[1])
    for function in own.called_by(view.definition):
        said = bodies.answer(function, dialect, static, keyed=False)
        if said is not None:
            yield Problem(place, f"{table} is a view{through}, and {said[0]}", said[1])
