"""The corpus of Go templates: what each group of cases makes of `values.DATA`, verified with real Go."""

from __future__ import annotations

from tests.doors.sqlrunner.go import errors, functions, language, printf
from tests.doors.sqlrunner.go.values import Case, Group

GROUPS: tuple[Group, ...] = (
    language.TEXT,
    language.COMMENTS,
    language.TRIM_MARKERS,
    language.FIELDS,
    language.VALUES,
    language.NUMBERS,
    language.STRINGS,
    language.VARIABLES,
    language.IF,
    language.WITH,
    language.RANGE,
    language.TEMPLATES,
    language.PIPELINES,
    functions.AND_OR_NOT,
    functions.EQ_NE,
    functions.ORDER,
    functions.LEN,
    functions.INDEX,
    functions.SLICE,
    functions.PRINT_PRINTLN,
    functions.HTML_JS_URLQUERY,
    functions.GIVEN_FUNCTIONS,
    printf.VERBS,
    printf.WIDTH_AND_PRECISION,
    printf.ARGUMENTS,
    printf.MISTAKES,
    errors.PARSING,
    errors.FIELDS_AND_VALUES,
    errors.CALLS,
    errors.STATEMENTS,
)


def cases() -> list[Case]:
    """All cases of all groups."""
    return [case for group in GROUPS for case in group.cases]
