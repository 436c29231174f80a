"""Tables as a playbook speaks of them: their names, compared as the warehouse compares them, and how they lie in storage."""

from __future__ import annotations

from dataclasses import dataclass

OWN = "runner_"  # what the names in the runner's own statements begin with


def is_own(name: str) -> bool:
    """Whether a user's name could be taken for one of the runner's."""
    return name.lower().startswith(OWN)


@dataclass(frozen=True, order=True)
class TableName:
    """A table's name: (schema, table), (catalog, schema, table) or (table,).

    Unquoted parts are folded to lower case when the name is read, so that `Atomic.Events` and `atomic.events`
    are one table; quoted parts keep their case. How a part is written for one engine is the warehouse's matter.
    """

    parts: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.parts)

    @property
    def table(self) -> str:
        return self.parts[-1]

    @property
    def schema(self) -> str | None:
        return self.parts[-2] if len(self.parts) > 1 else None

    def within(self, schema: str) -> TableName:
        """The same name, in `schema` where it names none."""
        return self if len(self.parts) > 1 else TableName((schema, *self.parts))

    def renamed(self, schema: str) -> TableName:
        """The same table in another schema."""
        return TableName((*self.parts[:-2], schema, self.parts[-1]))


def turned(name: str) -> str:
    """A name across Snowflake's border: the core has `events` and Snowflake EVENTS for one that needs no quotes.

    What is in upper case there is in lower case here and the other way round; mixed case is the same on both sides.
    """
    if name == name.upper():
        return name.lower()
    return name.upper() if name == name.lower() else name


@dataclass(frozen=True)
class Layout:
    """How a model's table lies in storage, where its engine lets an author say so: the `redshift:` and `snowflake:`
    blocks of a model. Columns are those of its output.

    Redshift: https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_NEW.html (DISTSTYLE, DISTKEY, SORTKEY).
    Snowflake: https://docs.snowflake.com/en/sql-reference/sql/create-table (CLUSTER BY, TRANSIENT).
    """

    diststyle: str = ""  # auto, even, key, all
    distkey: str = ""
    sortkey: tuple[str, ...] = ()
    cluster_by: tuple[str, ...] = ()
    transient: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that it names."""
        return tuple(dict.fromkeys([*([self.distkey] if self.distkey else []), *self.sortkey, *self.cluster_by]))


PLAIN = Layout()
