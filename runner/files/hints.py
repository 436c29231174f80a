"""What a YAML syntax error means to someone who wrote SQL expressions, templates and file patterns into the file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_QUOTE = 'quote the whole value: "…"'
_TEMPLATE = re.compile(r"\{\{.*|\$\{.*")
_NEVER_CLOSED = re.compile(r"unexpected end of stream|expected ',' or|unexpected document")
_BAD_START = re.compile(r"cannot start any token|anchor or alias|alphabetic or numeric|tag|directive|indentation ind")


@dataclass(frozen=True)
class Better:
    """A syntax error in the user's words, and where to look (not always where the parser gave up)."""

    what: str
    hint: str
    mark: Any


def _line(lines: list[str], mark: Any) -> str:
    """The line of a mark; the parser counts one more after the last."""
    return lines[mark.line] if mark and mark.line < len(lines) else ""


MAX_DEPTH = 50
TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
TOO_DEEP_HINT = "no key of ours needs that: close the [ and { that are open, or quote the value"


def said_better(error: Any, text: str) -> Better:
    """`error` is a yaml.MarkedYAMLError; its wording depends on the parser, so the line itself is looked at too."""
    problem: str = error.problem or "not valid YAML"
    context: str = error.context or ""
    mark = error.problem_mark or error.context_mark
    lines = text.split("\n")
    line = _line(lines, mark)
    at = line[mark.column : mark.column + 1]
    indent = line[: len(line) - len(line.lstrip())]
    # An error in a flow collection is best shown where the collection begins.
    opening = error.context_mark or mark
    if "nesting depth" in problem:  # PyYAML has had a limit of its own since 6.0.4; ours is lower
        return Better(TOO_DEEP, TOO_DEEP_HINT, mark)
    if "\t" in indent and mark.column <= len(indent):
        return Better("a tab in the indentation", "indent with spaces", mark)
    if "quoted scalar" in context and "end of stream" in problem:
        return Better("a quote that opens here is never closed", "close it, or write '' for a quote in quotes", opening)
    if "flow" in context and _TEMPLATE.search(_line(lines, opening)):
        hint = 'quote the value that holds ${…} or {{ … }}: "…"'
        return Better("braces in an unquoted value", hint, opening)
    if "{{" in line[: mark.column]:
        return Better("a template in an unquoted value", 'quote the expression: "{{ … }}…"', mark)
    if "flow" in context and _NEVER_CLOSED.search(problem):
        opened = "'['" if "sequence" in context else "'{'"
        what = f"{opened} opens here and is not closed where it should be"
        return Better(what, "close it, or quote the value that holds a bracket, colon or comma", opening)
    if "node content" in problem or "expected the node content" in problem:
        ended = mark.line >= len(text.rstrip().split("\n"))
        what = "the file ends inside a list or mapping" if ended else "a bracket, comma or colon instead of a value"
        return Better(what, "close each [ and {, or quote the value that holds one", mark)
    if "mapping values are not allowed" in problem:
        return Better("a ': ' in an unquoted value, or a line indented too far", _QUOTE, mark)
    if _BAD_START.search(problem):
        start = error.context_mark if error.context_mark and error.context_mark.line == mark.line else mark
        sign = line[start.column : start.column + 1] or at
        return Better(f"an unquoted value cannot begin with '{sign}'", _QUOTE, start)
    if "could not find expected ':'" in problem:
        return Better("a line without ': '", "write key: value", opening)
    if "unknown escape" in problem:
        hint = "write \\\\ for a backslash, or use single quotes: '…'"
        return Better("an unknown escape in a double-quoted value", hint, mark)
    if "expected <block end>" in problem or "expected key" in problem or "'-' indicator" in problem:
        hint = "lines of one list or mapping begin in the same column; a value with quotes in it is quoted as a whole"
        return Better("this line does not fit the ones above", hint, mark)
    return Better(f"not valid YAML: {problem}", "quote the value, or see what the line before left open", mark)
