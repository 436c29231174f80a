"""A fault at a chosen statement, for tests of real processes: RUNNER_FAULT, heeded only where RUNNER_TESTING is 1.

`kill@17` sends SIGKILL to the process itself at the seam's event number 17 (two events a statement, from 0: before and
after it); `term`, `int` and `stop` send SIGTERM, SIGINT and SIGSTOP. `stop@before publish:commit` names the event.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping

from runner.errors import BadInput, Place, Problem

SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "int": signal.SIGINT, "stop": signal.SIGSTOP}


class Fault:
    """Watches statements, and strikes once."""

    def __init__(self, text: str) -> None:
        name, _, self._at = text.partition("@")
        if name not in SIGNALS or not self._at:
            hint = "kill@17, term@3, int@0, or stop@before publish:commit"
            raise BadInput(Problem(Place(), f"RUNNER_FAULT={text}: not a fault", hint))
        self._signal, self._count, self._struck = SIGNALS[name], 0, False

    def __call__(self, when: str, label: str, sql: str) -> None:
        """Called around every statement."""
        here = self._at in (str(self._count), f"{when} {label}")
        self._count += 1
        if here and not self._struck:
            self._struck = True
            os.kill(os.getpid(), self._signal)


def from_environment(env: Mapping[str, str]) -> Fault | None:
    """The fault that the environment asks for."""
    text = env.get("RUNNER_FAULT") if env.get("RUNNER_TESTING") == "1" else None
    return Fault(text) if text else None
