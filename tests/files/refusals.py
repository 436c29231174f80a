"""Gives bad inputs to the command line and judges the answer: in this process, or as a user does in one of its own.

An answer is right if it has the exit code, every line begins with `file:line:` (or `file:`) and is followed by a hint,
it names the place and says what is wrong, there is no traceback, it took less than a second of CPU and (in a process of its
own) less than 200 MB; and the warehouse was left alone: its DuckDB file is not there, no connection reached its port.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

from runner.cli.app import main
from tests.files.bad_file import Bad
from tests.files.bad_files import CORPUS
from tests.kit.least import TRIES
from tests.kit.tally import Tally

SIZE = len(CORPUS)  # in the soak: all, each in a process of its own
CPU_S = 1.0
MEMORY_MB = 200
FORM = re.compile(r"(?:/\S*\.(?:yml|sql)(?::[1-9][0-9]*)?|--(?:var|model)[^:]*): \S")
# The high-water mark of a process's own memory, and its CPU time; what its parent used is in neither.
MEASURED = """
import re, resource, sys
from runner.cli.app import main
code = main(sys.argv[2:])
used = resource.getrusage(resource.RUSAGE_SELF)
peak = re.search(r"VmHWM:\\s+([0-9]+) kB", open("/proc/self/status").read())[1]
open(sys.argv[1], "w").write(f"{peak} {used.ru_utime + used.ru_stime}")
sys.exit(code)
"""


class Watched:
    """A port that a Postgres could listen on; whoever connects is noticed."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)

    @property
    def url(self) -> str:
        return f"postgresql://nobody@127.0.0.1:{self._socket.getsockname()[1]}/never"

    def connected(self) -> bool:
        """Whether anybody connected since the last time."""
        try:
            self._socket.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        self._socket.close()


@contextmanager
def watched() -> Iterator[Watched]:
    """A port for the length of a test."""
    port = Watched()
    try:
        yield port
    finally:
        port.close()


@dataclass(frozen=True)
class Answer:
    """What a command said, and what it cost. `statements`: what was sent to a warehouse."""

    code: int
    text: str
    cpu_s: float
    memory_mb: float = 0
    statements: tuple[str, ...] = ()


def in_process(bad: Bad, folder: Path, port: Watched) -> list[str]:
    """`runner run` here; what is wrong with the answer."""
    playbook = bad.write(folder, _target(bad, port))

    def answer() -> Answer:
        out, sent = StringIO(), []
        began = time.thread_time()
        code = main(["run", str(playbook), *bad.args], watch=lambda _, label, __: sent.append(label), out=out, err=out)
        return Answer(code, out.getvalue(), time.thread_time() - began, statements=tuple(sent))

    return _judge(bad, folder, port, _cheapest(answer))


def by_process(bad: Bad, folder: Path, port: Watched) -> list[str]:
    """`runner run` in a process of its own; what is wrong with the answer."""
    playbook, cost = bad.write(folder, _target(bad, port)), folder / "cost.txt"
    start: list[str | bytes] = [sys.executable, "-c", MEASURED, str(cost), "run", str(playbook)]
    start += [word.encode("utf-8", "surrogateescape") for word in bad.args]

    def answer() -> Answer:
        done = subprocess.run(start, capture_output=True, timeout=120, check=False)
        peak_kb, cpu_s = cost.read_text().split() if cost.exists() else ("0", "0")
        text = (done.stdout + done.stderr).decode("utf-8", "replace")
        return Answer(done.returncode, text, float(cpu_s), int(peak_kb) / 1024)

    return _judge(bad, folder, port, _cheapest(answer))


def _cheapest(asked: Callable[[], Answer]) -> Answer:
    """The answer, asked again while it is too dear, a few times: what a busy machine adds is not the answer's own."""
    answers = [asked()]
    while answers[-1].cpu_s >= CPU_S and len(answers) < TRIES:
        answers.append(asked())
    return min(answers, key=lambda one: one.cpu_s)


def _target(bad: Bad, port: Watched) -> str:
    return "duckdb:///never.duckdb" if bad.engine == "duckdb" else f"{bad.engine}://{port.url.partition('://')[2]}"


def _judge(bad: Bad, folder: Path, port: Watched, answer: Answer) -> list[str]:
    lines = answer.text.splitlines()
    messages = [line for line in lines if not line.startswith("  ")]
    place = bad.where if bad.where.startswith("--") else str(folder / bad.where)
    wrong = [
        f"exit {answer.code}, not {bad.code}" if answer.code != bad.code else "",
        *(f"a line without a place: {line}" for line in messages if not FORM.match(line)),
        *(f"no hint after: {a}" for a, b in zip(lines, [*lines[1:], ""], strict=True)
          if not a.startswith("  ") and not re.match("  hint: .", b)),
        "" if any(line.startswith(f"{place}: ") for line in messages) else f"it does not name {bad.where}",
        "" if bad.what in answer.text else f"it does not say {bad.what!r}",
        "a traceback" if "Traceback" in answer.text or "internal error" in answer.text else "",
        f"{answer.cpu_s:.2f} s of CPU" if answer.cpu_s >= CPU_S else "",
        f"{answer.memory_mb:.0f} MB" if answer.memory_mb >= MEMORY_MB else "",
        f"statements were sent: {answer.statements}" if answer.statements else "",
        "its DuckDB file was made" if (folder / "never.duckdb").exists() else "",
        "it connected" if port.connected() else "",
    ]  # fmt: skip
    return [why for why in wrong if why] + ([answer.text[:2000]] if any(wrong) else [])


def soak(size: int = SIZE, seed: int = 0) -> list[Tally]:
    """Check 15: `size` bad inputs from number `seed` on, each in a process of its own."""
    tally = Tally(15, "bad playbooks and SQL", "command line", size, size, seeds=f"{seed}+{size}")
    with tempfile.TemporaryDirectory(prefix="runner-bad-") as name, watched() as port:
        for number in range(seed, seed + size):
            bad = CORPUS[number % len(CORPUS)]
            folder = Path(name, str(number))
            folder.mkdir()
            if wrong := by_process(bad, folder, port):
                note = f"{bad.name}: {'; '.join(wrong)}"
                print(note, file=sys.stderr, flush=True)
                tracebacks = int("a traceback" in wrong)
                tally = replace(
                    tally,
                    wrong_reports=tally.wrong_reports + 1,
                    tracebacks=tally.tracebacks + tracebacks,
                    notes=(*tally.notes, note)[:20],
                )
            if (number - seed + 1) % 50 == 0:
                print(f"check 15: {number - seed + 1} of {size}", file=sys.stderr, flush=True)
    return [tally]
