"""Go's text/template in Python: the same text, byte for byte, and errors with a line and a hint.

`parse` gives a Template, whose `root` is the syntax tree (syntax/nodes.py) and whose `execute` renders it; `render` does both.
values.py says which Python value stands for which Go value. A template cannot hang, fill the memory or raise anything
but TemplateError. What differs from Go, on purpose:

- templates may call each other 100 deep, loops and texts have an end (execute/state.py, functions/printing.py), and so has nesting;
- `slice` takes an index from a variable of the playbook (Go wants it to have gone through a pipeline);
- "can't evaluate field" names the type of the value, not `interface {}`;
- what can be printed is decided by Python's tables of Unicode, which may be older or newer than Go's;
- `printf "%p"` of a list or map prints an address that is always the same.
"""

from runner.doors.sqlrunner.gotemplate.functions.builtin import BUILTINS
from runner.doors.sqlrunner.gotemplate.functions.function import Function, Parameter
from runner.doors.sqlrunner.gotemplate.template import Template, TemplateError, parse, render
from runner.doors.sqlrunner.gotemplate.values import (
    MISSING,
    CallError,
    Int64,
    Missing,
    Result,
    Uint8,
    Uint64,
    Value,
    from_bytes,
    to_bytes,
)

__all__ = [
    "BUILTINS",
    "MISSING",
    "CallError",
    "Function",
    "Int64",
    "Missing",
    "Parameter",
    "Result",
    "Template",
    "TemplateError",
    "Uint8",
    "Uint64",
    "Value",
    "from_bytes",
    "parse",
    "render",
    "to_bytes",
]
