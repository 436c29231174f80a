"""What `verify` has found."""

from __future__ import annotations

from dataclasses import dataclass

from runner import actions
from runner.errors import VerifyFound
from runner.events import ComparedModel, Difference
from runner.names import TableName


@dataclass(frozen=True)
class VerifyResult:
    """What a comparison of the stored rows with a full recompute has found."""

    models: tuple[ComparedModel, ...]
    differences: tuple[Difference, ...]
    """The first of each model, value by value; none of a model that is right but for another."""
    miscounted: tuple[str, ...]
    """Batches that the manifest, or a key index, counts otherwise than the source does."""

    @property
    def differing(self) -> tuple[ComparedModel, ...]:
        """The models with rows that differ."""
        return tuple(model for model in self.models if model.differing_count)

    @property
    def compared_count(self) -> int:
        """The models of which anything was compared."""
        return sum(model.compared for model in self.models)

    @property
    def equal(self) -> bool:
        """True if something was compared, and nothing differs."""
        return bool(self.compared_count) and not self.differing and not self.miscounted

    def check(self) -> None:
        """Raises VerifyFound if anything differs."""
        if not self.differing and not self.miscounted:
            return
        places = [f"{model.differing} of {model.table}" for model in self.differing]
        if self.miscounted:
            places.append(f"{len(self.miscounted)} rows of the manifest or a key index")
        what = f"stored rows differ from a full recompute: {', '.join(places)}"
        wrong = [TableName(tuple(m.table.split("."))) for m in self.differing if not m.follows]
        if not wrong:  # only a full refresh of all makes a key index anew that several models have in common
            raise VerifyFound(what, actions.Renew())
        raise VerifyFound(what, actions.FullRefresh(wrong[0] if len(wrong) == 1 else None))
