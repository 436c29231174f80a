"""What a source has lost since it was read: whole batches, or most of its events within batches that are still there.

A batch that shrinks is ordinary work: its keys are recomputed. A source of which half is gone was more likely emptied
and loaded anew in part, and what was made of it should not follow unasked.
"""

from __future__ import annotations

from collections.abc import Mapping

from runner import actions
from runner.errors import Stopped
from runner.events import BatchGroup
from runner.increment.work import Work
from runner.playbook.values import Shrank, Source, Vanished


def refuse_vanished(work: Work, source: Source, groups: Mapping[str, BatchGroup]) -> None:
    """Raises Stopped for vanished batches under `vanished: stop`."""
    gone = groups.get("vanished")
    if gone is None or source.vanished is not Vanished.STOP or work.request.retract:
        return
    what = f"{gone.batch_count} batches of {source.table} are in the manifest and gone from the source{gone.example}"
    raise Stopped(what, actions.Retract())


def look_for_shrunk(work: Work, source: Source, groups: Mapping[str, BatchGroup], processed: str) -> str:
    """What is to be said of a source that has lost most of its events; '' where it has not.

    `processed` is a SELECT of the manifest's rows: asked only where something is gone. Raises Stopped under
    `shrank: stop`, unless rows may leave the models.
    """
    lost = sum(group.lost_count for reason, group in groups.items() if reason != "vanished")
    if not lost:
        return ""
    total = f"select cast(sum(event_count) as bigint) from ({processed}) runner_m"
    known = int(work.warehouse.execute("freeze:processed", total).one()[0])
    if lost * 2 <= known:
        return ""
    what = (
        f"{lost:,} of the {known:,} events of {source.table} in the manifest are gone from batches that are still there"
    )
    if source.shrank is Shrank.STOP and not work.request.retract:
        raise Stopped(what, actions.LetGo())
    return what
