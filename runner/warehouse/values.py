"""What passes between the core and a warehouse: results, columns, relations, errors and their kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from runner.errors import Exit, RunnerError
from runner.names import TableName

Watch = Callable[[str, str, str], None]
"""Called before and after each statement with "before" or "after", its label and its text; may raise."""


class Trouble(Enum):
    """What kind of error the warehouse gave: it decides whether a transaction is retried, resolved or given up."""

    RETRY = "serialization failure, deadlock or lock time-out: the whole transaction may be run again"
    LOST = "the connection is gone: what was not committed is rolled back"
    TIMEOUT = "the statement took longer than allowed and was cancelled"
    FULL = "out of disk or memory: room has to be made before it can work"
    DEPENDED_ON = "other objects depend on what the statement would drop"
    TOO_LONG = "an index does not hold a value: without that index the statement works"
    FATAL = "the engine gave up: the database has to be opened anew, and a COMMIT may have taken place"
    REFUSED = "the statement is wrong or the warehouse cannot do it: trying again changes nothing"


class WarehouseError(RunnerError):
    """A statement failed; `label` is its name in the run, `trouble` its kind. The transaction is rolled back.

    `line` is where in the text that was sent, counted from 1; 0 if the engine does not say. `state` is the SQLSTATE;
    '' if it gives none.
    """

    def __init__(self, label: str, message: str, trouble: Trouble, line: int = 0, state: str = "") -> None:
        super().__init__(message, "another session was in the way; run it again" if trouble is Trouble.RETRY else "")
        self.label = label
        self.trouble = trouble
        self.line = line
        self.state = state

    @property
    def exit_code(self) -> Exit:  # type: ignore[override]
        """5 where the connection is gone, 3 where something was in the way, else 6."""
        return {Trouble.LOST: Exit.CONNECT, Trouble.RETRY: Exit.LOCKED}.get(self.trouble, Exit.FAILED)


FORBIDDEN = "42501"  # the SQLSTATE of what a role has no right to


@dataclass(frozen=True)
class Result:
    """Rows of a statement (empty for DML) and the number of rows it gave or changed (-1 unknown)."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    row_count: int

    def one(self) -> tuple[Any, ...]:
        """The only row."""
        (row,) = self.rows
        return row


NOTHING = Result((), [], -1)  # what DDL gives


@dataclass(frozen=True)
class Column:
    """A column of a table, with the engine's own spelling of its type; `indexed`: rows can be found by it.

    Not `nullable`: the engine sees to it that it is never null.
    """

    name: str
    type: str
    indexed: bool = field(default=False, compare=False)
    sense: str = field(default="", compare=False)
    """What its values mean besides, where the type does not say: the labels of an enum in order, a collation."""
    nullable: bool = field(default=True, compare=False)


def types_of(columns: Iterable[Column]) -> dict[str, str]:
    """The types by the columns' names, which are compared in lower case."""
    return {column.name.lower(): column.type for column in columns}


@dataclass(frozen=True)
class Trace:
    """What an engine's catalogue tells of a table's rows; None: nothing."""

    row_count: int | None = None
    storage: str | None = None
    """Another one after TRUNCATE, a restore, or when all rows were written anew."""
    changes: int | None = None
    """Rows inserted, updated and deleted ever, by statements that failed too; told late, and reset at times."""


@dataclass(frozen=True)
class Relation:
    """A table or view as the catalogue shows it; `definition` is a view's SELECT.

    `hooked`: what is on it may do something else with a statement than it says; `Warehouse.hooks` tells.
    """

    name: TableName
    columns: tuple[Column, ...]
    is_view: bool = False
    definition: str = ""
    hooked: bool = False
    trace: Trace = field(default_factory=Trace, compare=False)
    identity: str = field(default="", compare=False)
    """Another one where the name means another table; '' where the engine does not tell."""
    lockable: bool = field(default=False, compare=False)
    """A session that only reads can keep others from emptying and altering it."""

    @property
    def names(self) -> tuple[str, ...]:
        """Its column names, in order."""
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True)
class Right:
    """What a role has to be allowed on a table, or where `table` is empty on a schema: the words of a GRANT."""

    schema: str
    table: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Hook:
    """What would change, hide or refuse rows that the runner deletes and inserts; `mend`: what to do about it."""

    what: str
    mend: str


@dataclass(frozen=True)
class UserFunction:
    """A function, macro, aggregate, operator or cast that a user made, as the catalogue has it."""

    name: str
    """With its schema, and what it is if that is no function: `main.rate`, `operator @@@`."""
    kind: FunctionKind
    volatility: str
    """immutable, stable or volatile; '' where nothing but its body tells."""
    body: str

    @property
    def is_called(self) -> bool:
        """False of what has no name that a call could have."""
        return not self.name.startswith(("operator ", "cast to "))

    @property
    def bare(self) -> str:
        """Its name without the schema."""
        return self.name.rpartition(".")[2]


class FunctionKind(Enum):
    """How it can be known what a function does."""

    MACRO = "its text stands in the place of the call"
    SQL = "its text is SQL"
    FOREIGN = "its text is in another language"
    EXTENSION = "it came with an extension"


@dataclass(frozen=True)
class FileMark:
    """A file of a source as it was found: files take part in no transaction, so a change is looked for afterwards."""

    path: str
    size: int
    changed_ns: int


def session_name(playbook: str, run_id: str) -> str:
    """How a run's sessions are called at the server: everybody can see there who they are."""
    return f"runner {playbook} {run_id}"[:63]
