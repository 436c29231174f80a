"""Covers: queries over the new state and the changed rows that hold every row of a relation that came or went.

A *cover* of a relation on some of its columns gives at least the values that these columns have in rows which are in the
old state and not in the new one, or the other way round, as multisets. Covers are made block by block, from the inside
out; one may leave a column unknown, and then conditions that need it are dropped, which reaches further and never less.

Why the new state of what lies between is enough, however many inputs change at once: take a row of a join that is in one
state only. Some component of it changed; take the first of these on the way from the key. All before it are unchanged in
this row, so they are in the new state; what comes after it is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sqlglot import exp

from runner.joins.block import Block, outermost, value_of
from runner.joins.nodes import NotDerived, inner, is_table, number_of, row_level
from runner.joins.normal import Normal
from runner.joins.sets import GroupingSet, grouping_sets, within_set
from runner.joins.texts import Cover, as_one, column, moved, quoted
from runner.joins.values import DIFF, SIGN, WAS, Moves, Part, mark
from runner.joins.way import Way

MOST = 64  # pieces of one cover; more are not worth their reading
Same = Callable[[str, str], str]


class Covers:
    """Makes covers over one normal form."""

    def __init__(self, normal: Normal, same: Same) -> None:
        self.normal, self.same = normal, same

    def of(self, node: exp.Expr, want: Sequence[str], used: frozenset[str] | None, *, top: bool = False) -> list[Cover]:
        """What gives `want` of the rows of a query that differ in `used` (None: in any output)."""
        node = inner(node) if isinstance(node, (exp.Subquery, exp.Lateral)) else node
        if isinstance(node, exp.SetOperation):
            return self._set(node, want, used, top=top)
        if not isinstance(node, exp.Select):
            raise NotDerived(f"{self.normal.sql(node)[:60]} is not followed")
        return Reading(self, Block(self.normal, node, used)).cover(want, top=top)

    def _set(
        self, node: exp.SetOperation, want: Sequence[str], used: frozenset[str] | None, *, top: bool
    ) -> list[Cover]:
        """The covers of both branches, by position."""
        if node.args.get("by_name") or node.args.get("limit") or node.args.get("offset"):
            raise NotDerived("a union by name, or with a limit, is not followed")
        left, right = node.this, node.expression
        names = {a.alias_or_name: b.alias_or_name for a, b in zip(left.selects, right.selects, strict=False)}
        back = {b: a for a, b in names.items()}
        if len(back) < len(right.selects) or len(names) < len(left.selects):
            raise NotDerived("two columns of a union's branch have one name")
        whole = used is None or bool(node.args.get("distinct")) or not isinstance(node, exp.Union)
        found = self.of(left, want, None if whole else used, top=top)
        theirs = None if whole else frozenset(names[one] for one in used or ())
        for cover in self.of(right, [names[one] for one in want], theirs, top=top):
            found.append(replace(cover, outs=tuple((back[name], text) for name, text in cover.outs)))
        return found

    def changes(self, node: exp.Expr) -> bool:
        return any(self.normal.moves(number) is not Moves.NOT for number in numbers(node))

    def apart(self, cover: Cover) -> Part:
        """A cover as one item of a FROM clause."""
        return Part(self.normal.alias(), f"({cover.text(distinct=True)})")


def numbers(node: exp.Expr) -> list[int]:
    """The references within a query."""
    return [number for table in node.find_all(exp.Table) if (number := number_of(table)) is not None]


class Reading:
    """The covers of one block."""

    def __init__(self, covers: Covers, block: Block) -> None:
        self.covers, self.block, self.normal = covers, block, covers.normal
        self.sql = covers.normal.sql

    # -- a block -----------------------------------------------------------------------------------------------------

    def cover(self, want: Sequence[str], *, top: bool) -> list[Cover]:
        block = self.block
        outputs = {one.alias_or_name: value_of(one) for one in block.node.selects}
        rows = {name: outputs[name] for name in want if row_level(outputs[name])}
        group, parts = block.group, block.partitions
        if block.has_sets:
            by_set = self._by_set({name: outputs[name] for name in want}) if not parts else []
            is_told = all(len(values) == len(want) for values in by_set)
            if by_set and (is_told if top else not self._has_old()):
                return [cover for values in by_set for cover in self.frame(values)]
            rows = {name: value for name, value in rows.items() if value in (group or [])}
        needs_more = not top or len(rows) < len(want)
        if needs_more and (group is not None or parts) and self.covers.changes(block.node) and self._has_old():
            common = [one for one in (group or []) if row_level(one)] if not parts else parts[0]
            for other in parts[1:]:
                common = [one for one in common if one in other]
            if parts and group is not None:
                common = [one for one in common if one in group]
            return self._exact(want, [one for one in common if row_level(one)], whole=bool(parts))
        found = self.frame(rows)
        for part in parts:
            held = [one for one in part if row_level(one)]
            if not all(value in held for value in rows.values()):
                found += self._partition(rows, held)
        return found

    def _by_set(self, outputs: Mapping[str, exp.Expr]) -> list[dict[str, exp.Expr]]:
        """For each grouping set, what outputs are in its rows, where that is told."""
        sets = grouping_sets(self.block.node.args["group"]) or []

        def told(value: exp.Expr, one: GroupingSet) -> exp.Expr | None:
            found = within_set(value, one, sets)
            return exp.Var(this=self.block.null_of(value)) if isinstance(found, exp.Null) else found

        each = ({name: told(value, one) for name, value in outputs.items()} for one in sets)
        return [{name: value for name, value in known.items() if value} for known in each]

    def _has_old(self) -> bool:
        """Whether the block can be asked as it was, and its rows that differ be told by what they are equal in."""
        read = numbers(self.block.node)
        names = {column.name for column in self.block.node.find_all(exp.Column)}
        return all(
            self.normal.moves(number) is not Moves.VALUES and self.normal.unequal(number).isdisjoint(names)
            for number in read
        )

    def _partition(self, rows: Mapping[str, exp.Expr], part: list[exp.Expr]) -> list[Cover]:
        """Every row of the new state that shares a partition with a changed one."""
        found = []
        for cover in as_one(self.frame({f"runner_p{n}": one for n, one in enumerate(part)}), self.normal.alias):
            whole = self.block.node.copy()
            for clause in ("group", "having", "qualify", "order", "limit", "offset", "distinct", "windows"):
                whole.set(clause, None)
            listed = {**rows, **{name: part[int(name[8:])] for name in cover.known}}
            named = [exp.alias_(value.copy(), name, quoted=True) for name, value in listed.items()]
            whole.set("expressions", named or [exp.alias_(exp.Literal.number(1), "runner_one")])
            lateral = self.block.correlated
            all_rows = Part(self.normal.alias(), f"({self.sql(whole)})", lateral)
            changed = replace(self.covers.apart(cover), lateral=self._reads_outside(cover))
            same = [
                self.covers.same(column(all_rows.alias, name), column(changed.alias, name))
                for name in sorted(cover.known)
            ]
            loose = cover.loose or ("" if part or lateral else "a window or LIMIT over all rows")
            outs = tuple((name, column(all_rows.alias, name)) for name in rows)
            found.append(Cover(outs, (changed, all_rows), tuple(same), cover.origin, loose))
        return found

    def _reads_outside(self, cover: Cover) -> bool:
        """Whether its text reads columns of an enclosing block."""
        text = cover.text()
        named = set(re.findall(r'(?:as|AS) "?(runner_t\d+)"?', text))
        return bool(set(re.findall(r'"?(runner_t\d+)"?\.', text)) - named)

    def _exact(self, want: Sequence[str], part: list[exp.Expr], *, whole: bool) -> list[Cover]:
        """Groups or partitions with a changed row, as they are and as they were: what differs."""
        covers = self.frame({f"runner_p{n}": one for n, one in enumerate(part)})
        if not covers:
            return []
        asked = " or ".join(dict.fromkeys(self._among(cover, part) for cover in covers))
        now = self.block.node.copy()
        now.set("order", None if not now.args.get("limit") and not now.args.get("distinct") else now.args.get("order"))
        if not now.args.get("distinct"):
            live = {one.alias_or_name for one in self.block.live} | set(want)
            if now.args.get("group") and now.args["group"].args.get("all"):
                now.set("group", exp.Group(expressions=[one.copy() for one in self.block.group or []]))
            kept = [one for one in now.expressions if one.alias_or_name in live]
            now.set("expressions", kept or [exp.alias_(exp.Literal.number(1), "runner_one")])
        now = now.where(exp.Var(this=f"({asked})"))
        was = now.copy()
        for table in list(was.find_all(exp.Table)):
            number = number_of(table)
            if number is not None and self.normal.moves(number) is Moves.SIGNED:
                table.set("this", exp.to_identifier(mark(WAS, number), quoted=True))
        names = [one.alias_or_name for one in now.selects]
        listed = ", ".join(map(quoted, names))
        both = (
            f"select {listed}, 1 as {SIGN} from ({self.sql(now)}) runner_n"
            f" union all select {listed}, -1 as {SIGN} from ({self.sql(was)}) runner_o"
        )
        shown = ", ".join(map(quoted, want)) or "1 as runner_one"
        differing = f"(select {shown} from ({both}) runner_b group by {listed} having sum({SIGN}) <> 0)"
        lateral = self.block.correlated
        alias = self.normal.alias()
        over_all = "" if part or not whole or lateral else "a window or LIMIT over all rows"
        loose = next((cover.loose for cover in covers if cover.loose), over_all)
        outs = tuple((name, column(alias, name)) for name in want)
        made = Cover(outs, (Part(alias, differing, lateral),), (), covers[0].origin, loose)
        return [replace(made, origin=origin) for origin in dict.fromkeys(cover.origin for cover in covers)]

    def _among(self, cover: Cover, part: list[exp.Expr]) -> str:
        alias = self.normal.alias()
        same = [
            self.covers.same(column(alias, name), f"({self.sql(part[int(name[8:])])})") for name in sorted(cover.known)
        ]
        where = f" where {' and '.join(same)}" if same else ""
        return f"exists (select 1 from ({cover.text(distinct=True)}) as {quoted(alias)}{where})"

    # -- the FROM clause ---------------------------------------------------------------------------------------------

    def frame(self, rows: Mapping[str, exp.Expr]) -> list[Cover]:
        """What gives `rows` (name → expression over the items) of what differs in FROM and WHERE."""
        block = self.block
        roots = [alias for alias in block.order if any(alias in block.own(value) for value in rows.values())]
        way = Way(block, rows, roots, {alias: self.item(alias) for alias in block.items})
        found: dict[object, Cover] = {}
        for target, covers in way.changed.items():
            if target in block.hidden and target in roots:
                continue
            for cover in covers:
                for made in way.through(target, cover):
                    self._keep(made, found)
        for sub in block.subs:
            outs = [one.alias_or_name for one in sub.query.selects]
            used: frozenset[str] | None = frozenset() if sub.exists else None
            for cover in self.covers.of(sub.query, outs[: len(sub.operand)], used):
                for made in way.through_sub(sub, outs, cover):
                    self._keep(made, found)
        return list(found.values())

    @staticmethod
    def _keep(made: Cover, found: dict[object, Cover]) -> None:
        """Raises NotDerived as soon as there are too many: how many there would be grows by powers."""
        found.setdefault((made.outs, made.parts, made.wheres, made.origin), made)
        if len(found) > MOST:
            raise NotDerived(f"more than {MOST} ways from a change to a key")

    def item(self, alias: str) -> list[Cover]:
        """The covers of one FROM item, on the columns of it that the block uses."""
        block, item = self.block, self.block.items[alias]
        if not is_table(item):
            if not isinstance(item, (exp.Subquery, exp.Lateral)) or not self.covers.changes(item):
                return self._list(alias, item)
            query = inner(item)
            outs = [one.alias_or_name for one in query.selects] if isinstance(query, exp.Query) else []
            renamed = item.args["alias"].args.get("columns") or []
            if renamed:
                return [replace(cover, outs=()) for cover in self.covers.of(query, [], None)]
            used = frozenset(block.columns_used(alias)) & set(outs)
            found = self.covers.of(query, [out for out in outs if out in used], used)
            return found if self.block.outer_names(item) or block.beside(alias) else as_one(found, self.normal.alias)
        number = number_of(item)
        if number is None or self.normal.moves(number) is Moves.NOT:
            return []
        if self.normal.moves(number) is Moves.VALUES:
            return [self._values(alias, number)]
        return [self._signed(alias, number)]

    def _list(self, alias: str, item: exp.Expr) -> list[Cover]:
        if any(self.covers.changes(query) for query in outermost(item)):
            raise NotDerived(f"a subquery in {self.sql(item)[:60]} is not followed")
        return []

    def _values(self, alias: str, number: int) -> Cover:
        """What is known of a source's changed rows: the values of expressions, old and new ones together."""
        names = self.block.columns_used(alias)
        here = self.normal.alias()
        outs = tuple((name, column(here, name)) for name in names)
        return Cover(outs, (Part(here, quoted(mark(DIFF, number))),), self._filters(alias, here), number)

    def _signed(self, alias: str, number: int) -> Cover:
        """Old and new rows that differ in what is used of them."""
        within, here = self.normal.alias(), self.normal.alias()
        filters = self._filters(alias, within)
        pushed = {id(conjunct.node) for conjunct in self.block.filters(alias)}
        roots = [root for root in self.block.uses(alias) if id(root) not in pushed]
        names = sorted({c.name for root in roots for c in root.find_all(exp.Column) if c.table == alias})
        listed = ", ".join(column(within, name) for name in names)
        where = f" where {' and '.join(filters)}" if filters else ""
        rows = f"{quoted(mark(DIFF, number))} as {quoted(within)}{where}"
        net = f"{' group by ' + listed if listed else ''} having sum({SIGN}) <> 0"
        if not self.normal.unequal(number).isdisjoint(names):
            net = ""  # old and new rows that are equal in these are not the same
        text = f"(select {listed or '1 as runner_one'} from {rows}{net})"
        return Cover(tuple((name, column(here, name)) for name in names), (Part(here, text),), (), number)

    def _filters(self, alias: str, here: str) -> tuple[str, ...]:
        return tuple(moved(f"({self.sql(c.node)})", alias, quoted(here)) for c in self.block.filters(alias))
