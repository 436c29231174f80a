"""Expressions of Jinja that stand for those of a Go template, with examples of the values that they may have.

What prints a value as Go would is chosen by its examples; a function of Go that has a counterpart is written with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from runner.doors.sqlrunner.gotemplate import Value
from runner.doors.sqlrunner.gotemplate.syntax import nodes

_COMPARED = {"ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
_VERBS = re.compile(r"%(?:[sdv]|%)")


class Untranslatable(Exception):
    """A part of a template that has no counterpart."""

    def __init__(self, node: nodes.Node, why: str) -> None:
        super().__init__(why)
        self.node, self.why = node, why


@dataclass(frozen=True)
class Term:
    """An expression of Jinja, with the values it may have as far as the playbook tells (an example of each kind)."""

    text: str
    examples: tuple[Value, ...]
    atom: bool = True  # it needs no parentheses

    def __str__(self) -> str:
        return self.text if self.atom else f"({self.text})"


def of_each_kind(values: Iterable[Value]) -> list[Value]:
    """One example of each type."""
    kinds: dict[type, Value] = {}
    for value in values:
        kinds.setdefault(type(value), value)
    return list(kinds.values())


def printed(term: Term, node: nodes.Node) -> str:
    """What prints a term as Go does."""
    if not term.text:
        raise Untranslatable(node, "the variables as a whole cannot be printed")
    kinds = {_kind(example) for example in term.examples} or {"text"}
    if kinds <= {"text", "number", "bool", "null"}:
        return f"{{{{ {_as_go(term, kinds)} }}}}"
    if kinds == {"list"}:
        items = {_kind(item) for example in term.examples if isinstance(example, list) for item in example}
        if items <= {"text", "number"}:
            return f"[{{{{ {term} | join(' ') }}}}]"
    raise Untranslatable(node, f"prints a value that may be {' or '.join(sorted(kinds))}")


def _as_go(term: Term, kinds: set[str]) -> str:
    if kinds == {"bool"}:
        return f"{term} | lower"
    null = f"'<no value>' if {term} is none else " if "null" in kinds else ""
    boolean = f"{term} | lower if {term} is boolean else " if "bool" in kinds else ""
    return f"{null}{boolean}{term}" if null or boolean else term.text


def _kind(value: Value) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, float):
        return "number" if repr(value) == f"{value:g}" else "float that Python writes otherwise"
    return "number" if isinstance(value, int) else "list" if isinstance(value, list) else "text"


# -- functions -----------------------------------------------------------------------------------------------------------


def _eq(given: Sequence[Term], command: nodes.Command) -> Term:
    first, *others = given
    if len(others) == 1:
        return Term(f"{first} == {others[0]}", (True,), atom=False)
    others[0]
    return Term(" or ".join(f"{first} == {other}" for other in others), (True,), atom=False)


def _compared(given: Sequence[Term], command: nodes.Command) -> Term:
    first, second = given
    return Term(f"{first} {_COMPARED[str(command.words[0])]} {second}", (True,), atom=False)


def _and_or(given: Sequence[Term], command: nodes.Command) -> Term:
    """Both give one of their operands, as Python's do."""
    word = str(command.words[0])
    given[0]
    examples = [e for term in given[:-1] for e in term.examples if word == "and" or e is not None]
    return Term(
        f" {word} ".join(map(str, given)), tuple(of_each_kind([*examples, *given[-1].examples])), len(given) == 1
    )


def _not(given: Sequence[Term], command: nodes.Command) -> Term:
    (term,) = given
    return Term(f"not {term}", (True,), atom=False)


def _len(given: Sequence[Term], command: nodes.Command) -> Term:
    (term,) = given
    if not all(isinstance(e, list) or (isinstance(e, str) and e.isascii()) for e in term.examples):
        raise ValueError
    return Term(f"{term} | length", (0,), atom=False)


def _index(given: Sequence[Term], command: nodes.Command) -> Term:
    listed, number = given
    if not all(isinstance(e, list) for e in listed.examples):
        raise ValueError
    items = of_each_kind(item for e in listed.examples if isinstance(e, list) for item in e)
    return Term(f"{listed}[{number.text}]", tuple(items))


def _print(given: Sequence[Term], command: nodes.Command) -> Term:
    if not all(_kind(e) in ("text", "number") for term in given for e in term.examples):
        raise ValueError
    texts = [isinstance(e, str) for term in given for e in term.examples]
    if len(given) > 1 and not all(texts):
        raise ValueError  # Go puts spaces between operands that are no texts
    return Term(" ~ ".join(['""', *map(str, given)]), ("",), atom=False)


def _printf(given: Sequence[Term], command: nodes.Command) -> Term:
    pattern, *values = given
    (layout,) = pattern.examples
    if not isinstance(layout, str) or pattern.text != json.dumps(layout, ensure_ascii=False):
        raise ValueError
    verbs = [verb for verb in _VERBS.findall(layout) if verb != "%%"]
    if len(verbs) != len(values) or "%" in _VERBS.sub("", layout):
        raise ValueError
    for verb, term in zip(verbs, values, strict=True):
        allowed = {"%s": ("text",), "%d": ("number",), "%v": ("text", "number")}[verb]
        if not all(_kind(e) in allowed and not (verb == "%d" and isinstance(e, float)) for e in term.examples):
            raise ValueError
    parts, rest = ['""'], list(values)
    for piece in re.split(r"(%[sdv%])", layout):
        if piece in ("%s", "%d", "%v"):
            parts.append(str(rest.pop(0)))
        elif piece:
            parts.append(json.dumps("%" if piece == "%%" else piece, ensure_ascii=False))
    return Term(" ~ ".join(parts), ("",), atom=False)


FUNCTIONS: dict[str, Callable[[Sequence[Term], nodes.Command], Term]] = {
    "eq": _eq,
    **dict.fromkeys(_COMPARED, _compared),
    "and": _and_or,
    "or": _and_or,
    "not": _not,
    "len": _len,
    "index": _index,
    "print": _print,
    "printf": _printf,
}
