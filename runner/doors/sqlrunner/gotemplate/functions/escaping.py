"""Go's escaping functions: html, js, urlquery. Each takes what print takes, and prints nil as `<no value>`."""

from __future__ import annotations

import re

from runner.doors.sqlrunner.gotemplate.functions.printing import checked, print_values
from runner.doors.sqlrunner.gotemplate.values import Value, from_bytes, to_bytes

_HTML = str.maketrans({"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"})
_JS_SPECIAL = re.compile("[\\\\'\"<>&=\x00-\x1f]|[^\x00-\x7f]")
_JS = {"\\": "\\\\", "'": "\\'", '"': '\\"'}
_NOT_IN_QUERY = re.compile(rb"[^A-Za-z0-9_.~-]")


def _text_of(values: tuple[Value, ...]) -> str:
    return print_values(*("<no value>" if value is None else value for value in values))


def html(*values: Value) -> str:
    """Escaped for HTML."""
    return checked([_text_of(values).translate(_HTML)])


def js(*values: Value) -> str:
    """Escaped for a JavaScript string."""
    return checked([_JS_SPECIAL.sub(_js_char, _text_of(values))])


def _js_char(found: re.Match[str]) -> str:
    char = found[0]
    if char in _JS:
        return _JS[char]
    if char < "\x80":
        return f"\\u{ord(char):04X}"
    # A lone byte is written as it is: Go looks at U+FFFD in its place, which can be printed.
    return char if char.isprintable() or "\ud800" <= char <= "\udfff" else f"\\u{ord(char):04X}"


def urlquery(*values: Value) -> str:
    """Escaped for the query part of a URL."""
    return checked([from_bytes(_NOT_IN_QUERY.sub(_query_byte, to_bytes(_text_of(values))))])


def _query_byte(found: re.Match[bytes]) -> bytes:
    return b"+" if found[0] == b" " else b"%%%02X" % ord(found[0])
