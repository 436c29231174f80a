"""A semantic model → a playbook: sources with their batches, models with keys, and views. No second engine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from runner.doors.semantic import components
from runner.doors.semantic.compile.enrichments import Enrichments
from runner.doors.semantic.compile.event_tables import EventTables
from runner.doors.semantic.compile.kpi_tables import KpiTable, components_by_base
from runner.doors.semantic.compile.life import KEY, Life
from runner.doors.semantic.compile.property_values import PropertyValues
from runner.doors.semantic.compile.user_parts import UserParts
from runner.doors.semantic.compile.user_spans import UserSpans
from runner.doors.semantic.compile.user_sums import UserSums
from runner.doors.semantic.compile.views import Views, axes_of
from runner.doors.semantic.components import Unfolded
from runner.doors.semantic.dialect import Dialect
from runner.doors.semantic.kinds.base import Window
from runner.doors.semantic.names import Names
from runner.doors.semantic.settings import Dedupe
from runner.doors.semantic.types import LISTED
from runner.doors.semantic.values import ACTIVITY, REGISTRATIONS, Axis, ColumnTag, Config, EventTag, EventType
from runner.errors import BadInput, Place, Problem
from runner.names import TableName
from runner.playbook.values import (
    Affected,
    Expression,
    KeyColumn,
    Model,
    Playbook,
    Query,
    Shrank,
    Source,
    Step,
    Vanished,
    View,
)
from runner.warehouse.engines import ENGINES, Engine
from runner.warehouse.target import Target


@dataclass(frozen=True)
class Compiled:
    """What a configuration becomes on one engine."""

    config: Config
    playbook: Playbook
    names: Names
    event_tables: EventTables
    kpis: tuple[Unfolded, ...]
    kpi_tables: tuple[KpiTable, ...]
    views: Views

    def tables_of_kpi(self, name: str) -> tuple[TableName, ...]:
        """The KPI tables that hold a KPI's components; where it has none, what its view reads."""
        one = next(kpi for kpi in self.kpis if kpi.kpi.name == name)
        wanted = {term.component.base for term in one.terms}
        if one.holistic:
            return tuple(model.table for model in self.playbook.models if not str(model.table.table).startswith("kpi_"))
        return tuple(self.names.kpi_table(base) for base in sorted(wanted))

    def tables_of_property(self, name: str) -> tuple[TableName, ...]:
        """The table that holds a property; of a computed one, those of what it is made of."""
        kind = self.config.kind(name)
        table = kind.table(self.names)
        if table is None and kind.sources:
            return tuple(dict.fromkeys(t for source in kind.sources for t in self.tables_of_property(source)))
        return (table or self.names.spans,)

    def tables_of_event(self, name: str) -> tuple[TableName, ...]:
        """The tables that hold an event's rows and days."""
        days = (self.names.days(name),) if name in self.event_tables.day_events() else ()
        return (self.names.events(name), *days)

    def events_of_property(self, name: str) -> tuple[EventType, ...]:
        """The events that a property goes back to."""
        found: dict[str, EventType] = {}
        for inner in self.config.closure([name]):
            kind = self.config.kind(inner)
            if kind.reads == ACTIVITY:
                found |= {event.name: event for event in self.config.tagged(EventTag.ACTIVITY)}
            elif kind.reads and kind.reads != REGISTRATIONS:
                found[kind.reads] = self.config.event(kind.reads)
            elif not kind.reads and not kind.sources:
                found |= {event.name: event for event in self.config.tagged(EventTag.REGISTRATION)}
        return tuple(found.values())


def compile_config(config: Config, target: Target) -> Compiled:
    """The playbook of a checked configuration."""
    engine = ENGINES[target.engine]
    _check_engine(config, engine)
    dialect = Dialect(engine, config.settings.precision, config.settings.scale)
    names = Names(config.settings.schema)
    event_tables, values = EventTables(config, dialect, names), PropertyValues(config, dialect, names)
    life = Life(config, engine)
    sums = UserSums(config, dialect, names, event_tables, values, life)
    parts = UserParts(config, dialect, names, values, life)
    lives = (sums, parts, UserSpans(config, dialect, names, event_tables, values, life))
    views = Views(config, dialect, names, values)
    kpis = tuple(components.unfold(config, kpi) for kpi in config.kpis)
    by_base = components_by_base(kpis)
    kpi_tables = tuple(KpiTable(config, dialect, names, values, base, by_base[base]) for base in by_base)
    enrichments = Enrichments(event_tables)
    builder = _Builder(config, dialect, names, event_tables, enrichments, lives, kpi_tables)
    playbook = Playbook(
        name=config.settings.schema,
        path=config.path,
        target=target,
        sql_root=config.path.parent,
        steps=(Step("semantic layer", models=tuple(builder.models())),),
        sources=builder.sources(),
        lookups=enrichments.lookups(config.events_read()),
        views=tuple(_views(config, names, views, kpis, kpi_tables)),
    )
    return Compiled(config, playbook, names, event_tables, kpis, kpi_tables, views)


def _check_engine(config: Config, engine: Engine) -> None:
    """Raises BadInput for what an engine has no function for."""
    if engine.array_windows:
        return
    able = " or ".join(other.title for other in ENGINES.values() if other.array_windows)
    hint = f"count per day by an event_property, or run the model on {able}"
    problems = [
        Problem(
            one.place, f"E12 {one.kind.function} within a window, in {one.name}: {engine.name} has no such thing", hint
        )
        for one in config.properties
        if isinstance(one.kind, Window) and one.kind.function in LISTED
    ]
    if problems:
        raise BadInput(problems)


@dataclass(frozen=True)
class _Builder:
    """Makes the models and sources."""

    config: Config
    dialect: Dialect
    names: Names
    event_tables: EventTables
    enrichments: Enrichments
    lives: tuple[UserSums, UserParts, UserSpans]
    kpi_tables: tuple[KpiTable, ...]

    @property
    def place(self) -> Place:
        """Where what no single file says is said."""
        return Place(self.config.path)

    def sources(self) -> tuple[Source, ...]:
        found: dict[TableName, Source] = {}
        for event in self.config.events:
            etl = event.tagged(ColumnTag.ETL_TSTAMP)
            versions = self.event_tables.has_versions(event)
            down = " desc" if self.config.settings.dedupe is Dedupe.LAST else ""
            order = (Expression(f"{self.dialect.column(etl.name)}{down}"),) if etl and versions else ()
            found.setdefault(
                event.table,
                Source(
                    table=event.table,
                    batch=Expression(self.event_tables.batch(event), event.place),
                    dedupe=(Expression(self.event_tables.event_id(event), event.place),) if versions else (),
                    order_by=order,
                    vanished=Vanished(self.config.settings.vanished),
                    shrank=Shrank(self.config.settings.shrank),
                    place=event.place,
                ),
            )
        return tuple(found.values())

    def models(self) -> list[Model]:
        models = [self._events(event) for event in self.config.events_read()]
        registrations = self._model(
            self.names.registrations, self.event_tables.registrations(), ("user_id",), self.place, "one row a user"
        )
        models.append(registrations)
        models += [self._days(event) for event in self.event_tables.day_events()]
        calendar = Model(
            self.names.calendar,
            Query("calendar", self.event_tables.calendar(), self.place),
            description="one row a date",
        )
        models += [calendar, *self._lives()]
        for one in self.kpi_tables:
            table = self.names.kpi_table(one.base)
            models.append(
                self._model(
                    table,
                    one.select(),
                    ("date",),
                    self.place,
                    "KPI components by date, cohort and group",
                    one.affected(),
                )
            )
        return models

    def _lives(self) -> Iterable[Model]:
        """From days to spans: what the days of a part of a life come to, what is carried into it, what is when."""
        sums, parts, spans = self.lives
        names, place = self.names, self.place
        what = "one row a user and part of his life with events"
        yield self._model(names.sums, sums.select(), KEY, place, what, sums.affected())
        what = "one row a user and part of his life"
        yield replace(self._model(names.parts, parts.select(), ("user_id",), place, what), unique=KEY)
        what = "one row a user and change"
        model = self._model(names.spans, spans.select(), KEY, place, what, spans.affected())
        yield replace(model, unique=(*KEY, "valid_from"))

    def _model(
        self,
        table: TableName,
        sql: str,
        key: tuple[str, ...],
        place: Place,
        description: str,
        affected: tuple[Affected, ...] = (),
    ) -> Model:
        return Model(
            table=table,
            sql=Query(table.table, sql, place),
            key=tuple(KeyColumn(name) for name in key),
            unproven=True,
            affected=affected,
            description=description,
            place=place,
        )

    def _events(self, event: EventType) -> Model:
        if self.event_tables.has_versions(event):
            key: tuple[KeyColumn, ...] = (
                KeyColumn("event_id", Expression(self.event_tables.event_id(event), event.place)),
            )
        else:
            key = (
                KeyColumn("user_id", Expression(self.event_tables.user_id(event), event.place)),
                KeyColumn("event_date", Expression(self.event_tables.event_date(event), event.place)),
            )
        return Model(
            table=self.names.events(event.name),
            sql=Query(f"ev_{event.name}", self.enrichments.events(event), event.place),
            key=key,
            unique=self.enrichments.unique(event),
            unproven=not (event.sql or event.enrichments),
            description=event.label or f"events: {event.name}",
            place=event.place,
        )

    def _days(self, event: str) -> Model:
        expression = "registration_date" if event == REGISTRATIONS else "event_date"
        return Model(
            table=self.names.days(event),
            sql=Query(f"day_{event}", self.event_tables.days(event), self.place),
            key=(KeyColumn("user_id"), KeyColumn("date", Expression(expression))),
            unproven=True,
            description=f"{event} by user and day",
        )


def _views(
    config: Config, names: Names, views: Views, kpis: tuple[Unfolded, ...], kpi_tables: tuple[KpiTable, ...]
) -> Iterable[View]:
    def view(table: TableName, sql: str, description: str) -> View:
        return View(table, Query(table.table, sql), description)

    yield view(names.users("totals"), views.totals(), "every user on every date, with all properties")
    if any(one.name == "days_since_last_active" for one in config.properties):
        yield view(names.users("daily"), views.users("daily"), "users seen that day")
        yield view(names.users("active"), views.users("active"), "users seen within active_days")
    yield view(names.users("cohort"), views.users("cohort"), "users on the cohort days")
    if read := config.events_read():
        yield view(names.quarantine, views.quarantine(read), "events from the future")
        yield view(names.unreadable, views.unreadable(read), "events with values that could not be read")
    for one in kpis:
        for axis in axes_of(one.kpi):
            label = one.kpi.label or one.kpi.description or one.kpi.name
            yield view(names.kpi_view(one.kpi.name, axis is Axis.COHORT_DAY), views.kpi(one, axis, kpi_tables), label)
