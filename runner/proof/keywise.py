"""The key-wise rule: whether a SELECT is right if it is recomputed for the affected keys only.

The runner restricts every tracked input to the affected keys and inserts what comes out. That is right if the rows of
the SELECT fall apart by key, and if the same data always give the same rows. Both are shown block by block, from the
inside out: `from_clause.py` reads a FROM clause, `block.py` a block, `calls.py` knows functions, `outputs.py` tells
what a block puts out, `relations.py` is what is known of a relation.
What cannot be shown is refused, with line, reason and what to write instead; the rule errs on the safe side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

from sqlglot import exp

from runner.names import TableName
from runner.proof.block import UNPROVEN, Block
from runner.proof.calls import volatile
from runner.proof.from_clause import QUALIFY, Ctes, From, Rule
from runner.proof.relations import Dependence, Frame, Out, Relation, Unlisted, bare, canon, folded, inside, line_of
from runner.sql import parser
from runner.sql.spelling import name_of

LIMITS = frozenset({"limit", "offset"})
WRAPPER_ARGS = frozenset({"this", "alias", "with_", "order"})
SETS_ARGS = frozenset({"with_", "this", "expression", "distinct", "order", "by_name"})


@dataclass(frozen=True)
class Tracked:
    """An input whose rows are restricted to the affected keys: a source or another model."""

    key: tuple[str, ...]  # each key column as an expression over a row of this input, in the model's order
    unique: tuple[tuple[str, ...], ...]  # sets of columns, each declared unique in this input


@dataclass(frozen=True)
class Refusal:
    """Why a SELECT is not accepted: the line in its text, what is wrong, what to write instead."""

    line: int
    reason: str
    hint: str


def check(
    tree: exp.Query, key: tuple[str, ...], tracked: Mapping[TableName, Tracked], dialect: str
) -> tuple[Refusal, ...]:
    """The reasons why `tree` may not be recomputed key by key; none if it may. `key` names output columns."""
    inputs = {name: _relation_of(one, dialect) for name, one in tracked.items()}
    texts = next(iter(tracked.values())).key if tracked else key
    rule = Rule(
        dialect, tuple(name.lower() for name in key), texts, inputs, name_of, lambda *at: Blocks(rule).query(*at)
    )
    final = rule.relation(tree, {}, None)
    if not rule.refused:
        _check_output(rule, tree, final)
    found = (Refusal(line_of(one.node), one.reason, one.hint) for one in rule.refused)
    return tuple(sorted(dict.fromkeys(found), key=lambda refusal: refusal.line))


def expression(text: str, dialect: str) -> exp.Expr:
    """One expression of the playbook, parsed; plain column names, the usual case, at no cost."""
    if text.isidentifier():
        return exp.column(text)
    return bare(parser.expression(text, dialect))


@cache
def _relation_of(tracked: Tracked, dialect: str) -> Relation:
    """A tracked table: its key, and what is unique within it; all other columns are unlisted."""
    keys = tuple(expression(text, dialect) for text in tracked.key)
    alone = Frame(dialect, len(keys))
    plain = {folded(one.this, dialect): at for at, one in enumerate(keys) if isinstance(one, exp.Column)}
    canons = {canon(one, alone) for one in keys}
    unique: set[frozenset[str]] = set()
    written: dict[str, exp.Expr] = {}
    names = {folded(column.this, dialect): None for one in keys for column in one.find_all(exp.Column)}
    for columns in tracked.unique:
        items = [expression(text, dialect) for text in columns]
        others = [item for item in items if canon(item, alone) not in canons]
        columns_of = [column for item in others for column in item.find_all(exp.Column)]
        names |= dict.fromkeys(folded(column.this, dialect) for column in columns_of)
        named = {f"={item.sql(dialect)}": item for item in others if not isinstance(item, exp.Column)}
        written |= named
        unique.add(frozenset([*named, *(folded(one.this, dialect) for one in others if isinstance(one, exp.Column))]))
    known = []
    for name in names:
        components = frozenset({plain[name]} if name in plain else ())
        known.append(Out(name, components, components))
    return Relation(
        Dependence.KEYED, (Unlisted(tuple(known)),), frozenset(unique), keys, written=tuple(written.items())
    )


def _check_output(rule: Rule, tree: exp.Query, final: Relation) -> None:
    if final.dependence is not Dependence.KEYED:
        rule.refuse(tree, "the query reads no tracked input, so nothing says which keys are affected", "leave key: out")
        return
    columns = final.columns()
    selects = {select.alias_or_name.lower(): select for select in tree.selects}
    for component, name in enumerate(rule.key):
        text = rule.texts[component]
        at = selects.get(name, tree)
        if name not in columns:
            rule.refuse(
                at, f"no output column {name} is known to be the key {text}", f"select {text} as {name}" + QUALIFY
            )
        elif component in columns[name].strong:
            continue
        elif component in columns[name].weak:
            reason = f"output column {name} comes from the optional side of an outer join, so it can be null"
            hint = "take it from the preserved side, or coalesce the keys of both sides of a full join"
            rule.refuse(at, f"{reason}: {rule.show(at)}", hint)
        else:
            hint = f"select {text} as {name}, carried through unchanged{QUALIFY}"
            rule.refuse(at, f"output column {name} is not the key {text}: {rule.show(at)}", hint)


@dataclass(frozen=True)
class Blocks:
    """Queries, from the inside out."""

    rule: Rule

    def query(self, node: exp.Expr, ctes: Ctes, outer: Frame | None) -> Relation:
        """What a query gives; refuses what is wrong in it."""
        ctes = self._with(node, ctes, outer)
        if isinstance(node, exp.Subquery):
            self._clauses(node, WRAPPER_ARGS)
            return self.query(node.this, ctes, outer)
        if isinstance(node, exp.Select):
            return Block(self.rule, node, ctes, outer).relation()
        if isinstance(node, exp.SetOperation):
            return self._set(node, ctes, outer)
        self.rule.refuse(node, f"{self.rule.show(node)} is not proven key-wise", f"write it as a SELECT, {UNPROVEN}")
        return Relation(Dependence.CONSTANT, (Unlisted(),), refused=True)

    def _with(self, node: exp.Expr, ctes: Ctes, outer: Frame | None) -> Ctes:
        clause = node.args.get("with_")
        if clause is None:
            return ctes
        if clause.args.get("recursive"):
            self.rule.refuse(
                clause, "with recursive is not proven key-wise", f"drop `recursive` if no CTE reads itself, {UNPROVEN}"
            )
        known = dict(ctes)
        for cte in clause.expressions:
            relation = self.query(cte.this, known, outer)
            columns = cte.args["alias"].args.get("columns")
            if columns:
                reader = From(self.rule, known, Frame(self.rule.dialect, self.rule.size))
                relation = reader._renamed(cte, relation, [folded(column, self.rule.dialect) for column in columns])
            known[folded(cte.args["alias"].this, self.rule.dialect)] = relation
        return known

    def _clauses(self, node: exp.Expr, understood: frozenset[str]) -> None:
        """Refuses limits and clauses that the rule has no word on."""
        for name in ("limit", "offset"):
            clause = node.args.get(name)
            if clause is not None:
                self.rule.refuse(
                    clause,
                    f"{self.rule.show(clause)} counts rows of all keys",
                    "rank within the key: row_number() over (partition by …)",
                )
        if node.args.get("sample"):
            self.rule.refuse(
                node.args["sample"], f"{self.rule.show(node.args['sample'])} takes a sample", "read all rows"
            )
        self.rule.no_more(node, understood | LIMITS | {"sample"}, "the query")

    def _set(self, node: exp.SetOperation, ctes: Ctes, outer: Frame | None) -> Relation:
        rule = self.rule
        self._clauses(node, SETS_ARGS)
        for part in _clause_parts(node, ("order",)):
            answer = volatile(part, rule.dialect)
            if answer:
                rule.refuse(part, *answer)
        left, right = self.query(node.this, ctes, outer), self.query(node.expression, ctes, outer)
        word = type(node).__name__.lower()
        if node.args.get("by_name"):
            rule.refuse(
                node, f"{word} by name is not proven key-wise", "list the columns of each branch in the same order"
            )
        if left.refused or right.refused or node.args.get("by_name"):
            return replace(left, dependence=Dependence.KEYED, refused=True)
        if left.dependence is right.dependence is Dependence.CONSTANT:
            return self._united(node, left, right, free=True)
        constant = word == "union" and Dependence.CONSTANT in (left.dependence, right.dependence)
        if constant or (word == "except" and left.dependence is Dependence.CONSTANT):
            branch = node.this if left.dependence is Dependence.CONSTANT else node.expression
            reason = f"a branch of the {word} reads no tracked input: its rows come out for every key"
            rule.refuse(branch, f"{reason}: {rule.show(branch)}", "join it to a tracked input on the key")
            return replace(left, dependence=Dependence.KEYED, refused=True)
        return self._united(node, left, right, free=False)

    def _united(self, node: exp.SetOperation, left: Relation, right: Relation, free: bool) -> Relation:
        """The columns of a UNION, INTERSECT or EXCEPT, by position."""
        rule, union, distinct = self.rule, isinstance(node, exp.Union), bool(node.args.get("distinct"))
        outputs: list[Out | Unlisted] = []
        for one, other in zip(left.outputs, right.outputs, strict=False):
            if isinstance(one, Unlisted) or isinstance(other, Unlisted):
                outputs.append(Unlisted())
                break
            strong, weak = (one.strong & other.strong, one.weak & other.weak)
            if not union and left.dependence is not right.dependence:
                strong, weak = (one.strong | other.strong, one.weak | other.weak)
            outputs.append(Out(one.name, strong, weak))
        held = {component for output in outputs if isinstance(output, Out) for component in output.strong}
        if not free and len(held) < rule.size:
            key = ", ".join(rule.texts)
            reason = f"the branches of the {type(node).__name__.lower()} do not have the key {key} in the same position"
            rule.refuse(node, reason, f"list the columns of each branch, {key} in the same place")
            return replace(left, dependence=Dependence.KEYED, outputs=tuple(outputs), refused=True)
        unique: frozenset[frozenset[str]] = frozenset()
        if distinct and not any(isinstance(output, Unlisted) for output in outputs):
            unique = frozenset({frozenset(out.name for out in outputs if isinstance(out, Out) and not out.strong)})
        dependence = Dependence.CONSTANT if free else Dependence.KEYED
        return Relation(dependence, tuple(outputs), unique, correlated=left.correlated or right.correlated)


def _clause_parts(node: exp.Expr, names: tuple[str, ...]) -> Iterator[exp.Expr]:
    for name in names:
        clause = node.args.get(name)
        for one in clause if isinstance(clause, list) else [clause] if clause is not None else []:
            yield from inside(one)
