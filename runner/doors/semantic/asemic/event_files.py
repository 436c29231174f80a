"""Files of events, written from live tables: columns, types, and tags that were named, asked for or guessed."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from runner.doors.semantic.asemic.guesses import ETL_TSTAMP, Role, event_name_of, guess
from runner.doors.semantic.asemic.live_table import LiveTable, look, table_of, tables_of
from runner.doors.semantic.asemic.project import SCHEMA, NewFile, Project
from runner.doors.semantic.asemic.wizard import NOTHING, Wizard
from runner.doors.semantic.files.read import may_be_called
from runner.doors.semantic.types import DataType
from runner.doors.semantic.values import Column, EventTag
from runner.errors import BadInput, Place, Problem
from runner.names import TableName

YAML_WORDS = frozenset("y n yes no on off true false null".split())  # what YAML takes for something else than a name


@dataclass(frozen=True)
class Named:
    """A column that an option names for a role; None: no option does, NOTHING: there is none."""

    role: Role
    column: str | None


@dataclass(frozen=True)
class Subschema:
    """Events that share a table: which column tells them apart, its value for these, and the column of their fields."""

    type_column: str | None
    value: str | None
    params: str | None


@dataclass(frozen=True)
class EventOptions:
    """What the options say of an event."""

    table: str | None
    name: str | None
    named: tuple[Named, ...]
    tags: tuple[EventTag, ...]
    subschema: Subschema | None = None
    overwrite: bool = False


@dataclass(frozen=True)
class Chosen:
    """The column for a role, if there is one, and whether that is a guess."""

    role: Role
    column: Column | None
    guessed: bool


@dataclass(frozen=True)
class NewEvent:
    """An event to be written."""

    name: str
    table: LiveTable
    chosen: tuple[Chosen, ...]
    tags: tuple[EventTag, ...]
    where: str = ""


def generate_event(project: Project, wizard: Wizard, options: EventOptions, target: str | None) -> None:
    """One event of one table. Raises BadInput for what cannot be known, and where the file is there already."""
    text = wizard.need(options.table, "--table", "Enter full table name")
    with project.warehouse(target) as warehouse:
        table = look(warehouse, text, table_of(text, project.named.resolve().name))
    where, default = "", table_of(text, "").table
    if options.subschema:
        table, where, default = _part(table, options.subschema, wizard)
    name = wizard.answer(options.name, "Enter event name", _word(default))
    if not may_be_called(name):
        hint = "--event-name NAME: at most 40 small letters, digits and _, and no name that is built in"
        raise BadInput(Problem(Place(), f"an event may not be called {name}", hint))
    event = NewEvent(name, table, _choose(table, options.named, wizard), options.tags, where)
    if problems := _problems(event):
        raise BadInput(problems)
    project.write([NewFile(f"events/{name}.yml", _text(event))], options.overwrite)
    _tell(project, event)
    project.process.out.write("next: asemic-cli user-entity-model entity, once there is a file for each event\n")


def generate_events(project: Project, schema: str, named: Sequence[Named], overwrite: bool, target: str | None) -> None:
    """One event for each table of a schema that can be one; what is there already stays."""
    with project.warehouse(target) as warehouse:
        tables = [look(warehouse, _written(table), table) for table in tables_of(warehouse, schema)]
    out = project.process.out
    for table in tables:
        name = _word(table_of(table.name, "").table)
        lacking = [one for one in named if one.column not in (None, NOTHING, *(c.name for c in table.columns))]
        if lacking:
            out.write(f"left out {table.name}: it has no column {lacking[0].column}\n")
            continue
        event = NewEvent(name, table, _choose(table, named, Wizard(out)), (EventTag.REGISTRATION, EventTag.ACTIVITY))
        if problems := _problems(event):
            out.write(f"left out {problems[0].what}\n")
        elif not may_be_called(name):
            out.write(
                f"left out {table.name}: an event may not be called {name}; event --table --event-name makes one\n"
            )
        elif (there := project.there(f"events/{name}.yml")) and not overwrite:
            out.write(f"{there} is there already and stays; --overwrite writes it anew\n")
        else:
            project.write([NewFile(f"events/{name}.yml", _text(event))], overwrite)
            _tell(project, event)
    out.write("next: take registration_event out of the tags of events by which no user begins; asemic-cli user-entity-model entity\n")  # fmt: skip


def _part(table: LiveTable, subschema: Subschema, wizard: Wizard) -> tuple[LiveTable, str, str]:
    """The columns of one kind of events in a table of several, their condition, and what they may be called."""
    question = "Enter the name of the column that indicates which subschema column is used"
    option = "--subschema-type-column"
    column = table.column(wizard.need(subschema.type_column, option, question, event_name_of(table.columns)), option)
    question = f"Enter the value of {column.name} column for this event"
    value = wizard.need(subschema.value, "--subschema-type-value", question)
    columns = table.columns
    if any("." in one.name for one in columns):
        question = "Enter column name that contains parameters for this subschema"
        params = wizard.need(subschema.params, "--subschema-params-column", question)
        if params != NOTHING and not any(one.name.startswith(f"{params}.") for one in columns):
            hint = (
                f"one of {', '.join(sorted({o.name.split('.')[0] for o in columns if '.' in o.name}))}, or - for none"
            )
            raise BadInput(Problem(Place(), f"--subschema-params-column {params}: it has no fields within it", hint))
        columns = tuple(one for one in columns if "." not in one.name or one.name.startswith(f"{params}."))
    where = f"{{{column.name}}} = {_constant(value, column.type)}"
    return replace(table, columns=columns), where, value


def _constant(value: str, type_: DataType) -> str:
    """A value in a formula, which is BigQuery's SQL."""
    if type_ in (DataType.INTEGER, DataType.NUMBER) and re.fullmatch(r"-?[0-9]+", value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _choose(table: LiveTable, named: Sequence[Named], wizard: Wizard) -> tuple[Chosen, ...]:
    """A column for each role. The load time first: what looks like it is not the time of the event."""
    taken = {one.column for one in named if one.column} | set(table.repeated)
    found: dict[str, Chosen] = {}
    for one in sorted(named, key=lambda one: one.role is not ETL_TSTAMP):
        likely = guess(one.role, table.columns, taken)
        default = likely.name if likely else ("" if one.role.needed else NOTHING)
        name = wizard.answer(one.column, f"Enter {one.role.title} column name", default)
        column = table.column(name, one.role.option) if name and name != NOTHING else None
        found[one.role.option] = Chosen(one.role, column, one.column is None and not wizard.asks)
        taken |= {column.name} if column else set()
    return tuple(found[one.role.option] for one in named)


def _problems(event: NewEvent) -> list[Problem]:
    """What is needed and not known, and columns that were named for two things or for what their type cannot be."""
    found = []
    for one in event.chosen:
        role, column = one.role, one.column
        if column is None and role.needed:
            listed = ", ".join(f"{c.name} {c.type}" for c in event.table.columns)
            what = f"{event.table.name}: no column looks like the {role.title}"
            found.append(Problem(Place(), what, f"{role.option} NAME; its columns: {listed}"))
        if column and column.type not in (*role.types, *((DataType.DATETIME,) if DataType.DATE in role.types else ())):
            what = f"{event.table.name}: {column.name} is {column.type}, and no {role.title}"
            found.append(Problem(Place(), what, f"{role.option} names one that is {' or '.join(role.types)}"))
    return found


def _text(event: NewEvent) -> str:
    tags = {one.column.name: one.role.tag for one in event.chosen if one.column}
    lines = [f"table_name: {_quoted(event.table.name)}", f"tags: [{', '.join(event.tags)}]"]
    lines += [f"where: {_quoted(event.where)}"] if event.where else []
    lines.append("columns:")
    for column in event.table.columns:
        tag = f", tags: [{tags[column.name]}]" if column.name in tags else ""
        lines.append(f"  {_quoted(column.name)}: {{data_type: {column.type}{tag}}}")
    return SCHEMA.format("event_logical_table") + "\n".join(lines) + "\n"


def _tell(project: Project, event: NewEvent) -> None:
    """What was found and guessed, and how to say otherwise."""
    by_column = {one.column.name: one for one in event.chosen if one.column}
    rows = []
    for column in event.table.columns:
        one = by_column.get(column.name)
        guessed = f"guessed; {one.role.option} says otherwise" if one and one.guessed else ""
        rows.append((column.name, column.type.value, one.role.tag.value if one else "", guessed))
    report = project.process.report(False)
    report.table([event.table.name, "type", "tag", ""], rows)
    for one in event.chosen:
        if one.column is None:
            report.line(f"no {one.role.title}: {one.role.without}; {one.role.option} names one")
    for left in event.table.left_out:
        report.line(f"left out {left.name}: {left.why}")
    for name in event.table.repeated:
        report.line(f"{name} is not taken for an event's id: most of its values come again")


def _word(text: str) -> str:
    """A name for an event, made of another."""
    return re.sub(r"[^a-z0-9_]+", "_", text.lower()).strip("_")


def _written(table: TableName) -> str:
    """A table's name as it stands in a file: in quotes where it would be folded or broken."""
    parts = (
        part if re.fullmatch(r"[a-z_][a-z0-9_$]*", part) else '"' + part.replace('"', '""') + '"'
        for part in table.parts
    )
    return ".".join(parts)


def _quoted(text: str) -> str:
    """A text as YAML has it."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.$]*", text) and text.lower() not in YAML_WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)
