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
from sqlglot.tokenizer_core import TokenType

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
        trees = [_named(tree, dialect) for tree in sqlglot.parse(text, read=dialect) if tree is not None]
    except SqlglotError as error:
        raise BadInput(_syntax(error, text, place, lines)) from None
    except RecursionError:
        raise BadInput(Problem(Place(place.path, 1), DEEP, DEEP_HINT)) from None
    trees = [tree for tree in trees if not isinstance(tree, exp.Semicolon)]
    if len(trees) != len(lines):
        raise BadInput(_unclear(lines, place, f"{len(lines)} for {dialect}, {len(trees)} for the parser"))
    return list(zip(trees, lines, strict=True))


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
        trees = sqlglot.parse(text, read=dialect)
    except RecursionError:
        raise ParseError("it is nested too deeply") from None
    except SqlglotError as error:
        raise ParseError(str(error).splitlines()[0]) from None
    if len(trees) != 1 or trees[0] is None:
        raise ParseError("it must be one expression")
    return trees[0]
