"""Whether the state is whole: all of its tables are there, and say the same of the run that was published last.

Tables get lost, emptied, or restored to an earlier day, one of them or all. The fence names the last run, the row of
that run says what the state held when it was written, and nothing is built on what contradicts them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from runner.state.queries import queries

FOUND_AGAIN = frozenset({"meta", "run_models", "lookups", "key_index", "lease"})  # the next run does without them


def shared_tables() -> tuple[str, ...]:
    """The tables that all playbooks of a state schema have in common."""
    creates = (name for name in queries() if name.startswith("create-"))
    return tuple(name.removeprefix("create-").replace("-", "_") for name in creates)


@dataclass(frozen=True)
class LastRun:
    """The run of the highest version in `runs`, what the state held when it was published, and what it holds now."""

    run_id: str
    after_done: bool
    version: int
    batches_then: int
    models_then: int
    batches_now: int


def contradiction(version: int, run_id: str | None, last: LastRun | None, accounted: Collection[str]) -> str:
    """What the tables say against each other; '' if they agree. `version` and `run_id` are the fence's.

    `accounted`: for each model the run that accounted for it last. A fence without a run is that of a state that was just
    begun: whatever else is there was built before, and is built anew.
    """
    if last is not None and version < last.version:
        return f"its fence stands at version {version}, and run {last.run_id} has published version {last.version}"
    if run_id is None:
        return ""
    if last is None or last.run_id != run_id:
        known = f"the last one that `runs` knows is {last.run_id}" if last else "`runs` knows of none"
        return f"run {run_id} was published last, and {known}"
    if last.batches_now < last.batches_then:
        return f"the manifest lists {last.batches_now:,} batches, and {last.batches_then:,} when run {run_id} was published"
    models_now = sum(run == run_id for run in accounted)
    if models_now < last.models_then:
        return (
            f"`models` knows {models_now:,} models of run {run_id}, and knew {last.models_then:,} when it was published"
        )
    return ""
