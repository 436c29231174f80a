"""`runner model list`: the KPIs and properties that can be asked for, with what they are."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path

from runner.doors.semantic.commands.loaded import checked_config
from runner.doors.semantic.values import Config, Kpi, Property
from runner.session.process import Process


def listing(process: Process, folder: Path, json: bool) -> None:
    """Print both; nothing is connected. Raises BadInput where the files have errors."""
    config = checked_config(process, folder)
    if json:
        found = {"kpis": [*map(_kpi, config.kpis)], "properties": [*map(_property, _shown(config))]}
        process.out.write(jsonlib.dumps(found, ensure_ascii=False, indent=1) + "\n")
        return
    report = process.report(False)
    headers = ["KPI", "label", "over", "unit", "description"]
    report.table(headers, [(k.name, k.label, _axes(k), k.unit, k.description) for k in config.kpis])
    report.line("")
    rows = [
        (
            one.name,
            one.label,
            one.kind.word.removesuffix("_property").replace("_", " "),
            one.type,
            _yes(one.can_filter),
            _yes(one.can_group_by),
            one.description,
        )
        for one in _shown(config)
    ]
    report.table(["property", "label", "kind", "type", "filter", "group", "description"], rows)


def _shown(config: Config) -> list[Property]:
    return [one for one in config.properties if not one.is_inner]


def _axes(kpi: Kpi) -> str:
    return ", ".join(f"{axis} ({total})" if total else axis for axis, total in kpi.axes)


def _yes(able: bool) -> str:
    return "yes" if able else "no"


def _kpi(kpi: Kpi) -> dict[str, object]:
    return {
        "name": kpi.name,
        "label": kpi.label,
        "description": kpi.description,
        "axes": {str(axis): total and str(total) for axis, total in kpi.axes},
        "unit": kpi.unit,
        "unit_is_prefix": kpi.unit_first,
        "file": str(kpi.place.path or ""),
        "line": kpi.place.line,
    }


def _property(one: Property) -> dict[str, object]:
    return {
        "name": one.name,
        "label": one.label,
        "description": one.description,
        "kind": one.kind.word.removesuffix("_property").replace("_", " "),
        "type": str(one.type),
        "can_filter": one.can_filter,
        "can_group_by": one.can_group_by,
        "built_in": one.implied,
        "file": str(one.place.path or ""),
        "line": one.place.line,
    }
