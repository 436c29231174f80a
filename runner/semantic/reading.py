"""Files of a semantic model → values: config.yml, events/, properties/ and kpis/, in Asemic's format and with our tags.

Every problem of form is found here, all at once, with file and line; what the parts say of each other is in checking.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from runner.envtext import expand_text
from runner.errors import Place
from runner.names import TableName
from runner.playbook_values import TABLE
from runner.problems import Problems, show
from runner.semantic import yamlprops
from runner.semantic.formulas import Formula
from runner.semantic.kinds import ANY, DURATION, FORMULA, NAME, WHOLE, WORDS, scalar
from runner.semantic.values import (
    BUILT_IN,
    Axis,
    Column,
    Config,
    DataType,
    Dedupe,
    EventType,
    Kpi,
    Property,
    Settings,
    Total,
)
from runner.yamlfile import Mapping as YamlMapping
from runner.yamlfile import Node, Scalar, parse, read_text
from runner.yamlfile import Sequence as YamlSequence
from runner.yamlschema import FLAG, Hints, Kind, Row, Scope, Wrong, choice, many, record

NO_HINTS = Hints({}, {})
_OURS = Hints(
    {"identity": "identity maps are not there yet: give events the user's own id, by sql: if need be"},
    {},
)
_DECIMAL = re.compile(r"decimal\((\d{1,2}), ?(\d{1,2})\)", re.IGNORECASE)
NEVER: tuple[int | None, int] = (None, 500)
_SAFE_WORD = re.compile(r"[\w.$-]+")


def read(folder: Path, env: Mapping[str, str], problems: Problems) -> Config:
    """The model in a folder. Raises BadInput where nothing can be read; smaller problems are added."""
    path = folder / "config.yml"
    if not path.is_file() and (folder / "userentity" / "config.yml").is_file():
        folder, path = folder / "userentity", folder / "userentity" / "config.yml"
    if not path.is_file():
        hint = "DIR holds config.yml, events/, properties/ and kpis/"
        problems.stop(Place(path), "E01 no such file", hint)
    reader = _Reader(folder, env, problems)
    settings = reader.settings(path)
    events = reader.events()
    properties = reader.properties(events)
    kpis = reader.kpis(settings)
    return Config(path, settings, events, properties, kpis)


class _Reader:
    """Reads the files of one folder."""

    def __init__(self, folder: Path, env: Mapping[str, str], problems: Problems) -> None:
        self.folder, self.env, self.problems = folder, env, problems
        place = folder.resolve()
        self.app_id = place.parent.name if place.name == "userentity" else place.name

    def _document(self, path: Path) -> YamlMapping | None:
        node = parse(read_text(path, self.problems), path, self.problems)
        if isinstance(node, YamlMapping):
            return node
        if not self.problems.found:
            self.problems.add(node.place, "E01 the file must be a mapping", "write key: value pairs")
        return None

    def _files(self, *folders: str) -> list[Path]:
        found = [p for f in folders for p in sorted((self.folder / f).glob("*.y*ml")) if p.suffix in (".yml", ".yaml")]
        if not found:
            what = f"E01 no files in {folders[0]}/"
            self.problems.add(Place(self.folder / folders[0]), what, "a model has events, properties and KPIs")
        return found

    # -- config.yml ----------------------------------------------------------------------------------------------

    def settings(self, path: Path) -> Settings:
        """Of config.yml."""
        node = self._document(path)
        blank = Settings("", 0, ())
        if node is None:
            return blank
        schema = record("the configuration", self._settings, blank, _OURS)
        return Scope(self.problems, "config.yml").read(schema, node)

    def _settings(self, row: Row) -> Settings:
        schema = row.need("data_model_schema", WORDS, "write the schema of the generated tables: sl")
        schema = schema.replace("{app_id}", self.app_id)
        if schema and not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", schema):
            row.wrong("data_model_schema", f"E03 {show(schema)} is not a schema of small letters, digits and _")
        settings = Settings(
            schema=schema,
            active_days=row.need("active_days", WHOLE, "write how long a user counts as active: 90"),
            cohort_days=row.need("cohorted_daily_kpis_days", many(WHOLE, empty=False), "write [0, 1, 7, 14, 30]"),
            timezone=row.get("timezone", WORDS, "UTC"),
        )
        row.get("data_model_version", ANY, None)
        if not _SAFE_WORD.fullmatch(settings.timezone.replace("/", "")):
            row.wrong("timezone", f"E01 {show(settings.timezone)} is not a time zone", "write UTC or Europe/Berlin")
        if settings.active_days < 0 or any(day < 0 for day in settings.cohort_days):
            row.wrong("active_days", "E01 days must not be negative")
        more = record("model_settings", lambda r: self._more(r, settings), settings, _OURS)
        return row.get("model_settings", more, settings)

    def _more(self, row: Row, settings: Settings) -> Settings:
        frequency = row.get("incremental_update_frequency", DURATION, 86_400)
        if frequency < 60:
            row.wrong("incremental_update_frequency", "E24 an update more often than once a minute", "write 1m or more")
        horizon = row.get("horizon", _one_of("max_event_date", "run_date"), "max_event_date")
        number = _DECIMAL.fullmatch(row.get("number_type", WORDS, "decimal(18,4)"))
        if not number or not 1 <= int(number[1]) <= 38 or int(number[2]) > int(number[1]):
            what = "E19 number_type must be exact, or no table can be shown to equal a full rebuild"
            row.wrong("number_type", what, "write decimal(18,4)")
            number = None
        row.get("backfill", record("backfill", lambda r: r.get("days_per_chunk", WHOLE, 10), 10, NO_HINTS), 10)
        every, keys = row.get("verify", record("verify", _verify, NEVER, NO_HINTS), NEVER)
        target = row.get("target", WORDS, "")
        if target:
            target = expand_text(target, row.place_of("target"), self.env, self.problems, "target: ", url=True) or ""
        return replace(
            settings,
            frequency_s=frequency,
            run_date=horizon == "run_date",
            skew_s=row.get("max_future_skew", DURATION, None),
            dedupe=row.get("dedupe", choice(Dedupe, Dedupe.LAST), Dedupe.LAST),
            precision=int(number[1]) if number else 18,
            scale=int(number[2]) if number else 4,
            vanished=row.get("vanished", _one_of("stop", "retract"), "stop"),
            target=target,
            verify_s=every,
            verify_keys=keys,
        )

    # -- events/ -------------------------------------------------------------------------------------------------

    def events(self) -> tuple[EventType, ...]:
        """Of events/ (or actions/, as they were once called): a file an event, called as the file."""
        found: dict[str, EventType] = {}
        for path in self._files("events", "actions"):
            name = path.stem
            if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) or name in (*BUILT_IN, "totals"):
                self.problems.add(Place(path), f"E03 an event may not be called {show(name)}", "rename the file")
            node = self._document(path)
            if node is None:
                continue
            if name in found:
                self.problems.add(Place(path), f"E02 a second event called {name}", f"first in {found[name].place}")
            build: Callable[[Row], EventType | None] = partial(self._event, name)
            event = Scope(self.problems, name).read(record("an event", build, None, NO_HINTS), node)
            if event is not None:
                found[name] = event
        return tuple(found.values())

    def _event(self, name: str, row: Row) -> EventType:
        if row.has("enrichments"):
            row.get("enrichments", ANY, None)
            hint = "join in the event's sql:, or in a playbook's model, and name its table as table_name"
            row.wrong("enrichments", "E01 enrichments are not supported", hint)
        return EventType(
            name=name,
            table=row.need("table_name", Kind(self._table, TableName(())), "write schema.table"),
            columns=row.need("columns", Kind(_columns, ()), "write name: {data_type: STRING}"),
            tags=row.get("tags", many(WORDS, or_one=True), ()),
            where=row.get("where", FORMULA, None),
            sql=row.get("sql", WORDS, ""),
            label=row.get("label", WORDS, "") or row.get("description", WORDS, ""),
            place=row.place,
        )

    def _table(self, node: Node, scope: Scope) -> TableName:
        one = scalar(node)
        text = one.text.replace("{app_id}", self.app_id)
        return TABLE.read(Scalar(one.place, text, one.written, one.plain), scope)

    # -- properties/ and kpis/ -----------------------------------------------------------------------------------

    def properties(self, events: tuple[EventType, ...]) -> tuple[Property, ...]:
        """Of properties/, with the inline sources of windows as properties of their own."""
        found: dict[str, Property] = {}
        for path in self._files("properties"):
            for name, node in self._listed(path, "properties"):
                if name.text in found:
                    first = found[name.text].place
                    self.problems.add(name.place, f"E02 a second property called {name.text}", f"first at {first}")
                    continue
                for one in yamlprops.read(name, node, events, self.problems):
                    if one.name in found:
                        what = f"E02 a second property called {one.name}: the source within {name.text} is called so"
                        self.problems.add(name.place, what, f"first at {found[one.name].place}; rename one of them")
                    found[one.name] = one
        return tuple(found.values())

    def kpis(self, settings: Settings) -> tuple[Kpi, ...]:
        """Of kpis/, templates unfolded."""
        found: dict[str, Kpi] = {}
        views: dict[str, Kpi] = {}
        for path in self._files("kpis"):
            for name, node in self._listed(path, "kpis"):
                build: Callable[[Row], tuple[Kpi, ...]] = partial(self._kpi, name, settings)
                blank: tuple[Kpi, ...] = ()
                for kpi in Scope(self.problems, name.text).read(
                    record(f"KPI {name.text}", build, blank, NO_HINTS), node
                ):
                    self._views_of(kpi, views)
                    if kpi.name in found:
                        first = found[kpi.name].place
                        self.problems.add(name.place, f"E02 a second KPI called {kpi.name}", f"first at {first}")
                    else:
                        found[kpi.name] = kpi
        return tuple(found.values())

    def _views_of(self, kpi: Kpi, views: dict[str, Kpi]) -> None:
        """A KPI x over cohorts and a KPI x_cohort over dates would have one view."""
        if kpi.name == "cohort_day":
            hint = "call it otherwise, and put these words into label:"
            self.problems.add(kpi.place, "E03 a KPI may not be called cohort_day: its view has that column", hint)
        for axis, _ in kpi.axes:
            name = f"{kpi.name}_cohort" if axis is Axis.COHORT_DAY else kpi.name
            other = views.setdefault(name, kpi)
            if other.name != kpi.name:
                what = f"E02 KPIs {other.name} and {kpi.name} would both have the view v_kpi_{name}"
                self.problems.add(kpi.place, what, f"first at {other.place}; rename one of them")

    def _listed(self, path: Path, key: str) -> list[tuple[Scalar, Node]]:
        node = self._document(path)
        if node is None:
            return []
        entries = [value for name, value in node.entries if name.text == key]
        for name, _ in node.entries:
            if name.text != key:
                self.problems.add(name.place, f"E01 unknown key {show(name.text)}", f"the file begins with {key}:")
        if not entries or not isinstance(entries[0], YamlMapping):
            self.problems.add(node.place, f"E01 the file needs {key}:, a mapping of names", f"write {key}:")
            return []
        return list(entries[0].entries)

    def _kpi(self, name: Scalar, settings: Settings, row: Row) -> tuple[Kpi, ...]:
        select, where = row.need("select", FORMULA), row.get("where", FORMULA, None)
        axes = row.need("x_axis", AXES, "write x_axis: {date: {}}")
        total = row.get("total_function", choice(Total, Total.SUM), None)
        unit, first = row.get("unit", record("a unit", _unit, ("", False), NO_HINTS), ("", False))
        kpi = Kpi(
            name=name.text,
            select=select,
            where=where,
            axes=tuple((axis, own or total) for axis, own in axes),
            label=row.get("label", WORDS, ""),
            description=row.get("description", WORDS, ""),
            unit=unit,
            unit_first=first,
            place=name.place,
        )
        template: Kind[tuple[int, ...]] = Kind(lambda n, s: _template(n, s, settings), ())
        days = row.get("template", template, None)
        if days is None:
            if "{}" in f"{name.text}{select.text}{where.text if where else ''}":
                row.wrong("select", "E10 {} stands for a day of a template", "add template: cohort_day")
                return ()
            return self._named(kpi)
        if "{}" not in name.text:
            row.wrong("template", f"E10 the template's name {name.text} has no {{}}", f"call it {name.text}_d{{}}")
            return ()
        return tuple(one for day in days for one in self._named(_unfolded(kpi, day)))

    def _named(self, kpi: Kpi) -> tuple[Kpi, ...]:
        read = Scope(self.problems, f"KPI {kpi.name}").read(NAME, Scalar(kpi.place, kpi.name, kpi.name, plain=False))
        return (kpi,) if read else ()


def _one_of(*words: str) -> Kind[str]:
    def read(node: Node, scope: Scope) -> str:
        text = scalar(node).text
        if text not in words:
            raise Wrong(f"must be {' or '.join(words)}, not {show(text)}", f"write {words[0]}")
        return text

    return Kind(read, words[0])


def _verify(row: Row) -> tuple[int | None, int]:
    return row.get("every", DURATION, None), row.get("keys", WHOLE, 500)


def _unit(row: Row) -> tuple[str, bool]:
    return row.need("symbol", WORDS), row.get("is_prefix", FLAG, False)


def _columns(node: Node, scope: Scope) -> tuple[Column, ...]:
    if not isinstance(node, YamlMapping):
        raise Wrong("must be a mapping of columns", "write name: {data_type: STRING}")
    found = []
    for name, value in node.entries:
        if not re.fullmatch(r"[A-Za-z_][\w$]{0,62}", name.text):
            scope.problems.add(name.place, f"E03 {show(name.text)} is not the name of a column", "rename it by sql:")
            continue
        build: Callable[[Row], Column | None] = partial(_column, name)
        kind = record(f"column {name.text}", build, None, NO_HINTS)
        column = Scope(scope.problems, f"column {name.text}").read(kind, value)
        if column is not None:
            found.append(column)
    return tuple(found)


def _column(name: Scalar, row: Row) -> Column:
    return Column(
        name=name.text,
        type=row.need("data_type", choice(DataType, DataType.STRING), "NUMBER, INTEGER, STRING, DATE, DATETIME …"),
        tags=row.get("tags", many(WORDS, or_one=True), ()),
        label=row.get("label", WORDS, "") or row.get("description", WORDS, ""),
        place=name.place,
    )


def _axes(node: Node, scope: Scope) -> tuple[tuple[Axis, Total | None], ...]:
    if not isinstance(node, YamlMapping) or not node.entries:
        raise Wrong("must be a mapping of axes", "write {date: {}, cohort_day: {}}")
    found = []
    for name, value in node.entries:
        if name.text not in list(Axis):
            scope.problems.add(name.place, f"E01 {show(name.text)} is not an axis", "date or cohort_day")
            continue
        total: Kind[Total | None] = Kind(_total, None, null=True)
        found.append((Axis(name.text), scope.read(total, value, f"x_axis {name.text}")))
    return tuple(found)


AXES: Kind[tuple[tuple[Axis, Total | None], ...]] = Kind(_axes, ())


def _total(node: Node, scope: Scope) -> Total | None:
    if isinstance(node, Scalar) and node.empty:
        return None
    kind = record("an axis", lambda row: row.get("total_function", choice(Total, Total.SUM), None), None, NO_HINTS)
    return kind.read(node, scope)


def _template(node: Node, scope: Scope, settings: Settings) -> tuple[int, ...]:
    if isinstance(node, Scalar) and node.text == "cohort_day":
        return settings.cohort_days
    if not isinstance(node, YamlSequence) or not node.items:
        raise Wrong("E10 must be cohort_day or a list of days", "write template: cohort_day")
    days = tuple(scope.read(WHOLE, item) for item in node.items)
    for day in days:
        if day not in settings.cohort_days:
            what = f"E15 day {day} of the template is not in cohorted_daily_kpis_days"
            scope.problems.add(node.place, what, "add it there, or take it out here")
    return days


def _unfolded(kpi: Kpi, day: int) -> Kpi:
    def put(text: str) -> str:
        return text.replace("{}", str(day))

    where = Formula(put(kpi.where.text), kpi.where.place) if kpi.where else None
    return replace(
        kpi,
        name=put(kpi.name),
        label=put(kpi.label),
        select=Formula(put(kpi.select.text), kpi.select.place),
        where=where,
    )
