"""Bad enrichments, by the rules of docs/semantic-rules.md."""

from __future__ import annotations

from tests.doors.semantic.bad_model import DAYS, LOGIN, PAYMENT, Case, Change, Found

PRODUCTS, OFFERS = "events/products.yml", "events/offers.yml"
TABLE = """\
table_name: app.products
columns:
  sku: {data_type: STRING}
  price: {data_type: NUMBER}
  maker.name: {data_type: STRING}
"""
ON_SKU = "{logical_table: products, on: [{source: product, target: sku}]}"

ON_USER = "{logical_table: TABLE, on: [{source: user_id, target: user_id}]}"


def _joined(what: str = ON_SKU, event: str = PAYMENT) -> Change:
    """An event with an enrichment."""
    return event, "columns:", f"enrichments:\n  - {what}\ncolumns:"


def _case(name: str, join: str, code: str, at: str, word: str, *more: Change) -> Case:
    """Payments joined to products in some way, with one finding in the file of payments."""
    return Case(name, ((PRODUCTS, "", TABLE), _joined(join), *more), (Found(code, PAYMENT, at, word),))


# fmt: off
CASES = [
    _case("an unknown key of an enrichment", ON_SKU.replace("on:", "type: left, on:"), "E01", "type: left", "unknown key"),
    _case("an enrichment by nothing", "{logical_table: products, on: []}", "E01", "on: []", "empty list"),
    _case("an unknown table", ON_SKU.replace("products", "product"), "E06", "logical_table", "did you mean products?"),
    _case("an unknown column to join", ON_SKU.replace("source: product", "source: produkt"), "E06", "produkt", "did you mean product?"),
    _case("an unknown column of the joined table", ON_SKU.replace("sku", "skuu"), "E06", "skuu", "did you mean sku?"),
    _case("a text that is to equal a number", ON_SKU.replace("sku", "price"), "E20", "target: price", "never equal"),
    _case("one table twice", f"{ON_SKU}\n  - {ON_SKU.replace('product,', 'event_name,')}", "E28", "event_name, target", "twice"),
    _case("joined by a field within a column", ON_SKU.replace("sku", "maker.name"), "E28", "maker.name", "make a view"),
    _case("a joined column called as one of the event", ON_SKU, "E02", "logical_table", "products_price", (PAYMENT, "  revenue:", "  products_price: {data_type: NUMBER}\n  revenue:")),
    _case("a joined column with too long a name", ON_SKU, "E03", "logical_table", "longer than 63", (PRODUCTS, "  price:", f"  {'x' * 60}:")),
    _case("by other columns than another event", ON_SKU, "E28", "logical_table", "by sku, and event login by price", _joined("{logical_table: products, on: [{source: minutes, target: price}]}", LOGIN)),
    Case(
        "events in a circle",
        (_joined(ON_USER.replace("TABLE", "login")), _joined(ON_USER.replace("TABLE", "payment"), LOGIN)),
        (Found("E07", LOGIN, "table_name", "login → payment → login"),),
    ),
    Case(
        "a condition of a table that is no event",
        ((PRODUCTS, "", f"where: '{{price}} > 0'\n{TABLE}"), _joined()),
        (Found("E28", PRODUCTS, "where", "no where:"),),
    ),
    Case(
        "a table that nothing is joined to",
        ((PRODUCTS, "", TABLE),),
        (Found("E11", PRODUCTS, "table_name", "under enrichments:"),),
    ),
    Case(
        "a column of two tables",
        (
            (PRODUCTS, "", TABLE),
            (OFFERS, "", TABLE.replace("products", "offers")),
            _joined(f"{ON_SKU}\n  - {ON_SKU.replace('products', 'offers')}"),
            (DAYS, "select: '{revenue}'", "select: '{price}'"),
        ),
        (Found("E06", DAYS, "'{price}'", "write {products.price} or {offers.price}"),),
    ),
    Case(
        "an unknown column of a joined table, in a formula",
        ((PRODUCTS, "", TABLE), _joined(), (DAYS, "select: '{revenue}'", "select: '{products.prize}'")),
        (Found("E06", DAYS, "prize", "did you mean products.price?"),),
    ),
]
