"""What a user may do next, in the commands of the semantic layer; some of it is done in another way there."""

from __future__ import annotations

from pathlib import Path

from runner.actions import (
    Action,
    Adopt,
    AllowCopies,
    Commands,
    FullRefresh,
    History,
    LetGo,
    Renew,
    Retract,
    Run,
    TakeLess,
    Unlock,
    Verify,
    Wait,
)

WAIT = "wait until it has ended: apply, update and refresh have --wait SECONDS"


def commands_of(folder: Path) -> Commands:
    """The commands for the model in a folder."""

    def command(action: Action) -> str:
        match action:
            case Run():
                return f"runner model update {folder}"
            case FullRefresh():
                return f"rebuild it: runner model refresh {folder}"
            case Renew(retract):
                anew = "begin it anew and build every table in full"
                command = f"runner model refresh {folder}"
                return f"if they may, {anew}: {command} --retract" if retract else f"{anew}: {command}"
            case Adopt():
                return "drop it, if nobody needs it, or choose another data_model_schema"
            case Retract():
                update = f"runner model update {folder} --retract"
                return f"if their rows should leave the tables: {update}, or vanished: retract"
            case LetGo():
                update = f"runner model update {folder} --retract"
                return (
                    f"look whether it was loaded anew in part; if it should have lost them: {update}, or shrank: note"
                )
            case TakeLess():
                return f"take less at once: runner model apply {folder} --from D --to D"
            case Wait():
                return WAIT
            case Unlock():
                return f"{WAIT}; the lease of a dead run ends by itself"
            case Verify():
                return f"runner model verify {folder}"
            case History():
                return f"runner model status {folder} shows the last published run; running again is safe either way"
            case AllowCopies():
                return "join one row of it to an event: by more columns, under enrichments:"

    return command
