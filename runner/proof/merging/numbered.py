"""FIRST and LAST of a `merge:` model in words that every engine has: row numbers in a subquery, picked from outside.

    select k, max(case when first_n = 1 then page end) as landing
    from (
        select k, page, row_number() over (partition by k order by t nulls last, page nulls last) as first_n
        from atomic.events
    ) as e
    group by k

The subquery, or a CTE of its own, gives columns of one row and row numbers within exactly the key, and reads the source
directly: the runner cuts the source to the batches at hand, so that number 1 is the first row of that part, and folds it
with the stored row, as it does with first(page order by t, page). Rows are left out inside of it only: a WHERE
outside of it could drop number 1, and then nothing would be first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from runner.proof.calls import has_aggregate, multiplies
from runner.proof.columns import Canon, Dependence, Out, Relation
from runner.proof.relations import Frame, bare, canon, folded, inside
from runner.sql.volatile import shown

INNER_CLAUSES = frozenset({"expressions", "from_", "where"})
PLAIN_ARGS = frozenset({"this", "alias"})
WINDOW_ARGS = frozenset({"this", "partition_by", "order", "over"})
BY_HISTORY = "leave `merge:` out: the affected keys are then recomputed from their history"
LIST_THEM = "list what it takes: columns and expressions of one row, each under its own name, and row numbers"

Flaw = tuple[exp.Expr, str, str]  # where, what is wrong, what to write


@dataclass(frozen=True)
class NumberedSelect:
    """The select that numbers the source's rows, and the name by which the outer one reads it."""

    select: exp.Select
    name: str


def numbered_select(tree: exp.Select, dialect: str) -> NumberedSelect | None:
    """What the FROM of `tree` holds, where it is one subquery or the only CTE; None where it is anything else."""
    origin = tree.args.get("from_")
    at, clause = origin.this if origin is not None else None, tree.args.get("with_")
    if isinstance(at, exp.Subquery) and clause is None:
        select = at.this
        alias = at.args.get("alias")
        name = folded(alias.this, dialect) if alias is not None else ""
        return NumberedSelect(select, name) if isinstance(select, exp.Select) and _plain(at) else None
    if not isinstance(at, exp.Table) or clause is None or clause.args.get("recursive") or len(clause.expressions) != 1:
        return None
    cte = clause.expressions[0]
    if not isinstance(at.this, exp.Identifier) or folded(at.this, dialect) != folded(cte.args["alias"].this, dialect):
        return None
    if not isinstance(cte.this, exp.Select) or not _plain(cte) or not _plain(at):
        return None
    alias = at.args.get("alias")
    return NumberedSelect(cte.this, folded(alias.this if alias is not None else at.this, dialect))


def _plain(node: exp.Expr) -> bool:
    """No more than what it holds, and an alias without columns."""
    alias = node.args.get("alias")
    extra = {name for name, value in node.args.items() if value} - PLAIN_ARGS
    return not extra and not (alias is not None and alias.args.get("columns"))


class Numbered:
    """The columns that such a select gives: expressions over a row of the source, or row numbers."""

    def __init__(self, rows: NumberedSelect, source: Frame, key: frozenset[Canon]) -> None:
        self.rows, self.source, self.key = rows, source, key
        self.numbers: dict[str, exp.Window] = {}
        self.flaws: list[Flaw] = list(self._clauses())
        given: dict[str, Canon] = {}
        for item in rows.select.expressions:
            name = output_name(item, source.dialect)
            if item.is_star or not name:
                self._flaw(item, "takes columns without naming each", LIST_THEM)
            elif name in given or name in self.numbers:
                self._flaw(item, f"is a second column {name}", "give one of the two another name")
            elif isinstance(window := bare(item), exp.Window):
                self._check(window)
                self.numbers[name] = window
            else:
                given[name] = canon(item, source)
                if not row_level(item):
                    self._flaw(item, "is neither an expression of one row nor a row number", LIST_THEM)
        self.frame = Frame(source.dialect, source.size)
        self.frame.add(rows.name, Relation(Dependence.KEYED, tuple(map(Out, (*given, *self.numbers)))))
        self._given = {self.frame.named(rows.name, name): value for name, value in given.items()}
        self._numbers = {self.frame.named(rows.name, name): name for name in self.numbers}
        self.flaws += self._aliases()

    def canon(self, node: exp.Expr) -> Canon:
        """An outer expression as one over a row of the source."""
        return _through(canon(node, self.frame), self._given)

    def used(self, node: exp.Expr) -> list[str]:
        """The row numbers that an outer expression reads."""
        columns = [part for part in inside(node) if isinstance(part, exp.Column) and not part.is_star]
        return [name for part in columns if (name := self._numbers.get(self.frame.resolve(part)))]

    def picked(self, call: exp.Expr) -> tuple[exp.Expr, exp.Window] | None:
        """`max(case when n = 1 then x end)` → x and the window of n; `min` picks the same, since there is one such row."""
        if not isinstance(call, (exp.Min, exp.Max)) or call.expressions:
            return None
        case = bare(call.this)
        if not isinstance(case, exp.Case) or case.this is not None or len(case.args["ifs"]) != 1:
            return None
        default, branch = case.args.get("default"), case.args["ifs"][0]
        if default is not None and not isinstance(bare(default), exp.Null):
            return None
        condition, value = bare(branch.this), branch.args["true"]
        if not isinstance(condition, exp.EQ):
            return None
        sides = [bare(condition.this), bare(condition.expression)]
        one = [side for side in sides if isinstance(side, exp.Literal) and not side.is_string and side.this == "1"]
        names = [name for side in sides if isinstance(side, exp.Column) for name in self.used(side)]
        if len(one) != 1 or len(names) != 1 or self.used(value):
            return None
        return value, self.numbers[names[0]]

    def _clauses(self) -> Iterator[Flaw]:
        select = self.rows.select
        for name, clause in select.args.items():
            if clause and name not in INNER_CLAUSES:
                node = clause[0] if isinstance(clause, list) else clause
                word = name.rstrip("_").replace("_", " ")
                yield (
                    (node if isinstance(node, exp.Expr) else select),
                    f"the subquery of a merge model has no {word}",
                    LIST_THEM,
                )

    def _check(self, window: exp.Window) -> None:
        """A row number within exactly the key, in an order; what else a window may be is a flaw."""
        extra = {name for name, value in window.args.items() if value} - WINDOW_ARGS
        parts = list(window.args.get("partition_by") or ())
        if extra or not isinstance(window.this, exp.RowNumber) or window.args.get("order") is None:
            hint = "number the rows: row_number() over (partition by the key order by …)"
            self._flaw(window, "is no row_number() with an order", hint)
        elif {canon(part, self.source) for part in parts} != self.key:
            self._flaw(window, "is not partitioned by exactly the key", BY_HISTORY)
        elif not all(row_level(part.this) for part in window.args["order"].expressions):
            self._flaw(window, "is not ordered by expressions of one row", LIST_THEM)

    def _aliases(self) -> Iterator[Flaw]:
        """Some engines let a WHERE use the names of the select list: a row number there would see rows twice."""
        where = self.rows.select.args.get("where")
        for part in inside(where) if where is not None else ():
            if (
                isinstance(part, exp.Column)
                and not part.table
                and folded(part.this, self.source.dialect) in self.numbers
            ):
                yield (
                    part,
                    f"the where of the subquery uses its row number {part.name}",
                    BY_HISTORY,
                )

    def _flaw(self, node: exp.Expr, what: str, hint: str) -> None:
        self.flaws.append((node, f"{shown(node, self.source.dialect)} in the subquery {what}", hint))


def row_level(node: exp.Expr) -> bool:
    """Whether an expression looks at one row, and gives one value."""
    return (
        not has_aggregate(node)
        and not multiplies(node)
        and not any(
            isinstance(part, exp.Window) or (isinstance(part, exp.Query) and not isinstance(part, exp.Table))
            for part in inside(node)
        )
    )


def output_name(item: exp.Expr, dialect: str) -> str:
    """The name of an output, '' if it has none."""
    if isinstance(item, exp.Alias):
        return folded(item.args["alias"], dialect)
    return folded(item.this, dialect) if isinstance(item, exp.Column) and not item.is_star else ""


def spelled(of: str, by: Sequence[str], key: Sequence[str], *, last: bool) -> str:
    """The SQL of one FIRST or LAST in this form."""
    order = ", ".join(f"{name}{' desc' if last else ''} nulls last" for name in by)
    name = "last_n" if last else "first_n"
    number = f"row_number() over (partition by {', '.join(key)} order by {order}) as {name}"
    return f"write max(case when {name} = 1 then {of} end), and in a subquery over the source {number}"


def _through(of: Canon, given: dict[Canon, Canon]) -> Canon:
    """A canon over the outer row with what the inner row says of each column."""
    if not isinstance(of, tuple):
        return of
    return given[of] if of in given else tuple(_through(part, given) for part in of)
