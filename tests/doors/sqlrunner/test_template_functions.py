"""SQL Runner's template functions: times in Go's layouts, the environment, chance, and AWS credentials."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from runner.doors.sqlrunner.files.functions import Outside, functions
from runner.doors.sqlrunner.files.templates import render
from runner.doors.sqlrunner.gotemplate import Function
from runner.doors.sqlrunner.gotemplate.functions.timeformat import format_time
from runner.errors import BadInput, Place
from tests.doors.sqlrunner.go.oracle import Asked


class _Zone(datetime.tzinfo):
    """A zone of one offset, whose name may be empty, as in Go."""

    def __init__(self, name: str, offset: int) -> None:
        self._name, self._offset = name, datetime.timedelta(seconds=offset)

    def utcoffset(self, _: datetime.datetime | None) -> datetime.timedelta:
        return self._offset

    def tzname(self, _: datetime.datetime | None) -> str:
        return self._name

    def dst(self, _: datetime.datetime | None) -> None:
        return None


class _Echo(Mapping[str, str]):
    """An environment that has everything."""

    def __getitem__(self, name: str) -> str:
        return f"env {name}"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def functions_at(asked: Asked) -> Mapping[str, Function]:
    """The functions as the Go program of go_oracle.py has them for a case."""
    moment = datetime.datetime(1970, 1, 1, tzinfo=_Zone(asked.zone, asked.offset))
    moment += datetime.timedelta(seconds=asked.second + asked.offset, microseconds=asked.nano // 1000)
    found = functions(Outside(lambda: moment, _Echo(), lambda: 42, lambda _: None, lambda *_: None))
    return {name: function for name, function in found.items() if not name.startswith("aws")}


class _World:
    """An outside for one test, which keeps the secrets it is told."""

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        self.secrets: list[str] = []
        now = datetime.datetime(2024, 2, 29, 15, 4, 5, 678000, _Zone("CET", 3600))
        self.outside = Outside(
            lambda: now, env or {}, lambda: 9223372036854775807, self.secrets.append, lambda *_: None
        )

    def render(self, text: str) -> str:
        return render(text, {}, functions(self.outside), Place(Path("q.sql")))

    def error(self, text: str) -> str:
        with pytest.raises(BadInput) as caught:
            self.render(text)
        assert caught.value.problems[0].place.line == 1
        return str(caught.value)


# The reference time in its own zone, and what Go's documentation says of the parts of a layout.
_LAYOUTS = (
    ("2006-01-02", "2024-02-29"),
    ("2006_01_02", "2024_02_29"),
    ("Mon Jan _2 15:04:05 2006", "Thu Feb 29 15:04:05 2024"),
    ("Monday, 02-Jan-06 15:04:05 MST", "Thursday, 29-Feb-24 15:04:05 CET"),
    ("2006-01-02T15:04:05Z07:00", "2024-02-29T15:04:05+01:00"),
    ("2006-01-02T15:04:05.999999999Z07:00", "2024-02-29T15:04:05.678+01:00"),
    ("3:04PM 03:04:05pm", "3:04PM 03:04:05pm"),
    ("Jan _2 15:04:05.000000", "Feb 29 15:04:05.678000"),
    (".00 ,000 .9 ,99", ".67 ,678 .6 ,67"),
    ("002 __2 2 1 4 5", "060  60 29 2 4 5"),
    ("-07 -0700 -07:00 -070000 -07:00:00", "+01 +0100 +01:00 +010000 +01:00:00"),
    ("Z07 Z0700 Z07:00 Z070000", "+01 +0100 +01:00 +010000"),
    ("January Month Jane Mondays", "February Month Jane Thursdays"),
    ("_2006 20060102150405", "_2024 20240229150405"),
    ("", ""),
    ("year", "year"),
)


@pytest.mark.parametrize(("layout", "expected"), _LAYOUTS)
def test_now_with_format(layout: str, expected: str) -> None:
    """A layout shows how the reference time is written, and is the local time's shape."""
    assert _World().render(f'{{{{nowWithFormat "{layout}"}}}}') == expected


def test_zone_of_utc_and_without_name() -> None:
    """Z stands for no distance from UTC; a zone without a name is written as its distance."""
    moment = datetime.datetime(2024, 1, 2, 0, 30, tzinfo=_Zone("", 0))
    assert format_time(moment, "Z07:00 -07:00 MST 3PM") == "Z +00:00 +0000 12AM"


def test_system_env() -> None:
    """An unset variable is empty text."""
    assert _World({"A": "1"}).render('{{systemEnv "A"}}|{{systemEnv "B"}}') == "1|"


def test_random_int() -> None:
    """A number of 63 bits, as text."""
    assert _World().render('{{randomInt}} {{printf "%T" randomInt}}') == "9223372036854775807 string"


def test_credentials_of_the_environment() -> None:
    """They are read under both of AWS's names, and the secret is told to be masked."""
    world = _World({"AWS_ACCESS_KEY": "AK", "AWS_SECRET_KEY": "SK"})
    expected = "CREDENTIALS 'aws_access_key_id=AK;aws_secret_access_key=SK'"
    assert world.render("{{awsEnvCredentials}}") == expected
    assert world.secrets == ["SK"]
    assert world.render('{{awsChainCredentials "p"}}') == expected


@pytest.mark.parametrize(("env", "missing"), [({}, "AWS_ACCESS_KEY_ID"), ({"AWS_ACCESS_KEY_ID": "a"}, "AWS_SECRET")])
def test_environment_without_credentials(env: Mapping[str, str], missing: str) -> None:
    """The error says which variable to export."""
    assert missing in _World(env).error("{{awsEnvCredentials}}")


@pytest.mark.parametrize(
    "call",
    ['awsProfileCredentials "p"', "awsEC2RoleCredentials", 'awsChainCredentials "p"'],
    ids=lambda call: call[:12],
)
def test_without_boto3(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without boto3 the error says how to install it."""
    for name in ("boto3", "botocore", "botocore.utils", "botocore.credentials"):
        monkeypatch.setitem(sys.modules, name, None)
    assert "pip install boto3" in _World().error(f"{{{{{call}}}}}")


def _boto3(monkeypatch: pytest.MonkeyPatch, profiles: Mapping[str, str], role: str = "") -> None:
    """A boto3 that knows these profiles and this role, by their access keys."""

    def credentials(key: str) -> SimpleNamespace | None:
        return SimpleNamespace(access_key=key, secret_key=f"secret {key}") if key else None

    def session(profile_name: str) -> SimpleNamespace:
        if profile_name not in profiles:
            raise LookupError(f"The config profile ({profile_name}) could not be found")
        return SimpleNamespace(get_credentials=lambda: credentials(profiles[profile_name]))

    def provider(iam_role_fetcher: object) -> SimpleNamespace:
        return SimpleNamespace(load=lambda: credentials(role))

    def fetcher(timeout: int, num_attempts: int) -> object:
        return object()

    for name, part, value in (
        ("boto3", "Session", session),
        ("botocore.utils", "InstanceMetadataFetcher", fetcher),
        ("botocore.credentials", "InstanceMetadataProvider", provider),
    ):
        module = ModuleType(name)
        setattr(module, part, value)
        monkeypatch.setitem(sys.modules, name, module)


def test_credentials_of_a_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile's credentials; one that is not there, or is empty, is an error."""
    _boto3(monkeypatch, {"p": "AK", "empty": ""})
    world = _World()
    assert "aws_access_key_id=AK;aws_secret_access_key=secret AK" in world.render('{{awsProfileCredentials "p"}}')
    assert world.secrets == ["secret AK"]
    assert "no credentials in the profile" in world.error('{{awsProfileCredentials "empty"}}')
    assert "could not be found" in world.error('{{awsProfileCredentials "other"}}')


def test_credentials_of_the_role_and_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain takes the environment, then the profile, then the role."""
    _boto3(monkeypatch, {"p": "AK"}, role="ROLE")
    world = _World()
    assert "aws_access_key_id=ROLE" in world.render("{{awsEC2RoleCredentials}}")
    assert "aws_access_key_id=AK" in world.render('{{awsChainCredentials "p"}}')
    assert "aws_access_key_id=ROLE" in world.render('{{awsChainCredentials "other"}}')
    _boto3(monkeypatch, {})
    assert "no EC2 role" in world.error("{{awsEC2RoleCredentials}}")
