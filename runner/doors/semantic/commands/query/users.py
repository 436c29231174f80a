"""Which KPIs count users on a day: added up over a week they would be days of users, so a week counts each user once."""

from __future__ import annotations

from sqlglot import exp

from runner.doors.semantic.components import Term, Unfolded
from runner.doors.semantic.formulas import Formula, slot_of
from runner.doors.semantic.kinds.computed import Computed
from runner.doors.semantic.kinds.event_value import EventValue
from runner.doors.semantic.kinds.fixed import Fixed
from runner.doors.semantic.kinds.lifetime import Lifetime
from runner.doors.semantic.kinds.sliding import Sliding
from runner.doors.semantic.types import Aggregate
from runner.doors.semantic.values import Config

MARKS = ("0", "1")
_KEEP_MARKS = (Aggregate.MAX, Aggregate.MIN, Aggregate.FIRST, Aggregate.LAST)
_OF_A_ROW = (Aggregate.NONE, *_KEEP_MARKS)


def only_term(unfolded: Unfolded) -> Term | None:
    """The one aggregate that a KPI consists of, if it is no formula over several."""
    at = slot_of(unfolded.formula.tree.unnest())
    if at is None:
        return None
    return next(term for term in unfolded.terms if term.name == unfolded.formula.names[at])


def counts_users(config: Config, unfolded: Unfolded) -> bool:
    """Whether its value on a day is a number of users: COUNT, COUNTIF, or SUM of a mark, which is 0 or 1 for a user."""
    term = only_term(unfolded)
    if term is None:
        return False
    component = term.component
    return component.function == "count" or (component.function == "sum" and _is_mark(config, component.argument))


def _is_mark(config: Config, formula: Formula) -> bool:
    if (name := formula.bare()) is None:
        return _gives_marks(formula)
    kind = config.property(name).kind if name != "date" else None
    match kind:
        case EventValue():
            default = kind.default is None or kind.default.text in MARKS
            return default and kind.function in _OF_A_ROW and _gives_marks(kind.select)
        case Sliding() | Fixed() | Lifetime():
            return kind.function in _KEEP_MARKS and _is_mark(config, Formula(f"{{{kind.source}}}"))
        case Computed():
            if kind.mappings:
                return all(one.new_value.text in MARKS for one in kind.mappings)
            return _is_mark(config, kind.select)
        case _:
            return False


def _gives_marks(formula: Formula) -> bool:
    """Whether an expression is 1, or chooses between 0 and 1."""
    tree = formula.tree.unnest()
    if isinstance(tree, exp.If):
        results = [tree.args["true"], tree.args.get("false")]
    elif isinstance(tree, exp.Case):
        results = [*(branch.args["true"] for branch in tree.args["ifs"]), tree.args.get("default")]
    else:
        results = [tree]
    return all(
        one is None or isinstance(one, exp.Null) or (isinstance(one, exp.Literal) and one.name in MARKS)
        for one in results
    )
