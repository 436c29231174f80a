"""The text of a file that a user wrote: not too large, UTF-8, without characters that nobody sees."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from runner.errors import Place, Problems

NUL = re.compile("\0")
# What no file of text holds, and what ends a line for some readers only.
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
# Bidi controls, byte order marks and half characters besides: text that is not what it looks like.
HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


@dataclass(frozen=True)
class Bounds:
    """What the text of a kind of file may be, each with the hint for a file that is not so."""

    max_bytes: int
    too_large: str
    forbidden: re.Pattern[str]
    holds_it: str


def read(file: Path, bounds: Bounds, problems: Problems) -> str:
    """The file's text, without its BOM. Raises BadInput, or OSError where it cannot be opened."""
    with file.open("rb") as opened:
        data = opened.read(bounds.max_bytes + 1)
    if len(data) > bounds.max_bytes:
        problems.stop(Place(file), f"is larger than {bounds.max_bytes:,} bytes", bounds.too_large)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _behind(file, data[: error.start].decode("utf-8", "replace"))
        problems.stop(place, f"is not UTF-8: byte 0x{data[error.start]:02x}", "save the file as UTF-8")
    if found := bounds.forbidden.search(text):
        problems.stop(_behind(file, text[: found.start()]), f"{named(found[0])} in the file", bounds.holds_it)
    return text


def named(char: str) -> str:
    """A character that cannot be shown, for a message."""
    if char == "\0":
        return "a NUL character"
    kind = "control" if char <= "\x9f" else "invisible"
    return f"the {kind} character U+{ord(char):04X}"


def _behind(file: Path, before: str) -> Place:
    return Place(file, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
