"""Playbook files: what is read, and what is refused with which file, line and words.

One row per rule: a text, then *all* the problems that it gives, each as (line, part of the message, part of the hint).
"""

from __future__ import annotations

import random
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import yaml

from runner.errors import BadInput, Exit, NoSteps, Place
from runner.names import TableName
from runner.playbook.load import is_sqlrunner, load
from runner.playbook.values import (
    Affected,
    Expression,
    Fold,
    KeyColumn,
    Lookup,
    MergeColumn,
    Model,
    OnChange,
    Phase,
    Playbook,
    Query,
    Source,
    Step,
    Vanished,
    Variable,
)
from runner.playbook.variables import for_engine
from runner.warehouse import KINDS
from runner.warehouse.engines import ENGINES
from tests.kit import ROOT

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
  crm.customers: static

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


Row = tuple[str | bytes, list[tuple[int, str, str]]]

YAML: list[Row] = [
    ("", [(0, "the file is empty", "")]),
    ("# only a comment\n", [(0, "the file is empty", "")]),
    ("--- \n", [(0, "the file is empty", "")]),
    ("- a\n- b\n", [(1, "the playbook must be a mapping, not a list", "")]),
    ("just words\n", [(1, "the playbook must be a mapping, not 'just words'", "key: value")]),
    (script("name: a\nname: b"), [(3, "duplicate key 'name', first at line 2", "keep one")]),
    (script("variables: {a: 1, a: 2}"), [(2, "duplicate key 'a', first at line 2", "")]),
    (script("variables: {a: &x 1}"), [(2, "'&x' is a YAML anchor", "write the value out")]),
    (script("variables: {a: *x}"), [(2, "'*x' is a YAML alias", "quote it")]),
    (script("name: !env X"), [(2, "'!env' is a YAML tag", "without it")]),
    (script("name: !!python/object:os.system x"), [(2, "YAML tag", "")]),
    (script("variables: {<<: {a: 1}}"), [(2, "'<<' is a YAML merge key", "write the keys out")]),
    (script("---\nname: b"), [(2, "a second document", "without ---")]),
    (script("variables:\n\ta: 1"), [(3, "a tab in the indentation", "spaces")]),
    (script("name: 'web"), [(2, "a quote that opens here is never closed", "")]),
    (script('name: "a\\qb"'), [(2, "unknown escape", "single quotes")]),
    (script("name: @web"), [(2, "an unquoted value cannot begin with '@'", "quote")]),
    (script("name: `web`"), [(2, "an unquoted value cannot begin with '`'", "quote")]),
    (script("name: %web"), [(2, "an unquoted value cannot begin with '%'", "quote")]),
    (source("batch: t\n  files: *.parquet"), [(6, "an unquoted value cannot begin with '*'", "quote")]),
    (script("name: a: b"), [(2, "a ': ' in an unquoted value", "quote")]),
    (script("include: [a, b"), [(2, "'[' opens here", "close it")]),
    (script("variables: {a: 1"), [(2, "'{' opens here", "close it")]),
    (script("variables: {a: ${X:-1}}"), [(2, "braces in an unquoted value", "quote")]),
    (script("name"), [(2, "a line without ': '", "key: value")]),
    (script("  name: a\n sql_root: b"), [(2, "does not fit the ones above", "same column")]),
    (script('name: "a" b'), [(2, "does not fit", "quoted as a whole")]),
    (script("? [a, b]\n: c"), [(2, "a key must be a plain word", "")]),
    (script("? {a: b}\n: c"), [(2, "is a YAML mapping, not a template", "")]),
    (script("name: {{ x }}"), [(2, "'{{ x }}' is a YAML mapping, not a template", 'quote the expression: "{{ x }}"')]),
    (script("name: {{ x }}_y"), [(2, "not a template", 'quote the expression: "{{ x }}"')]),
    (model("key: {d: {{ x }}}"), [(5, "not a template", 'quote the expression: "{{ x }}"')]),
    (
        model("key: {d: date_trunc('day', t)}"),
        [(5, "the comma in 'date_trunc(\\'day\\', t)'".replace("\\'", "'"), "\"date_trunc('day', t)\"")],
    ),
    (model("key: {d: f(a, g(b, c)), e: x}"), [(5, "the comma in 'f(a, g(b, c))'", '"f(a, g(b, c))"')]),
    (model("checks: [x in (1, 2)]"), [(5, "the comma in 'x in (1, 2)'", 'quote the expression: "x in (1, 2)"')]),
    (model("checks: [x <> 'a, b']"), [(5, "has a quote that is not closed", ""), (5, "has a quote", "")]),
    (model("key: {d: concat(x, '\"')}"), [(5, "'{' opens here and is not closed where", "quote the value")]),
    (
        model("key: s\nmerge: {p: first(x by a, b)}"),
        [(6, "the comma in 'first(x by a, b)'", 'quote the expression: "first(x by a, b)"')],
    ),
    (script('name: "a\\u202eb"'), [(2, "an invisible character, U+202E", "")]),
    (script('variables: {"a\\0b": 1}'), [(2, "an invisible character, U+0000", "")]),
    (b"queries: [a.sql]\nname: a\0b\n", [(2, "a NUL character", "plain UTF-8")]),
    (b"queries: [a.sql]\nname: a\x07b\n", [(2, "the control character U+0007", "")]),
    (b"queries: [a.sql]\nname: caf\xe9\n", [(2, "not UTF-8: byte 0xe9", "save the file as UTF-8")]),
    ("queries: [a.sql]\n".encode("utf-16"), [(1, "not UTF-8", "")]),
    ("x: " + "[" * 60 + "]" * 60, [(1, "nested deeper than 50", "")]),
    ("x: " + "[" * 100_000, [(1, "nested deeper than 50", "")]),
    ("x: " + "{a: " * 5_000, [(1, "nested deeper than 50", "")]),
    ("- " * 5_000, [(1, "nested deeper than 50", "")]),
    ("x: [" + "a," * 60_000 + "]", [(1, "more than 20,000 values", "")]),
    ("#" * 1_000_001, [(0, "larger than 1,000,000 bytes", "")]),
]

YAML_WITHOUT_C = [row for row in YAML if len(row[0]) < 20_000]

KEYS: list[Row] = [
    (script("nmae: web"), [(2, "unknown key 'nmae' in the playbook", "did you mean name?")]),
    (script("Name: web"), [(2, "unknown key 'Name'", "did you mean name?")]),
    (script("state-schema: r"), [(2, "unknown key 'state-schema'", "did you mean state_schema?")]),
    (script("xyzzy: 1"), [(2, "unknown key 'xyzzy'", "known: dialect, functions, include")]),
    (script("cron: daily"), [(2, "unknown key 'cron'", "runner run")]),
    (script("schedule: daily"), [(2, "unknown key 'schedule'", "use cron")]),
    (script("vars: {a: 1}"), [(2, "unknown key 'vars'", "variables")]),
    (script("phase: after"), [(2, "unknown key 'phase' in the playbook", "phase belongs in a step")]),
    (script("batch: t"), [(2, "unknown key 'batch' in the playbook", "batch belongs in a source")]),
    (source("batch: t\n  key: id"), [(6, "unknown key 'key' in a source", "key belongs in a model")]),
    (source("batch: t\n  vanish: stop"), [(6, "unknown key 'vanish' in a source", "did you mean vanished?")]),
    (source("batch: t\n  order-by: t"), [(6, "unknown key 'order-by'", "did you mean order_by?")]),
    (model("unique_key: id"), [(5, "unknown key 'unique_key' in a model", "write key: (the columns whose groups are")]),
    (model("primary_key: id"), [(5, "unknown key 'primary_key' in a model", "write unique:")]),
    (model("materialized: incremental"), [(5, "unknown key 'materialized'", "give the model a key:")]),
    (model("incremental_strategy: merge"), [(5, "unknown key 'incremental_strategy'", "give the model a key:")]),
    (model("is_incremental: true"), [(5, "unknown key 'is_incremental'", "give the model a key:")]),
    (model("depends_on: [a]"), [(5, "unknown key 'depends_on'", "dependencies are found in the SQL")]),
    (model("ref: a"), [(5, "unknown key 'ref'", "dependencies are found in the SQL")]),
    (model("lookback: 3"), [(5, "unknown key 'lookback'", "found by their counts")]),
    (model("tests: [a]"), [(5, "unknown key 'tests'", "checks:")]),
    (model("uniqe: id"), [(5, "unknown key 'uniqe' in a model", "did you mean unique?")]),
    (step("queries: [a.sql]\ntemplate: true"), [(5, "unknown key 'template' in a step", "not needed")]),
    (model("key: id\naffected: [{input: a.b, keys: k, row: x}]"), [(6, "unknown key 'row'", "did you mean rows?")]),
    (":targets:\n- :name: x\n", [(1, "this is an SQL Runner playbook", "")]),
    ("# c\n:steps:\n- :name: x\n", [(2, "this is an SQL Runner playbook", "")]),
    ("targets:\n  - name: x\nsteps: []\n", [(1, "this is an SQL Runner playbook", "")]),
]

VALUES: list[Row] = [
    (script("name:"), [(2, "'name' in the playbook has no value", "leave the key out")]),
    (script("name: ~"), [(2, "'name' in the playbook has no value", "")]),
    (script("name: ''"), [(2, "'name' in the playbook is empty", "")]),
    (script("name: no"), [(2, "must be a text, but 'no' is true or false to YAML", 'quote it: "no"')]),
    (script("name: 2024"), [(2, "must be a text, but '2024' is a number to YAML", 'quote it: "2024"')]),
    (script("name: 1web"), [(2, "must be a letter, then letters, digits, _ or -", "")]),
    (script("name: my web"), [(2, "must be a letter", "")]),
    (script("name: " + "a" * 41), [(2, "at most 40 in all, not 'aaaa", "")]),
    (script("name: [web]"), [(2, "must be a text, not a list", "")]),
    (script("name: {web: x}"), [(2, "must be a text, not a mapping", "")]),
    (script("state_schema: off"), [(2, "'off' is true or false to YAML", "quote")]),
    (script("state_schema: a.b"), [(2, "must be the name of a schema, not 'a.b'", "without a dot")]),
    (script("state_schema: a b"), [(2, "must be the name of a schema, not 'a b'", "")]),
    (script("statement_timeout_s: 10m"), [(2, "a number of seconds above 0, not '10m'", "digits only")]),
    (script("statement_timeout_s: 0"), [(2, "a number of seconds above 0, not '0'", "")]),
    (script("statement_timeout_s: .inf"), [(2, "a number of seconds above 0, not '.inf'", "")]),
    (script("dialect: postgresql"), [(2, "must be a SQL dialect, not 'postgresql'", "did you mean postgres?")]),
    (script("schemas: derived"), [(2, "must be a mapping, schema: its name here, not 'derived'", "")]),
    (
        script("schemas: {a: 0123}"),
        [(2, "'a' in 'schemas' in the playbook must be a text, but '0123' is an octal", "")],
    ),
    (script("variables: [a]"), [(2, "'variables' in the playbook must be a mapping, name: value, not a list", "")]),
    (script("variables: {my-var: 1}"), [(2, "must be a word, as templates use it, not 'my-var'", "")]),
    (
        script("variables: {a: {b: 1}}"),
        [(2, "'a' in 'variables' in the playbook has a value for 'b', which is no", "")],
    ),
    (script("variables: {a: {snowflak: 1}}"), [(2, "has a value for 'snowflak'", "did you mean snowflake?")]),
    (script("variables:\n  a:\n    default: 1\n    Postgres: 2"), [(5, "'Postgres'", "did you mean postgres?")]),
    (script("variables: {a: {}}"), [(2, "is an empty mapping", "write a value")]),
    (script("variables: {a: {default: {duckdb: 1}}}"), [(2, "a single value or a flat list", "")]),
    (script("variables: {a: {default: no}}"), [(2, "'default' in 'a' in 'variables' in the playbook", "quote it")]),
    (script("variables: {a: {default: 1, default: 2}}"), [(2, "duplicate key 'default'", "")]),
    (
        script("variables: {a: {default: x, snowflake: 1}}"),
        [(2, "must have one type on all engines: default has a text, snowflake has a number", "quote what is a text")],
    ),
    (script("variables: {a: {default: [1], snowflake: 1}}"), [(2, "default has a list, snowflake has a number", "")]),
    (script("variables: {a: {default: null, duckdb: true}}"), [(2, "default has null, duckdb has true or false", "")]),
    (script("variables: {a: [[1]]}"), [(2, "a single value or a flat list", "")]),
    (script("variables: {a: }"), [(2, "'a' in 'variables' in the playbook has no value", "write null or ''")]),
    (script("variables: {a: no}"), [(2, "read differently: 'no'", 'write true or false, or quote it: "no"')]),
    (script("variables: {a: [1, Off]}"), [(2, "read differently: 'Off'", "")]),
    (script("variables: {a: 0123}"), [(2, "read differently: '0123'", "plain digits")]),
    (script("variables: {a: 0x1F}"), [(2, "read differently: '0x1F'", "")]),
    (script("variables: {a: 1_000}"), [(2, "read differently: '1_000'", "")]),
    (script("variables: {a: 1.10}"), [(2, "would read as 1.1, not '1.10'", 'or quote it: "1.10"')]),
    (script("variables: {a: 1e400}"), [(2, "would read as inf", "")]),
    (script("variables: {a: " + "9" * 5_000 + "}"), [(2, "read differently: '999", "")]),
    (script("target: web.duckdb"), [(2, "'target' in the playbook must be a URL", "duckdb:///web.duckdb")]),
    (script("target: duckdb://web.duckdb"), [(2, "three slashes", "duckdb:///file.duckdb")]),
    (script("target: duckdb:///data/"), [(2, "names no file", "")]),
    (script("target: postgresql://u:hunter2@h/d"), [(2, "holds a literal password", "${PGPASSWORD}")]),
    (script("target: postgresql://u:${PW:-hunter2}@h/d"), [(2, "holds a literal password", "${PGPASSWORD}")]),
    (script("target: ${URL:-postgresql://u:hunter2@h/d}"), [(2, "holds a literal password", "")]),
    (script("target: postgresql://h/d?user=u&password=hunter2"), [(2, "holds a literal password", "")]),
    (script("target: snowflake://u@a/d?token=hunter2"), [(2, "holds a literal password", "")]),
    (source("batch: t\n  files: https://u:hunter2@h/x.csv"), [(6, "holds a literal password", "")]),
    (source("batch: 2024-01-01"), [(5, "must be a text, but '2024-01-01' is a date to YAML", "quote")]),
    (source("batch: 12:30"), [(5, "'12:30' is a number in base 60 to YAML", 'quote it: "12:30"')]),
    (source("batch: 1.10"), [(5, "'1.10' is a number to YAML", "quote")]),
    (source("batch: a, b"), [(5, "must be one expression, not 'a, b'", "write a list: [a, b]")]),
    (source("batch: date_trunc('hour', t"), [(5, "a bracket that is not closed", "quote the whole")]),
    (source("batch: t)"), [(5, "has a ')' too many: 't)'", "")]),
    (source("batch: t # 'x"), []),
    (source("batch: t || ' # x'"), [(5, "a quote that is not closed", "YAML ends an unquoted one at ' #'")]),
    (source("batch: t -- c"), [(5, "holds a comment or a semicolon", "bare expression")]),
    (source('batch: "t; drop table x"'), [(5, "holds a comment or a semicolon", "")]),
    (source("fingerprint: false"), [(4, "a source needs 'batch'", "write batch: etl_tstamp")]),
    (source("batch: t\n  fingerprint: yes"), [(6, "must be true or false, not 'yes'", "write true or false")]),
    (source("batch: t\n  fingerprint: 'true'"), [(6, "must be true or false, not 'true'", "without quotes")]),
    (source("batch: t\n  vanished: retain"), [(6, "must be one of stop, retract, keep, not 'retain'", "retract?")]),
    (source("batch: t\n  dedupe: event_id, user_id"), [(6, "must be one expression", "[event_id, user_id]")]),
    (source("batch: t\n  dedupe: [a, ~]"), [(6, "'dedupe' in a source has no value", "")]),
    (source("batch: t\n  dedupe: {a: b}"), [(6, "must be a text, not a mapping", "")]),
    (source("batch: t\n  order_by: [a]"), [(6, "'order_by' says which of several copies counts", "add dedupe:")]),
    (model("table: a.b"), [(5, "duplicate key 'table', first at line 3", "")]),
    ("source: [{table: a.b, batch: t}]\nqueries: [a.sql]\n", [(1, "must be a mapping, not a list", "write sources:")]),
    ("sources: {table: a.b, batch: t}\nqueries: [a.sql]\n", [(1, "must be a list, not a mapping", "'- '")]),
    (top("sources: []"), [(3, "both 'source' and 'sources'", "sources:")]),
    (top("lookups: {crm.customers: yes}"), [(3, "must be one of static, fingerprint, not 'yes'", "")]),
    (top("lookups: [crm.customers]"), [(3, "must be a mapping, table: static or fingerprint, not a list", "")]),
    (top("lookups: {a b: static}"), [(3, "must be the name of a table, not 'a b'", "double quotes")]),
    (top("lookups: {crm.x: static, CRM.X: static}"), [(3, "a second look-up 'crm.x', first at line 3", "")]),
    (top("schemas: {a: b, A: c}"), [(3, "a second schema 'a', first at line 3", "")]),
    ("queries: {a: b}\n", [(1, "must be the path of a SQL file, not a mapping", "only the path")]),
    ("queries: [{file: a.sql}]\n", [(1, "must be the path of a SQL file, not a mapping", "only the path")]),
    ("queries: [/etc/x.sql]\n", [(1, "must be a path below sql_root, not '/etc/x.sql'", "relative")]),
    ("queries: [~/x.sql]\n", [(1, "must be a path below sql_root", "")]),
    ("queries: ['C:/x.sql']\n", [(1, "must be a path below sql_root", "")]),
    ("queries: [a/../../x.sql]\n", [(1, "must be a path below sql_root, not 'a/../../x.sql'", "sql_root")]),
    ("queries: ['a\\x.sql']\n", [(1, "must be a path with /", "write /")]),
    ("queries: [select 1]\n", [(1, "must be the path of a SQL file, not SQL", "put the SQL into a file")]),
    ("queries: [2024]\n", [(1, "must be a text, but '2024' is a number", "")]),
]

MODELS: list[Row] = [
    ("source: {table: a.b, batch: t}\nmodels:\n  - {sql: s.sql}\n", [(3, "a model needs 'table'", "schema.name")]),
    ("source: {table: a.b, batch: t}\nmodels:\n  - {table: d.s}\n", [(3, "a model needs 'sql'", "sql: file.sql")]),
    ("source: {table: a.b, batch: t}\nmodels:\n  - d.s\n", [(3, "must be a mapping, not 'd.s'", "key: value")]),
    ("source: {table: a.b, batch: t}\nmodels: d.s\n", [(2, "must be a list, not 'd.s'", "")]),
    ("source: {batch: t}\nmodels: [{table: d.s, sql: a}]\n", [(1, "a source needs 'table'", "schema.name")]),
    (top("").replace("derived.s", "a.b.c.d"), [(2, "must be the name of a table, not 'a.b.c.d'", "")]),
    (top("").replace("derived.s", "my-db.s"), [(2, "must be the name of a table, not 'my-db.s'", "double quotes")]),
    (top("").replace("derived.s", "derived.cafe\u0301"), [(2, "is not in Unicode normal form C", "")]),
    (top("").replace("derived.s", "derived.a\u200bb"), [(2, "holds an invisible character: 'derived.a\\u200bb'", "")]),
    (
        top("").replace("derived.s", "Atomic.Events"),
        [(2, "the model's table 'atomic.events' is a source, at line 1", "")],
    ),
    (model("key: []"), [(5, "'key' in a model is an empty list", "")]),
    (model("key: {}"), [(5, "'key' in a model is an empty mapping", "")]),
    (model("key: [a, A]"), [(5, "'key' in a model names 'A' twice", "")]),
    (model("key: {a: x, A: y}"), [(5, "'key' in a model names a column twice", "")]),
    (model("key: date(t)"), [(5, "must be the name of a column, not 'date(t)'", '{column: "expression"}')]),
    (model("key: [a b]"), [(5, "must be the name of a column, not 'a b'", "")]),
    (model("key: {d: }"), [(5, "'d' in 'key' in a model has no value", "")]),
    (model("key: {d: {derived.x: }}"), [(5, "'derived.x' in 'd' in 'key' in a model has no value", "")]),
    (model("key: {d: {a.b: x, A.b: y}}"), [(5, "'d' in 'key' in a model names an input table twice", "")]),
    (model("key: {d: {a b: x}}"), [(5, "must be the name of a table, not 'a b'", "")]),
    (model("unique: [a, a]"), [(5, "'unique' in a model names 'a' twice", "")]),
    (model("unique: a, b"), [(5, "must be the name of a column of the model, not 'a, b'", "[a, b]")]),
    (model("merge: {a: min}"), [(5, "'merge' in a model needs 'key'", "add key:")]),
    (model("affected: [{input: a.b, keys: select 1}]"), [(5, "'affected' in a model needs 'key'", "")]),
    (model("unproven: true"), [(5, "'unproven' in a model needs 'key'", "")]),
    (model("key: id\nmerge: {ID: min}"), [(6, "'merge' in a model names 'ID', a column of its key", "leave it out")]),
    (model("key: id\nmerge: {a: sum}"), [(6, "must be a fold, not 'sum'", "write min, max, first(x by a, b)")]),
    (model("key: id\nmerge: {a: min(x)}"), [(6, "must be a fold, not 'min(x)'", "write min or max alone")]),
    (model("key: id\nmerge: {a: first}"), [(6, "must be a fold, not 'first'", "first(x by a, b)")]),
    (model("key: id\nmerge: {a: first(x)}"), [(6, "must say of one expression by which order", "first(x by a, b)")]),
    (model("key: id\nmerge: {a: 'first(x, y by a)'}"), [(6, "must say of one expression", "")]),
    (model("key: id\nmerge: {a: 'first(x by a,)'}"), [(6, "must say of one expression", "")]),
    (model("key: id\nmerge: {a: first(x by a) + 1}"), [(6, "must be a fold", "")]),
    (model("key: id\nmerge: {a: min, A: max}"), [(6, "'merge' in a model names a column twice", "")]),
    (model("checks: [true]"), [(5, "must be a text, but 'true' is true or false to YAML", "quote")]),
    (model("on_change: ask"), [(5, "must be one of rebuild, stop, not 'ask'", "")]),
    (model("key: id\naffected: [{input: a.b}]"), [(6, "an entry of affected needs 'keys'", "SELECT")]),
    (model("description: [a]"), [(5, "must be a text, not a list", "")]),
    (
        model("  - {table: derived.S, sql: t.sql}").replace("      -", "  -"),
        [(5, "a second model for 'derived.s', first at line 3", "keep one")],
    ),
    (top("lookups: {atomic.events: static}"), [(3, "the look-up 'atomic.events' is a source, at line 1", "remove it")]),
    (top("lookups: {derived.s: static}"), [(3, "the look-up 'derived.s' is a model's table, at line 2", "remove it")]),
    (
        "source: {table: a.b, batch: t}\nschemas: {c: x, d: x}\nmodels:\n  - {table: c.s, sql: s}\n  - {table: d.s, sql: s}\n",
        [(5, "the model's table 'd.s' becomes x.s by 'schemas', and so does c.s", "rename")],
    ),
    (
        "source: {table: a.b, batch: t}\nschemas: {c: a}\nmodels:\n  - {table: c.b, sql: s}\n",
        [(4, "the model's table 'c.b' is a source, at line 1", "")],
    ),
    (
        "sources:\n  - {table: a.b, batch: t}\n  - {table: A.b, batch: t}\nqueries: [a.sql]\n",
        [(3, "a second source 'a.b', first at line 2", "keep one")],
    ),
    ("models: [{table: d.s, sql: s.sql}]\n", [(1, "a model needs a source in the playbook", "add source:")]),
]

STEPS: list[Row] = [
    (step("phase: after"), [(3, "a step without models and queries", "remove the step")]),
    (step("queries: []"), [(3, "a step without models and queries", "")]),
    (step("queries: [a.sql]\nphase: later"), [(5, "must be one of setup, stage, publish, after, not 'later'", "")]),
    (
        step("models: [{table: d.s, sql: s.sql}]\nphase: after"),
        [(5, "a step with models cannot have the phase after", "in their own step")],
    ),
    (step("queries: [a.sql]").replace("name: s", "phase: after"), [(3, "a step needs 'name'", "")]),
    (step("queries: [a.sql]").replace("name: s", "name: 12:30"), [(3, "a number in base 60", "quote")]),
    (
        step("queries: [a.sql]") + "  - {name: s, queries: [b.sql]}\n",
        [(5, "a second step 's', first at line 3", "")],
    ),
    (
        step("queries: [a.sql]") + "models: [{table: d.s, sql: s}]\n",
        [(5, "both 'steps' and 'models' at the top", "move")],
    ),
    (step("queries: [a.sql]") + "queries: [b.sql]\n", [(5, "both 'steps' and 'queries' at the top", "move")]),
    (
        "steps:\n  - name: a\n    phase: after\n    queries: [a.sql]\n",
        [(3, "'phase' in a step needs a source in the playbook", "plain script")],
    ),
    ("steps: a.sql\n", [(1, "'steps' in the playbook must be a list, not 'a.sql'", "")]),
    ("steps:\n", [(1, "'steps' in the playbook has no value", "")]),
]

ENVIRONMENT: list[Row] = [
    (script("name: ${NOPE}"), [(2, "the environment variable NOPE is not set", "export NOPE=…, or give it a default")]),
    (script("variables: {a: '${1x}'}"), [(2, "'${' without a variable", "$${")]),
    (script("variables: {a: '${A:-${B}}'}"), [(2, "'${' without a variable", "")]),
    (script("variables: {a: '${A'}"), [(2, "'${' without a variable in '${A'", "")]),
    (
        script("name: ${SECRET}!"),
        [(2, "must be a letter, then letters, digits, _ or -, at most 40 in all, not '${SE", "")],
    ),
    (script("target: ${SECRET}"), [(2, "'target' in the playbook must be a URL", "")]),
    (
        top("").replace("derived.s", "'atomic.${SECRET}'").replace("atomic.events", "atomic.hunter2"),
        [(2, "${SECRET}", "")],
    ),
    (source("batch: ${SECRET}("), [(5, "a bracket that is not closed: '${SECRET}('", "")]),
    (source("batch: t\n  vanished: ${SECRET}"), [(6, "not '${SECRET}'", "")]),
    (source("batch: t\n  fingerprint: ${SECRET}"), [(6, "not '${SECRET}'", "")]),
]


@pytest.mark.parametrize(("text", "problems"), YAML + KEYS + VALUES + MODELS + STEPS + ENVIRONMENT)
def test_all_problems_with_line_and_hint(
    tmp_path: Path, text: str | bytes, problems: list[tuple[int, str, str]]
) -> None:
    """A wrong playbook gives exactly the problems that it has: file, line, words, hint; and no secret in any."""
    env = {"SECRET": "hunter2"}
    if not problems:
        read(tmp_path, text, env=env)
        return
    with pytest.raises(BadInput) as caught:
        read(tmp_path, text, env=env)
    found = caught.value.problems
    assert [p.place.line for p in found] == [line for line, _, _ in problems], str(caught.value)
    for problem, (_, what, hint) in zip(found, problems, strict=True):
        assert problem.place.path == tmp_path / "web.yml"
        assert what in problem.what, str(problem)
        assert hint in problem.hint, str(problem)
    assert "hunter2" not in str(caught.value)
    assert caught.value.exit_code == Exit.USAGE


@pytest.mark.parametrize(("text", "problems"), YAML_WITHOUT_C)
def test_the_parser_without_libyaml_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | bytes, problems: list[tuple[int, str, str]]
) -> None:
    """Where PyYAML was built without libyaml, the same files are refused, at the same lines, in the same words."""
    monkeypatch.setattr("runner.files.yaml._Loader", yaml.SafeLoader)
    test_all_problems_with_line_and_hint(tmp_path, text, problems)


def test_the_example_of_the_design_loads_to_its_value(tmp_path: Path) -> None:
    """Each key of the format ends up in the value, with its stated meaning."""
    path = tmp_path / "web.yml"
    path.write_text(EXAMPLE)
    d = "domain_sessionid"
    assert load(path, {}) == Playbook(
        name="web",
        path=path,
        target=f"duckdb:///{tmp_path}/web.duckdb",
        sql_root=tmp_path.parent / "sql",
        schemas=(("derived", "derived"),),
        state_schema="runner",
        variables=(Variable("heartbeat_s", 10),),
        sources=(
            Source(
                table=table("atomic.events"),
                batch=Expression("etl_tstamp"),
                dedupe=(Expression("event_id"), Expression(d)),
                order_by=(Expression("collector_tstamp"),),
            ),
        ),
        lookups=(Lookup(table("crm.customers"), static=True),),
        steps=(
            Step(
                "sessions",
                models=(Model(table("derived.sessions"), Query("web/sessions.sql"), key=(KeyColumn(d),), unique=(d,)),),
            ),
            Step(
                "users",
                models=(
                    Model(
                        table("derived.users"),
                        Query("web/users.sql"),
                        key=(KeyColumn("domain_userid"),),
                        unique=("domain_userid",),
                        description="one row per user",
                    ),
                    Model(
                        table("derived.daily"),
                        Query("web/daily.sql"),
                        key=(KeyColumn("session_date", Expression("cast(start_tstamp as date)")),),
                    ),
                ),
            ),
            Step("grants", Phase.AFTER, queries=(Query("web/grants.sql"),)),
        ),
    )


def test_places_are_those_of_the_values(tmp_path: Path) -> None:
    """Expressions, queries, models and sources carry the line and column where the user wrote them."""
    playbook = read(tmp_path, EXAMPLE)
    daily = playbook.models[2]
    key = daily.key[0].expression
    assert key is not None
    assert [(p.line, p.column) for p in (key.place, daily.sql.place, daily.place)] == [(29, 29), (28, 14), (27, 9)]
    assert (playbook.sources[0].place.line, playbook.sources[0].batch.place.line) == (10, 11)


def test_every_key_of_a_source(tmp_path: Path) -> None:
    """Optional keys of a source; single values stand for lists of one; file patterns become absolute, URLs stay."""
    text = source(
        "batch: date_trunc('hour', load_tstamp)\n  files: [events/*.parquet, /data/x.csv, 's3://b/*.parquet']\n"
        '  dedupe: event_id\n  fingerprint: true\n  vanished: keep\n  keys: [a, "lower(b)"]'
    )
    assert read(tmp_path, text).sources == (
        Source(
            table("atomic.events"),
            Expression("date_trunc('hour', load_tstamp)"),
            files=(f"{tmp_path}/events/*.parquet", "/data/x.csv", "s3://b/*.parquet"),
            dedupe=(Expression("event_id"),),
            fingerprint=True,
            vanished=Vanished.KEEP,
            keys=(Expression("a"), Expression("lower(b)")),
        ),
    )


def test_every_key_of_a_model(tmp_path: Path) -> None:
    """Optional keys of a model: keys by input, merges, checks, affected, and the rest."""
    text = model(
        """\
key: {d: {derived.a: "date(t)", Derived.B: u}, e: lower(x)}
unique: [d, e]
merge:
  lo: min
  hi: MAX
  landing: first(coalesce(page, 'by, (') by tstamp, event_id)
  exit: last( by by by )
  "on": "last(max(x) over (partition by y, z) BY a desc)"
checks: ["hi >= lo", "lo in (1, 2)"]
unproven: true
on_change: stop
affected: [{input: derived.a, keys: "select d from changed", rows: "d > 1"}]
description: 2024"""
    )
    assert read(tmp_path, text).models == (
        Model(
            table("derived.s"),
            Query("s.sql"),
            key=(
                KeyColumn(
                    "d", None, ((table("derived.a"), Expression("date(t)")), (table("derived.b"), Expression("u")))
                ),
                KeyColumn("e", Expression("lower(x)")),
            ),
            unique=("d", "e"),
            merge=(
                MergeColumn("lo", Fold.MIN),
                MergeColumn("hi", Fold.MAX),
                MergeColumn("landing", Fold.FIRST, "coalesce(page, 'by, (')", ("tstamp", "event_id")),
                MergeColumn("exit", Fold.LAST, "by", ("by",)),
                MergeColumn("on", Fold.LAST, "max(x) over (partition by y, z)", ("a desc",)),
            ),
            checks=(Expression("hi >= lo"), Expression("lo in (1, 2)")),
            unproven=True,
            on_change=OnChange.STOP,
            affected=(Affected(table("derived.a"), "select d from changed", "d > 1"),),
            description="2024",
        ),
    )


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    """One run of `check` names everything that is wrong, in the order of the file."""
    text = "name: 1\nnmae: x\nsource: {table: a b, batch: }\nmodels:\n  - {table: d.s, unique_key: x, sql: ../s.sql}\n"
    with pytest.raises(BadInput) as caught:
        read(tmp_path, text)
    assert [p.place.line for p in caught.value.problems] == [1, 2, 3, 3, 5, 5]


def test_a_message_reads_as_a_line_and_a_hint(tmp_path: Path) -> None:
    """Messages are *where: what*, then the hint."""
    with pytest.raises(BadInput) as caught:
        read(tmp_path, model("unique_key: id"))
    assert str(caught.value) == (
        f"{tmp_path}/web.yml:5: unknown key 'unique_key' in a model\n"
        "  hint: write key: (the columns whose groups are recomputed) or unique: (checked before publish)"
    )


@pytest.mark.parametrize("text", ["name: web\n", "steps: []\n", "models: []\n", "include: []\n"])
def test_no_steps_is_its_own_exit_code(tmp_path: Path, text: str) -> None:
    """A playbook without steps and models is exit 8, as SQL Runner's operators know it."""
    with pytest.raises(NoSteps) as caught:
        read(tmp_path, text)
    assert caught.value.exit_code == 8


@pytest.mark.parametrize(
    ("name", "what"), [("nope.yml", "no such file"), ("", "not a regular file"), ("a\0b", "no such file")]
)
def test_a_file_that_is_none(tmp_path: Path, name: str, what: str) -> None:
    """A missing file, a folder or a device is a problem of the whole file."""
    with pytest.raises(BadInput, match=what):
        load(tmp_path / name, {})
    with pytest.raises(BadInput, match="not a regular file"):
        load(Path("/dev/zero"), {})


def test_bom_and_line_ends_do_not_matter(tmp_path: Path) -> None:
    """A UTF-8 BOM and Windows line ends are as good as none, and lines are counted alike."""
    assert read(tmp_path, b"\xef\xbb\xbf" + EXAMPLE.replace("\n", "\r\n").encode()) == read(tmp_path, EXAMPLE)
    with pytest.raises(BadInput, match=r"web.yml:2: unknown key"):
        read(tmp_path, b"\xef\xbb\xbfqueries: [a.sql]\r\nnmae: x\r\n")


def test_the_name_comes_from_the_file(tmp_path: Path) -> None:
    """Without `name:` the file's stem is the name, under the same rule."""
    assert read(tmp_path, script()).name == "web"
    (tmp_path / "my.web.yml").write_text(script())
    with pytest.raises(BadInput, match=r"my.web.yml: the file's name .* not 'my.web'") as caught:
        load(tmp_path / "my.web.yml", {})
    assert len(caught.value.problems) == 1


def test_models_at_the_top_are_one_step(tmp_path: Path) -> None:
    """`models:` and `queries:` at the top make one step, which has the playbook's name."""
    assert read(tmp_path, top("queries: a.sql\nname: shop")).steps == (
        Step("shop", models=(Model(table("derived.s"), Query("s.sql")),), queries=(Query("a.sql"),)),
    )


def test_table_names_fold_unless_quoted(tmp_path: Path) -> None:
    """Unquoted parts are lower case; parts in double quotes keep what they are."""
    text = top("").replace("derived.s", """'Db."My ""x"".y".T'""")
    assert read(tmp_path, text).models[0].table == TableName(("db", 'My "x".y', "t"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("10", 10), ("-3", -3), ("0.5", 0.5), ("true", True), ("False", False), ("null", None), ("~", None),
        ("'10'", "10"), ("''", ""), ("text", "text"), ("2024-01-01", "2024-01-01"), ("12:30", "12:30"),
        ("2024-01-01 00:00:00", "2024-01-01 00:00:00"), ("'no'", "no"), ("[1, a, null]", (1, "a", None)), ("[]", ()),
        ("v1.10", "v1.10"), ("y", "y"), ("=", "="), ("${N}", 7), ("'${N}'", "7"), ("${ODD}", "no"), ("${ZERO}", "007"),
        ("${UNSET:-5}", 5), ("${EMPTY:-5}", 5), ("a${EMPTY}b", "ab"), ("$${N}", "${N}"), ("x${N}y${ODD}", "x7yno"),
        ("${UNSET:-}", ""),
    ],
)  # fmt: skip
def test_variables_are_typed_where_nothing_is_lost(tmp_path: Path, value: str, expected: object) -> None:
    """Numbers, booleans and null are read as such; dates, times and quoted values stay texts."""
    env = {"N": "7", "ODD": "no", "ZERO": "007", "EMPTY": ""}
    found = variable(tmp_path, value, env)
    assert (found, type(found)) == (expected, type(expected))


def test_the_environment_fills_every_value(tmp_path: Path) -> None:
    """${VAR} works in names, expressions, paths and targets, and its text never changes the shape of the file."""
    text = top("name: ${N}\ntarget: ${T}\nvariables: {a: '${J}'}").replace("derived.s", "'${S}.s'")
    env = {"N": "shop", "T": "duckdb:///a/b.duckdb", "S": "dev", "J": "x\nname: y"}
    playbook = read(tmp_path, text, env=env)
    assert (playbook.name, playbook.target) == ("shop", f"duckdb:///{tmp_path}/a/b.duckdb")
    assert (playbook.models[0].table, playbook.variables[0].value) == (table("dev.s"), "x\nname: y")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("duckdb:///web.duckdb", "duckdb:///{}/web.duckdb"),
        ("duckdb:///x/../web.duckdb?threads=1", "duckdb:///{}/web.duckdb?threads=1"),
        ("duckdb:////data/web.duckdb", "duckdb:////data/web.duckdb"),
        ("'duckdb:///:memory:'", "duckdb:///:memory:"),
        ("duckdb://", "duckdb://"),
        ("postgresql://u:${PW}@h:5432/d", "postgresql://u:hunter2@h:5432/d"),
        ("postgresql://h:5432/d?user=a@b", "postgresql://h:5432/d?user=a@b"),
        ("snowflake://u@acc/db/s?password=${PW}", "snowflake://u@acc/db/s?password=hunter2"),
    ],
)
def test_targets(tmp_path: Path, target: str, expected: str) -> None:
    """A relative DuckDB file lies beside the playbook; passwords come from the environment; the rest stays."""
    playbook = read(tmp_path, script(f"target: {target}"), env={"PW": "hunter2"})
    assert playbook.target == expected.format(tmp_path)


def test_a_target_option_wins_and_needs_no_environment(tmp_path: Path) -> None:
    """`--target` is taken as it is but for ${VAR}; the playbook's own target is then not even filled in."""
    text = script("target: ${NOT_SET}")
    assert read(tmp_path, text, target="duckdb:///x.duckdb").target == "duckdb:///x.duckdb"
    assert read(tmp_path, text, target="pg://${H}/d", env={"H": "h"}).target == "pg://h/d"
    with pytest.raises(BadInput, match="--target: the environment variable NOPE is not set"):
        read(tmp_path, text, target="${NOPE}")


VARIABLES = "variables: {i: 1, f: 0.5, s: a, b: true, n: null, l: [1, 2], t: [a], e: []}"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("i", "12", 12), ("f", "2", 2.0), ("f", "1e3", 1000.0), ("s", "12", "12"), ("s", "no", "no"), ("s", "", ""),
        ("b", "false", False), ("n", "5", 5), ("n", "no", "no"), ("n", "x", "x"), ("l", "3,4", (3, 4)),
        ("l", "[3, 4]", (3, 4)), ("l", "", ()), ("t", "1, b", ("1", "b")), ("t", "['a,b', c]", ("a,b", "c")),
        ("e", "1,x", (1, "x")),
    ],
)  # fmt: skip
def test_overrides_are_read_as_the_playbook_types_them(tmp_path: Path, name: str, text: str, expected: object) -> None:
    """`--var` gives a value of the type that the playbook's value has."""
    playbook = read(tmp_path, script(VARIABLES), overrides={name: text})
    value = {v.name: v.value for v in playbook.variables}[name]
    assert (value, type(value)) == (expected, type(expected))
    assert [v.name for v in playbook.variables] == list("ifsbnlte")


@pytest.mark.parametrize(
    ("name", "text", "line", "what"),
    [
        ("i", "1.5", 2, "--var i: the value must be a whole number, as in the playbook, not '1.5'"),
        ("f", "x", 2, "--var f: the value must be a number"),
        ("f", "1e999", 2, "--var f: the value must be a number"),
        ("b", "yes", 2, "--var b: the value must be true or false, as in the playbook, not 'yes'"),
        ("b", "True", 2, "must be true or false"),
        ("l", "1,x", 2, "--var l: the value must be a whole number"),
        ("t", "[a", 2, "--var t: the value must be a list"),
        ("t", "[[a]]", 2, "--var t: the value must be a flat list"),
        ("ii", "1", 0, "--var ii: the playbook has no variable 'ii'\n  hint: did you mean i?"),
    ],
)
def test_bad_overrides(tmp_path: Path, name: str, text: str, line: int, what: str) -> None:
    """A bad `--var` is reported where the playbook gives the type."""
    with pytest.raises(BadInput) as caught:
        read(tmp_path, script(VARIABLES), overrides={name: text})
    assert what in str(caught.value)
    assert [p.place.line for p in caught.value.problems] == [line]


BY_ENGINE = (
    "variables: {a: {default: x, redshift: y}, b: {duckdb: 1, snowflake: 0.5}, c: 7, l: {default: [1], redshift: []}}"
)


def at(playbook: Playbook, engine: str) -> dict[str, object]:
    """The variables as SQL for this engine is given them."""
    found = for_engine(playbook, engine)
    assert all(not one.by_engine for one in found.variables)
    return {one.name: one.value for one in found.variables}


def test_variables_by_engine(tmp_path: Path) -> None:
    """A value may be a mapping: the engine's own counts, else `default`; without either the engine is named."""
    playbook = read(tmp_path, script(BY_ENGINE + "\n#"))
    assert at(playbook, "duckdb") == {"a": "x", "b": 1, "c": 7, "l": (1,)}
    assert at(playbook, "snowflake") == {"a": "x", "b": 0.5, "c": 7, "l": (1,)}
    with pytest.raises(BadInput) as caught:
        for_engine(playbook, "redshift")
    (problem,) = caught.value.problems
    assert problem.place == Place(tmp_path / "web.yml", 2, problem.place.column)
    assert problem.what == "the variable 'b' has no value for redshift"
    assert problem.hint == "add redshift: or default: to it, or say --var b=…"
    assert {one.name: one.values for one in playbook.variables}["a"] == ("x", "y")


def test_overrides_of_variables_by_engine(tmp_path: Path) -> None:
    """`--var` is the value on every engine, and is read as the type that all of its values have."""
    overrides = {"a": "5", "b": "2", "l": "3,4"}
    playbook = read(tmp_path, script(BY_ENGINE), overrides=overrides)
    for engine in ENGINES:
        assert at(playbook, engine) == {"a": "5", "b": 2.0, "c": 7, "l": (3, 4)}
    with pytest.raises(BadInput, match="--var b: the value must be a number"):
        read(tmp_path, script(BY_ENGINE), overrides={"b": "x"})


def test_the_environment_fills_variables_by_engine(tmp_path: Path) -> None:
    """${VAR} works inside of the mapping, and files that give one variable must agree on all engines."""
    playbook = read(tmp_path, script("variables: {a: {default: '${N}', duckdb: b}}"), env={"N": "n"})
    assert (at(playbook, "postgres"), at(playbook, "duckdb")) == ({"a": "n"}, {"a": "b"})
    (tmp_path / "base.yml").write_text(script("variables: {a: {default: x, duckdb: c}}"))
    with pytest.raises(BadInput, match="the variable 'a' differs from the one at"):
        read(tmp_path, "include: base.yml\n" + script("variables: {a: {default: x, duckdb: b}}"))
    same = "include: base.yml\n" + script("variables: {a: {default: x, duckdb: c}}").replace("a.sql", "b.sql")
    assert at(read(tmp_path, same.replace("queries", "name: web\nqueries")), "duckdb") == {"a": "c"}


def test_every_engine_of_a_target_may_have_its_value() -> None:
    """The names of engines in variables are those that targets lead to."""
    assert set(KINDS.values()) <= set(ENGINES)


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder / "web.yml"


BASE = """\
name: base
target: ${NOT_SET}
source: {table: atomic.events, batch: etl_tstamp, files: x/*.csv}
variables: {a: 1}
lookups: {crm.c: static}
models: [{table: derived.base, sql: b.sql}]
"""


def test_includes_come_first(tmp_path: Path) -> None:
    """Sources, look-ups, variables and steps of included files come first, each file once; name and target do not."""
    web = "include: [base.yml, other.yml]\nvariables: {b: 2}\nmodels: [{table: derived.web, sql: w.sql}]\n"
    other = "include: base.yml\nqueries: [o.sql]\nvariables: {a: 1}\n"
    playbook = load(write(tmp_path, {"web.yml": web, "base.yml": BASE, "other.yml": other}), {})
    assert (playbook.name, playbook.target) == ("web", f"duckdb:///{tmp_path}/web.duckdb")
    assert [s.name for s in playbook.steps] == ["base", "other", "web"]
    assert [str(m.table) for m in playbook.models] == ["derived.base", "derived.web"]
    assert playbook.variables == (Variable("a", 1), Variable("b", 2))
    assert (len(playbook.sources), len(playbook.lookups)) == (1, 1)
    assert playbook.models[0].place.path == tmp_path / "base.yml"


def test_paths_of_included_queries_start_at_the_including_sql_root(tmp_path: Path) -> None:
    """A Query's path is relative to Playbook.sql_root, whichever file wrote it; SQL outside of it is refused."""
    files = {"web.yml": "include: [in/base.yml]\nqueries: [w.sql]\n", "in/base.yml": BASE}
    playbook = load(write(tmp_path, files), {})
    assert playbook.models[0].sql.path == "in/b.sql"
    assert playbook.sources[0].files == (f"{tmp_path}/in/x/*.csv",)
    files["web.yml"] += "sql_root: sql\n"
    with pytest.raises(BadInput, match=r"in/base\.yml: the SQL of this included playbook is outside the sql_root"):
        load(write(tmp_path, files), {})


@pytest.mark.parametrize(
    ("web", "base", "where", "what"),
    [
        ("include: [nope.yml]\n", "", "web.yml:1", "'include' names 'nope.yml', and there is no such file"),
        ("include: [web.yml]\n", "", "web.yml:1", "'include' goes in a circle: web.yml → web.yml"),
        ("include: [base.yml]\n", "include: ./web.yml\n", "base.yml:1", "in a circle: web.yml → base.yml → web.yml"),
        ("include: [base.yml]\n", "nmae: x\n", "base.yml:1", "unknown key 'nmae'"),
        ("include: [base.yml]\n", "a: [", "base.yml:2", "the file ends inside a list"),
        ("include: [base.yml]\n", ":steps:\n", "base.yml:1", "SQL Runner"),
        ("include: [base.yml]\nvariables: {a: 2}\n", BASE, "web.yml:2", "the variable 'a' differs from the one at"),
        ("include: [base.yml]\nlookups: {crm.c: fingerprint}\n", BASE, "web.yml:2", "the look-up 'crm.c' differs"),
        ("include: [base.yml]\nsource: {table: atomic.events, batch: x}\n", BASE, "web.yml:2", "the source 'atomic.ev"),
        ("include: [base.yml]\nmodels: [{table: derived.base, sql: b.sql}]\n", BASE, "web.yml:2", "a second model for"),
        ("include: [base.yml]\ndialect: duckdb\n", BASE, "base.yml:1", "the dialect of the target is not the duckdb's"),
        ("include: [base.yml]\nsteps: [{name: base, queries: [a]}]\n", BASE, "web.yml:2", "a second step 'base'"),
        ("include: [base.yml]\n", BASE.replace("${NOT_SET}", "pg://u:x@h/d"), "base.yml:2", "a literal password"),
    ],
)
def test_bad_includes(tmp_path: Path, web: str, base: str, where: str, what: str) -> None:
    """Missing files, circles and things that differ between files are errors where they are written."""
    with pytest.raises(BadInput) as caught:
        load(write(tmp_path, {"web.yml": web, "base.yml": base}), {})
    assert len(caught.value.problems) == 1, str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path}/{where}: ")
    assert what in str(caught.value)


def test_sqlrunner_playbooks_are_recognised() -> None:
    """Colon keys or `targets:` at the start of a line make an SQL Runner playbook; ours never has them."""
    assert is_sqlrunner(":targets:\n- :name: x\n")
    assert is_sqlrunner("\ufeff# c\r\n:variables:\r\n  :x: 1\r\n:steps:\r\n")
    for text in ("targets:\n  - name: x\n", "targets: [{name: x}]\n", '"targets": &t []\n', "targets : []\n"):
        assert is_sqlrunner(text)
    assert not is_sqlrunner(EXAMPLE)
    assert not is_sqlrunner("description: |\n  targets:\n  :steps:\n")


def test_dialects_are_those_that_sqlglot_reads() -> None:
    """The list of dialects, kept here for the sake of import time, names no dialect that sqlglot does not know."""
    from sqlglot import Dialects

    from runner.playbook.kinds import DIALECTS

    assert set(DIALECTS) <= {dialect.value for dialect in Dialects}


def test_loading_is_quick_and_imports_no_parser() -> None:
    """Loading a playbook imports neither sqlglot nor a driver."""
    code = "import runner.playbook.load, sys; sys.exit(any(m in sys.modules for m in ('sqlglot', 'duckdb', 'jinja2')))"
    root = ROOT
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


SEED = 20_240_229
BITS = [
    "{", "}", "[", "]", ": ", ", ", "\n", "\n  ", "\t", "'", '"', "#", " #", "- ", "&a ", "*a", "!x ", "${", "${X}", "$${",
    "{{ x }}", "|\n", ">-\n", "<<: ", "~", "no", "12:30", "0123", "1.10", "2024-01-01", "\0", "\u202e", "\ufeff", "e\u0301",
    "\u2028", "key", "merge: {a: first(x by y)}", "include: [web.yml]", "---\n", "...\n", "%YAML 1.2\n", "? ", "\\", "\"\\ud800\"",
    "(", ")", "by", ",", "9" * 400, "[" * 60, "\U0001f600", "\r", "=", "null", "first(x by", "steps:", "-", ":",
]  # fmt: skip


def mutated(dice: random.Random, text: str) -> str:
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(text) + 1)
        to = min(len(text), at + dice.choice((0, 1, 1, 3, 10, 60)))
        piece = dice.choice(
            (dice.choice(BITS), "", text[at:to] * 2, text[(start := dice.randrange(len(text) + 1)) : start + 30])
        )
        text = text[:at] + piece + text[to:]
    return text


def test_no_input_is_answered_by_a_traceback(tmp_path: Path) -> None:
    """Whatever the file holds, the answer is a Playbook, BadInput or NoSteps."""
    dice, start = random.Random(SEED), time.monotonic()
    rich = EXAMPLE + 'variables: {l: [1, "a"]}\n' + "statement_timeout_s: 5\n"
    outcomes = {"Playbook": 0, "BadInput": 0, "NoSteps": 0}
    for number in range(2_000):
        text = mutated(dice, dice.choice((EXAMPLE, rich, model("key: id\nmerge: {a: 'first(x by y, z)'}"))))
        try:
            result: object = read(
                tmp_path, text.encode("utf-8", "surrogatepass"), env={"X": "x1"}, overrides={"l": "[1"}
            )
        except (BadInput, NoSteps) as error:
            result = error
            assert str(error)
        except Exception as error:  # noqa: BLE001 (the one thing that must not happen)
            pytest.fail(f"seed {SEED}, input {number}: {error!r}\n{text}")
        outcomes[type(result).__name__] += 1
    print(f"seed {SEED}: {outcomes} in {time.monotonic() - start:.1f} s")
    assert outcomes["BadInput"] > 100
