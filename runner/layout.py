"""How a model's table lies in storage, where its engine lets an author say so; other engines have nothing to say it to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """The `redshift:` and `snowflake:` blocks of a model. Columns are those of its output.

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
