"""The syntax tree of a Go template. Every node knows where it stands; `str` of an expression is how Go writes it.

Statements: Text, Comment, Action, If, Range, With, Break, Continue, TemplateCall, Block, Define.
Expressions: Pipe (of Commands), Field, Variable, Chain, Dot, Nil, Bool, Number, String, Identifier; a Pipe among the
arguments of a Command was written in parentheses. Nodes are equal only to themselves: each has its place. Trim markers are gone: the Texts beside them are trimmed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from runner.doors.sqlrunner.gotemplate.syntax.literals import quoted


@dataclass(frozen=True, eq=False)
class Node:
    """Where a node stands: `offset` in characters of the template's text, `line` from 1."""

    offset: int
    line: int


@dataclass(frozen=True, eq=False)
class _Copied(Node):
    """What stands in the text as it is."""

    text: str


class Text(_Copied):
    """Text that is copied to the output."""


class Comment(_Copied):
    """`{{/* text */}}`: `text` is all between the braces, with the stars. Execution passes over it."""


class Dot(Node):
    """`.`: the value that the innermost `with`, `range` or `template` is about."""

    def __str__(self) -> str:
        return "."


class Nil(Node):
    """`nil`."""

    def __str__(self) -> str:
        return "nil"


@dataclass(frozen=True, eq=False)
class Bool(Node):
    """`true` or `false`."""

    value: bool

    def __str__(self) -> str:
        return "true" if self.value else "false"


@dataclass(frozen=True, eq=False)
class Number(Node):
    """A number as it was written; `value` is None if it is too large for Go's int (an error once it is used).

    `integer` is its value where an int is asked for, if it is whole: 1e3 is a float64, but can be given for an int.
    """

    text: str
    value: int | float | complex | None
    integer: int | None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, eq=False)
class String(Node):
    """A string constant: `quoted` as it was written, `value` what it means."""

    quoted: str
    value: str

    def __str__(self) -> str:
        return self.quoted


@dataclass(frozen=True, eq=False)
class Identifier(Node):
    """The name of a function."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, eq=False)
class Field(Node):
    """`.a.b`: the names, without dots."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, eq=False)
class Variable(Node):
    """`$x.a.b`: `name` has the dollar sign; `fields` are the names behind it."""

    name: str
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ".".join((self.name, *self.fields))


@dataclass(frozen=True, eq=False)
class Chain(Node):
    """`(pipeline).a.b`, or a function's name with fields behind it."""

    base: Pipe | Identifier
    fields: tuple[str, ...]

    def __str__(self) -> str:
        base = f"({self.base})" if isinstance(self.base, Pipe) else str(self.base)
        return ".".join((base, *self.fields))


@dataclass(frozen=True, eq=False)
class Command(Node):
    """A function or value with its arguments: `words[0]` is the function or the value."""

    words: tuple[Expression, ...]

    def __str__(self) -> str:
        return " ".join(f"({word})" if isinstance(word, Pipe) else str(word) for word in self.words)


@dataclass(frozen=True, eq=False)
class Pipe(Node):
    """A pipeline: commands of which each is given the value of the one before it as its last argument.

    `variables` are declared (`:=`), or assigned if `assigns` (`=`).
    """

    variables: tuple[Variable, ...]
    assigns: bool
    commands: tuple[Command, ...]

    def __str__(self) -> str:
        names = ", ".join(map(str, self.variables))
        start = f"{names} {'=' if self.assigns else ':='} " if names else ""
        return start + " | ".join(map(str, self.commands))


Expression: TypeAlias = Pipe | Field | Variable | Chain | Dot | Nil | Bool | Number | String | Identifier


@dataclass(frozen=True, eq=False)
class Action(Node):
    """`{{pipeline}}`: printed, unless it declares or assigns a variable."""

    pipe: Pipe


@dataclass(frozen=True, eq=False)
class _Branch(Node):
    """A pipeline, and what is done for it; `orelse` is None without `{{else}}`."""

    pipe: Pipe
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...] | None


class If(_Branch):
    """`{{if}}`; `orelse` holds one If for `{{else if}}`."""


class With(_Branch):
    """`{{with}}`; `orelse` holds one With for `{{else with}}`."""


class Range(_Branch):
    """`{{range}}`; `orelse` is for a range over nothing."""


class Break(Node):
    """`{{break}}`."""


class Continue(Node):
    """`{{continue}}`."""


@dataclass(frozen=True, eq=False)
class TemplateCall(Node):
    """`{{template "name" pipeline}}`; without a pipeline dot is nil in there."""

    name: str
    pipe: Pipe | None

    def __str__(self) -> str:
        return f"{{{{template {quoted(self.name)}{f' {self.pipe}' if self.pipe else ''}}}}}"


@dataclass(frozen=True, eq=False)
class Block(Node):
    """`{{block "name" pipeline}}`: defines a template and calls it on the spot."""

    name: str
    pipe: Pipe
    body: tuple[Statement, ...]

    def __str__(self) -> str:
        return f"{{{{template {quoted(self.name)} {self.pipe}}}}}"


@dataclass(frozen=True, eq=False)
class Define(Node):
    """`{{define "name"}}`: prints nothing where it stands."""

    name: str
    body: tuple[Statement, ...]


Statement: TypeAlias = Text | Comment | Action | If | With | Range | Break | Continue | TemplateCall | Block | Define
