"""What drivers are told of a target: the same as SQLAlchemy's dialects tell them, and the runner's own settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from runner.errors import CannotConnect
from runner.warehouse import postgres, redshift
from runner.warehouse import snowflake_session as snowflake
from runner.warehouse.target import Target
from tests.engines.test_urls import READ

POSTGRES = (
    "postgresql://u@/d?host=h1&host=h2",
    "postgresql://u@h:5433/d?host=h1&host=h2:1",
    "postgresql://u@/d?host=h1,h2",
    "postgresql://u@h:5433/d?host=/tmp",
    "postgresql://u@/d?host=h1:5433",
    "postgresql://u@/d?host=h1:",
    "postgresql://u@/d?host=h1,h2,h3&port=1,,3",
    "postgresql://u@/d?host=/var/run:x&port=5433",
    "postgresql://h/d?port=5433",
    "postgresql://h/d?user=a@b&password=c&dbname=e",
    "postgresql://h/d?client_encoding=latin1&connect_timeout=1&keepalives_idle=5&tcp_user_timeout=0",
    "postgresql://h/d?sslmode=verify-full&sslrootcert=%2Fca.pem&target_session_attrs=read-write&application_name=x",
)
REDSHIFT = (
    "redshift://",
    "redshift://u:p@h:5439/dev",
    "redshift://u@h/dev?sslmode=verify-ca",
    "redshift://u@h/dev?ssl=false&application_name=x&timeout=3&tcp_keepalive=true",
    "redshift://h/dev?user=a@b&port=5440&host=other",
    "redshift://u@h/dev?db_groups=a&db_groups=b",
    "redshift:///dev?iam=true&cluster_identifier=c&region=eu-west-1&db_user=me&password=123&access_key_id=007",
)
SNOWFLAKE = (
    "snowflake://",
    "snowflake://u:p@acc/db",
    "snowflake://u:p@org-acc/db/schema?warehouse=wh&role=r",
    "snowflake://u@acc.eu-central-1.aws/db",
    "snowflake://u@acc-x1.global/db",
    "snowflake://u@acc.privatelink/db",
    "snowflake://u@acc.snowflakecomputing.com/db?account=acc",
    "snowflake://u@127.0.0.1:8080/db?account=acc&protocol=http",
    "snowflake://u@acc/db?host=127.0.0.1&port=8080&protocol=http",
    "snowflake://u@acc/%22a%2Fb%22/%22c%22%22d%2F%22",
    "snowflake://u@acc/d%2Fs",
    "snowflake://u@acc//s",
    "snowflake://u@acc/d/s?authenticator=SNOWFLAKE_JWT&private_key_file=/k.p8&private_key_file_pwd=1234",
    "snowflake://u@acc/d?authenticator=externalbrowser&client_session_keep_alive=true&application=mine&login_timeout=5",
    "snowflake://u@acc/d?account=other&region=x&autocommit=false&schema=t",
)


def of_the_dialect(url: str, *, without: Any = ()) -> dict[str, Any]:
    """The keyword arguments that SQLAlchemy's dialect makes of a URL, `without` some of its options."""
    address = make_url(url).difference_update_query(without)
    name = {"postgres": "postgresql+psycopg", "redshift": "redshift+redshift_connector"}.get(
        at(url).engine, "snowflake"
    )
    dialect = address.set(drivername=name).get_dialect()()
    _, made = dialect.create_connect_args(address)
    return dict(made)


def at(url: str) -> Target:
    return Target.parse(url, Path())


@pytest.mark.parametrize("url", [*(url for url in READ if url.lower().startswith("postgres")), *POSTGRES])
def test_what_psycopg_is_told(url: str) -> None:
    """The dialect's arguments; a dead network is noticed, unless the URL says when; SQL is UTF-8 in any case."""
    assert postgres.arguments(at(url)) == {**postgres.NETWORK, **of_the_dialect(url), "client_encoding": "utf8"}


@pytest.mark.parametrize("url", [*(url for url in READ if url.startswith("redshift")), *REDSHIFT])
def test_what_redshift_connector_is_told(url: str) -> None:
    """The dialect's arguments, TLS with the certificate's name verified among them; what the URL says wins."""
    own = {"timeout": 10, "max_prepared_statements": 0, "application_name": "me"}
    options = at(url).options
    assert redshift.arguments(at(url), "me") == {**of_the_dialect(url, without=options), **own, **options}
    secure = redshift.arguments(at("redshift://u@h/dev"), "me")
    assert (secure["ssl"], secure["sslmode"]) == (True, "verify-full")


@pytest.mark.parametrize("url", [*(url for url in READ if url.startswith("snowflake")), *SNOWFLAKE])
@pytest.mark.parametrize("plain", [True, False])
def test_what_snowflakes_connector_is_told(url: str, plain: bool) -> None:
    """The dialect's arguments, but that every statement commits; account, database and schema as it finds them."""
    own = {
        "application": "runner",
        "login_timeout": 30,
        "enable_server_session_keep_alive_auto_detection": False,
    }
    options = at(url).options
    told = snowflake.arguments(at(url), "me", plain=plain)
    session = told.pop("session_parameters")
    assert told == {**of_the_dialect(url, without=options), **own, **options, "autocommit": True}
    assert session["QUERY_TAG"] == "me"
    assert ("TIMEZONE" in session) is not plain


def test_a_path_of_three_names_is_refused() -> None:
    """Snowflake's is a database and a schema."""
    with pytest.raises(CannotConnect, match="snowflake://u@a/b/c/d names more than a database and its schema"):
        snowflake.arguments(at("snowflake://u:p@a/b/c/d"), "me", plain=False)
