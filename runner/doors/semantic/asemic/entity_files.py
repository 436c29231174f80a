"""The files of a new model of users, from its events: config.yml, and the properties and KPIs to begin with."""

from __future__ import annotations

from collections.abc import Sequence

from runner.doors.semantic.asemic import defaults
from runner.doors.semantic.asemic.project import SCHEMA, NewFile, Project
from runner.doors.semantic.asemic.wizard import Wizard
from runner.doors.semantic.files.read import days_of, read_events
from runner.doors.semantic.values import Column, ColumnTag, EventTag, EventType
from runner.errors import BadInput, Place, Problem, Problems

DEFAULT_SCHEMA = "sl"


def generate_entity(project: Project, wizard: Wizard, schema: str | None, overwrite: bool) -> None:
    """Write them; a config.yml that is there stays. Raises BadInput where properties or KPIs are there already."""
    problems = Problems()
    events = read_events(project.folder, project.process.env, problems)
    problems.finish()
    _check(project, events)
    if not overwrite:
        _check_new(project)
    day = min(days_of(events), default="date")
    payments = [event for event in events if EventTag.PAYMENT in event.tags and event.tagged(ColumnTag.AMOUNT)]
    files = _files(events, payments[:1], day)
    out = project.process.out
    config = project.folder / "config.yml"
    if config.exists():
        out.write(f"{config} is there and stays as it is\n")
    else:
        name = wizard.answer(schema, "Enter the schema of the generated tables", DEFAULT_SCHEMA)
        text = SCHEMA.format("entity_config") + defaults.CONFIG.replace("<schema>", name)
        files = [NewFile("config.yml", text), *files]
        if schema is None and not wizard.asks:
            out.write(
                f"tables will be made in schema {name}: data_model_schema in config.yml; --schema names another\n"
            )
    project.write(files, overwrite)
    if len(payments) > 1:
        others = ", ".join(event.name for event in payments[1:])
        out.write(f"revenue is that of {payments[0].name}; {others} pay too: write properties for them\n")
    if not payments:
        out.write("no KPIs of revenue: no event is a payment_transaction_event with a transaction_amount_column\n")
    out.write("next: asemic-cli config validate\n")


def _check(project: Project, events: Sequence[EventType]) -> None:
    """Raises BadInput where no event tells who begins or comes."""
    for tag in (EventTag.REGISTRATION, EventTag.ACTIVITY):
        if not any(tag in event.tags for event in events):
            what = f"no event is tagged {tag}"
            hint = "add it to the tags of one; asemic-cli user-entity-model event writes both"
            raise BadInput(Problem(Place(project.folder / "events"), what, hint))


def _check_new(project: Project) -> None:
    """Raises BadInput where there are properties or KPIs already, whatever their files are called."""
    found = [path for name in ("properties", "kpis") for path in sorted((project.folder / name).glob("*.y*ml"))]
    if found:
        hint = "keep it, or --overwrite writes registration, activity and revenue anew, and leaves other files"
        raise BadInput([Problem(Place(path), "the file is there already; nothing was written", hint) for path in found])


def _files(events: Sequence[EventType], payments: Sequence[EventType], day: str) -> list[NewFile]:
    found = [
        _properties("registration", _registration(events), day),
        _kpis("registration", defaults.REGISTRATION_KPIS, day),
        _properties("activity", defaults.ACTIVITY_PROPERTIES, day),
        _kpis("activity", defaults.ACTIVITY_KPIS, day),
    ]
    for event in payments:
        amount = event.tagged(ColumnTag.AMOUNT)
        named = amount.name if amount else ""
        text = defaults.REVENUE_PROPERTIES.replace("<event>", event.name).replace("<amount>", named)
        found += [_properties("revenue", text, day), _kpis("revenue", defaults.REVENUE_KPIS, day)]
    return found


def _registration(events: Sequence[EventType]) -> str:
    """The properties of a registration: its day, and a property for each column that is tagged."""
    tagged = [
        column
        for event in events
        if EventTag.REGISTRATION in event.tags
        for column in event.columns
        if ColumnTag.REGISTRATION in column.tags
    ]
    columns: dict[str, Column] = {}
    for column in tagged:
        columns.setdefault(column.stored, column)
    own = [
        defaults.REGISTRATION_PROPERTY.replace("<name>", f"registration_{stored}")
        .replace("<type>", column.type)
        .replace("<column>", column.name)
        for stored, column in columns.items()
        if stored != "date"
    ]
    return defaults.REGISTRATION_PROPERTIES + "".join(own) + defaults.COHORT_PROPERTIES


def _properties(name: str, text: str, day: str) -> NewFile:
    return NewFile(f"properties/{name}.yml", SCHEMA.format("entity_properties") + text.replace("<day>", day))


def _kpis(name: str, text: str, day: str) -> NewFile:
    return NewFile(f"kpis/{name}.yml", SCHEMA.format("entity_kpis") + text.replace("<day>", day))
