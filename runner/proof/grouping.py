"""The GROUP BY of one block: what it groups by, whether every group is of one key, and what tells its rows apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from runner.proof import advice
from runner.proof.calls import has_aggregate, is_aggregate
from runner.proof.columns import Canon, leaves
from runner.proof.from_clause import Rule
from runner.proof.relations import Frame, Unique, bare, canon, canons_in, folded, inside
from runner.proof.selected import Selected

SETS = (exp.GroupingSets, exp.Rollup, exp.Cube)


@dataclass
class Groups:
    """The groups of one SELECT, over its FROM clause."""

    rule: Rule
    select: exp.Select
    frame: Frame
    by_key: bool  # its rows belong to several keys, so all groups must contain the key
    grouped: bool = False
    items: list[exp.Expr] = field(default_factory=list)
    sometimes: list[exp.Expr] = field(default_factory=list)  # grouped by in some grouping sets, not in all
    unique: list[Unique] = field(default_factory=list)  # of the rows after grouping
    broken: bool = False  # something was refused

    def read(self) -> None:
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
        self.items = [item for item in selected.known if not has_aggregate(item)] if clause.args.get("all") else []
        held: frozenset[int] = frozenset()
        loose: list[exp.Expr] = []
        for item in (one for listed in clause.expressions for one in _listed(listed)):
            if isinstance(item, SETS):
                in_all, in_some = self._sets(item)
                self.items += in_all
                loose += in_some
                continue
            chosen, maybe = self._group_item(item, selected)
            self.items.append(chosen)
            held |= frame.strong(maybe) if maybe is not None else frozenset()
        held |= frame.keeps(self.items)
        sets = any(isinstance(item, SETS) for item in clause.expressions)
        if sets and ((self.by_key and len(held) < self.rule.size) or any(map(self._makes_key, loose))):
            self._totals(clause)
            return
        self.sometimes = loose
        mixed = clause.args.get("all") and any(
            has_aggregate(item) and _loose_column(item) for item in select.expressions
        )
        told = frozenset(canon(item, frame) for item in self.items if not frame.strong(item))
        others = clause.args.get("all") and selected.is_open
        if others:
            self.rule.doubts.append("*")
        self.unique = [] if mixed or sets or others else [told]
        self._whole(held, clause, f"{self.rule.show(clause).lower()} does not contain the key {self.rule.key_text}")

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

    def _whole(self, held: frozenset[int], node: exp.Expr, reason: str) -> None:
        if self.by_key and len(held) < self.rule.size:
            missing = ", ".join(text for at, text in enumerate(self.rule.texts) if at not in held)
            filled = [item for item in self.items if self.frame.holds(item).keys() - held]
            hint = (
                advice.filled_up(self.rule.show(filled[0]))
                if filled
                else advice.add_key(missing, "group by", shown_list(self.rule, self.items), whole=True)
            )
            self._refuse(node, reason, hint)

    def _refuse(self, node: exp.Expr, reason: str, hint: str) -> None:
        self.rule.refuse(node, reason, hint)
        self.broken = True

    @property
    def same(self) -> frozenset[Canon]:
        """What is the same on all rows of a group."""
        return frozenset(canon(item, self.frame) for item in self.items) | self.frame.constants()

    @property
    def calls(self) -> frozenset[Canon]:
        """The calls within GROUP BY: an aggregate cannot stand there."""
        calls = (part for item in self.items for part in inside(item) if isinstance(part, exp.Anonymous))
        return frozenset(canon(call, self.frame) for call in [*calls, *self.sometimes])


def shown_list(rule: Rule, items: list[exp.Expr]) -> str:
    """Expressions as a message lists them."""
    return ", ".join(rule.show(bare(item)) for item in items)


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
