"""A state that was lost, emptied or restored, any table of it: what commands say, and the way out."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from runner.state.whole import FOUND_AGAIN, shared_tables
from tests.kit.project import Project, Said, start

COMMANDS = [["plan"], ["status"], ["history"], ["verify"], ["check", "--live"], ["unlock"]]
COMMANDS += [["rewind", "--since", "2024-03-01", "--dry-run"]]
VERIFY = 9  # a manifest that lists too little is for verify to find, batch by batch
HOWS = ("dropped", "emptied", "restored")
WAY_OUT = re.compile(r"hint: (?:.*: )?runner run \S+web\.yml( --full-refresh)?(?: --model TABLE)?\n")


def lived_in(project: Project) -> None:
    """Two days of runs, the second after a copy of the state was made; models owe keys, and batches are pending."""
    project.standard("sessions", "users", "totals")
    project.source["dedupe"] = ["event_id"]
    project.db.execute("create table atomic.names (id varchar(40), name varchar(9))")
    text = "select e.domain_userid, max(n.name) as name from atomic.events e left join atomic.names n"
    project.model("named", f"{text} on n.id = e.domain_userid group by e.domain_userid", key="domain_userid")
    project.add(0, "s1 u1 1", "s2 u1 3", "s8 u8 3")
    project.run()
    project.add(1, "s3 u2 60")
    project.run("--model", "totals", "--run-id", "yesterday")
    project.db.execute("create schema yesterday")
    for table in tables(project):
        project.db.execute(f'create table yesterday."{table}" as select * from runner."{table}"')
    project.add(2, "s1 u1 90", "s4 u3 91")
    project.db.execute("insert into atomic.names values ('u2', 'x')")
    project.run("--run-id", "today")
    project.add(3, "s2 u1 92")
    project.run("--model", "totals", "--run-id", "later")  # the others owe keys
    project.add(4, "s5 u4 93")
    project.db.execute("delete from atomic.events where domain_sessionid = 's8'")
    project.close()


def tables(project: Project) -> list[str]:
    """The state's."""
    found = project.db.rows("select table_name from information_schema.tables where table_schema = 'runner'")
    return sorted(str(name) for (name,) in found)


def damage(project: Project, names: Sequence[str], how: str) -> None:
    """Drop or empty tables of the state, or give them back what they were yesterday."""
    there = project.db.rows("select table_name from information_schema.tables where table_schema = 'yesterday'")
    for name in names:
        if how == "emptied":
            project.db.execute(f'delete from runner."{name}"')
            continue
        project.db.execute(f'drop table runner."{name}"')
        if how == "restored" and (name,) in there:
            project.db.execute(f'create table runner."{name}" as select * from yesterday."{name}"')


def kind(name: str) -> str:
    """A table's name without what is another in every project."""
    return re.sub(r"^(keys|dirty|state)_.*", r"\1", name)


def says(said: Said, where: str) -> None:
    """Nothing is an internal error, and what is refused names a way out."""
    assert "Traceback" not in said.text, where
    assert "internal" not in said.text, where
    assert said.code in (0, 6, *([VERIFY] if "verify" in where else [])), f"{where}: {said.text}"
    assert said.code == 0 or WAY_OUT.search(said.err) or "--adopt" in said.err, f"{where}: {said.err}"


def mended(project: Project, where: str) -> None:
    """By --full-refresh, unless the state does not know any more whose the tables are; and then nothing is built again."""
    if project.ask("run", "--full-refresh").code:
        project.run("--full-refresh", *(word for name in project.models for word in ("--adopt", f"derived.{name}")))
    project.check()
    assert "nothing to do" in project.run().out, where
    found = project.one("select max(version) from runner.runs where run_id not in ('yesterday', 'today', 'later')")
    assert found > (project.one("select max(version) from runner.runs where run_id = 'later'") or 0), where


def walked(project: Project, names: Sequence[str], how: str, command: list[str], *, mend: bool) -> None:
    """A command, then a run, and what it asks for."""
    where = f"{' '.join(names)[:60]} {how}"
    says(project.ask(*command), f"{where}: {command}")
    said = project.ask("run")
    says(said, f"{where}: run")
    if said.code == 0:  # what is found again by itself is, and once
        project.check()
        assert "in full" not in project.run().out, where
    if names[1:] or kind(names[0]) not in {*FOUND_AGAIN, "dirty", "keys"}:
        assert said.code == 6, where
    if mend:
        mended(project, where)
        assert project.command("verify").code == 0


def test_every_table_of_the_state(duckdb_url: str, tmp_path: Path) -> None:
    """Each table, and all: dropped, emptied, restored. Commands take turns to tell what they find; what they tell to do helps."""
    with closing(Project(duckdb_url, tmp_path / "project")) as project:
        lived_in(project)
        names = tables(project)
        assert {kind(name) for name in names} == {*shared_tables(), "keys", "dirty", "state"}
        project.close()
        path = tmp_path / "warehouse.duckdb"
        shutil.copy(path, start := tmp_path / "start")
        once = {kind(name): [name] for name in names}
        cases = [(chosen, how) for chosen in (*once.values(), names) for how in HOWS]
        for number, (chosen, how) in enumerate(cases):
            shutil.copy(start, path)
            damage(project, chosen, how)
            walked(project, chosen, how, COMMANDS[number % len(COMMANDS)], mend=number % 7 == 0)
            project.close()


@pytest.mark.parametrize("how", ["dropped", "restored"])
def test_a_sample_on_postgres(postgres_url: str, tmp_path: Path, how: str) -> None:
    """An index of a key in the middle of a snapshot, the lease, the fence: whatever comes first, it is told the same way."""
    with closing(Project(postgres_url, tmp_path / "project")) as project:
        lived_in(project)
        names = [name for name in tables(project) if kind(name) in {"keys", "dirty", "lease", "run_models"}]
        damage(project, names, how)
        said = project.ask("plan")
        says(said, how)
        assert ("gone" in said.err) == (how == "dropped")
        mended(project, how)
        (fence,) = (name for name in tables(project) if kind(name) == "state")
        damage(project, [fence], how)
        says(project.run(code=6), how)
        mended(project, how)


def test_a_fence_that_another_runner_is_just_making(postgres_url: str, tmp_path: Path) -> None:
    """What is not there at one look and is there at the next was never lost: nothing has to be mended."""
    with closing(Project(postgres_url, tmp_path / "project")) as project:
        start(project, "sessions")
        project.add(2, "s1 u1 9")
        project.db.execute(f"alter table {project.fence} rename to aside")

        def make(when: str, label: str, sql: str) -> None:
            if (when, label) == ("after", "state:past-read"):
                project.watch = None
                project.db.execute(f"alter table runner.aside rename to {project.fence.removeprefix('runner.')}")

        seen = project.watch = make
        project.checked()
        assert project.watch is not seen
