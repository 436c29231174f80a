"""What engines do differently is a fact of a value in runner/warehouse/engines, or a rule of runner/porting.

Everything else asks the value. So the rest of the code names an engine only where a name is what it is about, which is
listed here, module by module, with the reason. The list is exact: who takes a name out shortens it.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from runner.warehouse.engines import ENGINES
from tests.kit import ROOT

OWN = ("warehouse", "porting")  # the two packages that are about engines
SQL = "what a SELECT means depends on the SQL that it is written in"
LAYOUT = "how Snowplow's loaders lay out events there: a value an engine, in a module of its own"
NAMED = {  # module → (how often it names an engine, why)
    "doors/products/settings.py": (1, "the engine where none is given"),
    "doors/products/layouts/duckdb.py": (1, LAYOUT),
    "doors/products/layouts/postgres.py": (1, LAYOUT),
    "doors/products/layouts/redshift.py": (1, LAYOUT),
    "doors/products/layouts/snowflake.py": (1, LAYOUT),
    "doors/semantic/commands/query/parquet.py": (1, "the embedded engine, which writes Parquet files for all"),
    "doors/sqlrunner/targets.py": (17, "the types of target that SQL Runner's playbooks have"),
    "playbook/format.py": (2, "the blocks redshift: and snowflake: of a model"),
    "playbook/kinds.py": (4, "sqlglot's dialects, which a file of SQL may be in"),
    "proof/keywise.py": (2, SQL),
    "proof/merging/merge.py": (3, SQL),
    "proof/outputs.py": (1, SQL),
    "proof/relations.py": (8, SQL),
    "program/selects/clock.py": (8, SQL),
    "sql/parser.py": (2, SQL),
    "sql/select.py": (1, SQL),
    "sql/volatile.py": (7, SQL),
}


def test_no_other_module_names_an_engine() -> None:
    """Modules that name an engine, in a text of their own or as a value, are those of the list, as often as it says."""
    package = ROOT / "runner"
    paths = sorted(path for path in package.rglob("*.py") if path.relative_to(package).parts[0] not in OWN)
    found = Counter({str(path.relative_to(package)): _names_in(path) for path in paths})
    assert +found == {module: count for module, (count, _) in NAMED.items()}


def _names_in(path: Path) -> int:
    """How often a module names an engine: in a text of its own, or as its value."""
    return sum(_names_of(node) for node in ast.walk(ast.parse(path.read_text())))


def _names_of(node: ast.AST) -> int:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value in ENGINES
    if isinstance(node, ast.alias):
        return node.name.lower() in ENGINES
    return isinstance(node, ast.Attribute) and node.attr.isupper() and node.attr.lower() in ENGINES
