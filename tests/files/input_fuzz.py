"""Random damage to playbooks and SQL files: whatever they hold, loading ends in a program or in a message, and soon.

An input is a file that is right, or one of the bad ones, changed in a few places: bytes, lines, words, indentation, parts
deleted, repeated, taken from another file, odd Unicode. It is loaded the way a command does before it connects. Only
BadInput and NoSteps may come out, each problem with its place and a hint, and no input may take more than a second of CPU.
"""

from __future__ import annotations

import random
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from runner.errors import BadInput, NoSteps
from runner.playbook.load import load
from runner.playbook.values import Playbook
from runner.program.load import load as load_program
from tests.files.bad_file import PLAYBOOK, SELECT
from tests.files.bad_files import CORPUS
from tests.files.splitting import soak as soak_splitting
from tests.kit import ROOT
from tests.kit.tally import Tally

SIZE = 100_000  # of each kind, in the soak
SLOW_S = 1.0
HANG_S = 10.0
ENV = {"X": "x1", "EMPTY": ""}
SMALL = 1_500  # characters: a long file takes the parser 50 ms and more

YAML_BITS = (
    "{", "}", "[", "]", ": ", ", ", "\n", "\n  ", "\t", "'", '"', " #", "- ", "&a ", "*a", "!x ", "${", "${X}", "$${", "{{ x }}",
    "|\n", ">-\n", "<<: ", "~", "no", "12:30", "0123", "\0", "\u202e", "\ufeff", "e\u0301", "\u2028", "---\n", "...\n", "%YAML 1.2\n",
    "? ", "\\", '"\\ud800"', "(", ")", "9" * 400, "[" * 60, "\U0001f600", "\r", "null", "first(x by", "merge: {n: max}\n", ";", "--",
    "key: {k: 'lower(k)'}", "include: web.yml\n", "queries: s.sql\n", "phase: publish", "variables: {v: [1, a]}\n", "unproven: true",
    "vanished: keep", "dedupe: [k, {{ v }}]", "affected: [{input: atomic.events, keys: select k from changed}]", "checks: [n > 0]",
)  # fmt: skip
SQL_BITS = (
    "(", ")", ";", ",", "'", '"', "$$", "$a$", "--", "/*", "*/", "\n", "\r", "\t", "\\", "{{ v }}", "{%", "{{", "%}", "{#", "E'\\''", "null",
    "select", " from ", " where ", " group by ", " union all select ", " join ", " over (partition by k)", " case when ", " end ",
    "::int", " as ", "*", "k", "n", "atomic.events", "derived.s", " limit 1", " distinct ", " exists (", " in (select ", "[1]", "{'a': 1}",
    "interval '1' day", "\u00a0", "\u200b", "\u202e", "e\u0301", "\0", "\U0001f600", "1e999", "0x1F", "::", ":=", "->", "=>", "..", "@", "#",
    "with x as (", "lateral ", "unnest(", "pivot", "values (1)", "x'1", "b'2", "u&'3'", "`", "?", "$1", "not ", "- ", "current_date",
    "delete from derived.s", "{{ scratch }}.t", "insert into ", " returning *", "{% if v %}", "{% endif %}", "{% for a in l %}", "{% endfor %}",
)  # fmt: skip


class Hang(BaseException):
    """An input has taken HANG_S seconds of CPU."""


@dataclass(frozen=True)
class Finding:
    """An input that was not answered as it should be."""

    seed: int
    what: str
    text: str

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.what}\n{self.text[:2000]}"


class Mutator:
    """Damages texts. All that it does comes from one seed."""

    def __init__(self, seed: int, texts: tuple[str, ...], bits: tuple[str, ...]) -> None:
        self.dice, self.texts, self.bits = random.Random(seed), texts, bits
        self._ways: tuple[Callable[[str], str], ...] = (
            self._inserted, self._inserted, self._deleted, self._repeated, self._word, self._word, self._lines,
            self._indented, self._spliced, self._character, self._nested,
        )  # fmt: skip

    def text(self) -> str:
        """A damaged text."""
        text = self.dice.choice(self.texts)
        for _ in range(self.dice.choice((1, 1, 2, 3, 6))):
            text = self.dice.choice(self._ways)(text)
        return text

    def _span(self, text: str, longest: int) -> tuple[int, int]:
        start = self.dice.randrange(len(text) + 1)
        return start, min(len(text), start + self.dice.randint(0, longest))

    def _inserted(self, text: str) -> str:
        at, _ = self._span(text, 0)
        return text[:at] + self.dice.choice(self.bits) + text[at:]

    def _deleted(self, text: str) -> str:
        start, end = self._span(text, self.dice.choice((1, 5, 40)))
        return text[:start] + text[end:]

    def _repeated(self, text: str) -> str:
        start, end = self._span(text, self.dice.choice((1, 8, 80)))
        return text[:end] + text[start:end] * self.dice.choice((1, 1, 2, 30)) + text[end:]

    def _word(self, text: str) -> str:
        """One word exchanged for another of the file, or for a bit."""
        words = list(re.finditer(r"\w+|[^\w\s]", text))
        if not words:
            return text
        one, other = self.dice.choice(words), self.dice.choice(words)
        new = self.dice.choice((other[0], self.dice.choice(self.bits), "", one[0].upper()))
        return text[: one.start()] + new + text[one.end() :]

    def _lines(self, text: str) -> str:
        lines = text.split("\n")
        one, other = self.dice.randrange(len(lines)), self.dice.randrange(len(lines))
        if self.dice.random() < 0.5:
            lines[one], lines[other] = lines[other], lines[one]
        else:
            lines.insert(one, lines[other])
        return "\n".join(lines)

    def _indented(self, text: str) -> str:
        lines = text.split("\n")
        at = self.dice.randrange(len(lines))
        lines[at] = self.dice.choice((" ", "  ", "\t")) + lines[at] if self.dice.random() < 0.6 else lines[at][1:]
        return "\n".join(lines)

    def _spliced(self, text: str) -> str:
        other = self.dice.choice(self.texts)
        start, end = self._span(other, 200)
        at, _ = self._span(text, 0)
        return text[:at] + other[start:end] + text[at:]

    def _character(self, text: str) -> str:
        at, end = self._span(text, 1)
        point = self.dice.choice((self.dice.randrange(128), self.dice.randrange(0x3000), self.dice.randrange(0x110000)))
        return text[:at] + chr(point) + text[end:]

    def _nested(self, text: str) -> str:
        at, _ = self._span(text, 0)
        return (
            text[:at]
            + self.dice.choice(("(", "[", "{a: ", "- ", "case when ", "not ", "(select "))
            * self.dice.choice((5, 60, 400))
            + text[at:]
        )


# -- what is loaded -----------------------------------------------------------------------------------------------------


@contextmanager
def _folder() -> Iterator[Path]:
    """A project in which every SQL file of the shipped playbooks is there, but short."""
    with tempfile.TemporaryDirectory(prefix="runner-fuzz-") as name:
        folder = Path(name)
        for file in (ROOT / "sql").rglob("*.sql"):
            short = folder / "sql" / file.relative_to(ROOT / "sql")
            short.parent.mkdir(parents=True, exist_ok=True)
            short.write_text(SELECT)
        (folder / "playbooks").mkdir()
        (folder / "playbooks" / "s.sql").write_text(SELECT)
        yield folder


def _texts(kind: str, longest: int) -> tuple[str, ...]:
    """The shipped files of a kind and the bad ones, as far as they are texts of a fit length."""
    shipped = [file.read_text() for file in sorted(ROOT.glob("playbooks/*.yml" if kind == "yml" else "sql/**/*.sql"))]
    bad = [
        content if isinstance(content, str) else content.decode("utf-8", "replace")
        for one in CORPUS
        for name, content in one.files
        if name.endswith(kind)
    ]
    good = (ROLES[0], ROLES[1], ROLES[4]) if kind == "yml" else (SELECT,)  # those that s.sql fits
    texts = [text.replace("TARGET", "duckdb:///never.duckdb") for text in (*shipped, *bad) if len(text) <= longest]
    return (*texts, *[text.replace("TARGET", "duckdb:///never.duckdb") for text in good] * (len(texts) // len(good)))


def _yaml_loader(folder: Path) -> Callable[[str, int], None]:
    path = folder / "playbooks" / "web.yml"

    def one(text: str, seed: int) -> None:
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        playbook = load(path, ENV, {"v": "[1"} if seed % 7 == 0 else {})
        engine = "postgres" if seed % 2 else "duckdb"
        load_program(playbook, engine, engine)

    return one


ROLES = (
    PLAYBOOK,
    PLAYBOOK.replace("    key: k\n", ""),
    PLAYBOOK + "    merge: {n: max}\n",
    PLAYBOOK.replace("  batch: etl_tstamp\n", "  batch: etl_tstamp\n  keys: [k]\n").replace("models:", "steps:").replace(
        "  - table: derived.s\n    sql: s.sql\n    key: k\n",
        "  - {name: a, phase: stage, queries: s.sql}\n  - {name: b, phase: publish, queries: s.sql}\n",
    ),
    "name: web\ntarget: TARGET\nqueries: s.sql\n",
)  # fmt: skip


def _sql_loader(folder: Path) -> Callable[[str, int], None]:
    playbooks: list[Playbook] = []
    for role in ROLES:
        path = folder / "playbooks" / "role.yml"
        path.write_text(role.replace("TARGET", "duckdb:///never.duckdb") + "variables: {v: abc, n: 7, l: [a, b]}\n")
        playbooks.append(load(path, {}))
    file = folder / "playbooks" / "s.sql"

    def one(text: str, seed: int) -> None:
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        engine = "postgres" if seed % 2 else "duckdb"
        load_program(playbooks[seed % len(playbooks)], engine, engine)

    return one


@dataclass(frozen=True)
class Answer:
    """How one input was answered: whether it could be loaded, what was wrong with the answer, its CPU time."""

    loaded: bool = False
    wrong: str = ""
    cpu_s: float = 0


@dataclass(frozen=True)
class Played:
    """What came of many inputs."""

    tally: Tally
    loaded: int


def attempt(one: Callable[[str, int], None], text: str, seed: int, hang_s: float = HANG_S) -> Answer:
    """Load one input, no longer than `hang_s` of CPU."""

    def hang(_number: int, _frame: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, hang)
    signal.setitimer(signal.ITIMER_PROF, hang_s)
    began, loaded, wrong = time.process_time(), False, ""
    try:
        one(text, seed)
        loaded = True
    except NoSteps:
        pass
    except BadInput as error:
        for problem in error.problems:
            if problem.place.path is None or not problem.what or not problem.hint or len(str(problem)) > 2_000:
                wrong = f"a problem without a place or a hint, or too long: {str(problem)[:500]!r}"
    except (Exception, Hang) as error:
        wrong = f"{type(error).__name__}: {str(error)[:300]}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    took = time.process_time() - began
    return Answer(loaded, wrong or (f"took {took:.1f} s of CPU" if took > SLOW_S else ""), took)


def play(kind: str, size: int, seed: int, longest: int = SMALL) -> Played:
    """Load `size` damaged files of a kind (`yml`, `sql`); the seed of each is `seed` and its number."""
    findings: list[Finding] = []
    texts = _texts(kind, longest)
    slowest, loaded, began = 0.0, 0, time.monotonic()
    with _folder() as folder:
        one = _yaml_loader(folder) if kind == "yml" else _sql_loader(folder)
        for number in range(seed, seed + size):
            text = Mutator(number, texts, YAML_BITS if kind == "yml" else SQL_BITS).text()
            answer = attempt(one, text, number)
            if answer.wrong:
                findings.append(Finding(number, answer.wrong, text))
            slowest, loaded = max(slowest, answer.cpu_s), loaded + answer.loaded
            if (done := number - seed + 1) % 10_000 == 0:
                said = f"check 16, {kind}: {done:,} of {size:,}, {len(findings)} found"
                print(said, f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    notes = tuple(str(finding) for finding in findings[:20])
    name = f"damaged {kind} files, slowest {slowest:.2f} s"
    tally = Tally(16, name, "loader", size, size, tracebacks=len(findings), seeds=f"{seed}+{size}", notes=notes)
    return Played(tally, loaded)


def soak(size: int = SIZE, seed: int = 0) -> list[Tally]:
    """Check 16: `size` damaged playbooks, as many SQL files (of any length), and the splitting of statements."""
    tallies = [play(kind, size, seed, longest=10_000).tally for kind in ("yml", "sql")]
    return [*tallies, *soak_splitting(min(size, 20_000), seed)]
