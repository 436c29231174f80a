"""Which columns of its inputs a SELECT can mean: inputs are cut to these, and no word may mean something else then.

Words are taken from the tokens, not from the tree: `session_user`, the unit in `date_trunc(unit, t)` and their like are
columns where there is a column of that name, whatever the parser takes them for. What means columns that no word names
(`*`, `#1`, PIVOT, a whole row) asks for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

STRINGS = frozenset(
    {
        TokenType.STRING,
        TokenType.NATIONAL_STRING,
        TokenType.RAW_STRING,
        TokenType.HEREDOC_STRING,
        TokenType.UNICODE_STRING,
        TokenType.BYTE_STRING,
        TokenType.HEX_STRING,
        TokenType.BIT_STRING,
    }
)
UNNAMED = (exp.Columns, exp.Pivot, exp.PositionalColumn, exp.Parameter)
BY_SHAPE = ("NATURAL", "POSITIONAL")  # joins whose meaning hangs on the columns that are there
ESCAPED = re.compile(r'\bu&"', re.IGNORECASE)  # an identifier in which letters are written as numbers
NAMING = (exp.Table, exp.TableAlias, exp.Alias)  # where an alias is given or a table is named, and no row is meant


def words(tree: exp.Query, tokens: Sequence[Token]) -> frozenset[str]:
    """All words of a SELECT that are no strings, in lower case; names in quotes as they are, without the quotes."""
    found = {str(identifier.this).lower() for identifier in tree.find_all(exp.Identifier)}
    for token in tokens:
        if token.token_type == TokenType.IDENTIFIER:
            found.add(token.text.lower())
        elif token.token_type not in STRINGS:
            found.update(token.text.lower().split())  # GROUP BY is one token
    return frozenset(found)


def reads_all(tree: exp.Query, text: str) -> bool:
    """True if the SELECT means columns without naming them, whichever input they are of."""
    if tree.find(*UNNAMED) or ESCAPED.search(text):
        return True
    if any(join.method in BY_SHAPE for join in tree.find_all(exp.Join)):
        return True
    if any(not isinstance(star.parent, exp.Count) for star in tree.find_all(exp.Star)):
        return True
    return any(isinstance(a.parent, exp.Subquery) and not _is_query(a.parent) for a in tree.find_all(exp.TableAlias))


def _is_query(nested: exp.Subquery) -> bool:
    """False for a join in parentheses: `(a join b using (k)) as j(x, y)` renames columns by their position."""
    return isinstance(nested.this, exp.Query) and not isinstance(nested.this, exp.Table)


def members(tree: exp.Query, tokens: Sequence[Token]) -> frozenset[tuple[str, str]]:
    """(alias, name) of every `alias.name`; the name is '' where the alias stands for its whole row.

    That is `select t`, `row_to_json(t)` and `t.to_json()`. What is called as an alias is counted as its row.
    """
    aliases = {table.alias_or_name.lower() for table in tree.find_all(exp.Table)}
    naming = {i.meta.get("start") for i in tree.find_all(exp.Identifier) if isinstance(i.parent, NAMING)}
    kinds = [token.token_type for token in tokens] + [TokenType.SEMICOLON] * 3
    found = set()
    for at, token in enumerate(tokens):
        name = token.text.lower()
        if name not in aliases or token.token_type in STRINGS or token.start in naming:
            continue
        is_member = kinds[at + 1] == TokenType.DOT and kinds[at + 3] != TokenType.L_PAREN
        found.add((name, tokens[at + 2].text.lower() if is_member and at + 2 < len(tokens) else ""))
    return frozenset(found)
