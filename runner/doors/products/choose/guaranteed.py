"""Which columns hold a value for every event: of structures that all chosen specifications have, what these require."""

from __future__ import annotations

from runner.doors.products.choose.wide import Part, WideTable
from runner.doors.products.values import Property, Specification, Use


def has_value(wide: WideTable, part: Part, one: Property) -> bool:
    """Whether no event of the product may leave a property out: each specification has its structure, as its event or as
    an entity that comes at least once, and the schema in all of its versions, or the specification, requires it.

    Source applications do not count, since an event is of one of several; nor do objects, of which loaders that lay them
    out flat keep the leaves alone.
    """
    return not (part.array or one.fields) and all(_requires(spec, part, one) for spec in wide.specifications)


def _requires(specification: Specification, part: Part, one: Property) -> bool:
    uses: list[Use] = [use for use in specification.entities if use.least]
    if part.is_event:
        uses = [specification.event] if specification.event else []
    return any(use.uri.family == part.family and (one.needed or one.name in use.rules.required) for use in uses)
