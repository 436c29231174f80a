"""The key-wise rule: whether a SELECT is right if it is recomputed for the affected keys only.

The runner restricts every tracked input to the affected keys and inserts what comes out. That is right if the rows of
the SELECT fall apart by key, and if the same data always give the same rows. Both are shown block by block, from the
inside out: `from_clause.py` reads a FROM clause, `block.py` a block, `calls.py` knows functions, `outputs.py` tells
what a block puts out, `relations.py` is what is known of a relation.
What cannot be shown is refused, with line, reason and what to write instead; the rule errs on the safe side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType

from sqlglot import exp

from runner.names import TableName, turned
from runner.proof import advice
from runner.proof.advice import QUALIFY, UNPROVEN
from runner.proof.block import Block
from runner.proof.calls import has_aggregate
from runner.proof.columns import Canon, Dependence, Out, Place, Relation, Unlisted, leaves, own, through
from runner.proof.filled import without_nulls
from runner.proof.from_clause import Ctes, From, Rule
from runner.proof.relations import Frame, bare, canon, folded, inside, line_of
from runner.sql import parser
from runner.sql.spelling import name_of
from runner.sql.volatile import RUNS_INSTANT, volatile

LIMITS = frozenset({"limit", "offset"})
NO_COLUMNS: Mapping[TableName, tuple[str, ...]] = MappingProxyType({})
WRAPPER_ARGS = frozenset({"this", "alias", "with_", "order"})
SETS_ARGS = frozenset({"with_", "this", "expression", "distinct", "order", "by_name"})


@dataclass(frozen=True)
class Tracked:
    """An input of which something is known: a source or another model, whose rows are restricted to the affected keys,
    or a look-up with a key of its own, whose rows are of no key of the model's.
    """

    key: tuple[str, ...]  # each key column as an expression over a row of this input, in the model's order; () none
    unique: tuple[tuple[str, ...], ...]  # sets of columns, each declared unique in this input
    loose: frozenset[str] = frozenset()  # columns of theirs that may be null: such rows are not told apart
    is_lookup: bool = False


@dataclass(frozen=True)
class Refusal:
    """Why a SELECT is not accepted: the line in its text, what is wrong, what to write instead."""

    line: int
    reason: str
    hint: str


@dataclass(frozen=True)
class Verdict:
    """What the rule says of a SELECT: accepted if there are no refusals.

    `is_open`: it hangs on columns that nobody has listed, so only a check that knows all columns counts.
    `needs_ids`: it takes for granted that columns which are `loose` in an input are never null.
    """

    refusals: tuple[Refusal, ...]
    is_open: bool
    needs_ids: bool = False


def check(
    tree: exp.Query,
    key: tuple[str, ...],
    tracked: Mapping[TableName, Tracked],
    dialect: str,
    columns: Mapping[TableName, tuple[str, ...]] = NO_COLUMNS,
) -> Verdict:
    """Whether `tree` may be recomputed key by key. `key` names output columns, `columns` those of known tables."""
    strict = _check(tree, key, tracked, dialect, columns)
    if not (strict.refusals or strict.is_open) or not any(one.loose and not one.is_lookup for one in tracked.values()):
        return strict
    trusting = {name: one if one.is_lookup else replace(one, loose=frozenset()) for name, one in tracked.items()}
    return replace(_check(tree, key, trusting, dialect, columns), needs_ids=True)


def _check(
    tree: exp.Query,
    key: tuple[str, ...],
    tracked: Mapping[TableName, Tracked],
    dialect: str,
    columns: Mapping[TableName, tuple[str, ...]],
) -> Verdict:
    listed = {name: tuple(_catalogued(one, dialect) for one in names) for name, names in columns.items()}
    inputs = {name: _relation_of(name, one, listed.get(name, ()), dialect) for name, one in tracked.items()}
    texts = next((one.key for one in tracked.values() if one.key), key)
    rule = Rule(dialect, key, texts, inputs, listed, name_of, lambda *at: Blocks(rule).query(*at))
    final = rule.relation(tree, {}, None)
    if not rule.refused and not rule.whole:
        _check_output(rule, tree, final)
    found = (Refusal(line_of(one.node), one.reason, one.hint) for one in rule.refused)
    refusals = tuple(sorted(dict.fromkeys(found), key=lambda refusal: refusal.line))
    return Verdict(refusals, bool(rule.doubts))


def columns_of(tree: exp.Query, dialect: str, columns: Mapping[TableName, tuple[str, ...]]) -> tuple[str, ...]:
    """The names of the columns that a query gives, as the catalogue would have them; none where one is not known."""
    listed = {name: tuple(_catalogued(one, dialect) for one in names) for name, names in columns.items()}
    rule = Rule(dialect, (), (), {}, listed, name_of, lambda *at: Blocks(rule).query(*at))
    outputs = rule.relation(tree, {}, None).outputs
    names = [out.name for out in outputs if isinstance(out, Out) and out.name]
    if len(names) < len(outputs):
        return ()
    return tuple(turned(name.strip('"')) if name.startswith('"') and dialect == "snowflake" else name for name in names)


def _catalogued(name: str, dialect: str) -> str:
    """A column's name in the catalogue, as the core has it, as names in a query are compared."""
    return folded(exp.to_identifier(turned(name) if dialect == "snowflake" else name, quoted=True), dialect)


def expression(text: str, dialect: str) -> exp.Expr:
    """One expression of the playbook, parsed; plain column names, the usual case, at no cost."""
    if text.isidentifier():
        return exp.column(text)
    return bare(parser.expression(text, dialect))


@cache
def _relation_of(name: TableName, tracked: Tracked, columns: tuple[str, ...], dialect: str) -> Relation:
    """A tracked table: its key, what is unique within it, and its columns as far as they are known."""
    dependence = Dependence.CONSTANT if tracked.is_lookup else Dependence.KEYED
    read = Frame(dialect, len(tracked.key), origins={name.table: name.parts})
    read.relations[name.table] = Relation(dependence, tuple(map(Out, columns)) or (Unlisted(),))

    def over(text: str) -> Canon:
        of = canon(expression(text, dialect), read)
        return through(of, lambda part: own(part[3]) if part[0] == "column" else None) or ("unknown", 0, text)

    keys = tuple(map(over, tracked.key))
    loose = frozenset(map(over, tracked.loose))
    unique = tuple(without_nulls(map(over, texts), loose) - {*keys} for texts in tracked.unique)
    read_by = [leaf for of in [*keys, *(of for one in unique for of in one)] for leaf in leaves(of)]
    named = dict.fromkeys(leaf[1] for leaf in read_by if leaf[0] == "own")
    places: Iterable[Place] = [(at, "") for at in range(len(columns))] if columns else named
    outs = []
    for at, place in enumerate(places):
        components = frozenset(component for component, key in enumerate(keys) if key == own(place))
        outs.append(Out(columns[at] if columns else place[1], components, components))
    return Relation(
        dependence,
        tuple(outs) if columns else (Unlisted(tuple(outs)),),
        frozenset(one for one in unique if not any(of[0] == "unknown" for of in one)),
        keys,
    )


def _check_output(rule: Rule, tree: exp.Query, final: Relation) -> None:
    if final.dependence is not Dependence.KEYED:
        rule.refuse(tree, "the query reads no tracked input, so nothing says which keys are affected", "leave key: out")
        return
    selects = {folded(one, rule.dialect): select for select in tree.selects if (one := _identifier(select))}
    for component, name in enumerate(rule.key):
        text = rule.texts[component]
        spelled = (_catalogued(name, rule.dialect), name.lower())  # in a playbook the case does not count
        found = next((one for one in spelled if final.named(one) is not None), spelled[1])
        out, at = final.named(found), selects.get(found, tree)
        if out is None:
            if final.is_open:
                rule.doubts.append(name)
            rule.refuse(
                at, f"no output column {name} is known to be the key {text}", f"select {text} as {name}{QUALIFY}"
            )
        elif component in out.strong:
            continue
        elif component in out.weak:
            reason = f"output column {name} comes from the optional side of an outer join, so it can be null"
            hint = f"select {text} of the preserved side as {name} (of a full join, coalesce both), and this under another name"
            rule.refuse(at, f"{reason}: {rule.show(at)}", hint)
        else:
            value = bare(at)
            of = "" if has_aggregate(value) or value.find(exp.Window, exp.Query) else rule.show(value)
            hint = advice.own_key(name, text, of) + QUALIFY
            rule.refuse(at, f"output column {name} is not the key {text}: {rule.show(at)}", hint)


def _identifier(select: exp.Expr) -> exp.Expr | None:
    """What names an output, where it is written."""
    named = select.args["alias"] if isinstance(select, exp.Alias) else select.this
    return named if isinstance(named, exp.Identifier) else None


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
        known = dict(ctes)
        if clause.args.get("recursive") and self.rule.whole:
            names = [folded(cte.args["alias"].this, self.rule.dialect) for cte in clause.expressions]
            known |= dict.fromkeys(names, Relation(Dependence.KEYED, (Unlisted(),)))
        elif clause.args.get("recursive"):
            self.rule.refuse(
                clause, "with recursive is not proven key-wise", f"drop `recursive` if no CTE reads itself, {UNPROVEN}"
            )
        for cte in clause.expressions:
            relation = self.query(cte.this, known, outer)
            columns = cte.args["alias"].args.get("columns")
            if columns:
                reader = From(self.rule, known, self.rule.frame())
                relation = reader._renamed(cte, relation, [folded(column, self.rule.dialect) for column in columns])
            known[folded(cte.args["alias"].this, self.rule.dialect)] = relation
        return known

    def _clauses(self, node: exp.Expr, understood: frozenset[str]) -> None:
        """Refuses limits and clauses that the rule has no word on."""
        for name in ("limit", "offset"):
            clause = node.args.get(name)
            if clause is not None and not (self.rule.whole and _orders_all(node, self.rule.dialect)):
                self.rule.refuse(
                    clause,
                    f"{self.rule.show(clause)} counts rows of all keys",
                    advice.ALL_KEYS,
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
            answer = volatile(part, rule.dialect, RUNS_INSTANT)
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
        constant = not rule.whole and word == "union" and Dependence.CONSTANT in (left.dependence, right.dependence)
        if constant or (word == "except" and not rule.whole and left.dependence is Dependence.CONSTANT):
            branch = node.this if left.dependence is Dependence.CONSTANT else node.expression
            reason = f"a branch of the {word} reads no tracked input: its rows come out for every key"
            rule.refuse(branch, f"{reason}: {rule.show(branch)}", advice.BRANCH)
            return replace(left, dependence=Dependence.KEYED, refused=True)
        return self._united(node, left, right, free=False)

    def _united(self, node: exp.SetOperation, left: Relation, right: Relation, free: bool) -> Relation:
        """The columns of a UNION, INTERSECT or EXCEPT, by position."""
        rule, union, distinct = self.rule, isinstance(node, exp.Union), bool(node.args.get("distinct"))
        outputs: list[Out | Unlisted] = []
        for one, other in zip(left.outputs, right.outputs, strict=False):
            if isinstance(one, Unlisted) or isinstance(other, Unlisted):
                rule.doubts.append("*")
                outputs.append(Unlisted())
                break
            strong, weak = (one.strong & other.strong, one.weak & other.weak)
            if not union and left.dependence is not right.dependence:
                strong, weak = (one.strong | other.strong, one.weak | other.weak)
            outputs.append(Out(one.name, strong, weak))
        held = {component for output in outputs if isinstance(output, Out) for component in output.strong}
        if not free and len(held) < rule.size:
            key = rule.key_text
            reason = f"the branches of the {type(node).__name__.lower()} do not have the key {key} in the same position"
            rule.refuse(node, reason, advice.same_place(key))
            return replace(left, dependence=Dependence.KEYED, outputs=tuple(outputs), refused=True)
        unique: frozenset[frozenset[Canon]] = frozenset()
        listed = [(at, out) for at, out in enumerate(outputs) if isinstance(out, Out)]
        if distinct and len(listed) == len(outputs):
            unique = frozenset({frozenset(own((at, "")) for at, out in listed if not out.strong)})
        dependence = Dependence.CONSTANT if free else Dependence.KEYED
        return Relation(dependence, tuple(outputs), unique, correlated=left.correlated or right.correlated)


def _orders_all(node: exp.Expr, dialect: str) -> bool:
    """Whether ORDER BY names every column, so that rows which it leaves alike are the same."""
    order = node.args.get("order")
    named = [bare(one.this) for one in order.expressions] if order else []
    known = {folded(one.this, dialect) for one in named if isinstance(one, exp.Column)}
    outputs = [_identifier(one) for one in node.selects] if isinstance(node, exp.Query) else []
    return bool(outputs) and all(one is not None and folded(one, dialect) in known for one in outputs)


def _clause_parts(node: exp.Expr, names: tuple[str, ...]) -> Iterator[exp.Expr]:
    for name in names:
        clause = node.args.get(name)
        for one in clause if isinstance(clause, list) else [clause] if clause is not None else []:
            yield from inside(one)
