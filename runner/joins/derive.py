"""The keys that a change of any input reaches, derived from the SELECT: the entry to this package."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sqlglot import exp

from runner.joins.block import Block
from runner.joins.cover import Covers, Same
from runner.joins.named import name_values
from runner.joins.narrow import cuts
from runner.joins.nodes import QUERY, NotDerived, number_of
from runner.joins.normal import Normal, normal
from runner.joins.texts import Cover, quoted
from runner.joins.values import DIFF, Derived, Input, Moves, Piece, mark
from runner.names import TableName
from runner.sql.select import Reference
from runner.warehouse.engines import Engine


def derive(
    tree: exp.Query,
    references: Sequence[Reference],
    key: Sequence[str],
    inputs: Mapping[TableName, Input],
    engine: Engine,
) -> Derived:
    """The pieces for a SELECT; where a form has no rule, every input that may change reaches all keys."""
    try:
        form = normal(tree, references, inputs, engine)
        name_values(form)
        names = _names(form.tree, key)
        covers = Covers(form, null_safe(engine)).of(form.tree, names, None, top=True)
    except NotDerived as error:
        moving = (table for table, one in inputs.items() if one.moves is not Moves.NOT)
        return Derived((), dict.fromkeys(moving, (error.reason, error.line)))
    return _derived(form, names, covers)


def null_safe(engine: Engine) -> Same:
    """How values of any type are compared, where null is a value like any other."""
    return lambda one, other: engine.same(one, other, "")


def _own_or_quoted(name: str) -> str:
    """The key's columns in the runner's own tables are written without quotes, as everywhere."""
    return name if re.fullmatch(r"k\d+", name) else quoted(name)


def _names(tree: exp.Query, key: Sequence[str]) -> list[str]:
    """The key's columns as the outputs are named. Raises NotDerived."""
    names = [one.alias_or_name for one in tree.selects]
    if len(set(names)) < len(names):
        raise NotDerived("two of its columns have one name")
    found = []
    for column in key:
        same = [name for name in names if name.lower() == column.lower()]
        if not same:
            raise NotDerived(f"no output column {column} could be found")
        found.append(column if column in same else same[0])
    return found


def _derived(form: Normal, names: Sequence[str], covers: Sequence[Cover]) -> Derived:
    everywhere: dict[TableName, tuple[str, int]] = {}
    kept: list[Cover] = []
    for cover in covers:
        table, line = form.tables[cover.origin], form.lines[cover.origin]
        reason = cover.loose or ("" if cover.known >= set(names) else "the key is not told by the rows that changed")
        if reason:
            everywhere.setdefault(table, (reason, line))
        else:
            kept.append(cover)
    kept = [cover for cover in kept if form.tables[cover.origin] not in everywhere]
    values, renamed = _values(form, [cover.text(distinct=True) for cover in kept])
    pieces = []
    for cover in kept:
        outs = dict(cover.outs)
        ordered = Cover(tuple((f"k{n}", outs[name]) for n, name in enumerate(names, 1)), cover.parts, cover.wheres, 0)
        text = _renumbered(ordered.text(distinct=True, named=_own_or_quoted), renamed)
        pieces.append(Piece(form.tables[cover.origin], text))
    return Derived(
        tuple(dict.fromkeys(pieces)),
        everywhere,
        values,
        _named(form, pieces),
        exact=frozenset(n for n in form.tables if _is_within(form, n)),
        cuts=cuts(form, names),
        tables=dict(form.tables),
    )


def _is_within(form: Normal, number: int) -> bool:
    """Whether a reference stands within a query that pieces take as it is, other than for its rows one by one.

    Copies and rows that wait, which the run itself leaves out, reach too far where rows are joined; a count of them, or
    the first of them, is another value.
    """
    node: exp.Expr | None = next(one for one in form.tree.find_all(exp.Table) if number_of(one) == number)
    while node is not None and (node := node.find_ancestor(*QUERY)) is not None:
        if isinstance(node, exp.SetOperation):
            if not isinstance(node, exp.Union):
                return True
        elif node.find_ancestor(exp.Select) is not None and (not _is_item(node) or _chooses(form, node)):
            return True
    return False


def _is_item(query: exp.Expr) -> bool:
    """Whether a query stands in a FROM clause, and not in an expression."""
    node = query.parent
    while isinstance(node, (exp.Subquery, exp.SetOperation, exp.Lateral)):
        node = node.parent
    return isinstance(node, (exp.From, exp.Join))


def _chooses(form: Normal, node: exp.Expr) -> bool:
    """Whether a block gives anything but some of its rows, one by one."""
    block = Block(form, node, None) if isinstance(node, exp.Select) else None
    return block is None or block.group is not None or bool(block.partitions) or bool(block.subs)


def _named(form: Normal, pieces: Sequence[Piece]) -> dict[int, dict[str, str]]:
    """Of each source that pieces read as it is now: what they ask of its rows."""
    found: dict[int, dict[str, str]] = {}
    for number, known in form.values.items():
        names = {name for piece in pieces for name in re.findall(r'"(runner_e\d+)"', piece.text)}
        found[number] = {name: text for name, text in known.items() if name in names}
    return found


def _values(form: Normal, texts: Sequence[str]) -> tuple[dict[int, tuple[str, ...]], dict[int, dict[str, str]]]:
    """Of each source: the expressions whose values its pieces ask for, and what they are called in its key index."""
    values: dict[int, tuple[str, ...]] = {}
    renamed: dict[int, dict[str, str]] = {}
    for number, known in form.values.items():
        asked = {name for text in texts for name in _asked(text, number)}
        ordered = sorted(asked & known.keys(), key=lambda name: int(name.removeprefix("runner_e")))
        values[number] = tuple(known[name] for name in ordered)
        renamed[number] = {name: f"k{n}" for n, name in enumerate(ordered, 1)}
    return values, renamed


def _asked(text: str, number: int) -> list[str]:
    """The columns of a source's changed rows that a text reads."""
    aliases = re.findall(rf'"{mark(DIFF, number)}" as "(runner_t\d+)"', text)
    return [name for alias in aliases for name in re.findall(rf'"{alias}"\."(runner_e\d+)"', text)]


def _renumbered(text: str, renamed: Mapping[int, Mapping[str, str]]) -> str:
    """A text in which the columns of sources' changed rows have the names that they have in a key index."""
    for number, names in renamed.items():
        for alias in re.findall(rf'"{mark(DIFF, number)}" as "(runner_t\d+)"', text):
            for name, k in names.items():
                text = text.replace(f'"{alias}"."{name}"', f'"{alias}".{k}')
    return text
