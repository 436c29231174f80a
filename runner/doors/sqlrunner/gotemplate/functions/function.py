"""A function that templates may call, with the Go types of its parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Parameter(Enum):
    """The Go types that a parameter can have. VALUE is reflect.Value: also what is missing arrives as it is."""

    STRING = "string"
    INT = "int"
    FLOAT = "float64"
    BOOL = "bool"
    INTERFACE = "interface {}"
    VALUE = "reflect.Value"


@dataclass(frozen=True)
class Function:
    """A function: `call` is given values that have been checked, and raises CallError where a Go function fails.

    With `variadic` the last parameter may be given any number of times, or not at all.
    """

    call: Callable[..., Any]
    parameters: tuple[Parameter, ...] = ()
    variadic: bool = False

    def parameter(self, index: int) -> Parameter:
        """The parameter that argument number `index` is given for; the number of arguments has been checked."""
        return self.parameters[min(index, len(self.parameters) - 1)]
