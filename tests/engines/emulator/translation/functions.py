"""Functions that are not fakesnow's: of the session, of the time, and those whose results DuckDB has otherwise.

What only the session knows when the statement runs is put into the translated text as a mark, which `filled` replaces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from sqlglot import exp

from tests.engines.emulator.names import literal
from tests.engines.emulator.translation.passes import parsed_duck

MARK = "\x01"  # begins and ends what is put into a translated text just before it is run
NOW = {
    "sysdate": f"CAST('{MARK}NOW{MARK}' AS TIMESTAMP)",
    "current": f"CAST('{MARK}NOW{MARK}+00:00' AS TIMESTAMPTZ)",
    "date": f"CAST('{MARK}TODAY{MARK}' AS DATE)",
}
CONTEXT = {  # functions without arguments whose answer is the session's
    "CURRENTSESSION": "SESSION", "CURRENTUSER": "USER", "CURRENTROLE": "ROLE", "CURRENTWAREHOUSE": "WAREHOUSE",
    "CURRENTTRANSACTION": "TRANSACTION", "CURRENTDATABASE": "DATABASE", "CURRENTSCHEMA": "SCHEMA",
    "CURRENTACCOUNT": "ACCOUNT", "CURRENTREGION": "REGION", "CURRENTCLIENT": "CLIENT", "LASTQUERYID": "LAST",
    "CURRENTVERSION": "VERSION", "CURRENTSTATEMENT": "STATEMENT", "CURRENTACCOUNTNAME": "ACCOUNT",
}  # fmt: skip
CALLS = (exp.Func, exp.BitwiseRightShift)  # what `replaced` looks at


def md5_half(node: exp.Expr, part: str) -> exp.Expr:
    half = part.format(exp.MD5(this=node.this).sql("duckdb"))
    return parsed_duck(f"CAST('0x' || {half} AS UBIGINT)")


def json_type(node: exp.Expr) -> exp.Expr:
    """TYPEOF of a VARIANT, which DuckDB's own calls JSON."""
    whole = "CASE WHEN JSON_TYPE(v) IN ('BIGINT', 'UBIGINT') THEN 'INTEGER' ELSE JSON_TYPE(v) END"
    found: exp.Expr = parsed_duck(whole).transform(
        lambda part: node.this.copy() if isinstance(part, exp.Column) else part
    )
    return found


MINE: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {  # DuckDB's own MD5 has the bytes in the other order
    exp.Typeof: json_type,
    exp.MD5NumberLower64: lambda node: md5_half(node, "substr({}, 17)"),
    exp.MD5NumberUpper64: lambda node: md5_half(node, "substr({}, 1, 16)"),
}


def replaced(node: exp.Expr, stays: bool) -> exp.Expr:
    """The call as DuckDB has it; a time that `stays` is that of the use of a view or a default."""
    if stays and isinstance(node, (exp.CurrentTimestamp, exp.Localtimestamp, exp.CurrentDate)):
        return node
    if isinstance(node, exp.CurrentTimestamp):
        return parsed_duck(NOW["sysdate" if node.args.get("sysdate") else "current"])
    if isinstance(node, (exp.Localtimestamp, exp.CurrentDate)):
        return parsed_duck(NOW["date" if isinstance(node, exp.CurrentDate) else "sysdate"])
    if type(node) in MINE:
        return MINE[type(node)](node)
    if isinstance(node, exp.Extract) and node.name.upper() in ("EPOCH", "EPOCH_SECOND"):
        return exp.cast(exp.Floor(this=exp.Extract(this=exp.var("EPOCH"), expression=node.expression)), "bigint")
    if isinstance(node, exp.Anonymous) and node.name.upper() in ("GETDATE", "SYSTIMESTAMP"):
        return parsed_duck(NOW["current"])
    if isinstance(node, exp.BitwiseRightShift):
        node.set("requires_int128", None)  # a 64-bit number is not made wider: its type would be lost to the client
        return node
    if isinstance(node, exp.TimeToStr) and isinstance(node.args.get("format"), exp.Literal):
        pattern = node.args["format"].this
        if "%f_" in pattern or "%n" in pattern:  # fractions of 3, 6 and 9 digits
            for name, digits in (("%f_three", "%g"), ("%f_six", "%f"), ("%f_nine", "%n")):
                pattern = pattern.replace(name, digits)
            return exp.Anonymous(this="strftime", expressions=[node.this, exp.Literal.string(pattern)])
        return node
    name = node.name.upper() if isinstance(node, exp.Anonymous) else type(node).__name__.upper()
    mark = CONTEXT.get(name.replace("_", ""))
    if mark and isinstance(node, exp.Func):
        return exp.Literal.string(f"{MARK}{mark}{MARK}")
    return node


def moment(sql: str) -> bool:
    """Whether the translated text asks for the time."""
    return f"{MARK}NOW{MARK}" in sql


def filled(sql: str, values: Mapping[str, str | None]) -> str:
    """The text with the values in the place of the marks."""

    def put(found: re.Match[str]) -> str:
        value = values[found[1]]
        return literal(f"{value}{found[2]}") if value else "NULL"

    return re.sub(rf"'{MARK}(\w+){MARK}([^']*)'", put, sql)
