"""A folder → a checked configuration, its findings, and the playbook that it compiles to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runner.doors.semantic.files.read import read
from runner.doors.semantic.rules.check import check, unused
from runner.doors.semantic.rules.findings import Finding, Findings, in_order, of_problem
from runner.doors.semantic.rules.implied import completed
from runner.doors.semantic.values import Config
from runner.errors import BadInput, Problem, Problems


def look(folder: Path, env: Mapping[str, str]) -> tuple[Config | None, list[Finding]]:
    """The configuration, if it could be read, and everything that was found in it."""
    problems, findings = Problems(), Findings()
    try:
        config = read(folder, env, problems)
    except BadInput as bad:
        return None, in_order([of_problem(problem) for problem in bad.problems])
    found = [of_problem(problem) for problem in problems.found]
    config = completed(config)
    check(config, findings)
    found += findings.found
    if not any(finding.is_error for finding in found):  # a name that is mistaken leaves another unused
        found += unused(config)
    return config, in_order(found)


def load(folder: Path, env: Mapping[str, str]) -> tuple[Config, list[Finding]]:
    """The configuration and its warnings. Raises BadInput with every error."""
    config, found = look(folder, env)
    errors = [finding for finding in found if finding.is_error]
    if errors or config is None:
        raise BadInput([Problem(one.place, f"{one.code} {one.what}", one.hint) for one in errors])
    return config, found
