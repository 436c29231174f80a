"""One SELECT block under the key-wise rule: its groups, windows, subqueries and outputs.

The FROM clause has been read into a frame before; what is left is to show that every GROUP BY, PARTITION BY and
DISTINCT keeps the keys apart, that nothing depends on the order of rows, and which outputs are still the key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from sqlglot import exp

from runner.proof import advice
from runner.proof.calls import (
    RowSet,
    aggregate,
    call_of,
    is_aggregate,
    multiplies,
    ordering,
    unknown_aggregate,
    window,
)
from runner.proof.columns import Canon, Dependence, Out, Relation, Unlisted, leaves
from runner.proof.from_clause import Ctes, Rule, read_from
from runner.proof.grouping import Groups, shown_list
from runner.proof.outputs import Outputs, aliases, condition_of, window_parts
from runner.proof.relations import (
    Frame,
    Unique,
    bare,
    canon,
    canons_in,
    folded,
    inside,
)
from runner.sql.volatile import RUNS_INSTANT, name_of_call, volatile

SELECT_ARGS = frozenset(
    {"with_", "expressions", "distinct", "from_", "joins", "where", "group", "having", "qualify", "windows", "order"}
)
NOT_OTHERS = frozenset({"limit", "offset", "sample"})
TRUTHFUL = (exp.Where, exp.Having, exp.Qualify, exp.Join, exp.If)


@dataclass
class Block:
    """One SELECT, read once from FROM to its outputs."""

    rule: Rule
    select: exp.Select
    ctes: Ctes
    outer: Frame | None
    frame: Frame = field(init=False)
    by_key: bool = False  # its rows belong to several keys, so all groups must contain the key
    broken: bool = False
    groups: Groups = field(init=False)
    unique: list[Unique] = field(default_factory=list)  # of the rows after grouping

    def relation(self) -> Relation:
        rule, select = self.rule, self.select
        before = len(rule.refused)
        rule.no_more(select, SELECT_ARGS | NOT_OTHERS, "the query")
        where = condition_of(select, "where")
        reader = read_from(rule, self.ctes, self.outer, select, where)
        self.frame = reader.frame
        keyed = bool(self.frame.keyed)
        correlated = reader.finish(where, select)
        self.broken = self.frame.refused or len(rule.refused) > before
        self.by_key = keyed and not correlated and not self.broken
        self.groups = Groups(rule, select, self.frame, self.by_key)
        self.groups.read()
        self.broken, self.unique = self.broken or self.groups.broken, self.groups.unique
        self._calls()
        results = Outputs(rule, select, self.frame, self.groups.grouped)
        outputs = results.outputs
        self._distinct(outputs)
        self._limits(correlated)
        refused = self.broken
        if correlated or not keyed:
            return Relation(
                Dependence.CONSTANT,
                _plain(outputs),
                results.unique(self.unique),
                refused=refused,
                correlated=correlated,
            )
        return Relation(
            Dependence.KEYED,
            tuple(outputs),
            results.unique(self.unique),
            results.keys(),
            refused=refused,
        )

    def _refuse(self, node: exp.Expr, reason: str, hint: str) -> None:
        self.rule.refuse(node, reason, hint)
        self.broken = True

    # -- calls, windows, subqueries

    def _roots(self) -> Iterator[exp.Expr]:
        for name in ("expressions", "where", "group", "having", "qualify", "windows", "order", "distinct"):
            clause = self.select.args.get(name)
            yield from clause if isinstance(clause, list) else [clause] if clause is not None else []
        for join in self.select.args.get("joins") or ():
            if join.args.get("on") is not None:
                yield join.args["on"]

    def _calls(self) -> None:
        rule, frame = self.rule, self.frame
        same = self.groups.same
        rows = RowSet(frame, same, tuple(frame.unique))
        for root in self._roots():
            windowed = {id(call_of(part.this)) for part in inside(root) if isinstance(part, exp.Window) and part.this}
            of_rows = self._of_rows(root, windowed)
            for part in inside(root):
                answer = volatile(part, rule.dialect, RUNS_INSTANT)
                if isinstance(part, exp.Query):
                    self._subquery(part)
                elif isinstance(part, exp.Window) and not isinstance(part.this, exp.Identifier):
                    answer = self._window(part)
                elif is_aggregate(part) and id(part) not in windowed:
                    answer = answer or aggregate(part, rows) or self._outer_only(part)
                elif id(part) in of_rows and self._is_here(part):
                    pass
                elif id(part) not in windowed and self._may_aggregate(part, same):
                    hint = "write `unproven: true` if it does not depend on the order of rows"
                    answer = answer or (f"{rule.show(part)} is an aggregate that is not known here", hint)
                if answer:
                    rule.refuse(part, *answer)

    def _of_rows(self, root: exp.Expr, windowed: set[int]) -> set[int]:
        """The nodes where no aggregate of this block can stand: in WHERE, ON and within another aggregate."""
        if isinstance(root, exp.Where) or isinstance(root.parent, exp.Join):
            return {id(part) for part in inside(root)}
        found: set[int] = set()
        for part in inside(root):
            if is_aggregate(part) and id(part) not in windowed:
                whole = part.parent if isinstance(part.parent, (exp.Filter, exp.WithinGroup)) else part
                found |= {id(inner) for inner in inside(whole)}
        return found

    def _is_here(self, part: exp.Expr) -> bool:
        """Whether a call reads a column of this block, so that it cannot be an aggregate of an enclosing one."""
        return self.outer is None or any(
            leaf[1] == self.frame.depth
            for column in inside(part)
            if isinstance(column, exp.Column) and not column.is_star
            for leaf in leaves(self.frame.resolve(column))
        )

    def _may_aggregate(self, part: exp.Expr, same: frozenset[Canon]) -> bool:
        if self.groups.grouped:
            return unknown_aggregate(part, same | self.groups.calls, self.frame)
        inner = self.outer is not None and not isinstance(self.select.parent, exp.Exists)
        return (
            inner
            and isinstance(part, exp.Anonymous)
            and not multiplies(part)
            and unknown_aggregate(part, frozenset(), self.frame)
        )

    def _outer_only(self, part: exp.Expr) -> tuple[str, str] | None:
        columns = [column for column in inside(part) if isinstance(column, exp.Column) and not column.is_star]
        if self.outer is None or not columns:
            return None
        if not self._is_here(part):
            return f"{self.rule.show(part)} aggregates columns of the outer query", "write it in the outer query"
        return None

    def _window(self, node: exp.Window) -> tuple[str, str] | None:
        partition, order, spec = window_parts(node, self.select, self.rule.dialect)
        frame = self.frame
        held = frame.keeps(partition)
        if self.by_key and len(held) < self.rule.size:
            text = shown_list(self.rule, partition)
            said = f"partition by {text}" if text else f"{self.rule.show(node)}"
            hint = advice.add_key(self.rule.key_text, "partition by", text)
            self._refuse(node, f"{said} does not contain the key {self.rule.key_text}", hint)
            return None
        same = frozenset(canon(item, frame) for item in partition) | frame.constants()
        rows = RowSet(frame, same, tuple(self.unique))
        call = call_of(node.this)
        if any(isinstance(part, exp.Distinct) for part in call.iter_expressions()) and name_of_call(call) in {
            "ArrayAgg",
            "GroupConcat",
        }:
            return f"{self.rule.show(node)} takes values in any order", "collect in a group by with an order"
        return window(node, call, spec, ordering(order, frame), rows)

    def _subquery(self, node: exp.Query) -> None:
        rule, parent = self.rule, node.parent
        relation = rule.relation(node, self.ctes, self.frame)
        if relation.refused:
            self.broken = True
        elif (
            relation.dependence is Dependence.KEYED
            and not rule.whole
            and not (isinstance(parent, exp.In) and _truthful(parent) and self._in_on_key(parent, relation))
        ):
            reason = f"a subquery is not tied to the outer row by equality on the whole key {self.rule.key_text}"
            self._refuse(node, f"{reason}: {rule.show(node)}", self._tie_hint(parent))
        if isinstance(parent, exp.Array):
            rule.refuse(node, f"{rule.show(parent)} takes rows in any order", advice.ARRAY)

    def _in_on_key(self, node: exp.In, relation: Relation) -> bool:
        """`key in (select key from …)`: only rows of this row's key can make it true."""
        left = bare(node.this)
        parts = left.expressions if isinstance(left, exp.Tuple) else [left]
        held: set[int] = set()
        for part, output in zip(parts, relation.outputs, strict=False):
            if isinstance(output, Unlisted):
                break
            held |= self.frame.holds(part).keys() & output.weak
        return len(held) == self.rule.size

    def _tie_hint(self, parent: exp.Expr | None) -> str:
        left = bare(parent.this) if isinstance(parent, exp.In) else None
        parts = left.expressions if isinstance(left, exp.Tuple) else [left] if left is not None else []
        held = {component for part in parts for component in self.frame.holds(part)}
        return advice.exists(self.rule.key_text) if len(held) == self.rule.size else advice.tie(self.rule.key_text)

    # -- distinct and limits

    def _distinct(self, outputs: list[Out | Unlisted]) -> None:
        distinct = self.select.args.get("distinct")
        if distinct is None:
            return
        on = distinct.args.get("on")
        if on is None:
            columns = [out for _, out in Relation(Dependence.KEYED, tuple(outputs)).placed()]
            held = self.frame.keeps([bare(item) for item in self.select.expressions if not item.is_star])
            if self.by_key and len(held.union(*(out.strong for out in columns))) < self.rule.size:
                by = shown_list(self.rule, [bare(item) for item in self.select.expressions])
                hint = advice.add_key(self.rule.key_text, "select", by, whole=True)
                self._refuse(distinct, f"select distinct does not put out the key {self.rule.key_text}", hint)
            return
        parts = [part for part in (on.expressions if isinstance(on, exp.Tuple) else [on]) if not self._shadowed(part)]
        held = self.frame.keeps(parts)
        if self.by_key and len(held) < self.rule.size:
            self._refuse(
                distinct,
                f"{self.rule.show(distinct).lower()} does not contain the key {self.rule.key_text}",
                advice.add_key(self.rule.key_text, "distinct on", shown_list(self.rule, parts)),
            )
            return
        same = frozenset(canon(part, self.frame) for part in parts)
        told = same | self.frame.constants() | frozenset(self._order())
        if not self._is_told(told):
            reason = f"{self.rule.show(distinct).lower()} takes any of the rows that its order leaves alike"
            self.rule.refuse(distinct, reason, advice.add_unique(self.frame))
        self.unique = [frozenset(canon(part, self.frame) for part in parts if not self.frame.strong(part))]

    def _is_told(self, told: frozenset[Canon]) -> bool:
        """Whether rows that are the same in all of these are the same in all that is put out."""
        values = [canons_in(bare(item), self.frame) for item in self.select.expressions]
        decided = not self.groups.grouped and all(one is not None and one <= told for one in values)
        return decided or any(unique <= told for unique in self.unique)

    def _order(self) -> list[Canon]:
        """ORDER BY, where the name of an output wins over an input column: those that differ are left out."""
        order = self.select.args.get("order")
        kept = [item for item in (order.expressions if order else ()) if not self._shadowed(item.this)]
        return [canon(item.this, self.frame) for item in kept]

    def _shadowed(self, node: exp.Expr) -> bool:
        if not isinstance(node, exp.Column) or node.table:
            return isinstance(node, exp.Literal)
        name = folded(node.this, self.rule.dialect)
        named = [one for given, one in aliases(self.select, self.rule.dialect) if given == name]
        return any(canon(one, self.frame) != canon(node, self.frame) for one in named)

    def _limits(self, correlated: bool) -> None:
        """LIMIT is right only in a subquery of one key, with an order that is total."""
        rule, limit, offset = self.rule, self.select.args.get("limit"), self.select.args.get("offset")
        if self.select.args.get("sample"):
            rule.refuse(
                self.select.args["sample"], f"{rule.show(self.select.args['sample'])} takes a sample", "read all rows"
            )
        if limit is None and offset is None:
            return
        alone = correlated or not self.frame.keyed or rule.whole  # of one key, or of look-ups alone
        plain = self.select.args.get("distinct") is None or rule.whole
        if alone and isinstance(limit, exp.Limit) and plain:
            told = frozenset(self._order()) | (frozenset() if rule.whole else self.groups.same)
            if isinstance(self.select.parent, exp.Exists) or self._is_told(told):
                return
            whose = "rows of a key" if correlated else "rows"
            hint = advice.add_unique(self.frame) if correlated else advice.SELECTED_TOO
            rule.refuse(limit, f"{rule.show(limit).lower()} has an order that leaves {whose} alike", hint)
            return
        for clause in (limit, offset):
            if clause is not None:
                rule.refuse(clause, f"{rule.show(clause).lower()} takes some rows of all keys", advice.ALL_KEYS)
                break


def _plain(outputs: list[Out | Unlisted]) -> tuple[Out | Unlisted, ...]:
    """The outputs without what they say of the key."""
    return tuple(
        replace(output, known=tuple(Out(out.name) for out in output.known))
        if isinstance(output, Unlisted)
        else Out(output.name)
        for output in outputs
    )


def _truthful(node: exp.Expr) -> bool:
    """Whether only true counts here, so that false and null are the same."""
    at = node
    while isinstance(at.parent, (exp.And, exp.Or, exp.Paren)):
        at = at.parent
    parent = at.parent
    return isinstance(parent, TRUTHFUL) and not (isinstance(parent, exp.If) and parent.this is not at)
