"""How tests start the runner: in this process, or as a user does, in one of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

Watch = Callable[[str, str, str], None]
MAIN = "import sys; from runner.cli.app import main; sys.exit(main(sys.argv[1:]))"


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and all that it printed."""

    code: int
    text: str


def command(*args: str, watch: Watch | None = None) -> Outcome:
    """`runner ARGS…` in this process. `watch` is called around every statement and may raise."""
    from runner.cli.app import main

    out = StringIO()
    return Outcome(main(list(args), watch=watch, out=out, err=out), out.getvalue())


def run(playbook: Path, *args: str, watch: Watch | None = None) -> int:
    """`runner run PLAYBOOK ARGS…` in this process; its exit code."""
    outcome = command("run", str(playbook), *args, watch=watch)
    print(outcome.text)
    return outcome.code


def shell(*args: str) -> Outcome:
    """`runner ARGS…` as a process of its own, through the real command where it is installed."""
    script = Path(sys.executable).with_name("runner")
    start = [str(script)] if script.exists() else [sys.executable, "-c", MAIN]
    done = subprocess.run([*start, *args], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return Outcome(done.returncode, done.stdout + done.stderr)
