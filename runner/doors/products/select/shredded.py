"""The SELECT over events whose structures have tables of their own.

Such a table has a row an element, and all of them again for each copy of the event. Rows without a difference cannot
be told from copies but by counting: of an event that is there n times every n equal rows are one element.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.doors.products.choose.wide import Copies, Match, Part, Span, WideTable
from runner.doors.products.columns import quoted
from runner.doors.products.layouts import EVENTS, ORDER, SPECIFICATIONS, TableLayout
from runner.doors.products.select.conditions import conditions
from runner.doors.products.select.matching import Matching, matched_columns, vendor_and_name
from runner.doors.products.select.rows import Row, columns_of, same_text
from runner.doors.products.select.told import CHOSEN, first_of, number_of_id, told
from runner.doors.products.values import Family, Specification, Use
from runner.errors import Problems

TIED = "{0}.root_id = e.event_id and {0}.root_tstamp = e.collector_tstamp"


@dataclass(frozen=True)
class ShreddedSelect:
    """Writes the SELECT for one wide table."""

    wide: WideTable
    layout: TableLayout
    problems: Problems
    span: Span

    def select(self, copies: Copies, events: str = EVENTS) -> str:
        """The statement, without a semicolon."""
        outputs = [
            f"e.{one.source}" + (f" as {one.name}" if one.name != one.source else "") for one in self.wide.atomic
        ]
        ctes, joins = [*self._events(copies, events)], []
        for number, part in enumerate(self._parts(), 1):
            ctes += self._array(part, number) if part.array else self._single(part, number)
            only = "" if part.array else self.layout.is_first(number)
            joins.append(f"left join structure_{number} as s{number} on {TIED.format(f's{number}')}{only}")
            outputs += self._outputs(part, number)
        where = self._where()
        if self.wide.told and self.wide.match is Match.SNOWTYPE:
            ctes.append(self._specified())
            joins.append(f"left join specified as n on {TIED.format('n')}")
            outputs[len(self.wide.atomic) : len(self.wide.atomic)] = told("n.number", self.wide, self.layout.engine)
            where = "n.number is not null"
        for number, use in enumerate(self._matched(), 1):
            ctes += self._counts(use.uri.family, number)
            joins.append(f"left join match_{number} as m{number} on {TIED.format(f'm{number}')}")
        listed, joined = ",\n    ".join(outputs), "".join(f"\n{join}" for join in joins)
        rows = f"select\n    {listed}\nfrom events as e{joined}\nwhere {where}"
        if self.wide.match is Match.INFERRED and (self.layout.materializes or self.wide.told):
            rows, chosen = self._late(outputs, joined, where)
            ctes.append(chosen)
        with_ = "with " + ",\n\n".join(map(self._cte, ctes))
        return f"{with_}\n\n{rows}"

    def _late(self, outputs: list[str], joined: str, where: str) -> tuple[str, str]:
        """The final SELECT and the CTE before it: such a planner is to join first and to choose then, or it takes what
        it chooses for a few rows and joins them one by one.
        """
        engine = self.layout.engine
        own = [f"j.{one.name}" for one in self.wide.atomic] + [*told(f"j.{CHOSEN}", self.wide, engine)]
        own += [f"j.{quoted(column.name, engine)}" for part in self._parts() for column in part.columns]
        chosen, condition = f"{where} as is_chosen", "j.is_chosen"
        if self.wide.told:
            chosen, condition = f"{self._number_by_rules()} as {CHOSEN}", f"j.{CHOSEN} is not null"
        listed, columns, indented = ",\n        ".join(outputs), ",\n    ".join(own), chosen.replace("\n", "\n    ")
        cte = (
            f"joined as (\n    select\n        {listed},\n        {indented}\n"
            f"    from events as e{joined.replace(chr(10), chr(10) + '    ')}\n)"
        )
        return f"select\n    {columns}\nfrom joined as j\nwhere {condition}", cte

    def _cte(self, cte: str) -> str:
        """A CTE, kept apart from the planner where it has to be: one that is read several times, or joined."""
        if not self.layout.materializes or not cte.startswith(
            ("events as", "structure_", "match_", "specified as", "joined as")
        ):
            return cte
        return cte.replace(" as (", " as materialized (", 1)

    def tables(self) -> list[str]:
        """All tables of structures that are read."""
        found = [part.family for part in self._parts()]
        found += [SPECIFICATIONS] if self.wide.match is Match.SNOWTYPE else [use.uri.family for use in self._matched()]
        return list(dict.fromkeys(map(self.layout.table, found)))

    def _parts(self) -> list[Part]:
        return [part for part in self.wide.parts if part.columns]

    # -- events

    def _events(self, copies: Copies, events: str) -> list[str]:
        """Each event once, with the number of its copies; of copies the first, by an order of all that is read."""
        names = list(
            dict.fromkeys(["event_id", *ORDER, *(one.source for one in self.wide.atomic), *matched_columns(self.wide)])
        )
        own = ", ".join(f"a.{name}" for name in names)
        since = self.span.condition("a.collector_tstamp", self.layout)
        where = "where a.event_id is not null" + (f"\n        and {since}" if since else "")
        if copies is Copies.NONE:
            return [
                f"events as (\n    select {own}, cast(1 as bigint) as copies\n    from {events} as a\n    {where}\n)"
            ]
        rows = (
            f"event_rows as (\n    select {own}, count(*) as row_count\n    from {events} as a\n"
            f"    {where}\n    group by {own}\n)"
        )
        return [rows, *self.layout.first_events(names, 2 if copies is Copies.ARRIVAL else 1)]

    def _since(self) -> str:
        """The rows of a structure's table that belong to the span; '' for all of them."""
        since = self.span.condition("t.root_tstamp", self.layout)
        return f"\n    where {since}" if since else ""

    # -- structures

    def _source(self, family: Family) -> str:
        """A structure's table; with what loaders keep apart of it, whose columns may be of other types: as texts."""
        home = self.layout.table(family)
        places = self.wide.places(home)
        if not places:
            return home
        stored = {one.name: one for each in self.wide.properties(family) for one in self.layout.stored(each)}
        columns = [one for one in stored.values() if any(one.name in place.columns for place in places)]
        selects = []
        for place in places:
            cells = [same_text(one, "p", self.layout, there=one.name in place.columns) for one in columns]
            selects.append(f"select {', '.join(['p.root_id', 'p.root_tstamp', *cells])} from {place.table} as p")
        return f"({' union all '.join(selects)})"

    def _single(self, part: Part, number: int) -> list[str]:
        """One row an event: equal rows are one, and of others the first by all their columns."""
        names = columns_of(part.properties, self.layout)
        listed = ", ".join(f"t.{name}" for name in names)
        rows = (
            f"rows_{number} as (\n    select distinct t.root_id, t.root_tstamp, {listed}\n"
            f"    from {self._source(part.family)} as t{self._since()}\n)"
        )
        return [rows, self.layout.first_rows(number, names)]

    def _array(self, part: Part, number: int) -> list[str]:
        """All elements of an event, in an order of their values: the table keeps no other."""
        row = Row(self.layout, "t")
        element = self.layout.element([row.member(one) for one in part.properties])
        times = "greatest(c.row_count / e.copies, 1)"
        elements, repeated = self.layout.array(times), self.layout.repeated(times)
        return [
            (
                f"elements_{number} as (\n    select t.root_id, t.root_tstamp,\n        {element} as element\n"
                f"    from {self._source(part.family)} as t{self._since()}\n)"
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

    def _outputs(self, part: Part, number: int) -> list[str]:
        if part.array:
            return [f"s{number}.elements as {quoted(part.columns[0].name, self.layout.engine)}"]
        row = Row(self.layout, f"s{number}")
        named = zip(part.properties, part.columns, strict=True)
        return [f"{row.typed(one)} as {quoted(column.name, self.layout.engine)}" for one, column in named]

    # -- which events

    def _where(self) -> str:
        if self.wide.match is Match.INFERRED:
            return Matching(self.wide, self.problems, self._event, self._entity).condition()
        ids = ", ".join(self.layout.engine.literal(one.id) for one in self.wide.specifications)
        since = self.span.condition("i.root_tstamp", self.layout)
        return (
            f"exists (\n    select 1 from {self.layout.table(SPECIFICATIONS)} as i\n"
            f"    where {TIED.format('i')} and i.id in ({ids}){f' and {since}' if since else ''}\n)"
        )

    def _number_by_rules(self) -> str:
        """The number of the specification whose rules an event keeps."""
        return first_of(Matching(self.wide, self.problems, self._event, self._entity).conditions())

    def _specified(self) -> str:
        """The number of the specification whose id an event has."""
        number = number_of_id("i.id", self.wide, self.layout.engine)
        since = self.span.condition("i.root_tstamp", self.layout)
        where = f"\n    where {since}" if since else ""
        return (
            f"specified as (\n    select i.root_id, i.root_tstamp, min({number}) as number\n"
            f"    from {self.layout.table(SPECIFICATIONS)} as i{where}\n    group by i.root_id, i.root_tstamp\n)"
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
        row, table, since = Row(self.layout, "t"), self._source(family), self._since()
        broken = {}
        for at, use in enumerate(self._ruled(family), 1):
            rules = conditions(use, self.wide.properties(family), row, self.problems) or ["true"]
            broken[f"broken_{at}"] = f"case when {' and '.join(rules)} then 0 else 1 end"
        found = []
        if broken:
            listed = "".join(f",\n        {case} as {name}" for name, case in broken.items())
            found.append(
                f"checked_{number} as (\n    select t.root_id, t.root_tstamp{listed}\n    from {table} as t{since}\n)"
            )
            table, since = f"checked_{number}", ""
        sums = "".join(f",\n        sum(t.{name}) as {name}" for name in broken)
        found.append(
            f"match_{number} as (\n    select t.root_id, t.root_tstamp, count(*) as row_count{sums}\n"
            f"    from {table} as t{since}\n    group by t.root_id, t.root_tstamp\n)"
        )
        return found

    def _event(self, one: Specification, use: Use) -> list[str]:
        family = use.uri.family
        if self.wide.bare(family):
            return vendor_and_name(family, self.layout.engine)
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
