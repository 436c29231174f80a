"""What an engine's layout would read as one: structures that share a column or table, properties that share a column.

Vendors com.acme and com-acme, a name of which Postgres keeps 63 bytes, a property called as a column that loaders make:
joined without a word they would give the rows of the one as the other's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from runner.doors.products.choose.wide import Match, WideTable
from runner.doors.products.columns import words
from runner.doors.products.layouts import SPECIFICATIONS, EventLayout, TableLayout
from runner.doors.products.values import Family, Property, Use
from runner.errors import Problems, show

OWN = frozenset(
    words("root_id root_tstamp ref_root ref_tree ref_parent schema_vendor schema_name schema_format schema_version")
)
_HINT = "leave one of the two out with --event or --entity"


def find_clashes(wide: WideTable, layout: EventLayout, problems: Problems) -> None:
    """Problems everything that this wide table would read as one, with both places."""
    seen: dict[str, tuple[Family, str]] = {}
    if wide.match is Match.SNOWTYPE:
        seen[layout.home(SPECIFICATIONS, False)] = (SPECIFICATIONS, "")
    for use, is_event in _read(wide):
        home = layout.home(use.uri.family, is_event)
        family, place = seen.setdefault(home, (use.uri.family, f" at {use.place}"))
        if family != use.uri.family:
            what = f"{use.uri.family} and {family}{place} are one {layout.home_is}, {home}"
            problems.add(use.place, what, _HINT)
    if isinstance(layout, TableLayout):
        for part in wide.parts:
            _columns(part.family, part.properties, layout, problems)
        _columns_of_rules(wide, layout, problems)


def _read(wide: WideTable) -> Iterator[tuple[Use, bool]]:
    """The structures that are read, as they are used; whether as events."""
    kept = {part.family for part in wide.parts}
    for one in wide.specifications:
        if one.event and not wide.bare(one.event.uri.family):
            yield one.event, True
        for use in one.entities:
            if use.uri.family in kept or wide.match is Match.INFERRED:
                yield use, False
        yield from ((use, False) for app in one.applications for use in app.entities if use.uri.family in kept)


def _columns(family: Family, properties: Iterable[Property], layout: TableLayout, problems: Problems) -> None:
    """Problems properties of a table that have one column, or one that is the table's own."""
    seen: dict[str, Property] = {}
    for one in properties:
        for column in (stored.name for stored in layout.stored(one)):
            first = seen.setdefault(column, one)
            if column in OWN:
                table = layout.table(family)
                what = f"{show(one.name)} of {family} cannot be read: {column} of {table} is the loader's own"
                problems.add(one.place, what, "leave its structure out with --event or --entity")
            elif first is not one:
                what = f"{show(one.name)} of {family} and {show(first.name)} at {first.place} are one column, {column}"
                problems.add(one.place, what, _HINT)


def _columns_of_rules(wide: WideTable, layout: TableLayout, problems: Problems) -> None:
    """The same for properties that are read since a rule asks for them."""
    kept = {part.family for part in wide.parts}
    for use, _ in _read(wide):
        if use.uri.family not in kept:
            names = {*use.rules.required, *(rule.name for rule in use.rules.properties)}
            ruled = [one for one in wide.properties(use.uri.family) if one.name in names]
            _columns(use.uri.family, ruled, layout, problems)
