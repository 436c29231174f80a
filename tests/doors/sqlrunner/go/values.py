"""A case of the corpus of Go templates, and the data that all of them are given."""

from __future__ import annotations

from dataclasses import dataclass

from runner.doors.sqlrunner.gotemplate import Int64, Uint8, Uint64, Value


@dataclass(frozen=True)
class Case:
    """A template, and what Go makes of it: its output, or what its error says behind the place, and on which line."""

    text: str
    expected: str = ""
    error: str = ""
    line: int = 1


@dataclass(frozen=True)
class Group:
    """Cases about one thing."""

    name: str
    cases: tuple[Case, ...]


# Whole numbers of a playbook are uint64, or int64 if negative; a plain int is what Go's own constants are.
DATA: dict[str, Value] = {
    "s": "héllo",
    "t": "true",
    "e": "",
    "q": 'it\'s "<b>" & `x`=\\\n\t',
    "u": "日本 \U0001f600\u200b\ufeff\u00ad",
    "b": "\udcc3(\udcff",
    "nil": None,
    "yes": True,
    "no": False,
    "i": 3,
    "zero": Uint64(0),
    "one": Uint64(1),
    "w": Uint64(5),
    "neg": Int64(-7),
    "byte": Uint8(200),
    "f": 2.5,
    "g": 1234567.0,
    "tiny": 1e-7,
    "inf": float("inf"),
    "nan": float("nan"),
    "l": [Uint64(1), "two", None, 3.5, True, [Uint64(4), Int64(-5)], {"k": "v"}],
    "ws": ["a", "b", "c"],
    "ns": [Uint64(10), Uint64(20), Uint64(30)],
    "el": [],
    "m": {"x": Uint64(1), "y": "z", "deep": {"er": ["p", "q"]}, "nil": None, "é": 1.5},
    "em": {},
    "ms": [{"name": "one", "n": Uint64(1)}, {"name": "two", "n": None}, {}],
}
