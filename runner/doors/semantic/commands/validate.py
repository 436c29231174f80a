"""`runner config validate`: the rules that can be known from the files, then what the engine's compiler and tables say."""

from __future__ import annotations

import dataclasses
import json as jsonlib
from collections.abc import Sequence
from pathlib import Path

from runner.commands.check import check_live
from runner.doors.semantic.commands.loaded import LoadedModel, load, read_and_check, target_of
from runner.doors.semantic.formulas import Unreadable
from runner.doors.semantic.kinds.lifetime import Lifetime
from runner.doors.semantic.names import Names
from runner.doors.semantic.rules.findings import Finding, in_order, of_problem
from runner.doors.semantic.types import DataType
from runner.doors.semantic.values import Config, EventType
from runner.errors import BadInput, Exit, Place
from runner.names import TableName
from runner.session.process import Process
from runner.warehouse.base import Warehouse
from runner.warehouse.values import Relation

FAMILIES = {
    DataType.NUMBER: ("int", "dec", "num", "double", "real", "float", "bool"),
    DataType.INTEGER: ("int", "dec", "num", "double", "real", "float", "bool"),
    DataType.DATE: ("date", "time"),
    DataType.DATETIME: ("time", "date"),
    DataType.BOOLEAN: ("bool", "int"),
}


def validate(process: Process, folder: Path, live: bool, target: str | None, json: bool) -> int:
    """Print what was found; gives the exit code: 2 if there is an error."""
    config, found = read_and_check(folder, process.env)
    if config is not None and not any(finding.is_error for finding in found):
        found += _compiled(process, config, folder, target, live)
    findings = in_order(found)
    errors = sum(finding.is_error for finding in findings)
    if json:
        listed = [
            {"code": f.code, "file": str(f.place.path or ""), "line": f.place.line, "what": f.what, "hint": f.hint}
            for f in findings
        ]
        process.out.write(jsonlib.dumps(listed, ensure_ascii=False, indent=1) + "\n")
    else:
        for finding in findings:
            process.out.write(f"{finding}\n")
        process.out.write(f"{folder}: {_summary(config, errors, len(findings) - errors)}\n")
    return int(Exit.USAGE) if errors else int(Exit.DONE)


def _summary(config: Config | None, errors: int, warnings: int) -> str:
    what = f"{_counted(errors, 'error') if errors else 'fine'}, {_counted(warnings, 'warning')}"
    if config is None or errors:
        return what
    parts = ((config.events, "event"), (config.properties, "property"), (config.kpis, "KPI"))
    return f"{what} ({', '.join(_counted(len(listed), name) for listed, name in parts)})"


def _counted(number: int, what: str) -> str:
    many = what[:-1] + "ies" if what.endswith("y") else f"{what}s"
    return f"{number} {what if number == 1 else many}"


def _compiled(process: Process, config: Config, folder: Path, target: str | None, live: bool) -> list[Finding]:
    """What the generated SQL is refused for, and with `live` what the warehouse lacks."""
    if not (live or target or process.env.get("RUNNER_TARGET") or config.settings.target):
        target = "duckdb:///:memory:"
    code = "E01"
    try:
        target_of(process, config, folder, target)
        code = "E12"
        loaded = load(process, folder, target)
        if not live:
            return []
        code = "E26"
        with loaded.warehouse("validate", read_only=True) as warehouse:
            listed = (*loaded.config.events, *loaded.config.tables)
            found = _columns(listed, dict(warehouse.describe(e.table for e in listed)))
            if not found:
                check_live(loaded.program, warehouse)
                found = _to_fill(loaded, warehouse)
            return found
    except (RecursionError, Unreadable):
        what = "the formulas of this model are nested too deeply once they are put together"
        return [Finding("E12", Place(folder / "config.yml"), what, "build properties and KPIs from fewer others")]
    except BadInput as bad:
        # Lines are those of generated texts.
        found = [of_problem(problem) for problem in bad.problems]
        return [
            dataclasses.replace(one, code=code, place=Place(one.place.path or folder / "config.yml")) for one in found
        ]


def _to_fill(loaded: LoadedModel, warehouse: Warehouse) -> list[Finding]:
    """W06: lifetime properties that the tables do not have yet, which need all days once."""
    names = Names(loaded.config.settings.schema)
    relation = warehouse.describe([names.spans]).get(names.spans)
    if relation is None:
        return []
    there = {column.name.lower() for column in relation.columns}
    days = warehouse.execute("validate:days", f"select count(*) from {names.calendar}").rows[0][0]
    return [
        Finding("W06", one.place, f"{one.name} is new: the next apply works it out over all {days} days", "")
        for one in loaded.config.properties
        if isinstance(one.kind, Lifetime) and not one.implied and one.name not in there
    ]


def _columns(events: Sequence[EventType], found: dict[TableName, Relation]) -> list[Finding]:
    """E26: tables and columns that are not there, or hold something else."""
    missing = []
    for event in events:
        relation = found.get(event.table)
        if relation is None:
            missing.append(
                Finding("E26", event.place, f"there is no table {event.table}", "mend table_name, or load it first")
            )
            continue
        if event.sql:
            continue
        types = {column.name.lower(): column.type.lower() for column in relation.columns}
        for column in event.own:
            name, _, within = column.name.lower().partition(".")
            type_ = types.get(name)
            if within and type_ is not None:
                continue  # what is within a column, its expression tells when it is run
            if type_ is None:
                what = f"{event.table} has no column {column.name}"
                missing.append(Finding("E26", column.place, what, f"its columns: {', '.join(sorted(types))}"))
            elif not any(word in type_ for word in FAMILIES.get(column.type, ("",))):
                what = f"{event.table}.{column.name} is {type_}, and {column.type} here"
                missing.append(Finding("E26", column.place, what, "mend data_type, or cast it in the event's sql:"))
    return missing
