"""The ways from the key to what changed, within one FROM clause: what lies between, and how outer joins are crossed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from sqlglot import exp

from runner.joins.block import Block, Conjunct, Side, Sub
from runner.joins.nodes import is_table, number_of
from runner.joins.texts import Cover, as_one, column, moved, quoted, united
from runner.joins.values import Moves, Part

LATERAL = re.compile(r"(?i)^lateral\s+")


@dataclass(frozen=True)
class Followed:
    """A change that is followed to the key: of an item of the FROM clause, or of a subquery (`parts`, `wheres`)."""

    origin: int  # the number of the reference that changed
    loose: str  # why it reaches further than it should
    target: str | None = None  # the item
    chosen: Mapping[str, Cover] = field(default_factory=dict)  # items that are read as what changed of them
    both: frozenset[str] = frozenset()  # items that are read as they are now, and as what changed of them
    parts: tuple[Part, ...] = ()
    wheres: tuple[str, ...] = ()
    at: int | None = None  # the join in whose ON the subquery stands

    @property
    def given(self) -> Mapping[str, Mapping[str, str]]:
        """Of the items that are read so: what their columns are known by."""
        return {alias: dict(cover.outs) for alias, cover in self.chosen.items()}

    def is_within(self, k: int, side: frozenset[str]) -> bool:
        """Whether what changed lies within the side of join `k` that may have been null, or in its condition."""
        return self.target in side or (self.at is not None and (self.at == k or (self.at < k and len(side) == k + 1)))


class Way:
    """The ways from the key's items to a changed one, within one FROM clause. `changed`: the covers of each item."""

    def __init__(
        self, block: Block, rows: Mapping[str, exp.Expr], roots: list[str], changed: Mapping[str, list[Cover]]
    ) -> None:
        self.block, self.rows, self.roots, self.changed = block, rows, roots, changed
        self.normal, self.sql, self.nulled = block.normal, block.normal.sql, block.normal.nulled
        self.reach = self._reach()

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
        loose = cover.loose or ("" if linked else f"no condition links {self._named(target)} to the key")
        both = frozenset(one for one in later if self._whole(one))
        for choice in product(*[[None, *self._partial(one)] for one in later]):
            chosen = {one: c for one, c in zip(later, choice, strict=True) if c}
            change = Followed(cover.origin, loose, target, {target: cover, **chosen}, both - chosen.keys())
            yield from self._modes(items, change)
            if target in self.block.nearest and (target in around or self._is_read_on(target)):
                yield from self._displaced(items, target, cover, change)

    def _is_read_on(self, alias: str) -> bool:
        """Whether a condition reads an item's columns, other than that of its own join."""
        at = self.block.order.index(alias) - 1
        return any(alias in c.items and c.join != at for c in self.block.conjuncts)

    def _displaced(self, items: set[str], target: str, cover: Cover, change: Followed) -> Iterator[Cover]:
        """ASOF: the rows that a changed one takes the place of, or leaves it to, none of which changed themselves."""
        at = self.block.order.index(target) - 1
        asked = [c for c in self.block.conjuncts if c.join == at]
        beside = {x for c in asked for one in c.items for x in (*self.reach.get(one, ()), one)}
        outs = {target: dict(cover.outs)}
        wheres = [
            self._put(f"({self.sql(c.node)})", outs)
            for c in asked
            if all(x.name in outs[target] for x in c.node.find_all(exp.Column) if x.table == target)
        ]
        chosen = {one: other for one, other in change.chosen.items() if one != target}
        wheres += cover.wheres
        place = Followed(cover.origin, change.loose, None, chosen, change.both, cover.parts, tuple(wheres), at)
        yield from self._modes(self._closed(items | beside), place)

    def _later(self, items: set[str], target: str) -> list[str]:
        """Of the key's items those that come after the changed one on the way: read as they are now, and as they were."""
        place = {alias: n for n, alias in enumerate(self.reach)}
        place |= {a: len(place) + n for n, a in enumerate([*self.roots, *self.block.order]) if a not in place}
        return [one for one in items if one != target and place[one] > place[target] and self.changed[one]]

    def _whole(self, alias: str) -> list[Cover]:
        """The covers of an item that know all that is used of it: they may be read as more rows of it."""
        item = self.block.items[alias]
        if self.block.beside(alias) or self.block.outer_names(item) or item.args["alias"].args.get("columns"):
            return []
        used = set(self.block.columns_used(alias))
        return [cover for cover in self.changed[alias] if cover.known >= used]

    def _partial(self, alias: str) -> list[Cover]:
        """Its other covers, as one where they know the same."""
        whole = self._whole(alias)
        others = [cover for cover in self.changed[alias] if cover not in whole]
        if self.block.beside(alias) or self.block.outer_names(self.block.items[alias]):
            return others
        return as_one((replace(cover, origin=-1, loose="") for cover in others), self.normal.alias)

    def _named(self, alias: str) -> str:
        number = number_of(self.block.items[alias])
        return "a subquery" if number is None else str(self.normal.tables[number])

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
        wheres = (*cover.wheres, *same)
        change = Followed(cover.origin, loose, parts=cover.parts, wheres=wheres, at=sub.join)
        yield from self._modes(self._closed(items), change)

    def _closed(self, items: set[str]) -> set[str]:
        while more := {c for alias in items for c in self.block.beside(alias)} - items:
            items |= more
        return items

    def _modes(self, items: set[str], change: Followed) -> Iterator[Cover]:
        """One cover, and where outer joins are on the way one more for each side that may have been null."""
        relevant = [one for one in self.block.optional if one[1] & items]
        for chosen_nulls in product(*[(False, True)] * len(relevant)):
            null = [one for one, is_null in zip(relevant, chosen_nulls, strict=True) if is_null]
            if len({k for k, _ in null}) < len(null):
                continue
            gone = frozenset().union(*(side for k, side in null if not change.is_within(k, side)))
            left = [a for a in self.block.order if a in items and a not in gone]
            left = [a for a in left if a == change.target or a not in self.block.hidden]
            if left or change.parts:
                yield self._one(left, null, gone, change)

    def _one(self, left: list[str], null: Sequence[Side], gone: frozenset[str], change: Followed) -> Cover:
        """The cover over the items that are `left`, where the sides in `null` are."""
        blank = frozenset(alias for _, side in null for alias in side)
        given = change.given
        wheres = [w for c in self.block.conjuncts if (w := self._kept(c, left, null, change))]
        wheres += self._nearest(change, left)
        outs = []
        for name, value in self.rows.items():
            if isinstance(value, exp.Var):  # a null of its own type
                outs.append((name, value.name))
                continue
            read = [c for c in value.find_all(exp.Column) if c.table in self.block.items]
            if all(c.table in blank or c.table not in given or c.name in given[c.table] for c in read):
                text = self._put(self.nulled(self.sql(value), blank), given)
                outs.append((name, self.block.null_of(value) if text == "NULL" else text))
        parts: list[Part] = []
        for alias in left:
            if alias in change.chosen:
                cover = change.chosen[alias]
                parts += [replace(p, text=self._put(self.nulled(p.text, gone), given)) for p in cover.parts]
                wheres += [self.nulled(w, gone) for w in cover.wheres]
            else:
                parts.append(self._item(alias, gone, given, with_changed=alias in change.both))
        hide = blank if change.at is None else gone
        parts += [replace(p, text=self.nulled(p.text, hide)) for p in change.parts]
        wheres += [self.nulled(one, hide) for one in change.wheres]
        return Cover(tuple(outs), tuple(parts), tuple(wheres), change.origin, change.loose)

    def _item(
        self, alias: str, gone: frozenset[str], given: Mapping[str, Mapping[str, str]], *, with_changed: bool
    ) -> Part:
        """An item in its new state, with the rows of it that changed if they are asked for."""
        item = self.block.items[alias].copy()
        columns = tuple(one.name for one in item.args["alias"].args.get("columns") or [])
        item.set("alias", None)
        text = LATERAL.sub("", self.sql(item))
        if with_changed:
            here, names = self.normal.alias(), self.block.columns_used(alias)
            now = Cover(tuple((n, column(here, n)) for n in names), (Part(here, text),), (), -1)
            return Part(alias, f"({united([now, *self._whole(alias)], names)})")
        lateral = bool(self.block.beside(alias)) or self.block.outer_names(self.block.items[alias])
        return Part(alias, self._put(self.nulled(text, gone), given), lateral, columns)

    def _put(self, text: str, given: Mapping[str, Mapping[str, str]]) -> str:
        """A text in which the columns of changed items are what their covers know them by."""
        for alias, outs in given.items():
            for name, to in outs.items():
                text = text.replace(column(alias, name), to)
        return text

    def _nearest(self, change: Followed, left: list[str]) -> list[str]:
        """ASOF: a changed row matters only where no row of the new state comes strictly nearer."""
        target = change.target
        at = self.block.order.index(target) - 1 if target in self.block.order[1:] else -1
        if target is None or at < 0 or self.block.joins[at].method != "ASOF" or not is_table(self.block.items[target]):
            return []
        asked = [c for c in self.block.conjuncts if c.join == at]
        number = number_of(self.block.items[target])
        signed = number is not None and self.normal.moves(number) is Moves.SIGNED
        if not signed or not set(left) >= frozenset().union(*(c.items for c in asked)):
            return []
        here, nearer = self.normal.alias(), ""
        others = {a: outs for a, outs in change.given.items() if a != target}
        wheres = [self._put(moved(f"({self.sql(c.node)})", target, quoted(here)), others) for c in asked]
        for node in (c.node for c in asked if isinstance(c.node, (exp.GTE, exp.GT, exp.LTE, exp.LT))):
            first = target in self.block.own(node.this)
            mine = self.sql(node.this if first else node.expression)
            greatest = isinstance(node, (exp.LTE, exp.LT)) == first  # the greatest that is not above
            nearer = f"{moved(mine, target, quoted(here))} {'>' if greatest else '<'} {self._put(mine, {target: change.given[target]})}"
        if not nearer:
            return []
        table = quoted(self.block.items[target].name)
        return [f"not exists (select 1 from {table} as {quoted(here)} where {' and '.join([*wheres, nearer])})"]

    def _kept(self, conjunct: Conjunct, left: list[str], null: Sequence[Side], change: Followed) -> str:
        """A condition as text if it may be kept, else nothing."""
        block, k = self.block, conjunct.join
        if not conjunct.plain or (not conjunct.items and k is not None):
            return ""
        blank: set[str] = set()
        for m, side in null:
            within = k is not None and (k == m or (k < m and side >= conjunct.items))
            if within and not change.is_within(m, side):
                return ""
            if not within:
                blank |= side
        if k is not None:
            sides = [side for m, side in block.optional if m == k]
            if any(not side & set(left) for side in sides):
                return ""
            if block.joins[k].kind in ("SEMI", "ANTI") and block.order[k + 1] != change.target:
                return ""
        elif conjunct.items & block.hidden:
            return ""
        if not conjunct.items - blank <= set(left):
            return ""
        given = change.given
        for read in conjunct.node.find_all(exp.Column):
            if read.table in given and read.table not in blank and read.name not in given[read.table]:
                return ""
        return self._put(self.nulled(f"({self.sql(conjunct.node)})", frozenset(blank)), given)
