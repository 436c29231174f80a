"""SQL Runner's command line, read as Go's flag package reads it: `-x v`, `-x=v`, `--x`; the first other word ends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PLAYBOOK, BINARY, PLAYBOOK_CHILD = "PLAYBOOK", "BINARY", "PLAYBOOK_CHILD"
DESCRIPTION = "Run playbooks of SQL scripts in series and parallel on Redshift, Postgres and Snowflake"


class BadFlag(Exception):
    """The command line is wrong (exit code 2)."""


class HelpAsked(Exception):
    """`-h`: the usage, and exit code 0."""


@dataclass(frozen=True)
class Options:
    """The flags, by their names; an empty text is as good as none."""

    playbook: str = ""
    sqlroot: str = PLAYBOOK
    variables: Mapping[str, str] = field(default_factory=dict)
    from_step: str = ""
    run_query: str = ""
    dry_run: bool = False
    fill_templates: bool = False
    show_query_output: bool = False
    lock: str = ""
    soft_lock: str = ""
    check_lock: str = ""
    delete_lock: str = ""
    consul: str = ""
    consul_only_for_lock: bool = False
    help: bool = False
    version: bool = False
    json: bool = False
    threads: int = 0
    timeout: float = 0


@dataclass(frozen=True)
class Flag:
    """One flag: its name, what its value is called ("" for a switch), what it sets and what it says in the usage."""

    name: str
    value: str
    sets: str
    usage: str


FLAGS = (
    Flag("checkLock", "string", "check_lock", "Checks whether the lockfile already exists"),
    Flag("consul", "string", "consul", "Not supported here: playbooks, SQL files and locks are files"),
    Flag("consulOnlyForLock", "", "consul_only_for_lock", "Not supported here"),
    Flag("deleteLock", "string", "delete_lock", "Will attempt to delete a lockfile if it exists"),
    Flag("dryRun", "", "dry_run", "Reads and renders every SQL file and connects to every target; runs no SQL"),
    Flag("fillTemplates", "", "fill_templates", "Will print all queries after templates are filled"),
    Flag("fromStep", "string", "from_step", "Starts from a given step defined in your playbook"),
    Flag("help", "", "help", "Shows this message"),
    Flag("json", "", "json", "Tells what happens as JSON lines on stdout"),
    Flag("lock", "string", "lock", "Checks and makes a lockfile, so that this run is alone; it stays if the run fails"),
    Flag("playbook", "string", "playbook", "Playbook of SQL scripts to execute"),
    Flag("runQuery", "string", "run_query", "Will run a single query in the playbook: step::query"),
    Flag("showQueryOutput", "", "show_query_output", "Will print all output from queries"),
    Flag("softLock", "string", "soft_lock", "Like -lock, but the lockfile is deleted even if the run fails"),
    Flag(
        "sqlroot",
        "string",
        "sqlroot",
        f"Path to SQL scripts. {PLAYBOOK} and {BINARY} stand for those paths (default {PLAYBOOK})",
    ),
    Flag("threads", "int", "threads", "So many queries of a target at once (default 10 for each core)"),
    Flag("timeout", "seconds", "timeout", "Cancels a query that takes longer (default 8 hours)"),
    Flag("var", "value", "variables", "Variables to be passed to the playbook, in the key=value format"),
    Flag("version", "", "version", "Shows the program version"),
)
MAX_NUMBER = 10_000_000
_BY_NAME = {flag.name: flag for flag in FLAGS}
_TRUE, _FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")


def usage() -> str:
    """All flags, as Go lists them."""
    lines = []
    for flag in FLAGS:
        lines += [f"  -{flag.name}{' ' + flag.value if flag.value else ''}", f"    \t{flag.usage}"]
    return "\n".join([*lines, ""])


def parse(words: Sequence[str]) -> Options:
    """The options of a command line. Raises BadFlag and HelpAsked."""
    found: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest[0]
        if len(word) < 2 or word[0] != "-":
            break
        name = word[2:] if word.startswith("--") else word[1:]
        rest.pop(0)
        if not name:  # `--`: no more flags
            break
        if name[0] in "-=":
            raise BadFlag(f"bad flag syntax: {word}")
        name, equals, value = name.partition("=")
        flag = _BY_NAME.get(name)
        if flag is None:
            if name == "h":
                raise HelpAsked
            raise BadFlag(f"flag provided but not defined: -{name}")
        if not flag.value:
            found[flag.sets] = _switch(flag, value if equals else "true")
            continue
        if not equals:
            if not rest:
                raise BadFlag(f"flag needs an argument: -{name}")
            value = rest.pop(0)
        read = _READERS[flag.value](flag, value)
        found[flag.sets] = {**found.get(flag.sets, {}), **read} if isinstance(read, dict) else read
    return Options(**found)


def _switch(flag: Flag, value: str) -> bool:
    if value not in _TRUE + _FALSE:
        raise BadFlag(f'invalid boolean value "{value}" for -{flag.name}: parse error')
    return value in _TRUE


def _text(flag: Flag, value: str) -> str:
    return value


def _number(flag: Flag, value: str) -> int:
    if not (value.isascii() and value.isdigit() and 0 < int(value) <= MAX_NUMBER):
        raise BadFlag(f'invalid value "{value}" for flag -{flag.name}: parse error')
    return int(value)


def _variables(flag: Flag, value: str) -> dict[str, str]:
    """`k=v[,k2=v2]`: no value can hold a comma; the later one wins."""
    found = {}
    for pair in value.split(","):
        name, equals, text = pair.partition("=")
        if not equals:
            said = "Invalid size for key, value, key value should be in the key=value format"
            raise BadFlag(f'invalid value "{value}" for flag -{flag.name}: {said}')
        found[name] = text
    return found


_READERS: dict[str, Callable[[Flag, str], str | int | dict[str, str]]] = {
    "string": _text,
    "int": _number,
    "seconds": _number,
    "value": _variables,
}
