"""Which aggregates and window functions give the same answer, in whatever order rows are read.

Each question is answered with None, or with the reason why not and what to write instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlglot import exp

from runner.proof.advice import add_unique
from runner.proof.columns import Canon
from runner.proof.relations import Frame, Unique, bare, canon, canons_in, inside
from runner.sql.volatile import Answer, name_of_call, shown, words

ORDER_FREE = words(
    "Count CountIf Sum Avg Min Max Stddev StddevPop StddevSamp Variance VariancePop LogicalAnd LogicalOr Median "
    "Quantile PercentileCont PercentileDisc ApproxDistinct Hll Corr CovarPop CovarSamp BitwiseAndAgg BitwiseOrAgg "
    "BitwiseXorAgg BoolxorAgg Skewness Kurtosis HashAgg RegrAvgx RegrAvgy RegrCount RegrIntercept RegrR2 "
    "RegrSlope RegrSxx RegrSxy RegrSyy product entropy every histogram favg fsum kahan_sum sumkahan "
    "sum_no_overflow mad sem bitstring_agg bit_and bit_or bit_xor bool_and bool_or count_star kurtosis_pop "
    "geomean geometric_mean ratio_to_report Grouping GroupingId "
)
PICKS = words("First Last AnyValue ArgMin ArgMax arbitrary arg_min_null arg_max_null min_by max_by first last ")
LISTS = words(
    "ArrayAgg GroupConcat JSONArrayAgg JSONObjectAgg JSONBObjectAgg ObjectAgg ArrayConcatAgg jsonb_agg json_agg "
    "json_group_array json_group_object json_object_agg jsonb_object_agg string_agg listagg array_agg list xmlagg "
    "json_group_structure "
)
RANKS = words("Rank DenseRank PercentRank CumeDist ")
NUMBERS = words("RowNumber Ntile Lag Lead ")
NTH = words("FirstValue LastValue NthValue ")
OF_A_ROW = words("isfinite pg_typeof try ")  # which the parser does not know, and which are surely no aggregates
MULTIPLIES = words(
    "jsonb_array_elements jsonb_array_elements_text json_array_elements json_array_elements_text jsonb_each "
    "jsonb_each_text json_each json_each_text jsonb_object_keys json_object_keys regexp_split_to_table "
    "regexp_matches string_to_table generate_series generate_subscripts unnest jsonb_path_query flatten "
    "jsonb_to_recordset json_to_recordset "
)


@dataclass(frozen=True)
class RowSet:
    """The rows that an aggregate or window function sees: what is the same on all, and what tells them apart."""

    frame: Frame
    same: frozenset[Canon]
    unique: tuple[Unique, ...]

    def total(self, order: Iterable[Canon]) -> bool:
        """Whether this order leaves no two rows alike."""
        told = self.same | frozenset(order)
        return any(unique <= told for unique in self.unique)

    def decided(self, value: exp.Expr, order: Iterable[Canon]) -> bool:
        """Whether rows that this order leaves alike have the same value."""
        told = self.same | frozenset(order)
        columns = canons_in(value, self.frame)
        return canon(value, self.frame) in told or (columns is not None and columns <= told)


def is_aggregate(node: exp.Expr) -> bool:
    """Whether this is an aggregate function's call, as far as its name tells."""
    name = name_of_call(node)
    if name in RANKS | NUMBERS | NTH:
        return False
    return isinstance(node, exp.AggFunc) or (isinstance(node, exp.Func) and name in ORDER_FREE | PICKS | LISTS)


def has_aggregate(node: exp.Expr) -> bool:
    """Whether there is an aggregate in this expression that is not a window function."""
    windows = {id(call_of(part.this)) for part in inside(node) if isinstance(part, exp.Window)}
    return any(is_aggregate(part) and id(part) not in windows for part in inside(node))


def call_of(node: exp.Expr) -> exp.Expr:
    """The function itself, out of FILTER, WITHIN GROUP and IGNORE NULLS."""
    while isinstance(node, (exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls)):
        node = node.this
    return node


def ordering(order: exp.Expr | None, frame: Frame) -> list[Canon]:
    """The canons of an ORDER BY."""
    if order is None:
        return []
    return [canon(item.this if isinstance(item, exp.Ordered) else item, frame) for item in order.expressions]


def aggregate(node: exp.Expr, rows: RowSet) -> Answer:
    """Whether this aggregate gives the same answer whatever the order in which rows are read."""
    name, frame = name_of_call(node), rows.frame
    if name in ORDER_FREE:
        return None
    if name == "Mode":
        return _shown(
            node,
            "takes any of the values that are equally frequent",
            "count, then rank with a full order",
            frame.dialect,
        )
    if name not in PICKS | LISTS:
        hint = "write `unproven: true` if it does not depend on the order of rows"
        return _shown(node, "is an aggregate that is not known here", hint, frame.dialect)
    if isinstance(node.parent, exp.ArraySort) and name == "ArrayAgg":
        return None  # list_sort(list(x))
    values, order = _parts(node, frame)
    if all(rows.decided(value, order) for value in values):
        return None
    if rows.total(order) and not any(isinstance(value, exp.Distinct) for value in values):
        return None
    if not order:
        hint = "write the order: " + ("first(x order by …, event_id)" if name in PICKS else "… order by …, event_id)")
        return _shown(node, "takes rows in any order", hint, frame.dialect)
    return _shown(
        node,
        "has an order that leaves rows of a key alike",
        f"{add_unique(frame)}, or with the value itself",
        frame.dialect,
    )


def _parts(node: exp.Expr, frame: Frame) -> tuple[list[exp.Expr], list[Canon]]:
    """What an ordered aggregate collects, and its order."""
    values: list[exp.Expr] = []
    order: list[Canon] = []
    arguments = list(node.iter_expressions())
    if name_of_call(node) in {"ArgMin", "ArgMax", "min_by", "max_by", "arg_min_null", "arg_max_null"}:
        first, by = arguments[0], arguments[1] if len(arguments) > 1 else arguments[0]
        whole = isinstance(by, (exp.Tuple, exp.Struct)) or name_of_call(by) in {"row", "struct_pack"}
        parts = (
            [part.expression if isinstance(part, exp.PropertyEQ) else part for part in by.expressions]
            if whole
            else [by]
        )
        return [first], [canon(part, frame) for part in parts]
    for argument in arguments:
        if isinstance(argument, exp.Order):
            order += ordering(argument, frame)
            argument = argument.this
        if isinstance(argument, exp.Distinct):
            values += argument.expressions
        elif argument is not None and not isinstance(argument, exp.Literal):
            values.append(argument)
    up = node.parent
    while isinstance(up, (exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls)):
        if isinstance(up, exp.WithinGroup):
            order += ordering(up.expression, frame)
        up = up.parent
    return values, order


def window(node: exp.Expr, call: exp.Expr, spec: exp.Expr | None, order: list[Canon], rows: RowSet) -> Answer:
    """Whether this window function gives each row the same answer, whichever way equal rows are put."""
    name, dialect = name_of_call(call), rows.frame.dialect
    if name in RANKS or rows.total(order):
        return None if name in RANKS | NUMBERS | NTH | ORDER_FREE | PICKS | LISTS else aggregate(call, rows)
    by_rows = spec is not None and str(spec.args.get("kind") or "").upper() == "ROWS" and not _whole(spec)
    if name in ORDER_FREE:
        if not by_rows:
            return None
        return _shown(node, "counts rows in an order that leaves rows of a key alike", add_unique(rows.frame), dialect)
    if name in NTH and (not by_rows or _from_end(name, spec)) and rows.decided(call.this, order):
        return None
    if name in NUMBERS | NTH | PICKS | LISTS:
        return _shown(node, "has an order that leaves rows of a key alike", add_unique(rows.frame), dialect)
    return _shown(
        node, "is a window function that is not known here", "write `unproven: true` if ties do not matter", dialect
    )


def _from_end(name: str, spec: exp.Expr | None) -> bool:
    """The first of a frame that begins with the partition, the last of one that ends with it: the same for all its rows."""
    end = {"FirstValue": "start", "LastValue": "end"}.get(name)
    return (
        spec is not None
        and end is not None
        and spec.args.get("exclude") is None
        and str(spec.args.get(end)).upper() == "UNBOUNDED"
        and str(spec.args.get(f"{end}_side")).upper() == {"start": "PRECEDING", "end": "FOLLOWING"}[end]
    )


def _whole(spec: exp.Expr) -> bool:
    """ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING: no row is left out, so ties do not matter."""
    return (
        str(spec.args.get("start")).upper() == "UNBOUNDED"
        and str(spec.args.get("end")).upper() == "UNBOUNDED"
        and spec.args.get("exclude") is None
    )


def unknown_aggregate(node: exp.Expr, group: frozenset[Canon], frame: Frame) -> bool:
    """In a grouped block, a call that is not known and reads ungrouped columns can only be an aggregate."""
    if not isinstance(node, exp.Anonymous) or is_aggregate(node) or canon(node, frame) in group:
        return False
    if name_of_call(node) in OF_A_ROW:
        return False
    stack: list[exp.Expr] = list(node.iter_expressions())
    while stack:
        part = bare(stack.pop())
        if is_aggregate(part) or isinstance(part, (exp.Window, exp.Query)) or canon(part, frame) in group:
            continue
        if isinstance(part, exp.Column):
            return True
        stack.extend(part.iter_expressions())
    return False


def multiplies(node: exp.Expr) -> bool:
    """Whether a select item turns one row into several (unnest, generate_series)."""
    return any(
        isinstance(part, (exp.Explode, exp.Unnest, exp.ExplodingGenerateSeries, exp.Posexplode, exp.UDTF))
        or (isinstance(part, exp.Func) and name_of_call(part) in MULTIPLIES)
        for part in inside(node)
    )


def _shown(node: exp.Expr, reason: str, hint: str, dialect: str) -> tuple[str, str]:
    return f"{shown(node, dialect)} {reason}", hint
