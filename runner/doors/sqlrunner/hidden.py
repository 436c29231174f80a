"""What templates took from the environment and nothing must show: by the rule of native playbooks, whatever it is called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from runner.doors.sqlrunner.files.functions import Outside, functions
from runner.doors.sqlrunner.files.playbook import OldPlaybook
from runner.doors.sqlrunner.files.read import read
from runner.errors import BadInput
from runner.playbook.hidden import unsaid

SECRET_KEYS = frozenset({"password", "private_key_passphrase"})


def read_hiding(path: Path, variables: Mapping[str, str], outside: Outside) -> OldPlaybook:
    """The playbook at `path`; what it took from the environment is hidden from now on. Raises BadInput."""
    try:
        playbook = read(path, variables, functions(outside))
    except BadInput:  # nobody knows what the file says besides
        outside.hide(unsaid(outside.given.items(), (), ()), ())
        raise
    hide_given(playbook, outside)
    return playbook


def hide_given(playbook: OldPlaybook, outside: Outside) -> None:
    """Hide what templates have taken since, unless the playbook says it anyway, as a word, a name or in `public:`."""
    used = [(name, value) for name, value in outside.given.items() if name not in playbook.public]
    outside.hide(unsaid(used, [playbook.written], _names(playbook)), playbook.public)


def _names(playbook: OldPlaybook) -> Iterator[str]:
    """Hosts, paths and names that every message about the playbook may show."""
    yield str(playbook.path)
    for target in playbook.targets:
        yield from (text for key, text in target.keys.items() if key not in SECRET_KEYS)
    for step in playbook.steps:
        yield step.name
        yield from (text for query in step.queries for text in (query.name, query.file))
