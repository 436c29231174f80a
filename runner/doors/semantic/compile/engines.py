"""What the generated SQL says differently to each engine: types, days, zones, comparisons. All facts in one place."""

from __future__ import annotations

from dataclasses import dataclass

from runner.doors.semantic.values import DataType

FAR = "date '9999-12-31'"
COMMA, PARTS, UNION = ",\n    ", ",\n", "\nunion all\n"  # how generated texts are laid out


@dataclass(frozen=True)
class Dialect:
    """An engine's words; `precision` and `scale` are those of NUMBER columns."""

    engine: str
    precision: int
    scale: int

    def type(self, type_: DataType) -> str:
        """The type of a property's values: of NUMBER with room for sums."""
        return f"decimal(38, {self.scale})" if type_ is DataType.NUMBER else self._plain(type_)

    def column_type(self, type_: DataType) -> str:
        """The type of a column of events."""
        return f"decimal({self.precision}, {self.scale})" if type_ is DataType.NUMBER else self._plain(type_)

    def _plain(self, type_: DataType) -> str:
        return {
            DataType.INTEGER: "bigint",
            DataType.STRING: self.text,
            DataType.DATE: "date",
            DataType.DATETIME: "timestamp_ntz" if self.engine == "snowflake" else "timestamp",
            DataType.BOOLEAN: "boolean",
        }[type_]

    @property
    def text(self) -> str:
        """A text of any length; without a length Redshift keeps 256 bytes."""
        return {"redshift": "varchar(65535)", "postgres": "text"}.get(self.engine, "varchar")

    def name(self, column: str) -> str:
        """A column of the user's tables, in the spelling of the file; capitals alone are any spelling, as in SQL."""
        if column.isupper() and column.replace("_", "").isalnum() and column.lower() not in _WORDS:
            return column
        upper = self.engine == "snowflake" and (column.islower() or column.isupper())
        return f'"{column.upper()}"' if upper else f'"{column}"'

    def day_of(self, tstamp: str, zone: str) -> str:
        """The date of a timestamp in UTC, as it is called in a zone."""
        if zone == "UTC":
            return f"cast({tstamp} as date)"
        if self.engine in ("redshift", "snowflake"):
            return f"cast(convert_timezone('UTC', '{zone}', {tstamp}) as date)"
        return f"cast(timezone('{zone}', timezone('UTC', {tstamp})) as date)"

    def is_endless(self, date: str) -> str:
        """Whether a date is infinite, on engines that have such dates."""
        return f"not isfinite({date})" if self.engine in ("duckdb", "postgres") else ""

    def later(self, tstamp: str, seconds: int) -> str:
        """A timestamp, so many seconds on."""
        if self.engine in ("redshift", "snowflake"):
            return f"dateadd(second, {seconds}, {tstamp})"
        return f"{tstamp} + interval '{seconds} seconds'"

    def days(self, select: str, first: str, last: str, relation: str) -> str:
        """Every date from `first` to `last`, both included, of each row of a relation, as `date` beside `select`."""
        listed = f"{select}, " if select else ""
        if self.engine == "duckdb":
            number = f"cast(unnest(range(0, ({last}) - ({first}) + 1)) as integer)"
            return f"select {listed}{first} + {number} as date from {relation}"
        if self.engine == "postgres":
            return f"select {listed}{first} + generate_series(0, ({last}) - ({first})) as date from {relation}"
        digits = " union all ".join(f"select {n} as n" for n in range(10))
        numbers = (
            f"select a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n as n from ({digits}) a cross join ({digits}) b"
            f" cross join ({digits}) c cross join ({digits}) d cross join ({digits}) e"
        )
        numbers = f"select n from ({numbers}) runner_m where n <= (select max(({last}) - ({first})) from {relation})"
        return (
            f"select {listed}{first} + runner_n.n as date from {relation}"
            f" join ({numbers}) runner_n on runner_n.n <= ({last}) - ({first})"
        )

    def differs(self, left: str, right: str) -> str:
        """Null-safe inequality."""
        if self.engine == "redshift":
            return f"(({left} <> {right}) or (({left} is null) <> ({right} is null)))"
        return f"{left} is distinct from {right}"

    def average(self, total: str, count: str) -> str:
        """A mean, exact to the scale of NUMBER: division of whole numbers cuts on Postgres, and gives a double on DuckDB."""
        exact = self.type(DataType.NUMBER)
        return f"cast(cast({total} as {exact}) / nullif({count}, 0) as {exact})"

    def any_of(self, value: str, type_: DataType, over: str = "") -> str:
        """The one value of a group that is not null; of truth values the aggregate that every engine has."""
        if type_ is DataType.BOOLEAN and self.engine != "duckdb":
            call = "boolor_agg" if self.engine == "snowflake" else "bool_or"
            return f"{call}({value}){over}"
        return f"max({value}){over}"

    def extreme(self, function: str, value: str, type_: DataType, over: str = "") -> str:
        """MIN or MAX, of truth values too."""
        if type_ is DataType.BOOLEAN and self.engine != "duckdb":
            calls = ("boolor_agg", "booland_agg") if self.engine == "snowflake" else ("bool_or", "bool_and")
            return f"{calls[0] if function == 'max' else calls[1]}({value}){over}"
        return f"{function}({value}){over}"


_WORDS = frozenset(
    [
        "all",
        "and",
        "any",
        "array",
        "as",
        "between",
        "by",
        "case",
        "cast",
        "column",
        "date",
        "day",
        "desc",
        "distinct",
        "else",
        "end",
        "from",
        "group",
        "having",
        "hour",
        "in",
        "index",
        "interval",
        "is",
        "join",
        "key",
        "left",
        "like",
        "limit",
        "minute",
        "month",
        "not",
        "null",
        "offset",
        "on",
        "or",
        "order",
        "position",
        "range",
        "rank",
        "references",
        "right",
        "row",
        "rows",
        "second",
        "select",
        "session_user",
        "some",
        "start",
        "table",
        "then",
        "time",
        "timestamp",
        "to",
        "trigger",
        "type",
        "union",
        "unique",
        "user",
        "using",
        "value",
        "values",
        "when",
        "where",
        "window",
        "with",
        "year",
        "zone",
    ]
)
