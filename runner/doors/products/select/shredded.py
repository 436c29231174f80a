"""The SELECT over events whose structures have tables of their own: Postgres and Redshift.

Such a table has a row an element, and all of them again for each copy of the event. Rows without a difference cannot
be told from copies but by counting: of an event that is there n times every n equal rows are one element.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.doors.products.choose.choice import Match, Part, Wide
from runner.doors.products.columns import literal, quoted, snake
from runner.doors.products.layouts import EVENTS, ORDER, SPECIFICATIONS, Engine
from runner.doors.products.select.casts import TEXT, from_column
from runner.doors.products.select.conditions import Element, conditions
from runner.doors.products.select.matching import Matching, named_columns, vendor_and_name
from runner.doors.products.values import Family, Kind, Property, Specification, Use
from runner.errors import Problems

PAIRS = 40  # so many properties go into one call: engines take a hundred arguments
TIED = "{0}.root_id = e.event_id and {0}.root_tstamp = e.collector_tstamp"


@dataclass(frozen=True)
class Shred(Element):
    """A row of a structure's table."""

    setting: Engine
    alias: str

    def column(self, one: Property) -> str:
        return f"{self.alias}.{quoted(snake(one.name), self.setting.name)}"

    def held(self, one: Property) -> str:
        return self.column(one)

    def text(self, one: Property) -> str:
        return from_column(self.column(one), TEXT, self.setting)

    def typed(self, one: Property) -> str:
        return from_column(self.column(one), one.type, self.setting)

    def is_a(self, one: Property, json_type: str) -> str | None:
        if one.type.kind is not Kind.JSON:
            return None
        call = "json_typeof" if self.setting.name == "redshift" else "jsonb_typeof"
        return f"{call}({self.typed(one)}) = '{json_type}'"


@dataclass(frozen=True)
class Shredded:
    """Writes the SELECT for one wide table."""

    wide: Wide
    engine: Engine
    problems: Problems

    def select(self, events: str = EVENTS) -> str:
        """The statement, without a semicolon."""
        outputs = [
            f"e.{one.source}" + (f" as {one.name}" if one.name != one.source else "") for one in self.wide.atomic
        ]
        ctes, joins = [*self._events(events)], []
        for number, part in enumerate(self._parts(), 1):
            ctes += self._array(part, number) if part.array else self._single(part, number)
            only = "" if part.array or self.engine.name == "postgres" else f" and s{number}.nth_row = 1"
            joins.append(f"left join structure_{number} as s{number} on {TIED.format(f's{number}')}{only}")
            outputs += self._outputs(part, number)
        where = self._where()
        for number, use in enumerate(self._matched(), 1):
            ctes += self._counts(use.uri.family, number)
            joins.append(f"left join match_{number} as m{number} on {TIED.format(f'm{number}')}")
        listed, joined = ",\n    ".join(outputs), "".join(f"\n{join}" for join in joins)
        rows = f"select\n    {listed}\nfrom events as e{joined}\nwhere {where}"
        if self.engine.name == "postgres" and self.wide.match is Match.INFERRED:
            rows, chosen = self._late(outputs, joined, where)
            ctes.append(chosen)
        with_ = "with " + ",\n\n".join(map(self._kept, ctes))
        return f"{with_}\n\n{rows}"

    def _late(self, outputs: list[str], joined: str, where: str) -> tuple[str, str]:
        """The final SELECT and the CTE before it: Postgres is to join first and to choose then, or it takes what it
        chooses for a few rows and joins them one by one."""
        names = [one.name for one in self.wide.atomic]
        names += [quoted(column.name, self.engine.name) for part in self._parts() for column in part.columns]
        listed, own = ",\n        ".join(outputs), ",\n    ".join(f"j.{name}" for name in names)
        chosen = where.replace("\n", "\n    ")
        cte = (
            f"joined as (\n    select\n        {listed},\n        {chosen} as is_chosen\n"
            f"    from events as e{joined.replace(chr(10), chr(10) + '    ')}\n)"
        )
        return f"select\n    {own}\nfrom joined as j\nwhere j.is_chosen", cte

    def _kept(self, cte: str) -> str:
        """Postgres would take a row_number = 1 for one row in all, and go through what it joins again and again."""
        if self.engine.name != "postgres" or not cte.startswith(("events as", "structure_", "match_", "joined as")):
            return cte
        return cte.replace(" as (", " as materialized (", 1)

    def tables(self) -> list[str]:
        """All tables of structures that are read."""
        found = [part.family for part in self._parts()]
        found += [SPECIFICATIONS] if self.wide.match is Match.SNOWTYPE else [use.uri.family for use in self._matched()]
        return list(dict.fromkeys(map(self.engine.table, found)))

    def _parts(self) -> list[Part]:
        return [part for part in self.wide.parts if part.columns]

    # -- events

    def _events(self, events: str) -> list[str]:
        """Each event once, with the number of its copies; of copies the first, by an order of all that is read."""
        names = list(
            dict.fromkeys(["event_id", *ORDER, *(one.source for one in self.wide.atomic), *named_columns(self.wide)])
        )
        own, theirs = (", ".join(f"{alias}.{name}" for name in names) for alias in "ar")
        order = ", ".join(f"r.{name}" for name in names[1:])
        listed = ", ".join(f"n.{name}" for name in names)
        rows = (
            f"event_rows as (\n    select {own}, count(*) as row_count\n    from {events} as a\n"
            f"    where a.event_id is not null\n    group by {own}\n)"
        )
        copies = "sum(r.row_count) over (partition by r.event_id, r.collector_tstamp)"
        if self.engine.name == "postgres":  # which would take `copy_number = 1` for one row in all
            first = (
                f"events as (\n    select distinct on (r.event_id) {theirs},\n"
                f"        cast({copies} as bigint) as copies\n"
                f"    from event_rows as r\n    order by r.event_id, {order}\n)"
            )
            return [rows, first]
        numbers = (
            f"event_numbers as (\n    select {theirs},\n        {copies} as copies,\n"
            f"        row_number() over (partition by r.event_id order by {order}) as copy_number\n"
            "    from event_rows as r\n)"
        )
        first = (
            f"events as (\n    select {listed}, cast(n.copies as bigint) as copies\n"
            "    from event_numbers as n\n    where n.copy_number = 1\n)"
        )
        return [rows, numbers, first]

    # -- structures

    def _single(self, part: Part, number: int) -> list[str]:
        """One row an event: equal rows are one, and of others the first by all their columns."""
        names = list(dict.fromkeys(quoted(snake(one.name), self.engine.name) for one in part.properties))
        rows, values = (", ".join(f"{alias}.{name}" for name in names) for alias in "tv")
        found = (
            f"rows_{number} as (\n    select distinct t.root_id, t.root_tstamp, {rows}\n"
            f"    from {self.engine.table(part.family)} as t\n)"
        )
        if self.engine.name == "postgres":
            first = (
                f"structure_{number} as (\n"
                f"    select distinct on (v.root_id, v.root_tstamp) v.root_id, v.root_tstamp, {values}\n"
                f"    from rows_{number} as v\n    order by v.root_id, v.root_tstamp, {values}\n)"
            )
            return [found, first]
        numbered = (
            f"structure_{number} as (\n    select v.root_id, v.root_tstamp, {values},\n"
            f"        row_number() over (partition by v.root_id, v.root_tstamp order by {values}) as nth_row\n"
            f"    from rows_{number} as v\n)"
        )
        return [found, numbered]

    def _array(self, part: Part, number: int) -> list[str]:
        """All elements of an event, in an order of their values: the table keeps no other."""
        redshift = self.engine.name == "redshift"
        element = self._object(part.properties)
        times = "greatest(c.row_count / e.copies, 1)"
        if redshift:
            listed = f"listagg(repeat(c.element || ',', cast({times} as integer))) within group (order by c.element)"
            elements, repeated = f"json_parse('[' || rtrim({listed}, ',') || ']')", ""
        else:
            elements = "jsonb_agg(c.element order by c.element)"
            repeated = f"\n    cross join lateral generate_series(1, {times}) as g(n)"
        return [
            (
                f"elements_{number} as (\n    select t.root_id, t.root_tstamp,\n        {element} as element\n"
                f"    from {self.engine.table(part.family)} as t\n)"
            ),
            (
                f"counts_{number} as (\n    select l.root_id, l.root_tstamp, l.element, count(*) as row_count\n"
                f"    from elements_{number} as l\n    group by l.root_id, l.root_tstamp, l.element\n)"
            ),
            (
                f"structure_{number} as (\n    select c.root_id, c.root_tstamp, {elements} as elements\n"
                f"    from counts_{number} as c\n    join events as e on e.event_id = c.root_id"
                f" and e.collector_tstamp = c.root_tstamp{repeated}\n    group by c.root_id, c.root_tstamp\n)"
            ),
        ]

    def _object(self, properties: tuple[Property, ...]) -> str:
        """One element with all its properties under the names of the schema."""
        row = Shred(self.engine, "t")
        redshift = self.engine.name == "redshift"
        pairs = [f"{literal(one.name, self.engine.name)}, {self._member(row, one)}" for one in properties]
        chunks = [pairs[at : at + PAIRS] for at in range(0, len(pairs), PAIRS)] or [[]]
        call = "object" if redshift else "jsonb_build_object"
        calls = [f"{call}({', '.join(chunk)})" for chunk in chunks]
        return f"json_serialize({calls[0]})" if redshift else " || ".join(calls)

    def _member(self, row: Shred, one: Property) -> str:
        if self.engine.name == "redshift" and one.type.kind in (Kind.TSTAMP, Kind.DATE):
            return row.text(one)
        return row.typed(one)

    def _outputs(self, part: Part, number: int) -> list[str]:
        if part.array:
            return [f"s{number}.elements as {quoted(part.columns[0].name, self.engine.name)}"]
        row = Shred(self.engine, f"s{number}")
        named = zip(part.properties, part.columns, strict=True)
        return [f"{row.typed(one)} as {quoted(column.name, self.engine.name)}" for one, column in named]

    # -- which events

    def _where(self) -> str:
        if self.wide.match is Match.INFERRED:
            return Matching(self.wide, self.problems, self._event, self._entity).condition()
        ids = ", ".join(literal(one.id, self.engine.name) for one in self.wide.specifications)
        return (
            f"exists (\n    select 1 from {self.engine.table(SPECIFICATIONS)} as i\n"
            f"    where {TIED.format('i')} and i.id in ({ids})\n)"
        )

    def _matched(self) -> list[Use]:
        """The uses whose tables are counted, one for each structure."""
        found: dict[Family, Use] = {}
        if self.wide.match is Match.INFERRED:
            for one in self.wide.specifications:
                event = [one.event] if one.event and not self.wide.bare(one.event.uri.family) else []
                counted = [u for u in one.entities if u.least or u.most is not None or not u.rules.empty]
                for use in (*event, *counted):
                    found.setdefault(use.uri.family, use)
        return list(found.values())

    def _number(self, family: Family) -> int:
        return [use.uri.family for use in self._matched()].index(family) + 1

    def _ruled(self, family: Family) -> list[Use]:
        """The uses of a structure that have rules, each once."""
        events = [one.event for one in self.wide.specifications if one.event]
        uses = [*events, *(use for one in self.wide.specifications for use in one.entities)]
        return [use for use in dict.fromkeys(uses) if use.uri.family == family and not use.rules.empty]

    def _counts(self, family: Family, number: int) -> list[str]:
        """How many rows an event has, and how many of them break a specification's rules."""
        row, table = Shred(self.engine, "t"), self.engine.table(family)
        broken = {}
        for at, use in enumerate(self._ruled(family), 1):
            rules = conditions(use, self.wide.properties(family), row, self.problems) or ["true"]
            broken[f"broken_{at}"] = f"case when {' and '.join(rules)} then 0 else 1 end"
        found = []
        if broken:
            listed = "".join(f",\n        {case} as {name}" for name, case in broken.items())
            found.append(
                f"checked_{number} as (\n    select t.root_id, t.root_tstamp{listed}\n    from {table} as t\n)"
            )
            table = f"checked_{number}"
        sums = "".join(f",\n        sum(t.{name}) as {name}" for name in broken)
        found.append(
            f"match_{number} as (\n    select t.root_id, t.root_tstamp, count(*) as row_count{sums}\n"
            f"    from {table} as t\n    group by t.root_id, t.root_tstamp\n)"
        )
        return found

    def _event(self, one: Specification, use: Use) -> list[str]:
        family = use.uri.family
        if self.wide.bare(family):
            return vendor_and_name(family, self.engine.name)
        number = self._number(family)
        return [f"m{number}.row_count > 0", *self._unbroken(use, number)]

    def _entity(self, one: Specification, use: Use) -> list[str]:
        if use.uri.family not in [u.uri.family for u in self._matched()]:
            return []
        number = self._number(use.uri.family)
        count = f"coalesce(m{number}.row_count, 0)"
        found = [f"{count} >= {use.least} * e.copies"] if use.least else []
        found += [f"{count} <= {use.most} * e.copies"] if use.most is not None else []
        return found + self._unbroken(use, number)

    def _unbroken(self, use: Use, number: int) -> list[str]:
        if use.rules.empty:
            return []
        at = self._ruled(use.uri.family).index(use) + 1
        return [f"coalesce(m{number}.broken_{at}, 0) = 0"]
