"""Playbook files that are refused: with which file, line and words."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
import yaml

from runner.errors import BadInput, Exit, NoSteps
from runner.playbook.load import load
from tests.files.playbook_problems import ENVIRONMENT, KEYS, MODELS, STEPS, VALUES, YAML, YAML_WITHOUT_C
from tests.files.playbook_texts import EXAMPLE, model, read


@pytest.mark.parametrize(("text", "problems"), YAML + KEYS + VALUES + MODELS + STEPS + ENVIRONMENT)
def test_all_problems_with_line_and_hint(
    tmp_path: Path, text: str | bytes, problems: list[tuple[int, str, str]]
) -> None:
    """A wrong playbook gives exactly the problems that it has: file, line, words, hint; and no secret in any."""
    env = {"SECRET": "hunter2"}
    if not problems:
        read(tmp_path, text, env=env)
        return
    with pytest.raises(BadInput) as caught:
        read(tmp_path, text, env=env)
    found = caught.value.problems
    assert [p.place.line for p in found] == [line for line, _, _ in problems], str(caught.value)
    for problem, (_, what, hint) in zip(found, problems, strict=True):
        assert problem.place.path == tmp_path / "web.yml"
        assert what in problem.what, str(problem)
        assert hint in problem.hint, str(problem)
    assert "hunter2" not in str(caught.value)
    assert caught.value.exit_code == Exit.USAGE


@pytest.mark.parametrize(("text", "problems"), YAML_WITHOUT_C)
def test_the_parser_without_libyaml_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | bytes, problems: list[tuple[int, str, str]]
) -> None:
    """Where PyYAML was built without libyaml, the same files are refused, at the same lines, in the same words."""
    monkeypatch.setattr("runner.files.yaml._Loader", yaml.SafeLoader)
    test_all_problems_with_line_and_hint(tmp_path, text, problems)


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    """One run of `check` names everything that is wrong, in the order of the file."""
    text = "name: 1\nnmae: x\nsource: {table: a b, batch: }\nmodels:\n  - {table: d.s, unique_key: x, sql: ../s.sql}\n"
    with pytest.raises(BadInput) as caught:
        read(tmp_path, text)
    assert [p.place.line for p in caught.value.problems] == [1, 2, 3, 3, 5, 5]


def test_a_message_reads_as_a_line_and_a_hint(tmp_path: Path) -> None:
    """Messages are *where: what*, then the hint."""
    with pytest.raises(BadInput) as caught:
        read(tmp_path, model("unique_key: id"))
    assert str(caught.value) == (
        f"{tmp_path}/web.yml:5: unknown key 'unique_key' in a model\n"
        "  hint: write key: (the columns whose groups are recomputed) or unique: (checked before publish)"
    )


@pytest.mark.parametrize("text", ["name: web\n", "steps: []\n", "models: []\n", "include: []\n"])
def test_no_steps_is_its_own_exit_code(tmp_path: Path, text: str) -> None:
    """A playbook without steps and models is exit 8, as SQL Runner's operators know it."""
    with pytest.raises(NoSteps) as caught:
        read(tmp_path, text)
    assert caught.value.exit_code == 8


@pytest.mark.parametrize(
    ("name", "what"), [("nope.yml", "no such file"), ("", "not a regular file"), ("a\0b", "no such file")]
)
def test_a_file_that_is_none(tmp_path: Path, name: str, what: str) -> None:
    """A missing file, a folder or a device is a problem of the whole file."""
    with pytest.raises(BadInput, match=what):
        load(tmp_path / name, {})
    with pytest.raises(BadInput, match="not a regular file"):
        load(Path("/dev/zero"), {})


SEED = 20_240_229
BITS = [
    "{", "}", "[", "]", ": ", ", ", "\n", "\n  ", "\t", "'", '"', "#", " #", "- ", "&a ", "*a", "!x ", "${", "${X}", "$${",
    "{{ x }}", "|\n", ">-\n", "<<: ", "~", "no", "12:30", "0123", "1.10", "2024-01-01", "\0", "\u202e", "\ufeff", "e\u0301",
    "\u2028", "key", "merge: {a: first(x by y)}", "include: [web.yml]", "---\n", "...\n", "%YAML 1.2\n", "? ", "\\", '"\\ud800"',
    "(", ")", "by", ",", "9" * 400, "[" * 60, "\U0001f600", "\r", "=", "null", "first(x by", "steps:", "-", ":",
]  # fmt: skip


def mutated(dice: random.Random, text: str) -> str:
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(text) + 1)
        to = min(len(text), at + dice.choice((0, 1, 1, 3, 10, 60)))
        piece = dice.choice(
            (dice.choice(BITS), "", text[at:to] * 2, text[(start := dice.randrange(len(text) + 1)) : start + 30])
        )
        text = text[:at] + piece + text[to:]
    return text


def test_no_input_is_answered_by_a_traceback(tmp_path: Path) -> None:
    """Whatever the file holds, the answer is a Playbook, BadInput or NoSteps."""
    dice, start = random.Random(SEED), time.monotonic()
    rich = EXAMPLE + 'variables: {l: [1, "a"]}\n' + "statement_timeout_s: 5\n"
    outcomes = {"Playbook": 0, "BadInput": 0, "NoSteps": 0}
    for number in range(2_000):
        text = mutated(dice, dice.choice((EXAMPLE, rich, model("key: id\nmerge: {a: 'first(x by y, z)'}"))))
        try:
            result: object = read(
                tmp_path, text.encode("utf-8", "surrogatepass"), env={"X": "x1"}, overrides={"l": "[1"}
            )
        except (BadInput, NoSteps) as error:
            result = error
            assert str(error)
        except Exception as error:
            pytest.fail(f"seed {SEED}, input {number}: {error!r}\n{text}")
        outcomes[type(result).__name__] += 1
    print(f"seed {SEED}: {outcomes} in {time.monotonic() - start:.1f} s")
    assert outcomes["BadInput"] > 100
