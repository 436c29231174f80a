"""Names and expressions in one spelling, so that two that mean the same can be compared: case, quotes, layout."""

from __future__ import annotations

import hashlib

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError
from sqlglot.tokenizer_core import Token, TokenType

from runner.names import TableName
from runner.sql.parser import expression, quoted_name

_QUOTED = {
    TokenType.IDENTIFIER,
    TokenType.STRING,
    TokenType.NATIONAL_STRING,
    TokenType.RAW_STRING,
    TokenType.HEREDOC_STRING,
}
_QUOTED |= {TokenType.UNICODE_STRING, TokenType.BYTE_STRING, TokenType.HEX_STRING, TokenType.BIT_STRING}


def fold(identifier: exp.Identifier) -> str:
    """The identifier's name as compared: unquoted ones in lower case, quoted ones as the engine has them."""
    return quoted_name(identifier) if identifier.args.get("quoted") else str(identifier.this).lower()


def name_of(table: exp.Table) -> TableName:
    """The name of a table in a parsed query; unquoted parts are folded to lower case."""
    return TableName(tuple(fold(part) if isinstance(part, exp.Identifier) else part.sql() for part in table.parts))


def normalise(text: str, dialect: str, table: TableName) -> str:
    """A SQL expression over a row of `table` in one spelling, for comparison: unquoted names in lower case.

    Columns lose the table's name, if that is what stands before them: `payload.user_id` is a field of column payload.
    Raises ParseError.
    """
    tree = expression(text, dialect)
    for column in tree.find_all(exp.Column):
        before = tuple(fold(part) for part in column.parts[:-1] if isinstance(part, exp.Identifier))
        if before and before == table.parts[-len(before) :]:
            for name in ("table", "db", "catalog"):
                column.set(name, None)
    for identifier in tree.find_all(exp.Identifier):
        if not identifier.args.get("quoted"):
            identifier.set("this", str(identifier.this).lower())
    try:
        return tree.sql(dialect=dialect, comments=False)
    except RecursionError:
        raise ParseError("it is nested too deeply") from None


def columns_in(text: str, dialect: str) -> frozenset[str]:
    """The names of the columns in an expression, in lower case."""
    tree = expression(text, dialect)
    return frozenset(column.parts[0].name.lower() for column in tree.find_all(exp.Column))


def digest(text: str, dialect: str) -> str:
    """A hash of the text's tokens: comments, layout and the case of unquoted words do not count."""
    tokens: list[Token] = sqlglot.tokenize(text, read=dialect)
    parts = [
        t.text if t.token_type in _QUOTED else t.text.lower() for t in tokens if t.token_type != TokenType.SEMICOLON
    ]
    kinds = [
        t.token_type.name if t.token_type in _QUOTED else "" for t in tokens if t.token_type != TokenType.SEMICOLON
    ]
    joined = "\x1f".join(kind + part for kind, part in zip(kinds, parts, strict=True))
    return hashlib.sha256(joined.encode()).hexdigest()
