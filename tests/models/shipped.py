"""Runs the SELECTs of a shipped playbook one after the other, each in full: what the runner's tables have to equal.

Deliberately small and apart from the runner: it renders the variables with Jinja, takes copies out of the source in SQL
and says CREATE TABLE AS for each model in the order of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jinja2
import yaml

from tests.kit import ROOT

Execute = Callable[[str], Sequence[tuple[Any, ...]]]


def literals(values: Sequence[str] | str) -> str:
    """The filter `lit`: texts as a list of SQL literals."""
    texts = [values] if isinstance(values, str) else values
    return ", ".join("'" + text.replace("'", "''") + "'" for text in texts)


def by_engine(variables: Mapping[str, Any], engine: str) -> dict[str, Any]:
    """The values of variables on one engine: a mapping has one for each, or a default."""
    return {
        name: value.get(engine, value.get("default")) if isinstance(value, dict) else value
        for name, value in variables.items()
    }


class Shipped:
    """A playbook of the repository with some of its variables set otherwise."""

    def __init__(self, name: str, engine: str, variables: Mapping[str, object] | None = None) -> None:
        self.playbook = yaml.safe_load((ROOT / "playbooks" / f"{name}.yml").read_text())
        unknown = set(variables or ()) - set(self.playbook["variables"])
        assert not unknown, f"{name}.yml has no variables {unknown}"
        self.variables = by_engine(self.playbook["variables"], engine) | dict(variables or {})
        self.engine = engine
        self.jinja = jinja2.Environment(undefined=jinja2.StrictUndefined)
        self.jinja.filters["lit"] = literals

    def render(self, text: str) -> str:
        return self.jinja.from_string(text).render(self.variables)

    @property
    def models(self) -> list[dict[str, Any]]:
        steps = self.playbook.get("steps") or [self.playbook]
        return [model for step in steps for model in step["models"]]

    def select(self, model: Mapping[str, Any]) -> str:
        """The SELECT of a model on this engine."""
        path = ROOT / "sql" / model["sql"]
        own = path.with_suffix(f".{self.engine}.sql")
        return self.render((own if own.exists() else path).read_text())

    def take_out_copies(self, execute: Execute, columns: Sequence[str]) -> None:
        """Make atomic.events of atomic.raw_events, as the playbook's `dedupe` and `order_by` say."""
        source = self.playbook["source"]
        copies = [self.render(text) for text in source["dedupe"]]
        order = ", ".join(f"{text} nulls last" for text in [*source["order_by"], *sorted(columns)])
        execute(
            f"create table atomic.events as select {', '.join(columns)} from ("
            f"select *, row_number() over (partition by {', '.join(copies)} order by {order}) as copy"
            " from atomic.raw_events) as numbered"
            f" where copy = 1 or {copies[0]} is null"
        )

    def build(self, execute: Execute) -> None:
        """Create every table of the playbook; rows whose key is null belong to no group."""
        execute("create schema derived")
        for model in self.models:
            key = model["key"]
            names = [key] if isinstance(key, str) else list(key)
            lonely = " and ".join(f"{name} is null" for name in names)
            execute(f"create table {model['table']} as {self.select(model)}")
            execute(f"delete from {model['table']} where {lonely}")

    def repeated_keys(self, execute: Execute, model: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Values of the model's `unique` columns that several rows have."""
        unique = model.get("unique", [])
        names = unique if isinstance(unique, str) else ", ".join(unique)
        if not names:
            return []
        return list(execute(f"select {names} from {model['table']} group by {names} having count(*) > 1"))
