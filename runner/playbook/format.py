"""The format of a playbook file, key by key: one YAML file → `Page`, before other files are included.

README, "The playbook", tells users what each key means; this module is the one place that says which keys there are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from runner.errors import Place, Problems, show
from runner.files.keys import has_key
from runner.files.schema import (
    ANYTHING,
    FLAG,
    PROSE,
    SECONDS,
    TEXT,
    At,
    Hints,
    Kind,
    Row,
    Scope,
    choice,
    located,
    many,
    mapping,
    record,
)
from runner.files.yaml import Node, Scalar
from runner.names import PLAIN, Layout, TableName
from runner.playbook.kinds import (
    DIALECT,
    EXPRESSION,
    FUNCTION,
    KEY,
    MERGE,
    NAME,
    QUERY,
    SCHEMA,
    STEP_NAME,
    TABLE,
    UNIQUE,
    VARIABLE_NAME,
)
from runner.playbook.lookups import LOOKUPS
from runner.playbook.paths import FILES, FOLDER, TARGET, folder_of
from runner.playbook.values import (
    Affected,
    Expression,
    Lookup,
    Model,
    OnChange,
    Phase,
    Query,
    Shrank,
    Source,
    Step,
    Value,
    Vanished,
    View,
)
from runner.playbook.variables import VALUE, ByEngine

_KEY = "give the model a key: to make it incremental; without one it is rebuilt on every run"
_COUNTS = "not needed: late and changed batches are found by their counts"
_SQLRUNNER = "this is an SQL Runner playbook's key; here it is "
_OF_A_SOURCE = "batch dedupe order_by fingerprint vanished shrank keys files"
_OF_A_MODEL = "table sql as key unique merge checks unproven on_change affected redshift snowflake"
_OF_THE_PLAYBOOK = (
    "target sql_root include schemas state_schema scratch_schema variables dialect functions public lookups sources "
    "source statement_timeout_s trial steps"
)
HINTS = Hints(
    other_tools={
        "unique_key": "write key: (the columns whose groups are recomputed) or unique: (checked before publish)",
        "primary_key": "write unique: (checked before publish)",
        **dict.fromkeys(("materialized", "incremental_strategy", "is_incremental", "incremental", "strategy"), _KEY),
        **dict.fromkeys(("depends_on", "ref", "refs", "dependencies"), "not needed: dependencies are found in the SQL"),
        **dict.fromkeys(("schedule", "cron"), "use cron, or any scheduler, to start: runner run"),
        **dict.fromkeys(("lookback", "lookback_days", "lookback_window", "upsert_date_key", "event_time"), _COUNTS),
        "tests": "write checks: (SQL that is true for every row) and unique:",
        "vars": "did you mean variables?",
        "targets": _SQLRUNNER + "target: and a URL",
        "file": _SQLRUNNER + "sql: in a model, and the bare path in queries:",
        "template": "not needed: every SQL file may use {{ variables }}",
    },
    homes={
        **dict.fromkeys(_OF_A_SOURCE.split(), "a source"),
        **dict.fromkeys(_OF_A_MODEL.split(), "a model"),
        **dict.fromkeys(("phase", "queries", "models"), "a step"),
        **dict.fromkeys(_OF_THE_PLAYBOOK.split(), "the playbook itself, at the top"),
    },
)


_NO_DIALECT: At[str | None] = At(None, Place())


@dataclass(frozen=True)
class PageStep:
    """A step, and where its phase stands, if it has one."""

    step: Step
    views: tuple[View, ...] = ()
    phase_place: Place | None = None


@dataclass(frozen=True)
class Page:
    """One playbook file as it was read. What may clash with another file has its place."""

    path: Path
    name: str
    sql_root: Path
    target: Scalar | None = None
    include: tuple[At[str], ...] = ()
    schemas: tuple[tuple[At[str], str], ...] = ()
    state_schema: str = "runner"
    scratch_schema: str | None = None
    variables: tuple[tuple[At[str], Value | ByEngine], ...] = ()
    dialect: At[str | None] = _NO_DIALECT
    functions: tuple[str, ...] = ()
    public: tuple[str, ...] = ()
    statement_timeout_s: float | None = None
    trial_s: float | None = None
    sources: tuple[Source, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    steps: tuple[PageStep, ...] = ()


def _source(row: Row) -> Source:
    source = Source(
        table=row.need("table", TABLE, "write table: schema.name, such as atomic.events"),
        batch=row.need("batch", EXPRESSION, "write batch: etl_tstamp, or the column that tells the batches apart"),
        files=row.get("files", FILES, ()),
        dedupe=row.get("dedupe", _EXPRESSIONS, ()),
        order_by=row.get("order_by", _EXPRESSIONS, ()),
        fingerprint=row.get("fingerprint", FLAG, False),
        vanished=row.get("vanished", choice(Vanished, Vanished.STOP), Vanished.STOP),
        shrank=row.get("shrank", choice(Shrank, Shrank.STOP), Shrank.STOP),
        keys=row.get("keys", _EXPRESSIONS, ()),
        place=row.place,
    )
    if row.has("order_by") and not row.has("dedupe"):
        row.wrong("order_by", "'order_by' says which of several copies counts, so it needs 'dedupe'", "add dedupe:")
    return source


def _affected(row: Row) -> Affected:
    return Affected(
        input=row.need("input", TABLE, "write the table whose changed rows name the keys"),
        keys=row.need("keys", TEXT, "write a SELECT over changed that gives the key columns"),
        rows=row.get("rows", TEXT, None),
    )


def _redshift(row: Row) -> Layout:
    layout = Layout(
        diststyle=row.get("diststyle", choice(_DistStyle, _DistStyle.AUTO), ""),
        distkey=row.get("distkey", TEXT, ""),
        sortkey=row.get("sortkey", many(TEXT, or_one=True), ()),
    )
    if layout.distkey and layout.diststyle not in ("", _DistStyle.KEY):
        row.wrong("diststyle", f"'distkey' is for diststyle key, not {layout.diststyle}", "leave one of them out")
    return layout


def _snowflake(row: Row) -> Layout:
    return Layout(
        cluster_by=row.get("cluster_by", many(TEXT, or_one=True), ()), transient=row.get("transient", FLAG, False)
    )


def _model(row: Row) -> Model | View:
    if row.get("as", choice(_Kept, _Kept.TABLE), _Kept.TABLE) is _Kept.VIEW:
        return _view(row)
    on_redshift, on_snowflake = row.get("redshift", _REDSHIFT, PLAIN), row.get("snowflake", _SNOWFLAKE, PLAIN)
    model = Model(
        table=row.need("table", TABLE, "write table: schema.name, the table that the model owns"),
        sql=row.need("sql", QUERY, "write sql: file.sql, below sql_root"),
        key=row.get("key", KEY, ()),
        unique=row.get("unique", UNIQUE, ()),
        merge=row.get("merge", MERGE, ()),
        checks=row.get("checks", _EXPRESSIONS, ()),
        unproven=row.get("unproven", FLAG, False),
        on_change=row.get("on_change", choice(OnChange, OnChange.REBUILD), OnChange.REBUILD),
        affected=row.get("affected", many(_AFFECTED), ()),
        layout=replace(on_redshift, cluster_by=on_snowflake.cluster_by, transient=on_snowflake.transient),
        description=row.get("description", PROSE, ""),
        place=row.place,
    )
    for needs_key in ("merge", "affected", "unproven"):
        harmless = needs_key == "unproven" and not model.unproven
        if row.has(needs_key) and not row.has("key") and not harmless:
            row.wrong(needs_key, f"{show(needs_key)} in a model needs 'key'", "add key:, the columns of the GROUP BY")
    keys = {column.name.lower() for column in model.key}
    for column in model.merge:
        if column.name and column.name.lower() in keys:
            what = f"'merge' in a model names {show(column.name)}, a column of its key"
            row.problems.add(column.place, what, "leave it out: key columns never change")
    return model


def _view(row: Row) -> View:
    """A model that is a view; what says how rows are kept, or looked at before they are public, is not for it."""
    view = View(
        table=row.need("table", TABLE, "write table: schema.name, the view that the model is"),
        sql=row.need("sql", QUERY, "write sql: file.sql, below sql_root"),
        description=row.get("description", PROSE, ""),
        place=row.place,
    )
    for key in (one for one in _OF_A_MODEL.split() if one not in ("table", "sql", "as")):
        why = _NOT_LOOKED_AT if key in ("unique", "checks") else _NO_ROWS
        row.get(key, ANYTHING, None)
        if row.has(key):
            row.wrong(key, f"{show(key)} in a model that is a view", why)
    return view


def _step(row: Row) -> PageStep:
    models, views = _models(row)
    step = Step(
        name=row.need("name", STEP_NAME, "write name: what the step does"),
        phase=row.get("phase", choice(Phase, Phase.STAGE), Phase.STAGE),
        models=models,
        queries=row.get("queries", many(QUERY, or_one=True), ()),
        place=row.place,
    )
    if not (_given(row, "models") or _given(row, "queries")):
        row.problems.add(row.place, "a step without models and queries", "add models: or queries:, or remove the step")
    if step.models and step.phase is not Phase.STAGE:
        what = f"a step with models cannot have the phase {step.phase}"
        row.wrong("phase", what, "models are always staged, then published together: put the queries in their own step")
    return PageStep(step, views, row.place_of("phase") if row.has("phase") else None)


def _models(row: Row) -> tuple[tuple[Model, ...], tuple[View, ...]]:
    """The models that own tables, and those that are views."""
    found = row.get("models", many(_MODEL), ())
    return tuple(m for m in found if isinstance(m, Model)), tuple(v for v in found if isinstance(v, View))


def _given(row: Row, key: str) -> bool:
    """Whether a list has been written with something in it, right or wrong."""
    return any(name.text == key and getattr(node, "items", True) for name, node in row.node.entries)


def _page(row: Row) -> Page:
    path = row.place.path or Path()
    name = row.get("name", NAME, path.stem)
    return Page(
        path=path,
        name=name,
        target=row.get("target", TARGET, None),
        sql_root=row.get("sql_root", FOLDER, None) or folder_of(row.place),
        include=row.get("include", many(located(TEXT), or_one=True), ()),
        schemas=row.get("schemas", mapping(located(SCHEMA), SCHEMA, "schema: its name here"), ()),
        state_schema=row.get("state_schema", SCHEMA, "runner"),
        scratch_schema=row.get("scratch_schema", SCHEMA, None),
        variables=row.get("variables", mapping(located(VARIABLE_NAME), VALUE, "name: value"), ()),
        dialect=row.get("dialect", located(DIALECT), At(None, row.place)),
        functions=row.get("functions", many(FUNCTION, or_one=True), ()),
        public=row.get("public", many(VARIABLE_NAME, or_one=True), ()),
        statement_timeout_s=row.get("statement_timeout_s", SECONDS, None),
        trial_s=row.get("trial", TRIAL, None),
        sources=_sources(row),
        lookups=tuple(replace(found, table=t.value, place=t.place) for t, found in row.get("lookups", LOOKUPS, ())),
        steps=_steps(row, name),
    )


def _sources(row: Row) -> tuple[Source, ...]:
    one = (row.get("source", _SOURCE, _NO_SOURCE),) if row.has("source") else ()
    if one and row.has("sources"):
        row.wrong("sources", "both 'source' and 'sources' in the playbook", "put all of them in sources:")
    return one + row.get("sources", many(_SOURCE), ())


def _steps(row: Row, name: str) -> tuple[PageStep, ...]:
    """The steps; or the models and queries at the top, as one step with the playbook's name."""
    steps = row.get("steps", many(_STEP), ())
    models, views = _models(row)
    queries = row.get("queries", many(QUERY, or_one=True), ())
    for key in ("models", "queries"):
        if row.has("steps") and row.has(key):
            row.wrong(key, f"both 'steps' and {show(key)} at the top of the playbook", f"move {key}: into a step")
    if not (models or views or queries):
        return steps
    return *steps, PageStep(Step(name, Phase.STAGE, models, queries, row.place), views)


class _Kept(StrEnum):
    TABLE = "table"
    VIEW = "view"


class _DistStyle(StrEnum):
    AUTO = "auto"
    EVEN = "even"
    KEY = "key"
    ALL = "all"


def _trial(node: Node, scope: Scope) -> float | None:
    """`off` (YAML's false too) or how long a run may try new definitions."""
    if isinstance(node, Scalar) and node.text.lower() in ("off", "false"):
        return 0.0
    return SECONDS.read(node, scope)


TRIAL: Kind[float | None] = Kind(_trial, None)
_EXPRESSIONS = many(EXPRESSION, or_one=True)
_NO_ROWS = "a view keeps no rows: leave it out, or leave out as: view"
_NOT_LOOKED_AT = "rows of a view are looked at by nobody before readers see them: write it for the models that it reads"
_NO_SOURCE = Source(TableName(()), Expression(""))
_SOURCE = record("a source", _source, _NO_SOURCE, HINTS, "write sources: for several")
_AFFECTED = record("an entry of affected", _affected, Affected(TableName(()), ""), HINTS)
_REDSHIFT = record("redshift of a model", _redshift, PLAIN, HINTS)
_SNOWFLAKE = record("snowflake of a model", _snowflake, PLAIN, HINTS)
_NO_MODEL: Model | View = Model(TableName(()), Query(""))
_MODEL = record("a model", _model, _NO_MODEL, HINTS)
_STEP = record("a step", _step, PageStep(Step("")), HINTS)


def read_page(node: Node, path: Path, problems: Problems) -> Page:
    """The page that a file's top node holds; what is wrong with it goes to `problems`."""
    blank = Page(path, "", folder_of(Place(path)))
    return Scope(problems, "the playbook").read(record("the playbook", _page, blank, HINTS), node)


def is_playbook(text: str) -> bool:
    """Whether a file has a key of a playbook at all."""
    return has_key(text, f"name models queries {_OF_THE_PLAYBOOK}")
