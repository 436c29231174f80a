"""A small data product for tests: structures, a source application, a specification of each sort, and rows by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.engines.db import Db, literal
from tests.kit import driver

ORDERED, LOOKED = "11111111-0000-4000-8000-000000000001", "11111111-0000-4000-8000-000000000002"
SPECIFICATION_COLUMN = "contexts_com_snowplowanalytics_snowplow_event_specification_1"
ORDER: dict[str, Any] = {
    "type": {"enum": ["new", "again"], "description": "What sort of order"},
    "itemCount": {"type": "integer", "minimum": 0, "maximum": 100},
    "total": {"type": ["number", "null"]},
    "orderedAt": {"type": "string", "format": "date-time"},
    "due": {"type": ["string", "null"], "format": "date"},
    "isGift": {"type": "boolean"},
    "anything": {"type": ["string", "integer", "object"]},
    "meta-data": {"type": "object"},
    "tags": {"type": ["array", "null"]},
    "nr": {"type": "integer"},
}
DERIVED = ("type", "item_count", "total", "ordered_at", "due", "is_gift", "anything", "meta_data", "tags", "nr")
STRUCTURES: dict[str, dict[str, Any]] = {
    "com.acme/orderPlaced/1-0-0": {name: ORDER[name] for name in ("type", "itemCount")},
    "com.acme/orderPlaced/1-0-1": ORDER,
    "com.acme/user/1-0-0": {"id": {"type": "string", "maxLength": 40}, "email": {"type": ["string", "null"]}},
    "com.acme/item/1-0-0": {"sku": {"type": "string"}, "unitPrice": {"type": "number"}, "size": {"type": "object"}},
    "com.acme/screen/2-0-0": {"name": {"type": "string"}},
}
APPLICATION = {
    "apiVersion": "v1",
    "resourceType": "source-application",
    "resourceName": "shop",
    "data": {
        "name": "Shop",
        "appIds": ["shop"],
        "entities": {"tracked": [{"source": "iglu:com.acme/screen/jsonschema/2-0-0", "maxCardinality": 1}]},
    },
}
PRODUCT = f"""
apiVersion: v1
resourceType: data-product
resourceName: 22222222-0000-4000-8000-000000000001
data:
  name: Small Shop
  description: Orders of a small shop
  sourceApplications:
    - $ref: ./apps/shop.json
  eventSpecifications:
    - resourceName: {ORDERED}
      name: Ordered
      event:
        source: iglu:com.acme/orderPlaced/jsonschema/1-0-1
        schema:
          type: object
          additionalProperties: false
          required: [type]
          properties:
            type: {{enum: [new]}}
            itemCount: {{type: integer, minimum: 1}}
      entities:
        tracked:
          - {{source: "iglu:com.acme/user/jsonschema/1-0-0", minCardinality: 1, maxCardinality: 1}}
        enriched:
          - source: iglu:com.acme/item/jsonschema/1-0-0
            minCardinality: 1
            schema:
              type: object
              properties:
                unitPrice: {{maximum: 50}}
    - resourceName: {LOOKED}
      name: Looked
      event:
        source: iglu:com.snowplowanalytics.snowplow/page_view/jsonschema/1-0-0
"""
NAMES = {"orderPlaced": "unstruct_event_com_acme_order_placed_1"} | {
    name: f"contexts_com_acme_{name}_{major}" for name, major in (("user", 1), ("item", 1), ("screen", 2))
}
SHREDS = {
    "com_acme_order_placed_1": (
        ("type", "item_count", "total", "ordered_at", "due", "is_gift", "anything", "meta_data", "tags", "nr"),
        "varchar, integer, double precision, timestamp, date, boolean, varchar, varchar, varchar, bigint",
    ),
    "com_acme_user_1": (("id", "email"), "varchar, varchar"),
    "com_acme_item_1": (("sku", "unit_price", "size"), "varchar, double precision, varchar"),
    "com_acme_screen_2": (("name",), "varchar"),
    "com_snowplowanalytics_snowplow_event_specification_1": (("id",), "varchar"),
}


def schema(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """A self-describing schema by vendor/name/version."""
    vendor, called, version = name.split("/")
    own = {"vendor": vendor, "name": called, "format": "jsonschema", "version": version}
    return {"self": own, "type": "object", "properties": properties}


def write(folder: Path, product: str = PRODUCT, structures: dict[str, dict[str, Any]] = STRUCTURES) -> Path:
    """The files of a project; the path of its data product."""
    for number, (name, properties) in enumerate(structures.items()):
        bare = schema(name, properties)
        wrapped = {"apiVersion": "v1", "resourceType": "data-structure", "meta": {}, "data": bare}
        path = folder / "schemas" / f"{name.replace('/', '-')}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(bare if number % 2 else wrapped, indent="\t"))
    (folder / "apps").mkdir(exist_ok=True)
    (folder / "apps" / "shop.json").write_text(json.dumps(APPLICATION, indent=1))
    path = folder / "product.yml"
    path.write_text(product)
    return path


def generate(folder: Path, output: str, *flags: str, code: int = 0) -> str:
    """`runner generate OUTPUT product.yml`; what it said."""
    said = driver.command("generate", output, str(folder / "product.yml"), "--schemas", str(folder / "schemas"), *flags)
    assert said.code == code, said.text
    return said.text


def element(row: dict[str, Any], names: tuple[str, ...]) -> list[Any]:
    """The cells of an element in a shredded table."""
    plain = {"".join("_" + c.lower() if c.isupper() else c for c in key).replace("-", "_"): v for key, v in row.items()}
    cells = [plain.get(name) for name in names]
    return [json.dumps(cell) if isinstance(cell, (dict, list)) else cell for cell in cells]


class Warehouse:
    """atomic.events of one engine, with the tables of structures where it has them."""

    def __init__(self, db: Db, layout: str = "json") -> None:
        self.db = db
        self.structs = layout == "struct"
        db.execute("create schema atomic")
        columns = "event_id varchar, event_vendor varchar, event_name varchar, event_version varchar, user_id varchar, "
        columns += "collector_tstamp timestamp, etl_tstamp timestamp, load_tstamp timestamp, derived_tstamp timestamp, "
        columns += "domain_userid varchar, domain_sessionid varchar, network_userid varchar"
        if db.engine == "duckdb":
            tables = (*NAMES.values(), SPECIFICATION_COLUMN)
            columns += "".join(f", {name} {self._struct(name) if self.structs else 'varchar'}" for name in tables)
        db.execute(f"create table atomic.events ({columns})")
        for table, (names, types) in SHREDS.items() if db.engine == "postgres" else ():
            cells = ", ".join(f'"{name}" {type_}' for name, type_ in zip(names, types.split(", "), strict=True))
            db.execute(f"create table atomic.{table} (root_id varchar, root_tstamp timestamp, {cells})")

    @staticmethod
    def _struct(name: str) -> str:
        """The type of a column of structs: its fields are those of the table that Postgres would have."""
        names, types = SHREDS[name.removeprefix("unstruct_event_").removeprefix("contexts_")]
        fields = ", ".join(f'"{field}" {type_}' for field, type_ in zip(names, types.split(", "), strict=True))
        return f"struct({fields})" + ("" if name.startswith("unstruct") else "[]")

    def _document(self, name: str, value: Any) -> str:
        """A cell of DuckDB's column of a structure."""
        if not self.structs:
            return json.dumps(value)
        names = SHREDS[name.removeprefix("unstruct_event_").removeprefix("contexts_")][0]
        plain = [
            dict(zip(names, element(row, names), strict=True))
            for row in (value if isinstance(value, list) else [value])
        ]
        return json.dumps(plain if isinstance(value, list) else plain[0])

    def event(self, event_id: str, specification: str = "", hour: int = 0, **elements: Any) -> None:
        """One event; structures by name, an event's as a mapping, entities as lists; of several specifications by a space."""
        tstamp = f"2024-03-01 {hour:02}:00:00"
        name = "order_placed" if "orderPlaced" in elements else "page_view"
        vendor = "com.acme" if "orderPlaced" in elements else "com.snowplowanalytics.snowplow"
        cells = [event_id, vendor, name, "1-0-1", f"u-{event_id}", *[tstamp] * 4, None, None, None]
        ids = [{"id": one} for one in ("other", *specification.split())] if specification else []
        if self.db.engine == "duckdb":
            cells += [self._document(NAMES[key], elements[key]) if key in elements else None for key in NAMES]
            cells.append(json.dumps(ids) if ids else None)
        made = [literal(cell).replace(r"\\", "\\") for cell in cells]  # neither of the two engines escapes a backslash
        if self.structs:
            made[12:] = [f"cast({cell} as json)" for cell in made[12:]]
        self.db.execute(f"insert into atomic.events values ({', '.join(made)})")
        if self.db.engine == "postgres":
            rows = {
                f"com_acme_{'order_placed' if k == 'orderPlaced' else k}_{2 if k == 'screen' else 1}": v
                for k, v in elements.items()
            }
            rows["com_snowplowanalytics_snowplow_event_specification_1"] = ids
            for table, found in rows.items():
                for one in found if isinstance(found, list) else [found]:
                    values = [event_id, tstamp, *element(one, SHREDS[table][0])]
                    self.db.execute(f"insert into atomic.{table} values ({', '.join(map(literal, values))})")


def line_of(text: str, part: str) -> int:
    """The line of a text on which `part` stands first."""
    return text[: text.index(part)].count("\n") + 1
