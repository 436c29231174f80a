"""The SQL texts of a playbook as its engine is to get them: found, read, and of which dialect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sqlglot.errors import SqlglotError

from runner.errors import BadInput, Place, Problem
from runner.playbook.values import Playbook, Query
from runner.porting.transpile import transpile
from runner.sql import files
from runner.sql.parser import DEEP, DEEP_HINT


@dataclass(frozen=True)
class Texts:
    """The playbook's texts for one engine, whose dialect the parser calls `dialect`."""

    playbook: Playbook
    engine: str
    dialect: str

    @cached_property
    def values(self) -> Mapping[str, object]:
        """The variables that templates may name."""
        return {variable.name: variable.value for variable in self.playbook.variables}

    @cached_property
    def functions(self) -> frozenset[str]:
        """The user's own functions, which the engine has."""
        return frozenset(self.playbook.functions)

    def read(self, query: Query) -> tuple[Path | None, str]:
        """The file of a query, None for one that a front door generated; and its text. Raises BadInput."""
        if query.text is not None:
            return None, query.text
        file = files.find(self.playbook.sql_root, query.path, self.engine, query.place)
        return file, files.read(file, query.place)

    def is_foreign(self, file: Path | None) -> bool:
        """Whether a file is in another dialect than the target's: `x.<engine>.sql` never is."""
        own = file is not None and file.stem.endswith(f".{self.engine}")
        return self.playbook.dialect not in (None, self.dialect) and not own

    def ported(self, rendered: str, place: Place) -> str:
        """A SELECT of the playbook's dialect in the target's. Raises BadInput."""
        return transpile(rendered, self.playbook.dialect or self.dialect, self.dialect, place, self.functions)


@contextmanager
def readable(place: Place) -> Iterator[None]:
    """What the parser's own passes over a tree cannot do is a problem of the text, too."""
    try:
        yield
    except RecursionError:
        raise BadInput(Problem(Place(place.path, 1), DEEP, DEEP_HINT)) from None
    except SqlglotError as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        hint = "runner render shows the text with its variables filled in"
        raise BadInput(Problem(Place(place.path, 1), f"cannot be read as SQL: {said}", hint)) from None
