"""What a run says: in SQL Runner's own lines, which operators' scripts read, or in JSON lines, or in the runner's.

SQL Runner's log goes to the error stream, its tables to the output. Lines that it has not (durations, what was skipped)
are records of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import zip_longest
from typing import Protocol, TextIO
from unicodedata import combining, east_asian_width

from runner.doors.sqlrunner.execute import At, Listener, Outcome, ReadyTarget, TargetStatus
from runner.doors.sqlrunner.files.queries import ReadyStep
from runner.doors.sqlrunner.review import Code, as_go_pg, code_of, record_of
from runner.warehouse.values import Result

_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?%?")


class Steady:
    """A stream whose trouble (a closed pipe, a full disk, an encoding without a letter) stops no run."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write and flush, as far as it goes."""
        with suppress(OSError, ValueError):
            try:
                self._stream.write(text)
            except UnicodeEncodeError:
                self._stream.write(text.encode("ascii", "backslashreplace").decode())
            self._stream.flush()


class Log(Listener, Protocol):
    """Where a run's events and its end are told."""

    def message(self, text: str) -> None:
        """A line that is not about one query."""

    def filled(self, steps: Sequence[ReadyStep]) -> None:
        """The queries of a run that only fills templates."""

    def finished(self, statuses: Sequence[TargetStatus]) -> None:
        """How it all ended."""

    def refused(self, code: Code) -> None:
        """Nothing was run; why was said."""


class GoLog:
    """SQL Runner's own lines: local time to the second, then the text."""

    def __init__(self, out: TextIO, err: TextIO, now: Callable[[], datetime]) -> None:
        self._out, self._err, self._now = Steady(out), Steady(err), now

    def message(self, text: str) -> None:
        """One record."""
        end = "" if text.endswith("\n") else "\n"
        self._err.write(f"{self._now():%Y/%m/%d %H:%M:%S} {text}{end}")

    def executing(self, at: At) -> None:
        """A query begins."""
        self.message(f"EXECUTING {at.query.name} (in step {at.step} @ {at.target}): {at.query.path}")

    def output(self, at: At, results: Sequence[Result]) -> None:
        """A query's rows; a single blank cell is none."""
        for text in map(_table, results):
            if text:
                self.message("QUERY OUTPUT:\n")
                self._out.write(text)

    def pinged(self, target: ReadyTarget, error: str | None) -> None:
        """A dry run has tried to connect."""
        able = "ERROR: Cannot" if error else "SUCCESS: Able to"
        self.message(f"{able} connect to target database, {target.address}\n.")

    def ended(self, outcome: Outcome) -> None:
        """A query is over."""
        if outcome.skipped:
            self.message(f"SKIPPED: {outcome.at}")
            return
        if outcome.error is not None:
            self.message(f"FAILURE: {outcome.at}, ERROR: {as_go_pg(outcome)}")
        else:
            self.message(f"SUCCESS: {outcome.at}, ROWS AFFECTED: {outcome.rows}")
        self.message(f"DURATION: {outcome.at}, {outcome.duration_s:.3f} s")

    def filled(self, steps: Sequence[ReadyStep]) -> None:
        """Each query with its SQL."""
        for step in steps:
            for query in step.queries:
                head = f"Step name: {step.name}\nQuery name: {query.name}\nQuery path: {query.path}\n"
                self.message(head + query.text)

    def finished(self, statuses: Sequence[TargetStatus]) -> None:
        """The closing record."""
        self.message(record_of(statuses))

    def refused(self, code: Code) -> None:
        """Nothing more to say."""


class JsonLog:
    """One JSON object a line on the output; `event` says what it is."""

    def __init__(self, out: TextIO) -> None:
        self._out = Steady(out)

    def _write(self, kind: str, **fields: object) -> None:
        self._out.write(json.dumps({"event": kind, **fields}, ensure_ascii=False, default=str) + "\n")

    @staticmethod
    def _at(at: At) -> dict[str, object]:
        return {"target": at.target, "step": at.step, "query": at.query.name, "path": at.query.path}

    def message(self, text: str) -> None:
        """A line of text that has no fields of its own."""
        self._write("message", text=text.strip())

    def executing(self, at: At) -> None:
        """A query begins."""
        self._write("executing", **self._at(at))

    def output(self, at: At, results: Sequence[Result]) -> None:
        """A query's rows."""
        for result in results:
            if result.columns:
                rows = [[_json(value) for value in row] for row in result.rows]
                self._write("output", **self._at(at), columns=list(result.columns), rows=rows)

    def pinged(self, target: ReadyTarget, error: str | None) -> None:
        """A dry run has tried to connect."""
        self._write("connected" if error is None else "cannot_connect", target=target.name, error=error)

    def ended(self, outcome: Outcome) -> None:
        """A query is over."""
        if outcome.skipped:
            self._write("skipped", **self._at(outcome.at))
            return
        self._write(
            "query",
            **self._at(outcome.at),
            rows=outcome.rows,
            duration_s=round(outcome.duration_s, 6),
            error=outcome.error,
            line=outcome.line,
        )

    def filled(self, steps: Sequence[ReadyStep]) -> None:
        """Each query with its SQL."""
        for step in steps:
            for query in step.queries:
                self._write("filled", step=step.name, query=query.name, path=query.path, sql=query.text)

    def finished(self, statuses: Sequence[TargetStatus]) -> None:
        """The exit code, and why a target could not be used."""
        failed = {status.name: list(status.errors) for status in statuses if status.errors}
        self._write("finished", exit_code=int(code_of(statuses)), targets=len(statuses), target_errors=failed)

    def refused(self, code: Code) -> None:
        """The exit code."""
        self._write("finished", exit_code=int(code), targets=0, target_errors={})


class LineLog:
    """The runner's own lines: one a query, with rows and seconds."""

    def __init__(self, out: TextIO, err: TextIO, *, dry: bool = False) -> None:
        self._out, self._err, self._dry = Steady(out), Steady(err), dry

    def message(self, text: str) -> None:
        """One line; what went wrong goes to the error stream."""
        (self._err if text.startswith("Error") else self._out).write(text.rstrip("\n") + "\n")

    def refused(self, code: Code) -> None:
        """Nothing more to say."""

    def executing(self, at: At) -> None:
        """Nothing: a query is a line once it is over."""

    def output(self, at: At, results: Sequence[Result]) -> None:
        """A query's rows."""
        for text in map(_table, results):
            if text:
                self.message(text)

    def pinged(self, target: ReadyTarget, error: str | None) -> None:
        """A dry run has tried to connect."""
        self.message(f"{target.name}: {error or f'connects to {target.address}'}")

    def ended(self, outcome: Outcome) -> None:
        """A query is over."""
        name = f"{outcome.at.target}: {outcome.at.step} / {outcome.at.query.name}".ljust(36)
        if outcome.skipped:
            self.message(f"{name}    skipped")
        elif self._dry and outcome.error is None:
            self.message(f"{name}    would run")
        elif outcome.error is not None:
            self.message(f"{name}     failed   {outcome.duration_s:.1f} s")
        else:
            rows = f"{outcome.rows:,} rows" if outcome.rows >= 0 else "done"
            self.message(f"{name} {rows:>10}   {outcome.duration_s:.1f} s")

    def filled(self, steps: Sequence[ReadyStep]) -> None:
        """Each query with its SQL."""
        for step in steps:
            for query in step.queries:
                self.message(f"-- {step.name} / {query.name}: {query.path}\n{query.text}")

    def finished(self, statuses: Sequence[TargetStatus]) -> None:
        """What went wrong, on the error stream, or the count."""
        code = code_of(statuses)
        if code is Code.DONE:
            count = sum(len(status.outcomes) for status in statuses)
            queries = f"{count} {'query' if count == 1 else 'queries'}"
            targets = f"{len(statuses)} target{'s' if len(statuses) > 1 else ''}"
            self.message(f"nothing was run: {queries}, {targets}" if self._dry else f"done: {queries}, {targets}")
            return
        if code is Code.NOTHING:
            self._err.write("no queries to run\n")
            return
        for status in statuses:
            for error in status.errors:
                self._err.write(f"{status.name}: {error}\n")
            for outcome in status.outcomes:
                if outcome.error is not None:
                    at = outcome.at
                    line = f":{outcome.line}" if outcome.line else ""
                    self._err.write(f"{at.query.path}{line}: step {at.step}, target {at.target}: {outcome.error}\n")
        steps = dict.fromkeys(o.at.step for s in statuses for o in s.outcomes if o.error is not None)
        if steps:
            listed = " or ".join(f"--from-step '{step}'" for step in steps)
            self._err.write(f"  hint: what ran before is done; mend it and go on: {listed}\n")


def _json(value: object) -> object:
    """A value that JSON has, else its text."""
    finite = isinstance(value, float) and value - value == 0
    return value if value is None or finite or isinstance(value, (bool, int, str)) else str(value)


def _table(result: Result) -> str:
    """A result set as `-showQueryOutput` prints it: headers in capitals, a null as a blank; "" if it has no rows, or a
    single blank cell.
    """
    if not result.columns or not len(result.rows):
        return ""
    heads = [column.upper().replace("_", " ") for column in result.columns]
    rows = [[_cell(value) for value in row] for row in result.rows]
    if rows == [[""]]:
        return ""
    lines = [line for row in rows for line in zip_longest(*(cell.splitlines() or [""] for cell in row), fillvalue="")]
    widths = [max(map(_width, column)) for column in zip(heads, *lines, strict=True)]
    shown = [_row([_centred(head, width) for head, width in zip(heads, widths, strict=True)])]
    shown.append(f"|{'|'.join('-' * (width + 2) for width in widths)}|")
    shown += [_row([_aligned(cell, width) for cell, width in zip(line, widths, strict=True)]) for line in lines]
    return "\n".join([*shown, ""])


def _width(text: str) -> int:
    """Columns on a screen: wide letters take two, combining ones none."""
    return sum(0 if combining(letter) else 2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _centred(text: str, width: int) -> str:
    missing = width - _width(text)
    return " " * (missing // 2) + text + " " * (missing - missing // 2)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _aligned(cell: str, width: int) -> str:
    space = " " * (width - _width(cell))
    return space + cell if _NUMBER.fullmatch(cell) else cell + space


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)
