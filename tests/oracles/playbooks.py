"""The playbook of the random schedules, as a user would write it: YAML and SQL files in a folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from tests.engines.db import engine_of
from tests.oracles.models import BY_NAME, DEDUPE, PAGES, SOURCE, Sql

NAME = "web"


@dataclass(frozen=True)
class Design:
    """What stays the same in a schedule's playbook: the source block and the look-up's."""

    dedupe: bool = False
    by_id: bool = False  # what is deduped is so by the id alone: copies may have other keys
    order_by: tuple[str, ...] = ()
    hourly: bool = False
    fingerprint: bool = False
    vanished: str = "retract"
    lookup: str = "fingerprint"

    @property
    def static_lookup(self) -> bool:
        """Whether changes of the look-up need not matter."""
        return self.lookup == "static"

    @property
    def copies(self) -> tuple[str, ...]:
        """The columns that copies are equal in."""
        if not self.dedupe:
            return ()
        return DEDUPE[:1] if self.by_id else DEDUPE


def source_block(design: Design) -> list[str]:
    """The YAML of the source."""
    batch = "date_trunc('hour', etl_tstamp)" if design.hourly else "etl_tstamp"
    lines = ["source:", f"  table: {SOURCE}", f"  batch: {json.dumps(batch)}", f"  vanished: {design.vanished}"]
    lines.append("  shrank: note")  # of a handful of events half is soon gone
    if design.copies:
        lines.append(f"  dedupe: [{', '.join(design.copies)}]")
    if design.order_by:
        lines.append(f"  order_by: [{', '.join(design.order_by)}]")
    if design.fingerprint:
        lines.append("  fingerprint: true")
    if design.lookup != "fingerprint":
        lines += ["lookups:", f"  {PAGES}: {'{key: page_url}' if design.lookup == 'key' else design.lookup}"]
    return lines


def model_block(model: Sql, variant: int) -> list[str]:
    """The YAML of one model."""
    lines = [f"  - table: {model.table}", f"    sql: {model.name}.sql"]
    if model.key_expression:
        lines.append(f"    key: {{{model.key[0]}: {json.dumps(model.key_expression)}}}")
    elif model.key:
        lines.append(f"    key: [{', '.join(model.key)}]" if len(model.key) > 1 else f"    key: {model.key[0]}")
    if model.unproven:
        lines.append("    unproven: true")
    if model.merge:
        lines.append("    merge:")
        lines += [f"      {column}: {how}" for column, how in model.merge]
    return [line.replace("{other}", model.variants[variant]) for line in lines]


def write_playbook(folder: Path, target: str, design: Design, variants: dict[str, int]) -> Path:
    """Write the playbook of the models in `variants` (name to variant) and their SQL files; its path.

    Each file is for every engine; beside it, where the target's needs its own, is `x.<engine>.sql`.
    """
    engine = engine_of(target)
    lines = [f"name: {NAME}", f"target: {json.dumps(target)}", *source_block(design), "models:"]
    for name, variant in variants.items():
        model = BY_NAME[name]
        lines += model_block(model, variant)
        (folder / f"{name}.sql").write_text(model.sql(variant))
        if engine in dict(model.texts):
            (folder / f"{name}.{engine}.sql").write_text(model.sql(variant, engine))
    path = folder / "web.yml"
    path.write_text("\n".join(lines) + "\n")
    return path
