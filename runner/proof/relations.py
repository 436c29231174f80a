"""The relations of one FROM clause: which columns are the key, what is unique within it, how names resolve.

A relation is *keyed* if its rows fall apart by key: what it gives for a set of keys depends on the tracked rows of
those keys only. A `Frame` is the FROM clause of one block: its relations, and the equalities that tie them together.
No rule is decided here; `keywise.py` asks and refuses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from runner.proof.columns import Canon, Dependence, Place, Relation, leaves, through
from runner.sql import parser

Unique = frozenset[Canon]  # with the key, these identify a row; the empty set: one row per key
OUTER = ""  # stands for the row of the enclosing query, whose key is given
STRUCT_PATHS = frozenset({"duckdb", "redshift"})  # where a.b may be a field of column a
COLUMN_UNITS = frozenset({"duckdb", "postgres"})  # where the unit of date_trunc is a value like any other
UNITS = frozenset(
    "microsecond microseconds millisecond milliseconds second seconds minute minutes hour hours day days week weeks "
    "month months quarter quarters year years decade decades century centuries millennium millenniums millennia "
    "isoyear isodow dow doy dayofweek dayofyear epoch era weekday yearweek julian timezone timezone_hour "
    "timezone_minute".split()
)


@dataclass(frozen=True)
class Hold:
    """An expression holds a key component: by way of these relations, and on every row if it is strong."""

    aliases: frozenset[str]
    sure: frozenset[str]  # where one of these is there, not filled up by an outer join, it is the key
    strong: bool


@dataclass(frozen=True)
class Member:
    """An expression over one relation of a frame that is a key component there."""

    component: int
    alias: str
    strong: bool


def folded(identifier: exp.Expr | str, dialect: str) -> str:
    """A column name as the engine compares it."""
    if isinstance(identifier, str):
        return identifier.lower()
    name = str(identifier.this)
    if not identifier.args.get("quoted") or dialect in {"duckdb", "redshift"}:
        return name.lower()
    if dialect == "snowflake":
        return name.lower() if name == name.upper() else f'"{name}"'
    return name


def unfolded(name: str, dialect: str) -> exp.Identifier:
    """An identifier that `folded` gives this name again."""
    if dialect != "snowflake":
        return exp.to_identifier(name, quoted=name != name.lower() or not name.isidentifier())
    return exp.to_identifier(name.strip('"'), quoted=name.startswith('"'))


def bare(node: exp.Expr) -> exp.Expr:
    """Without parentheses and alias."""
    while isinstance(node, (exp.Paren, exp.Alias)):
        node = node.this
    return node


def conjuncts(node: exp.Expr | None) -> Iterator[exp.Expr]:
    """The conditions that all hold where `node` does."""
    if node is None:
        return
    node = bare(node)
    if isinstance(node, exp.And):
        yield from conjuncts(node.this)
        yield from conjuncts(node.expression)
    else:
        yield node


def inside(node: exp.Expr) -> Iterator[exp.Expr]:
    """The nodes of one block's expression, outermost first: nested queries are named, not entered."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        if not isinstance(top, exp.Query) or isinstance(top, exp.Table):
            stack.extend(reversed(list(top.iter_expressions())))


def line_of(node: exp.Expr) -> int:
    """The line of a node: its own, else its first descendant's, else the nearest ancestor's that has one."""
    at: exp.Expr | None = node
    while at is not None:
        lines = [found.meta["line"] for found in at.walk() if "line" in found.meta]
        if lines:
            return int(min(lines))
        at = at.parent
    return 1


@dataclass
class Frame:
    """The FROM clause of one block, as far as it has been read."""

    dialect: str
    size: int  # how many columns the key has
    outer: Frame | None = None
    relations: dict[str, Relation] = field(default_factory=dict)
    members: dict[Canon, list[Member]] = field(default_factory=dict)
    covers: list[frozenset[str]] = field(default_factory=list)  # of each, at least one is there on every row
    merged: dict[str, list[Canon]] = field(default_factory=dict)  # USING columns: the first that is not null
    unique: list[Unique] = field(default_factory=lambda: [frozenset()])
    islands: dict[tuple[int, str], tuple[int, str]] = field(default_factory=dict)
    parts: list[tuple[int, str, frozenset[Canon]]] = field(default_factory=list)  # what a key expression reads
    origins: dict[str, tuple[str, ...]] = field(default_factory=dict)  # of tables without an alias, the whole name
    doubts: list[str] = field(default_factory=list)  # names whose meaning hangs on columns that nobody has listed
    equal: list[tuple[Canon, Canon]] = field(default_factory=list)  # what is equal on every row, as joins and WHERE say
    depth: int = 0

    def __post_init__(self) -> None:
        if self.outer:
            self.depth = self.outer.depth + 1
            self.doubts = self.outer.doubts

    def column(self, alias: str, place: Place) -> Canon:
        return ("column", self.depth, alias, place)

    def named(self, alias: str, name: str) -> Canon:
        """The column of a relation that a name means; one that cannot be told equals only itself."""
        relation = self.relations[alias]
        place = relation.find(name)
        if place is not None:
            return self.column(alias, place)
        if relation.is_open:
            self.doubts.append(f"{alias}.{name}")
        return ("unknown", self.depth, alias, name)

    def over(self, alias: str, of: Canon) -> Canon:
        """What a relation says of its own columns, as an expression of this frame."""
        return through(of, lambda part: self.column(alias, part[1]) if part[0] == "own" else None)

    def add(self, alias: str, relation: Relation) -> None:
        """Puts a relation beside the others; what it means for rows and keys is the join's matter."""
        self.relations[alias] = relation
        for place, out in relation.placed():
            for component in out.weak | out.strong:
                member = Member(component, alias, component in out.strong)
                self.members.setdefault(self.column(alias, place), []).append(member)
        for component, key in enumerate(relation.keys):
            if key is not None and key[0] != "own":
                here = self.over(alias, key)
                self.members.setdefault(here, []).append(Member(component, alias, True))
                self.parts.append((component, alias, frozenset(leaves(here))))

    def uniques(self, alias: str, relation: Relation) -> list[Unique]:
        """Return the unique sets of one relation of this frame."""
        return [frozenset(self.over(alias, of) for of in unique) for unique in relation.unique]

    def remove(self, alias: str) -> None:
        """Takes a relation away again: the right side of a semi or anti join is not seen after it."""
        del self.relations[alias]
        self.origins.pop(alias, None)
        self.parts = [part for part in self.parts if part[1] != alias]
        kept = {at: [m for m in members if m.alias != alias] for at, members in self.members.items()}
        self.members = {at: members for at, members in kept.items() if members}

    @property
    def keyed(self) -> list[str]:
        return [alias for alias, relation in self.relations.items() if relation.dependence is Dependence.KEYED]

    @property
    def refused(self) -> bool:
        return any(relation.refused for relation in self.relations.values())

    def resolve(self, column: exp.Column) -> Canon:
        """The column, or the field of a column, that a name means; what cannot be told equals only itself."""
        return self._resolve([folded(part, self.dialect) for part in column.parts])

    def _resolve(self, parts: list[str]) -> Canon:
        relation = self._relation(parts)
        if relation is not None:
            alias, used = relation
            return _fields(self.named(alias, parts[used]), parts[used + 1 :])
        if len(parts) > 1:
            outer = self.outer
            while outer is not None:
                if outer._relation(parts) is not None:
                    return self._beyond(parts, outer)
                outer = outer.outer
            if self.dialect not in STRUCT_PATHS:
                return ("unknown", self.depth, *parts)
        return _fields(self._bare(parts[0]), parts[1:])

    def _relation(self, parts: list[str]) -> tuple[str, int] | None:
        """The relation that stands before a column's name, and how many parts its own name takes."""
        found = [(parts[0], 1)] if len(parts) > 1 and parts[0] in self.relations else []
        for alias, origin in self.origins.items():
            found += [(alias, n) for n in range(2, len(parts)) if tuple(parts[:n]) == origin[-n:]]
        return found[0] if len(found) == 1 else None

    def _beyond(self, parts: list[str], outer: Frame) -> Canon:
        """A column of the enclosing query, unless a relation here may have a struct column of that name."""
        if self.dialect in STRUCT_PATHS and any(relation.may_have(parts[0]) for relation in self.relations.values()):
            if any(relation.has(parts[0]) for relation in self.relations.values()):
                return _fields(self._bare(parts[0]), parts[1:])
            self.doubts.append(".".join(parts))
        return outer._resolve(parts)

    def _bare(self, name: str) -> Canon:
        if name in self.merged:
            same = self.merged[name]
            return same[0] if len(same) == 1 else ("merged", self.depth, name)
        having = [alias for alias, relation in self.relations.items() if relation.has(name)]
        if len(having) == 1:
            return self.named(having[0], name)
        maybe = [alias for alias, relation in self.relations.items() if relation.may_have(name)]
        if not maybe and self.outer:
            return self.outer._resolve([name])
        if not having and any(relation.is_open for relation in self.relations.values()):
            if len(maybe) > 1 or self._is_beyond(name):
                self.doubts.append(name)
            if len(maybe) == 1:
                return self.named(maybe[0], name)
        return ("unknown", self.depth, name)

    def _is_beyond(self, name: str) -> bool:
        """Whether an enclosing query may have a column of this name."""
        outer = self.outer
        return outer is not None and (
            name in outer.merged
            or any(relation.may_have(name) for relation in outer.relations.values())
            or outer._is_beyond(name)
        )

    def knows(self, column: exp.Column) -> bool:
        """Whether this name is certain to be an input column of this block."""
        name = folded(column.this, self.dialect)
        return (
            bool(column.args.get("table"))
            or name in self.merged
            or any(relation.has(name) for relation in self.relations.values())
        )

    def holds(self, node: exp.Expr) -> dict[int, Hold]:
        """The key components that an expression holds."""
        node = bare(node)
        if isinstance(node, exp.Coalesce):
            parts = self._first_of([self.holds(part) for part in [node.this, *node.expressions]])
            return {**parts, **self._holds(canon(node, self))}  # a key may itself be written as a COALESCE
        return self._holds(canon(node, self))

    def _holds(self, of: Canon) -> dict[int, Hold]:
        if of[0] == "merged" and of[1] == self.depth:
            return self._first_of([self._holds(part) for part in self.merged[of[2]]])
        found: dict[int, Hold] = {}
        for member in self.members.get(of, ()):
            here = frozenset({member.alias})
            sure = here if member.strong else frozenset()
            found[member.component] = Hold(here, sure, self.covered(sure))
        if not found and self.outer:
            return {at: Hold(frozenset({OUTER}), frozenset(), h.strong) for at, h in self.outer._holds(of).items()}
        return found

    def _first_of(self, parts: list[dict[int, Hold]]) -> dict[int, Hold]:
        found: dict[int, Hold] = {}
        for component in parts[0]:
            if all(component in part for part in parts):
                aliases = frozenset().union(*(part[component].aliases for part in parts))
                sure = frozenset().union(*(part[component].sure for part in parts))
                strong = any(part[component].strong for part in parts) or self.covered(sure)
                found[component] = Hold(aliases, sure, strong)
        return found

    def covered(self, aliases: frozenset[str]) -> bool:
        """Whether one of these relations is there on every row, that is, not filled up with nulls by an outer join."""
        return any(cover <= aliases for cover in self.covers)

    def strong(self, node: exp.Expr) -> frozenset[int]:
        return frozenset(at for at, hold in self.holds(node).items() if hold.strong)

    def keeps(self, items: Sequence[exp.Expr]) -> frozenset[int]:
        """The key components that are the same on all rows where these expressions are."""
        found = {component for item in items for component in self.strong(item)}
        canons = {canon(item, self) for item in items} if self.parts else set()
        for component, alias, columns in self.parts:
            if columns and columns <= canons and self.covered(frozenset({alias})):
                found.add(component)
        return frozenset(found)

    def root(self, component: int, alias: str) -> tuple[int, str]:
        at = (component, alias)
        while at in self.islands:
            at = self.islands[at]
        return at

    def link(self, condition: exp.Expr, joined: str | None = None, only: bool = False, optional: bool = False) -> None:
        """Learns from an equality which relations have the same key; with `only`, no more than what ties `joined`.

        What equals the key is the key, too, on every row that the equality lets pass; of a relation that is `optional`
        (the right side of a LEFT JOIN) wherever it is not null.
        """
        if not isinstance(condition, (exp.EQ, exp.NullSafeEQ)):
            return
        left, right = bare(condition.this), bare(condition.expression)
        if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
            pairs = list(zip(left.expressions, right.expressions, strict=False))
        else:
            pairs = [(left, right)]
        null_safe = isinstance(condition, exp.NullSafeEQ)
        for one, other in pairs:
            if not null_safe and not only:
                self.equal.append((canon(one, self), canon(other, self)))
                self._spread()
            elif not null_safe and optional:
                for mine, given in ((one, other), (other, one)):
                    if all(leaf[:3] == ("column", self.depth, joined) for leaf in leaves(canon(mine, self))):
                        self._is_key_too(canon(mine, self), self.holds(given), strong=False)
            self.tie(self.holds(one), self.holds(other), null_safe, joined, only)

    def _spread(self) -> None:
        """What is equal to a key column on every row is that key column; ties what is so by more than one relation."""
        grown = True
        while grown:
            grown = False
            for one, other in self.equal:
                for mine, given in ((one, other), (other, one)):
                    grown = self._is_key_too(mine, self._holds(given), strong=True) or grown
                self.tie(self._holds(one), self._holds(other), False, None)

    def _is_key_too(self, of: Canon, holds: Mapping[int, Hold], *, strong: bool) -> bool:
        """Notes that an expression over columns equals what holds the key; whether that is new."""
        parts = list(leaves(of))
        if not parts or any(part[0] != "column" or part[1] != self.depth for part in parts):
            return False
        known, grown = self._holds(of), False
        for component, hold in holds.items():
            if component not in known and OUTER not in hold.aliases and len(hold.aliases) == 1:
                (alias,) = hold.aliases
                member = Member(component, alias, strong and alias in hold.sure)
                self.members.setdefault(of, []).append(member)
                grown = True
        return grown

    def tie(
        self, one: dict[int, Hold], other: dict[int, Hold], null_safe: bool, joined: str | None, only: bool = False
    ) -> None:
        """Unites the islands of two expressions that are equal; `joined` is being joined: not filled up yet."""
        for component in one.keys() & other.keys():
            here, there = one[component], other[component]
            if null_safe and not all(hold.strong or (hold.sure and hold.aliases == {joined}) for hold in (here, there)):
                continue  # null = null would tie a row that an outer join filled up to the null key
            if only and (here.aliases == {joined}) == (there.aliases == {joined}):
                continue
            roots = [{self.root(component, alias) for alias in hold.aliases} for hold in (here, there)]
            if len(roots[0]) == len(roots[1]) == 1 and roots[0] != roots[1]:
                self.islands[roots[0].pop()] = roots[1].pop()

    def tied(self, alias: str, to: Sequence[str]) -> bool:
        """Whether `alias` has the whole key in common with one of these."""
        return any(
            all(self.root(at, alias) == self.root(at, other) for at in range(self.size))
            for other in to
            if other != alias
        )

    def is_total(self, order: frozenset[Canon]) -> bool:
        """Whether these, constant or in the order, leave no two rows of a key alike."""
        return any(unique <= order for unique in self.unique)

    def constants(self) -> frozenset[Canon]:
        """All expressions that are the key on every row."""
        return frozenset(
            at
            for at, members in self.members.items()
            if any(m.strong and self.covered(frozenset({m.alias})) for m in members)
        )


def _fields(of: Canon, names: Sequence[str]) -> Canon:
    """A field of a struct, as the parser's own tree would have it."""
    for name in names:
        of = ("Dot", ("expression", name), ("this", of))
    return of


def canon(node: Any, frame: Frame) -> Canon:
    """An expression without spelling: names resolved, `x::date` as `cast(x as date)`, parentheses and case gone."""
    if isinstance(node, exp.Expr):
        node = plain(bare(node), frame)
        if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
            return frame.resolve(node)
        if isinstance(node, exp.Identifier):
            return folded(node, frame.dialect)
        if isinstance(node, exp.Query) and not isinstance(node, exp.Table):
            return ("query", id(node))
        if isinstance(node, exp.Var) and _may_be_column(node, frame):
            return ("unknown", id(node))
        args = (
            (name, canon(value, frame)) for name, value in sorted(node.args.items()) if value not in (None, False, [])
        )
        return (type(node).__name__, *args)
    if isinstance(node, list):
        return tuple(canon(item, frame) for item in node)
    return node


def plain(node: exp.Expr, frame: Frame) -> exp.Expr:
    """The same value in fewer words: date(t) and date_trunc('day', t)::date are t::date, lower(lower(k)) is lower(k)."""
    if isinstance(node, exp.Date) and [*node.iter_expressions()] == [node.this]:
        node = exp.Cast(this=node.this.copy(), to=exp.DataType.build("date"))
    inner = bare(node.this) if isinstance(node.this, exp.Expr) else None
    if inner is None:
        return node
    if isinstance(node, (exp.Lower, exp.Upper)) and type(inner) is type(node):
        return plain(inner, frame)
    if _is_plain(node, exp.Cast):
        if _is_plain(inner, exp.Cast) and inner.args["to"] == node.args["to"]:
            return plain(inner, frame)
        if node.args["to"].is_type("date") and _is_day(inner, frame):
            return plain(exp.Cast(this=inner.this.copy(), to=node.args["to"].copy()), frame)
    return node


def _is_plain(node: exp.Expr, kind: type[exp.Expr]) -> bool:
    """Whether it is of this very kind, with nothing said besides its value, type and unit."""
    return type(node) is kind and not any(v for name, v in node.args.items() if name not in {"this", "to", "unit"})


def _is_day(node: exp.Expr, frame: Frame) -> bool:
    """date_trunc('day', t), where the engine takes no text for t."""
    unit = node.args.get("unit")
    if frame.dialect not in COLUMN_UNITS or not isinstance(unit, exp.Var) or _may_be_column(unit, frame):
        return False
    return unit.name.lower() == "day" and any(_is_plain(node, kind) for kind in (exp.TimestampTrunc, exp.DateTrunc))


def _may_be_column(node: exp.Var, frame: Frame) -> bool:
    """date_trunc(unit, t): the parser gives a column there and the text 'unit' as the same word."""
    if frame.dialect not in COLUMN_UNITS or not isinstance(node.parent, exp.Func):
        return False
    if node.meta.get(parser.BARE_UNIT):
        return True
    name, written = node.name.lower(), isinstance(node.parent, exp.Extract)  # extract(year from t) is a word
    return name not in UNITS or (not written and any(one.has(name) for one in frame.relations.values()))


def canons_in(node: exp.Expr, frame: Frame) -> frozenset[Canon] | None:
    """The columns that an expression reads; None if it reads more than columns (a nested query)."""
    found: set[Canon] = set()
    for part in inside(node):
        if isinstance(part, exp.Query) and not isinstance(part, exp.Table):
            return None
        if isinstance(part, exp.Column):
            if isinstance(part.this, exp.Star):
                return None
            found.add(frame.resolve(part))
        if isinstance(part, (exp.Star, exp.Columns)) or (isinstance(part, exp.Var) and _may_be_column(part, frame)):
            return None
    return frozenset(found)
