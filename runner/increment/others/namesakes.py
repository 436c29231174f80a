"""Two projects with one name: they share a manifest, and each run of one has the other's tables built in full.

Whose folder a run came from says nothing, since a container may have it anywhere. What the last runs have built does.
"""

from __future__ import annotations

from collections.abc import Sequence

from runner.increment.stage import MISSED, REDEFINED, Decision
from runner.increment.work import Work
from runner.program.values import renamed
from runner.state.manifest import State

SHOWN = 3  # tables that a note names
HINT = "two projects of one name share a manifest and rebuild each other's tables: give each a name of its own"


def note(work: Work, state: State, decision: Decision) -> str:
    """What a user should know if another project of the name seems to be at work; '' if none does.

    It is asked only where something is built in full, which two such projects always do.
    """
    if not decision.reasons:
        return ""
    playbook = work.program.playbook
    tables = [*(model.table for model in work.program.models), *(view.table for view in work.program.views)]
    own = {str(renamed(playbook, table)) for table in tables}
    built = {table for table, model in state.models.items() if model.as_of_run == state.last_run}
    if built and not built & own:
        more = f" and {len(built) - SHOWN} more" if len(built) > SHOWN else ""
        listed = ", ".join(sorted(built)[:SHOWN])
        return f"playbook {playbook.name} was last run with other models ({listed}{more}); {HINT}"
    if {REDEFINED, MISSED} & set(decision.reasons.values()) and alternate(work.manifest.digests(), work.program.digest):
        return f"the definitions of playbook {playbook.name} change back and forth from run to run; {HINT}, or the variables that change a name each"
    return ""


def alternate(before: Sequence[str], now: str) -> bool:
    """Whether a definition comes back a second time after the one that was run last; `before`: the newest first."""
    if not before or before[0] == now or now not in before:
        return False
    return before[0] in before[before.index(now) :]
