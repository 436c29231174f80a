"""What the user's text reads in `verify`: all columns of the rows that the manifest lists, copies taken out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runner.algebra.texts import NO_TSTAMP
from runner.algebra.values import FrozenSource
from runner.comparison.plain import plain_text
from runner.increment.work import Work
from runner.names import TableName
from runner.playbook.values import Source
from runner.program.values import CompiledModel


@dataclass(frozen=True)
class Sample:
    """Some keys of a model: a table of them (k1 … kn), and the types of its columns."""

    table: str
    types: tuple[str, ...]


class Inputs:
    """The sources and look-ups of one `verify`. Ids that stand more than once are looked for once a source."""

    def __init__(self, work: Work, sources: Mapping[TableName, FrozenSource], lookups: Mapping[TableName, str]) -> None:
        self._work, self._sources, self._lookups = work, sources, lookups
        self._known: set[TableName] = set()

    def text(self, model: CompiledModel, above: Mapping[TableName, str], utc: str, sample: Sample | None) -> str:
        """The model's SELECT; `above` names what is read of other models, `utc` is what its clock says.

        With a sample its inputs are cut to these keys, if the key-wise rule allows that: it is trusted then.
        """
        proven = not (model.model.unproven or model.model.affected or model.is_joined)
        cut = sample if sample and proven else None
        edits = [(q.start, q.end, "") for q in model.select.qualifiers]
        for reference in model.select.references:
            table = reference.table
            wanted = self._wanted(model, table, cut) if cut else ""
            if table in self._sources:
                rows = self._rows(self._sources[table], wanted)
            elif table in above:
                name = self._work.algebra.engine.quote(table.table)
                rows = f"(select * from {above[table]} as {name} where {wanted})" if wanted else above[table]
            elif table in self._lookups:
                rows = self._lookups[table]
            else:
                continue
            alias = "" if reference.alias else f" as {self._work.algebra.engine.quote(table.table)}"
            edits.append((reference.start, reference.end, rows + alias))
        return plain_text(model.select, self._work.algebra.engine, utc, edits)

    def _rows(self, source: FrozenSource, wanted: str) -> str:
        more = f" and {wanted}" if wanted else ""
        if not source.source.dedupe:
            return f"(select * {self._listed(source)}{more})"
        self._find_copies(source)
        scratch, engine = self._work.algebra.scratch, self._work.algebra.engine
        columns = ", ".join(engine.quote(column.name) for column in source.relation.columns)
        copied = f"({source.source.dedupe[0].text}) in (select runner_i from {scratch.copied(source.number)})"
        winners = f"from {scratch.winners(source.number)} as {engine.quote(source.source.table.table)}"
        return (
            f"(select {columns} {self._listed(source)} and not coalesce({copied}, false){more}"
            f" union all select {columns} {winners}{f' where {wanted}' if wanted else ''})"
        )

    def _listed(self, source: FrozenSource) -> str:
        """FROM and WHERE: the rows of batches that are in the manifest, under the source's own name."""
        name = self._work.algebra.engine.quote(source.source.table.table)
        processed = self._work.manifest.processed(source.source)
        return (
            f"from {source.rows} as {name}"
            f" where {batch_of(source.source)} in (select etl_tstamp from ({processed}) runner_p)"
        )

    def _find_copies(self, source: FrozenSource) -> None:
        """Note the ids that stand more than once, and of each the one copy that counts: the first by `order_by`, then
        by all columns, as values and as texts. A row without an id (the first of `dedupe`) is no copy of another.
        """
        if source.source.table in self._known:
            return
        self._known.add(source.source.table)
        engine, scratch = self._work.algebra.engine, self._work.algebra.scratch
        ids, columns = [e.text for e in source.source.dedupe], source.relation.columns
        listed, copied = self._listed(source), scratch.copied(source.number)
        twice = f"select {ids[0]} as runner_i {listed} and ({ids[0]}) is not null group by {ids[0]} having count(*) > 1"
        self._work.warehouse.execute("verify:copied", engine.temporary_table(copied, twice))
        order = [e.text for e in source.source.order_by]
        for column in columns:
            name = engine.quote(column.name)
            order += [*engine.told_apart(name, column.type), engine.text_of(name, column.type)]
        names = ", ".join(engine.quote(column.name) for column in columns)
        ranked = (
            f"select {names}, row_number() over (partition by {', '.join(ids)}"
            f" order by {', '.join(f'{e} nulls last' for e in dict.fromkeys(order))}) as runner_n"
            f" {listed} and ({ids[0]}) in (select runner_i from {copied})"
        )
        first = f"select {names} from ({ranked}) runner_w where runner_n = 1"
        self._work.warehouse.execute("verify:winners", engine.temporary_table(scratch.winners(source.number), first))

    def _wanted(self, model: CompiledModel, table: TableName, sample: Sample) -> str:
        """Whether a row of an input is of a sampled key; '' where all are read: of look-ups, and on DuckDB of inputs
        whose key is called as a function is.
        """
        engine = self._work.algebra.engine
        if table not in (*model.sources, *model.models):
            return ""
        key = [column.over(table) for column in model.model.key]
        if any(map(engine.names_function, key)):
            return ""
        if len(key) == 1:
            null = f"({key[0]}) is null and exists (select 1 from {sample.table} where k1 is null)"
            return f"(({key[0]}) in (select k1 from {sample.table}) or ({null}))"
        same = [
            engine.same(f"runner_k{n}", f"({e})", t) for n, (e, t) in enumerate(zip(key, sample.types, strict=True))
        ]
        renamed = ", ".join(f"k{n} as runner_k{n - 1}" for n in range(1, len(key) + 1))
        return f"exists (select 1 from (select {renamed} from {sample.table}) runner_t where {' and '.join(same)})"


def batch_of(source: Source) -> str:
    """The batch that a row of a source is of, as the state names it."""
    return f"coalesce(cast({source.batch.text} as timestamp), {NO_TSTAMP})"
