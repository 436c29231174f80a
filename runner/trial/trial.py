"""The trial: rounds of made-up histories against all new definitions together, until one differs or the time is up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from runner.clock import Clock
from runner.errors import RunnerError
from runner.names import TableName
from runner.program.values import Program, renamed
from runner.trial.history import History
from runner.trial.looks import Look
from runner.trial.play import play
from runner.trial.shrink import shrunk
from runner.trial.traits import traits_of
from runner.trial.values import TIME_UP, Found, Played, Step, Subject
from runner.warehouse.base import Warehouse
from runner.warehouse.grounds.base import Ground, Input, Shape, Wanted

PATIENCE = 2  # budgets more, for models whose SELECT failed on the texts that were made up so far


@dataclass(frozen=True)
class Budget:
    """When a trial ends: after so many seconds, though not before one round, or after so many rounds.

    What five rounds do not find seldom shows later. `shrink_s`: how long the first find is made small; others get less.
    """

    seconds: float
    rounds: int = 5
    shrink_s: float = 8.0


@dataclass(frozen=True)
class Held:
    """How a trial ended: rounds passed by model, what was found, and the models it could not try, with the reason."""

    rounds: Mapping[TableName, int]
    found: tuple[Found, ...]
    untried: Mapping[TableName, str]
    shapes: Sequence[Shape] = ()


def subject_of(program: Program, tables: Iterable[TableName]) -> Subject:
    """Some models of a program, with all that they read and nothing else.

    Checks are left out, since nothing rests on them and made-up rows would not pass; what is `unique` stays. Keys told
    by hand are taken as they are: whether they are right is what is tried.
    """
    wanted = set(tables)
    taken = program.ancestors(wanted)
    models = tuple(
        replace(
            m,
            model=replace(
                m.model, checks=(), unproven=m.model.unproven or bool(m.model.affected), layout=type(m.model.layout)()
            ),
        )
        for m in program.models
        if m.table in taken
    )
    read = {source for model in models for source in model.sources}
    sources = tuple(source for source in program.playbook.sources if source.table in read or not read)
    keys = tuple(key for key in program.source_keys if key.source in sources)
    ids = tuple(one for one in program.ids if one.key.source in sources)
    playbook = replace(program.playbook, sources=sources, views=())
    own = replace(
        program,
        playbook=playbook,
        models=models,
        source_keys=keys,
        ids=ids,
        key_names=(),
        queries=(),
        views=(),
        kept=None,
    )
    return Subject(own, tuple(model.table for model in models if model.table in wanted))


def attack(
    program: Program,
    tables: Sequence[TableName],
    warehouse: Warehouse,
    inputs: Sequence[Input],
    budget: Budget,
    clock: Clock,
) -> Held:
    """Try these models, all together. At least one round is played, and others while the budget lasts."""
    try:
        ground = warehouse.ground(_wanted(program, tables, inputs))
    except RunnerError as error:
        return Held({}, (), dict.fromkeys(tables, error.what))
    if ground is None:
        return Held({}, (), dict.fromkeys(tables, f"{warehouse.engine.title} has no place for made-up rows"))
    try:
        return _Trial(program, ground, clock, budget, clock.monotonic() + budget.seconds).held(tables)
    finally:
        ground.close()


def _wanted(program: Program, tables: Sequence[TableName], inputs: Sequence[Input]) -> Wanted:
    models = subject_of(program, tables).program.models
    sources, keys = program.playbook.sources, (text for m in models for key in m.source_keys for text in key.texts)
    parts = (e.text for source in sources for e in (source.batch, *source.dedupe, *source.order_by))
    owned = (*(m.table for m in program.models), *(view.table for view in program.views))
    names = frozenset(renamed(program.playbook, table) for table in owned)
    return Wanted(inputs, (*(m.select.text for m in models), *keys, *parts), names)


@dataclass
class _Trial:
    program: Program
    ground: Ground
    clock: Clock
    budget: Budget
    end: float
    rounds: dict[TableName, int] = field(default_factory=dict)
    found: dict[TableName, Found] = field(default_factory=dict)
    mute: dict[TableName, str] = field(default_factory=dict)
    flavours: dict[TableName, int] = field(default_factory=dict)

    def held(self, tables: Sequence[TableName]) -> Held:
        for round_ in range(self.budget.rounds + len(Look) - 1):  # rounds in which nothing can be said are short
            left = [table for table in self._open(tables) if not round_ or self._goes_on(table)]
            if not left:
                break
            alone = self._round(left, round_) if len(left) > 1 else left
            for table in alone:  # one that fails makes all others mute: each by itself
                if len(left) == 1 or self._goes_on(table):
                    self._round([table], round_)
        untried = {t: self._reason(t) for t in tables if t not in self.rounds and t not in self.found}
        return Held(self.rounds, tuple(self.found.values()), untried, self.ground.shapes)

    def _goes_on(self, table: TableName) -> bool:
        """Whether there is time for another round; a model that nothing could be said of yet gets some more."""
        if self.rounds.get(table, 0) >= self.budget.rounds:
            return False
        unheard = table not in self.rounds and self.flavours.get(table, 0) < len(Look)
        return self.clock.monotonic() < self.end + (PATIENCE * self.budget.seconds if unheard else 0)

    def _open(self, tables: Sequence[TableName]) -> list[TableName]:
        """Those that nothing has been found against, nor against what they read."""
        return [table for table in tables if not self.program.ancestors((table,)) & self.found.keys()]

    def _reason(self, table: TableName) -> str:
        above = next((t for t in self.program.ancestors((table,)) if t in self.found), None)
        if above:
            return f"it reads {above}"
        return self.mute[table] if self.flavours.get(table, 0) >= len(Look) else TIME_UP

    def _round(self, tables: Sequence[TableName], round_: int) -> list[TableName]:
        """One history against these; gives those of which it says nothing, or not all that it could."""
        subject = subject_of(self.program, tables)
        traits = traits_of(subject, self.ground, round_)
        flavour = max((self.flavours.get(table, 0) for table in tables), default=0)
        steps = History(traits, self.ground.shapes, self.ground, self.program.engine, flavour).steps()
        played = play(subject, self.ground, steps, self.clock)
        for table, difference in played.differences.items():
            history = steps[: difference.step + 1]
            self.found[table] = self._small(table, Found(difference, history))
        is_whole = played.run_count == len(steps)  # it ends before where one model's SELECT fails
        for table in tables:
            if table in played.mute:
                self.mute[table] = played.mute[table].partition("\n")[0]
                self.flavours[table] = self.flavours.get(table, 0) + 1
            elif is_whole and table in self._open(tables):
                self.rounds[table] = self.rounds.get(table, 0) + 1
        return [t for t in tables if t in played.mute or (not is_whole and t in self._open(tables))]

    def _small(self, table: TableName, found: Found) -> Found:
        subject = subject_of(self.program, (table,))

        def played(steps: Sequence[Step]) -> Played:
            return play(subject, self.ground, steps, self.clock)

        return shrunk(found, played, self.clock, self.budget.shrink_s / (1 + len(self.found)))
