"""Which values of the environment a playbook must not show: those of its variables and its target, whatever they are called.

A name like JWT or MY_AUTH says nothing of what it holds. So every value of some length is hidden, unless it is what the
playbook says anyway: a word of its files, a host, a path or a name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import unquote_plus

from runner.files.environment import literal_part
from runner.playbook.values import Playbook, Variable
from runner.secrets import NO_SECRETS, SHOWN, Secrets, looks_secret
from runner.warehouse.target import Target

LONG = 8  # shorter values are modes and switches, and any word may hold them
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?")
_NEARBY = re.compile(r"\.{1,2}[/\\]|~[/\\]|[A-Za-z]:[/\\]")
# What names something in a target's options: https://docs.snowflake.com/en/developer-guide/python-connector/python-connector-api
# and https://www.postgresql.org/docs/current/libpq-connect.html
_NAMES = frozenset(
    "host hostaddr port user username dbname database schema role warehouse account region cluster_identifier "
    "application_name application sslmode sslrootcert sslcert sslkey private_key_file memory_limit temp_directory".split()
)


def hidden(playbook: Playbook, env: Mapping[str, str], written: Iterable[str]) -> Secrets:
    """What is secret in a playbook, or may be; `written` are the texts of its files."""
    public = {env[name] for name in playbook.public if name in env}
    named = (text for one in playbook.variables if looks_secret(one.name) for text in _texts(one) if text not in public)
    secrets = Secrets().of_target(playbook.target.url).also((text, SHOWN) for text in named)
    texts = [*(text for one in playbook.variables for text in _texts(one)), *_options(playbook.target)]
    used = _used({name: value for name, value in env.items() if name not in playbook.public}, texts)
    return secrets.joined(unsaid(used, map(literal_part, written), _names(playbook)))


def hidden_in_target(target: Target, env: Mapping[str, str], written: str) -> Secrets:
    """The same of a target alone; `written` is its URL before the environment was filled in."""
    found = unsaid(_used(env, list(_options(target))), [literal_part(written)], _names_of(target))
    return Secrets().of_target(target.url).joined(found)


def unsaid(used: Iterable[tuple[str, str]], said: Iterable[str], names: Iterable[str]) -> Secrets:
    """Of values that were taken from variables of the environment (pairs: name, value) those that are hidden: the long
    ones that are no part of a name, and no word of what is `said` anyway.
    """
    long = [(name, value) for name, value in used if len(value) >= LONG]
    if not long:
        return NO_SECRETS
    all_said, all_names = "\n".join(said), "\n".join(names)
    found = [(value, f"${{{name}}}") for name, value in long if not (value in all_names or _is_said(value, all_said))]
    return NO_SECRETS.also(found, known=False)


def _used(env: Mapping[str, str], texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The values of the environment that are a part of these texts; of a URL the values of its parameters as well."""
    for name, value in env.items() if texts else ():
        as_number = value.lstrip("+").lower()  # see `variables.typed`
        for part in dict.fromkeys((value, as_number, *_parameters(value))):
            if len(part) >= LONG and any(part in text for text in texts):
                yield name, part


def _parameters(value: str) -> list[str]:
    if "://" not in value:
        return []
    return [unquote_plus(one.partition("=")[2]) for one in re.split("[&;]", value.partition("?")[2])]


def _texts(variable: Variable) -> Iterator[str]:
    """All that a variable may be in a text."""
    for value in variable.values:
        for item in value if isinstance(value, tuple) else (value,):
            if item is not None and not isinstance(item, bool):
                yield str(item)


def _options(target: Target) -> Iterator[str]:
    """The options of a target that name nothing; its password is known to be one, and the rest is shown."""
    for name, value in target.query:
        if name.lower() not in _NAMES:
            yield from value if isinstance(value, tuple) else (value,)


def _names(playbook: Playbook) -> Iterator[str]:
    """Hosts, paths and names that every message about the playbook may show."""
    yield from (playbook.name, str(playbook.path), str(playbook.sql_root), playbook.state_schema)
    yield from _names_of(playbook.target)
    yield from (name for pair in playbook.schemas for name in pair)
    yield from (file for source in playbook.sources for file in source.files)
    for tables in (playbook.sources, playbook.lookups, playbook.owned):
        yield from (str(one.table) for one in tables)
    yield from (step.name for step in playbook.steps)


def _names_of(target: Target) -> tuple[str, ...]:
    return (target.user, target.host, target.database, target.shown, os.getcwd())


def _is_said(value: str, said: str) -> bool:
    """Whether the playbook's files have this very word; or it is a path of this machine, or a time."""
    if re.search(rf"(?<!\w){re.escape(value)}(?!\w)", said) or _MOMENT.fullmatch(value):
        return True
    head = re.match(r"/[^/]+", value)
    return bool(_NEARBY.match(value)) or (head is not None and os.path.isdir(head[0]))
