"""Where the rules put what they find, and what every formula is looked at for."""

from __future__ import annotations

from sqlglot import exp

from runner.errors import Place
from runner.semantic.findings import Finding
from runner.semantic.formulas import VOLATILE, Formula, Unreadable


class Checks:
    """Errors and warnings, collected."""

    def __init__(self) -> None:
        self.found: list[Finding] = []

    def add(self, code: str, place: Place, what: str, hint: str) -> None:
        """An error: nothing is run with it."""
        self.found.append(Finding(code, place, what, hint))

    def warn(self, code: str, place: Place, what: str, hint: str) -> None:
        """Something to know."""
        self.found.append(Finding(code, place, what, hint))

    @staticmethod
    def readable(formula: Formula) -> bool:
        """Whether a formula can be read; what cannot has been said."""
        try:
            return formula.tree is not None
        except Unreadable:
            return False

    def words(self, formula: Formula, tree: exp.Expression) -> None:
        """Functions that change from run to run, that are not known, or windows."""
        if volatile := tree.find(*VOLATILE):
            what = f"{formula.text} changes from run to run: {volatile.key}"
            self.add("E17", formula.place, what, "use {date}, the day at hand")
        if tree.find(exp.Window):
            self.add("E12", formula.place, f"{formula.text} holds a window", "use a sliding or lifetime property")
        for call in tree.find_all(exp.Anonymous):
            what = f"{call.name} in {formula.text} is no function that is known on every engine"
            self.add("E12", formula.place, what, "use another, or write the event's sql: in the engine's own words")
