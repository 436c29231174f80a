"""What one SELECT block puts out: which columns are still the key, and what tells its rows apart.

Stars are expanded as far as columns are listed. Each output is traced by its position to what it is over the FROM clause:
what a star drops, replaces or renames, and what is listed beside it, is followed there and not by its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlglot import exp

from runner.proof.calls import call_of, has_aggregate, multiplies
from runner.proof.columns import Canon, Out, Place, Unlisted, own, through
from runner.proof.from_clause import Rule
from runner.proof.relations import Frame, Unique, bare, canon, conjuncts, folded, inside
from runner.sql.volatile import name_of_call

DUCKDB = "duckdb"  # its select lists spread structs, and rename second columns of a name
KEEPS_VALUE = frozenset({"Min", "Max", "AnyValue", "First", "Last"})

LISTS = frozenset(  # what gives lists, and so one column where it is unnested
    "Array ArrayAgg ArrayConcat ArrayDistinct ArrayFilter ArrayReverse ArraySlice ArraySort GenerateDateArray GenerateSeries"
    " GenerateTimestampArray JSONExtract MapKeys MapValues RegexpExtractAll RegexpSplit SortArray Split Transform"
    " array_distinct array_filter array_reverse_sort array_slice array_sort array_transform array_zip list_concat"
    " list_distinct list_filter list_reverse list_reverse_sort list_slice list_sort list_transform list_zip map_entries"
    " map_keys map_values".split()
)


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


def aliases(select: exp.Select, dialect: str) -> Iterator[tuple[str, exp.Expr]]:
    """The names that the select list gives, and what they stand for; also those that a star replaces or renames."""
    for item in select.expressions:
        star = item.this if isinstance(item, exp.Column) else item
        given = [item] if isinstance(item, exp.Alias) else []
        if isinstance(star, exp.Star):
            given = [*(star.args.get("replace") or ()), *(star.args.get("rename") or ())]
        for one in given:
            yield folded(one.args["alias"], dialect), one


def several(item: exp.Expr, dialect: str) -> bool:
    """Whether an item, no plain star, may be several columns: `columns('x.*')`, `* like 'x%'`, a struct's fields."""
    if any(isinstance(part, (exp.Star, exp.Columns)) for part in inside(item)) and not has_aggregate(item):
        return True
    return dialect == DUCKDB and spreads(item)


def spreads(item: exp.Expr) -> bool:
    """Whether an item may be several columns: on DuckDB `unnest` of a struct is one for each field, whatever its alias."""
    bare_item = item.unalias().unnest()
    if not isinstance(bare_item, exp.Explode):
        return False
    if bare_item.expressions:  # recursive, max_depth
        return True
    of = bare_item.this
    if isinstance(of, exp.Cast):
        return not of.to.is_type(exp.DataType.Type.ARRAY, exp.DataType.Type.LIST)
    return name_of_call(of) not in LISTS


@dataclass(frozen=True)
class Run:
    """An unlisted run of the FROM clause that a star puts out: where, and what the star does to names in it."""

    at: int
    hidden: frozenset[str]
    renamed: dict[str, str]


@dataclass(frozen=True)
class Star:
    """What a star says of the columns that it takes, by name; an `exclude` may name the relation as well."""

    dropped: frozenset[tuple[str, str]]
    replaced: dict[str, exp.Expr]
    renamed: dict[str, str]

    def drops(self, alias: str, name: str) -> bool:
        return ("", name) in self.dropped or (alias, name) in self.dropped

    def dropped_of(self, alias: str) -> frozenset[str]:
        return frozenset(name for of, name in self.dropped if of in {"", alias})


class Outputs:
    """The select list of one block, over its FROM clause."""

    def __init__(self, rule: Rule, select: exp.Select, frame: Frame, grouped: bool) -> None:
        self.rule, self.select, self.frame, self.grouped = rule, select, frame, grouped
        self.outputs: list[Out | Unlisted] = []
        self._given: dict[Canon, Place] = {}
        self._runs: dict[tuple[str, int], Run] = {}
        for item in select.expressions:
            star = item.this if isinstance(item, exp.Column) else item
            if isinstance(star, exp.Star) and star.args.get("ilike") is None:
                self._star(read_star(star, rule.dialect), item.args.get("table") if item is not star else None)
            elif several(item, rule.dialect):
                self.outputs.append(Unlisted())
            else:
                self._put(self._out(item), canon(item, frame))
        if any(isinstance(part, exp.Columns) for item in select.expressions for part in inside(item)):
            self.outputs, self._given, self._runs = [Unlisted()], {}, {}
        if rule.dialect == DUCKDB:
            self.outputs = list(_second_names_gone(self.outputs))

    def unique(self, unique: list[Unique]) -> frozenset[frozenset[Canon]]:
        """The unique sets of the rows, as far as all their columns are put out."""
        if any(multiplies(item) for item in self.select.expressions):
            return frozenset()
        found = [[self._own(of) for of in one] for one in [*unique, *self._numbered()]]
        distinct = self.select.args.get("distinct")
        listed = [(at, out) for at, out in enumerate(self.outputs) if isinstance(out, Out)]
        if distinct is not None and distinct.args.get("on") is None and len(listed) == len(self.outputs):
            found.append([own((at, "")) for at, out in listed if not out.strong])
        return frozenset(frozenset(one) for one in found if None not in one)

    def keys(self) -> tuple[Canon | None, ...]:
        """The key as expressions over the outputs, where all the columns that it reads are put out."""
        if not self.frame.parts:
            return ()
        found: list[Canon | None] = [None] * self.rule.size
        for alias, relation in self.frame.relations.items():
            for component, key in enumerate(relation.keys):
                if key is not None and found[component] is None and self.frame.covered(frozenset({alias})):
                    found[component] = self._own(self.frame.over(alias, key))
        return tuple(found)

    def _own(self, of: Canon) -> Canon | None:
        """An expression over the FROM clause as one over the outputs."""
        return through(of, self._place)

    def _place(self, of: Canon) -> Canon | None:
        if of in self._given:
            return own(self._given[of])
        if of[0] != "column" or of[1] != self.frame.depth:
            return None
        alias, (at, name) = of[2:]
        run = self._runs.get((alias, at))
        return None if run is None or not name or name in run.hidden else own((run.at, run.renamed.get(name, name)))

    def _put(self, output: Out | Unlisted, value: Canon | None) -> None:
        if value is not None:
            self._given.setdefault(value, (len(self.outputs), ""))
        self.outputs.append(output)

    def _out(self, item: exp.Expr) -> Out:
        named = (
            item.args["alias"] if isinstance(item, exp.Alias) else item.this if isinstance(item, exp.Column) else None
        )
        name = folded(named, self.rule.dialect) if named is not None else ""
        value = bare(item)
        if named is None and isinstance(value, exp.Column):
            name = folded(value.this, self.rule.dialect)
        call = call_of(value) if not isinstance(value, exp.Filter) else value
        if (
            self.grouped
            and self.select.args.get("group")
            and name_of_call(call) in KEEPS_VALUE
            and not call.args.get("count")
        ):
            inner = call.this.this if isinstance(call.this, exp.Order) else call.this
            strong = self.frame.strong(inner)
            return Out(name, strong, strong)
        strong, weak = self.frame.strong(value), frozenset(self.frame.holds(value))
        return Out(name, strong, weak | strong)

    def _star(self, star: Star, table: exp.Expr | None) -> None:
        frame = self.frame
        if table is None and frame.merged:
            self._star_using(star)
            return
        for alias in [folded(table, self.rule.dialect)] if table is not None else list(frame.relations):
            if alias not in frame.relations:
                self.outputs.append(Unlisted())
                continue
            for at, output in enumerate(frame.relations[alias].outputs):
                if isinstance(output, Unlisted):
                    self._run(star, alias, at, output)
                elif not star.drops(alias, output.name):
                    self._put(*self._passed(star, alias, (at, ""), output))

    def _run(self, star: Star, alias: str, at: int, run: Unlisted) -> None:
        """A run of unlisted columns as the star puts it out."""
        dropped = star.dropped_of(alias)
        here = len(self.outputs)
        known = []
        for out in run.known:
            if out.name not in dropped:
                passed, value = self._passed(star, alias, (at, out.name), out)
                known.append(passed)
                self._given.setdefault(value, (here, passed.name))
        sole = sum(r.may_have(n) for n in star.renamed for r in self.frame.relations.values()) == len(star.renamed)
        for name, item in star.replaced.items():
            if run.may_have(name) and not run.has(name):
                known.append(self._out(item))
                self._given.setdefault(canon(item, self.frame), (here, name))
        for name, to in star.renamed.items():
            if run.may_have(name) and not run.has(name):
                known.append(Out(to))
        gone = dropped | star.renamed.keys()
        unsure = {to for name, to in star.renamed.items() if not sole or (run.may_have(to) and to not in gone)}
        without = (run.without | gone) - frozenset(star.renamed.values())
        self.outputs.append(Unlisted(tuple(known), without, (run.unsure - gone) | unsure, run.closed))
        self._runs[alias, at] = Run(here, dropped | star.replaced.keys(), star.renamed)

    def _star_using(self, star: Star) -> None:
        """`*` after USING: where these columns stand differs by engine, so no more than names is known."""
        frame, here = self.frame, len(self.outputs)
        if star.replaced or star.renamed or any(of for of, _ in star.dropped):
            self.outputs.append(Unlisted())
            self.rule.doubts.append("*")
            return
        known: dict[str, Out] = {}
        for name in frame.merged:
            of = canon(exp.column(name, quoted=True), frame)
            holds = frame._holds(of)
            if not star.drops("", name):
                known[name] = Out(name, frozenset(at for at, h in holds.items() if h.strong), frozenset(holds))
                self._given.setdefault(of, (here, name))
        closed = True
        for alias, relation in frame.relations.items():
            for place, out in relation.placed():
                if (
                    closed
                    and out.name not in frame.merged
                    and out.name not in known
                    and not star.drops(alias, out.name)
                ):
                    known[out.name], value = self._passed(star, alias, place, out)
                    self._given.setdefault(value, (here, out.name))
            closed = closed and not relation.is_open
        self.outputs.append(Unlisted(tuple(known.values()), closed=closed))

    def _passed(self, star: Star, alias: str, place: Place, out: Out) -> tuple[Out, Canon]:
        """A column of a relation as it leaves the block: replaced, renamed, filled up with nulls by an outer join."""
        if out.name in star.replaced:
            item = star.replaced[out.name]
            return self._out(item), canon(item, self.frame)
        strong = out.strong if self.frame.covered(frozenset({alias})) else frozenset()
        name = star.renamed.get(out.name, out.name)
        return Out(name, strong, out.weak | out.strong), self.frame.column(alias, place)

    def _numbered(self) -> Iterator[Unique]:
        """row_number() tells rows of its partition apart; `qualify row_number() … = 1` leaves one of each."""
        named = {
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
                    value = named.get(folded(value.this, self.rule.dialect), value) if self._closed() else value
                if isinstance(value, exp.Window) and isinstance(value.this, exp.RowNumber):
                    yield self._partition(value)

    def _closed(self) -> bool:
        is_open = any(relation.is_open for relation in self.frame.relations.values())
        if is_open:
            self.rule.doubts.append("qualify")
        return not is_open

    def _partition(self, node: exp.Window) -> Unique:
        return frozenset(
            canon(item, self.frame)
            for item in window_parts(node, self.select, self.rule.dialect)[0]
            if not self.frame.strong(item)
        )


def _second_names_gone(outputs: list[Out | Unlisted]) -> Iterator[Out | Unlisted]:
    """DuckDB calls a second column k of a subquery k_1: what these names mean is not followed."""
    names = [output.name for output in outputs if isinstance(output, Out) and output.name]
    twice = {name for name in names if names.count(name) > 1}
    seen: set[str] = set()
    for output in outputs:
        if isinstance(output, Out):
            stem, _, number = output.name.rpartition("_")
            if output.name in seen or (number.isdigit() and stem in twice):
                yield replace(output, name="")
                continue
            seen.add(output.name)
        yield output


def read_star(star: exp.Star, dialect: str) -> Star:
    """EXCLUDE, REPLACE and RENAME of a star."""
    dropped = set()
    for one in star.args.get("except_") or ():
        column = bare(one)
        table = column.args.get("table") if isinstance(column, exp.Column) else None
        name = column.this if isinstance(column, exp.Column) else column
        dropped.add((folded(table, dialect) if table is not None else "", folded(name, dialect)))
    renamed = {
        folded(one.this.this if isinstance(one.this, exp.Column) else one.this, dialect): folded(
            one.args["alias"], dialect
        )
        for one in star.args.get("rename") or ()
    }
    replaced = {folded(one.args["alias"], dialect): one for one in star.args.get("replace") or ()}
    return Star(frozenset(dropped), replaced, renamed)
