"""A model's text → `Select`: which tables it reads and where in the text, and what it gives.

The SELECT is never regenerated: references are found by parsing, and replaced at their offsets (select.splice), so that
the user's text, comments and line numbers stay.
"""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope
from sqlglot.tokenizer_core import Token, TokenType

from runner.errors import BadInput, Place, Problem, show
from runner.names import TableName
from runner.sql.meaning import members, reads_all, words
from runner.sql.parser import statements
from runner.sql.select import Qualifier, Reference, Select
from runner.sql.spelling import digest, fold, name_of

READS_FILES = re.compile(
    r"^(read_|parquet_scan|csv_scan|sniff_csv|glob$|query(_table)?$|delta_scan|iceberg_scan|postgres_|sqlite_)",
    re.IGNORECASE,
)


def parse_select(text: str, dialect: str, place: Place) -> tuple[Select, exp.Query]:
    """Parse one model's rendered text. Raises BadInput with file:line for anything but one plain SELECT."""
    tree = _one_query(text, dialect, place)
    text = _without_end(text, dialect)
    references = tuple(_references(tree, text, place))
    tokens: list[Token] = sqlglot.tokenize(text, read=dialect)
    select = Select(
        place=place,
        text=text,
        dialect=dialect,
        references=references,
        qualifiers=tuple(_qualifiers(tree, references)),
        words=words(tree, tokens),
        members=members(tree, tokens),
        star=reads_all(tree, text),
        outputs=_outputs(tree),
        digest=digest(text, dialect),
    )
    return select, tree


def items_of(select: exp.Expr) -> list[exp.Expr]:
    """What a block names in its own FROM and joins, in order."""
    clauses = [select.args.get("from_"), *(select.args.get("joins") or ())]
    return [clause.this for clause in clauses if clause is not None]


def _outputs(tree: exp.Query) -> tuple[str, ...]:
    """The names of the output columns, unquoted ones in lower case; () where the text does not tell."""
    if any(part.is_star or part.find(exp.Columns) or _cut_star(part) for part in tree.selects):
        return ()
    named = [part.args.get("alias") or part.this for part in tree.selects if isinstance(part, exp.Alias | exp.Column)]
    quoted = {
        str(name.this): fold(name) for name in named if isinstance(name, exp.Identifier) and name.args.get("quoted")
    }
    return tuple(quoted.get(name, name.lower()) for name in tree.named_selects)


def _cut_star(part: exp.Expr) -> bool:
    """A star of some names only: `* like 'k%'`."""
    return isinstance(part, exp.Binary) and isinstance(part.this, exp.Star)


def _without_end(text: str, dialect: str) -> str:
    """The text before its final semicolon: what comes after it is comments, and it may be put in parentheses."""
    tokens: list[Token] = sqlglot.tokenize(text, read=dialect)
    return next((text[: token.start] for token in tokens if token.token_type == TokenType.SEMICOLON), text)


def _one_query(text: str, dialect: str, place: Place) -> exp.Query:
    found = statements(text, dialect, place)
    if not found:
        raise BadInput(Problem(place, "the file holds no SQL", "a model is one SELECT"))
    if len(found) > 1:
        at = Place(place.path, found[1][1])
        raise BadInput(Problem(at, f"{len(found)} statements, a model is one SELECT", "use `queries:` for scripts"))
    tree, line = found[0]
    if not isinstance(tree, exp.Query):
        what = tree.key.upper() if not isinstance(tree, exp.Command) else str(tree.this).upper()
        hint = "the runner creates and fills the table; use `queries:` for scripts"
        raise BadInput(Problem(Place(place.path, line), f"a model is one SELECT, not {what}", hint))
    if write := tree.find(*WRITES):
        what = f"a model only reads, and there is {write.key.upper()} in it"
        raise BadInput(Problem(Place(place.path, line), what, "the runner creates and fills the table"))
    if about := tree.find(exp.Describe, exp.Summarize):
        what, hint = f"{about.key.upper()} is about a table, not about its rows", "read the rows: from schema.table"
        raise BadInput(Problem(Place(place.path, line), what, hint))
    return tree


WRITES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Into)


def _references(tree: exp.Query, text: str, place: Place) -> list[Reference]:
    """Every real table that the query reads: CTE names are not among them, wherever they are shadowed."""
    real: dict[int, exp.Table] = {}
    for scope in traverse_scope(tree):
        for source in scope.sources.values():
            if isinstance(source, exp.Table):
                real[id(source)] = source
        for table in scope.tables:
            if not isinstance(scope.sources.get(table.alias_or_name), exp.Table) and table.db:
                real[id(table)] = table
    found: list[Reference] = []
    for table in real.values():
        if not isinstance(table.this, exp.Identifier):
            _refuse_function(table, place)
            continue
        first, last = table.parts[0].meta, table.parts[-1].meta
        if text[first.get("start", 0) :][:1] == "'":
            hint = "declare it as a source with files:, or load it into a table and declare that as a look-up"
            what = f"{show(table.name)} is a file, and reads data that the runner cannot track"
            raise BadInput(Problem(Place(place.path, first.get("line", 0)), what, hint))
        alias = table.args.get("alias")
        if "start" not in first or "end" not in last:
            hint = "write the table's name out: schema.table"
            raise BadInput(Problem(place, f"cannot tell where {table.sql()} stands in the text", hint))
        found.append(
            Reference(
                name_of(table),
                first["start"],
                last["end"] + 1,
                first["line"],
                alias=table.alias,
                positional=bool(alias and alias.args.get("columns")),
            )
        )
    return sorted(found, key=lambda reference: reference.start)


def _refuse_function(table: exp.Table, place: Place) -> None:
    called = (
        table.this.name
        if isinstance(table.this, exp.Anonymous)
        else table.this.sql_name()
        if isinstance(table.this, exp.Func)
        else ""
    )
    if READS_FILES.match(called):
        hint = "declare it as a source with files:, or load it into a table and declare that as a look-up"
        raise BadInput(Problem(place, f"{called}() reads data that the runner cannot track", hint))


def _qualifiers(tree: exp.Query, references: tuple[Reference, ...]) -> list[Qualifier]:
    """`atomic.` in `atomic.events.event_id`, and in `atomic.events` for the row; not where it is an alias."""
    tables = {reference.table for reference in references}
    aliases = {reference.alias.lower() for reference in references}
    found = []
    for column in tree.find_all(exp.Column):
        parts = [part for part in column.parts if isinstance(part, exp.Identifier)]
        if not parts or fold(parts[0]) in aliases or any("start" not in part.meta for part in parts):
            continue
        for length in range(2, len(parts) + 1):
            if TableName(tuple(map(fold, parts[:length]))) in tables:
                found.append(Qualifier(parts[0].meta["start"], parts[length - 1].meta["start"]))
    return found
