"""What is known of a definition before rows are made for it: which columns are ids, batches, keys; which constants it names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from runner.errors import BadInput, Place
from runner.names import TableName
from runner.playbook.values import Vanished
from runner.sql.parser import statements
from runner.trial.looks import Look, json_keys, looks
from runner.trial.values import Subject
from runner.warehouse.grounds.base import Ground, Shape

LONGEST = 40  # characters of a constant that is worth trying


@dataclass(frozen=True)
class Traits:
    """Names of columns in lower case, whatever table has them."""

    seed: int
    batch: frozenset[str]
    ids: frozenset[str]
    all_known: bool  # a row without an id would stop the run: a model's order is total only without such
    keyed: frozenset[str]
    constants: Mapping[str, tuple[str, ...]]  # by the column that they stand beside; '' for none
    looks: Mapping[str, Look]
    json_keys: tuple[str, ...]
    streams: frozenset[TableName]
    still: frozenset[TableName]  # changes of these need not reach old rows
    alone: Mapping[TableName, frozenset[str]]  # columns that tell the rows of a look-up apart
    keeps: bool  # a source whose vanished batches stay in the models


def traits_of(subject: Subject, ground: Ground, round_: int) -> Traits:
    """The seed is the definition's digest and the round: the same definition has the same trial."""
    playbook, models, dialect = subject.program.playbook, subject.program.models, subject.program.engine
    batch = _columns((source.batch.text for source in playbook.sources), dialect)
    keyed = _columns((text for model in models for key in model.source_keys for text in key.texts), dialect)
    ids = _columns((e.text for source in playbook.sources for e in source.dedupe), dialect)
    conditions = [f"select {text}" for shape in ground.shapes for text in shape.conditions]
    parts = [
        f"select {e.text}" for source in playbook.sources for e in (source.batch, *source.dedupe, *source.order_by)
    ]
    trees = list(_trees([*(model.select.text for model in models), *ground.texts, *conditions, *parts], dialect))
    digest = hashlib.sha256("\x1f".join([*(m.digest for m in models), str(round_)]).encode()).hexdigest()
    return Traits(
        seed=int(digest[:12], 16),
        batch=batch,
        ids=ids - keyed - batch,
        all_known=any(model.needs_ids for model in models),
        keyed=keyed,
        constants=_constants(trees),
        looks=looks(trees),
        json_keys=json_keys(trees),
        streams=frozenset(shape.name for shape in ground.shapes if _names(shape) & batch),
        still=frozenset(lookup.table for lookup in playbook.lookups if lookup.static),
        alone={lookup.table: frozenset(map(str.lower, lookup.key)) for lookup in playbook.lookups if lookup.key},
        keeps=any(source.vanished is Vanished.KEEP for source in playbook.sources),
    )


def _names(shape: Shape) -> set[str]:
    return {column.name.lower() for column in shape.columns}


def _trees(texts: Iterable[str], dialect: str) -> Iterable[exp.Expr]:
    for text in texts:
        try:
            yield from (tree for tree, _ in statements(text, dialect, Place()))
        except BadInput:
            continue


def _columns(texts: Iterable[str], dialect: str) -> frozenset[str]:
    trees = _trees((f"select {text}" for text in texts), dialect)
    return frozenset(column.name.lower() for tree in trees for column in tree.find_all(exp.Column))


def _constants(trees: Iterable[exp.Expr]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {"": ()}
    for tree in trees:
        for constant in tree.find_all(exp.Literal):
            beside = constant.find_ancestor(exp.Predicate, exp.In, exp.Case)
            names = {column.name.lower() for column in beside.find_all(exp.Column)} if beside else {""}
            value = constant.this.replace("%", "") if isinstance(beside, exp.Like | exp.ILike) else constant.this
            for name in names if len(value) < LONGEST else ():
                if value not in found.get(name, ()):
                    found[name] = (*found.get(name, ()), value)
    return found
