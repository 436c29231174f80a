"""The SELECT over events that hold their structures in columns."""

from __future__ import annotations

from dataclasses import dataclass, field

from runner.doors.products.choose.wide import Copies, Match, Part, Span, WideTable
from runner.doors.products.columns import quoted
from runner.doors.products.layouts import EVENTS, ORDER, SPECIFICATIONS, DocumentLayout
from runner.doors.products.layouts.documents import Exists
from runner.doors.products.select.conditions import Element, conditions
from runner.doors.products.select.matching import Matching, matched_columns, vendor_and_name
from runner.doors.products.select.told import CHOSEN, first_of, told
from runner.doors.products.values import BaseType, Family, Property, Specification, Use
from runner.errors import Problems


@dataclass(frozen=True)
class Document(Element):
    """An element within a document: `base` is SQL, `step` leads to the element."""

    layout: DocumentLayout
    base: str
    step: str = ""

    def _at(self, one: Property) -> str:
        return self.layout.at(self.base, self.step, self.layout.key(one))

    def raw(self, one: Property) -> str:
        return self.text(one)

    def forgets(self, one: Property) -> bool:
        return self.layout.forgets(one)

    def text(self, one: Property) -> str:
        at = self._at(one)
        return self.layout.unquoted(at) if one.type.mixed else self.layout.text(at)

    def typed(self, one: Property) -> str:
        if one.type.base is BaseType.JSON:
            return self.layout.whole(self._at(one), one)
        return self.layout.value(self.text(one), one.type)

    def is_a(self, one: Property, json_type: str) -> str | None:
        return self.layout.is_a(self._at(one), one.type, json_type)


@dataclass(frozen=True)
class NestedSelect:
    """Writes the SELECT for one wide table."""

    wide: WideTable
    layout: DocumentLayout
    problems: Problems
    span: Span
    ctes: list[str] = field(default_factory=list)  # which conditions have asked for

    def select(self, copies: Copies, events: str = EVENTS) -> str:
        """The statement, without a semicolon."""
        outputs = [self._atomic(one.source, one.name) for one in self.wide.atomic]
        outputs += told(f"e.{CHOSEN}", self.wide, self.layout.engine)
        outputs += [text for part in self.wide.parts for text in self._outputs(part)]
        listed = ",\n    ".join(outputs)
        self.ctes.clear()
        if self.wide.told:
            rows, ctes, where = "told", self._told(), f"e.{CHOSEN} is not null"
        else:
            rows, where = "loaded", self._where()
            ctes = self.ctes
        ctes = [self._loaded(events), *ctes]
        chosen = f"{rows} as e\nwhere {where}"
        if copies is not Copies.NONE:
            ctes.append(self._events(copies, rows, where))
            chosen = "events as e\nwhere e.copy_number = 1"
        return "with " + ",\n\n".join(ctes) + f"\n\nselect\n    {listed}\nfrom {chosen}"

    def _atomic(self, source: str, name: str) -> str:
        return f"e.{source}" + (f" as {name}" if name != source else "")

    def _outputs(self, part: Part) -> list[str]:
        engine = self.layout.engine
        if part.array:
            elements = self.layout.elements(f"e.{self.layout.home(part.family, False)}", part.properties)
            return [f"{elements} as {quoted(part.columns[0].name, engine)}"]
        element = self._element(part.family, part.is_event)
        named = zip(part.properties, part.columns, strict=True)
        return [f"{element.typed(one)} as {quoted(column.name, engine)}" for one, column in named]

    def _element(self, family: Family, is_event: bool) -> Document:
        step = "" if is_event else self.layout.first
        return Document(self.layout, f"e.{self.layout.home(family, is_event)}", step)

    # -- events

    def _atomic_names(self) -> list[str]:
        sources = (one.source for one in self.wide.atomic)
        return [name for name in dict.fromkeys([*ORDER, *sources, *matched_columns(self.wide)]) if name != "event_id"]

    def _document(self, name: str) -> str:
        """A column of structures, with what loaders keep apart of it."""
        columns = [place.table for place in self.wide.places(name)] or [name]
        found = [self.layout.loaded(column) for column in columns]
        if len(found) == 1:
            return f"{found[0]} as {name}"
        is_event = name.startswith("unstruct_event")
        return f"{f'coalesce({chr(44).join(found)})' if is_event else self.layout.joined(found)} as {name}"

    def _loaded(self, events: str) -> str:
        """All rows of the span, their structures as documents."""
        listed = ["a.event_id", *(f"a.{name}" for name in self._atomic_names())]
        lines = ",\n        ".join([*listed, *map(self._document, self._documents())])
        since = self.span.condition("a.collector_tstamp", self.layout)
        only = f"\n        and {since}" if since else ""
        return f"loaded as (\n    select\n        {lines}\n    from {events} as a\n    where a.event_id is not null{only}\n)"

    def _events(self, copies: Copies, rows: str, where: str) -> str:
        """Those that are chosen, each once: of copies the first, by an order of all that is read of them."""
        names, documents = self._atomic_names(), self._documents()
        same = ["event_id", *(["collector_tstamp"] if copies is Copies.ARRIVAL else [])]
        order = [f"e.{name}" for name in names if name not in same]
        order += [self.layout.ordered(f"e.{name}") for name in documents]
        by = ", ".join(f"e.{name}" for name in same)
        number = f"row_number() over (partition by {by} order by {', '.join(order)}) as copy_number"
        return f"events as (\n    select\n        e.*,\n        {number}\n    from {rows} as e\n    where {where}\n)"

    def _documents(self) -> list[str]:
        """All columns of structures that are read."""
        found = [(part.family, part.is_event) for part in self.wide.parts]
        if self.wide.match is Match.SNOWTYPE:
            found.append((SPECIFICATIONS, False))
        else:
            for one in self.wide.specifications:
                found += [(use.uri.family, False) for use in one.entities]
                found += [(one.event.uri.family, True)] if one.event else []
        known = [self.layout.home(f, is_event) for f, is_event in found if not (is_event and self.wide.bare(f))]
        return list(dict.fromkeys(known))

    # -- which events

    def _where(self) -> str:
        if self.wide.match is Match.INFERRED:
            return Matching(self.wide, self.problems, self._event, self._entity).condition()
        return self._has_id(*self.wide.specifications)

    def _has_id(self, *specifications: Specification) -> str:
        ids = ", ".join(self.layout.engine.literal(one.id) for one in specifications)
        column = f"e.{self.layout.home(SPECIFICATIONS, False)}"
        return self._kept(self.layout.has_id(column, ids, self._next_number))

    def _told(self) -> list[str]:
        """The rows with the number of their specification. An engine that looks into arrays by EXISTS has it in WHERE
        alone: there each specification lists its events, and of several the first counts.
        """
        if self.wide.match is Match.INFERRED:
            conditions = Matching(self.wide, self.problems, self._event, self._entity).conditions()
        else:
            conditions = [self._has_id(one) for one in self.wide.specifications]
        if not self.ctes:
            return [f"told as (\n    select e.*, {first_of(conditions)} as {CHOSEN}\n    from loaded as e\n)"]
        selects = [
            f"select e.event_id, e.collector_tstamp, {number} as number\n        from loaded as e\n        where {condition}"
            for number, condition in enumerate(conditions, 1)
        ]
        listed = "\n        union all\n        ".join(selects)
        return [
            *self.ctes,
            (
                f"specified as (\n    select n.event_id, n.collector_tstamp, min(n.number) as number\n    from (\n"
                f"        {listed}\n    ) as n\n    group by n.event_id, n.collector_tstamp\n)"
            ),
            (
                f"told as (\n    select e.*, n.number as {CHOSEN}\n    from loaded as e\n    join specified as n"
                f" on n.event_id = e.event_id and n.collector_tstamp = e.collector_tstamp\n)"
            ),
        ]

    @property
    def _next_number(self) -> int:
        return len(self.ctes) + 1

    def _kept(self, exists: Exists) -> str:
        """The condition, its CTE kept."""
        self.ctes.extend([exists.cte] if exists.cte else [])
        return exists.condition

    def _event(self, one: Specification, use: Use) -> list[str]:
        family = use.uri.family
        column = self.layout.home(family, True)
        if column not in self._documents():
            return vendor_and_name(family, self.layout.engine)
        rules = conditions(use, self.wide.properties(family), self._element(family, True), self.problems)
        return [f"e.{column} is not null", *rules]

    def _entity(self, one: Specification, use: Use) -> list[str]:
        family, column = use.uri.family, f"e.{self.layout.home(use.uri.family, False)}"
        length = f"coalesce({self.layout.length(column)}, 0)"
        found = [f"{length} >= {use.least}"] if use.least else []
        found += [f"{length} <= {use.most}"] if use.most is not None else []
        rules = conditions(use, self.wide.properties(family), Document(self.layout, self.layout.element), self.problems)
        if rules:
            broken = self.layout.has_element(column, f"not ({' and '.join(rules)})", self._next_number)
            found.append(f"not {self._kept(broken)}")
        return found
