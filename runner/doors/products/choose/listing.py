"""`--list`: the events, entities and columns that there are to choose, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runner.doors.products.choose.wide import WideTable
from runner.doors.products.values import Use


@dataclass(frozen=True)
class Listing:
    """What there is to choose of a product."""

    wide: WideTable

    def lines(self) -> Iterator[str]:
        """Events, entities with cardinality, columns."""
        yield f"data product {self.wide.product.name}"
        yield "events:"
        for one in self.wide.specifications:
            yield f"  {one.id}  {one.name}  ({one.event.uri if one.event else 'no event'})"
            for use in one.entities:
                yield f"    {use.uri}  {use.cardinality}"
            for app in one.applications:
                for use in app.entities:
                    yield f"    {use.uri}  {use.cardinality}  (source application {app.name})"
        yield "columns:"
        for atomic in self.wide.atomic:
            yield f"  {atomic.name}" + (f"  (atomic {atomic.source})" if atomic.name != atomic.source else "")
        for told in self.wide.told:
            yield f"  {told.name}  text  (of the event's specification)"
        for part in self.wide.parts:
            for column in part.columns:
                holds = "array of all elements" if part.array else column.type.base.value
                yield f"  {column.name}  {holds}  ({part.family})"

    def as_json(self) -> dict[str, object]:
        """The same, as JSON has it."""
        product = self.wide.product
        events = [
            {
                "id": one.id,
                "name": one.name,
                "event": str(one.event.uri) if one.event else None,
                "entities": [
                    *(_entity(use, None) for use in one.entities),
                    *(_entity(use, app.name) for app in one.applications for use in app.entities),
                ],
            }
            for one in self.wide.specifications
        ]
        columns: list[dict[str, object]] = [{"name": one.name, "atomic": one.source} for one in self.wide.atomic]
        columns += [{"name": one.name, "told": one.source} for one in self.wide.told]
        columns += [
            {
                "name": column.name,
                "structure": str(part.family),
                "property": column.property or None,
                "type": column.type.base.value,
                "array": part.array,
                "description": column.description,
            }
            for part in self.wide.parts
            for column in part.columns
        ]
        named: dict[str, object] = {"id": product.id, "name": product.name, "description": product.description}
        return named | {"events": events, "columns": columns}


def _entity(use: Use, application: str | None) -> dict[str, object]:
    count: dict[str, object] = {"min": use.least, "max": use.most}
    return {"source": str(use.uri), **count, "application": application}
