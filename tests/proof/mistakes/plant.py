"""Where a mistake can be planted in the modules of the rules, and the module with it.

The places are nodes of the syntax tree that decide something: conditions, returns, calls of checks, operations on sets,
positions. Messages and hints are left alone.
"""

from __future__ import annotations

import ast
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.kit import ROOT

MODULES = (
    *("block", "calls", "columns", "filled", "from_clause", "grouping", "keywise", "outputs", "relations", "selected"),
    *("merging/merge", "merging/numbered"),
)
WORDING = frozenset({"shown", "_shown", "show", "line_of", "spelled", "_how", "_tie_hint", "_named", "_key"})
WORDS = frozenset({"reason", "hint", "said", "text", "word", "where", "shows", "more", "key", "before"})
OTHERWISE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.Lt: ast.LtE,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
Change = Callable[[ast.AST, ast.AST], ast.AST | None]  # a node and its parent: what stands there instead


@dataclass(frozen=True)
class Site:
    """One mistake that can be made: in which module, at which node of its tree, and what it is."""

    module: str
    node: int  # as `ast.walk` counts
    kind: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.module}.py:{self.line} {self.kind}: {self.text}"


def _negated(node: ast.AST, parent: ast.AST) -> ast.AST | None:
    if isinstance(node, ast.If):
        return ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
    if isinstance(node, ast.IfExp):
        return ast.IfExp(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
    if isinstance(node, ast.comprehension) and node.ifs:
        return ast.comprehension(node.target, node.iter, [ast.UnaryOp(ast.Not(), node.ifs[0]), *node.ifs[1:]], 0)
    return None


def _not_dropped(node: ast.AST, parent: ast.AST) -> ast.AST | None:
    return node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) else None


def _and_for_or(node: ast.AST, parent: ast.AST) -> ast.AST | None:
    if not isinstance(node, ast.BoolOp):
        return None
    return ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)


def _condition_dropped(node: ast.AST, parent: ast.AST) -> ast.AST | None:
    if not isinstance(node, ast.BoolOp):
        return None
    rest = node.values[:-1]
    return rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)


def _any_for_all(node: ast.AST, parent: ast.AST) -> ast.AST | None:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in {"any", "all"}:
        return None
    return ast.Call(ast.Name("any" if node.func.id == "all" else "all", ast.Load()), node.args, node.keywords)


def _return_dropped(node: ast.AST, parent: ast.AST) -> ast.AST | None:
    return ast.Pass() if isinstance(node, ast.Return) and not isinstance(parent, ast.FunctionDef) else None


def _call_dropped(node: ast.AST, parent: ast.AST) -> ast.AST | None:
    return ast.Pass() if isinstance(node, ast.Expr) and isinstance(node.value, (ast.Call, ast.YieldFrom)) else None


def _compared_otherwise(node: ast.AST, parent: ast.AST) -> ast.AST | None:
    if not isinstance(node, ast.Compare) or len(node.ops) != 1:
        return None
    if isinstance(node.ops[0], ast.LtE):
        return ast.Compare(node.comparators[0], [ast.LtE()], [node.left])
    return ast.Compare(node.left, [OTHERWISE[type(node.ops[0])]()], node.comparators)


def _sets_otherwise(node: ast.AST, parent: ast.AST) -> ast.AST | None:
    if not isinstance(node, ast.BinOp):
        return None
    if isinstance(node.op, ast.Sub):
        return ast.BinOp(node.right, ast.Sub(), node.left)
    if isinstance(node.op, (ast.BitAnd, ast.BitOr)):
        return ast.BinOp(node.left, ast.BitOr() if isinstance(node.op, ast.BitAnd) else ast.BitAnd(), node.right)
    return None


def _one_off(node: ast.AST, parent: ast.AST) -> ast.AST | None:
    counts = isinstance(node, ast.Constant) and type(node.value) is int
    return ast.Constant(node.value + 1) if counts and isinstance(node, ast.Constant) else None  # type: ignore[operator]


def _only_the_first(node: ast.AST, parent: ast.AST) -> ast.AST | None:
    if not isinstance(node, (ast.For, ast.comprehension)):
        return None
    first = ast.Subscript(
        ast.Call(ast.Name("list", ast.Load()), [node.iter], []), ast.Slice(None, ast.Constant(1)), ast.Load()
    )
    if isinstance(node, ast.For):
        return ast.For(node.target, first, node.body, node.orelse)
    return ast.comprehension(node.target, first, node.ifs, 0)


def _returns_at_once(node: ast.AST, parent: ast.AST) -> ast.AST | None:
    if not isinstance(node, ast.FunctionDef) or not isinstance(node.returns, ast.Constant) or node.name == "__init__":
        return None
    return ast.FunctionDef(node.name, node.args, [ast.Return(None)], node.decorator_list, node.returns)


CHANGES: dict[str, Change] = {
    "negated": _negated,
    "not dropped": _not_dropped,
    "and for or": _and_for_or,
    "last condition dropped": _condition_dropped,
    "any for all": _any_for_all,
    "return dropped": _return_dropped,
    "call dropped": _call_dropped,
    "compared otherwise": _compared_otherwise,
    "sets otherwise": _sets_otherwise,
    "one off": _one_off,
    "only the first": _only_the_first,
    "returns at once": _returns_at_once,
}


def sites(folder: Path, modules: Sequence[str] = MODULES) -> list[Site]:
    """All places in these modules of a folder, in order."""
    found = []
    for module in modules:
        source = (folder / f"{module}.py").read_text(encoding="utf-8")
        tree, lines = ast.parse(source), source.splitlines()
        parents = {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        decides = set(map(id, _deciding(tree)))
        for number, node in enumerate(ast.walk(tree)):
            if id(node) not in decides:
                continue
            line = getattr(node, "lineno", 0) or getattr(getattr(node, "target", None), "lineno", 0)
            for kind, change in CHANGES.items():
                if change(node, parents[id(node)]) is not None:
                    found.append(Site(module, number, kind, line, lines[line - 1].strip()))
    return found


def planted(source: str, site: Site) -> str:
    """The module with the mistake in it."""
    tree = ast.parse(source)
    parents = {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    node = list(ast.walk(tree))[site.node]
    instead = CHANGES[site.kind](node, parents[id(node)])
    assert instead is not None
    return ast.unparse(ast.fix_missing_locations(_Swap(node, instead).visit(tree)))


@contextmanager
def copied(*packages: str) -> Iterator[Path]:
    """A copy of these folders of the project, to plant mistakes in."""
    with tempfile.TemporaryDirectory() as folder:
        for package in packages:
            shutil.copytree(ROOT / package, Path(folder) / package, ignore=shutil.ignore_patterns("__pycache__"))
        yield Path(folder)


@contextmanager
def standing(site: Site, folder: Path) -> Iterator[None]:
    """The mistake in the folder's module, taken out again at the end."""
    module = folder / f"{site.module}.py"
    source = module.read_text(encoding="utf-8")
    try:
        module.write_text(planted(source, site), encoding="utf-8")
        yield
    finally:
        module.write_text(source, encoding="utf-8")


def environment(copy: Path, **more: str) -> dict[str, str]:
    """Of a process that imports the copy."""
    return {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1", **more}


class _Swap(ast.NodeTransformer):
    """One node instead of another."""

    def __init__(self, node: ast.AST, instead: ast.AST) -> None:
        self.node, self.instead = node, instead

    def visit(self, node: ast.AST) -> ast.AST:
        """The node, or what stands there now."""
        return self.instead if node is self.node else super().generic_visit(node)


def _deciding(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes within functions, without what is said only: docstrings, annotations, messages and hints."""
    stack: list[tuple[ast.AST, bool]] = [(tree, False)]
    while stack:
        node, within = stack.pop()
        if _only_says(node):
            continue
        if within or isinstance(node, ast.FunctionDef):
            yield node
        inside = within or isinstance(node, ast.FunctionDef)
        for name, value in ast.iter_fields(node):
            if name not in {"annotation", "returns", "decorator_list", "args"} or isinstance(node, ast.Call):
                stack += [
                    (child, inside)
                    for child in (value if isinstance(value, list) else [value])
                    if isinstance(child, ast.AST)
                ]


def _only_says(node: ast.AST) -> bool:
    if isinstance(node, ast.FunctionDef):
        return node.name in WORDING
    if isinstance(node, ast.Assign):
        names = [name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
        return all(name in WORDS for name in names) and bool(names)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
