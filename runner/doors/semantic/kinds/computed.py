"""A computed property: a formula over other properties and the date, never stored."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from runner.doors.semantic.formulas import Formula, Literal, slot_of
from runner.doors.semantic.kinds.base import Known, PropertyKind
from runner.doors.semantic.names import Names
from runner.names import TableName


@dataclass(frozen=True)
class ValueMapping:
    """One rule of a value mapping: a constant, or a range with both its ends. The first that fits counts."""

    new_value: Literal
    constant: Literal | None = None
    low: str | None = None
    high: str | None = None


@dataclass(frozen=True)
class Computed(PropertyKind):
    """A formula over other properties and the date; never stored."""

    word = "computed_property"
    select: Formula
    mappings: tuple[ValueMapping, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(name for name in self.select.names if name != "date")

    def is_always_there(self, known: Known) -> bool:
        return not self.mappings and is_never_null(self.select.tree, self.select.names, known)

    def is_list(self, known: Known) -> bool:
        bare = self.select.bare()
        if not bare or bare == "date" or self.mappings:
            return False
        return known.kind(bare).is_list(known)

    def table(self, names: Names) -> TableName | None:
        return None


def is_never_null(node: exp.Expr | None, names: tuple[str, ...], known: Known) -> bool:
    """Whether an expression over properties has a value for sure."""

    def is_there(*nodes: exp.Expr | None) -> bool:
        return all(is_never_null(one, names, known) for one in nodes)

    at = slot_of(node) if node is not None else None
    if at is not None:
        return names[at] == "date" or known.kind(names[at]).is_always_there(known)
    if isinstance(node, exp.If):
        return is_there(node.args["true"], node.args.get("false"))
    if isinstance(node, exp.Case):
        return is_there(*(one.args["true"] for one in node.args["ifs"]), node.args.get("default"))
    if isinstance(node, exp.Coalesce):
        return any(is_there(one) for one in (node.this, *node.expressions))
    if isinstance(node, (exp.Add, exp.Sub, exp.Mul, exp.Paren, exp.Neg)):
        return is_there(*node.iter_expressions())
    return isinstance(node, (exp.Literal, exp.Boolean))
