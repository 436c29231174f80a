"""What a user may do next, in the commands of playbooks."""

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


def commands_of(playbook: Path) -> Commands:
    """The commands for a playbook, named as the user has typed it."""

    def command(action: Action) -> str:
        match action:
            case Run():
                return f"runner run {playbook}"
            case FullRefresh(table, also):
                named = " ".join(f"--model {one}" for one in (table or "TABLE", *also))
                return f"rebuild {'them' if also else 'it'}: runner run {playbook} --full-refresh {named}"
            case Renew(retract):
                anew = "begin it anew and build every model in full"
                command = f"runner run {playbook} --full-refresh"
                return f"if they may, {anew}: {command} --retract" if retract else f"{anew}: {command}"
            case Adopt(table, also):
                named = " ".join(f"--adopt {one}" for one in (table, *also))
                return f"to replace what is in {'them' if also else 'it'}: runner run {playbook} {named}"
            case Retract():
                wanted = "if their rows should leave the models: --retract, or vanished: retract"
                return f"{wanted}; if the source forgets old batches: vanished: keep"
            case LetGo():
                wanted = "if it should have lost them: --retract, or shrank: note"
                return f"look whether it was loaded anew in part; {wanted}"
            case TakeLess():
                return "take less at once: --chunk N"
            case Wait():
                return "wait for it with --wait SECONDS"
            case Unlock():
                dead = f"if that run is surely dead: runner unlock {playbook}"
                return f"wait for it with --wait SECONDS, or, {dead}"
            case Verify():
                return f"runner verify {playbook}"
            case History():
                return f"runner history {playbook} shows it; running again is safe either way"
            case AllowCopies(table, is_lookup):
                out = f"take its key out of the playbook ({table}: fingerprint)"
                return out if is_lookup else "look at the model's joins, or take unique: out"

    return command
