"""SQL texts → sqlglot's trees, with every way of failing told as a place, a reason and a hint.

Nothing else in the runner calls the parser on a text that a user wrote. A text is scanned first (scan.py): what is
too large, nested too deeply or never closed is refused before the parser spends seconds on it; and what the parser takes
for another number of statements than the scanner does is refused too.
"""

from __future__ import annotations

import logging
import re
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from runner.errors import BadInput, Place, Problem
from runner.names import turned
from runner.sql.scan import Scan, scan

MAX_CHARS = 300_000  # it takes the parser seconds
DEEP = "the SQL is nested too deeply to be read"
DEEP_HINT = "take a part out: with name as (select …)"

# Its warnings show the SQL, which may hold a secret; what it could not read is reported by us.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)


def scanned(text: str, place: Place, *, brackets: bool = False) -> Scan:
    """The scan of a text that can be sent. Raises BadInput."""
    found = scan(text, brackets=brackets)
    if found.flaw:
        raise BadInput(Problem(Place(place.path, found.flaw.line), found.flaw.what, found.flaw.hint))
    return found


def statements(text: str, dialect: str, place: Place) -> list[tuple[exp.Expr, int]]:
    """The statements of a text, each with the line on which it begins. Raises BadInput with file:line."""
    if len(text) > MAX_CHARS:
        what = f"{len(text):,} characters of SQL, more than {MAX_CHARS:,} are not read"
        raise BadInput(Problem(place, what, "load data by COPY, or in phase: setup; split a large model in two"))
    lines = scanned(text, place, brackets=True).statements
    try:
        trees = [_named(tree, dialect) for tree in _parsed(text, dialect) if tree is not None]
    except SqlglotError as error:
        raise BadInput(_syntax(error, text, place, lines)) from None
    except RecursionError:
        raise BadInput(Problem(Place(place.path, 1), DEEP, DEEP_HINT)) from None
    trees = [tree for tree in trees if not isinstance(tree, exp.Semicolon)]
    if len(trees) != len(lines):
        raise BadInput(_unclear(lines, place, f"{len(lines)} for {dialect}, {len(trees)} for the parser"))
    return list(zip(trees, lines, strict=True))


def _parsed(text: str, dialect: str) -> list[exp.Expr | None]:
    """The parser's trees. A column called map is none of its functions: it is read as if it stood in quotes."""
    try:
        trees = sqlglot.parse(text, read=dialect)
    except ParseError:
        tokens = sqlglot.tokenize(text, read=dialect)
        named = [_unless_called(token, after) for token, after in zip(tokens, [*tokens[1:], None], strict=True)]
        if all(one is other for one, other in zip(tokens, named, strict=True)):
            raise
        trees = sqlglot.Dialect.get_or_raise(dialect).parser().parse(named, text)
    _mark_units(trees, text)
    return trees


def _unless_called(token: Token, after: Token | None) -> Token:
    if token.token_type != TokenType.MAP or (after and after.token_type in {TokenType.L_PAREN, TokenType.L_BRACE}):
        return token
    return Token(TokenType.IDENTIFIER, token.text, token.line, token.col, token.start, token.end, token.comments)


BARE_UNIT = "runner_bare"  # in the meta of a unit that stands without quotes: a column, where units are values
_BARE_UNIT = re.compile(r"(?:trunc|part|diff|add|sub)\s*\(\s*([a-z_]+)\s*,", re.IGNORECASE)


def _mark_units(trees: list[exp.Expr | None], text: str) -> None:
    """Note which units are written as names, as in date_trunc(day, t): the parser has the same tree for 'day'."""
    bare = {word.lower() for word in _BARE_UNIT.findall(text)}
    for unit in (unit for tree in trees if bare and tree is not None for unit in tree.find_all(exp.Var)):
        if unit.name.lower() in bare:
            unit.meta[BARE_UNIT] = True


CORE = "runner_name"  # in an identifier's meta: the name as the core has it


def _named(tree: exp.Expr, dialect: str) -> exp.Expr:
    """Note what quoted names mean where quotes do not just keep them as they are."""
    how = {"snowflake": turned, "redshift": str.lower}.get(dialect)
    if how:
        for identifier in tree.find_all(exp.Identifier):
            if identifier.args.get("quoted"):
                identifier.meta[CORE] = how(str(identifier.this))
    return tree


def quoted_name(identifier: exp.Identifier) -> str:
    """A quoted identifier's name, as the core has it: Snowflake's "EVENTS" is events, Redshift's "Events" too."""
    return str(identifier.meta.get(CORE, identifier.this))


def split(text: str, dialect: str, place: Place) -> list[str]:
    """The statements of a script one by one, for drivers that take one at a time. Raises BadInput with file:line."""
    lines = scanned(text, place).statements
    try:
        tokens = sqlglot.tokenize(text, read=dialect)
    except SqlglotError as error:
        raise BadInput(_syntax(error, text, place, lines)) from None
    found, start, fresh = [], 0, False
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            found += [text[start : token.start].strip()] if fresh else []
            start, fresh = token.end + 1, False
        else:
            fresh = True
    found += [text[start:].strip()] if fresh else []
    if len(found) != len(lines):
        raise BadInput(_unclear(lines, place, f"{len(lines)} or {len(found)}"))
    return found


def _unclear(lines: tuple[int, ...], place: Place, counts: str) -> Problem:
    what, hint = f"cannot tell where its statements end: {counts}", "write strings as '…', '' for a quote"
    return Problem(Place(place.path, lines[0] if lines else 1), what, hint)


_OPENED = re.compile(r" from \d+:(\d+)$")  # how the tokenizer says where a string begins that is never closed


def _syntax(error: SqlglotError, text: str, place: Place, lines: tuple[int, ...]) -> Problem:
    details: list[dict[str, Any]] = getattr(error, "errors", [])
    hint = "runner render shows the text with its variables filled in"
    if not details:
        said = next(iter(str(error.__cause__ or error).splitlines()), type(error).__name__)[:100]
        line = lines[0] if lines else 1
        if opened := _OPENED.search(said):
            said, line = said[: opened.start()], text.count("\n", 0, int(opened[1])) + 1
        return Problem(Place(place.path, line), f"cannot be read as SQL: {said}", hint)
    first = details[0]
    line, column = int(first.get("line") or 0), int(first.get("col") or 0)
    shown = str(first.get("highlight") or "").strip()
    what = str(first.get("description") or "cannot be read as SQL").rstrip(".").lower()
    near = f" near {shown[:60]!r}" if shown else ""
    return Problem(Place(place.path, line or (lines[0] if lines else 1), column), f"SQL syntax: {what}{near}", hint)


def expression(text: str, dialect: str) -> exp.Expr:
    """One expression, without comments. Raises ParseError, whose text is one line."""
    found = scan(text[: MAX_CHARS + 1], brackets=True)
    if found.flaw:
        raise ParseError(found.flaw.what)
    if found.comments or len(found.statements) != 1 or ";" in text.strip()[-1:]:
        raise ParseError("it must be one expression, without comments and semicolons")
    if len(text) > MAX_CHARS:
        raise ParseError(f"it has more than {MAX_CHARS:,} characters")
    try:
        trees = _parsed(text, dialect)
    except RecursionError:
        raise ParseError("it is nested too deeply") from None
    except SqlglotError as error:
        raise ParseError(str(error).splitlines()[0]) from None
    if len(trees) != 1 or trees[0] is None:
        raise ParseError("it must be one expression")
    return trees[0]
