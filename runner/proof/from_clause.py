"""The FROM clause under the key-wise rule: what may be joined how, and which row belongs to which key.

A row of a join belongs to one key if every tracked relation in it is tied to the others on the whole key, and no row
comes from a look-up alone: look-ups may be joined to a tracked relation, never preserved beside one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlglot import exp

from runner.names import TableName
from runner.proof import advice
from runner.proof.columns import Canon, Dependence, Out, Relation, Unlisted, leaves, own
from runner.proof.filled import filled, told_filled, told_there
from runner.proof.relations import (
    OUTER,
    Frame,
    Unique,
    bare,
    canon,
    canons_in,
    conjuncts,
    folded,
    inside,
)
from runner.sql.volatile import RUNS_INSTANT, name_of_call, shown, volatile, words

Ctes = Mapping[str, Relation]
TABLE_FUNCTIONS = words(
    "GenerateSeries GenerateDateArray GenerateTimestampArray Explode Posexplode Unnest ExplodingGenerateSeries "
    "Flatten StringToTable generate_series range unnest flatten json_each jsonb_each json_each_text "
    "jsonb_each_text json_array_elements jsonb_array_elements json_array_elements_text jsonb_array_elements_text "
    "json_tree json_object_keys jsonb_object_keys regexp_split_to_table string_to_table split_to_table "
    "generate_subscripts jsonb_to_recordset json_to_recordset jsonb_path_query "
)
TABLE_ARGS = frozenset({"this", "alias", "db", "catalog"})
JOIN_ARGS = frozenset({"this", "on", "side", "kind", "using", "method"})
PRESERVED = "a look-up is on the preserved side of {}: its unmatched rows come out for every key"


@dataclass(frozen=True)
class RefusedNode:
    """One thing that is wrong, and where."""

    node: exp.Expr
    reason: str
    hint: str


@dataclass
class Rule:
    """What all blocks of one check share."""

    dialect: str
    key: tuple[str, ...]  # the output columns of the key
    texts: tuple[str, ...]  # the key as a message shows it
    tracked: Mapping[TableName, Relation]
    columns: Mapping[TableName, tuple[str, ...]]  # of tables that the catalogue has described, in order
    name_of: Callable[[exp.Table], TableName]
    relation: Callable[[exp.Expr, Ctes, Frame | None], Relation]
    refused: list[RefusedNode] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)  # what the answer hangs on and only the catalogue can tell

    def frame(self, outer: Frame | None = None) -> Frame:
        """An empty FROM clause."""
        return Frame(self.dialect, self.size, outer, doubts=self.doubts)

    def refuse(self, node: exp.Expr, reason: str, hint: str) -> None:
        self.refused.append(RefusedNode(node, reason, hint))

    @property
    def key_text(self) -> str:
        """The whole key as a message shows it."""
        return ", ".join(self.texts)

    def show(self, node: exp.Expr) -> str:
        return shown(node, self.dialect)

    @property
    def size(self) -> int:
        return len(self.key)

    @property
    def whole(self) -> bool:
        """The SELECT is asked about as a whole, by no key: whether the same data always give the same rows."""
        return not self.key

    def no_more(self, node: exp.Expr, understood: frozenset[str], what: str) -> bool:
        """Refuses clauses of `node` that the rule has no word on."""
        extra = [name for name, value in node.args.items() if value and name not in understood]
        for name in extra:
            word = name.rstrip("_").replace("_", " ")
            self.refuse(
                node, f"{what} {self.show(node)} uses {word}, which is not proven key-wise", "write it with plain SQL"
            )
        return not extra


@dataclass
class From:
    """Reads one FROM clause, join by join, into a frame."""

    rule: Rule
    ctes: Ctes
    frame: Frame
    there: frozenset[str] = frozenset()  # relations that WHERE shows to be there: no join fills them up with nulls
    optional: set[str] = field(default_factory=set)  # those that a join may fill up
    inner: list[exp.Expr] = field(default_factory=list)  # the conditions of inner joins
    fills: bool = False  # whether a join keeps unmatched rows of its right side

    def read(self, select: exp.Select) -> Frame:
        source = select.args.get("from_")
        if source is not None:
            self._first(source.this)
        for join in select.args.get("joins") or ():
            self._join(join)
        return self.frame

    def more_there(self, where: exp.Expr | None) -> frozenset[str]:
        """Of the relations that a join may fill up: those that WHERE, or an inner join after it, leaves out then."""
        if not self.optional:
            return frozenset()
        inner = [] if self.fills else self.inner
        return told_there([*conjuncts(where), *inner], self.frame) & self.optional

    def _first(self, node: exp.Expr) -> None:
        plain = isinstance(node, exp.Subquery) and not isinstance(node.this, exp.Query) and not node.alias
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table) and not node.alias:
            plain = True  # (a join b …)
        inner = node.this if plain else node
        alias, relation = self._item(inner, skip=frozenset({"joins"}))
        self._put(alias, relation)
        if relation.dependence is Dependence.KEYED:
            self.frame.covers = [frozenset({alias})]
        self.frame.unique = self.frame.uniques(alias, relation)
        for join in inner.args.get("joins") or ():
            self._join(join)
        if plain:
            for join in node.args.get("joins") or ():
                self._join(join)

    def _put(self, alias: str, relation: Relation) -> None:
        if alias in self.frame.relations:
            self.frame.relations[alias] = replace(relation, refused=True)
        self.frame.add(alias, relation)

    def _item(self, node: exp.Expr, skip: frozenset[str] = frozenset()) -> tuple[str, Relation]:
        """One relation of the FROM clause, and the name under which it is seen."""
        relation = self._relation(node, skip)
        alias = node.args.get("alias")
        columns = alias.args.get("columns") if isinstance(alias, exp.TableAlias) else None
        if columns:
            relation = self._renamed(node, relation, [folded(column, self.rule.dialect) for column in columns])
        name = alias.this if isinstance(alias, exp.TableAlias) and alias.this else None
        if name is None and isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            name = node.this
        seen = folded(name, self.rule.dialect) if name else f"#{len(self.frame.relations)}"
        if isinstance(node, exp.Table) and name is node.this:
            self.frame.origins[seen] = tuple(folded(part, self.rule.dialect) for part in node.parts)
        return seen, relation

    def _relation(self, node: exp.Expr, skip: frozenset[str]) -> Relation:
        rule = self.rule
        if isinstance(node, exp.Table):
            return self._table(node, skip)
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query) and not isinstance(node.this, exp.Table):
            rule.no_more(node, frozenset({"this", "alias"}) | skip, "the subquery")
            return rule.relation(node.this, self.ctes, self.frame)
        if isinstance(node, exp.Lateral):
            if isinstance(node.this, exp.Subquery):
                return rule.relation(node.this, self.ctes, self.frame)
            return self._function(node.this, node)
        if isinstance(node, (exp.Values, exp.Unnest)):
            return self._function(node, node)
        rule.refuse(
            node, f"{rule.show(node)} in a FROM clause is not proven key-wise", "write it as a CTE with plain joins"
        )
        return Relation(Dependence.CONSTANT, (Unlisted(),), refused=True)

    def _table(self, node: exp.Table, skip: frozenset[str]) -> Relation:
        rule = self.rule
        if not isinstance(node.this, (exp.Identifier, exp.Dot)):
            return self._function(node.this, node)
        if node.args.get("sample"):
            rule.refuse(node, f"{rule.show(node)} takes a sample", "read all rows, or filter by a hash of a column")
        elif not rule.no_more(node, TABLE_ARGS | skip, "the table"):
            return Relation(Dependence.CONSTANT, (Unlisted(),), refused=True)
        if not node.args.get("db") and isinstance(node.this, exp.Identifier):
            known = self.ctes.get(folded(node.this, rule.dialect))
            if known is not None:
                return known
        name = rule.name_of(node)
        if name in rule.tracked:
            return rule.tracked[name]
        listed = tuple(map(Out, rule.columns.get(name, ())))
        return Relation(Dependence.CONSTANT, listed or (Unlisted(),))

    def _function(self, call: exp.Expr, node: exp.Expr) -> Relation:
        """A list of values or a table function: constant, or belonging to the row beside it."""
        rule = self.rule
        for part in inside(call):
            answer = volatile(part, rule.dialect, RUNS_INSTANT)
            if answer:
                rule.refuse(part, *answer)
            nested = isinstance(part, exp.Query) and part is not call and not isinstance(part, (exp.Table, exp.Values))
            if nested and rule.relation(part, self.ctes, self.frame).dependence is Dependence.KEYED and not rule.whole:
                rule.refuse(part, f"{rule.show(part)} is not tied to the key", advice.ALL_KEYS)
        if not isinstance(call, (exp.Values, exp.Unnest)) and name_of_call(call) not in TABLE_FUNCTIONS:
            hint = "load what it reads into a table and join that"
            rule.refuse(node, f"{rule.show(node)} is a table function that is not known here", hint)
        offset = node.args.get("offset")
        if isinstance(offset, exp.Identifier):
            name = folded(offset, rule.dialect)
            return Relation(Dependence.CONSTANT, (Unlisted(), Out(name)), unique=frozenset({frozenset({own((1, ""))})}))
        return Relation(Dependence.CONSTANT, (Unlisted(),))

    def _renamed(self, node: exp.Expr, relation: Relation, names: list[str]) -> Relation:
        """`t as x(a, b)`: columns by position."""
        outputs = list(relation.outputs)
        if not any(isinstance(output, Unlisted) for output in outputs[: len(names)]):
            named = [replace(out, name=name) for out, name in zip(outputs, names, strict=False) if isinstance(out, Out)]
            return replace(relation, outputs=(*named, *outputs[len(named) :]))
        if relation.dependence is Dependence.KEYED:
            hint = "list the columns in a CTE and rename them there"
            self.rule.doubts.append(", ".join(names))
            self.rule.refuse(node, f"{self.rule.show(node)} renames columns that are not listed", hint)
            return replace(relation, outputs=(Unlisted(),), unique=frozenset(), keys=(), refused=True)
        listed = [output for output in outputs if isinstance(output, Out)]
        rest = (Unlisted(),) if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier) else ()
        places = [at for at, output in enumerate(outputs) if isinstance(output, Out)]
        moved = {own((at, "")): own((len(names) + number, "")) for number, at in enumerate(places)}
        unique = frozenset(frozenset(moved[of] for of in one) for one in relation.unique if one <= moved.keys())
        return replace(relation, outputs=(*map(Out, names), *listed, *rest), unique=unique)

    def _join(self, join: exp.Join) -> None:
        rule, frame = self.rule, self.frame
        side, kind, method = (str(join.args.get(name) or "").upper() for name in ("side", "kind", "method"))
        if method == "ASOF" and rule.whole:
            pass
        elif method:
            hint = advice.JOINS.get(method, "write join … on …")
            rule.refuse(join, f"{method.lower()} join is not proven key-wise: {rule.show(join)}", hint)
        elif kind not in {"", "INNER", "CROSS", "OUTER", "SEMI", "ANTI"}:
            rule.refuse(join, f"{kind.lower()} join is not proven key-wise", "write join … on …")
        else:
            rule.no_more(join, JOIN_ARGS, "the join")
        if isinstance(join.this, exp.Subquery) and not isinstance(
            join.this.this, exp.Select | exp.SetOperation | exp.Subquery
        ):
            if rule.whole and isinstance(join.this.this, exp.Table) and not join.this.alias:
                self._parenthesised(join)
                return
            rule.refuse(join, f"a join in parentheses is not proven key-wise: {rule.show(join)}", "write it as a CTE")
        before = dict(frame.relations)
        alias, relation = self._item(join.this)
        if kind not in {"SEMI", "ANTI"}:
            side = self._side(side, alias, join)
        if relation.refused or (method and not rule.whole):
            relation = replace(relation, refused=True)
        using = [folded(column, rule.dialect) for column in join.args.get("using") or ()]
        lefts = {name: self._left_of(name) for name in using}
        self._put(alias, relation)
        inner = side == "" and kind not in {"SEMI", "ANTI"}
        optional = side == "LEFT" and kind not in {"SEMI", "ANTI"}
        self._tie(join, alias, lefts, inner=inner, optional=optional)
        if not frame.refused:
            self._sides(join, alias, relation, before, side, kind)
        if method == "ASOF" and rule.whole:
            self._nearest(join, alias, relation, lefts)
        else:
            self._rows(join, alias, relation, lefts, side, kind)
        for name, left in lefts.items():
            right = frame.named(alias, name)
            if kind in {"SEMI", "ANTI"}:
                continue
            frame.merged[name] = [right] if side == "RIGHT" else [*left, right] if side == "FULL" else left or [right]
        if kind in {"SEMI", "ANTI"}:
            frame.remove(alias)

    def _parenthesised(self, join: exp.Join) -> None:
        """`a join (b join c on …) on …`, read as a whole: what tells the rows apart is not followed."""
        table = join.this.this
        self._put(*self._item(table, skip=frozenset({"joins"})))
        for one in table.args.get("joins") or ():
            self._join(one)
        self.fills = True
        self.frame.equal.clear()
        self.frame.covers, self.frame.unique = [], []

    def _nearest(self, join: exp.Join, alias: str, relation: Relation, lefts: Mapping[str, list[Canon]]) -> None:
        """ASOF takes one row at most, and which one is told if no two are equally near."""
        frame = self.frame
        told = set(self._given(join, alias, lefts))
        for condition in conjuncts(join.args.get("on")):
            if isinstance(condition, (exp.GT, exp.GTE, exp.LT, exp.LTE)):
                parts = [canon(part, frame) for part in (condition.this, condition.expression)]
                told |= {*parts, *map(filled, parts)}  # a null is near to nothing
        if not any(unique <= told for unique in frame.uniques(alias, relation)):
            hint = "declare what is unique in it: unique: of a model, lookups: {table: {key: [id, valid_from]}}"
            self.rule.refuse(join, f"of rows that are equally near it takes any: {self.rule.show(join)}", hint)

    def _side(self, side: str, alias: str, join: exp.Join) -> str:
        """Which unmatched rows a join keeps, without those that WHERE leaves out again."""
        right, left = alias in self.there, bool(self.there & self.frame.relations.keys())
        keeps_left, keeps_right = side in {"LEFT", "FULL"} and not right, side in {"RIGHT", "FULL"} and not left
        self.optional |= {alias} if keeps_left else set()
        self.optional |= self.frame.relations.keys() if keeps_right else set()
        self.fills = self.fills or keeps_right
        if not keeps_left and not keeps_right:
            self.inner += conjuncts(join.args.get("on"))
        return {(True, False): "LEFT", (False, True): "RIGHT", (True, True): "FULL"}.get((keeps_left, keeps_right), "")

    def _left_of(self, name: str) -> list[Canon]:
        """What a USING column means on the left."""
        if name in self.frame.merged:
            return list(self.frame.merged[name])
        known = [alias for alias, relation in self.frame.relations.items() if relation.has(name)]
        known = known or [alias for alias, relation in self.frame.relations.items() if relation.may_have(name)]
        if len(known) > 1 and any(relation.is_open for relation in self.frame.relations.values()):
            self.rule.doubts.append(name)
        return [self.frame.named(known[0], name)] if len(known) == 1 else []

    def _tie(
        self, join: exp.Join, alias: str, lefts: Mapping[str, list[Canon]], *, inner: bool, optional: bool
    ) -> None:
        frame = self.frame
        for name, left in lefts.items():
            if left:
                one = frame._first_of([frame._holds(part) for part in left])
                frame.tie(one, frame._holds(frame.named(alias, name)), False, alias, True)
        for condition in conjuncts(join.args.get("on")):
            frame.link(condition, alias, not inner, optional)

    def _sides(
        self, join: exp.Join, alias: str, relation: Relation, before: dict[str, Relation], side: str, kind: str
    ) -> None:
        """Refuses a join that gives rows to several keys, or rows of a look-up to all."""
        rule, frame = self.rule, self.frame
        if rule.whole:
            return
        left = [name for name, one in before.items() if one.dependence is Dependence.KEYED]
        right = relation.dependence is Dependence.KEYED
        if right and (left or self.frame.outer) and frame.tied(alias, [*left, OUTER]):
            pass
        elif (
            (right and side in {"LEFT", "FULL"})
            or (right and kind in {"SEMI", "ANTI"})
            or (right and left and side == "RIGHT")
        ):
            if not left:
                reason = PRESERVED.format(rule.show(join))
                rule.refuse(join, reason, advice.NO_KEY_ROWS)
            else:
                self._untied(join, alias)
        if not right and left and side in {"RIGHT", "FULL"}:
            reason = PRESERVED.format(rule.show(join))
            rule.refuse(join, reason, advice.NO_KEY_ROWS)
        if side in {"RIGHT", "FULL"} and any(not frame.tied(left[0], [name]) for name in left[1:]):
            self._untied(join, left[-1])

    def _untied(self, node: exp.Expr, alias: str) -> None:
        key = self.rule.key_text
        reason = f"{alias} is not joined by equality on the whole key {key}: {self.rule.show(node)}"
        self.rule.refuse(node, reason, advice.tie(key) + advice.QUALIFY)

    def _rows(
        self, join: exp.Join, alias: str, relation: Relation, lefts: Mapping[str, list[Canon]], side: str, kind: str
    ) -> None:
        """What is present on every row after the join, and what tells its rows apart."""
        frame = self.frame
        if kind in {"SEMI", "ANTI"}:
            return
        own = frozenset({alias})
        if side in {"RIGHT", "FULL"}:
            frame.equal.clear()  # not so on rows that it fills up
        if relation.dependence is Dependence.KEYED:
            if side == "RIGHT":
                frame.covers = [own]
            elif side == "FULL":
                frame.covers = [cover | own for cover in frame.covers]
            elif side != "LEFT":
                frame.covers = [*frame.covers, own]
        elif side in {"RIGHT", "FULL"}:
            frame.covers = []
        given = self._given(join, alias, lefts) if side in {"", "LEFT"} else frozenset()
        theirs = [unique - given for unique in frame.uniques(alias, relation)]
        if side == "FULL":
            alone = (
                self.rule.size == 1
                and frozenset() in frame.unique
                and frozenset() in theirs
                and self._only_key(join, lefts)
            )
            frame.unique = [frozenset()] if alone else []
        else:
            frame.unique = _least([one | other for one in frame.unique for other in theirs])
        if side == "":
            self._fill(list(conjuncts(join.args.get("on"))))

    def _fill(self, conditions: list[exp.Expr]) -> None:
        """Learns which expressions are not null on any row."""
        if any(of[0] == "filled" for unique in self.frame.unique for of in unique):
            told = told_filled(conditions, self.frame)
            self.frame.unique = _least([unique - told for unique in self.frame.unique])

    def _given(self, join: exp.Join, alias: str, lefts: Mapping[str, list[Canon]]) -> Unique:
        """Columns of the joined relation that equal something on the left: a row on the left meets one value."""
        frame = self.frame
        found = {frame.named(alias, name) for name in lefts}
        for condition in conjuncts(join.args.get("on")):
            if not isinstance(condition, exp.EQ):
                continue
            for mine, other in ((condition.this, condition.expression), (condition.expression, condition.this)):
                at = canon(mine, frame)
                theirs = canons_in(other, frame)
                plain = isinstance(bare(mine), exp.Column) and at[:3] == frame.column(alias, (0, ""))[:3]
                if plain and theirs is not None and not any(is_of(one, alias, frame) for one in theirs):
                    found.add(at)
        return frozenset(found | {filled(of) for of in found})

    def _only_key(self, join: exp.Join, lefts: Mapping[str, list[Canon]]) -> bool:
        conditions = list(conjuncts(join.args.get("on")))
        return len(lefts) + len(conditions) == 1

    def finish(self, where: exp.Expr | None, node: exp.Expr) -> bool:
        """Ties by WHERE what commas and cross joins left apart. True: all hangs on the key of the enclosing row."""
        frame = self.frame
        self._fill(list(conjuncts(where)))
        for condition in conjuncts(where):
            frame.link(condition)
            if isinstance(condition, exp.EQ):
                sides = (bare(condition.this), bare(condition.expression))
                given = [isinstance(side, exp.Literal) or self._is_outer(side) for side in sides]
                if any(given):
                    fixed = {
                        canon(side, frame)
                        for side, is_given in zip(sides, given, strict=True)
                        if isinstance(side, exp.Column) and not is_given
                    }
                    frame.unique = _least([unique - fixed for unique in frame.unique])
        keyed = frame.keyed
        if not keyed or frame.refused or self.rule.whole:
            return False
        loose = [alias for alias in keyed[1:] if not frame.tied(alias, keyed[:1])]
        if frame.outer and all(frame.tied(alias, [OUTER]) for alias in keyed):
            return True
        for alias in loose:
            at = next((join for join in node.args.get("joins") or () if _named(join, alias, self.rule.dialect)), node)
            self._untied(at, alias)
        return False

    def _is_outer(self, node: exp.Expr) -> bool:
        """Whether it is told by the row of the enclosing query alone, and so is the same on all rows here."""
        read = canons_in(node, self.frame) if self.frame.outer else None
        return bool(read) and all(
            leaf[0] == "column" and leaf[1] < self.frame.depth for of in read or () for leaf in leaves(of)
        )


def read_from(rule: Rule, ctes: Ctes, outer: Frame | None, select: exp.Select, where: exp.Expr | None) -> From:
    """The FROM clause of a SELECT, with its outer joins as inner ones where WHERE lets no row pass that they fill up."""
    before = len(rule.refused)
    reader = From(rule, ctes, rule.frame(outer))
    reader.read(select)
    while more := reader.more_there(where):
        del rule.refused[before:]
        reader = From(rule, ctes, rule.frame(outer), reader.there | more)
        reader.read(select)
    return reader


def is_of(of: Canon, alias: str, frame: Frame) -> bool:
    """Whether this is a column of `alias`, or one that cannot be told."""
    parts = leaves(of)
    return any(one[:3] == ("column", frame.depth, alias) or one[0] in {"unknown", "merged"} for one in parts)


def _least(uniques: list[Unique]) -> list[Unique]:
    """Without the sets that hold a smaller one."""
    found = sorted(set(uniques), key=len)
    return [unique for at, unique in enumerate(found) if not any(other <= unique for other in found[:at])][:8]


def _named(join: exp.Join, alias: str, dialect: str) -> bool:
    name: Any = join.this.args.get("alias")
    name = name.this if isinstance(name, exp.TableAlias) else join.this.this
    return isinstance(name, exp.Identifier) and folded(name, dialect) == alias
