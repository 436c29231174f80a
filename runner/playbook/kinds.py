"""The kinds of value that a playbook is made of: names, SQL fragments, keys, merges."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from runner.errors import did_you_mean, show
from runner.files.schema import TEXT, Kind, Scope, Wrong, described, many, mapping
from runner.files.yaml import Mapping, Node
from runner.names import TableName
from runner.playbook.values import Expression, Fold, KeyColumn, MergeColumn, Query

# ---- names ----------------------------------------------------------------------------------------------------------

_WORD = r"[^\W\d][\w$]*"
_PART = rf'(?:{_WORD}|"(?:[^"]|"")+")'


def _visible(text: str) -> str:
    """`text`, if it is what it looks like: two names that look the same are the same."""
    if any(unicodedata.category(c) in ("Cf", "Cc", "Cs", "Zl", "Zp") for c in text):
        raise Wrong(f"holds an invisible character: {show(text)}", "type the name again")
    if not unicodedata.is_normalized("NFC", text):
        raise Wrong(f"is not in Unicode normal form C: {show(text)}", "type the name again (composed letters)")
    return text


def _named(pattern: str, must_be: str, hint: str) -> Kind[str]:
    """A text that is a name of this pattern."""

    def read(node: Node, scope: Scope) -> str:
        text = _visible(TEXT.read(node, scope))
        if not re.fullmatch(pattern, text):
            raise Wrong(f"must be {must_be}, not {described(node)}", hint)
        return text

    return Kind(read, "")


NAME = _named(
    "[A-Za-z][A-Za-z0-9_-]{0,39}",
    "a letter, then letters, digits, _ or -, at most 40 in all",
    "the name stands in the manifest and must not change once the playbook has run",
)
STEP_NAME = _named(r"\S(.{0,98}\S)?", "one line of at most 100 characters", "give the step a short name")
VARIABLE_NAME = _named("[A-Za-z_][A-Za-z0-9_]*", "a word, as templates use it", "use letters, digits and _")
COLUMN = _named(
    _WORD, "the name of a column", 'for an expression, name the column that the model gives it: {column: "expression"}'
)
FUNCTION = _named(_WORD, "the name of a function", "leave the schema out; with it, schema.name(…) needs no entry")
LOOKUP_COLUMN = _named(_WORD, "the name of a column of the look-up", "for several columns write [a, b]")
UNIQUE_COLUMN = _named(_WORD, "the name of a column of the model", "for several columns write [a, b]")


def _name_of(what: str, node: Node, scope: Scope) -> TableName:
    text = _visible(TEXT.read(node, scope))
    if not re.fullmatch(rf"{_PART}(?:\.{_PART}){{0,2}}", text):
        hint = "write schema.table; a part with other characters goes in double quotes: '\"my-db\".schema.table'"
        raise Wrong(f"must be the name of a {what}, not {described(node)}", hint)
    parts = re.findall(_PART, text)
    return TableName(tuple(p[1:-1].replace('""', '"') if p[0] == '"' else p.lower() for p in parts))


def _table(node: Node, scope: Scope) -> TableName:
    return _name_of("table", node, scope)


def _schema(node: Node, scope: Scope) -> str:
    name = _name_of("schema", node, scope)
    if len(name.parts) > 1:
        raise Wrong(f"must be the name of a schema, not {described(node)}", "write one name, without a dot")
    return name.table


TABLE = Kind(_table, TableName(()))
SCHEMA = Kind(_schema, "")

# The dialects that sqlglot reads; listed, since importing it would take longer than the rest of the loading.
# fmt: off
DIALECTS = (
    "athena", "bigquery", "clickhouse", "databricks", "doris", "dremio", "drill", "druid", "duckdb", "dune", "exasol",
    "fabric", "hive", "materialize", "mysql", "oracle", "postgres", "presto", "redshift", "risingwave",
    "snowflake", "spark", "spark2", "sqlite", "starrocks", "tableau", "teradata", "trino", "tsql",
)
# fmt: on


def _dialect(node: Node, scope: Scope) -> str:
    text = TEXT.read(node, scope)
    if text not in DIALECTS:
        hint = did_you_mean(text.lower(), DIALECTS)
        raise Wrong(f"must be a SQL dialect, not {described(node)}", hint)
    return text


DIALECT: Kind[str | None] = Kind(_dialect, None)

# ---- SQL fragments --------------------------------------------------------------------------------------------------

_PAIRS = {"(": ")", "[": "]", "{": "}"}
_COVER = "\0"


def surface(text: str) -> str:
    """`text` with all that stands in quotes or brackets covered, so that commas and words on the outside can be found.

    It has the length of `text`. Brackets that do not match, open quotes, comments and semicolons raise Wrong.
    """
    covered, closing, index = [], "", 0
    while index < len(text):
        char, end = text[index], index + 1
        if char in "'\"`":
            end = text.find(char, end) + 1
            if not end:
                raise Wrong(f"has a quote that is not closed: {show(text)}", _WHOLE)
            covered.append(_COVER * (end - index))
        elif char in _PAIRS:
            covered.append(_COVER if closing else char)
            closing += _PAIRS[char]
        elif char in ")]}":
            if not closing.endswith(char):
                raise Wrong(f"has a '{char}' too many: {show(text)}", _WHOLE)
            closing = closing[:-1]
            covered.append(_COVER if closing else char)
        elif text.startswith(("--", "/*", ";"), index):
            raise Wrong(f"holds a comment or a semicolon: {show(text)}", "write the bare expression")
        else:
            covered.append(_COVER if closing else char)
        index = end
    if closing:
        raise Wrong(f"has a bracket that is not closed: {show(text)}", _WHOLE)
    return "".join(covered)


_WHOLE = "quote the whole expression: \"…\" (YAML ends an unquoted one at ' #', and in { } and [ ] at a comma)"


def split_at(text: str, separator: str) -> list[str]:
    """The parts of `text` between the separators on its surface, stripped."""
    parts, start = [], 0
    for found in re.finditer(separator, surface(text)):
        parts.append(text[start : found.start()].strip())
        start = found.end()
    return [*parts, text[start:].strip()]


def _expression(node: Node, scope: Scope) -> Expression:
    text = TEXT.read(node, scope).strip()
    if "," in _surface_of(node, text):
        raise Wrong(f"must be one expression, not {described(node)}", f"write a list: [{text}]")
    return Expression(text, node.place)


def _surface_of(node: Node, text: str) -> str:
    """The surface of an expression; its problems show the text of the file, not of the environment."""
    try:
        return surface(text)
    except Wrong as wrong:
        raise Wrong(f"{wrong.what.partition(':')[0]}: {described(node)}", wrong.hint) from None


EXPRESSION = Kind(_expression, Expression(""))


def _query(node: Node, scope: Scope) -> Query:
    if isinstance(node, Mapping):
        raise Wrong("must be the path of a SQL file, not a mapping", "write only the path, below sql_root")
    text = TEXT.read(node, scope)
    if "\n" in text.strip() or re.match(r"\s*(select|with|insert|create|delete|update)\s", text, re.IGNORECASE):
        raise Wrong("must be the path of a SQL file, not SQL", "put the SQL into a file below sql_root")
    if "\\" in text:
        raise Wrong(f"must be a path with /, not {described(node)}", "write / between folders")
    if text.startswith(("/", "~")) or re.match(r"[A-Za-z]:|\w+://", text):
        raise Wrong(f"must be a path below sql_root, not {described(node)}", "write it relative to sql_root")
    if ".." in PurePosixPath(text).parts:
        hint = "'..' may not lead out of sql_root: set sql_root: to a folder that holds all SQL"
        raise Wrong(f"must be a path below sql_root, not {described(node)}", hint)
    return Query(text, None, node.place)


QUERY = Kind(_query, Query(""))


def _unrepeated(kind: Kind[tuple[str, ...]]) -> Kind[tuple[str, ...]]:
    """A list of columns, each named once."""

    def read(node: Node, scope: Scope) -> tuple[str, ...]:
        names = kind.read(node, scope)
        seen: set[str] = set()
        for name in names:
            if name and name.lower() in seen:
                raise Wrong(f"names {show(name)} twice", "keep one of the two")
            seen.add(name.lower())
        return names

    return Kind(read, ())


UNIQUE = _unrepeated(many(UNIQUE_COLUMN, or_one=True, empty=False))
_KEY_COLUMNS = _unrepeated(many(COLUMN, or_one=True, empty=False))
LOOKUP_KEY = _unrepeated(many(LOOKUP_COLUMN, or_one=True, empty=False))
_PER_INPUT = mapping(TABLE, EXPRESSION, "input table: expression", empty=False)


def _key_expression(node: Node, scope: Scope) -> KeyColumn:
    """What one output column of the key is over the inputs; its name is filled in by the mapping around it."""
    if not isinstance(node, Mapping):
        return KeyColumn("", EXPRESSION.read(node, scope))
    per_input = _PER_INPUT.read(node, scope)
    if len({table for table, _ in per_input}) < len(per_input):
        raise Wrong("names an input table twice", "names are compared without regard to case")
    return KeyColumn("", None, per_input)


_KEY_MAPPING = mapping(COLUMN, Kind(_key_expression, KeyColumn("")), "column: expression", empty=False)


def _key(node: Node, scope: Scope) -> tuple[KeyColumn, ...]:
    if not isinstance(node, Mapping):
        return tuple(map(KeyColumn, _KEY_COLUMNS.read(node, scope)))
    columns = tuple(KeyColumn(name, c.expression, c.per_input) for name, c in _KEY_MAPPING.read(node, scope))
    if len({column.name.lower() for column in columns}) < len(columns):
        raise Wrong("names a column twice", "names are compared without regard to case")
    return columns


KEY: Kind[tuple[KeyColumn, ...]] = Kind(_key, ())

_MERGES = "write min, max, first(x by a, b) or last(x by a, b)"


def _fold(node: Node, scope: Scope) -> MergeColumn:
    text = TEXT.read(node, scope).strip()
    outside = _surface_of(node, text)
    call = re.fullmatch(rf"(\w+)\s*(?:\(({_COVER}*)\))?", outside)
    word = call[1].lower() if call else ""
    if call is None or word not in list(Fold):
        raise Wrong(f"must be a fold, not {described(node)}", _MERGES)
    if (word in ("first", "last")) != bool(call[2]):
        hint = "write min or max alone: the SQL says of what" if word in ("min", "max") else _MERGES
        raise Wrong(f"must be a fold, not {described(node)}", hint)
    of, by = _of_and_by(node, text[call.start(2) : call.end(2)]) if call[2] else ("", ())
    return MergeColumn("", Fold(word), of, by, node.place)


def _of_and_by(node: Node, inside: str) -> tuple[str, tuple[str, ...]]:
    """`x by a, b` → x, (a, b). A column may be called by: the first `by` that has something before it counts."""
    for found in re.finditer(r"\bby\b", surface(inside), re.IGNORECASE):
        of, by = inside[: found.start()].strip(), split_at(inside[found.end() :], ",")
        if of and all(by) and "," not in surface(of):
            return of, tuple(by)
    raise Wrong(f"must say of one expression by which order, not {described(node)}", _MERGES)


_MERGE_MAPPING = mapping(COLUMN, Kind(_fold, MergeColumn("", Fold.MIN)), "column: fold", empty=False)


def _merge(node: Node, scope: Scope) -> tuple[MergeColumn, ...]:
    pairs = _MERGE_MAPPING.read(node, scope)
    if len({name.lower() for name, _ in pairs}) < len(pairs):
        raise Wrong("names a column twice", "names are compared without regard to case")
    return tuple(MergeColumn(name, m.fold, m.of, m.by, m.place) for name, m in pairs)


MERGE: Kind[tuple[MergeColumn, ...]] = Kind(_merge, ())
