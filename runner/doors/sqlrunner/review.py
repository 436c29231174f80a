"""What a run comes to: SQL Runner's exit codes, and its closing record."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from runner.doors.sqlrunner.execute import Outcome, TargetStatus


class Code(IntEnum):
    """SQL Runner's exit codes; 4 is not used."""

    DONE = 0
    FAILED = 1  # the playbook cannot be read, the lock not be made or deleted
    USAGE = 2
    LOCKED = 3
    TARGETS = 5  # a target or a query cannot be made ready
    QUERIES = 6
    BOTH = 7
    NOTHING = 8


def code_of(statuses: Sequence[TargetStatus]) -> Code:
    """The exit code of a run."""
    targets = any(status.errors for status in statuses)
    outcomes = [outcome for status in statuses for outcome in status.outcomes]
    queries = any(outcome.error is not None for outcome in outcomes)
    if targets or queries:
        return Code.BOTH if targets and queries else Code.TARGETS if targets else Code.QUERIES
    return Code.DONE if outcomes else Code.NOTHING


def record_of(statuses: Sequence[TargetStatus]) -> str:
    """The last record of the log, in SQL Runner's words; what was skipped is ours to add."""
    code = code_of(statuses)
    if code is Code.DONE:
        count = sum(len(status.outcomes) for status in statuses)
        return f"SUCCESS: {count} queries executed against {len(statuses)} targets"
    if code is Code.NOTHING:
        return "WARNING: No queries to run\n"
    lines = ["", "TARGET INITIALIZATION FAILURES:"]
    for status in statuses:
        if status.errors:
            lines.append(f"* {status.name}, ERRORS:")
            lines += [f"  - {error}" for error in status.errors]
    lines.append("QUERY FAILURES:")
    outcomes = [outcome for status in statuses for outcome in status.outcomes]
    for outcome in outcomes:
        if outcome.error is not None:
            at = outcome.at
            lines.append(f"* Query {at.query.name} {at.query.path} (in step {at.step} @ target {at.target}), ERROR:")
            where = f" (line {outcome.line} of the SQL)" if outcome.line else ""
            lines.append(f"  - {as_go_pg(outcome)}{where}")
    skipped = [outcome.at for outcome in outcomes if outcome.skipped]
    if skipped:
        lines.append("SKIPPED:")
        lines += [f"* Query {at.query.name} {at.query.path} (in step {at.step} @ target {at.target})" for at in skipped]
    return "\n".join([*lines, ""])


def as_go_pg(outcome: Outcome) -> str:
    """A query's error, where it is of Postgres' kind in the words of SQL Runner's driver: `ERROR #42601 syntax error …`."""
    error, end = outcome.error or "", f" (SQLSTATE {outcome.state})"
    return f"ERROR #{outcome.state} {error.removesuffix(end)}" if error.endswith(end) else error
