"""What Redshift has not, although Postgres would take it, with the page where that is documented.

Pages are of docs.aws.amazon.com/redshift/latest/dg/; "absent" means that the syntax on that page has no such clause.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.engines.shim.patterns import pattern_of, word_of

PAGES = "https://docs.aws.amazon.com/redshift/latest/dg/"


@dataclass(frozen=True)
class Fault:
    """An error as the server sends it."""

    code: str
    message: str
    detail: str = ""
    hint: str = ""

    def body(self) -> bytes:
        """The fields of an ErrorResponse; an internal error has the place in Redshift's source that is seen in reports."""
        fields = {"S": "ERROR", "C": self.code, "M": self.message, "D": self.detail, "H": self.hint}
        if self.code == "XX000":
            fields |= {"F": "/home/ec2-user/padb/src/sys/xen_execute.cpp", "L": "9797", "R": "pg_throw"}
        return b"".join(f"{key}{value}\0".encode() for key, value in fields.items() if value) + b"\0"


# Seen in github.com/aws/aws-sdk-pandas/issues/665, there too through redshift_connector.
CONFLICT = Fault(
    "XX000",
    "1023",
    "Serializable isolation violation on table - 100, transactions forming the cycle are: 327, 328 (pid:19017)",
)


@dataclass(frozen=True)
class Refusal:
    """What Redshift has not: how it is written, what is said of it, where that is documented."""

    pattern: re.Pattern[str]
    what: str
    page: str
    code: str = "0A000"

    def fault(self) -> Fault:
        """The error."""
        page = self.page if self.page.startswith(("http", "[")) else PAGES + self.page
        return Fault(self.code, self.what if self.code != "0A000" else f"{self.what} is not supported", hint=page)


_FUNCTIONS, _FEATURES = "c_unsupported-postgresql-functions.html", "c_unsupported-postgresql-features.html"
_TYPES, _SELECT, _FROM = "c_unsupported-postgresql-datatypes.html", "r_SELECT_synopsis.html", "r_FROM_clause30.html"
_INSERT, _MERGE, _CREATE, _ALTER = "r_INSERT_30.html", "r_MERGE.html", "r_CREATE_TABLE_NEW.html", "r_ALTER_TABLE.html"
_SETTINGS = "cm_chap_ConfigurationRef.html"
_FOREIGN_TYPES = r"(?:jsonb?|uuid|bytea|xml|money|hstore|inet|cidr|(?:small|big)?serial)"
_ARRAY = r"\s*(?:\([^()]*\)\s*)?\[\s*\d*\s*\]"
CREATES_TABLE = r"^\s*create\s+(?:(?:local\s+)?temp(?:orary)?\s+)?table\b"
_OTHER_SETTING = r"(?:lock_timeout|idle_\w+_timeout|client_connection_check_interval|tcp_keepalives_\w+)"

REFUSALS = tuple(
    Refusal(pattern_of(pattern), *rest)
    for pattern, *rest in (
        (r"\bstring_agg\s*\(", "STRING_AGG", _FUNCTIONS),
        (r"\barray_agg\s*\(", "ARRAY_AGG", _FUNCTIONS),
        (r"\bpg_(?:try_)?advisory_\w+\s*\(", "an advisory lock function", _FUNCTIONS),
        (r"\bis\s+(?:not\s+)?distinct\s+from\b", "IS DISTINCT FROM", _FUNCTIONS),
        (r"\b(?:generate_series|generate_subscripts)\s*\(", "GENERATE_SERIES", _FUNCTIONS),  # but on the leader alone
        (r"\b(?:clock|transaction)_timestamp\s*\(", "CLOCK_TIMESTAMP", _FUNCTIONS),
        (r"^\s*(?:savepoint|release|rollback\s+to)\b", "SAVEPOINT", _FUNCTIONS),
        (r"\barray\s*\[", "an array constructor", _FEATURES),
        (r"\barray\s*\(\s*(?:select|with)\b", "ARRAY(SELECT ...)", "r_array.html"),  # array(1, 2) makes a SUPER
        (r"\(\s*values\b|^\s*values\b", "a VALUES list used as a constant table", _FEATURES),
        (r"^\s*create\s+(?:unique\s+)?index\b", "CREATE INDEX", _FEATURES),
        (r"\bcheck\s*\(", "a CHECK constraint", _FEATURES),
        (r"::\s*" + _FOREIGN_TYPES, "this data type", _TYPES),
        (r"::\s*\w+" + _ARRAY, "an array type", _TYPES),
        (r"\bas\s+" + _FOREIGN_TYPES + r"\s*\)", "this data type", _TYPES),
        (CREATES_TABLE + r"[^()]*\((?:[^()]|\([^()]*\))*\s" + _FOREIGN_TYPES + r"(?:\s|,|\))", "this column type", _TYPES),
        (CREATES_TABLE + r"(?!.*\bas\s*\(?\s*(?:select|with)\b).*\s\w+" + _ARRAY, "a column of an array type", _TYPES),
        (r"->", "an operator of the type JSON", _TYPES),
        (r"\)\s*filter\s*\(\s*where\b", "FILTER (WHERE ...)", "https://github.com/jazzband/django-redshift-backend/pull/74"),
        (r"\bselect\s+distinct\s+on\b", "SELECT DISTINCT ON", "r_SELECT_list.html"),  # absent; its words: github.com/jakob/Postico/issues/420
        (r"\blateral\b", "LATERAL", _FROM),  # absent
        (r"\bfor\s+(?:no\s+key\s+)?(?:key\s+)?(?:update|share)\b", "SELECT FOR UPDATE", _SELECT),  # absent
        (r"\bfetch\s+(?:first|next)\b.*\b(?:only|ties)\b", "FETCH FIRST", "r_ORDER_BY_clause.html"),  # absent
        (r"\bstarts_with\s*\(", "STARTS_WITH", "https://github.com/tobymao/sqlglot/pull/3194"),
        (r"\bto_reg\w+\s*\(", "TO_REGCLASS", "[not verified] Redshift is made from Postgres 8.0, which has it not"),
        (r"\bon\s+conflict\b", "ON CONFLICT", "https://github.com/jazzband/django-redshift-backend/issues/102"),
        (r"^\s*(?:with|insert|update|delete|merge)\b.*\breturning\b", "RETURNING", _INSERT + " [not verified] absent"),
        (r"^\s*create\s+unlogged\b", "UNLOGGED", _CREATE),  # absent
        (CREATES_TABLE + r".*\)\s*on\s+commit\b", "ON COMMIT", _CREATE),  # absent
        (CREATES_TABLE + r"\s+if\s+not\s+exists\b.*\bas\s*\(?\s*(?:select|with)\b", "CREATE TABLE IF NOT EXISTS ... AS", "r_CREATE_TABLE_AS.html"),
        (CREATES_TABLE + r".*\bwith\s+(?:no\s+)?data\b", "WITH NO DATA", "r_CREATE_TABLE_AS.html"),  # absent
        (r"^\s*alter\s+table\b.*\badd\b.*,\s*add\b", "more than one column in an ALTER TABLE", "c_redshift-sql-implementated-differently.html"),
        (r"^\s*alter\s+table\b.*\bcolumn\s+if\s+(?:not\s+)?exists\b", "IF [NOT] EXISTS of a column", _ALTER + " [not verified]"),
        (r"^\s*(?:set|show|reset)\s+(?:(?:session|local)\s+)?" + _OTHER_SETTING, "unrecognized configuration parameter", _SETTINGS + " [not verified]", "42704"),
        # MERGE INTO target USING source [[AS] alias] ON ... WHEN MATCHED THEN ... WHEN NOT MATCHED THEN INSERT ...
        (r"\bmerge\s+into\b.*?\busing\s*\(", "MERGE from a subquery", _MERGE),
        (r"^\s*with\b.*\bmerge\s+into\b", "MERGE with a WITH clause", _MERGE),
        (r"\bmerge\s+into\s+(?:~\s*\.\s*){0,2}~\s+(?!using\b)", "an alias of MERGE's target", _MERGE),
        (r"\bmerge\s+into\b.*\bmatched\s+(?:and|by)\b", "MERGE with a condition in WHEN", _MERGE),
        (r"\bmerge\s+into\b.*\bthen\s+do\s+nothing\b", "MERGE with DO NOTHING", _MERGE),
        (r"\bmerge\s+into\b.*\bwhen\s+matched\b.*\bwhen\s+matched\b", "MERGE with WHEN MATCHED twice", _MERGE),
        (r"\bmerge\s+into\b(?=.*\bwhen\b)(?!.*\bwhen\s+matched\b.*\bwhen\s+not\s+matched\b)", "MERGE without WHEN MATCHED ... WHEN NOT MATCHED", _MERGE),
    )
)  # fmt: skip

WORDS = tuple((word_of(refusal.pattern), refusal) for refusal in REFUSALS)
