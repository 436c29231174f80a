"""What loaders make of a JSON schema, and whether a column gives back the JSON: plain Python, nothing of `runner`.

Values are made of schemas by chance; tables are laid out as the loaders' own libraries do it: a column a leaf on Postgres,
structs with names in snake_case and texts of JSON in lakes.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

Node = Mapping[str, Any]
FREE = {"k": "v", "n": [1, None, "x"]}  # an object without a schema
MANY = 30_000


def snake(name: str) -> str:
    """A name as loaders write it in columns."""
    apart = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z\d])([A-Z])", r"\1_\2", apart).replace("-", "_").lower()


def lake_name(name: str) -> str:
    """A field of a struct."""
    found = re.sub(r"[^A-Za-z0-9_]", "_", snake(name))
    return f"_{found}" if found[:1].isdigit() else found


def types(node: Node) -> set[str]:
    """The types that a schema allows, but null."""
    said = node.get("type", [])
    return ({said} if isinstance(said, str) else set(said)) - {"null"}


def kind(node: Node) -> str:
    """One type, or `any` for several or none."""
    said = types(node)
    if said == {"integer", "number"}:
        return "number"
    if len(said) == 1:
        return next(iter(said))
    if not said and "enum" in node and all(isinstance(one, str) or one is None for one in node["enum"]):
        return "string"
    return "any"


def flat(node: Node) -> bool:
    """Whether loaders of tables lay an object out flat."""
    return types(node) == {"object"} and bool(node.get("properties"))


# -- values by chance


def value(node: Node, rng: random.Random, full: bool) -> Any:
    """A value that the schema allows."""
    listed = [one for one in node.get("enum", ()) if one is not None]
    if listed:
        return rng.choice(listed)
    said = sorted(types(node) - {"boolean"}) or sorted(types(node)) or ["string"]
    made = rng.choice(said)
    if made == "object":
        return element(node, rng, full) if node.get("properties") else dict(FREE)
    if made == "array":
        items = node.get("items")
        if not isinstance(items, dict):
            return ["a", 7, {"k": ["v"]}]
        return [value(items, rng, full) for _ in range(rng.randint(0, 2))]
    if made == "boolean":
        return rng.random() < 0.5
    if made in ("integer", "number"):
        return number(node, rng, made)
    return text(node, rng)


def number(node: Node, rng: random.Random, made: str) -> int | float:
    """Within its bounds; money has two digits behind the point."""
    low = max(node.get("minimum", 0), -MANY)
    high = min(node.get("maximum", MANY), MANY)
    whole = rng.randint(int(low), int(max(low, high)))
    return whole if made == "integer" or whole + 1 > high else round(whole + rng.randint(0, 99) / 100, 2)


def text(node: Node, rng: random.Random) -> str:
    """A text of its format and length."""
    form = node.get("format")
    if form == "date-time":
        return rng.choice(["2024-03-01T10:20:30.123Z", "2024-02-29T23:59:59+02:00", "1999-12-31T00:00:00Z"])
    if form == "date":
        return rng.choice(["2024-02-29", "1999-12-31"])
    known = {
        "uuid": "5b3a1f0e-6d0b-4b0a-9a58-0d0c5c4a7a01",
        "ipv4": "10.0.0.1",
        "email": "a@b.co",
        "uri": "http://a.b/?c=1",
    }
    if form in known:
        return known[form]
    least, most = node.get("minLength", 1), min(node.get("maxLength", 9), 9)
    length = max(least, min(most, rng.randint(1, 9)))
    return "".join(rng.choice("abcXYZ019 '\"{é") for _ in range(length - 1)) + "z"


def element(node: Node, rng: random.Random, full: bool) -> dict[str, Any]:
    """An object; not all of its properties if it need not be full."""
    needed = set(node.get("required", ()))
    found = {}
    for name, inner in node.get("properties", {}).items():
        if full or name in needed or rng.random() < 0.5:
            found[name] = value(inner, rng, full)
        elif "null" in inner.get("type", []) and rng.random() < 0.5:
            found[name] = None
    return found


# -- layouts


def leaves(node: Node, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
    """The columns of a table: their paths and schemas."""
    for name, inner in node.get("properties", {}).items():
        if flat(inner):
            yield from leaves(inner, (*above, name))
        else:
            yield (*above, name), inner


def column(path: tuple[str, ...]) -> str:
    """A column's name."""
    return ".".join(map(snake, path))


def postgres_type(node: Node) -> str:
    """As the Postgres loader types a column."""
    said = kind(node)
    if said == "string":
        return {"date-time": "timestamp", "date": "date"}.get(node.get("format", ""), "varchar")
    return {"integer": "bigint", "number": "double precision", "boolean": "boolean"}.get(said, "jsonb")


def at(found: Any, path: tuple[str, ...]) -> Any:
    """What stands at a path."""
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def cell(node: Node, found: Any, sql_type: str) -> Any:
    """A value as a loader puts it into a column."""
    if found is None:
        return None
    if sql_type == "jsonb" or isinstance(found, (dict, list)):
        return json.dumps(found)
    if sql_type.startswith("timestamp"):
        return str(instant(found)) if isinstance(found, str) else found
    return found if isinstance(found, (str, bool)) else str(found)


def lake_type(node: Node, untold: str = "VARCHAR") -> str:
    """As lakes type a field; `untold` is what holds JSON: a text of it, or JSON itself."""
    said = kind(node)
    if said == "object":
        fields = {
            lake_name(name): lake_type(inner, untold)
            for name, inner in sorted(node.get("properties", {}).items(), reverse=True)
        }
        listed = ", ".join(f'"{name}" {made}' for name, made in fields.items())
        return f"STRUCT({listed})" if fields else untold
    if said == "array":
        items = node.get("items")
        return f"{lake_type(items, untold) if isinstance(items, dict) else untold}[]"
    if said == "number" and node.get("multipleOf") == 0.01 and {"minimum", "maximum"} <= set(node):
        return "DECIMAL(18, 2)"
    if said == "string":
        return {"date-time": "TIMESTAMP", "date": "DATE"}.get(node.get("format", ""), "VARCHAR")
    return {"integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}.get(said, untold)


def lake_value(node: Node, found: Any, untold: str = "VARCHAR") -> Any:
    """A value as lakes hold it: what fits no type is JSON, or a text of it."""
    if found is None:
        return None
    said = kind(node)
    if said == "any" or (said == "object" and not node.get("properties")):
        return json.dumps(found) if untold == "VARCHAR" else found
    if said == "object":
        return {
            lake_name(name): lake_value(inner, found.get(name), untold) for name, inner in node["properties"].items()
        }
    if said == "array":
        items = node.get("items")
        return [lake_value(items if isinstance(items, dict) else {}, one, untold) for one in found]
    if said == "string" and node.get("format") == "date-time":
        return str(instant(found))
    return found


# -- comparison


def instant(found: Any) -> datetime:
    """A time in UTC."""
    made = found if isinstance(found, datetime) else datetime.fromisoformat(str(found))
    return made.astimezone(UTC).replace(tzinfo=None) if made.tzinfo else made


def bare(found: Any) -> Any:
    """JSON without nulls in objects, and without objects that hold nothing; keys in snake_case: layouts differ in these."""
    if isinstance(found, dict):
        kept = {lake_name(name): made for name, inner in found.items() if (made := bare(inner)) is not None}
        return kept or None
    return [bare(one) for one in found] if isinstance(found, list) else found


def same(node: Node, got: Any, want: Any) -> bool:
    """Whether a column, or what stands in one, gives back the JSON."""
    said = kind(node)
    if said in ("object", "array") and isinstance(got, str):
        got = json.loads(got)
    if said == "object" and isinstance(want, dict) and node.get("properties"):
        return _same_object(node, got, want)
    if want is None or got is None:
        return bare(got) is None and bare(want) is None
    if said == "array":
        items = node.get("items")
        inner = items if isinstance(items, dict) else None
        if inner is None:
            return bool(bare(got) == bare(want))
        return len(got) == len(want) and all(map(lambda a, b: same(inner, a, b), got, want))
    if said == "any":
        return bool(_plain(got) == _plain(want))
    if said == "string" and node.get("format") == "date-time":
        return instant(got) == instant(want)
    if said == "string" and node.get("format") == "date":
        return bool(str(got) == want)
    if said == "number":
        exact = isinstance(got, Decimal) and round(got, 2) == Decimal(str(want))
        return exact or float(got) == float(want)
    return bool(bare(got) == bare(want)) and isinstance(got, bool) is isinstance(want, bool)


def _same_object(node: Node, got: Any, want: dict[str, Any]) -> bool:
    found = {lake_name(name): inner for name, inner in (got or {}).items()}
    return all(same(inner, found.get(lake_name(name)), want.get(name)) for name, inner in node["properties"].items())


def _plain(found: Any) -> Any:
    """A value of any type as its text: a column of several types holds no other."""
    if isinstance(found, str):
        try:
            inner = json.loads(found)
        except ValueError:
            return found
        return bare(inner) if isinstance(inner, (dict, list)) else found
    return bare(found) if isinstance(found, (dict, list)) else json.dumps(found)
