"""What the key-wise rule knows of relations: which columns are the key, what is unique within it, how names resolve.

A relation is *keyed* if its rows fall apart by key: what it gives for a set of keys depends on the tracked rows of
those keys only. A `Frame` is the FROM clause of one block: its relations, and the equalities that tie them together.
No rule is decided here; `keywise.py` asks and refuses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sqlglot import exp

Canon = Any  # a nested tuple: two expressions with equal canons give the same value on the same row
Unique = frozenset[Canon]  # with the key, these identify a row; the empty set: one row per key
OUTER = ""  # stands for the row of the enclosing query, whose key is given


class Dependence(Enum):
    """How the rows of a relation hang on the tracked inputs."""

    CONSTANT = "reads no tracked input, or belongs to the row beside it (lateral, correlated on the whole key)"
    KEYED = "its rows fall apart by key"


@dataclass(frozen=True)
class Out:
    """An output column: the key components that it equals always (strong), or whenever it is not null (weak)."""

    name: str
    strong: frozenset[int] = frozenset()
    weak: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Unlisted:
    """A run of output columns that nobody has listed (`*` over a real table), and what is known to be among them."""

    known: tuple[Out, ...] = ()


@dataclass(frozen=True)
class Relation:
    """What a table, a CTE or a subquery gives."""

    dependence: Dependence
    outputs: tuple[Out | Unlisted, ...]
    unique: frozenset[frozenset[str]] = frozenset()
    keys: tuple[exp.Expr | None, ...] = ()  # the key as expressions over its columns, where they are known
    refused: bool = False  # already refused: what follows from it is not worth a second message
    correlated: bool = False  # reads tracked rows of the enclosing row's key
    written: tuple[tuple[str, exp.Expr], ...] = ()  # names in `unique` that stand for expressions over its columns

    @property
    def is_open(self) -> bool:
        return any(isinstance(output, Unlisted) for output in self.outputs)

    def columns(self) -> dict[str, Out]:
        """The columns whose names are certain: what follows an unlisted run may be shadowed by a column in it."""
        known: dict[str, Out] = {}
        for output in self.outputs:
            if isinstance(output, Unlisted):
                for column in output.known:
                    known.setdefault(column.name, column)
                break
            known.setdefault(output.name, output)
        return known


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
    depth: int = 0

    def __post_init__(self) -> None:
        self.depth = self.outer.depth + 1 if self.outer else 0

    def column(self, alias: str, name: str) -> Canon:
        return ("column", self.depth, alias, name)

    def add(self, alias: str, relation: Relation) -> None:
        """Puts a relation beside the others; what it means for rows and keys is the join's matter."""
        self.relations[alias] = relation
        for name, out in relation.columns().items():
            for component in out.weak | out.strong:
                member = Member(component, alias, component in out.strong)
                self.members.setdefault(self.column(alias, name), []).append(member)
        for component, key in enumerate(relation.keys):
            if key is not None and not isinstance(bare(key), exp.Column):
                alone = Frame(self.dialect, self.size, relations={alias: relation}, outer=self.outer)
                self.members.setdefault(canon(key, alone), []).append(Member(component, alias, True))
                self.parts.append((component, alias, canons_in(key, alone) or frozenset()))

    def uniques(self, alias: str, relation: Relation) -> list[Unique]:
        """Return the unique sets of one relation of this frame."""
        alone = Frame(self.dialect, self.size, relations={alias: relation}, outer=self.outer)
        written = {name: canon(expression, alone) for name, expression in relation.written}
        return [frozenset(written.get(n) or self.column(alias, n) for n in unique) for unique in relation.unique]

    def remove(self, alias: str) -> None:
        """Takes a relation away again: the right side of a semi or anti join is not seen after it."""
        del self.relations[alias]
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
        """The column that a name means; names that cannot be told apart equal only themselves."""
        name, table = folded(column.this, self.dialect), column.args.get("table")
        if table is not None:
            alias = folded(table, self.dialect)
            if alias in self.relations and not column.args.get("db"):
                return self.column(alias, name)
            return self.outer.resolve(column) if self.outer else ("unknown", alias, name)
        if name in self.merged:
            return ("merged", self.depth, name)
        having = [alias for alias, relation in self.relations.items() if name in relation.columns()]
        if not having:
            having = [alias for alias, relation in self.relations.items() if relation.is_open]
            if not having and self.outer:
                return self.outer.resolve(column)
        return self.column(having[0], name) if len(having) == 1 else ("unknown", self.depth, name)

    def knows(self, column: exp.Column) -> bool:
        """Whether this name is certain to be an input column of this block."""
        name = folded(column.this, self.dialect)
        return (
            bool(column.args.get("table"))
            or name in self.merged
            or any(name in relation.columns() for relation in self.relations.values())
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

    def link(self, condition: exp.Expr, joined: str | None = None, only: bool = False) -> None:
        """Learns from an equality which relations have the same key; with `only`, no more than what ties `joined`."""
        if not isinstance(condition, (exp.EQ, exp.NullSafeEQ)):
            return
        left, right = bare(condition.this), bare(condition.expression)
        if isinstance(left, exp.Tuple) and isinstance(right, exp.Tuple):
            pairs = list(zip(left.expressions, right.expressions, strict=False))
        else:
            pairs = [(left, right)]
        for one, other in pairs:
            self.tie(self.holds(one), self.holds(other), isinstance(condition, exp.NullSafeEQ), joined, only)

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


def canon(node: Any, frame: Frame) -> Canon:
    """An expression without spelling: names resolved, `x::date` as `cast(x as date)`, parentheses and case gone."""
    if isinstance(node, exp.Expr):
        node = bare(node)
        if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
            return frame.resolve(node)
        if isinstance(node, exp.Identifier):
            return folded(node, frame.dialect)
        if isinstance(node, exp.Query) and not isinstance(node, exp.Table):
            return ("query", id(node))
        args = (
            (name, canon(value, frame)) for name, value in sorted(node.args.items()) if value not in (None, False, [])
        )
        return (type(node).__name__, *args)
    if isinstance(node, list):
        return tuple(canon(item, frame) for item in node)
    return node


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
        if isinstance(part, (exp.Star, exp.Columns)):
            return None
    return frozenset(found)
