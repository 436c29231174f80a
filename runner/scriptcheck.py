"""What a script of the user's may do in which phase. It is sent whole; parsing it is only for these checks."""

from __future__ import annotations

from collections.abc import Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from runner.errors import BadInput, Place, Problem
from runner.names import TableName
from runner.playbook import Phase, Playbook
from runner.program import PlainQuery
from runner.scripts import CHECK_SCRATCH, RunNames
from runner.sqlfile import name_of
from runner.sqltext import render

WRITES = (exp.Insert, exp.Update, exp.Delete, exp.Merge)


def check(
    query: PlainQuery, playbook: Playbook, names: RunNames, variables: Mapping[str, object], dialect: str
) -> None:
    """Render and read one script as it would be run. Raises BadInput with file:line."""
    phase, place = query.phase, Place(query.file or query.query.place.path)
    if not playbook.sources:
        render(query.text, variables, place)
        return
    rendered = render(query.text, names.values(variables), place)
    if phase in (Phase.SETUP, Phase.AFTER):
        if CHECK_SCRATCH in rendered:
            what = f"the run's own tables are not there in phase {phase.value}"
            raise BadInput(Problem(place, what, "use them in phase: stage or phase: publish"))
        return
    try:
        trees = [tree for tree in sqlglot.parse(rendered, read=dialect) if tree is not None]
    except (SqlglotError, RecursionError) as error:
        raise BadInput(Problem(place, f"cannot be read as SQL: {str(error).splitlines()[0]}")) from None
    problems = [problem for tree in trees for problem in _problems(tree, phase, place, playbook)]
    if problems:
        raise BadInput(problems)


def _problems(tree: exp.Expr, phase: Phase, place: Place, playbook: Playbook) -> list[Problem]:
    at = Place(place.path, _line(tree))
    sources = {source.table for source in playbook.sources}
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier) and name_of(table) in sources:
            what = f"reads {name_of(table)} live, which may hold rows that this run has not counted"
            return [Problem(at, what, "read {{ events }}, or {{ history.KEY }} with source.keys: [KEY]")]
    if phase is Phase.PUBLISH:
        return _publish_problems(tree, at, playbook)
    target = (
        tree.find(exp.Table)
        if isinstance(tree, (*WRITES, exp.Create, exp.Drop, exp.Alter, exp.TruncateTable))
        else None
    )
    if isinstance(tree, exp.Command):
        return [Problem(at, f"{tree.name.upper()} cannot run in phase stage", "use phase: setup or phase: after")]
    if target is not None and not _in_scratch(target):
        what = f"phase stage writes to scratch only, not to {name_of(target)}"
        return [Problem(at, what, "write to {{ scratch }}.x here, and to your table in phase: publish")]
    return []


def _publish_problems(tree: exp.Expr, at: Place, playbook: Playbook) -> list[Problem]:
    if isinstance(tree, exp.Query):
        return []
    if not isinstance(tree, WRITES):
        word = tree.name.upper() if isinstance(tree, exp.Command) else tree.key.upper()
        return [Problem(at, f"{word} cannot run in the publish transaction", "INSERT, UPDATE, DELETE and MERGE can")]
    target = tree.find(exp.Table)
    owned = {model.table for model in playbook.models}
    if target is not None and name_of(target) in owned:
        return [Problem(at, f"{name_of(target)} belongs to a model", "only its own SELECT fills it")]
    if target is not None and (name_of(target).schema or "") == playbook.state_schema.lower():
        return [Problem(at, f"{name_of(target)} is the runner's own state")]
    return []


def _in_scratch(table: exp.Table) -> bool:
    name: TableName = name_of(table)
    return CHECK_SCRATCH in name.parts[:-1]


def _line(tree: exp.Expr) -> int:
    lines = [node.meta["line"] for node in tree.find_all(exp.Identifier) if "line" in node.meta]
    return min(lines, default=0)
