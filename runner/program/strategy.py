"""Whether a model may be kept up to date as the playbook says: its key, its merge, its inputs; proved, not believed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from runner.errors import BadInput, Place, Problem, did_you_mean
from runner.names import TableName
from runner.playbook.values import Playbook, Vanished
from runner.program import named
from runner.program.models import ReadModel
from runner.program.texts import readable
from runner.program.values import CompiledModel
from runner.proof import keywise
from runner.proof.merging import merge
from runner.sql.references import parse_select
from runner.sql.volatile import RUNS_INSTANT, chance, volatile


def proved(read: ReadModel, playbook: Playbook, dialect: str, problems: list[Problem]) -> CompiledModel | None:
    """The model, with all that its strategy needs to know of it; None where a problem of it was added."""
    compiled = read.compiled
    try:
        with readable(compiled.select.place):
            found = list(_problems(read, playbook, dialect))
            order = merge.stored_order(compiled.model, read.tree, dialect) if compiled.model.merge and not found else {}
            if not found and by_key(compiled):
                said = _judged(read.tree, compiled, playbook, dialect, keywise.NO_COLUMNS)
                compiled = replace(
                    compiled,
                    doubtful=said.is_open,
                    undecided=said.problems if said.is_open else (),
                    needs_ids=said.needs_ids,
                    costs=() if said.problems or said.is_open else said.costs,
                )
                found += () if said.is_open else said.problems
            if compiled.is_joined:
                compiled = replace(compiled, source_keys=())
            else:
                compiled = replace(compiled, named=named.of_key(compiled, read.tree, dialect))
    except BadInput as error:
        problems += error.problems
        return None
    problems += found
    return None if found else replace(compiled, stored_order=order)


def by_key(compiled: CompiledModel) -> bool:
    """Whether the key-wise rule is asked of it: not where merge has its own, nor where the author answers for it, nor
    where all rows are built whenever a look-up changes.
    """
    model = compiled.model
    answered = model.merge or model.affected or model.unproven or compiled.is_dimension
    return bool(model.key) and not answered


@dataclass(frozen=True)
class Asked:
    """What the key-wise rule says of a model with the columns of its inputs known."""

    problems: tuple[Problem, ...]  # why it may not be recomputed by key
    needs_ids: bool
    costs: tuple[Problem, ...] = ()  # why its inputs cannot all be cut to its key, where that is only a matter of cost
    is_open: bool = False  # it hangs on columns that nobody has listed


def asked(
    compiled: CompiledModel, playbook: Playbook, dialect: str, columns: Mapping[TableName, tuple[str, ...]]
) -> Asked:
    """The key-wise rule once more, with the columns of the model's inputs known."""
    with readable(compiled.select.place):
        _, tree = parse_select(compiled.select.text, dialect, compiled.select.place)
        return _judged(tree, compiled, playbook, dialect, columns)


def gives_name(compiled: CompiledModel, dialect: str, name: str) -> bool:
    """Whether something in the SELECT is called so that is no column of an input."""
    with readable(compiled.select.place):
        _, tree = parse_select(compiled.select.text, dialect, compiled.select.place)
    listed = (column for alias in tree.find_all(exp.TableAlias) for column in alias.args.get("columns") or ())
    given = [alias.alias for alias in tree.find_all(exp.Alias)]
    return name in {one.lower() for one in (*given, *(column.name for column in listed))}


def is_determined(
    compiled: CompiledModel, playbook: Playbook, dialect: str, columns: Mapping[TableName, tuple[str, ...]]
) -> bool:
    """Whether the same data always give the same rows."""
    with readable(compiled.select.place):
        _, tree = parse_select(compiled.select.text, dialect, compiled.select.place)
        whole = keywise.check(tree, (), _as_a_whole(compiled, playbook), dialect, columns)
    return not (whole.refusals or whole.is_open or whole.needs_ids)


def _judged(
    tree: exp.Query,
    compiled: CompiledModel,
    playbook: Playbook,
    dialect: str,
    columns: Mapping[TableName, tuple[str, ...]],
) -> Asked:
    """Two questions. May all inputs be cut to the key? If not: do the same data always give the same rows?

    Only the second is about truth: rows of affected keys are right if they are taken from the whole SELECT.
    """
    by_its_key = keywise.check(tree, compiled.key_names, _tracked(compiled, playbook), dialect, columns)
    if not by_its_key.refusals:
        return Asked((), by_its_key.needs_ids, is_open=by_its_key.is_open)
    tree.sql(dialect)  # what is nested too deeply to be written fails here, and not once it is connected
    whole = keywise.check(tree, (), _as_a_whole(compiled, playbook), dialect, columns)
    problems, costs = (tuple(told(compiled, one.refusals)) for one in (whole, by_its_key))
    return Asked(problems, whole.needs_ids, costs, by_its_key.is_open or whole.is_open)


def columns_of(compiled: CompiledModel, dialect: str, columns: Mapping[TableName, tuple[str, ...]]) -> tuple[str, ...]:
    """The columns that a model's SELECT gives, with those of its inputs known; none where they cannot be told."""
    with readable(compiled.select.place):
        _, tree = parse_select(compiled.select.text, dialect, compiled.select.place)
        return keywise.columns_of(tree, dialect, columns)


def told(compiled: CompiledModel, refusals: Iterable[keywise.Refusal]) -> Iterator[Problem]:
    """Refusals as problems of the model's text."""
    for refusal in refusals:
        place = Place(compiled.select.place.path, 0 if compiled.ported else refusal.line)
        yield Problem(place, f"{compiled.table}: {refusal.reason}", refusal.hint)


def _problems(read: ReadModel, playbook: Playbook, dialect: str) -> Iterator[Problem]:
    compiled, place = read.compiled, read.compiled.select.place
    yield from _columns(compiled)
    if compiled.table in compiled.models:
        yield Problem(place, f"{compiled.table} reads itself", "a model is a SELECT over its inputs only")
        return
    if not compiled.model.key:
        yield from _full(read, playbook, dialect)
        return
    if not (compiled.sources or compiled.models or compiled.lookups):
        what = f"{compiled.table} has a key but reads no table"
        yield Problem(place, what, "leave key: out, or see that FROM names the table of the source")
        return
    if compiled.is_dimension and not compiled.model.unproven:
        for answer in dict.fromkeys(volatile(node, dialect, RUNS_INSTANT) for node in read.tree.walk()):
            if answer is not None:
                yield Problem(place, f"{compiled.table}: {answer[0]}", answer[1])
    if compiled.model.merge:
        yield from _merge(read, dialect)


def _columns(compiled: CompiledModel) -> Iterator[Problem]:
    """What the playbook says of a model's columns is about columns that it has, where they can be told."""
    model, outputs = compiled.model, compiled.select.outputs
    known = {name.lower() for name in outputs}
    named = [*compiled.key_names, *model.unique, *(c.name for c in model.merge), *model.layout.columns]
    for name in dict.fromkeys(named) if known else ():
        if name.lower() not in known:
            what = f"{model.table}: {name} is not a column of its SELECT"
            yield Problem(model.place, what, did_you_mean(name, outputs))


def _full(read: ReadModel, playbook: Playbook, dialect: str) -> Iterator[Problem]:
    """The clock is the run's instant in a model without a key; of chance there is no second answer to compare with."""
    compiled = read.compiled
    for answer in dict.fromkeys(chance(node, dialect) for node in read.tree.walk()):
        if answer is not None:
            yield Problem(compiled.select.place, f"{compiled.table}: {answer[0]}", answer[1])
    kept = {source.table for source in playbook.sources if source.vanished is Vanished.KEEP}
    for table in compiled.sources:
        if table in kept:
            what = f"{compiled.table} has no key, so it cannot keep the rows of batches that {table} has dropped"
            yield Problem(compiled.model.place, what, "give it a key, or set vanished: to stop or retract")


def _merge(read: ReadModel, dialect: str) -> Iterator[Problem]:
    """The rule of merge."""
    compiled, model = read.compiled, read.compiled.model
    if model.affected:
        return
    if len(compiled.sources) != 1 or compiled.models:
        what = f"{model.table}: merge reads exactly one source"
        yield Problem(compiled.select.place, what, "use the key alone: recompute")
        return
    yield from told(compiled, merge.check_merge(read.tree, model, compiled.sources[0], dialect))


def _as_a_whole(compiled: CompiledModel, playbook: Playbook) -> Mapping[TableName, keywise.Tracked]:
    """All that it reads, by no key."""
    known = {table: replace(one, key=()) for table, one in _tracked(compiled, playbook).items()}
    return {table: known.get(table, keywise.Tracked((), (), is_lookup=True)) for table in compiled.select.tables}


def _tracked(compiled: CompiledModel, playbook: Playbook) -> Mapping[TableName, keywise.Tracked]:
    columns = compiled.model.key
    found: dict[TableName, keywise.Tracked] = {}
    for source in playbook.sources:
        if source.table in compiled.sources:
            unique = tuple(e.text for e in source.dedupe)
            keys = tuple(c.over(source.table) for c in columns)
            found[source.table] = keywise.Tracked(keys, (unique,) if unique else (), frozenset(unique[:1]))
    for owner in playbook.models:
        if owner.table in compiled.models:
            sets = (owner.unique, tuple(c.name for c in owner.key) if owner.merge else ())
            keys = tuple(c.over(owner.table) for c in columns)
            listed = tuple(columns for columns in sets if columns)
            found[owner.table] = keywise.Tracked(keys, listed, frozenset(owner.unique))
    for lookup in playbook.lookups:
        if lookup.key and lookup.table in compiled.lookups:
            found[lookup.table] = keywise.Tracked((), (lookup.key,), frozenset(lookup.key), is_lookup=True)
    return found
