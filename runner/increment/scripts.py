"""Plain queries: run the scripts of a phase in the order of their steps, those of one step in parallel.

Also what happens around a run's own tables: the tables that scripts may name, `after` queries and their repetition,
and playbooks without a source, which are nothing but scripts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from runner.algebra import rows
from runner.clock import Clock
from runner.errors import BadInput, Failure, Place, Problem, Publication, RunnerError, StatementFailed
from runner.events import Emit, Note, QueryDone
from runner.increment.freeze import Frozen
from runner.increment.work import Request, Work
from runner.playbook.values import Phase
from runner.program import scripts
from runner.program.values import PlainQuery, Program
from runner.session.pool import Pool, at_once, send
from runner.sql.templates import render
from runner.state.manifest import State
from runner.warehouse.base import Warehouse
from runner.warehouse.values import Trouble, WarehouseError


def has_queries(work: Work, phase: Phase) -> bool:
    """True if the playbook has scripts in this phase."""
    return any(query.phase is phase for query in work.program.queries)


def run_queries(work: Work, phase: Phase) -> None:
    """Run a phase's scripts. In the publish phase they run one by one, within the transaction."""
    values, place = _values(work), work.algebra.scratch.place
    for step, queries in _by_step(work.program.queries, phase):
        texts = [(q, scripts.own_tables(render(q.text, values, Place(q.file)), place)) for q in queries]
        threads = 1 if phase is Phase.PUBLISH else work.request.threads
        _run_step(work.warehouse, step, phase, texts, threads, work.clock, work.emit)


def _values(work: Work) -> dict[str, object]:
    playbook = work.program.playbook
    variables = {variable.name: variable.value for variable in playbook.variables}
    place = work.algebra.scratch.place
    schema = scripts.OWN_SCRATCH if place.endswith("_") else place
    run = scripts.names(playbook, work.program.key_names, schema, work.request.run_id, work.request.started)
    return run.values(variables)


def _by_step(queries: Sequence[PlainQuery], phase: Phase) -> list[tuple[str, list[PlainQuery]]]:
    found: dict[str, list[PlainQuery]] = {}
    for query in queries:
        if query.phase is phase:
            found.setdefault(query.step, []).append(query)
    return list(found.items())


def _run_step(
    warehouse: Warehouse,
    step: str,
    phase: Phase | None,  # None: a plain script
    texts: Sequence[tuple[PlainQuery, str]],
    threads: int,
    clock: Clock,
    emit: Emit,
) -> None:
    def one(connection: Warehouse, query: PlainQuery, text: str) -> None:
        started = clock.monotonic()
        label = f"{phase.value if phase else 'script'}:{step}:{query.query.path}"
        try:
            send(connection, label, text)
        except WarehouseError as error:
            if error.trouble in (Trouble.RETRY, Trouble.LOST) and phase is not Phase.AFTER:
                raise  # for the publish to try again or resolve
            same_lines = query.text.count("\n") == text.count("\n")  # else the line is one of the rendered text
            place = Place(query.file or query.query.place.path, error.line if query.file and same_lines else 0)
            what = f"{place}: step {step}: {error.what}"
            said = _said(phase, step)
            raise StatementFailed(what, said, Failure(label, place)) from None
        emit(QueryDone(step, query.query.path, clock.monotonic() - started))

    if len(texts) == 1 or threads == 1:
        for query, text in texts:
            one(warehouse, query, text)
        return
    with closing(Pool(warehouse.another)) as pool:

        def beside(text: tuple[PlainQuery, str]) -> None:
            with pool.session() as connection:
                one(connection, *text)

        at_once(texts, threads, beside, pool.cancel)


def _said(phase: Phase | None, step: str = "") -> str:
    if phase is None:
        return f"what ran before it is done; mend it and go on: --from-step '{step}'"
    if phase is Phase.AFTER:
        return "the next run repeats the `after` queries"
    return "mend it and run again: a run starts from its first step"


def make_named_tables(work: Work, frozen: Frozen) -> None:
    """The tables that scripts may name, as far as a script names them: within the freeze's snapshot."""
    texts = " ".join(q.text for q in work.program.queries)
    algebra, scratch = work.algebra, work.algebra.scratch

    def make(table: str, select: str) -> None:
        work.warehouse.execute("stage:named", algebra.engine.temporary_table(table, select))

    for source in frozen.sources.values():
        number = source.number
        if "batches" in texts:
            listed = "etl_tstamp, event_count, previous_count, reason"
            make(scratch.pending(number), f"select {listed} from {scratch.batches(number)}")
        if "events" in texts:
            listed, pending = algebra.listed(source.relation.columns), rows.pending(algebra, source)
            make(scratch.events(number), f"select {listed} from {algebra.from_source(source)} where {pending}")
    for key in frozen.keys:
        name = next((name for name, number in work.program.key_names if number == key.number), None)
        if name is None:
            continue
        if "keys" in texts:
            column = algebra.engine.quote(name)
            make(
                scratch.keys_of(key.number),
                f"select k1 as {column} from {scratch.keys(key.number)} where k1 is not null",
            )
        if "history" in texts:
            source = frozen.sources[key.key.source.table]
            cut = [[algebra.is_in(key.key.texts, scratch.keys(key.number))]]
            apart = source.copies is not None and key.key.texts in source.copies.apart
            found = rows.of_source(algebra, source, source.relation.columns, cut, few=True, apart=apart)
            make(scratch.history(key.number), f"select * from {found} runner_h")


def run_after(work: Work, run_id: str) -> None:
    """The `after` queries of a published run."""
    if not has_queries(work, Phase.AFTER):
        return
    with published():
        run_queries(work, Phase.AFTER)
        try:
            work.manifest.write_after_done(run_id)
        except WarehouseError as error:
            what = f"{error.label}: {error.what}"
            raise StatementFailed(what, _said(Phase.AFTER), Failure(error.label)) from None


@contextmanager
def published() -> Iterator[None]:
    """Whatever goes wrong in the block: the run's data is public."""
    try:
        yield
    except RunnerError as error:
        error.published = Publication.DATA
        raise


def repeat(work: Work, state: State) -> None:
    """`after` queries that failed in the last published run."""
    if state.last_run and not state.after_done and has_queries(work, Phase.AFTER):
        work.emit(Note("the last run's `after` queries had not finished; running them again"))
        run_after(work, state.last_run)


def run_script(program: Program, warehouse: Warehouse, request: Request, clock: Clock, emit: Emit) -> None:
    """A playbook without a source: its scripts in order, no phases, no manifest."""
    variables = {variable.name: variable.value for variable in program.playbook.variables}
    steps = list(dict.fromkeys(query.step for query in program.queries))
    if request.from_step is not None and request.from_step not in steps:
        hint = f"its steps are {', '.join(steps)}"
        raise BadInput(Problem(Place(program.playbook.path), f"no step is called {request.from_step}", hint))
    skip = steps.index(request.from_step) if request.from_step else 0
    for step in steps[skip:]:
        queries = [query for query in program.queries if query.step == step]
        texts = [(q, render(q.text, variables, Place(q.file))) for q in queries]
        _run_step(warehouse, step, None, texts, request.threads, clock, emit)
