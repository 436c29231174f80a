"""What one SELECT block puts out: which columns are still the key, and what tells its rows apart.

Stars are expanded as far as columns are listed. Where two columns have one name the first is meant, and a name after
an unlisted run is not trusted: a column that nobody has listed may stand before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlglot import exp

from runner.proof.calls import call_of, has_aggregate, multiplies, name_of_call
from runner.proof.from_clause import Rule
from runner.proof.relations import (
    Canon,
    Dependence,
    Frame,
    Out,
    Relation,
    Unique,
    Unlisted,
    bare,
    canon,
    conjuncts,
    folded,
    inside,
)

KEEPS_VALUE = frozenset({"Min", "Max", "AnyValue", "First", "Last"})


def condition_of(select: exp.Select, name: str) -> exp.Expr | None:
    """The condition of a WHERE, HAVING or QUALIFY clause."""
    clause = select.args.get(name)
    return clause.this if clause is not None else None


def window_parts(
    node: exp.Expr, select: exp.Select, dialect: str
) -> tuple[list[exp.Expr], exp.Expr | None, exp.Expr | None]:
    """PARTITION BY, ORDER BY and frame of a window, with what it has from a named one."""
    partition, order, spec = list(node.args.get("partition_by") or ()), node.args.get("order"), node.args.get("spec")
    base = node.args.get("alias")
    for named in select.args.get("windows") or ():
        if base is not None and named is not node and folded(named.this, dialect) == folded(base, dialect):
            more, by, frame = window_parts(named, select, dialect)
            return partition or more, order or by, spec or frame
    return partition, order, spec


@dataclass(frozen=True)
class Outputs:
    """The select list of one block, over its FROM clause."""

    rule: Rule
    select: exp.Select
    frame: Frame
    grouped: bool

    def listed(self) -> list[Out | Unlisted]:
        """The output columns, stars expanded as far as columns are listed."""
        outputs: list[Out | Unlisted] = []
        for item in self.select.expressions:
            star = item.this if isinstance(item, exp.Column) else item
            if isinstance(star, exp.Star):
                outputs += self._star(star, item.args.get("table") if item is not star else None)
            elif any(isinstance(part, (exp.Star, exp.Columns)) for part in inside(item)) and not has_aggregate(item):
                outputs.append(Unlisted())  # columns('x.*'), * like 'x%'
            else:
                outputs.append(self._out(item, len(outputs)))
        if any(isinstance(part, exp.Columns) for item in self.select.expressions for part in inside(item)):
            return [Unlisted()]
        return outputs

    def _out(self, item: exp.Expr, at: int) -> Out:
        name = (
            item.args["alias"]
            if isinstance(item, exp.Alias)
            else item.this
            if isinstance(item, exp.Column)
            else f"?{at}"
        )
        value = bare(item)
        call = call_of(value) if not isinstance(value, exp.Filter) else value
        if (
            self.grouped
            and self.select.args.get("group")
            and name_of_call(call) in KEEPS_VALUE
            and not call.args.get("count")
        ):
            inner = call.this.this if isinstance(call.this, exp.Order) else call.this
            strong = self.frame.strong(inner)
            return Out(folded(name, self.rule.dialect), strong, strong)
        strong, weak = self.frame.strong(value), frozenset(self.frame.holds(value))
        return Out(folded(name, self.rule.dialect), strong, weak | strong)

    def _star(self, star: exp.Star, table: exp.Expr | None) -> list[Out | Unlisted]:
        dialect, frame = self.rule.dialect, self.frame
        dropped = {
            folded(bare(one).this if isinstance(bare(one), exp.Column) else bare(one), dialect)
            for one in star.args.get("except_") or ()
        }
        renamed = {
            folded(one.this.this if isinstance(one.this, exp.Column) else one.this, dialect): folded(
                one.args["alias"], dialect
            )
            for one in star.args.get("rename") or ()
        }
        replaced = {folded(one.args["alias"], dialect): self._out(one, 0) for one in star.args.get("replace") or ()}
        aliases = [folded(table, dialect)] if table is not None else list(frame.relations)
        found: list[Out | Unlisted] = []
        for alias in aliases:
            for output in frame.relations[alias].outputs if alias in frame.relations else (Unlisted(),):
                known = output.known if isinstance(output, Unlisted) else (output,)
                kept = [self._passed(alias, out) for out in known if out.name not in dropped]
                kept = [replaced.get(out.name, out) for out in kept]
                kept = [Out(renamed.get(out.name, out.name), out.strong, out.weak) for out in kept]
                found += [Unlisted(tuple(kept))] if isinstance(output, Unlisted) else kept
        if table is None and frame.merged:  # where USING puts its columns differs by engine: names only
            merged = [
                self._merged(name)
                for name in frame.merged
                if name not in dropped and name not in replaced and name not in renamed
            ]
            first = next((at for at, out in enumerate(found) if isinstance(out, Unlisted)), len(found) - 1)
            names = {out.name for out in merged}
            rest = [
                o
                for out in found[: first + 1]
                for o in (out.known if isinstance(out, Unlisted) else (out,))
                if o.name not in names
            ]
            return [Unlisted((*merged, *rest))]
        return found

    def _merged(self, name: str) -> Out:
        holds = self.frame._holds(("merged", self.frame.depth, name))
        return Out(name, frozenset(at for at, hold in holds.items() if hold.strong), frozenset(holds))

    def _passed(self, alias: str, out: Out) -> Out:
        """A column of a relation as it leaves the block: an outer join may have filled it up with nulls."""
        strong = out.strong if self.frame.covered(frozenset({alias})) else frozenset()
        return Out(out.name, strong, out.weak | out.strong)

    def unique_names(self, outputs: list[Out | Unlisted], unique: list[Unique]) -> frozenset[frozenset[str]]:
        """The unique sets of the rows, as far as all their columns are put out."""
        if any(multiplies(item) for item in self.select.expressions):
            return frozenset()
        names = self._names()
        certain = Relation(Dependence.CONSTANT, tuple(outputs)).columns()
        uniques = [*unique, *self._numbered()]
        distinct = self.select.args.get("distinct")
        listed = not any(isinstance(out, Unlisted) for out in outputs)
        if distinct is not None and distinct.args.get("on") is None and listed:
            return frozenset({frozenset(out.name for out in outputs if isinstance(out, Out) and not out.strong)})
        found = (frozenset(names.get(at, "") for at in unique) for unique in uniques)
        return frozenset(one for one in found if one <= certain.keys())

    def keys(self) -> tuple[exp.Expr | None, ...]:
        """The key as expressions over the outputs, where all the columns that it reads are put out."""
        if not self.frame.parts:
            return ()
        names = self._names()
        found: list[exp.Expr | None] = [None] * self.rule.size
        for alias, relation in self.frame.relations.items():
            for component, key in enumerate(relation.keys):
                if key is None or not self.frame.covered(frozenset({alias})):
                    continue
                own = self.frame.column
                read = {folded(column.this, self.rule.dialect) for column in key.find_all(exp.Column)}
                put = {name: names[own(alias, name)] for name in read if own(alias, name) in names}
                plain = all(name == name.lower() and name.isidentifier() for name in put.values())
                if read == put.keys() and plain and not isinstance(key, exp.Column):
                    found[component] = key.transform(_with_names, put, self.rule.dialect)
        return tuple(found)

    def _names(self) -> dict[Canon, str]:
        names: dict[Canon, str] = {}
        dialect = self.rule.dialect
        for item in self.select.expressions:
            star = item.this if isinstance(item, exp.Column) else item
            if isinstance(star, exp.Star):
                if star.args.get("rename") or star.args.get("replace"):
                    continue
                table = item.args.get("table") if item is not star else None
                for alias, relation in self.frame.relations.items():
                    if table is None or folded(table, dialect) == alias:
                        for name in relation.columns():
                            names.setdefault(self.frame.column(alias, name), name)
            elif isinstance(item, (exp.Alias, exp.Column)):
                name = item.args["alias"] if isinstance(item, exp.Alias) else item.this
                names.setdefault(canon(item, self.frame), folded(name, dialect))
        return names

    def _numbered(self) -> Iterator[Unique]:
        """row_number() tells rows of its partition apart; `qualify row_number() … = 1` leaves one of each."""
        aliases = {
            folded(i.args["alias"], self.rule.dialect): bare(i)
            for i in self.select.expressions
            if isinstance(i, exp.Alias)
        }
        for value in map(bare, self.select.expressions):
            if isinstance(value, exp.Window) and isinstance(value.this, exp.RowNumber):
                yield self._partition(value) | {canon(value, self.frame)}
        for condition in conjuncts(condition_of(self.select, "qualify")):
            if isinstance(condition, exp.EQ) and isinstance(bare(condition.expression), exp.Literal):
                value = bare(condition.this)
                if isinstance(value, exp.Column) and not value.table and not self.frame.knows(value):
                    value = aliases.get(folded(value.this, self.rule.dialect), value) if self._closed() else value
                if isinstance(value, exp.Window) and isinstance(value.this, exp.RowNumber):
                    yield self._partition(value)

    def _closed(self) -> bool:
        return not any(relation.is_open for relation in self.frame.relations.values())

    def _partition(self, node: exp.Window) -> Unique:
        return frozenset(
            canon(item, self.frame)
            for item in window_parts(node, self.select, self.rule.dialect)[0]
            if not self.frame.strong(item)
        )


def _with_names(node: exp.Expr, names: dict[str, str], dialect: str) -> exp.Expr:
    if isinstance(node, exp.Column):
        return exp.column(names[folded(node.this, dialect)])
    return node
