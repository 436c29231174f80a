"""The language that templates may use: a small part of Jinja, with a budget, so that none can hang or fill the memory.

Jinja's own sandbox keeps a template from Python's insides; it does not keep it from `'a' * 10 ** 9`, from loops in loops,
or from a text that doubles itself. Here a template has fuel: every turn of a loop, every character that an operator or a
filter makes, takes some. What a SQL file does not need (macros, includes, formatting) is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from jinja2 import StrictUndefined, Template, Undefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

FUEL = 3_000_000
STEP = 10  # what a node of a loop's body costs a turn; a character costs 1
MAX_DEPTH = 40  # of nodes; Python's compiler needs seconds for a hundred brackets in each other
MAX_LOOPS = 8  # in each other

_TAGS = (
    (nodes.Include, "include", "a SQL file is one text: put what is shared into a model"),
    (nodes.Import, "import", "a SQL file is one text: put what is shared into a model"),
    (nodes.FromImport, "import", "a SQL file is one text: put what is shared into a model"),
    (nodes.Extends, "extends", "a SQL file is one text: put what is shared into a model"),
    (nodes.Block, "block", "write the text where it belongs"),
    (nodes.Macro, "macro", "write {% set name %}…{% endset %} for a text that is used twice"),
    (nodes.CallBlock, "call", "write {% set name %}…{% endset %} for a text that is used twice"),
    (nodes.FilterBlock, "filter", "write {{ value | filter }}"),
)
_KEPT_FILTERS = (
    "default", "join", "lower", "upper", "length", "int", "float", "replace", "trim", "first", "last", "list",
)  # fmt: skip
_TEXT_METHODS = {
    "lower", "upper", "title", "capitalize", "strip", "lstrip", "rstrip", "startswith", "endswith", "split", "count",
    "find", "isdigit", "removeprefix", "removesuffix",
}  # fmt: skip
_METHODS: tuple[tuple[type, set[str]], ...] = (
    (str, _TEXT_METHODS),
    (dict, {"items", "keys", "values", "get"}),
    (tuple, {"index", "count"}),
    (list, {"index", "count"}),
    (LoopContext, {"index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem"}),
)
_SCALARS = (str, int, float, bool, type(None))


class Refused(Exception):
    """A part of the language that templates have not: what, a hint and the line."""

    def __init__(self, what: str, hint: str, line: int) -> None:
        super().__init__(what)
        self.what, self.hint, self.line = what, hint, line


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of one template; `names` are the classes of its own objects, whose fields it may read."""

    def __init__(self, filters: Iterable[tuple[str, Callable[[object], str]]], names: tuple[type, ...] = ()) -> None:
        super().__init__(undefined=StrictUndefined, keep_trailing_newline=True, finalize=self._printed, cache_size=0)
        self.globals.clear()
        self.intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})
        self.optimized = False
        own: dict[str, Callable[..., Any]] = {name: self.filters[name] for name in _KEPT_FILTERS}
        self.filters = {name: self._weighed(run) for name, run in own.items()} | dict(filters)
        self.filters["replace"] = self._replace
        self.filters["join"] = self._join
        self._names = names
        self._fuel = FUEL

    def ready(self, text: str) -> Template:
        """The template, checked. Raises TemplateSyntaxError and Refused."""
        tree = self.parse(text)
        _check(tree, 0, 0)
        self._guard(tree)
        return self.from_string(tree)

    # -- fuel -------------------------------------------------------------------------------------------------------

    def spend(self, amount: int) -> None:
        """Take fuel. Raises SecurityError once there is none."""
        self._fuel -= amount
        if self._fuel < 0:
            raise SecurityError("it makes too long a text, or loops too often")

    def _guard(self, node: nodes.Node) -> None:
        """Put the calls that spend fuel into the tree."""
        for name, value in list(node.iter_fields()):
            if isinstance(value, nodes.Node):
                self._guard(value)
                setattr(node, name, _guarded(value))
            elif isinstance(value, list):
                for item in value:
                    if isinstance(item, nodes.Node):
                        self._guard(item)
                setattr(node, name, [_guarded(item) if isinstance(item, nodes.Node) else item for item in value])
        if isinstance(node, nodes.For):
            cost = nodes.Const(STEP * (1 + sum(_weight(child) for child in node.body)), lineno=node.lineno)
            node.body.insert(0, nodes.ExprStmt(_call("spend", [cost], node.lineno), lineno=node.lineno))

    # -- values -----------------------------------------------------------------------------------------------------

    def joined(self, *values: object) -> str:
        """`a ~ b`."""
        return "".join([self._printed(value) for value in values])

    def listed(self, *values: object) -> tuple[object, ...]:
        """A list that is made of values: flat, or it could grow without an end."""
        self.spend(STEP * len(values))
        for value in values:
            self._only_scalar(value)
        return values

    def _only_scalar(self, value: object) -> None:
        if isinstance(value, Undefined):
            str(value)  # raises
        if not isinstance(value, _SCALARS):
            raise SecurityError("a list in a list")

    def _printed(self, value: object) -> str:
        """What stands for a value in the text."""
        if isinstance(value, (list, tuple)):
            self.spend(STEP * len(value))
            for item in value:
                self._only_scalar(item)
        elif not isinstance(value, (*_SCALARS, Undefined, *self._names)):
            raise SecurityError(f"a {type(value).__name__} cannot be printed")
        text = str(value)
        self.spend(len(text))
        return text

    def _weighed(self, run: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(run)  # which keeps Jinja's mark that it wants the environment first
        def weighed(*args: object, **more: object) -> object:
            self.spend(STEP * sum(len(a) if isinstance(a, (str, list, tuple, dict)) else 1 for a in args))
            return run(*args, **more)

        return weighed

    def _replace(self, value: object, old: object, new: object) -> str:
        text, what, by = str(value), str(old), str(new)
        self.spend(len(text) + text.count(what) * len(by))
        return text.replace(what, by)

    def _join(self, value: Iterable[object], d: object = "") -> str:
        return self.joined(*(part for n, item in enumerate(value) for part in ((d, item) if n else (item,))))

    # -- what Jinja's sandbox asks ----------------------------------------------------------------------------------

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Only the fields of our own objects, and methods that neither change anything nor make long texts."""
        if isinstance(obj, self._names):
            return not attr.startswith("_")
        return any(isinstance(obj, kind) and attr in methods for kind, methods in _METHODS)

    def wrap_str_format(self, value: Any) -> None:
        """Nothing: str.format is no method that templates have."""

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """An operator; what it would make is weighed before."""
        for operand in (left, right):
            if not isinstance(operand, (int, float, str, list, tuple, Undefined)):
                raise TypeError(f"{operator} on a {type(operand).__name__}")
        if operator == "%" and isinstance(left, str):
            raise SecurityError("% on a text")
        if operator == "**":
            self.spend(_bits(left) * abs(int(right)) if isinstance(right, (int, float)) else 1)
        elif operator == "*":
            self.spend(_bits(left) + _bits(right))
            for sequence, times in ((left, right), (right, left)):
                if isinstance(sequence, (str, list, tuple)) and isinstance(times, int):
                    self.spend(_size(sequence) * max(0, times))
        else:
            self.spend(_size(left) + _size(right))
        return super().call_binop(context, operator, left, right)


def _size(value: object) -> int:
    return len(value) if isinstance(value, str) else STEP * len(value) if isinstance(value, (list, tuple)) else 1


def _bits(value: object) -> int:
    return 1 + value.bit_length() // 8 if isinstance(value, int) else 1


def _call(name: str, args: list[nodes.Expr], line: int) -> nodes.Call:
    target = nodes.EnvironmentAttribute(name, lineno=line)
    return nodes.Call(target, args, [], None, None, lineno=line)


def _guarded(node: nodes.Node) -> nodes.Node:
    """The node, or the call that does the same and spends fuel."""
    if isinstance(node, nodes.Concat):
        return _call("joined", node.nodes, node.lineno)
    if isinstance(node, (nodes.List, nodes.Tuple)) and getattr(node, "ctx", "load") == "load" and not _fixed(node):
        return _call("listed", node.items, node.lineno)
    return node


def _fixed(node: nodes.Node) -> bool:
    """Whether it is written out: then it is no larger than the file."""
    if isinstance(node, (nodes.List, nodes.Tuple)):
        return all(map(_fixed, node.items))
    if isinstance(node, nodes.Dict):
        return all(_fixed(pair.key) and _fixed(pair.value) for pair in node.items)
    return isinstance(node, nodes.Const)


def _weight(node: nodes.Node) -> int:
    own = len(node.data) // STEP if isinstance(node, nodes.TemplateData) else 0
    return 1 + own + sum(_weight(child) for child in node.iter_child_nodes())


def _check(node: nodes.Node, depth: int, loops: int) -> None:
    """Refuse what templates have not."""
    for kind, name, hint in _TAGS:
        if isinstance(node, kind):
            raise Refused(f"{{% {name} %}} is not supported", hint, node.lineno)
    if isinstance(node, nodes.For):
        loops += 1
        if node.recursive:
            raise Refused("a recursive loop is not supported", "write out the levels", node.lineno)
    if isinstance(node, nodes.Dict) and not _fixed(node):
        raise Refused("a mapping is written out, without variables", "use a list, or one variable each", node.lineno)
    if depth > MAX_DEPTH or loops > MAX_LOOPS:
        raise Refused("nested too deeply", "take a part out with {% set name = … %}", node.lineno)
    for child in node.iter_child_nodes():
        _check(child, depth + 1, loops)
