"""Random semantic models, as values and as the YAML files that a user would write: see random_oracle.py for their meaning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

Value = Any
Get = Callable[[str], Value]

# Names that mean something in SQL or in what is generated, as far as `validate` takes them.
NAMES = (
    "first days before_x last seen amount total w h n p s c r l m t1 t2 level_1 d_login part change affected "
    "before_before_x days_before first_x revenue country product logins marked runs k a1 b2 zz x_source place"
).split()


@dataclass(frozen=True)
class Formula:
    """A formula as it is written, and what it comes to for a way to get values of names."""

    sql: str
    value: Callable[[Get], Value]
    names: tuple[str, ...] = ()
    always: bool = False  # never null, if its names never are


@dataclass(frozen=True)
class OfRegistration:
    """A column of the first registration event."""

    column: str


@dataclass(frozen=True)
class OfEvents:
    """An aggregate of a day's events; `whole` is the formula of function none, over the rows that are left."""

    event: str
    function: str
    column: str
    where: Formula | None = None
    default: Value = None
    whole: Callable[[list[Get]], Value] | None = None


@dataclass(frozen=True)
class OfDays:
    """An aggregate of a source over days: relative ones, a range, or all so far."""

    kind: str  # sliding, fixed, lifetime
    source: str
    function: str
    first: Any = None
    last: Any = None
    inline: bool = False


@dataclass(frozen=True)
class Mapping:
    """A rule of a value mapping."""

    new: str
    constant: Value = None
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True)
class OfOthers:
    """A formula over other properties."""

    formula: Formula
    mappings: tuple[Mapping, ...] = ()


@dataclass(frozen=True)
class Prop:
    """A property."""

    name: str
    type: str
    kind: OfRegistration | OfEvents | OfDays | OfOthers
    group: bool = False
    inner: bool = False


@dataclass(frozen=True)
class Term:
    """A KPI's aggregate, or a KPI within it."""

    function: str  # sum, count, min, max, avg, distinct, countif; or kpi
    name: str


@dataclass(frozen=True)
class Kpi:
    """A formula of one or two terms: `join` is '', +, - or /."""

    name: str
    terms: tuple[Term, ...]
    join: str
    where: Formula | None
    cohort: bool
    on_date: bool
    template: tuple[int, ...] = ()


@dataclass
class Model:
    """A whole model."""

    activity: frozenset[str]
    registering: frozenset[str]
    props: dict[str, Prop] = field(default_factory=dict)
    kpis: dict[str, Kpi] = field(default_factory=dict)
    cohort_days: tuple[int, ...] = (0, 1, 3)

    def shown(self) -> list[Prop]:
        return [one for one in self.props.values() if not one.inner]

    def files(self) -> dict[str, str]:
        return written(self)


# -- as YAML --------------------------------------------------------------------------------------------------------

COLUMNS = """columns:
  event_id:   {data_type: STRING, tags: [event_id_column]}
  user_id:    {data_type: STRING, tags: [entity_id_column]}
  time:       {data_type: DATETIME, tags: [event_timestamp_column]}
  etl_tstamp: {data_type: DATETIME, tags: [etl_timestamp_column]}
"""


def _literal(value: Value) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


def _of_events(kind: OfEvents) -> str:
    parts = [f"source_event: {kind.event}", f'select: "{kind.column}"', f"aggregate_function: {kind.function}"]
    parts += [f'where: "{kind.where.sql}"'] if kind.where else []
    parts += [f"default_value: {_literal(kind.default)}"] if kind.default is not None else []
    return "{" + ", ".join(parts) + "}"


def _kind(model: Model, kind: OfRegistration | OfEvents | OfDays | OfOthers) -> str:
    if isinstance(kind, OfRegistration):
        return f"registration_property: {{source_column: {kind.column}}}"
    if isinstance(kind, OfEvents):
        return f"event_property: {_of_events(kind)}"
    if isinstance(kind, OfOthers):
        rules = ", ".join(
            f"{{constant: {_literal(m.constant)}, new_value: {m.new}}}" if m.constant is not None
            else "{range: {" + ", ".join(f"{k}: {v}" for k, v in (("from", m.low), ("to", m.high)) if v is not None)
            + f"}}, new_value: {m.new}}}"
            for m in kind.mappings
        )  # fmt: skip
        more = f", value_mappings: [{rules}]" if rules else ""
        return f'computed_property: {{select: "{kind.formula.sql}"{more}}}'
    source = model.props[kind.source]
    if kind.inline:
        assert isinstance(source.kind, OfEvents)
        of = f"source_event_property: {_of_events(source.kind)}"
    else:
        of = f"source_{'computed_' if isinstance(source.kind, OfOthers) else ''}property: {kind.source}"
    if kind.kind == "lifetime":
        return f"lifetime_property: {{{of}, merge_function: {kind.function}}}"
    ends = ("relative_days_from", "relative_days_to") if kind.kind == "sliding" else ("date_from", "date_to")
    return (
        f"{kind.kind}_window_property: {{{of}, window_function: {kind.function},"
        f" {ends[0]}: {kind.first}, {ends[1]}: {kind.last}}}"
    )


def _term(term: Term) -> str:
    if term.function == "kpi":
        return f"({{kpi.{term.name}}})"
    name = f"{{property.{term.name}}}"
    return {"distinct": f"COUNT(DISTINCT {name})", "countif": f"COUNTIF({name} > 1)"}.get(
        term.function, f"{term.function.upper()}({name})"
    )


def _kpi(kpi: Kpi) -> str:
    texts = [_term(term) for term in kpi.terms]
    select = f"SAFE_DIVIDE({', '.join(texts)})" if kpi.join == "/" else f" {kpi.join} ".join(texts)
    parts = [f'select: "{select}"']
    where = kpi.where.sql.replace("{", "{property.") if kpi.where else ""
    if kpi.template:
        day = "{property.cohort_day} = {}"
        where = f"({where}) AND {day}" if where else day
        parts.append(f"template: {list(kpi.template)}")
    parts += [f'where: "{where}"'] if where else []
    axes = [name for name, has in (("date", kpi.on_date), ("cohort_day", kpi.cohort)) if has]
    parts.append("x_axis: {" + ", ".join(f"{axis}: {{}}" for axis in axes) + "}")
    return f"  {kpi.name}: {{{', '.join(parts)}}}"


def written(model: Model) -> dict[str, str]:
    """The files of a model."""

    def tags(event: str) -> str:
        found = ["activity_event"] if event in model.activity else []
        found += ["registration_event"] if event in model.registering else []
        return f"tags: [{', '.join(found)}]\n" if found else ""

    files = {
        "config.yml": "data_model_schema: sl\nactive_days: 10\ncohorted_daily_kpis_days: "
        f"{list(model.cohort_days)}\nmodel_settings:\n  max_future_skew: 1d\n  vanished: retract\n  shrank: note\n",
        "events/login.yml": f"table_name: app.login\n{tags('login')}{COLUMNS}"
        "  country:    {data_type: STRING, tags: [registration_property]}\n",
    }
    for event in ("payment", "other"):
        files[f"events/{event}.yml"] = (
            f"table_name: app.events\nwhere: \"{{event_name}} = '{event}'\"\n{tags(event)}{COLUMNS}"
            "  event_name: {data_type: STRING}\n  revenue: {data_type: NUMBER}\n  product: {data_type: STRING}\n"
        )
    lines = [
        f"  {one.name}: {{data_type: {one.type}, can_group_by: {str(one.group).lower()}, {_kind(model, one.kind)}}}"
        for one in model.shown()
        if one.name not in BUILT_IN
    ]
    files["properties/all.yml"] = "\n".join(["properties:", *lines, ""])
    files["kpis/all.yml"] = "\n".join(["kpis:", *map(_kpi, model.kpis.values()), ""])
    return files


BUILT_IN = ("registration_date", "cohort_day", "cohort_size")

# -- by chance ------------------------------------------------------------------------------------------------------


def _less(name: str, op: str, number: int) -> Formula:
    def value(get: Get) -> Value:
        v = get(name)
        return None if v is None else v > number if op == ">" else v <= number

    return Formula(f"{{{name}}} {op} {number}", value, (name,))


def _equal(name: str, text: str) -> Formula:
    return Formula(f"{{{name}}} = '{text}'", lambda get: None if get(name) is None else get(name) == text, (name,))


def days_between(one: date, other: date | None) -> int | None:
    return None if other is None else (one - other).days


class Maker:
    """One model of a seed."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        some = frozenset(e for e in ("payment", "other") if rng.random() < 0.6)
        registering = frozenset({"login", "payment"}) if rng.random() < 0.2 else frozenset({"login"})
        self.model = Model(some | {"login"}, registering, cohort_days=(0, 1, rng.randint(2, 5)))
        self.names = rng.sample(NAMES, len(NAMES))
        self.put("registration_date", "DATE", OfRegistration("date"), group=True)
        self.put("cohort_size", "INTEGER", OfOthers(Formula("1", lambda get: 1, (), True)))
        since = Formula(
            "", lambda get: days_between(get("date"), get("registration_date")), ("date", "registration_date")
        )
        self.put("cohort_day", "INTEGER", OfOthers(since), group=True)

    def put(self, name: str, type_: str, kind: Any, *, group: bool = False, inner: bool = False) -> str:
        """Another property; a few may be grouped by."""
        self.model.props[name] = Prop(name, type_, kind, group, inner)
        return name

    def add(self, type_: str, kind: Any) -> str:
        groups = sum(one.group for one in self.model.props.values())
        group = groups < 5 and type_ in ("STRING", "INTEGER") and self.rng.random() < 0.35
        return self.put(self.names.pop(), type_, kind, group=group)

    def make(self) -> Model:
        rng = self.rng
        self.add("STRING", OfRegistration("country"))
        if rng.random() < 0.4:
            self.add("DATE", OfRegistration("date"))
        for _ in range(rng.randint(3, 5)):
            self.add(*self.event())
        for _ in range(rng.randint(6, 11)):
            rng.choice((self.sliding, self.sliding, self.lifetime, self.fixed, self.computed, self.computed))()
        names = self.names[:]
        for _ in range(rng.randint(4, 7)):
            self.kpi(names.pop())
        return self.model

    def event(self) -> tuple[str, OfEvents]:
        """(type, kind) of an event property."""
        rng = self.rng
        event = rng.choice(("login", "payment", "payment", "other", "entity_activity", "entity_registrations"))
        zero = rng.choice((None, 0, 0, 0, 2))
        if event.startswith("entity"):
            return "INTEGER", OfEvents(event, "none", "1", None, zero, lambda rows: 1)
        if event == "login":
            function = rng.choice(("count", "count_distinct", "first_value", "last_value", "min", "none"))
            where = _equal("country", "DE") if rng.random() < 0.3 else None
            if function == "none":
                return "INTEGER", OfEvents(event, "none", "COUNT({country})", where, zero, lambda rows: sum(
                    get("country") is not None for get in rows))  # fmt: skip
            if function.startswith("count"):
                return "INTEGER", OfEvents(event, function, "{country}", where, zero)
            return "STRING", OfEvents(event, function, "{country}", where, rng.choice((None, "XX")))
        where = rng.choice((None, None, _less("revenue", ">", 2), _less("revenue", "<=", 4), _equal("product", "a")))
        what = rng.choice(("money", "money", "money", "text", "count", "none"))
        if what == "text":
            return "STRING", OfEvents(
                event, rng.choice(("first_value", "last_value", "max")), "{product}", where, rng.choice((None, "z"))
            )
        if what == "count":
            return "INTEGER", OfEvents(
                event, rng.choice(("count", "count_distinct")), rng.choice(("{product}", "{revenue}")), where, zero
            )
        if what == "none":
            text, whole = rng.choice(WHOLE)
            return "NUMBER", OfEvents(event, "none", text, where, zero, whole)
        functions = ("sum", "sum", "avg", "min", "max", "first_value", "last_value")
        return rng.choice(("NUMBER", "NUMBER", "INTEGER")), OfEvents(
            event, rng.choice(functions), "{revenue}", where, zero
        )

    def sources(self, *types: str) -> list[Prop]:
        """What a window may be made of."""
        return [
            one for one in self.model.props.values()
            if (not types or one.type in types) and not isinstance(one.kind, OfRegistration)
            and not (isinstance(one.kind, OfDays) and one.kind.kind == "fixed")
            and not one.inner and one.name not in BUILT_IN and not self.dated(one.name)
        ]  # fmt: skip

    def dated(self, name: str) -> bool:
        """Whether the date is in it."""
        kind = self.model.props[name].kind
        if isinstance(kind, OfOthers):
            return "date" in kind.formula.names or any(self.dated(n) for n in kind.formula.names)
        return isinstance(kind, OfDays) and self.dated(kind.source)

    def source(self) -> tuple[Prop, bool]:
        """A source, or one that is written out."""
        found = self.sources()
        if found and self.rng.random() < 0.8:
            return self.rng.choice(found), False
        type_, kind = self.event()
        if kind.column == "{revenue}" and not kind.function.startswith("count"):
            type_ = "NUMBER"  # it is rounded with the window's value, once
        name = f"{self.names[-1]}_source"
        self.put(name, type_, kind, inner=True)
        return self.model.props[name], True

    def over(self, source: Prop, *more: str) -> tuple[str, str]:
        """(type, function) over a source."""
        numbers = source.type in ("NUMBER", "INTEGER")
        function = self.rng.choice(
            (*(("sum", "avg", "sum") if numbers else ()), "min", "max", "count", "count_distinct")
        )
        if function.startswith("count"):
            return "INTEGER", function
        if function == "avg" or (function == "sum" and source.inner):
            return self.rng.choice(("NUMBER", "NUMBER", "INTEGER")), function
        return source.type, function

    def sliding(self) -> None:
        source, inline = self.source()
        type_, function = self.over(source)
        first = self.rng.randint(-5, 1)
        last = self.rng.choice((0, 0, 0, -1, 2))
        first, last = min(first, last), max(first, last)
        self.add(type_, OfDays("sliding", source.name, function, first, last, inline))

    def fixed(self) -> None:
        source, inline = self.source()
        type_, function = self.over(source)
        first = date(2026, 1, 1) + timedelta(days=self.rng.randint(-2, 6))
        last = first + timedelta(days=self.rng.randint(0, 4))
        self.add(type_, OfDays("fixed", source.name, function, first, last, inline))

    def lifetime(self) -> None:
        source, inline = self.source()
        functions = ["min", "max", "first_value", "last_value"]
        functions += ["sum", "sum"] if source.type in ("NUMBER", "INTEGER") and self.calm(source.name) else []
        self.add(source.type, OfDays("lifetime", source.name, self.rng.choice(functions), inline=inline))

    def calm(self, name: str) -> bool:
        """Whether it is nothing or 0 on quiet days."""
        kind = self.model.props[name].kind
        if isinstance(kind, OfEvents):
            return kind.default in (None, 0)
        return (
            isinstance(kind, OfDays) and kind.kind == "sliding" and kind.function in ("sum", "max", "min", "avg")
            and self.calm(kind.source)
        )  # fmt: skip

    def computed(self) -> None:
        rng = self.rng
        numbers = [one for one in self.model.shown() if one.type in ("NUMBER", "INTEGER")]
        texts = [one for one in self.model.shown() if one.type == "STRING"]
        a, b = rng.choice(numbers).name, rng.choice(numbers).name
        what = rng.choice(("if", "plus", "default", "ratio", "greatest", "age", "upper", "ranges", "constants", "case"))
        if what == "ranges":
            low = rng.randint(0, 2)
            rules = (Mapping("none", high=low), Mapping("some", low=low, high=low + 4), Mapping("much", low=low + 4))
            plain = Formula(f"{{{a}}}", lambda get: get(a), (a,))
            self.add("STRING", OfOthers(plain, rules[: rng.randint(2, 3)]))
        elif what == "constants" and texts:
            t = rng.choice(texts).name
            plain = Formula(f"{{{t}}}", lambda get: get(t), (t,))
            self.add("STRING", OfOthers(plain, (Mapping("one", "DE"), Mapping("two", "a"), Mapping("three", "FR"))))
        elif what == "upper" and texts:
            t = rng.choice(texts).name
            text = Formula(
                f"CONCAT(UPPER({{{t}}}), '-')", lambda get: None if get(t) is None else get(t).upper() + "-", (t,)
            )
            self.add("STRING", OfOthers(text))
        elif what in OVER_TWO:
            self.add(rng.choice(("NUMBER", "INTEGER")), OfOthers(OVER_TWO[what](a, b)))

    def kpi(self, name: str) -> None:
        """A KPI, some over others."""
        rng = self.rng
        terms = tuple(self.term() for _ in range(rng.choice((1, 1, 2))))
        on_date = rng.random() < 0.85
        cohort = not on_date or rng.random() < 0.6
        fit = [k for k in self.model.kpis.values() if k.on_date >= on_date and k.cohort >= cohort and not k.template]
        if fit and rng.random() < 0.5:
            terms = (Term("kpi", rng.choice(fit).name), *terms[1:])
        join = "" if len(terms) == 1 else rng.choice("+-/")
        template = tuple(self.model.cohort_days) if on_date and rng.random() < 0.2 else ()
        one = Kpi(f"{name}_d{{}}" if template else name, terms, join, self.condition(), cohort, on_date, template)
        self.model.kpis[one.name] = one

    def term(self) -> Term:
        numbers = [one.name for one in self.model.shown() if one.type in ("NUMBER", "INTEGER")]
        function = self.rng.choice(("sum", "sum", "sum", "count", "min", "max", "avg", "distinct", "countif"))
        every = [one.name for one in self.model.shown()]
        return Term(function, self.rng.choice(every if function in ("count", "distinct") else numbers))

    def condition(self) -> Formula | None:
        if self.rng.random() < 0.6:
            return None
        one = self.rng.choice([p for p in self.model.shown() if p.type != "DATE"])
        if one.type == "STRING":
            return _equal(one.name, self.rng.choice(("DE", "a", "some")))
        return _less(one.name, self.rng.choice((">", "<=")), self.rng.randint(0, 3))


def _paid(rows: list[Get]) -> list[Decimal]:
    return [get("revenue") for get in rows if get("revenue") is not None]


WHOLE: tuple[tuple[str, Callable[[list[Get]], Value]], ...] = (
    ("SUM({revenue})", lambda rows: sum(_paid(rows)) if _paid(rows) else None),
    ("MAX({revenue}) - MIN({revenue})", lambda rows: max(_paid(rows)) - min(_paid(rows)) if _paid(rows) else None),
    ("COUNTIF({revenue} > 3)", lambda rows: sum(v > 3 for v in _paid(rows))),
    ("SUM(IF({revenue} > 3, 1, 0))", lambda rows: sum(get("revenue") is not None and get("revenue") > 3 for get in rows)),
    ("COUNT(DISTINCT {product})", lambda rows: len({get("product") for get in rows} - {None})),
)  # fmt: skip


def _both(get: Get, a: str, b: str, value: Callable[[Value, Value], Value]) -> Value:
    one, other = get(a), get(b)
    return None if one is None or other is None else value(one, other)


OVER_TWO: dict[str, Callable[[str, str], Formula]] = {
    "if": lambda a, b: Formula(f"IF({{{a}}} > 2, 1, 0)", lambda g: int(g(a) is not None and g(a) > 2), (a,), True),
    "plus": lambda a, b: Formula(
        f"{{{a}}} + {{{b}}} * 2", lambda g: _both(g, a, b, lambda x, y: x + y * 2), (a, b), True
    ),
    "default": lambda a, b: Formula(f"IFNULL({{{a}}}, 7)", lambda g: 7 if g(a) is None else g(a), (a,), True),
    "ratio": lambda a, b: Formula(
        f"SAFE_DIVIDE({{{a}}}, {{{b}}})",
        lambda g: _both(g, a, b, lambda x, y: Decimal(x) / Decimal(y) if y else None),
        (a, b),
    ),
    "greatest": lambda a, b: Formula(f"GREATEST({{{a}}}, {{{b}}})", lambda g: _both(g, a, b, max), (a, b)),
    "age": lambda a, b: Formula(
        "DATE_DIFF({date}, {registration_date}, DAY)",
        lambda g: days_between(g("date"), g("registration_date")),
        ("date", "registration_date"),
    ),
    "case": lambda a, b: Formula(
        f"CASE WHEN {{{a}}} > 3 THEN {{{b}}} WHEN {{{a}}} <= 1 THEN 5 END",
        lambda g: None if g(a) is None else g(b) if g(a) > 3 else 5 if g(a) <= 1 else None,
        (a, b),
    ),
}


def model_of(seed: int) -> Model:
    """The model of a seed."""
    return Maker(Random(f"model {seed}")).make()
