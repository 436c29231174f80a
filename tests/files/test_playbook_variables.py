"""Variables, targets and the environment in playbook files."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import BadInput, Place
from runner.playbook.values import Playbook
from runner.playbook.variables import for_engine
from runner.warehouse.engines import ENGINES
from runner.warehouse.target import SCHEMES
from tests.files.playbook_texts import read, script, table, top, variable


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("10", 10), ("-3", -3), ("0.5", 0.5), ("true", True), ("False", False), ("null", None), ("~", None),
        ("'10'", "10"), ("''", ""), ("text", "text"), ("2024-01-01", "2024-01-01"), ("12:30", "12:30"),
        ("2024-01-01 00:00:00", "2024-01-01 00:00:00"), ("'no'", "no"), ("[1, a, null]", (1, "a", None)), ("[]", ()),
        ("v1.10", "v1.10"), ("y", "y"), ("=", "="), ("${N}", 7), ("'${N}'", "7"), ("${ODD}", "no"), ("${ZERO}", "007"),
        ("${UNSET:-5}", 5), ("${EMPTY:-5}", 5), ("a${EMPTY}b", "ab"), ("$${N}", "${N}"), ("x${N}y${ODD}", "x7yno"),
        ("${UNSET:-}", ""),
    ],
)  # fmt: skip
def test_variables_are_typed_where_nothing_is_lost(tmp_path: Path, value: str, expected: object) -> None:
    """Numbers, booleans and null are read as such; dates, times and quoted values stay texts."""
    env = {"N": "7", "ODD": "no", "ZERO": "007", "EMPTY": ""}
    found = variable(tmp_path, value, env)
    assert (found, type(found)) == (expected, type(expected))


def test_the_environment_fills_every_value(tmp_path: Path) -> None:
    """${VAR} works in names, expressions, paths and targets, and its text never changes the shape of the file."""
    text = top("name: ${N}\ntarget: ${T}\nvariables: {a: '${J}'}").replace("derived.s", "'${S}.s'")
    env = {"N": "shop", "T": "duckdb:///a/b.duckdb", "S": "dev", "J": "x\nname: y"}
    playbook = read(tmp_path, text, env=env)
    assert (playbook.name, playbook.target.url) == ("shop", f"duckdb:///{tmp_path}/a/b.duckdb")
    assert (playbook.models[0].table, playbook.variables[0].value) == (table("dev.s"), "x\nname: y")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("duckdb:///web.duckdb", "duckdb:///{}/web.duckdb"),
        ("duckdb:///x/../web.duckdb?threads=1", "duckdb:///{}/web.duckdb?threads=1"),
        ("duckdb:////data/web.duckdb", "duckdb:////data/web.duckdb"),
        ("'duckdb:///:memory:'", "duckdb:///:memory:"),
        ("duckdb://", "duckdb://"),
        ("postgresql://u:${PW}@h:5432/d", "postgresql://u:hunter2@h:5432/d"),
        ("postgresql://h:5432/d?user=a@b", "postgresql://h:5432/d?user=a@b"),
        ("snowflake://u@acc/db/s?password=${PW}", "snowflake://u@acc/db/s?password=hunter2"),
    ],
)
def test_targets(tmp_path: Path, target: str, expected: str) -> None:
    """A relative DuckDB file lies beside the playbook; passwords come from the environment; the rest stays."""
    playbook = read(tmp_path, script(f"target: {target}"), env={"PW": "hunter2"})
    assert playbook.target.url == expected.format(tmp_path)


def test_a_target_option_wins_and_needs_no_environment(tmp_path: Path) -> None:
    """`--target` is taken but for its ${VAR}, from where the command is given; the playbook's own target is then not even filled in."""
    text = script("target: ${NOT_SET}")
    assert read(tmp_path, text, target="duckdb:///x.duckdb").target.url == f"duckdb:///{Path.cwd()}/x.duckdb"
    assert read(tmp_path, text, target="redshift://${H}/d", env={"H": "h"}).target.url == "redshift://h/d"
    with pytest.raises(BadInput, match="--target: the environment variable NOPE is not set"):
        read(tmp_path, text, target="${NOPE}")


def test_variables_in_a_duckdb_target(tmp_path: Path) -> None:
    """A folder and a parameter come from the environment as they are."""
    env = {"HERE": "/srv/a b", "TMP": "/tmp/c+d e"}
    target = "duckdb:///${HERE}/x.duckdb?temp_directory=${TMP}"
    of_file = read(tmp_path, script(f"target: {target}"), env=env)
    for playbook in (of_file, read(tmp_path, script(), env=env, target=target)):
        assert playbook.target.database == "/srv/a b/x.duckdb"
        assert playbook.target.query == (("temp_directory", "/tmp/c+d e"),)


VARIABLES = "variables: {i: 1, f: 0.5, s: a, b: true, n: null, l: [1, 2], t: [a], e: []}"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("i", "12", 12), ("f", "2", 2.0), ("f", "1e3", 1000.0), ("s", "12", "12"), ("s", "no", "no"), ("s", "", ""),
        ("b", "false", False), ("n", "5", 5), ("n", "no", "no"), ("n", "x", "x"), ("l", "3,4", (3, 4)),
        ("l", "[3, 4]", (3, 4)), ("l", "", ()), ("t", "1, b", ("1", "b")), ("t", "['a,b', c]", ("a,b", "c")),
        ("e", "1,x", (1, "x")),
    ],
)  # fmt: skip
def test_overrides_are_read_as_the_playbook_types_them(tmp_path: Path, name: str, text: str, expected: object) -> None:
    """`--var` gives a value of the type that the playbook's value has."""
    playbook = read(tmp_path, script(VARIABLES), overrides={name: text})
    value = {v.name: v.value for v in playbook.variables}[name]
    assert (value, type(value)) == (expected, type(expected))
    assert [v.name for v in playbook.variables] == list("ifsbnlte")


@pytest.mark.parametrize(
    ("name", "text", "line", "what"),
    [
        ("i", "1.5", 2, "--var i: the value must be a whole number, as in the playbook, not '1.5'"),
        ("f", "x", 2, "--var f: the value must be a number"),
        ("f", "1e999", 2, "--var f: the value must be a number"),
        ("b", "yes", 2, "--var b: the value must be true or false, as in the playbook, not 'yes'"),
        ("b", "True", 2, "must be true or false"),
        ("l", "1,x", 2, "--var l: the value must be a whole number"),
        ("t", "[a", 2, "--var t: the value must be a list"),
        ("t", "[[a]]", 2, "--var t: the value must be a flat list"),
        ("ii", "1", 0, "--var ii: the playbook has no variable 'ii'\n  hint: did you mean i?"),
    ],
)
def test_bad_overrides(tmp_path: Path, name: str, text: str, line: int, what: str) -> None:
    """A bad `--var` is reported where the playbook gives the type."""
    with pytest.raises(BadInput) as caught:
        read(tmp_path, script(VARIABLES), overrides={name: text})
    assert what in str(caught.value)
    assert [p.place.line for p in caught.value.problems] == [line]


BY_ENGINE = (
    "variables: {a: {default: x, redshift: y}, b: {duckdb: 1, snowflake: 0.5}, c: 7, l: {default: [1], redshift: []}}"
)


def at(playbook: Playbook, engine: str) -> dict[str, object]:
    """The variables as SQL for this engine is given them."""
    found = for_engine(playbook, engine)
    assert all(not one.by_engine for one in found.variables)
    return {one.name: one.value for one in found.variables}


def test_variables_by_engine(tmp_path: Path) -> None:
    """A value may be a mapping: the engine's own counts, else `default`; without either the engine is named."""
    playbook = read(tmp_path, script(BY_ENGINE + "\n#"))
    assert at(playbook, "duckdb") == {"a": "x", "b": 1, "c": 7, "l": (1,)}
    assert at(playbook, "snowflake") == {"a": "x", "b": 0.5, "c": 7, "l": (1,)}
    with pytest.raises(BadInput) as caught:
        for_engine(playbook, "redshift")
    (problem,) = caught.value.problems
    assert problem.place == Place(tmp_path / "web.yml", 2, problem.place.column)
    assert problem.what == "the variable 'b' has no value for redshift"
    assert problem.hint == "add redshift: or default: to it, or say --var b=…"
    assert {one.name: one.values for one in playbook.variables}["a"] == ("x", "y")


def test_overrides_of_variables_by_engine(tmp_path: Path) -> None:
    """`--var` is the value on every engine, and is read as the type that all of its values have."""
    overrides = {"a": "5", "b": "2", "l": "3,4"}
    playbook = read(tmp_path, script(BY_ENGINE), overrides=overrides)
    for engine in ENGINES:
        assert at(playbook, engine) == {"a": "5", "b": 2.0, "c": 7, "l": (3, 4)}
    with pytest.raises(BadInput, match="--var b: the value must be a number"):
        read(tmp_path, script(BY_ENGINE), overrides={"b": "x"})


def test_the_environment_fills_variables_by_engine(tmp_path: Path) -> None:
    """${VAR} works inside of the mapping, and files that give one variable must agree on all engines."""
    playbook = read(tmp_path, script("variables: {a: {default: '${N}', duckdb: b}}"), env={"N": "n"})
    assert (at(playbook, "postgres"), at(playbook, "duckdb")) == ({"a": "n"}, {"a": "b"})
    (tmp_path / "base.yml").write_text(script("variables: {a: {default: x, duckdb: c}}"))
    with pytest.raises(BadInput, match="the variable 'a' differs from the one at"):
        read(tmp_path, "include: base.yml\n" + script("variables: {a: {default: x, duckdb: b}}"))
    same = "include: base.yml\n" + script("variables: {a: {default: x, duckdb: c}}").replace("a.sql", "b.sql")
    assert at(read(tmp_path, same.replace("queries", "name: web\nqueries")), "duckdb") == {"a": "c"}


def test_every_engine_of_a_target_may_have_its_value() -> None:
    """The names of engines in variables are those that targets lead to."""
    assert set(SCHEMES.values()) <= set(ENGINES)
