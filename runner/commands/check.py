"""What can be said of a playbook before it runs: what its warehouse's catalogue lacks, and the SQL that would be sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from runner.algebra.texts import condition
from runner.errors import BadInput, Place, Stopped
from runner.events import Emit, Note, NullKey
from runner.increment.catalogue import rights
from runner.increment.catalogue.bind import Bound, bind, check_ownership
from runner.increment.guard import heed
from runner.increment.work import Guard, read_only_work
from runner.program import scripts
from runner.program.values import Program
from runner.sql.templates import render
from runner.warehouse.base import Warehouse


def check_live(
    program: Program, warehouse: Warehouse, guard: Guard | None = None, emit: Emit = lambda _: None
) -> Bound:
    """What needs the catalogue, and a trial of what is new, of which `emit` hears; gives the program's tables.

    Raises BadInput or Stopped.
    """
    if missing := rights.lacking(program, warehouse, to_run=True):
        raise Stopped("this role has not all rights that it takes to run, plan and verify", "; ".join(missing))
    with read_only_work(program, warehouse, guard=guard) as work:
        state = work.manifest.look()
        bound = bind(program, warehouse, state)
        work = replace(work, program=bound.program)
        check_ownership(program, warehouse, state, bound, ())
        for text in heed(work, state, bound, dry=True, asked=True).notes:
            emit(Note(text))
    return bound


def copies_apart(program: Program) -> Iterator[Note]:
    """Sources of which copies are looked for outside of a key, too: it costs an index of all ids."""
    for ids in program.ids:
        table, listed = ids.key.source.table, ", ".join(ids.key.names)
        apart = "; ".join(dict.fromkeys(", ".join(texts) for texts in ids.apart))
        yield Note(
            f"{table}: copies, equal in {listed}, may differ in the key {apart}: they are looked for outside of it, in an"
            " index of all ids"
        )


def null_keys(program: Program, warehouse: Warehouse, bound: Bound) -> Iterator[NullKey]:
    """How many events fall into the key NULL of a model that does not leave them out: each source is read for it."""
    for key in program.source_keys:
        readers = [model for model in program.models if key in model.source_keys and not model.is_joined]
        if all(model.skips_null for model in readers):
            continue
        relation = bound.sources[key.source.table]
        rows = f"{relation.rows} as {warehouse.engine.quote(key.source.table.table)}"
        sql = f"select count(*) from {rows}{condition([f'({text}) is null' for text in key.texts])}"
        if count := int(warehouse.execute("check:null-key", sql).one()[0]):
            yield NullKey(str(key.source.table), ", ".join(key.names), count, pending=False)


def open_questions(program: Program, playbook: str) -> list[str]:
    """What a check without the catalogue leaves open, and the command that answers it."""
    texts = [
        f"{problem.place}: open: {problem.what} (it hangs on columns that are not known here)"
        for model in program.models
        for problem in model.undecided
    ]
    return [*texts, f"next: runner check --live {playbook}"] if texts else []


def rendered(program: Program) -> str:
    """Every SQL text in the order it would run, under a comment that names it."""
    parts = []
    for model in program.models:
        how = "merge" if model.model.merge else f"key {', '.join(model.key_names)}" if model.model.key else "full"
        parts.append(
            f"-- {model.table} ({how}) from {model.select.place.path or 'a generated text'}\n{model.select.text.rstrip()}\n"
        )
    for view in program.views:
        parts.append(
            f"-- {view.table} (view) from {view.select.place.path or 'a generated text'}\n{view.select.text.rstrip()}\n"
        )
    variables = {v.name: v.value for v in program.playbook.variables}
    values = (
        scripts.example_names(program.playbook, program.key_names).values(variables)
        if program.playbook.sources
        else variables
    )
    for query in program.queries:
        try:
            text = render(query.text, values, Place(query.file))
        except BadInput as error:
            text = f"-- {error}"
        parts.append(
            f"-- step {query.step}, phase {query.phase.value}, from {query.file or 'a generated text'}\n{text.rstrip()}\n"
        )
    return "\n".join(parts)
