"""SQL files as templates: filling one in, and what `{{ keys.domain_sessionid }}` and its like mean there.

jinja.py does the work: to import jinja2 costs more than all the rest of a small run, and most texts have no braces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.errors import Place


@dataclass(frozen=True)
class NamedTables:
    """Tables by name: `{{ keys.domain_sessionid }}`; printed bare it is the only one."""

    what: str
    tables: tuple[tuple[str, str], ...]

    def __getitem__(self, name: str) -> str:
        found = {table for known, table in self.tables if known == name}
        if len(found) > 1:
            several = ", ".join(f"{self.what}['{known}']" for known, _ in self.tables if known.endswith(f".{name}"))
            raise LookupError(f"{self.what}.{name} is a key of several sources: write one of {several}")
        if not found:
            hint = f"; add `keys: [{name}]` to the source" if self.what in ("keys", "history") else ""
            raise LookupError(f"{self.what}.{name} is not there{hint} (known: {self._known()})")
        return found.pop()

    def __getattr__(self, name: str) -> str:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __str__(self) -> str:
        if len({table for _, table in self.tables}) != 1:
            raise LookupError(f"{self.what} needs a name: one of {self._known()}")
        return self.tables[0][1]

    def _known(self) -> str:
        return ", ".join(dict.fromkeys(name for name, _ in self.tables)) or "none"


def render(text: str, values: Mapping[str, object], place: Place) -> str:
    """The text with its Jinja variables filled in, sandboxed; an undefined name is BadInput with file:line."""
    if not any(mark in text for mark in ("{{", "{%", "{#")):
        return text
    from runner.sql.jinja import render_template

    return render_template(text, values, place)
