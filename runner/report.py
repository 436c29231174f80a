"""What a user sees of a run: plain lines, a progress line on a terminal, or JSON lines for machines.

Results go to `out`, progress to `err`; nothing in here prints by itself.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Sequence
from typing import Protocol, TextIO

from runner.actions import Action, Commands, Verify, worded
from runner.errors import Exit, RunnerError
from runner.events import (
    BatchGroup,
    Building,
    ComparedModel,
    Difference,
    Event,
    InDoubt,
    ModelDone,
    Note,
    Nothing,
    NullKey,
    PendingBatches,
    Published,
    QueryDone,
    Staging,
    Started,
    Unreadable,
    Value,
)

VALUES_SHOWN = 12  # of a row that only one side has


class Report(Protocol):
    """Takes events of a run, and the rows or the error of a command."""

    def emit(self, event: Event) -> None: ...

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None: ...

    def line(self, text: str) -> None: ...

    def next(self, action: Action) -> None: ...

    def error(self, error: RunnerError, code: int) -> None: ...


class TextReport:
    """Plain lines; on a terminal the stage at work is shown on one line of `err`."""

    def __init__(self, out: TextIO, err: TextIO, commands: Commands) -> None:
        self.out, self.err, self.commands = out, err, commands
        self._width = 10
        self._progress = err.isatty()
        self._shown = False

    def emit(self, event: Event) -> None:
        """Show one event."""
        show: Callable[[Event], str | None] = _LINES.get(type(event), lambda _: None)
        if isinstance(event, Staging):
            self._show_progress(event.name)
            return
        text = show(event)
        if text is not None:
            self.line(text)
        if isinstance(event, Published):
            self.next(Verify())

    def _show_progress(self, text: str) -> None:
        if self._progress:
            self.err.write(f"\r\x1b[2K… {text}")
            self.err.flush()
            self._shown = True

    def line(self, text: str) -> None:
        """One line of the result."""
        if self._shown:
            self.err.write("\r\x1b[2K")
            self.err.flush()
            self._shown = False
        self.out.write(f"{text}\n")
        self.out.flush()

    def next(self, action: Action) -> None:
        """What to do next."""
        self.line(f"next: {self.commands(action)}")

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Rows under headers, in columns."""
        shown = [[_cell(value) for value in row] for row in rows]
        widths = [max(len(cell) for cell in column) for column in zip(headers, *shown, strict=True)]
        for row in [list(headers), *shown]:
            self.line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

    def error(self, error: RunnerError, code: int) -> None:
        """The error, on `err`."""
        if self._shown:
            self.err.write("\r\x1b[2K")
        self.err.write(f"{error.worded(self.commands)}\n")
        self.err.flush()


class JsonReport:
    """One JSON object a line on `out`; `event` says what it is."""

    def __init__(self, out: TextIO, commands: Commands) -> None:
        self.out, self.commands = out, commands

    def _write(self, kind: str, fields: dict[str, object]) -> None:
        self.out.write(json.dumps({"event": kind, **fields}, ensure_ascii=False, default=str) + "\n")
        self.out.flush()

    def emit(self, event: Event) -> None:
        """One event, its fields as they are."""
        kind = re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()
        self._write(kind, dataclasses.asdict(event))

    def line(self, text: str) -> None:
        """A line of text that has no fields of its own."""
        self._write("message", {"text": text})

    def next(self, action: Action) -> None:
        """What to do next, as a line of text."""
        self.line(f"next: {self.commands(action)}")

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """One object a row."""
        for row in rows:
            self._write("row", {h.replace(" ", "_"): _plain(v) for h, v in zip(headers, row, strict=True)})

    def error(self, error: RunnerError, code: int) -> None:
        """The error; the exit code is the process's too."""
        published = {"published": error.published, "parts": error.parts}
        hint = worded(error.hint, self.commands)
        self._write("error", {"exit_code": code, "what": error.what, "hint": hint, **published})


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _group(group: BatchGroup) -> str:
    return f"{group.batch_count:,} {group.reason}{group.example}"


def _pending(event: PendingBatches) -> str | None:
    if not event.batch_count and not event.held_count:
        return None
    groups = f" ({', '.join(map(_group, event.groups))})" if event.groups else ""
    later = f" · {event.held_count:,} new ones left for later" if event.held_count else ""
    word = "batch" if event.batch_count == 1 else "batches"
    return f"{event.batch_count:,} pending {word}{groups}, {event.event_count:,} events{later}"


def _unreadable(event: Unreadable) -> str:
    counts = ", ".join(f"{one.name}: {one.value_count:,}" for one in event.counts)
    values = "1 value" if event.value_count == 1 else f"{event.value_count:,} values"
    return f"{event.what}: {values} could not be {'worked out' if event.formula else 'read'} ({counts}): {event.next}"


def _model(event: ModelDone) -> str:
    name = event.table.split(".")[-1].ljust(14)
    if event.extent == "none":
        return f"{name} nothing to do"
    what = f"{event.key_count:,} {'keys' if event.extent == 'keys' else 'rows'}"
    return f"{name} {what:>12}   +{event.inserted:,} ~{event.updated:,} -{event.deleted:,}   {event.duration_s:.1f} s"


def _compared(event: ComparedModel) -> str:
    name = event.table.ljust(18)
    if not event.compared:
        return f"{name} {event.note}"
    if event.follows:
        above = " and ".join(event.follows)
        found = f"follows {above}, which {'differ' if event.follows[1:] else 'differs'}: {event.differing}, right but for that"
    elif event.differing_count:
        found = f"{event.differing} {'differs' if event.differing_count == 1 else 'differ'}"
    else:
        found = "equal"
    waiting = "1 key waits" if event.skipped_count == 1 else f"{event.skipped_count:,} keys wait"
    skipped = f", {waiting} for the next run" if event.skipped_count else ""
    note = f" ({event.note})" if event.note else ""
    return f"{name} {found}{note}; {event.row_count:,} {'row' if event.row_count == 1 else 'rows'} compared{skipped}"


def _difference(event: Difference) -> str:
    row = ", ".join(map(_named, event.keys[:VALUES_SHOWN])) + (", …" if event.keys[VALUES_SHOWN:] else "")
    kinds = {"surplus": "stored, and a recompute does not give it", "missing": "not stored, and a recompute gives it"}
    if event.kind == "changed":
        stored, recomputed = _named(Value("stored", event.stored)), _named(Value("recomputed", event.recomputed))
        return f"{event.table}: {row}: {event.column}: {stored}, {recomputed}"
    return f"{event.table}: {row}: {kinds[event.kind]}" if event.keys else f"{event.table} has no column {event.column}"


def _named(value: Value) -> str:
    return f"{value.column}={'null' if value.value is None else value.value}"


_LINES: dict[type[Event], Callable[..., str | None]] = {
    Started: lambda e: f"{e.playbook} → {e.target}",
    PendingBatches: _pending,
    Building: lambda e: f"{e.table.split('.')[-1].ljust(14)} built in full: {e.reason}",
    ModelDone: _model,
    QueryDone: lambda e: f"{e.name.split('/')[-1].ljust(14)} {'':>12}   {e.duration_s:.1f} s",
    Note: lambda e: f"note: {e.text}",
    NullKey: lambda e: (
        f"note: {e.event_count:,} {'of the pending ' if e.pending else ''}events have no {e.key}: they are one key, recomputed as a whole;"
        f" to leave them out: where {e.key} is not null"
    ),
    Unreadable: _unreadable,
    Published: lambda e: f"published run {e.run_id}, {e.duration_s:.1f} s",
    InDoubt: lambda e: None,
    ComparedModel: _compared,
    Difference: _difference,
    Nothing: lambda e: f"nothing to do: {e.reason}",
}


def code_of(error: RunnerError) -> Exit:
    """The exit code of an error."""
    return error.exit_code
