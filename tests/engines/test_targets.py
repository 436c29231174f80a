"""Connecting to Redshift and Snowflake as their users do: TLS, passwords, keys, roles, and what the driver is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from runner.errors import CannotConnect
from runner.warehouse.engines import REDSHIFT, SNOWFLAKE
from runner.warehouse.values import WarehouseError
from tests.engines import postgres, redshift, snowflake
from tests.engines.db import Db
from tests.engines.shim.certificates import DRIVERS_TLS, certificate
from tests.kit.project import Project, start
from tests.kit.sessions import session

PASSPHRASE = "correct horse"


@pytest.fixture
def account(snowflake_server: snowflake.Server) -> Iterator[snowflake.Server]:
    """The emulator, with a database of the test's own."""
    with snowflake.database(snowflake_server, "targets"):
        yield snowflake_server


def project_at(url: str, folder: Path) -> Project:
    """A project that has run there once."""
    made = Project(url, folder)
    start(made, "sessions")
    return made


# -- all of them --------------------------------------------------------------------------------------------------------


def test_iam_and_single_sign_on_reach_the_driver() -> None:
    """What the runner does not know is the driver's: its own answer is shown, before anything is sent."""
    with pytest.raises(CannotConnect, match="region"):
        session("redshift://u@h/db?iam=true&db_user=x")
    with pytest.raises(CannotConnect, match=r"(?i)authenticator|oauth|token"):
        session("snowflake://u@a/d/s?authenticator=oauth")


def test_a_password_is_not_written_into_a_playbook(redshift_url: str, tmp_path: Path) -> None:
    """A literal password in a target is refused with file:line, for these engines too."""
    project = Project(redshift_url, tmp_path)
    project.url = "redshift://u:hunter22@127.0.0.1:1/x"
    said = project.command("check", code=2).err
    assert "literal password" in said
    assert "hunter22" not in said
    project.close()


def test_scratch_is_swept_by_playbook(redshift_url: str, postgres_url: str, snowflake_url: str) -> None:
    """All that its dead runs left, however long their ids; another playbook whose name begins alike keeps its own."""
    for url in (postgres_url, redshift_url, snowflake_url):
        warehouse = session(url)
        try:
            long = warehouse.open_scratch("web", "manual__2024-03-01T12:34:56.123456+00:00" + "x" * 40)
            other = warehouse.open_scratch("web_b", "01j9")
            warehouse.sweep_scratch("web")
            warehouse.execute("t", f"create table {other}.t (n integer)")
            with pytest.raises(WarehouseError):
                warehouse.execute("t", f"create table {long}.t (n integer)")
            warehouse.sweep_scratch("web_b")
        finally:
            warehouse.close()


def test_a_signal_while_a_lost_session_is_replaced(postgres_url: str) -> None:
    """The session that was to be the second one is closed, and does not wait for the process to end."""
    warehouse = session(postgres_url, "runner lost")

    def stop(when: str, label: str, sql: str) -> None:
        if label == "lease:end":
            raise KeyboardInterrupt

    warehouse.watch = stop
    with pytest.raises(KeyboardInterrupt):
        warehouse.reopened()
    sql = "select count(*) from pg_stat_activity where application_name = 'runner lost'"
    until = time.monotonic() + 10
    while warehouse.execute("t", sql).one() != (1,) and time.monotonic() < until:
        time.sleep(0.02)
    assert warehouse.execute("t", sql).one() == (1,)
    warehouse.close()


# -- Redshift ------------------------------------------------------------------------------------------------------------


@DRIVERS_TLS
def test_redshift_verifies_the_certificate(
    postgres_server: postgres.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default TLS is on, and the certificate and its name are verified."""
    pair = certificate(tmp_path, "localhost")
    with (
        redshift.server(postgres_server, tls=pair) as shim,
        redshift.database(shim, "runner_tls") as url,
    ):
        plain = url.partition("?")[0]
        with pytest.raises(CannotConnect, match=r"(?i)certificate"):
            session(plain)
        monkeypatch.setenv("SSL_CERT_FILE", str(pair[0]))
        with pytest.raises(CannotConnect, match=r"(?i)certificate"):
            session(plain)  # it is for localhost
        session(plain.replace("127.0.0.1", "localhost")).close()
        session(f"{plain}?sslmode=verify-ca").close()


def test_redshift_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 5 without a traceback; a refused connection is worth another try."""
    with pytest.raises(CannotConnect, match=r"cannot connect to redshift://u@127.0.0.1:1/x") as caught:
        session("redshift://u@127.0.0.1:1/x?ssl=false")
    assert caught.value.passing


def test_redshift_is_told_who_we_are(redshift_url: str) -> None:
    """The session's application name is the run's, as `pg_stat_activity` shows it."""
    warehouse = session(redshift_url, "runner web 01J9")
    try:
        sql = "select application_name from pg_stat_activity where pid = pg_backend_pid()"
        assert warehouse.execute("t", sql).rows == [("runner web 01J9",)]
    finally:
        warehouse.close()


def test_redshift_runs_a_transaction_again_after_1023(
    redshift_url: str, redshift_server: redshift.Shim, tmp_path: Path
) -> None:
    """A serializable isolation violation anywhere in the publish: the whole transaction is run again."""
    project = project_at(redshift_url, tmp_path)
    for place, pattern in enumerate((r"^lock ", r"^delete from .*derived", r"insert into .*\.runs", "^commit$")):
        project.add(2 + place, f"s{place} u1 9")
        redshift_server.fail(pattern, "1023 DETAIL: Serializable isolation violation on table - 7")
        project.checked()
    project.close()


def test_redshift_locks_the_fence_first(redshift_url: str, tmp_path: Path) -> None:
    """Whatever raises the version begins with LOCK: a snapshot is taken at the first statement after it, and one from
    before the wait for another run would end in a violation.
    """
    project = project_at(redshift_url, tmp_path)
    sent: list[tuple[str, str]] = []
    project.watch = lambda when, label, sql: sent.append((label, sql)) if when == "before" else None
    project.add(2, "s9 u1 9")
    project.checked()
    project.command("rewind", "--since", "2024-03-01")
    project.command("unlock")
    texts = [sql for _, sql in sent]
    for begin in ("lease:begin", "publish:begin", "rewind:begin", "unlock:begin"):
        at = [label for label, _ in sent].index(begin)
        assert [sql.split()[0] for sql in texts[at + 1 : at + 3]] == ["set", "lock"], begin
        assert project.fence.split(".")[1] in texts[at + 2]
    project.close()


def test_redshift_gives_up_after_five_conflicts(
    redshift_url: str, redshift_server: redshift.Shim, tmp_path: Path
) -> None:
    """Exit 3, nothing published; the next run does it."""
    project = project_at(redshift_url, tmp_path)
    project.add(2, "s9 u1 9")
    redshift_server.fail(r"insert into .*\.runs", "1023 DETAIL: Serializable isolation violation", times=5)
    assert "nothing was published" in project.run(code=3).err
    redshift_server.forget()
    project.checked()
    project.close()


def test_redshift_lays_tables_out_as_the_model_says(
    redshift_url: str, redshift_server: redshift.Shim, tmp_path: Path
) -> None:
    """DISTKEY and SORTKEY stand at the derived table and, so that no row has to move, at its scratch table."""
    project = Project(redshift_url, tmp_path)
    project.standard("sessions")
    project.model("sessions", redshift={"distkey": "domain_sessionid", "sortkey": ["start_tstamp"]})
    project.model("sessions", snowflake={"cluster_by": ["start_tstamp"], "transient": True})
    project.add(0, "s1 u1 1")
    redshift_server.forget()
    project.checked()
    made = [text for text in redshift_server.seen if 'distkey ("domain_sessionid") sortkey ("start_tstamp")' in text]
    assert any('create table "derived"."sessions"' in text for text in made)
    assert any(".new_0 backup no" in text for text in made)
    project.close()


def test_a_script_is_one_transaction_on_redshift(redshift_url: str, tmp_path: Path) -> None:
    """The driver takes one statement at a time; a script of several is done whole or not at all."""
    project = Project(redshift_url, tmp_path)
    project.source = {}
    project.db.execute("create table t (n integer)")
    project.sql("a.sql", "insert into t values (1); insert into nowhere values (2);")
    project.top["steps"] = [{"name": "a", "queries": ["a.sql"]}]
    project.run(code=6)
    assert project.rows("select * from t") == []
    project.sql("a.sql", "insert into t values (1); -- a ; in a comment\ninsert into t values (length('a;b'));")
    project.run()
    assert project.rows("select * from t") == [(1,), (3,)]
    project.sql("a.sql", "begin; delete from t; commit; insert into nowhere values (2)")
    project.run(code=6)
    assert project.rows("select * from t") == []
    project.close()


# -- Snowflake -----------------------------------------------------------------------------------------------------------


def key_pair(folder: Path, passphrase: str = "") -> tuple[Path, str]:
    """A private key in a file, encrypted if there is a passphrase, and the public one as PEM."""
    key = rsa.generate_private_key(65537, 2048)
    how = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    path = folder / "key.p8"
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how))
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return path, public.decode()


@pytest.mark.parametrize("passphrase", ["", PASSPHRASE], ids=["plain", "encrypted"])
def test_snowflake_with_a_key_pair(account: snowflake.Server, tmp_path: Path, passphrase: str) -> None:
    """The driver signs with the key of the URL, encrypted or not; the server checks the signature."""
    path, public = key_pair(tmp_path, passphrase)
    account.control("public_key", pem=public)
    given = {"authenticator": "SNOWFLAKE_JWT", "private_key_file": str(path)}
    url = account.url("targets", **given, **({"private_key_password": PASSPHRASE} if passphrase else {}))
    url = url.replace(":${RUNNER_TEST_SNOWFLAKE_PASSWORD}", "")
    session(url).close()
    path, _ = key_pair(tmp_path, passphrase)
    with pytest.raises(CannotConnect, match=r"(?i)jwt") as caught:
        session(url)
    assert PASSPHRASE not in str(caught.value)


def test_snowflake_refuses_a_wrong_password(account: snowflake.Server) -> None:
    """Exit 5, and nothing is tried again."""
    with pytest.raises(CannotConnect, match=r"(?i)password") as caught:
        session(account.url("targets").replace("${RUNNER_TEST_SNOWFLAKE_PASSWORD}", "wrong"))
    assert not caught.value.passing
    assert ":wrong@" not in str(caught.value)


def test_snowflake_is_told_who_we_are(account: snowflake.Server) -> None:
    """Role, warehouse and schema of the URL; the run as query tag; time in UTC, and locks that are not waited for long."""
    url = account.url("targets", role="ANALYST", warehouse="NIGHT").replace("${RUNNER_TEST_SNOWFLAKE_PASSWORD}", "none")
    warehouse = session(url, "runner web 01J9")
    try:
        found = next(s for s in account.control("sessions") if s["query_tag"] == "runner web 01J9")
    finally:
        warehouse.close()
    assert (found["role"], found["warehouse"], found["schema"]) == ("ANALYST", "NIGHT", "PUBLIC")
    assert found["application"] == "runner"
    kept = {name: found["parameters"][name] for name in ("TIMEZONE", "LOCK_TIMEOUT", "TRANSACTION_ABORT_ON_ERROR")}
    assert kept == {"TIMEZONE": "UTC", "LOCK_TIMEOUT": "60", "TRANSACTION_ABORT_ON_ERROR": "true"}


def test_snowflake_needs_a_database(account: snowflake.Server) -> None:
    """A URL that names none is told how one looks."""
    with pytest.raises(CannotConnect) as caught:
        session(account.url("nowhere").replace("${RUNNER_TEST_SNOWFLAKE_PASSWORD}", "none"))
    assert "DATABASE" in str(caught.value) or "nowhere" in str(caught.value).lower()


def test_snowflake_lays_tables_out_as_the_model_says(
    account: snowflake.Server, snowflake_url: str, tmp_path: Path
) -> None:
    """CLUSTER BY and TRANSIENT at the derived table; scratch is transient in any case."""
    project = Project(snowflake_url, tmp_path)
    project.standard("sessions")
    project.model("sessions", snowflake={"cluster_by": ["start_tstamp"], "transient": True})
    project.add(0, "s1 u1 1")
    seen: list[str] = []
    project.watch = lambda when, label, sql: seen.append(sql) if when == "before" else None
    project.checked()
    assert any(s.startswith('create transient table "DERIVED"."SESSIONS" cluster by ("START_TSTAMP") as') for s in seen)
    project.close()


def test_a_view_is_copied_for_the_freeze(snowflake_url: str, tmp_path: Path) -> None:
    """A source that keeps no history is copied once a run that has something to do; tables are read AT one instant."""
    project = Project(snowflake_url, tmp_path)
    project.db.execute("create schema raw; alter table atomic.events rename to raw.events")
    project.db.execute("create view atomic.events as select * from raw.events")
    project.standard("sessions", "totals")
    seen: list[str] = []
    project.watch = lambda when, label, sql: seen.append(label) if when == "before" else None
    project.add(0, "s1 u1 1", "s2 u1 2", table="raw.events")
    project.checked()
    assert seen.count("freeze:copy") == 1
    project.add(1, "s1 u1 3", table="raw.events")
    project.checked()
    seen.clear()
    assert "nothing to do" in project.run().out
    assert "freeze:copy" not in seen
    assert project.command("verify").code == 0
    project.close()


@pytest.mark.parametrize("fingerprint", [False, True])
def test_a_copy_has_what_a_model_without_columns_reads(snowflake_url: str, tmp_path: Path, fingerprint: bool) -> None:
    """A copy holds the columns that the program names; where none is named, or all are hashed, it serves as well."""
    project = Project(snowflake_url, tmp_path)
    project.db.execute("create schema raw; alter table atomic.events rename to raw.events")
    project.db.execute("create view atomic.events as select * from raw.events")
    project.source["fingerprint"] = fingerprint
    project.model("counted", "select count(*) as n from atomic.events")
    project.add(0, "s1 u1 1", "s2 u1 2", table="raw.events")
    project.checked()
    project.add(0, "s1 u1 3", table="raw.events")
    project.checked()
    assert project.command("verify").code == 0
    project.close()


def test_names_are_compared_as_snowflake_does(snowflake_url: str, tmp_path: Path) -> None:
    """Unquoted names in any case are one; a quoted upper one is the same; quoted mixed and lower ones are their own."""
    project = Project(snowflake_url, tmp_path)
    project.db.execute('create table atomic."Odd" ("SID" varchar(10), "low" varchar(10), ETL_TSTAMP timestamp)')
    project.db.execute("""insert into atomic."Odd" values ('a', 'x', '2024-01-01'), ('a', 'y', '2024-01-01')""")
    project.source = {"table": 'atomic."Odd"', "batch": "Etl_Tstamp"}
    select = 'select sid, max("low") as "Last", count(*) as N from "ATOMIC"."Odd" group by "SID"'
    project.model("odd", select, key="Sid")
    project.run()
    assert project.rows('select sid, "Last", n from derived.ODD') == [("a", "y", 2)]
    project.db.execute("""insert into atomic."Odd" values ('a', 'z', '2024-01-02')""")
    project.run()
    assert project.rows('select "SID", "Last", n from derived.odd') == [("a", "z", 3)]
    assert project.command("verify").code == 0
    project.close()


def test_a_literal_ends_where_it_should() -> None:
    """A backslash escapes on both: it is doubled on Snowflake, and kept out of literals on Redshift."""
    text = "a\\'; drop table x --"
    assert SNOWFLAKE.literal(text) == "'a\\\\''; drop table x --'"
    assert REDSHIFT.literal(text) == "('a' || chr(92) || '''; drop table x --')"


@pytest.mark.parametrize("engine", ["redshift", "snowflake"])
@pytest.mark.parametrize("text", ["select 1; select 'a\\'", "select 'a\\'; drop table x; --'", "select 'a"])
def test_a_script_that_cannot_be_split(
    engine: str, text: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused at load (bad_sql.py); one that got past it fails its run, with its step and file, and no more."""
    project = Project(request.getfixturevalue(f"{engine}_url"), tmp_path)
    project.source = {}
    project.sql("a.sql", text)
    project.top["steps"] = [{"name": "a", "queries": ["a.sql"]}]
    assert "a.sql:1" in project.run(code=2).err
    monkeypatch.setattr("runner.program.checks.scripts.check", lambda *_: None)
    said = project.run(code=6).err
    assert "a.sql: step a: " in said and "internal" not in said
    project.close()


# -- a session that is lost at COMMIT --------------------------------------------------------------------------------------


def ends(project: Project, end: Callable[[], None]) -> Callable[[str, str, str], None]:
    """A watch that ends the run's session right before its COMMIT is sent, once."""
    left = [1]

    def watch(when: str, label: str, sql: str) -> None:
        if (when, label) == ("before", "publish:commit") and left:
            left.clear()
            end()

    return watch


def test_redshift_session_that_is_lost_at_commit(redshift_url: str, tmp_path: Path) -> None:
    """The runner connects again, outlaws the old transaction and looks: exit 5, nothing published, then all of it."""
    project = project_at(redshift_url, tmp_path)
    project.add(2, "s9 u1 9")
    with Db(redshift.libpq(redshift_url)) as outside:
        sql = "select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction'"
        project.watch = ends(project, lambda: outside.execute(sql))
        assert "nothing was published" in project.run(code=5).err
    project.checked("--wait", "5")
    project.close()


def test_snowflake_session_that_is_lost_at_commit(
    account: snowflake.Server, snowflake_url: str, tmp_path: Path
) -> None:
    """The same on Snowflake; where only the answer to COMMIT is lost, the run is published and says so."""
    project = project_at(snowflake_url, tmp_path)
    project.add(2, "s9 u1 9")

    def kill() -> None:
        for one in account.control("sessions"):
            if one["transaction"] and one["query_tag"].startswith("runner web"):
                account.control("kill", session=one["id"])

    project.watch = ends(project, kill)
    assert "nothing was published" in project.run(code=5).err
    project.db.execute("update runner.lease set lease_until = timestamp '2000-01-01 00:00:00'")  # not 60 s of waiting
    project.checked()
    project.add(3, "s9 u1 19")
    fault = {"pattern": "^commit$", "code": 390111, "sqlstate": "08001", "message": "gone", "when": "after", "times": 1}
    project.watch = ends(project, lambda: account.control("faults", faults=[fault]))
    assert "published run" in project.checked().out
    project.close()
