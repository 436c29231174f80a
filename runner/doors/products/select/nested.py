"""The SELECT over events that hold their structures in columns: JSON or structs on DuckDB, OBJECT and ARRAY on Snowflake."""

from __future__ import annotations

from dataclasses import dataclass, field

from runner.doors.products.choose.choice import Match, Part, Wide
from runner.doors.products.columns import literal, quoted, snake
from runner.doors.products.layouts import EVENTS, ORDER, SPECIFICATIONS, Engine
from runner.doors.products.select.casts import from_text
from runner.doors.products.select.conditions import Element, conditions
from runner.doors.products.select.matching import Matching, named_columns, vendor_and_name
from runner.doors.products.values import Family, Kind, Property, Specification, Use
from runner.errors import Problems

_SAME = {"array": "'ARRAY'", "boolean": "'BOOLEAN'", "object": "'OBJECT'", "string": "'VARCHAR'"}
_JSON_TYPES = {  # what json_type and typeof call them
    "duckdb": _SAME | {"number": "'BIGINT', 'UBIGINT', 'DOUBLE'"},
    "snowflake": _SAME | {"number": "'INTEGER', 'DECIMAL', 'DOUBLE'"},
}


@dataclass(frozen=True)
class Document(Element):
    """An element within a JSON value: `base` is SQL, `step` leads to the element."""

    setting: Engine
    base: str
    step: str  # to the element; DuckDB: a JSON pointer; Snowflake: subscripts

    def _at(self, one: Property) -> str:
        """DuckDB: the arguments of json_extract; Snowflake: the value."""
        key = snake(one.name) if self.setting.snaked else one.name
        if self.setting.name == "snowflake":
            escaped = key.replace('"', '""')
            return f'{self.base}{self.step}:"{escaped}"'
        escaped = key.replace("~", "~0").replace("/", "~1")  # in a path with $ a * would be any key
        return f"{self.base}, {literal(f'{self.step}/{escaped}', 'duckdb')}"

    def held(self, one: Property) -> str:
        return self.text(one)

    def text(self, one: Property) -> str:
        if self.setting.name == "snowflake":
            return f"cast({self._at(one)} as varchar)"
        return f"json_extract_string({self._at(one)})"

    def typed(self, one: Property) -> str:
        if one.type.kind is not Kind.JSON:
            return from_text(self.text(one), one.type, self.setting)
        if self.setting.name == "snowflake":
            return f"strip_null_value({self._at(one)})"
        if self.setting.layout == "struct":  # whose field may hold the JSON as text
            return f"try_cast({self.text(one)} as json)"
        return f"case when json_type({self._at(one)}) <> 'NULL' then json_extract({self._at(one)}) end"

    def is_a(self, one: Property, json_type: str) -> str | None:
        kept = self.setting.layout in ("json", "objects")  # other layouts make one text of what has several types
        if not kept and (one.type.kind is not Kind.JSON or self.setting.layout != "struct"):
            return None
        if self.setting.name == "snowflake":
            return f"typeof({self._at(one)}) in ({_JSON_TYPES['snowflake'][json_type]})"
        value = self._at(one) if kept else self.typed(one)
        return f"json_type({value}) in ({_JSON_TYPES['duckdb'][json_type]})"


@dataclass(frozen=True)
class Nested:
    """Writes the SELECT for one wide table."""

    wide: Wide
    engine: Engine
    problems: Problems
    elements: list[str] = field(default_factory=list)  # CTEs over elements, which conditions have asked for

    def select(self, events: str = EVENTS) -> str:
        """The statement, without a semicolon."""
        outputs = [self._atomic(one.source, one.name) for one in self.wide.atomic]
        outputs += [text for part in self.wide.parts for text in self._outputs(part)]
        listed = ",\n    ".join(outputs)
        self.elements.clear()
        where = self._where()
        ctes = ",\n\n".join([self._events(events), *self.elements])
        return f"{ctes}\n\nselect\n    {listed}\nfrom events as e\nwhere e.copy_number = 1\n    and {where}"

    def _atomic(self, source: str, name: str) -> str:
        return f"e.{source}" + (f" as {name}" if name != source else "")

    def _outputs(self, part: Part) -> list[str]:
        engine = self.engine
        if part.array:
            return [f"e.{self._column(part.family, False)} as {quoted(part.columns[0].name, engine.name)}"]
        element = self._element(part.family, part.is_event)
        named = zip(part.properties, part.columns, strict=True)
        return [f"{element.typed(one)} as {quoted(column.name, engine.name)}" for one, column in named]

    def _column(self, family: Family, is_event: bool) -> str:
        return self.engine.column(family, is_event)

    def _element(self, family: Family, is_event: bool) -> Document:
        step = "" if is_event else "[0]" if self.engine.name == "snowflake" else "/0"
        return Document(self.engine, f"e.{self._column(family, is_event)}", step)

    # -- events

    def _events(self, events: str) -> str:
        """Each event once: of copies the first, by an order of all that is read of them."""
        atomic = list(dict.fromkeys([*ORDER, *(one.source for one in self.wide.atomic), *self._for_match()]))
        documents = self._documents()
        duckdb = self.engine.name == "duckdb"
        listed = ["a.event_id", *(f"a.{name}" for name in atomic if name != "event_id")]
        listed += [f"try_cast(a.{name} as json) as {name}" if duckdb else f"a.{name}" for name in documents]
        order = [f"a.{name}" for name in atomic if name != "event_id"]
        order += [f"cast(a.{name} as varchar)" for name in documents]
        number = f"row_number() over (partition by a.event_id order by {', '.join(order)}) as copy_number"
        lines = ",\n        ".join([*listed, number])
        return f"with events as (\n    select\n        {lines}\n    from {events} as a\n    where a.event_id is not null\n)"

    def _for_match(self) -> list[str]:
        return named_columns(self.wide)

    def _documents(self) -> list[str]:
        """All columns of structures that are read."""
        found = [(part.family, part.is_event) for part in self.wide.parts]
        if self.wide.match is Match.SNOWTYPE:
            found.append((SPECIFICATIONS, False))
        else:
            for one in self.wide.specifications:
                found += [(use.uri.family, False) for use in one.entities]
                found += [(one.event.uri.family, True)] if one.event else []
        known = [self._column(f, is_event) for f, is_event in found if not (is_event and self.wide.bare(f))]
        return list(dict.fromkeys(known))

    # -- which events

    def _where(self) -> str:
        if self.wide.match is Match.SNOWTYPE:
            return self._by_id()
        return Matching(self.wide, self.problems, self._event, self._entity).condition()

    def _by_id(self) -> str:
        column = f"e.{self._column(SPECIFICATIONS, False)}"
        ids = ", ".join(literal(one.id, self.engine.name) for one in self.wide.specifications)
        if self.engine.name == "duckdb":
            return f"list_has_any(json_extract_string({column}, '$[*].id'), [{ids}])"
        return self._with_element(column, f'cast(i.value:"id" as varchar) in ({ids})')

    def _with_element(self, column: str, condition: str) -> str:
        """Snowflake: that an event has an element like this; a flatten that hangs on a row stands in FROM there."""
        name = f"elements_{len(self.elements) + 1}"
        self.elements.append(
            f"{name} as (\n    select e.event_id\n    from events as e, lateral flatten(input => {column}) as i\n"
            f"    where e.copy_number = 1 and {condition}\n    group by e.event_id\n)"
        )
        return f"exists (select 1 from {name} as l where l.event_id = e.event_id)"

    def _event(self, one: Specification, use: Use) -> list[str]:
        family = use.uri.family
        column = self._column(family, True)
        if column not in self._documents():
            return vendor_and_name(family, self.engine.name)
        rules = conditions(use, self.wide.properties(family), self._element(family, True), self.problems)
        return [f"e.{column} is not null", *rules]

    def _entity(self, one: Specification, use: Use) -> list[str]:
        family, column = use.uri.family, f"e.{self._column(use.uri.family, False)}"
        duckdb = self.engine.name == "duckdb"
        length = f"coalesce({'json_array_length' if duckdb else 'array_size'}({column}), 0)"
        found = [f"{length} >= {use.least}"] if use.least else []
        found += [f"{length} <= {use.most}"] if use.most is not None else []
        element = Document(self.engine, "i.value", "")
        rules = conditions(use, self.wide.properties(family), element, self.problems)
        broken = f"not ({' and '.join(rules)})"
        if rules and duckdb:
            found.append(f"not exists (select 1 from json_each({column}) as i where {broken})")
        elif rules:
            found.append(f"not {self._with_element(column, broken)}")
        return found
