"""Hostile values of variables, and what becomes of them: `{{ v | lit }}` keeps them exactly, or the command refuses them.

Two hundred values at a time go through one run. What was sent to the warehouse is held against a run with harmless values:
the same statements, under the same labels; and the tables that the values would drop or make are looked for.
"""

from __future__ import annotations

import random
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.engines import postgres
from tests.kit.project import Project
from tests.kit.tally import Tally

SIZE = 10_000  # values, in the soak, on each engine
BATCH = 200
STRIKE = "drop table atomic.canary"
# What no text can hold that goes to a warehouse: control characters, bidi controls, half characters, and backslashes.
REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\\\\]")

_ENDS = (
    "'",
    "''",
    "'''",
    '"',
    "$$",
    "$a$",
    "\\",
    "\\'",
    "')",
    "'))",
    "\u2019",
    "\u02bc",
    "\uff07",
    "E'",
    "*/",
    "--",
    "\n",
    "\r\n",
    "\r",
    "",
)
_TAILS = (
    f"; {STRIKE}; --",
    f"); {STRIKE}; /*",
    f" union select * from (select 1) q; {STRIKE} --",
    " or 1=1 --",
    f";{STRIKE};'",
)
ODD = (
    "", " ", "'", "''", "\\", "\\\\", "'\\''", '"', "$$", "$a$;$a$", ";", "--", "/*", "*/", "/* /*", "{{ v1 }}", "{% for i in v1 %}", "{# x #}",
    "{{", "}}", "{{ ''.__class__ }}", "${HOME}", "$${X}", "%s", "%(x)s", "%%", ":v", "?", "$1", "@x", "#", "`", "null", "NULL", "true", "0123",
    "1e5", "-1", "12:30", "2024-01-01", "no", "~", "a\0b", "\0", "a\tb", "a\nb", "a\r\nb", "a\rb", "\n", "\x1b[2J", "\x7f", "\x85", "\u00a0",
    "\u00ad", "\u200b", "\u200d", "\u202e", "\u2028", "\ufeff", "\ufffd", "\uffff", "e\u0301", "é", "ﬁ", "\U0001f600", "\U0001f468\u200d\U0001f469",
    "\u0430\u0441", "İ", "ß", "\u2018a\u2019", "\u201ca\u201d", "\uff07; --", "＇", "x" * 10_000, "'" * 2_001, "\udcff", "\\x41", "\\u0041", "\\'; --",
    "E'\\''", "U&'\\0027'", "x'27'", "||chr(39)||", "' || (select 1) || '", "a' 'b", "a'\n'b", "COPY x FROM PROGRAM 'id'", "~", "!", "-", "- a",
    "a: b", "[a, b]", "{a: b}", "&a", "*a", "!!python/none", "|", ">", "%YAML", "---", "...", "runner_scratch_check", "../../etc/passwd",
)  # fmt: skip


def hostile(size: int = BATCH, seed: int = 0) -> list[str]:
    """Values, no two alike: the odd ones, every way of ending a literal with every strike behind it, then random ones."""
    dice = random.Random(seed)
    found = dict.fromkeys((*ODD, *(end + tail for end in _ENDS for tail in _TAILS)) if seed == 0 else ())
    pieces = (*_ENDS, *_TAILS, *(one for one in ODD if len(one) < 100))
    while len(found) < size:
        found["".join(dice.choice(pieces) for _ in range(dice.randint(1, 6)))] = None
    return list(found)[:size] if seed else list(found)[: max(size, BATCH)]


class _Quoted(str):
    """A text that YAML has in quotes, whatever it looks like."""


yaml.SafeDumper.add_representer(
    _Quoted, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)


def quoted(value: str) -> str:
    """A value as a careful author writes it into a playbook: in quotes, and `$${` for `${`."""
    return _Quoted(value.replace("${", "$${"))


@dataclass
class Stage:
    """A project with one model that keeps the values of its variables, and a table that they would like to drop."""

    project: Project
    log: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.project.add(0, "s1 u1 1")
        self.project.db.execute("create table atomic.canary (x integer)")
        self.project.watch = self._watch

    def _watch(self, when: str, label: str, sql: str) -> None:
        if when == "before":
            self.log.append((label, sql))

    def keep(self, values: list[str], *, by_yaml: bool, expression: str = "{{ v# | lit }}") -> list[str]:
        """Run with these values; what the warehouse has of them, in order."""
        names = [f"v{n}" for n in range(len(values))]
        rows = ",\n".join(f"({n}, {expression.replace('#', str(n))})" for n in range(len(values)))
        count = "select count(*) from atomic.events"
        self.project.model("kept", f"select n, v from (values\n{rows}\n) t (n, v) where ({count}) > 0")
        self.project.top["variables"] = {n: quoted(v) if by_yaml else "" for n, v in zip(names, values, strict=True)}
        given = [] if by_yaml else [w for n, v in zip(names, values, strict=True) for w in ("--var", f"{n}={v}")]
        self.log.clear()
        self.project.run("--full-refresh", *given)
        return [value for _, value in sorted(self.project.db.rows("select n, v from derived.kept"))]

    def refused(self, value: str, *, by_yaml: bool) -> bool:
        """Whether `check` ends with exit 2 for one value."""
        self.project.model("kept", "select {{ v0 | lit }} as v from atomic.events")
        self.project.top["variables"] = {"v0": quoted(value) if by_yaml else ""}
        said = self.project.command("check", *([] if by_yaml else ["--var", f"v0={value}"]), code=2)
        return "hint:" in said.text and "Traceback" not in said.text

    def unharmed(self) -> bool:
        """Whether the canary is there."""
        return self.project.db.has_table("atomic.canary")


def differences(stage: Stage, values: list[str], *, by_yaml: bool) -> list[str]:
    """Keep what can be kept, check that the rest is refused; what went wrong."""
    fit = [value for value in values if not REFUSED.search(value)]
    for _ in range(2):  # the first run makes the runner's own tables, too
        stage.keep(["harmless"] * len(fit), by_yaml=by_yaml)
    labels = [label for label, _ in stage.log]
    kept = stage.keep(fit, by_yaml=by_yaml)
    wrong = [f"{one!r} came back as {other!r}" for one, other in zip(fit, kept, strict=True) if one != other]
    if [label for label, _ in stage.log] != labels:
        wrong.append(f"other statements: {[label for label, _ in stage.log]}, not {labels}")
    wrong += [f"{value!r} was not refused well" for value in values
              if REFUSED.search(value) and not stage.refused(value, by_yaml=by_yaml)]  # fmt: skip
    return wrong if stage.unharmed() else [*wrong, "the canary is gone"]


def _tally(url: str, folder: Path, size: int, seed: int) -> Tally:
    project = Project(url, folder)
    stage = Stage(project)
    notes: list[str] = []
    for start in range(0, size, BATCH):
        values = [v for v in hostile(min(BATCH, size - start), seed + 1 + start) if not REFUSED.search(v)]
        try:
            notes += differences(stage, values, by_yaml=bool(start // BATCH % 2))
        except AssertionError as error:
            notes.append(f"seed {seed + 1 + start}: {str(error)[:500]}")
    project.close()
    seeds = f"{seed}+{size}"
    return Tally(
        18,
        "hostile values",
        project.db.engine,
        size,
        size,
        wrong_reports=len(notes),
        seeds=seeds,
        notes=tuple(notes[:20]),
    )


def soak(size: int = SIZE, seed: int = 0) -> list[Tally]:
    """Check 18: random hostile values as literals, on both engines."""
    with tempfile.TemporaryDirectory(prefix="runner-values-") as name:
        duck = _tally(f"duckdb:///{name}/values.duckdb", Path(name, "duckdb"), size, seed)
        with postgres.server() as server, postgres.database(server, "runner_values") as url:
            return [duck, _tally(url, Path(name, "postgres"), size, seed)]
