"""Go templates in the files of a playbook: an error of one is BadInput at its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from runner.doors.sqlrunner import gotemplate
from runner.doors.sqlrunner.gotemplate import Function, Template, TemplateError, Value
from runner.errors import BadInput, Place, Problem


def render(text: str, data: Value, functions: Mapping[str, Function], place: Place) -> str:
    """What the text makes of the data. `place` is where it begins. Raises BadInput."""
    with _told(place):
        return gotemplate.render(text, data, functions, _name(place))


def parse(text: str, functions: Mapping[str, Function], place: Place) -> Template:
    """The template that the text is. `place` is where it begins. Raises BadInput."""
    with _told(place):
        return gotemplate.parse(text, _name(place), functions)


def _name(place: Place) -> str:
    return place.path.name if place.path else "template"


@contextmanager
def _told(place: Place) -> Iterator[None]:
    """Lines are counted from that of `place`, if it has one."""
    try:
        yield
    except TemplateError as error:
        line = max(place.line, 1) - 1 + error.line if error.line else place.line
        raise BadInput(Problem(Place(place.path, line), error.what, error.hint)) from None
