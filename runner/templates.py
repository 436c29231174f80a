"""Jinja in SQL files: a sandbox with the playbook's variables and two filters, `lit` and `ident`.

Kept apart from sqlfile.py because importing jinja2 costs more than all the rest of a small run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, UndefinedError
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from runner.errors import BadInput, Place, Problem
from runner.problems import show

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*){0,2}")


def literal(value: object) -> str:
    """A SQL literal: what is in it cannot leave it. Lists become a comma list."""
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()
    if isinstance(value, (list, tuple)):
        return ", ".join(literal(item) for item in value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    text = str(value)
    if "\0" in text or "\\" in text:
        raise TemplateError("a NUL or backslash cannot stand in a literal that is safe on every engine")
    return "'" + text.replace("'", "''") + "'"


def identifier(value: object) -> str:
    """A plain, optionally qualified SQL identifier, or an error."""
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()
    if not IDENTIFIER.fullmatch(str(value)):
        raise TemplateError(f"{show(str(value))} is not an identifier")
    return str(value)


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    environment.globals.clear()
    keep = {"default", "join", "lower", "upper", "length", "int", "float", "replace", "trim", "first", "last", "list"}
    environment.filters = {name: run for name, run in environment.filters.items() if name in keep}
    environment.filters |= {"lit": literal, "ident": identifier}
    return environment


_ENVIRONMENT = _environment()


def render_template(text: str, values: Mapping[str, object], place: Place) -> str:
    """Render `text`; any error is BadInput at the file's line."""
    try:
        return _ENVIRONMENT.from_string(text).render(dict(values))
    except TemplateSyntaxError as error:
        raise BadInput(Problem(Place(place.path, error.lineno), f"template: {error.message}")) from None
    except UndefinedError as error:
        name = _undefined_name(str(error))
        hint = f"add it under variables: in the playbook ({', '.join(sorted(values)) or 'none yet'})"
        what = f"variable {name} is not defined" if name else str(error)
        raise BadInput(Problem(Place(place.path, _line_of(error, text, name)), what, hint)) from None
    except SecurityError as error:
        raise BadInput(Problem(Place(place.path, _line_of(error, text, "")), f"template: {error}")) from None
    except (
        TemplateError,
        ArithmeticError,
        TypeError,
        ValueError,
        LookupError,
        AttributeError,
        RecursionError,
    ) as error:
        line = _line_of(error, text, "")
        raise BadInput(Problem(Place(place.path, line), f"template: {str(error) or type(error).__name__}")) from None


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
