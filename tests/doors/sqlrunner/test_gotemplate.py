"""Go templates: the corpus that was verified with real Go, limits, broken templates, and on request real Go itself."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runner.doors.sqlrunner.files import templates
from runner.doors.sqlrunner.gotemplate import (
    CallError,
    Function,
    Parameter,
    TemplateError,
    Uint64,
    Value,
    parse,
    render,
)
from runner.doors.sqlrunner.gotemplate.execute import calls, statements
from runner.doors.sqlrunner.gotemplate.functions import printf, printing
from runner.doors.sqlrunner.gotemplate.syntax import nodes
from runner.errors import BadInput, Place
from tests.doors.sqlrunner.go.cases import GROUPS, cases
from tests.doors.sqlrunner.go.oracle import Answer, Asked, ask, build
from tests.doors.sqlrunner.go.random_cases import Maker
from tests.doors.sqlrunner.go.values import DATA, Group
from tests.doors.sqlrunner.test_template_functions import functions_at
from tests.kit.least import least_s

_RANDOM = 20_000  # templates made up for a comparison with real Go
_PLACE = re.compile(r'template: case:(\d+)(?::\d+)?: (?:executing ".*?" at <.*?>: )?', re.DOTALL)
# What differs on purpose: see the package's docstring.
_ON_PURPOSE = re.compile(r"type interface \{\}$|exceeded maximum template depth")


def _fail() -> str:
    raise CallError("it failed")


def _many(first: str, *rest: int) -> str:
    return f"{first}[{' '.join(map(str, rest))}]"


def _same(value: Value) -> Value:
    return value


def _functions(asked: Asked) -> Mapping[str, Function]:
    return {
        **functions_at(asked),
        "takeInt": Function(_same, (Parameter.INT,)),
        "takeFloat": Function(_same, (Parameter.FLOAT,)),
        "takeBool": Function(_same, (Parameter.BOOL,)),
        "takeAny": Function(_same, (Parameter.INTERFACE,)),
        "takeMany": Function(_many, (Parameter.STRING, Parameter.INT), variadic=True),
        "failing": Function(_fail),
    }


def _ours(asked: Asked) -> Answer:
    """What this implementation says, in Go's form."""
    try:
        out = parse(asked.text, "case", _functions(asked)).execute(asked.data, missing_is_error=asked.strict)
    except TemplateError as error:
        return Answer("", error.go_message)
    return Answer(out, "")


def _bad(text: str, data: Value = None, functions: Mapping[str, Function] | None = None) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        render(text, data, functions or {})
    return caught.value


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_as_go(group: Group) -> None:
    """Every case gives what Go gives: its output, or its error on its line."""
    for case in group.cases:
        answer = _ours(Asked(case.text, DATA))
        if not case.error:
            assert (answer.error, answer.out) == ("", case.expected), case.text
            continue
        found = _PLACE.match(answer.error)
        assert found, (case.text, answer)
        said = answer.error[found.end() :]
        # The type is left out of these: Go names the interface that a value was in, we the value's own type.
        said = said[: len(case.error)] if case.error.endswith(" in type") else said
        assert (int(found[1]), said) == (case.line, case.error), case.text


def test_corpus_is_large() -> None:
    """The corpus holds at least 250 cases, each template once in its group."""
    assert len(cases()) >= 250
    assert all(len({case.text for case in group.cases}) == len(group.cases) for group in GROUPS)


_SHAPES: tuple[tuple[str, str], ...] = (
    ("{{.schema}}", "scratch"),
    ("{{if .n}}{{else}}none{{end}}", ""),
    ("{{if eq (or .flag false) true}}yes{{end}}", "yes"),
    ("{{if eq .flag true}}yes{{else}}no{{end}}", "yes"),
    ('{{if eq .mode "trace"}}yes{{end}}', ""),
    ("{{or .null 6}}", "6"),
    ("{{or .n 6}}", "4"),
    ('{{if eq .mode "debug" "trace"}}yes{{end}}', "yes"),
    ("{{if ne (or .null false) true}}off{{end}}", "off"),
    ("{{range $i, $x := .list}}{{if $i}}, {{end}}'{{$x}}'{{end}}", "'web', 'mob'"),
    ("{{range $i, $x := .empty}}{{$x}}{{else}}all{{end}}", "all"),
    ('{{if eq .mode "trace"}}1{{else if eq .mode "debug"}}2{{end}}', "2"),
    ("{{if .flag}}on{{end}}", "on"),
    ("{{range $i, $x := .list}}{{if lt $i 1}}{{$x}}{{end}}{{end}}", "web"),
    ("{{.missing}}", "<no value>"),
)


@pytest.mark.parametrize(("text", "expected"), _SHAPES)
def test_shapes_of_real_playbooks(text: str, expected: str) -> None:
    """All that Snowplow's own playbooks write means what it means there."""
    data: Value = {
        "schema": "scratch",
        "flag": True,
        "mode": "debug",
        "n": Uint64(4),
        "null": None,
        "list": ["web", "mob"],
        "empty": [],
    }
    assert render(text, data, {}) == expected


def test_error_place() -> None:
    """An error names the file and the line of its text, counted from the line that the text begins on."""
    with pytest.raises(BadInput) as caught:
        templates.render("a\n{{if true}}\n{{.x.y}}\n{{end}}", {"x": "s"}, {}, Place(Path("q.sql"), 10))
    assert caught.value.problems[0].place == Place(Path("q.sql"), 12)
    with pytest.raises(BadInput) as caught:
        templates.parse("\n\n{{foo}}", {}, Place(Path("q.sql")))
    assert str(caught.value.problems[0].place) == "q.sql:3"
    assert _bad("\n\n{{foo}}").line == 3


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("{{if eq .stage_next true}}{{end}}", "error calling eq: incompatible types for comparison", "--var"),
        ("{{if .x}}", "unexpected EOF", "line 1 has no {{end}}"),
        ("{{foo}}", 'function "foo" not defined', ".foo"),
        ("{{range .list}}{{.name}}{{end}}", "can't evaluate field name in type string", "$.name"),
        ("{{printf .missing}}", "invalid value; expected string", "variables:"),
        ("{{lt .missing 3}}", "error calling lt: invalid type for comparison", "or .x 0"),
        ('{{template "other.sql"}}', 'template "other.sql" not defined', "cannot be included"),
        ("{{range $i := .list}}{{end}}{{$i}}", 'undefined variable "$i"', "{{$i := …}}"),
        ("{{.stage_next 1}}", "stage_next is not a method but has arguments", "not a function"),
    ],
)
def test_hints(text: str, what: str, hint: str) -> None:
    """An error begins with Go's words, and its hint says what to write."""
    problem = _bad(text, {"stage_next": "false", "list": ["a"]})
    assert problem.what.startswith(what)
    assert hint in problem.hint


def test_missing_key_as_error() -> None:
    """With missing_is_error a name that is not there is an error with its name, as in Go with missingkey=error."""
    template = parse("{{.x}}{{.typo}}", "q", {})
    assert template.execute({"x": "a"}) == "a<no value>"
    with pytest.raises(TemplateError, match='map has no entry for key "typo"'):
        template.execute({"x": "a"}, missing_is_error=True)


def test_tree() -> None:
    """The tree keeps comments, knows lines and offsets, and writes expressions as Go does."""
    text = 'a{{/* note */}}\n{{if eq .x "y" | not}}{{$z := (index .m 1).b}}{{end}}{{define "d"}}{{end}}'
    root = parse(text, "q", {}).root
    assert [type(node) for node in root] == [nodes.Text, nodes.Comment, nodes.Text, nodes.If, nodes.Define]
    comment, branch = root[1], root[3]
    assert isinstance(comment, nodes.Comment) and comment.text == "/* note */"
    assert isinstance(branch, nodes.If) and branch.line == 2
    assert str(branch.pipe) == 'eq .x "y" | not'
    action = branch.body[0]
    assert isinstance(action, nodes.Action)
    assert str(action.pipe) == "$z := (index .m 1).b"
    assert text[action.offset :].startswith("$z :=")


def test_templates_are_reusable() -> None:
    """A template can be executed many times, with other data, without remembering anything."""
    template = parse("{{$x := .a}}{{range .l}}{{$x = .}}{{end}}{{$x}}", "q", {})
    for _ in range(2):
        assert template.execute({"a": "1", "l": []}) == "1"
        assert template.execute({"a": "1", "l": ["2"]}) == "2"


_NEST = 3_000


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{{define "a"}}{{template "a"}}{{end}}{{template "a"}}', "exceeded maximum template depth"),
        ('{{define "a"}}{{template "a"}}{{template "a"}}{{end}}{{template "a"}}', "exceeded maximum template depth"),
        ("{{" + "(" * _NEST + "1" + ")" * _NEST + "}}", "nested too deeply"),
        ("{{if 1}}" * _NEST + "{{end}}" * _NEST, "nested too deeply"),
        ("{{if 0}}" + "{{else if 0}}" * _NEST + "{{end}}", "nested too deeply"),
        ("{{range 1000000000}}{{end}}", "steps"),
        ("{{range 100000}}{{range 100000}}{{end}}{{end}}", "steps"),
        ('{{range 10000}}{{printf "%1000d" 1}}{{end}}', "characters of output"),
        ('{{printf "' + "%1000000d" * 100 + '"' + " 1" * 100 + "}}", "more than"),
        ('{{$x := "abcdefgh"}}{{range 60}}{{$x = print $x $x}}{{end}}', "more than"),
        ("{{$x := .l}}{{range 1000000}}{{$y := print $x $x}}{{end}}", "more than"),
    ],
    ids=lambda value: value[:40],
)
def test_limits(text: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Templates that would run, nest or grow without end stop with an error (here: at a hundredth of what is allowed)."""
    for module, name in ((statements, "MAX_STEPS"), (calls, "MAX_WORK")):
        monkeypatch.setattr(module, name, getattr(module, name) // 100)
    for module in (printing, printf, statements):
        monkeypatch.setattr(module, "MAX_TEXT", 500_000)
    assert what in str(_bad(text, {"l": ["x" * 1000] * 100}))


def test_long_chain() -> None:
    """A chain of else ifs may be long: it is no nesting."""
    chain = "".join(f"{{{{else if eq .x {number}}}}}{number}" for number in range(300))
    assert render(f"{{{{if false}}}}{chain}{{{{end}}}}", {"x": Uint64(299)}, {}) == "299"


def test_data_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists that hold themselves, or each other many times over, cannot be printed, and say so."""
    for module in (printing, printf):
        monkeypatch.setattr(module, "MAX_TEXT", 500_000)
    itself: list[Any] = []
    itself.append(itself)
    assert "nested too deeply" in str(_bad("{{.}}", itself))
    doubled: list[Any] = ["x"]
    for _ in range(60):
        doubled = [doubled, doubled]
    for text in ("{{.}}", '{{printf "%v" .}}', "{{print .}}", "{{html .}}"):
        assert "more than" in str(_bad(text, doubled))


def test_values_of_other_types() -> None:
    """A Python object that stands for no Go value is an error, not a crash."""
    odd: Any = {"x": object(), "l": [object()]}
    for text in (
        "{{.x}}",
        "{{.l}}",
        '{{printf "%d" .x}}',
        "{{eq .x 1}}",
        "{{len .x}}",
        "{{range .x}}{{end}}",
        "{{print .l}}",
    ):
        assert "no value of a template" in str(_bad(text, odd)), text


def test_broken_templates_only_raise_template_errors() -> None:
    """Whatever a template looks like, it renders or is a TemplateError; so are all corpus texts with pieces cut, doubled, moved."""
    seed = int(os.environ.get("RUNNER_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"seed {seed}: repeat with RUNNER_TEST_SEED={seed}")
    maker, chance = Maker(seed), random.Random(seed)
    corpus = [Asked(case.text, DATA) for case in cases()]
    ends = time.monotonic() + 1
    while time.monotonic() < ends:
        asked = chance.choice(corpus) if chance.random() < 0.5 else maker.case()
        _ours(maker.broken(asked))


def test_speed() -> None:
    """A query of the usual size is parsed and rendered in a few milliseconds at most."""
    text = "select 1 -- {{.schema}}\n" * 30 + "{{if eq .mode `a`}}{{range .l}}'{{.}}'{{end}}{{end}}"
    assert least_s(lambda: render(text, {"schema": "s", "mode": "a", "l": ["x"]}, {}), 0.05) < 0.05


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that asks real Go."""
    go = os.environ.get("RUNNER_TEST_GO")
    if not go:
        pytest.skip("RUNNER_TEST_GO names no go binary")
    return build(go, tmp_path_factory.mktemp("judge"))


def _agree(theirs: Answer, ours: Answer) -> bool:
    """The same output, or the same error on the same line; the words between < and > may differ, as may the column."""
    if theirs == ours:
        return True
    if _ON_PURPOSE.search(theirs.error):
        return True
    places = _PLACE.match(theirs.error), _PLACE.match(ours.error)
    if not (places[0] and places[1]) or places[0][1] != places[1][1]:
        return False
    return theirs.error[places[0].end() :] == ours.error[places[1].end() :]


def test_agrees_with_go(judge: Path) -> None:
    """Real Go says the same of the corpus and of many random templates, formats and layouts."""
    seed = int(os.environ.get("RUNNER_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"seed {seed}: repeat with RUNNER_TEST_SEED={seed}")
    maker = Maker(seed)
    asked = [Asked(case.text, DATA) for case in cases()] + [maker.case() for _ in range(_RANDOM)]
    answers = zip(asked, ask(judge, asked), strict=True)
    wrong = [(one.text, theirs, ours) for one, theirs in answers if not _agree(theirs, ours := _ours(one))]
    assert not wrong, wrong[:3]
