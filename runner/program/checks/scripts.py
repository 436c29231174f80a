"""What a script of the user's may do in which phase. It is sent whole; parsing it is only for these checks."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from runner.errors import BadInput, Place, Problem
from runner.names import TableName
from runner.playbook.values import Phase, Playbook
from runner.porting import portable
from runner.program.scripts import CHECK_SCRATCH, RunNames
from runner.program.values import PlainQuery
from runner.sql.parser import DEEP, DEEP_HINT, scanned, split, statements
from runner.sql.spelling import name_of
from runner.sql.templates import render

WRITES = (exp.Insert, exp.Update, exp.Delete, exp.Merge)
CHANGES = (*WRITES, exp.Create, exp.Drop, exp.Alter, exp.TruncateTable)
HARMLESS = (exp.Set, exp.Analyze, exp.Comment)


def check(
    query: PlainQuery, playbook: Playbook, names: RunNames, variables: Mapping[str, object], engine: str, dialect: str
) -> None:
    """Render and read one script as it would be run. Raises BadInput with file:line."""
    phase, place = query.phase, Place(query.file or query.query.place.path)
    own = names.values(variables) if playbook.sources else variables
    rendered = render(query.text, own, place)
    if not playbook.sources or phase in (Phase.SETUP, Phase.AFTER):
        if engine in portable.CHECKED:
            split(rendered, dialect, place)  # their drivers take one statement at a time
        else:
            scanned(rendered, place)
        if playbook.sources and CHECK_SCRATCH in rendered:
            what = f"the run's own tables are not there in phase {phase.value}"
            line = rendered.count("\n", 0, rendered.index(CHECK_SCRATCH)) + 1
            raise BadInput(Problem(Place(place.path, line), what, "use them in phase: stage or phase: publish"))
        return
    try:
        parsed = statements(rendered, dialect, place)
        found = [problem for tree, line in parsed for problem in _problems(tree, line, phase, place, playbook)]
        known = frozenset(playbook.functions)
        found += portable.check_script(rendered, [tree for tree, _ in parsed], engine, phase, place, known)
    except RecursionError:
        raise BadInput(Problem(Place(place.path, 1), DEEP, DEEP_HINT)) from None
    if found:
        raise BadInput(found)


def _problems(tree: exp.Expr, line: int, phase: Phase, place: Place, playbook: Playbook) -> list[Problem]:
    at = Place(place.path, line)
    sources = {source.table for source in playbook.sources}
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier) and name_of(table) in sources:
            what = f"reads {name_of(table)} live, which may hold rows that this run has not counted"
            return [Problem(at, what, "read {{ events }}, or {{ history.KEY }} with source.keys: [KEY]")]
    if phase is Phase.PUBLISH:
        return _publish_problems(tree, at, playbook)
    if isinstance(tree, exp.Command) or not isinstance(tree, (exp.Query, *CHANGES, *HARMLESS)):
        return [Problem(at, f"{_word(tree)} cannot run in phase stage", "use phase: setup or phase: after")]
    for target in _targets(tree):
        if not _in_scratch(target):
            what = f"phase stage writes to scratch only, not to {name_of(target)}"
            return [Problem(at, what, "write to {{ scratch }}.x here, and to your table in phase: publish")]
    return []


def _word(tree: exp.Expr) -> str:
    return tree.name.upper() if isinstance(tree, exp.Command) else tree.key.upper()


def _targets(tree: exp.Expr) -> list[exp.Table]:
    """The tables that a statement changes, within CTEs and by SELECT INTO too."""
    found = (node.find(exp.Table) for node in tree.find_all(*CHANGES, exp.Into))
    return [table for table in found if table is not None]


def _publish_problems(tree: exp.Expr, at: Place, playbook: Playbook) -> list[Problem]:
    if not isinstance(tree, (exp.Query, *WRITES)) or tree.find(exp.Into):
        word = "SELECT INTO" if tree.find(exp.Into) else _word(tree)
        return [Problem(at, f"{word} cannot run in the publish transaction", "INSERT, UPDATE, DELETE and MERGE can")]
    owned = {one.table for one in playbook.owned}
    for target in _targets(tree):
        if name_of(target) in owned:
            return [Problem(at, f"{name_of(target)} belongs to a model", "only its own SELECT fills it")]
        if (name_of(target).schema or "") == playbook.state_schema.lower():
            hint = "runner rewind makes batches pending again; no SQL of a playbook writes there"
            return [Problem(at, f"{name_of(target)} is the runner's own state", hint)]
    return []


def _in_scratch(table: exp.Table) -> bool:
    name: TableName = name_of(table)
    return CHECK_SCRATCH in name.parts[:-1]
