"""Which functions a text calls, by name: which of them are the user's own only the catalogue tells."""

from __future__ import annotations

from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from runner.names import TableName
from runner.sql.meaning import STRINGS
from runner.sql.select import Call

# Words before a parenthesis that call nothing: those among them that name functions too (`replace`, `left`) are left in.
NO_CALLS = frozenset(
    "all and any array as between by case cross cube distinct else end except exclude exists filter from full group "
    "having ilike in inner interval intersect into is join lateral like limit materialized not offset on or order "
    "outer over partition pivot qualify recursive returning rollup row rows select set sets "
    "some tablesample then union unpivot using values when where window with within".split()
)


def calls(text: str, tree: exp.Expr, dialect: str) -> tuple[Call, ...]:
    """Every call, each name once, with the line of the first; names are folded as the engine does."""
    tables = {id(table.this) for table in tree.find_all(exp.Table) if isinstance(table.this, exp.Func)}
    in_from = {_written(node) for node in tree.find_all(exp.Func) if id(node) in tables}
    found: dict[TableName, Call] = {}
    for name, line in _named(text, dialect):
        found.setdefault(name, Call(name, line, name.table in in_from))
    return tuple(found.values())


def _written(node: exp.Func) -> str:
    return str(node.this).strip('"').lower() if isinstance(node, exp.Anonymous) else node.sql_name().lower()


def _named(text: str, dialect: str) -> Iterator[tuple[TableName, int]]:
    """Words that a parenthesis follows, with what qualifies them."""
    tokens: list[Token] = sqlglot.tokenize(text, read=dialect)
    for at, token in enumerate(tokens[:-1]):
        if tokens[at + 1].token_type is not TokenType.L_PAREN or not _is_name(token):
            continue
        parts = [_folded(token)]
        before = at
        while before >= 2 and tokens[before - 1].token_type is TokenType.DOT and _is_name(tokens[before - 2]):
            before -= 2
            parts.insert(0, _folded(tokens[before]))
        yield TableName(tuple(parts[-3:])), token.line


def _is_name(token: Token) -> bool:
    quoted = token.token_type is TokenType.IDENTIFIER
    plain = token.token_type not in STRINGS and token.text.isidentifier() and token.text.lower() not in NO_CALLS
    return quoted or plain


def _folded(token: Token) -> str:
    return token.text if token.token_type is TokenType.IDENTIFIER else token.text.lower()
