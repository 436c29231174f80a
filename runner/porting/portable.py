"""What an engine would refuse, or an emulator in its place would take, is said before a run: functions and limits.

Redshift and Snowflake are rarely at hand when a model is written. So what they document is kept here as data: the
functions that they have (functions.py) and what their SQL has not (redshift.py,
snowflake.py), each with its page. DuckDB and Postgres answer for themselves; their functions are checked only
where the runner, not the user, wrote the SQL (transpile.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from runner.errors import Place, Problem, show
from runner.playbook.values import Phase
from runner.porting.functions import FUNCTIONS, INSTEAD
from runner.porting.redshift import RULES as REDSHIFT_RULES
from runner.porting.rules import Rule
from runner.porting.snowflake import RULES as SNOWFLAKE_RULES

CHECKED = frozenset({"redshift", "snowflake"})  # of the others, the engine itself is asked
TITLES = {"duckdb": "DuckDB", "postgres": "Postgres", "redshift": "Redshift", "snowflake": "Snowflake"}
RULES: dict[str, tuple[Rule, ...]] = {"redshift": REDSHIFT_RULES, "snowflake": SNOWFLAKE_RULES}

# Words before a parenthesis that call nothing; the names of tables, columns and CTEs are known from the tree.
_NO_CALL = """
    all and any as between by case check columns cube default distinct else end except exists filter from group grouping
    having ilike in intersect interval is join key lateral like limit materialized not offset on or order over partition
    pivot primary qualify range references returning rlike rollup rows sample select set sets similar some table then
    top union unique unpivot using values when where window with within
"""
_WORDS = frozenset(_NO_CALL.split())
_ARROWS = frozenset(
    {TokenType.ARROW, TokenType.DARROW, TokenType.HASH_ARROW, TokenType.DHASH_ARROW, TokenType.AT_GT, TokenType.LT_AT}
)
_JSON = {
    "redshift": "json_extract_path_text(x, 'a', 'b'), or x.a.b of a super",
    "snowflake": "x:a.b::varchar of a variant; parse_json(x) makes one",
}


@dataclass(frozen=True)
class Call:
    """A function as the text calls it; `qualified`: with a schema before it."""

    name: str
    line: int
    qualified: bool


def check_select(
    text: str, tree: exp.Expr, engine: str, place: Place, known: frozenset[str] = frozenset()
) -> list[Problem]:
    """What of a model's SELECT the engine does not have. `known` are functions of the user's own."""
    if engine not in CHECKED:
        return []
    return [*unlisted(text, [tree], engine, place, known), *limits(text, [tree], engine, place)]


def check_script(
    text: str, trees: Sequence[exp.Expr], engine: str, phase: Phase, place: Place, known: frozenset[str] = frozenset()
) -> list[Problem]:
    """The same for the statements of a script, in the phases that share the run's snapshot or its transaction."""
    if engine not in CHECKED or phase in (Phase.SETUP, Phase.AFTER):
        return []
    return [*unlisted(text, trees, engine, place, known), *limits(text, trees, engine, place)]


def check_expression(text: str, engine: str, place: Place, known: frozenset[str] = frozenset()) -> list[Problem]:
    """The same for a fragment of the playbook, whose own place stands for its lines."""
    if engine not in CHECKED:
        return []
    try:
        tree = sqlglot.parse_one(text, read=engine)
    except (SqlglotError, RecursionError, LookupError):  # reported where expressions are read
        return []
    found = [*unlisted(text, [tree], engine, place, known), *limits(text, [tree], engine, place)]
    return [Problem(place, problem.what, problem.hint) for problem in found]


def unlisted(
    text: str, trees: Sequence[exp.Expr], engine: str, place: Place, known: frozenset[str]
) -> Iterator[Problem]:
    """Calls of functions that the engine does not document; each function once, where it is first called."""
    seen: set[str] = set()
    allowed = FUNCTIONS[engine] | known
    for call in calls(text, trees, engine):
        if call.qualified or call.name in allowed or call.name in seen:
            continue
        seen.add(call.name)
        instead = INSTEAD.get(engine, {}).get(call.name)
        own = f"if it is a function of your own: functions: [{call.name}] at the top of the playbook"
        hint = f"write {instead}; {own}" if instead else f"write x.{engine}.sql beside the file with what it has; {own}"
        yield Problem(
            Place(place.path, call.line or place.line), f"{show(call.name)} is not a function of {TITLES[engine]}", hint
        )


def limits(text: str, trees: Sequence[exp.Expr], engine: str, place: Place) -> Iterator[Problem]:
    """What breaks a documented limit of the engine; each rule once, where it is first broken."""
    for rule in RULES.get(engine, ()):
        for tree in trees:
            broken = next(iter(rule.find(tree)), None)
            if broken is not None:
                at = Place(place.path, line_of(broken) or place.line)
                what = f"{TITLES[engine]}: {rule.what}: {_shown(broken, engine)}"
                yield Problem(at, what, f"write {rule.instead} ({rule.id}, {rule.source})")
                break
    if engine in _JSON:
        yield from _arrows(text, trees, engine, place)


def _arrows(text: str, trees: Iterable[exp.Expr], engine: str, place: Place) -> Iterator[Problem]:
    lambdas = sum(len(list(tree.find_all(exp.Lambda))) for tree in trees)
    for token in _tokens(text, engine):
        if token.token_type in _ARROWS:
            if token.token_type == TokenType.ARROW and lambdas:
                lambdas -= 1
                continue
            yield Problem(
                Place(place.path, token.line), f"{TITLES[engine]}: no {token.text} operator", f"write {_JSON[engine]}"
            )
            return


def _tokens(text: str, dialect: str) -> list[Token]:
    try:
        return list(sqlglot.tokenize(text, read=dialect))
    except SqlglotError:
        return []


def calls(text: str, trees: Iterable[exp.Expr], dialect: str) -> Iterator[Call]:
    """Every function that a text calls, under the name that stands there: the parser's own names differ from it."""
    parser = Dialect.get_or_raise(dialect).parser_class
    named = {
        identifier.meta.get("start")
        for tree in trees
        for identifier in tree.find_all(exp.Identifier)
        if not isinstance(identifier.parent, exp.Anonymous)
    }
    tokens: list[Token | None] = [None, *_tokens(text, dialect), None]
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if token is None or _is(token, TokenType.L_PAREN):
            continue
        dotted = _is(before, TokenType.DOT)
        if token.start in named and not dotted:
            continue
        if _is(after, TokenType.L_PAREN):
            if _can_call(token, before, parser):
                yield Call(token.text.lower(), token.line, dotted)
        elif token.token_type in parser.NO_PAREN_FUNCTIONS and not dotted:
            yield Call(token.text.lower(), token.line, qualified=False)


def _is(token: Token | None, *kinds: TokenType) -> bool:
    return token is not None and token.token_type in kinds


def _can_call(token: Token, before: Token | None, parser: type[sqlglot.Parser]) -> bool:
    """Whether a word before a parenthesis calls a function: no keyword, and no type with a length."""
    word = token.text.lower()
    if _is(token, TokenType.IDENTIFIER):
        return True
    if token.token_type not in parser.FUNC_TOKENS or word in _WORDS:
        return False
    if word in ("insert", "update"):  # of a MERGE; else Snowflake's insert(x, 1, 2, y)
        return not _is(before, TokenType.THEN)
    typed = token.token_type in parser.TYPE_TOKENS and not _is(token, TokenType.VAR)
    return not (typed and _is(before, TokenType.ALIAS, TokenType.DCOLON, TokenType.VAR, TokenType.IDENTIFIER))


def _shown(node: exp.Expr, dialect: str, width: int = 60) -> str:
    try:
        text = " ".join(node.sql(dialect=dialect, comments=False).split())
    except (SqlglotError, ValueError):
        text = node.key
    return show(text if len(text) <= width else text[: width - 1] + "…")


def line_of(node: exp.Expr) -> int:
    """The line of the first word of a node, or of the nearest node around it; 0 where the parser keeps none."""
    at: exp.Expr | None = node
    while at is not None:
        lines = [int(part.meta["line"]) for part in at.walk() if "line" in part.meta]
        if lines:
            return min(lines)
        at = at.parent
    return 0
