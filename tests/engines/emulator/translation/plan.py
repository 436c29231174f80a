"""What is to be done for one statement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.engines.emulator.names import Key

DONE = "Statement executed successfully."


@dataclass
class Plan:
    """What is to be done for one statement."""

    kind: str  # query, insert, update, delete, merge, truncate, create, drop, alter, other
    steps: list[str]
    type_id: int = 0
    target: Key | None = None  # the table that a DML statement changes or a DDL statement makes
    locks: bool = False
    message: str = DONE
    lasting: bool = True  # another session with the same database and schema may use it, too
    moment: bool = False  # a SELECT of the time alone: an instant that AT may name later
    what: str = ""  # TABLE, VIEW, SCHEMA or DATABASE
    note: str | None = None  # kept as the comment of the new table or view
    text_lengths: list[tuple[str, int]] | None = None
    tree: Any = None
    binds: int = 0
    temporary: bool = False
    operations: tuple[str, ...] = ()
    renamed: Key | None = None
    swapped: Key | None = None
    tables: list[Key] = field(default_factory=list)
    check: str = ""  # a query of which a row means that a MERGE is ambiguous
