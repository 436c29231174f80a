"""SQL in one engine's dialect → the same in another's, only where every part is known to mean the same there.

sqlglot rewrites what it knows and passes on what it does not, without complaint: `concat(a, b)` loses its way with
nulls, `log(x)` becomes `ln(x)`, `interval (n) day` loses its n. So nothing is taken on trust: every node of the SELECT
must be on the list of what ports (parts.py), in the form that it lists, and what comes out must stand the
target's own list of functions and limits (portable.py). Anything else is refused with its line, and with the way out:
`x.<engine>.sql` beside the file, taken as it is.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from runner.errors import BadInput, Place, Problem, show
from runner.porting import portable
from runner.porting.forms import Pair
from runner.porting.parts import Objection, objections
from runner.porting.portable import TITLES, line_of
from runner.sql import parser
from runner.warehouse.engines import ENGINES


def transpile(text: str, read: str, write: str, place: Place, known: frozenset[str] = frozenset()) -> str:
    """One SELECT, rendered, in the other dialect. Raises BadInput with all that does not port, by the text's lines."""
    if read == write:
        return text
    check_dialects(read, write, place)
    trees = [tree for tree, _ in parser.statements(text, read, place)]
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        return text  # whoever reads it next says what it must be
    tree = trees[0]
    _refuse(tree, Pair(read, write), known, place, lambda node: Place(place.path, line_of(node)))
    made = _generated(tree, write, place, pretty=True)
    _check_result(made, tree, Pair(read, write), place, known)
    return made


def transpile_expression(text: str, read: str, write: str, place: Place, known: frozenset[str] = frozenset()) -> str:
    """The same for a fragment of the playbook: a key, a batch, a check. A plain column stays as it is."""
    if read == write or text.isidentifier():
        return text
    check_dialects(read, write, place)
    try:
        tree = parser.expression(text, read)
    except SqlglotError:
        return text  # reported where expressions are read
    _refuse(tree, Pair(read, write), known, place, lambda node: place)
    made = _generated(tree, write, place, pretty=False)
    _check_result(made, tree, Pair(read, write), place, known)
    return made


def own_file(engine: str) -> str:
    """The way out of everything that does not port."""
    return f"write x.{engine}.sql beside the file, which is taken as it is"


def check_dialects(read: str, write: str, place: Place) -> None:
    """Raise BadInput unless it is known how the two dialects differ."""
    if read != write and not {read, write} <= set(ENGINES):
        what = f"SQL is not transpiled from {read} to {write}: only between {', '.join(ENGINES)}"
        raise BadInput(Problem(place, what, f"write x.{write}.sql beside the files, and leave dialect: out"))


def _refuse(tree: exp.Expr, pair: Pair, known: frozenset[str], place: Place, at: Callable[[exp.Expr], Place]) -> None:
    """Raise all objections to the tree; one of a kind and line is enough."""
    problems: dict[tuple[Place, str], Problem] = {}
    for objection in objections(tree, pair, known):
        problem = _problem(objection, pair, at(objection.node) if line_of(objection.node) else place)
        problems.setdefault((problem.place, problem.what), problem)
    if problems:
        raise BadInput(tuple(problems.values()))


def _problem(objection: Objection, pair: Pair, place: Place) -> Problem:
    shown = _shown(objection.node, pair.read)
    what = f"{show(shown)} {objection.why}, so it is not transpiled from {pair.read} to {pair.write}"
    hint = f"write {objection.instead}; or {own_file(pair.write)}" if objection.instead else own_file(pair.write)
    return Problem(place, what, hint)


def _shown(node: exp.Expr, dialect: str, width: int = 80) -> str:
    try:
        text = " ".join(node.sql(dialect=dialect, comments=False).split())
    except (SqlglotError, RecursionError):
        text = node.key
    return text if len(text) <= width else text[: width - 1] + "…"


def _generated(tree: exp.Expr, write: str, place: Place, *, pretty: bool) -> str:
    copy = tree.copy()
    if write == "snowflake":  # its TIMESTAMP is whatever the account's TIMESTAMP_TYPE_MAPPING says
        for kind in copy.find_all(exp.DataType):
            if kind.this in (exp.DataType.Type.TIMESTAMP, exp.DataType.Type.DATETIME):
                kind.set("this", exp.DataType.Type.TIMESTAMPNTZ)
    try:
        return copy.sql(
            dialect=write, comments=False, pretty=pretty, unsupported_level=ErrorLevel.RAISE, max_unsupported=9
        )
    except SqlglotError as error:
        said = str(error).splitlines()[0].rstrip(".").lower() if str(error) else "not supported"
        what = f"cannot be transpiled to {write}: {said}"
        raise BadInput(Problem(Place(place.path, place.line or 1), what, own_file(write))) from None


def _check_result(made: str, tree: exp.Expr, pair: Pair, place: Place, known: frozenset[str]) -> None:
    """What came out must be SQL of the target, by its own lists; reported by the line of the text it came from."""
    try:
        again = sqlglot.parse_one(made, read=pair.write)
    except (SqlglotError, RecursionError):
        what = f"was transpiled to {pair.write} as {show(_short(made))}, which cannot be read again"
        raise BadInput(Problem(Place(place.path, place.line or 1), what, own_file(pair.write))) from None
    problems = []
    for problem in _faults(made, again, pair.write, known):
        node, shown = _origin(tree, pair.write, problem, known)
        at = Place(place.path, place.line or line_of(node) or 1)
        what = f"{problem.what}, and sqlglot made of this: {show(_short(shown or made))}"
        problems.append(Problem(at, what, f"{problem.hint}; or {own_file(pair.write)}"))
    quoted = {name.name for name in tree.find_all(exp.Identifier) if name.args.get("quoted")}
    for name in again.find_all(exp.Identifier):
        if pair.touches("snowflake") and name.args.get("quoted") and name.name not in quoted:
            what = f"the name {show(name.name)} is a word of {TITLES[pair.write]}, and in quotes its case would count"
            problems.append(
                Problem(Place(place.path, place.line or 1), what, f"give it another name; or {own_file(pair.write)}")
            )
    if problems:
        raise BadInput(problems)


def _faults(made: str, tree: exp.Expr, write: str, known: frozenset[str]) -> list[Problem]:
    return [*portable.unlisted(made, [tree], write, Place(), known), *portable.limits(made, [tree], write, Place())]


def _origin(tree: exp.Expr, write: str, problem: Problem, known: frozenset[str]) -> tuple[exp.Expr, str]:
    """The smallest part of the original that, alone, comes out with the same fault; and what comes out."""
    found, shown = tree, ""
    while True:
        for part in found.iter_expressions():
            made = _alone(part, write)
            if made and any(one.hint == problem.hint for one in _faults(*made, write, known)):
                found, shown = part, made[0]
                break
        else:
            return found, shown


def _alone(part: exp.Expr, write: str) -> tuple[str, exp.Expr] | None:
    try:
        made = part.sql(dialect=write, comments=False)
        return made, sqlglot.parse_one(made, read=write)
    except (SqlglotError, RecursionError, ValueError):
        return None


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 100 else flat[:99] + "…"
