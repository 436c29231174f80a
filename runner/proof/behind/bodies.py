"""What the text of a user's function says of it: whether it gives the same answer every time, and what it reads.

Answered as sql/volatile.py does: None, or the reason and what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from sqlglot import exp

from runner.errors import BadInput, Place
from runner.names import TableName
from runner.sql import parser
from runner.sql.references import READS_FILES
from runner.sql.spelling import name_of
from runner.sql.volatile import Answer, volatile
from runner.warehouse.values import FunctionKind, UserFunction

SIGNATURE = re.compile(r"^/\*.*?\*/\s*", re.DOTALL)  # what the catalogue's arguments were put in
STANDARD = re.compile(
    r"\b(?:return\s+(?P<value>.*)|begin\s+atomic\s+(?P<block>.*)\bend\s*)$", re.IGNORECASE | re.DOTALL
)
WRITE_IT_OUT = "write what it does into the SELECT"


def answer(function: UserFunction, dialect: str, static: Collection[TableName], *, keyed: bool) -> Answer:
    """Why a model may not call it. `static` are look-ups whose changes need not reach old rows."""
    name = f"{function.name}()" if function.is_called else function.name
    if function.kind in (FunctionKind.FOREIGN, FunctionKind.EXTENSION) or function.volatility == "volatile":
        return _declared(function, name)
    try:
        trees = list(_trees(function, dialect))
    except BadInput:
        return f"{name}, a function of your own, has a text that cannot be read", WRITE_IT_OUT
    for tree in trees:
        for node in tree.walk():
            if found := volatile(node, dialect):
                return f"{name}, a function of your own: {found[0]}", found[1]
        if read := [table for table in _tables(tree) if table not in static]:
            what = f"{name}, a function of your own, reads {read[0]}, whose changes are not tracked there"
            return what, f"join {read[0]} in the SELECT"
        if keyed and function.kind is FunctionKind.MACRO and (found := _of_rows(tree, name)):
            return found
    return None


def _declared(function: UserFunction, name: str) -> Answer:
    """What its author says of it."""
    if function.volatility == "volatile":
        what = f"{name}, a function of your own, is volatile: it may give another answer on every run"
        return what, f"if it never does: alter function {_altered(function)} … immutable"
    if function.volatility == "stable" and function.kind is FunctionKind.FOREIGN:
        what = f"{name}, a function of your own, is stable: it may read tables, whose changes are not tracked there"
        return what, f"join them in the SELECT, or if it reads none: alter function {_altered(function)} … immutable"
    return None


def _altered(function: UserFunction) -> str:
    return function.name if function.is_called else f"of the {function.name}"


def _trees(function: UserFunction, dialect: str) -> Iterator[exp.Expr]:
    text = SIGNATURE.sub("", function.body).strip()
    if (
        function.kind is FunctionKind.SQL
        and (standard := STANDARD.search(text))
        and not text.lower().startswith("select")
    ):
        text = standard["block"] or f"select {standard['value']}"
    if not re.match(r"(?i)\(*\s*(select|with|values|from)\b", text):
        text = f"select {text}"
    for tree, _ in parser.statements(text, dialect, Place()):
        yield tree


def _tables(tree: exp.Expr) -> list[TableName]:
    """The tables that a text reads; files are among them, by the function that reads them."""
    named = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    found = []
    for table in tree.find_all(exp.Table):
        if isinstance(table.this, exp.Func):
            called = table.this.name if isinstance(table.this, exp.Anonymous) else table.this.sql_name()
            if READS_FILES.match(called):
                found.append(TableName((called.lower(),)))
        elif name_of(table).parts[-1] not in named or table.db:
            found.append(name_of(table))
    return found


def _of_rows(tree: exp.Expr, name: str) -> Answer:
    """An aggregate or window that stands where the macro is called: the rule about keys would not see it."""
    outer = tree.find(exp.Select)
    for node in tree.find_all(exp.Window, exp.AggFunc):
        if node.find_ancestor(exp.Select) is outer and not tree.args.get("from_"):
            kind = "a window function" if isinstance(node, exp.Window) else "an aggregate"
            return (
                f"{name}, a macro of your own, is {kind}",
                WRITE_IT_OUT + ", so that its rows can be told from those of other keys",
            )
    return None
