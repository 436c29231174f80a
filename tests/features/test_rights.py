"""A role with the least rights on Postgres: it runs, it is told what is missing, and one that only looks may look."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from runner.warehouse.postgres import Postgres
from tests.engines.db import Db
from tests.engines.postgres import Server
from tests.kit.project import Project

_numbers = count(1)
AFTER = [{"name": "s", "phase": "stage", "queries": ["own.sql"]}]


class Roles:
    """A database of its administrator's, and a role without any right but those that everybody has."""

    def __init__(self, url: str, folder: Path, name: str) -> None:
        self.admin, self.name = Db(url), name
        self.admin.execute(f"create role {name} login")
        head, _, rest = url.partition("://")
        self.url = f"{head}://{name}@{rest.rpartition('@')[2]}"
        self.project = Project(url, folder)
        self.project.standard("sessions", "users")
        self.project.add(0, "s1 u1 1", "s1 u1 2", "s2 u2 3")

    def give(self, *rights: str) -> None:
        """GRANT … TO the role; what begins with CREATE or ALTER is sent as it is."""
        for right in rights:
            self.admin.execute(right if right.startswith(("create", "alter")) else f"grant {right} to {self.name}")

    def own(self, *schemas: str) -> None:
        """Schemas that are there and in which the role may make tables."""
        for schema in schemas:
            self.give(f"create schema {schema}", f"usage, create on schema {schema}")

    def drop(self) -> None:
        self.project.close()
        self.admin.execute(f"drop owned by {self.name} cascade; drop role {self.name}")
        self.admin.close()


@pytest.fixture
def roles(postgres_url: str, postgres_server: Server, tmp_path: Path) -> Iterator[Roles]:
    made = Roles(postgres_url, tmp_path / "project", f"least_{next(_numbers)}_{postgres_url.rpartition('_')[2]}")
    yield made
    made.drop()


def command(roles: Roles, *args: str, code: int = 0) -> str:
    """A command as the role."""
    return roles.project.command(*args, "--target", roles.url, code=code).text


@pytest.mark.parametrize("scratch", [None, "workshop"])
def test_a_role_with_the_least_rights(scratch: str | None, roles: Roles) -> None:
    """It reads the source and makes tables in schemas that are there; it may make no schema, and leaves no scratch."""
    roles.give("usage on schema atomic", "select on atomic.events")
    roles.own("runner", "derived", *filter(None, [scratch]))
    project = roles.project
    project.top |= {"scratch_schema": scratch} if scratch else {}
    steps = [{"name": "m", "models": list(project.models.values())}, *AFTER]
    project.sql(
        "own.sql",
        'create table {{ scratch }}.mine as select * from {{ events }}; create table {{ scratch }}."a b" as select 1 as n; drop table {{ scratch }}."a b"; select * from {{ scratch }}.mine',
    )
    project.top["steps"], models, project.models = steps, project.models, {}
    command(roles, "check", "--live")
    command(roles, "run")
    project.add(1, "s1 u1 5")
    assert "1 new" in command(roles, "plan")
    command(roles, "run")
    command(roles, "rewind", "--since", "2024-03-01")
    assert "2 rewound" in command(roles, "run")
    command(roles, "run", "--full-refresh")
    assert "2 batches" not in command(roles, "status")
    assert "every row compared equals" in command(roles, "verify")
    assert "published" in command(roles, "history")
    project.models = models
    project.check()
    left = f"select relname from pg_class where relname like 'r\\_%' or relname = 'mine' and relowner = '{roles.name}'::regrole"
    assert project.rows(left) == []


def test_what_is_missing_is_named_one_by_one(roles: Roles) -> None:
    """`check --live` gives the statements; each of them, and no more, is what it takes. A run says the same."""
    database = roles.admin.rows("select current_database()")[0][0]
    roles.admin.execute(f"revoke temporary on database {database} from public")
    for left in (5, 4, 3, 2, 1):
        grants = command(roles, "check", "--live", code=6).split("hint: ")[1].strip().split("; ")
        assert len(grants) == left
        if left == 5:
            assert grants[0] in command(roles, "plan", code=6)
        else:  # which may make no temporary tables, but a run makes none
            assert grants[0] in command(roles, "run", code=6)
        roles.admin.execute(grants[0])
    command(roles, "check", "--live")
    command(roles, "run")


def test_a_role_that_only_looks(roles: Roles) -> None:
    """USAGE and SELECT are enough for plan, status, history and verify; a run says what it would take."""
    roles.project.run()
    roles.project.add(1, "s1 u1 5")
    assert "grant usage on schema" in command(roles, "status", code=6)
    for schema in ("atomic", "runner", "derived"):
        roles.give(f"usage on schema {schema}", f"select on all tables in schema {schema}")
    assert "1 new" in command(roles, "plan")
    assert "1 new" in command(roles, "status")
    assert "published" in command(roles, "history")
    assert "every row compared equals" in command(roles, "verify")
    for args in (("run",), ("check", "--live"), ("rewind", "--since", "2024-03-01")):
        assert f'grant select, insert, update, delete on "runner"."manifest" to "{roles.name}"'.replace(
            "select, ", ""
        ) in command(roles, *args, code=6)
    assert roles.project.manifest() == {0: 3}


def test_a_live_session_of_another_role_is_alive(roles: Roles) -> None:
    """When it began, only its own role may see: a lease is not taken from it for that."""
    session = roles.admin.rows(
        "select pid::text || ' ' || backend_start::text from pg_stat_activity where pid = pg_backend_pid()"
    )[0][0]
    from runner.warehouse import connect
    from runner.warehouse.target import Target

    warehouse = connect(Target.parse(roles.url, Path()), "test")
    assert isinstance(warehouse, Postgres)
    assert warehouse.is_alive(session)
    assert not warehouse.is_alive("1 2024-03-01")
    warehouse.close()
