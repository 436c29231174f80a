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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from sqlglot import exp

from runner.joins.block import Block, Conjunct, Sub, outermost, value_of
from runner.joins.normal import Normal, NotDerived, inner, is_table, row_level
from runner.joins.values import DIFF, MARK, SIGN, WAS, Moves, Part, mark

LATERAL = re.compile(r"(?i)^lateral\s+")
MOST = 64  # pieces of one cover; more are not worth their reading
Same = Callable[[str, str], str]


@dataclass(frozen=True)
class Cover:
    """One part of a cover, as a join: what it knows, under the names of the relation's columns."""

    outs: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    wheres: tuple[str, ...]
    origin: int  # the number of the reference whose change it follows
    loose: str = ""  # why it reaches further than it should

    @property
    def known(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.outs)

    def text(self, quote: Callable[[str], str], *, distinct: bool = False) -> str:
        """The SELECT."""
        listed = ", ".join(f"{text} as {quote(name)}" for name, text in self.outs) or "1 as runner_one"
        sources = ", ".join(_written(part, quote) for part in self.parts)
        where = f" where {' and '.join(self.wheres)}" if self.wheres else ""
        return f"select {'distinct ' if distinct else ''}{listed}{' from ' if sources else ''}{sources}{where}"


def _written(part: Part, quote: Callable[[str], str]) -> str:
    columns = f"({', '.join(map(quote, part.columns))})" if part.columns else ""
    return f"{'lateral ' if part.lateral else ''}{part.text} as {quote(part.alias)}{columns}"


class Covers:
    """Makes covers over one normal form."""

    def __init__(self, normal: Normal, quote: Callable[[str], str], same: Same) -> None:
        self.normal, self.quote, self.same = normal, quote, same

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
        return Part(self.normal.alias(), f"({cover.text(self.quote, distinct=True)})")

    def column(self, alias: str, name: str) -> str:
        return f"{self.quote(alias)}.{self.quote(name)}"


def numbers(node: exp.Expr) -> list[int]:
    """The references within a query."""
    found = (MARK.fullmatch(table.name) for table in node.find_all(exp.Table) if is_table(table))
    return [int(one[2]) for one in found if one]


class Reading:
    """The covers of one block."""

    def __init__(self, covers: Covers, block: Block) -> None:
        self.covers, self.block, self.normal = covers, block, covers.normal
        self.sql, self.quote = covers.normal.sql, covers.quote

    # -- a block -----------------------------------------------------------------------------------------------------

    def cover(self, want: Sequence[str], *, top: bool) -> list[Cover]:
        block = self.block
        outputs = {one.alias_or_name: value_of(one) for one in block.node.selects}
        rows = {name: outputs[name] for name in want if row_level(outputs[name])}
        group, parts = block.group, block.partitions
        if block.has_sets:
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
        for cover in self.frame({f"runner_p{n}": one for n, one in enumerate(part)}):
            whole = self.block.node.copy()
            for clause in ("group", "having", "qualify", "order", "limit", "offset", "distinct", "windows"):
                whole.set(clause, None)
            listed = {**rows, **{name: part[int(name[8:])] for name in cover.known}}
            named = [exp.alias_(value.copy(), name, quoted=True) for name, value in listed.items()]
            whole.set("expressions", named or [exp.alias_(exp.Literal.number(1), "runner_one")])
            lateral = self.block.correlated
            all_rows = Part(self.normal.alias(), f"({self.sql(whole)})", lateral)
            changed = self._apart(cover)
            same = [
                self.covers.same(self.covers.column(all_rows.alias, name), self.covers.column(changed.alias, name))
                for name in sorted(cover.known)
            ]
            loose = cover.loose or ("" if part or lateral else "a window or LIMIT over all rows")
            outs = tuple((name, self.covers.column(all_rows.alias, name)) for name in rows)
            found.append(Cover(outs, (changed, all_rows), tuple(same), cover.origin, loose))
        return found

    def _apart(self, cover: Cover) -> Part:
        return replace(self.covers.apart(cover), lateral=self._reads_outside(cover))

    def _reads_outside(self, cover: Cover) -> bool:
        """Whether its text reads columns of an enclosing block."""
        text = cover.text(self.quote)
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
            found = MARK.fullmatch(table.name) if is_table(table) else None
            if found and self.normal.moves(int(found[2])) is Moves.SIGNED:
                table.set("this", exp.to_identifier(mark(WAS, int(found[2])), quoted=True))
        names = [one.alias_or_name for one in now.selects]
        listed = ", ".join(map(self.quote, names))
        both = (
            f"select {listed}, 1 as {SIGN} from ({self.sql(now)}) runner_n"
            f" union all select {listed}, -1 as {SIGN} from ({self.sql(was)}) runner_o"
        )
        shown = ", ".join(map(self.quote, want)) or "1 as runner_one"
        differing = f"(select {shown} from ({both}) runner_b group by {listed} having sum({SIGN}) <> 0)"
        lateral = self.block.correlated
        alias = self.normal.alias()
        over_all = "" if part or not whole or lateral else "a window or LIMIT over all rows"
        loose = next((cover.loose for cover in covers if cover.loose), over_all)
        outs = tuple((name, self.covers.column(alias, name)) for name in want)
        made = Cover(outs, (Part(alias, differing, lateral),), (), covers[0].origin, loose)
        return [replace(made, origin=origin) for origin in dict.fromkeys(cover.origin for cover in covers)]

    def _among(self, cover: Cover, part: list[exp.Expr]) -> str:
        alias = self.normal.alias()
        same = [
            self.covers.same(self.covers.column(alias, name), f"({self.sql(part[int(name[8:])])})")
            for name in sorted(cover.known)
        ]
        where = f" where {' and '.join(same)}" if same else ""
        return f"exists (select 1 from ({cover.text(self.quote, distinct=True)}) as {self.quote(alias)}{where})"

    # -- the FROM clause ---------------------------------------------------------------------------------------------

    def frame(self, rows: Mapping[str, exp.Expr]) -> list[Cover]:
        """What gives `rows` (name → expression over the items) of what differs in FROM and WHERE."""
        block = self.block
        roots = [alias for alias in block.order if any(alias in block.own(value) for value in rows.values())]
        way = Way(self, rows, roots)
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
            return self.covers.of(query, [out for out in outs if out in used], used)
        marked = MARK.fullmatch(item.name)
        number = int(marked[2]) if marked else -1
        if not marked or self.normal.moves(number) is Moves.NOT:
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
        outs = tuple((name, self.covers.column(here, name)) for name in names)
        return Cover(outs, (Part(here, self.quote(mark(DIFF, number))),), self._filters(alias, here), number)

    def _signed(self, alias: str, number: int) -> Cover:
        """Old and new rows that differ in what is used of them."""
        within, here = self.normal.alias(), self.normal.alias()
        filters = self._filters(alias, within)
        pushed = {id(conjunct.node) for conjunct in self._pushed(alias)}
        roots = [root for root in self.block.uses(alias) if id(root) not in pushed]
        names = sorted({c.name for root in roots for c in root.find_all(exp.Column) if c.table == alias})
        listed = ", ".join(self.covers.column(within, name) for name in names)
        where = f" where {' and '.join(filters)}" if filters else ""
        rows = f"{self.quote(mark(DIFF, number))} as {self.quote(within)}{where}"
        net = f"{' group by ' + listed if listed else ''} having sum({SIGN}) <> 0"
        if not self.normal.unequal(number).isdisjoint(names):
            net = ""  # old and new rows that are equal in these are not the same
        text = f"(select {listed or '1 as runner_one'} from {rows}{net})"
        return Cover(tuple((name, self.covers.column(here, name)) for name in names), (Part(here, text),), (), number)

    def _pushed(self, alias: str) -> list[Conjunct]:
        """The conditions on one item alone that may be asked of its changed rows first."""
        return [
            c
            for c in self.block.conjuncts
            if c.plain and c.items == {alias} and self._is_filter(c, alias) and not self.block.outer_names(c.node)
        ]

    def _filters(self, alias: str, here: str) -> tuple[str, ...]:
        return tuple(moved(f"({self.sql(c.node)})", alias, self.quote(here)) for c in self._pushed(alias))

    def _is_filter(self, conjunct: Conjunct, alias: str) -> bool:
        block, k = self.block, conjunct.join
        if any(alias in side and (k is None or m < k) for m, side in block.optional):
            return False
        if k is None:
            return alias not in block.hidden
        join = block.joins[k]
        right = alias == block.order[k + 1]
        if join.method == "ASOF" or (join.kind == "ANTI" and not right):
            return False
        return {"": True, "LEFT": right, "RIGHT": not right}.get(join.side, False)


def moved(text: str, alias: str, to: str) -> str:
    """A text with an item under another name."""
    return re.sub(rf'"?\b{alias}\b"?\.', f"{to}.", text)


class Way:
    """The ways from the key's items to a changed one, within one FROM clause."""

    def __init__(self, reading: Reading, rows: Mapping[str, exp.Expr], roots: list[str]) -> None:
        self.reading, self.block, self.rows, self.roots = reading, reading.block, rows, roots
        self.sql, self.quote, self.covers = reading.sql, reading.quote, reading.covers
        self.nulled = reading.normal.nulled
        self.reach = self._reach()
        self.changed = {alias: reading.item(alias) for alias in self.block.items}

    def _reach(self) -> dict[str, tuple[str, ...]]:
        """For each item that conditions link to the first root, in that order: the items on the way."""
        block = self.block
        way: dict[str, tuple[str, ...]] = dict.fromkeys(self.roots[:1], ())
        edges = [c.items for c in block.conjuncts if c.plain and len(c.items) > 1]
        edges += [block.beside(alias) | {alias} for alias in block.items if block.beside(alias)]
        grown = bool(way)
        while grown:
            grown = False
            for edge in edges:
                missing = edge - way.keys()
                rest = edge - missing
                if len(missing) == 1 and rest and not rest & block.hidden:
                    (new,) = missing
                    way[new] = tuple(dict.fromkeys(x for r in sorted(rest) for x in (*way[r], r)))
                    grown = True
        return way

    def through(self, target: str, cover: Cover) -> Iterator[Cover]:
        """The key side in its new state joined to the changed rows of `target`: what lies between, and nothing else."""
        reach, roots = self.reach, self.roots
        around = {x for root in roots for x in (*reach.get(root, ()), root)}
        linked = not roots or target in reach
        items = self._closed(around | set(reach.get(target, ())) | {target})
        later = self._later(items, target)
        for choice in product(*[[None, *self.changed[one]] for one in later]):
            chosen = {target: cover, **{one: c for one, c in zip(later, choice, strict=True) if c}}
            loose = cover.loose or ("" if linked else f"no condition links {self._named(target)} to the key")
            yield from self._modes(items, target, chosen, cover.origin, loose, (), ())

    def _later(self, items: set[str], target: str) -> list[str]:
        """Of the key's items those that come after the changed one on the way: read as they are now, and as they were."""
        place = {alias: n for n, alias in enumerate(self.reach)}
        place |= {a: len(place) + n for n, a in enumerate([*self.roots, *self.block.order]) if a not in place}
        return [one for one in items if one != target and place[one] > place[target] and self.changed[one]]

    def _named(self, alias: str) -> str:
        item = self.block.items[alias]
        marked = MARK.fullmatch(item.name) if is_table(item) else None
        return str(self.reading.normal.tables[int(marked[2])]) if marked else "a subquery"

    def through_sub(self, sub: Sub, outs: Sequence[str], cover: Cover) -> Iterator[Cover]:
        """The rows for which a subquery has a changed row."""
        reach, roots = self.reach, self.roots
        if sub.items & self.block.hidden - set(roots):
            sub = Sub(sub.query, (), False, frozenset(), sub.exists, sub.join)
        items = {x for one in [*roots, *sub.items] for x in (*reach.get(one, ()), one)}
        linked = not roots or (bool(sub.items) and all(one in reach for one in sub.items))
        known, same = dict(cover.outs), []
        for out, operand in zip(outs, sub.operand, strict=False):
            if out in known:
                e, q = self.sql(operand), known[out]
                same.append(f"{q} = {e}" if sub.strict else f"({q} = {e} or {q} is null or {e} is null)")
        loose = cover.loose or ("" if linked else "nothing links a subquery to the key")
        closed = self._closed(items)
        yield from self._modes(closed, None, {}, cover.origin, loose, cover.parts, (*cover.wheres, *same), sub.join)

    def _closed(self, items: set[str]) -> set[str]:
        while more := {c for alias in items for c in self.block.beside(alias)} - items:
            items |= more
        return items

    def _is_inside(self, k: int, side: frozenset[str], target: str | None, at: int | None) -> bool:
        """Whether what changed lies within the side of join `k` that may have been null, or in its condition."""
        return target in side or (at is not None and (at == k or (at < k and len(side) == k + 1)))

    def _modes(
        self,
        items: set[str],
        target: str | None,
        chosen: Mapping[str, Cover],
        origin: int,
        loose: str,
        more: tuple[Part, ...],
        extra: tuple[str, ...],
        at: int | None = None,
    ) -> Iterator[Cover]:
        """One cover, and where outer joins are on the way one more for each side that may have been null."""
        relevant = [(k, side) for k, side in self.block.optional if side & items]
        for chosen_nulls in product(*[(False, True)] * len(relevant)):
            null = [one for one, is_null in zip(relevant, chosen_nulls, strict=True) if is_null]
            if len({k for k, _ in null}) < len(null):
                continue
            gone = frozenset().union(*[side for k, side in null if not self._is_inside(k, side, target, at)])
            left = [a for a in self.block.order if a in items and a not in gone]
            left = [a for a in left if a == target or a not in self.block.hidden]
            if left or more:
                yield self._one(left, null, target, chosen, origin, loose, more, extra, at, gone)

    def _one(
        self,
        left: list[str],
        null: list[tuple[int, frozenset[str]]],
        target: str | None,
        chosen: Mapping[str, Cover],
        origin: int,
        loose: str,
        more: tuple[Part, ...],
        extra: tuple[str, ...],
        at: int | None,
        gone: frozenset[str],
    ) -> Cover:
        blank = frozenset(alias for _, side in null for alias in side)
        given = {a: dict(cover.outs) for a, cover in chosen.items()}
        wheres = [w for c in self.block.conjuncts if (w := self._kept(c, left, null, target, at, chosen))]
        wheres += self._nearest(target, chosen, left)
        outs = []
        for name, value in self.rows.items():
            read = [c for c in value.find_all(exp.Column) if c.table in self.block.items]
            if all(c.table in blank or c.table not in given or c.name in given[c.table] for c in read):
                outs.append((name, self._put(self.nulled(self.sql(value), blank), given)))
        parts: list[Part] = []
        for alias in left:
            if alias in chosen:
                parts += [replace(p, text=self._put(self.nulled(p.text, gone), given)) for p in chosen[alias].parts]
                wheres += [self.nulled(w, gone) for w in chosen[alias].wheres]
            else:
                parts.append(self._item(alias, gone, given))
        hide = blank if at is None else gone
        parts += [replace(p, text=self.nulled(p.text, hide)) for p in more]
        wheres += [self.nulled(one, hide) for one in extra]
        return Cover(tuple(outs), tuple(parts), tuple(wheres), origin, loose)

    def _item(self, alias: str, gone: frozenset[str], given: Mapping[str, Mapping[str, str]]) -> Part:
        """An item in its new state."""
        item = self.block.items[alias].copy()
        columns = tuple(one.name for one in item.args["alias"].args.get("columns") or [])
        item.set("alias", None)
        text = LATERAL.sub("", self.sql(item))
        lateral = bool(self.block.beside(alias)) or self.block.outer_names(self.block.items[alias])
        return Part(alias, self._put(self.nulled(text, gone), given), lateral, columns)

    def _put(self, text: str, given: Mapping[str, Mapping[str, str]]) -> str:
        """A text in which the columns of changed items are what their covers know them by."""
        for alias, outs in given.items():
            for name, to in outs.items():
                text = text.replace(self.covers.column(alias, name), to)
        return text

    def _nearest(self, target: str | None, chosen: Mapping[str, Cover], left: list[str]) -> list[str]:
        """ASOF: a changed row matters only where no row of the new state comes strictly nearer."""
        at = self.block.order.index(target) - 1 if target in self.block.order[1:] else -1
        if target is None or at < 0 or self.block.joins[at].method != "ASOF" or not is_table(self.block.items[target]):
            return []
        asked = [c for c in self.block.conjuncts if c.join == at]
        marked = MARK.fullmatch(self.block.items[target].name)
        signed = marked is not None and self.reading.normal.moves(int(marked[2])) is Moves.SIGNED
        if not signed or not set(left) >= frozenset().union(*(c.items for c in asked)):
            return []
        here, nearer = self.reading.normal.alias(), ""
        given, own = {a: dict(c.outs) for a, c in chosen.items()}, dict(chosen[target].outs)
        others = {a: outs for a, outs in given.items() if a != target}
        wheres = [self._put(moved(f"({self.sql(c.node)})", target, self.quote(here)), others) for c in asked]
        for node in (c.node for c in asked if isinstance(c.node, (exp.GTE, exp.GT, exp.LTE, exp.LT))):
            first = target in self.block.own(node.this)
            mine = self.sql(node.this if first else node.expression)
            greatest = isinstance(node, (exp.LTE, exp.LT)) == first  # the greatest that is not above
            nearer = (
                f"{moved(mine, target, self.quote(here))} {'>' if greatest else '<'} {self._put(mine, {target: own})}"
            )
        if not nearer:
            return []
        table = self.quote(self.block.items[target].name)
        return [f"not exists (select 1 from {table} as {self.quote(here)} where {' and '.join([*wheres, nearer])})"]

    def _kept(
        self,
        conjunct: Conjunct,
        left: list[str],
        null: list[tuple[int, frozenset[str]]],
        target: str | None,
        at: int | None,
        chosen: Mapping[str, Cover],
    ) -> str:
        """A condition as text if it may be kept, else nothing."""
        block, k = self.block, conjunct.join
        if not conjunct.plain or (not conjunct.items and k is not None):
            return ""
        blank: set[str] = set()
        for m, side in null:
            within = k is not None and (k == m or (k < m and side >= conjunct.items))
            if within and not self._is_inside(m, side, target, at):
                return ""
            if not within:
                blank |= side
        if k is not None:
            sides = [side for m, side in block.optional if m == k]
            if any(not side & set(left) for side in sides):
                return ""
            if block.joins[k].kind in ("SEMI", "ANTI") and block.order[k + 1] != target:
                return ""
        elif conjunct.items & block.hidden:
            return ""
        if not conjunct.items - blank <= set(left):
            return ""
        given = {a: dict(cover.outs) for a, cover in chosen.items()}
        for column in conjunct.node.find_all(exp.Column):
            if column.table in given and column.table not in blank and column.name not in given[column.table]:
                return ""
        return self._put(self.nulled(f"({self.sql(conjunct.node)})", frozenset(blank)), given)
