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
    has_aggregate,
    is_aggregate,
    multiplies,
    ordering,
    unknown_aggregate,
    window,
)
from runner.proof.columns import Canon, Dependence, Out, Relation, Unlisted, leaves
from runner.proof.from_clause import Ctes, Rule, read_from
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
from runner.proof.selected import Selected
from runner.sql.volatile import RUNS_INSTANT, name_of_call, volatile

SELECT_ARGS = frozenset(
    {"with_", "expressions", "distinct", "from_", "joins", "where", "group", "having", "qualify", "windows", "order"}
)
NOT_OTHERS = frozenset({"limit", "offset", "sample"})
SETS = (exp.GroupingSets, exp.Rollup, exp.Cube)
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
    grouped: bool = False
    group: list[exp.Expr] = field(default_factory=list)
    sometimes: list[exp.Expr] = field(default_factory=list)  # grouped by in some grouping sets, not in all
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
        self._read_group()
        self._calls()
        results = Outputs(rule, select, self.frame, self.grouped)
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

    # -- groups

    def _read_group(self) -> None:
        select, frame = self.select, self.frame
        clause = select.args.get("group")
        roots = [
            *select.expressions,
            *(one for name in ("having", "qualify", "order") if (one := select.args.get(name))),
        ]
        self.grouped = bool(clause or select.args.get("having") or any(has_aggregate(root) for root in roots))
        self.unique = list(frame.unique)
        if not self.grouped:
            return
        if clause is None:
            self.unique = [frozenset()]
            self._whole(frozenset(), select, "an aggregate without group by takes rows of all keys together")
            return
        if clause.args.get("totals") or clause.args.get("rollup") or clause.args.get("cube"):
            self._totals(clause)
            return
        selected = Selected(select, frame)
        self.group = [item for item in selected.known if not has_aggregate(item)] if clause.args.get("all") else []
        held: frozenset[int] = frozenset()
        loose: list[exp.Expr] = []
        for item in (one for listed in clause.expressions for one in _listed(listed)):
            if isinstance(item, SETS):
                in_all, in_some = self._sets(item)
                self.group += in_all
                loose += in_some
                continue
            chosen, maybe = self._group_item(item, selected)
            self.group.append(chosen)
            held |= frame.strong(maybe) if maybe is not None else frozenset()
        held |= frame.keeps(self.group)
        sets = any(isinstance(item, SETS) for item in clause.expressions)
        if sets and ((self.by_key and len(held) < self.rule.size) or any(map(self._makes_key, loose))):
            self._totals(clause)
            return
        self.sometimes = loose
        mixed = clause.args.get("all") and any(
            has_aggregate(item) and _loose_column(item) for item in select.expressions
        )
        told = frozenset(canon(item, frame) for item in self.group if not frame.strong(item))
        others = clause.args.get("all") and selected.is_open
        if others:
            self.rule.doubts.append("*")
        self.unique = [] if mixed or sets or others else [told]
        self._whole(held, clause, f"{self.rule.show(clause).lower()} does not contain the key {self._key}")

    def _totals(self, clause: exp.Expr) -> None:
        self._refuse(clause, f"{self.rule.show(clause)} adds totals over all keys", advice.ALL_KEYS)

    def _sets(self, node: exp.Expr) -> tuple[list[exp.Expr], list[exp.Expr]]:
        """What all sets of a GROUPING SETS, ROLLUP or CUBE group by, and what only some of them do."""
        sets = [self._set_items(one) for one in node.expressions] if isinstance(node, exp.GroupingSets) else [[]]
        shared = frozenset.intersection(*(frozenset(canon(item, self.frame) for item in one) for one in sets))
        return (
            [item for item in sets[0] if canon(item, self.frame) in shared],
            [item for item in self._items(node) if canon(item, self.frame) not in shared],
        )

    def _items(self, node: exp.Expr) -> list[exp.Expr]:
        """All that these sets group by."""
        if isinstance(node, (*SETS, exp.Tuple)):
            return [item for one in node.expressions for item in self._items(one)]
        return [self._group_item(bare(node), Selected(self.select, self.frame))[0]]

    def _set_items(self, node: exp.Expr) -> list[exp.Expr]:
        """One set: a list in parentheses, or an expression; what a ROLLUP within it has is not in all of its sets."""
        if isinstance(node, SETS):
            return []
        items = node.expressions if isinstance(node, exp.Tuple) else [bare(node)]
        selected = Selected(self.select, self.frame)
        return [self._group_item(item, selected)[0] for item in items]

    def _makes_key(self, item: exp.Expr) -> bool:
        """Whether an output made of this, which is null in some sets, could pass for the key."""
        frame = self.frame
        read = frozenset(leaves(canon(item, frame)))
        return bool(frame.holds(item)) or any(read & columns for _, _, columns in frame.parts)

    def _group_item(self, item: exp.Expr, selected: Selected) -> tuple[exp.Expr, exp.Expr | None]:
        """What a GROUP BY item means: a position, an output's name, or an expression; and what it may mean as well.

        A name is an input column if there is one. Where columns are not listed, the output is meant for certain if it
        reads a column that is not grouped otherwise: the query would not be valid if the name were an input column.
        """
        items = self.select.expressions
        if isinstance(item, exp.Literal) and not item.is_string:
            at, placed = int(item.this) - 1, selected.by_place
            if 0 <= at < len(placed):
                return bare(placed[at]), None
            if selected.is_open:
                self.rule.doubts.append(f"group by {item.this}")
            return item, None
        if isinstance(item, exp.Column) and not self.frame.knows(item):
            name = folded(item.this, self.rule.dialect)
            for one in items:
                if (
                    isinstance(one, exp.Alias)
                    and folded(one.args["alias"], self.rule.dialect) == name
                    and not has_aggregate(one)
                ):
                    others = {
                        canon(other, self.frame) for other in self.select.args["group"].expressions if other is not item
                    }
                    columns = canons_in(one.this, self.frame) or frozenset()
                    certain = (
                        bool(columns - others - {canon(item, self.frame)}) and canon(one, self.frame) not in others
                    )
                    return (bare(one), None) if certain else (item, bare(one))
        return item, None

    @property
    def _key(self) -> str:
        return ", ".join(self.rule.texts)

    def _whole(self, held: frozenset[int], node: exp.Expr, reason: str) -> None:
        if self.by_key and len(held) < self.rule.size:
            missing = ", ".join(text for at, text in enumerate(self.rule.texts) if at not in held)
            filled = [item for item in self.group if self.frame.holds(item).keys() - held]
            hint = (
                advice.filled_up(self.rule.show(filled[0]))
                if filled
                else advice.add_key(missing, "group by", self._shown(self.group), whole=True)
            )
            self._refuse(node, reason, hint)

    def _shown(self, items: list[exp.Expr]) -> str:
        return ", ".join(self.rule.show(bare(item)) for item in items)

    def _refuse(self, node: exp.Expr, reason: str, hint: str) -> None:
        self.rule.refuse(node, reason, hint)
        self.broken = True

    @property
    def _same(self) -> frozenset[Canon]:
        return frozenset(canon(item, self.frame) for item in self.group) | self.frame.constants()

    @property
    def _grouped_calls(self) -> frozenset[Canon]:
        """The calls within GROUP BY: an aggregate cannot stand there."""
        calls = (part for item in self.group for part in inside(item) if isinstance(part, exp.Anonymous))
        return frozenset(canon(call, self.frame) for call in [*calls, *self.sometimes])

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
        same = self._same
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
        if self.grouped:
            return unknown_aggregate(part, same | self._grouped_calls, self.frame)
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
            text = self._shown(partition)
            said = f"partition by {text}" if text else f"{self.rule.show(node)}"
            hint = advice.add_key(self._key, "partition by", text)
            self._refuse(node, f"{said} does not contain the key {self._key}", hint)
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
        elif relation.dependence is Dependence.KEYED and not (
            isinstance(parent, exp.In) and _truthful(parent) and self._in_on_key(parent, relation)
        ):
            reason = f"a subquery is not tied to the outer row by equality on the whole key {self._key}"
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
        return advice.exists(self._key) if len(held) == self.rule.size else advice.tie(self._key)

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
                by = self._shown([bare(item) for item in self.select.expressions])
                hint = advice.add_key(self._key, "select", by, whole=True)
                self._refuse(distinct, f"select distinct does not put out the key {self._key}", hint)
            return
        parts = [part for part in (on.expressions if isinstance(on, exp.Tuple) else [on]) if not self._shadowed(part)]
        held = self.frame.keeps(parts)
        if self.by_key and len(held) < self.rule.size:
            self._refuse(
                distinct,
                f"{self.rule.show(distinct).lower()} does not contain the key {self._key}",
                advice.add_key(self._key, "distinct on", self._shown(parts)),
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
        decided = not self.grouped and all(one is not None and one <= told for one in values)
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
        alone = correlated or not self.frame.keyed  # of one key, or of look-ups alone
        if alone and isinstance(limit, exp.Limit) and self.select.args.get("distinct") is None:
            told = frozenset(self._order()) | self._same
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


def _listed(item: exp.Expr) -> Iterator[exp.Expr]:
    """What a GROUP BY item stands for: a list in parentheses for its parts, one by one."""
    inside = bare(item)
    if isinstance(inside, exp.Tuple):
        for part in inside.expressions:
            yield from _listed(part)
    else:
        yield item


def _loose_column(item: exp.Expr) -> bool:
    """Whether an item with an aggregate reads columns outside of it, too."""
    stack = [item]
    while stack:
        part = stack.pop()
        if is_aggregate(part) or isinstance(part, exp.Query):
            continue
        if isinstance(part, exp.Column):
            return True
        stack.extend(part.iter_expressions())
    return False
