"""Playbooks as texts: the example of the design, and good ones around one line or a few that a test is about."""

from __future__ import annotations

import textwrap
from pathlib import Path

from runner.names import TableName
from runner.playbook.load import load
from runner.playbook.values import Playbook

EXAMPLE = """\
name: web
target: ${RUNNER_TARGET:-duckdb:///web.duckdb}     # ${VAR} and ${VAR:-default} work in every value
sql_root: ../sql
include: []
schemas: {derived: derived}
state_schema: runner
variables: {heartbeat_s: 10}

source:
  table: atomic.events
  batch: etl_tstamp
  dedupe: [event_id, domain_sessionid]
  order_by: [collector_tstamp]
  fingerprint: false
  vanished: stop

lookups:
  crm.customers: {key: customer_id}
  crm.currencies: static

steps:
  - name: sessions
    models:
      - {table: derived.sessions, sql: web/sessions.sql, key: domain_sessionid, unique: domain_sessionid}
  - name: users
    models:
      - {table: derived.users, sql: web/users.sql, key: domain_userid, unique: domain_userid, description: one row per user}
      - table: derived.daily
        sql: web/daily.sql
        key: {session_date: "cast(start_tstamp as date)"}     # output column: expression over the input
  - name: grants
    phase: after
    queries: [web/grants.sql]
"""


def table(name: str) -> TableName:
    return TableName(tuple(name.split(".")))


def top(extra: str) -> str:
    """A good playbook; `extra` begins in line 3."""
    return f"source: {{table: atomic.events, batch: etl_tstamp}}\nmodels: [{{table: derived.s, sql: s.sql}}]\n{extra}\n"


def source(extra: str) -> str:
    """A good playbook; `extra` is a line of the source, line 5."""
    return f"models:\n  - {{table: derived.s, sql: s.sql}}\nsource:\n  table: atomic.events\n  {extra}\n"


def model(extra: str) -> str:
    """A good playbook; `extra` is a line of the model, line 5."""
    return (
        "source: {table: atomic.events, batch: etl_tstamp}\nmodels:\n  - table: derived.s\n    sql: s.sql\n"
        + textwrap.indent(extra, "    ")
        + "\n"
    )


def step(extra: str) -> str:
    """A playbook with a source and one step, whose lines begin in line 4."""
    head = "source: {table: atomic.events, batch: etl_tstamp}\nsteps:\n  - name: s\n"
    return head + textwrap.indent(extra, "    ") + "\n"


def script(extra: str = "") -> str:
    """A good playbook without source; `extra` begins in line 2."""
    return f"queries: [a.sql]\n{extra}\n"


def read(tmp_path: Path, text: str | bytes, **options: object) -> Playbook:
    path = tmp_path / "web.yml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(path, **{"env": {}, **options})  # type: ignore[arg-type]


def variable(tmp_path: Path, value: str, env: dict[str, str] | None = None) -> object:
    return read(tmp_path, script(f"variables:\n  v: {value}"), env=env or {}).variables[0].value


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / "web.yml"
