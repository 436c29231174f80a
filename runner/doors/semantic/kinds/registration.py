"""A registration property: a column of the user's first registration event."""

from __future__ import annotations

from dataclasses import dataclass, field

from runner.doors.semantic.kinds.base import PropertyKind
from runner.errors import Place


@dataclass(frozen=True)
class Registration(PropertyKind):
    """A column of the user's first registration event."""

    word = "registration_property"
    column: str
    at: Place = field(default_factory=Place, compare=False)  # where the column is named

    @property
    def is_daily(self) -> bool:
        return False
