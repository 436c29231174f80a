"""The second guard of a run: definitions that are new are tried before anything of them is frozen; see runner/trial.

What tries them is given to the run, as its clock is: a run without a guard trusts the key-wise rule alone. That a
definition has passed is noted in the state beside the model, so that nothing is asked where nothing is new.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from runner.errors import BadInput, Problem, Stopped
from runner.increment.catalogue.bind import Bound
from runner.increment.work import Verdict, Work
from runner.names import TableName
from runner.program.values import CompiledModel, Program, renamed
from runner.state.manifest import State
from runner.warehouse.values import WarehouseError

UNPROVEN = ", unproven"  # of what an author answered for: it is tried again once he no longer does


@dataclass(frozen=True)
class Trusted:
    """The models whose definition has been tried, by this run or before, and what to note for each."""

    tables: Mapping[TableName, str] = field(default_factory=dict)
    new: frozenset[TableName] = frozenset()
    notes: tuple[str, ...] = ()
    """What is to be said of those that have not passed, once they are published."""


def heed(work: Work, state: State, bound: Bound, *, dry: bool = False, asked: bool = False) -> Trusted:
    """Try what is new; `dry`: nothing is published by whoever asks; `asked`: on engines too that runs try nothing on.

    Raises BadInput for a new definition that fails, and Stopped for one whose rows are published.
    """
    guard, engine = work.guard, work.warehouse.engine
    if guard is None or not (engine.tried_by_runs or asked):
        why = "trials are off" if guard is None else f"on {engine.title} only `check --live` tries what is new"
        _answered_for(work, state, bound, {model.table: why for model in work.program.models})
        return Trusted({m.table: tag for m in work.program.models if (tag := _passed(m, work, state, bound))})
    tag = f"{guard.version} {work.warehouse.version}".strip()
    tags = {model.table: f"{tag}{UNPROVEN}" if model.model.unproven else tag for model in work.program.models}
    known = {m.table: tags[m.table] for m in work.program.models if _passed(m, work, state, bound) == tags[m.table]}
    open_ = [m for m in work.program.models if m.table in work.taken and m.table not in known]
    if not open_:
        return Trusted(known)
    by_hand_first = sorted(open_, key=lambda model: not model.affected)
    verdict = guard.attack(work.program, work.warehouse, bound, [model.table for model in by_hand_first])
    _refuse(work.program, state, bound, verdict)
    late = dict.fromkeys(verdict.late, "the time for trials was up")
    _answered_for(work, state, bound, {**verdict.untried, **late})
    done = {*verdict.passed, *verdict.untried, *(found.table for found in verdict.against)}
    notes = tuple(_notes(verdict, "would be published" if dry else "published"))
    return Trusted({**known, **{table: tags[table] for table in done}}, frozenset(done), notes)


def _notes(verdict: Verdict, published: str) -> Iterator[str]:
    for found in verdict.against:  # of models whose author answers for them
        yield f"{found.what}\n  it is unproven, and {published} all the same"
    for reason in dict.fromkeys(verdict.untried.values()):
        listed = ", ".join(str(table) for table, why in verdict.untried.items() if why == reason)
        yield f"{listed} could not be tried with made-up rows, and {published} untried: {reason}"
    if verdict.late:
        listed = ", ".join(map(str, verdict.late))
        yield f"{published} untried, the time for trials was up: {listed}; the next run tries them"


def _answered_for(work: Work, state: State, bound: Bound, untried: Mapping[TableName, str]) -> None:
    """Refuse keys that are told by hand where nothing has tried them and nobody answers for them."""
    problems = []
    for model in work.program.models:
        if not model.affected or model.model.unproven or not {model.table} <= work.taken & untried.keys():
            continue
        passed = _passed(model, work, state, bound)  # an older trial, or of another engine's version
        if not passed or passed.endswith(UNPROVEN):
            what = f"{model.table}: its `affected:` is told by hand, and nothing has shown that it names every key"
            hint = "write `unproven: true` if you know why it does"
            hint = f"turn trials on (`trial: 10`), or {hint}" if work.guard is None else hint
            problems.append(Problem(model.model.place, f"{what}: {untried[model.table]}", hint))
    if problems:
        raise BadInput(problems)


def _passed(model: CompiledModel, work: Work, state: State, bound: Bound) -> str:
    """The guard that this very definition has passed; '' for none."""
    found = state.models.get(str(renamed(work.program.playbook, model.table)))
    return found.trial if found is not None and _is_current(model, state, bound, work.program) else ""


def _is_current(model: CompiledModel, state: State, bound: Bound, program: Program) -> bool:
    """Whether the rows that are stored were built with this very definition."""
    found = state.models.get(str(renamed(program.playbook, model.table)))
    return found is not None and found.is_of(model.digest, bound.inputs[model.table])


def _refuse(program: Program, state: State, bound: Bound, verdict: Verdict) -> None:
    against = [found for found in verdict.against if not program.model(found.table).model.unproven]
    if not against:
        return
    published = [f for f in against if _is_current(program.model(f.table), state, bound, program)]
    if published:
        found = published[0]
        what = f"{program.model(found.table).select.place}: {found.what}"
        raise Stopped(f"{what}\nits table was published untried and stays as it is; its keys are owed", found.hint)
    raise BadInput([Problem(program.model(f.table).select.place, f.what, f.hint) for f in against])


def remember(work: Work, trusted: Trusted) -> None:
    """Note what was tried where nothing is published. It may get lost: then it is tried again."""
    by_tag: dict[str, list[str]] = {}
    for table in trusted.new:
        by_tag.setdefault(trusted.tables[table], []).append(str(renamed(work.program.playbook, table)))
    for tag, tables in by_tag.items():
        with suppress(WarehouseError):
            work.manifest.note_trial(tables, tag)
