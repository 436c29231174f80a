"""SQL Runner's own template functions: nowWithFormat, systemEnv, randomInt and the AWS credentials.

Nothing here looks at a clock, the environment or chance by itself: they come in as `Outside`.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Protocol

from runner.doors.sqlrunner.gotemplate.functions.function import Function, Parameter
from runner.doors.sqlrunner.gotemplate.functions.timeformat import format_time
from runner.doors.sqlrunner.gotemplate.values import CallError
from runner.secrets import Secrets


class _NotInstalled(CallError):
    """What would look for credentials is not there."""


@dataclass(frozen=True)
class Outside:
    """What templates may know of the world.

    `now` is the local time, with its zone; `random_int` a whole number of 63 bits; `secret` is told every secret that
    is put into a template, so that what is printed can be masked. `given` are the variables that systemEnv has given:
    which of them are masked shows once the playbook is read, and is told to `hide` with those that are public.
    """

    now: Callable[[], datetime.datetime]
    env: Mapping[str, str]
    random_int: Callable[[], int]
    secret: Callable[[str], None]
    hide: Callable[[Secrets, Collection[str]], None]
    given: dict[str, str] = field(default_factory=dict)

    def variable(self, name: str) -> str:
        """A variable of the environment; one that is not set is empty."""
        value = self.env.get(name, "")
        if value:
            self.given[name] = value
        return value


class _Credentials(Protocol):
    """What boto3 calls credentials, as far as it is used here."""

    access_key: str | None
    secret_key: str | None


def functions(outside: Outside) -> Mapping[str, Function]:
    """SQL Runner's functions by name."""
    text = (Parameter.STRING,)
    return {
        "nowWithFormat": Function(lambda layout: format_time(outside.now(), layout), text),
        "systemEnv": Function(outside.variable, text),
        "randomInt": Function(lambda: str(outside.random_int() % (1 << 63))),
        "awsEnvCredentials": Function(partial(_from_environment, outside)),
        "awsProfileCredentials": Function(partial(_from_profile, outside), text),
        "awsEC2RoleCredentials": Function(partial(_from_role, outside)),
        "awsChainCredentials": Function(partial(_from_chain, outside), text),
    }


def _written(outside: Outside, access_key: str, secret_key: str) -> str:
    outside.secret(secret_key)
    return f"CREDENTIALS 'aws_access_key_id={access_key};aws_secret_access_key={secret_key}'"


def _from_environment(outside: Outside) -> str:
    env = outside.env
    access_key = env.get("AWS_ACCESS_KEY_ID") or env.get("AWS_ACCESS_KEY")
    secret_key = env.get("AWS_SECRET_ACCESS_KEY") or env.get("AWS_SECRET_KEY")
    if not access_key:
        message = "EnvAccessKeyNotFound: AWS_ACCESS_KEY_ID or AWS_ACCESS_KEY not found in environment"
        raise CallError(message, "export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    if not secret_key:
        message = "EnvSecretNotFound: AWS_SECRET_ACCESS_KEY or AWS_SECRET_KEY not found in environment"
        raise CallError(message, "export AWS_SECRET_ACCESS_KEY")
    return _written(outside, access_key, secret_key)


def _from_profile(outside: Outside, profile: str) -> str:
    def find() -> _Credentials | None:
        # SQL Runner's SDK takes an empty name for that of the environment.
        name = profile or outside.env.get("AWS_PROFILE") or "default"
        found: _Credentials | None = import_module("boto3").Session(profile_name=name).get_credentials()
        return found

    return _found(outside, find, f"no credentials in the profile {profile!r} of ~/.aws/credentials")


def _from_chain(outside: Outside, profile: str) -> str:
    """SQL Runner asks the environment first, then the profile, then the instance's role."""
    try:
        return _from_environment(outside)
    except CallError:
        pass
    try:
        return _from_profile(outside, profile)
    except _NotInstalled:
        raise
    except CallError:
        pass
    return _from_role(outside)


def _from_role(outside: Outside) -> str:
    def find() -> _Credentials | None:
        fetcher = import_module("botocore.utils").InstanceMetadataFetcher(timeout=1, num_attempts=2)
        provider = import_module("botocore.credentials").InstanceMetadataProvider(iam_role_fetcher=fetcher)
        found: _Credentials | None = provider.load()
        return found

    return _found(outside, find, "this machine has no EC2 role")


def _found(outside: Outside, find: Callable[[], _Credentials | None], missing: str) -> str:
    """Credentials of boto3 as SQL; everything that can go wrong there is an error of the function."""
    try:
        credentials = find()
    except ImportError:
        raise _NotInstalled("boto3 is not installed, which reads AWS credentials", "pip install boto3") from None
    except Exception as error:
        raise CallError(f"{type(error).__name__}: {error}", "see `aws configure list`") from None
    if credentials is None or not credentials.access_key or not credentials.secret_key:
        raise CallError(missing, "see `aws configure list`")
    return _written(outside, credentials.access_key, credentials.secret_key)
