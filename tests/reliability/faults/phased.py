"""The playbook of the random schedules with plain queries of every phase around its models.

`audit.log` gets a row in each publish transaction and `audit.seen` one after it: they must agree with `runs`.
"""

from __future__ import annotations

from pathlib import Path

from tests.oracles.play import Play
from tests.oracles.playbooks import NAME, Design, write_playbook

QUERIES = {
    "setup": "create schema if not exists audit;\n"
    "create table if not exists audit.log (run_id varchar(100), events bigint);\n"
    "create table if not exists audit.seen (run_id varchar(100))",
    "stage": "create table {{ scratch }}.counted as select count(*) as events from {{ events }}",
    "publish": "insert into audit.log select '{{ run_id }}', events from {{ scratch }}.counted",
    "after": "insert into audit.seen values ('{{ run_id }}')",
}


def write(folder: Path, target: str, design: Design, variants: dict[str, int]) -> Path:
    """As `write_playbook`, the models in a step of their own, between the queries'."""
    path = write_playbook(folder, target, design, variants)
    head, models = path.read_text().split("models:\n", 1)
    lines = ["steps:", "  - name: models", "    models:", *(f"    {line}" for line in models.splitlines())]
    for phase, sql in QUERIES.items():
        (folder / f"{phase}.sql").write_text(sql)
        lines += [f"  - name: the {phase}", f"    phase: {phase}", f"    queries: [{phase}.sql]"]
    path.write_text(head + "\n".join(lines) + "\n")
    return path


def disagreements(play: Play, since: int) -> list[str]:
    """Where audit.log says something else than `runs` does of publishes after version `since`; undone `after` queries."""
    mine = f"playbook = '{NAME}' and status = 'published' and version > {since}"
    runs = play.db.rows(f"select run_id, after_done from runner.runs where {mine} order by version")
    logged = play.db.rows("select run_id from audit.log") if play.db.has_table("audit.log") else []
    found = []
    if sorted(row[0] for row in runs) != sorted(row[0] for row in logged):
        found.append(f"audit.log has {logged}, `runs` has {runs}")
    if runs and not runs[-1][1]:
        found.append(f"the `after` queries of {runs[-1][0]} were not repeated")
    return found
