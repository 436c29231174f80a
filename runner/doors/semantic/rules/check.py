"""All rules: what the parts of a semantic model must be to each other, events first, then properties and KPIs.

Every rule has a code of docs/semantic-rules.md; all problems are found at once, with file, line and hint.
"""

from __future__ import annotations

from runner.doors.semantic.rules import enrichments, events, kpi_meaning, kpis, properties
from runner.doors.semantic.rules.findings import Finding, Findings
from runner.doors.semantic.values import Config, EventTag


def check(config: Config, findings: Findings) -> None:
    """Add every problem and warning."""
    for one in config.older:
        times = f", {one.count} times" if one.count > 1 else ""
        what = f"{one.word} is an older word, read as {one.means}{times}"
        findings.add("W08", one.place, what, f"write {one.means}")
    events.check(config, findings)
    enrichments.check(config, findings)
    usable = properties.check(config, findings)
    kpis.check(config, usable, findings)


def unused(config: Config) -> list[Finding]:
    """W01: what no KPI is made of, in a model without errors."""
    findings = Findings()
    used = {name for kpi in config.kpis for name in kpi_meaning.properties_of(config, kpi.name)}
    used |= {name for one in config.properties for name in one.sources}
    for one in config.properties:
        if one.name not in used and not one.implied and not one.can_group_by:
            what = f"property {one.name} is used by no KPI and by no other property"
            findings.add("W01", one.place, what, "")
    sources = {one.kind.reads for one in config.properties}
    sources |= {one.logical_table for event in config.events for one in event.enrichments}
    for event in config.events:
        if event.name not in sources and not {EventTag.ACTIVITY, EventTag.REGISTRATION} & set(event.tags):
            findings.add("W01", event.place, f"event {event.name} is used by no property", "")
    return findings.found
