"""The conditions of `merge:` models: aggregates that fold stored rows and new rows without reading history.

MIN and MAX fold by themselves. FIRST and LAST fold if a stored row still knows its place in the order: each column of
the order is itself stored, as MIN (or MAX) of the first one, as FIRST (or LAST) of the others by those before them,
and the value comes last, so that rows which tie have the same value. Nulls come last on both sides, whatever the
direction: so a stored null never wins over a value. Everything else needs history: leave `merge:` out.
FIRST and LAST are written as aggregates with an order where an engine has them, and on every engine as row numbers in
a subquery (numbered.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from runner.names import TableName
from runner.playbook.values import Fold, MergeColumn, Model
from runner.proof.calls import has_aggregate, is_aggregate, multiplies
from runner.proof.columns import Canon, Dependence, Relation, Unlisted
from runner.proof.keywise import Refusal, expression
from runner.proof.merging import numbered
from runner.proof.merging.numbered import Numbered, output_name, row_level
from runner.proof.relations import Frame, bare, canon, folded, line_of
from runner.sql.spelling import name_of
from runner.sql.volatile import RUNS_INSTANT, name_of_call, shown, volatile

RECOMPUTE = f"or {numbered.BY_HISTORY}"
CLAUSES = frozenset({"expressions", "from_", "where", "group", "order"})
SKIPS_NULLS = frozenset({"ArgMin", "ArgMax", "AnyValue", "min_by", "max_by", "arbitrary"})
ORDERED = (Fold.FIRST, Fold.LAST)
HAVE_FIRST = {"duckdb", "postgres"}  # as an aggregate with an order


@dataclass(frozen=True)
class Aggregate:
    """An output column as the SQL computes it: which fold that is, of what, in which order."""

    fold: Fold
    of: Canon
    order: tuple[Canon, ...] = ()
    filtered: bool = False


class NotBareError(Exception):
    """An output that is no aggregate which can be folded: why, and what to write."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.reason, self.hint = reason, hint


def check_merge(tree: exp.Query, model: Model, source: TableName, dialect: str) -> tuple[Refusal, ...]:
    """The reasons why `tree` cannot be folded as `model.merge` says; none if it can."""
    found = sorted(dict.fromkeys(_refusals(tree, model, source, dialect)), key=lambda refusal: refusal.line)
    return tuple(found)


def stored_order(model: Model, tree: exp.Query, dialect: str) -> dict[str, tuple[tuple[str, bool], ...]]:
    """For each FIRST and LAST column: the stored columns that rank its rows, as (column, descending?), best row first.

    The winner among stored and new rows of a key is the first one `order by` these, *nulls last* throughout. The
    column itself is the last of them. Only what `check_merge` accepts has an order that means anything.
    """
    if not isinstance(tree, exp.Select):
        return {}
    outputs = _MergeOutputs(model, tree, dialect)
    return {column.name: tuple(outputs.ranking(column)[0]) for column in model.merge if column.fold in ORDERED}


def _refusals(tree: exp.Query, model: Model, source: TableName, dialect: str) -> Iterator[Refusal]:
    def refusal(node: exp.Expr, reason: str, hint: str = RECOMPUTE) -> Refusal:
        return Refusal(line_of(node), reason, hint)

    if not isinstance(tree, exp.Select):
        yield refusal(tree, "a merge model is one plain select, not a union or a subquery")
        return
    rows = numbered.numbered_select(tree, dialect)
    for name, clause in tree.args.items():
        if clause and name not in CLAUSES | ({"with_"} if rows is not None else set()):
            word = {"with_": "CTEs"}.get(name, name.rstrip("_").replace("_", " "))
            node = clause[0] if isinstance(clause, list) else clause
            yield refusal(node if isinstance(node, exp.Expr) else tree, f"a merge model has no {word}")
    inner = rows.select if rows is not None else tree
    origin = inner.args.get("from_")
    table = origin.this if origin is not None else None
    if not isinstance(table, exp.Table) or not _is_plain(table) or name_of(table) != source:
        yield refusal(table or inner, f"a merge model reads its source {source} directly, and nothing else")
        return
    outputs = _MergeOutputs(model, tree, dialect)
    yield from _nodes(outputs, tree)
    where = inner.args.get("where")
    if where is not None and (has_aggregate(where) or multiplies(where)):
        yield refusal(where, f"the where of a merge model looks at one row at a time: {shown(where, dialect)}")
    if rows is not None and tree.args.get("where"):
        reason = f"rows are left out after they were numbered: {shown(tree.args['where'], dialect)}"
        yield refusal(tree.args["where"], reason)
    if outputs.rows is not None and outputs.rows.flaws:
        for node, reason, hint in outputs.rows.flaws:
            yield refusal(node, reason, hint)
        return
    yield from _grouped(outputs, tree, model, source)
    yield from _columns(outputs, tree, model, source)


def _nodes(outputs: _MergeOutputs, tree: exp.Select) -> Iterator[Refusal]:
    """Calls with another answer on every run, and windows and queries other than those of the portable form."""
    inner, dialect = outputs.inner, outputs.dialect
    windows = {id(bare(item)) for item in inner.expressions} if inner is not tree else set()
    queries = {id(tree), id(inner), id(inner.parent)}
    for node in tree.walk():
        answer = volatile(node, dialect, RUNS_INSTANT)
        if answer:
            yield Refusal(line_of(node), *answer)
        if isinstance(node, exp.Window) and id(node) not in windows:
            where = " outside of its numbered rows" if inner is not tree else ""
            yield Refusal(
                line_of(node), f"a merge model has no window functions{where}: {shown(node, dialect)}", RECOMPUTE
            )
        elif isinstance(node, exp.Query) and not isinstance(node, exp.Table) and id(node) not in queries:
            more = "more " if inner is not tree else ""
            yield Refusal(line_of(node), f"a merge model has no {more}subqueries: {shown(node, dialect)}", RECOMPUTE)


def _is_plain(table: exp.Table) -> bool:
    """A table by its name, and no more than an alias."""
    alias = table.args.get("alias")
    extra = {name for name, value in table.args.items() if value} - {"this", "db", "catalog", "alias"}
    return (
        not extra and not (alias is not None and alias.args.get("columns")) and isinstance(table.this, exp.Identifier)
    )


def _grouped(outputs: _MergeOutputs, tree: exp.Select, model: Model, source: TableName) -> Iterator[Refusal]:
    key = [outputs.parsed(column.over(source)) for column in model.key]
    names = ", ".join(column.over(source) for column in model.key)
    group = tree.args.get("group")
    items = list(group.expressions) if group is not None else []
    if group is not None and group.args.get("all"):
        items += [item for item in tree.expressions if not has_aggregate(item)]
    if group is not None and any(isinstance(part, (exp.Rollup, exp.Cube, exp.GroupingSets)) for part in group.walk()):
        yield Refusal(line_of(group), f"{shown(group, outputs.dialect).lower()} adds totals", RECOMPUTE)
    elif {outputs.grouping(item) for item in items} != set(key):
        shows = shown(group, outputs.dialect).lower() if group is not None else "without group by it"
        yield Refusal(
            line_of(group or tree),
            f"{shows} is not exactly the key {names}",
            f"make key: what it groups by, {RECOMPUTE}",
        )


def _columns(outputs: _MergeOutputs, tree: exp.Select, model: Model, source: TableName) -> Iterator[Refusal]:
    keys = {column.name.lower(): column.over(source) for column in model.key}
    folds = {column.name.lower(): column for column in model.merge}
    for item in tree.expressions:
        name, line = output_name(item, outputs.dialect), line_of(item)
        text = shown(item, outputs.dialect)
        if item.is_star or not name:
            yield Refusal(line, f"{text} has no name of its own", "write each output as expression as name")
        elif name in keys:
            if outputs.canon(item) != outputs.parsed(keys[name]):
                yield Refusal(
                    line, f"output column {name} is not the key {keys[name]}: {text}", f"select {keys[name]} as {name}"
                )
        elif name not in folds:
            hint = f"add `{name}: min`, `max`, `first(…)` or `last(…)` to merge:, {RECOMPUTE}"
            yield Refusal(line, f"output column {name} is neither in key: nor in merge:", hint)
        else:
            yield from _folds(outputs, item, folds[name])
    for name in [*keys, *folds]:
        if name not in outputs.items:
            yield Refusal(
                line_of(tree), f"no output column is called {name}", "take it out of key: and merge:, or select it"
            )


def _folds(outputs: _MergeOutputs, item: exp.Expr, column: MergeColumn) -> Iterator[Refusal]:
    line, text = line_of(item), shown(bare(item), outputs.dialect)
    try:
        aggregate = outputs.aggregate(item)
    except NotBareError as error:
        yield Refusal(line, error.reason, error.hint)
        return
    if column.fold not in ORDERED:
        if aggregate.fold is not column.fold or aggregate.order:
            yield Refusal(
                line,
                f"{column.name} is {column.fold.value} in merge:, but the SQL has {text}",
                f"write `{column.name}: {aggregate.fold.value}` in merge:",
            )
        return
    if aggregate.fold is not column.fold:
        yield Refusal(
            line, f"{column.name} is {column.fold.value} in merge:, but the SQL has {text}", outputs.spelled(column)
        )
    elif aggregate.of != outputs.parsed(column.of):
        reason = (
            f"{column.name} is {column.fold.value}({column.of} …) in merge:, but the SQL takes another value: {text}"
        )
        yield Refusal(line, reason, outputs.spelled(column))
    elif not outputs.follows(column, aggregate.order):
        reason = f"the order of {text} is not the one in merge: followed by the value itself"
        yield Refusal(line, reason, outputs.spelled(column))
    else:
        for missing, hint in outputs.ranking(column)[1]:
            yield Refusal(line, f"{column.name} is ranked by {missing}, which is not stored", hint)


class _MergeOutputs:
    """The outputs of a merge model, by name, and its playbook texts as expressions over a row of the source."""

    def __init__(self, model: Model, tree: exp.Select, dialect: str) -> None:
        self.model, self.tree, self.dialect = model, tree, dialect
        self.frame = Frame(dialect, len(model.key))
        rows = numbered.numbered_select(tree, dialect)
        self.inner = rows.select if rows is not None else tree
        table = self.inner.args["from_"].this if self.inner.args.get("from_") is not None else None
        alias = table.args.get("alias") if table is not None else None
        name = alias.this if alias is not None else table.this if isinstance(table, exp.Table) else "source"
        self.frame.add(folded(name, dialect), Relation(Dependence.KEYED, (Unlisted(),)))
        if isinstance(table, exp.Table) and name is table.this:
            self.frame.origins[folded(name, dialect)] = tuple(folded(part, dialect) for part in table.parts)
        self.items = {output_name(item, dialect): item for item in tree.expressions}
        self.key_texts = [column.over(name_of(table)) for column in model.key] if isinstance(table, exp.Table) else []
        self.keys = set(map(self.parsed, self.key_texts))
        self.rows = Numbered(rows, self.frame, frozenset(self.keys)) if rows is not None else None

    def canon(self, node: exp.Expr) -> Canon:
        """An expression of the SELECT as one over a row of the source."""
        return self.rows.canon(node) if self.rows is not None else canon(node, self.frame)

    def parsed(self, text: str) -> Canon:
        """A text of the playbook as the canon of an expression over a row of the source."""
        return canon(expression(text, self.dialect), self.frame)

    def grouping(self, item: exp.Expr) -> Canon:
        """What a GROUP BY item means: a position, the name of an output that is the key, or an expression."""
        if isinstance(item, exp.Literal) and not item.is_string and 0 < int(item.this) <= len(self.tree.expressions):
            return self.canon(self.tree.expressions[int(item.this) - 1])
        own = self.canon(item)
        known = self.rows is not None and isinstance(item, exp.Column) and self.rows.frame.knows(item)
        if own not in self.keys and isinstance(item, exp.Column) and not item.table and not known:
            named = self.items.get(folded(item.this, self.dialect))
            if named is not None and self.canon(named) in self.keys:
                return self.canon(named)
        return own

    def aggregate(self, item: exp.Expr) -> Aggregate:
        """The aggregate that an output is; raises NotBareError."""
        call, filtered = bare(item), False
        text = shown(call, self.dialect)
        if self.rows is not None and (numbers := self.rows.used(call)):
            return self._numbered(self.rows, call, numbers[0], text)
        if isinstance(call, exp.Filter):
            call, filtered = call.this, True
        picked = isinstance(call, exp.Bracket)
        if picked:
            call = self._first_of_array(call, text)
        if isinstance(call, exp.Filter) or (filtered and not isinstance(call, (exp.Min, exp.Max))):
            raise NotBareError(f"{text} has a filter: a stored row does not know whether it passed", RECOMPUTE)
        if isinstance(call, exp.IgnoreNulls):
            call = call.this
            if not isinstance(call, exp.AnyValue):
                raise NotBareError(f"{text} ignores nulls, so its order does not say which row is stored", RECOMPUTE)
        if name_of_call(call) in SKIPS_NULLS:
            hint = self._how("if the value is never null, write first(x order by …) or last(x order by … nulls first)")
            raise NotBareError(
                f"{text} skips rows where the value is null, so its order does not say which row is stored", hint
            )
        if isinstance(call, (exp.Min, exp.Max)) and not call.args.get("count") and not call.expressions:
            inner = call.this.expressions[0] if isinstance(call.this, exp.Distinct) else call.this
            self._row_level(inner, text)
            return Aggregate(Fold.MIN if isinstance(call, exp.Min) else Fold.MAX, self.canon(inner), (), filtered)
        if isinstance(call, (exp.First, exp.Last)) and self.dialect not in HAVE_FIRST:
            raise NotBareError(f"{text}: {self.dialect} has no such aggregate", self._how(""))
        if picked or isinstance(call, (exp.First, exp.Last)):
            return self._ordered(call, text)
        if is_aggregate(call):
            raise NotBareError(
                f"{text} cannot be folded from stored rows: only min, max, first and last can", RECOMPUTE
            )
        raise NotBareError(
            f"{text} is not a bare aggregate",
            "where it is the same, put casts and expressions inside of it: min(cast(x as date)), " + RECOMPUTE,
        )

    def _how(self, hint: str) -> str:
        """`hint`, which writes an aggregate with an order, or what every engine has instead."""
        if self.dialect in HAVE_FIRST and self.rows is None:
            return hint
        ordered = [column for column in self.model.merge if column.fold in ORDERED]
        return self.spelled(ordered[0]) if ordered else numbered.BY_HISTORY

    def _numbered(self, rows: Numbered, call: exp.Expr, number: str, text: str) -> Aggregate:
        """max(case when n = 1 then x end): FIRST or LAST of x by the order of the row number n."""
        found = rows.picked(call)
        if found is None:
            hint = f"write max(case when {number} = 1 then x end), {RECOMPUTE}"
            raise NotBareError(f"{text} uses the row number {number} otherwise than to pick row 1", hint)
        value, window = found
        self._row_level(value, text)
        order = window.args.get("order")
        over = shown(window, self.dialect)
        down, by = self._direction(order.expressions if order is not None else [], over, lambda n: canon(n, self.frame))
        return Aggregate(Fold.LAST if down else Fold.FIRST, self.canon(value), by)

    def _first_of_array(self, call: exp.Expr, text: str) -> exp.Expr:
        """`(array_agg(x order by …))[1]`; sqlglot counts from 0, whatever the engine does."""
        index, array = call.expressions, bare(call.this)
        first = len(index) == 1 and isinstance(index[0], exp.Literal) and str(index[0].this) == "0"
        if not isinstance(array, exp.ArrayAgg) or not first or self.dialect not in HAVE_FIRST:
            hint = self._how("write (array_agg(x order by …))[1], " + RECOMPUTE)
            raise NotBareError(f"{text} is not a bare aggregate", hint)
        return array

    def _ordered(self, call: exp.Expr, text: str) -> Aggregate:
        """first(x order by …) and kin."""
        if not isinstance(call.this, exp.Order):
            raise NotBareError(f"{text} has no order", self._how("write first(x order by …, x)"))
        value = call.this.this
        self._row_level(value, text)
        if isinstance(value, exp.Distinct):
            raise NotBareError(f"{text} is not a bare aggregate", RECOMPUTE)
        for part in call.this.expressions:
            self._row_level(part.this, text)
        down, order = self._direction(call.this.expressions, text, self.canon, backwards=isinstance(call, exp.Last))
        return Aggregate(Fold.LAST if down else Fold.FIRST, self.canon(value), order)

    def _direction(
        self, parts: Sequence[exp.Expr], text: str, meant: Callable[[exp.Expr], Canon], *, backwards: bool = False
    ) -> tuple[bool, tuple[Canon, ...]]:
        """Whether all of an order descends, which means LAST, and what it is by; nulls never win."""
        directions: set[bool] = set()
        for part in parts:
            if bool(part.args.get("nulls_first")) is not backwards:
                word = "nulls first" if backwards else "nulls last"
                raise NotBareError(
                    f"the order of {text} lets null win in {shown(part, self.dialect)}",
                    f"write {word} after it if it is never null, {RECOMPUTE}",
                )
            directions.add(bool(part.args.get("desc")) is not backwards)
        if len(directions) != 1:
            raise NotBareError(f"the order of {text} goes up and down", numbered.BY_HISTORY)
        return directions.pop(), tuple(meant(part.this) for part in parts)

    def _row_level(self, node: exp.Expr, text: str) -> None:
        if not row_level(node):
            raise NotBareError(f"{text} is not an aggregate over expressions of one row", RECOMPUTE)

    def follows(self, column: MergeColumn, order: tuple[Canon, ...]) -> bool:
        """Whether the SQL has the order of merge:, ended by the value itself: what comes after that decides nothing."""
        of = self.parsed(column.of)
        return of in order and self.full_order(of, order) == self.full_order(of, list(map(self.parsed, column.by)))

    def full_order(self, of: Canon, by: Sequence[Canon]) -> tuple[Canon, ...]:
        """What ranks rows up to a tie in the value; the key is the same on all of them."""
        kept = [one for one in by if one not in self.keys]
        return (*kept[: kept.index(of)], of) if of in kept else (*kept, of)

    def ranking(self, column: MergeColumn) -> tuple[list[tuple[str, bool]], list[tuple[str, str]]]:
        """The stored columns that rank `column`, and the (order column, hint) that are not stored."""
        of, down = self.parsed(column.of), column.fold is Fold.LAST
        texts = {self.parsed(text): text for text in column.by}
        full = self.full_order(of, [self.parsed(text) for text in column.by])
        stored: list[tuple[str, bool]] = []
        missing: list[tuple[str, str]] = []
        for at in range(len(full) - 1):
            name = self._stored(column, full[: at + 1], first=at == 0)
            if name is None:
                before = ", ".join(texts[one] for one in full[:at])
                extreme = "max" if down else "min"
                fold = f"{column.fold.value}({texts[full[at]]} by {before})" if at else extreme
                missing.append(
                    (texts[full[at]], f"add a column for {texts[full[at]]} to the select and to merge:, with `{fold}`")
                )
            else:
                stored.append((name, down))
        return [*stored, (column.name, down)], missing

    def _stored(self, column: MergeColumn, prefix: tuple[Canon, ...], first: bool) -> str | None:
        """The output that stores the last column of this prefix of the order, of the row that wins by it."""
        extreme = Fold.MAX if column.fold is Fold.LAST else Fold.MIN
        for other in self.model.merge:
            item = self.items.get(other.name.lower())
            try:
                found = self.aggregate(item) if item is not None else None
            except NotBareError:
                continue
            if found is None or found.fold is not other.fold or found.of != prefix[-1] or found.filtered:
                continue
            if first and other.fold is extreme:
                return other.name
            if other.fold is column.fold and self.full_order(found.of, found.order)[: len(prefix)] == prefix:
                return other.name
        return None

    def spelled(self, column: MergeColumn) -> str:
        """The SQL that `merge:` means."""
        names = [*column.by, *([] if column.of in column.by else [column.of])]
        last = column.fold is Fold.LAST
        if self.rows is not None or self.dialect not in HAVE_FIRST:
            return numbered.spelled(column.of, names, self.key_texts, last=last)
        if self.dialect == "duckdb":
            order = ", ".join(f"{name} nulls first" if last else name for name in names)
            return f"write {column.fold.value}({column.of} order by {order})"
        order = ", ".join(f"{name} desc nulls last" if last else name for name in names)
        return f"write (array_agg({column.of} order by {order}))[1]"
