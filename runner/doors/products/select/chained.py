"""The SELECT of a View over tables of structures, for a planner that takes filters through a chain of steps.

Each step joins one structure and leaves one row an arrival of an event, told by event_id and collector_tstamp alone. So a
filter on the View's collector_tstamp goes down through all steps to the events, and the tables of structures are joined
with the few rows that are left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from runner.doors.products.choose.wide import Copies, Match, Part
from runner.doors.products.columns import quoted
from runner.doors.products.layouts import EVENTS, ORDER, SPECIFICATIONS
from runner.doors.products.select.matching import matched_columns
from runner.doors.products.select.rows import Row, columns_of
from runner.doors.products.select.shredded import TIED, ShreddedSelect
from runner.doors.products.select.told import CHOSEN, number_of_id, told

SAME = ("event_id", "collector_tstamp")


@dataclass(frozen=True)
class _Steps:
    """The CTEs so far; the last step is events_N, with these columns of all `steps`."""

    ctes: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)

    @property
    def last(self) -> str:
        return f"events_{len(self.steps)}"

    def add(self, select: str, *columns: str) -> None:
        """One more step, which adds columns."""
        self.columns.extend(columns)
        self.steps.append(select)
        self.ctes.append(f"{self.last} as (\n    {select}\n)")


@dataclass(frozen=True)
class ChainedSelect(ShreddedSelect):
    """Writes the SELECT for one wide table."""

    def select(self, copies: Copies, events: str = EVENTS) -> str:
        """The statement, without a semicolon."""
        if copies is not Copies.ARRIVAL:
            return super().select(copies, events)
        numbered = list(enumerate(self._parts(), 1))
        steps = _Steps()
        self._first(steps, events)
        if self.wide.match is Match.INFERRED:
            self._match(steps)
        elif self.wide.told:
            self._specify(steps)
        for number, part in numbered:
            if part.array:  # first: these group by all columns so far
                self._gather(steps, part, number)
        for number, part in numbered:
            if not part.array:
                self._join(steps, part, number)
        outputs = [
            f"e.{one.source}" + (f" as {one.name}" if one.name != one.source else "") for one in self.wide.atomic
        ]
        outputs += told(f"e.{CHOSEN}", self.wide, self.layout.engine)
        for number, part in numbered:
            outputs += self._chained(part, number)
        listed = ",\n    ".join(outputs)
        return "with " + ",\n\n".join(steps.ctes) + f"\n\nselect\n    {listed}\nfrom {steps.last} as e"

    def _first(self, steps: _Steps, events: str) -> None:
        """The arrivals of events, of copies the first by all that is read."""
        sources = [one.source for one in self.wide.atomic]
        names = list(dict.fromkeys([*SAME, *ORDER, *sources, *matched_columns(self.wide)]))
        own, by = (", ".join(f"e.{name}" for name in some) for some in (names, SAME))
        since = self.span.condition("e.collector_tstamp", self.layout)
        where = ["e.event_id is not null", *([since] if since else [])]
        if self.wide.match is Match.SNOWTYPE:
            where.append(self._where())
        steps.add(
            f"select distinct on ({by}) {own},\n        count(*) over (partition by {by}) as copies\n"
            f"    from {events} as e\n    where {f'{chr(10)}        and '.join(where)}\n    order by {own}",
            *names,
            "copies",
        )

    def _match(self, steps: _Steps) -> None:
        """Those that keep a specification's rules."""
        where, before = self._where(), steps.last
        joins = ""
        for number, use in enumerate(self._matched(), 1):
            steps.ctes.extend(map(self._cte, self._counts(use.uri.family, number)))
            joins += f"\n    left join match_{number} as m{number} on {TIED.format(f'm{number}')}"
        name, chosen = (CHOSEN, self._number_by_rules()) if self.wide.told else ("is_chosen", "true")
        steps.add(f"select e.*, {chosen} as {name}\n    from {before} as e{joins}\n    where {where}", name)

    def _specify(self, steps: _Steps) -> None:
        """The first of the specifications whose ids an arrival has."""
        number = number_of_id("i.id", self.wide, self.layout.engine)
        since = self.span.condition("i.root_tstamp", self.layout)
        own = ", ".join(f"e.{name}" for name in steps.columns)
        tied = TIED.format("i") + (f" and {since}" if since else "")
        steps.add(
            f"select {own}, min({number}) as {CHOSEN}\n    from {steps.last} as e\n"
            f"    left join {self.layout.table(SPECIFICATIONS)} as i on {tied}\n    group by {own}",
            CHOSEN,
        )

    def _gather(self, steps: _Steps, part: Part, number: int) -> None:
        """All elements of an arrival, those of all of its copies."""
        row = Row(self.layout, "t")
        element = self.layout.element([row.member(one) for one in part.properties])
        steps.add(
            f"select e.*, case when t.root_id is not null then {element} end as element\n{self._from(steps, part)}"
        )
        array = self.layout.gathered("e.element")
        own = ", ".join(f"e.{name}" for name in steps.columns)
        grouped = f"    from {steps.last} as e\n    group by {own}"
        steps.add(f"select {own},\n        {array} as s{number}\n{grouped}", f"s{number}")

    def _join(self, steps: _Steps, part: Part, number: int) -> None:
        """The first row by all its columns."""
        names = columns_of(part.properties, self.layout)
        listed = ", ".join(f"t.{name} as s{number}_{at}" for at, name in enumerate(names, 1))
        by = ", ".join(f"e.{name}" for name in SAME)
        order = ", ".join([by, *(f"t.{name}" for name in names)])
        added = [f"s{number}_{at}" for at, _ in enumerate(names, 1)]
        steps.add(
            f"select distinct on ({by}) e.*, {listed}\n{self._from(steps, part)}\n    order by {order}",
            *added,
        )

    def _from(self, steps: _Steps, part: Part) -> str:
        since = self.span.condition("t.root_tstamp", self.layout)
        tied = TIED.format("t") + (f" and {since}" if since else "")
        return f"    from {steps.last} as e\n    left join {self._source(part.family)} as t on {tied}"

    def _chained(self, part: Part, number: int) -> Sequence[str]:
        engine = self.layout.engine
        if part.array:
            return [f"{self.layout.uncopied(f'e.s{number}', 'e.copies')} as {quoted(part.columns[0].name, engine)}"]
        row = Row(self.layout, f"e.s{number}", tuple(columns_of(part.properties, self.layout)))
        named = zip(part.properties, part.columns, strict=True)
        return [f"{row.typed(one)} as {quoted(column.name, engine)}" for one, column in named]
