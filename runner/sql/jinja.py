"""Jinja in SQL files: the playbook's variables and two filters, `lit` and `ident`, in a sandbox (sandbox.py).

Imported by templates.py where a text has something to fill in.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from jinja2 import TemplateSyntaxError, Undefined, UndefinedError
from jinja2.exceptions import TemplateError

from runner.errors import BadInput, Place, Problem, show
from runner.sql.sandbox import Refused, Sandbox
from runner.sql.templates import NamedTables

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*){0,2}")
_HINT = "templates have {{ name }}, if, for, set and a few filters; {% raw %}…{% endraw %} for braces as they are"


def literal(value: object) -> str:
    """A SQL literal: what is in it cannot leave it. Lists become a comma list."""
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()
    if isinstance(value, (list, tuple)):
        return ", ".join(_one_literal(item) for item in value)
    return _one_literal(value)


def _one_literal(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        if not math.isfinite(value):
            raise TemplateError(f"{value} is not a number that every engine knows")
        return str(value)
    if not isinstance(value, str):
        raise TemplateError(f"a {type(value).__name__} is no literal")
    if "\0" in value or "\\" in value:
        raise TemplateError("a NUL or backslash cannot stand in a literal that is safe on every engine")
    return "'" + value.replace("'", "''") + "'"


def identifier(value: object) -> str:
    """A plain, optionally qualified SQL identifier, or an error."""
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()
    if not IDENTIFIER.fullmatch(str(value)):
        raise TemplateError(f"{show(str(value))} is not an identifier")
    return str(value)


def render_template(text: str, values: Mapping[str, object], place: Place) -> str:
    """Render `text`; any error is BadInput at the file's line."""
    sandbox = Sandbox((("lit", literal), ("ident", identifier)), (NamedTables,))
    try:
        return sandbox.ready(text).render(dict(values))
    except Refused as refused:
        raise _wrong(place, refused.line, refused.what, refused.hint) from None
    except TemplateSyntaxError as error:
        raise _wrong(place, error.lineno, error.message or "not a template") from None
    except UndefinedError as error:
        name = _undefined_name(str(error))
        if not name:
            raise _wrong(place, _line_of(error, text, ""), str(error)) from None
        hint = f"add it under variables: in the playbook ({', '.join(sorted(values)) or 'none yet'})"
        line = _line_of(error, text, name)
        raise BadInput(Problem(Place(place.path, line), f"variable {name} is not defined", hint)) from None
    except RecursionError:
        raise _wrong(place, 1, "nested too deeply") from None
    except (TemplateError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError, SyntaxError) as error:
        # A SyntaxError is Python's own, about the code that Jinja makes of the template.
        said = error.msg if isinstance(error, SyntaxError) else str(error).splitlines()[0] if str(error) else ""
        raise _wrong(place, _line_of(error, text, ""), said or type(error).__name__) from None


def _wrong(place: Place, line: int, what: str, hint: str = _HINT) -> BadInput:
    short = what if len(what) <= 200 else f"{what[:199]}…"
    return BadInput(Problem(Place(place.path, line or 1), f"template: {short}", hint))


def _undefined_name(message: str) -> str:
    found = re.match(r"'([^']+)' is undefined", message)
    return found[1] if found else ""


def _line_of(error: BaseException, text: str, name: str) -> int:
    """Jinja maps the traceback of a compiled template back to the lines of its text."""
    traceback = error.__traceback__
    line = 0
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == "<template>":
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    if not line and name and name in text:
        line = text[: text.index(name)].count("\n") + 1
    return line
