"""What the columns of a table are for, guessed from their names and types, as a reader of the catalogue would."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from runner.doors.semantic.types import DataType
from runner.doors.semantic.values import Column, ColumnTag

NO_PATTERN = re.compile(r"(?!)")


@dataclass(frozen=True)
class Role:
    """What a column can be for: its tag, the option that names it, and by what it is known.

    `names`: the likeliest first, without underscores; `pattern`: how others may be called, of which the shortest is
    taken; `alone`: else the only column of its type.
    """

    tag: ColumnTag
    option: str
    title: str
    types: tuple[DataType, ...]
    names: tuple[str, ...]
    pattern: re.Pattern[str] = NO_PATTERN
    alone: bool = False
    needed: bool = False
    without: str = ""
    """What it means that there is none."""


USER = Role(
    ColumnTag.ENTITY_ID,
    "--user-id-column",
    "user id",
    (DataType.STRING, DataType.INTEGER),
    (
        "userid",
        "entityid",
        "playerid",
        "customerid",
        "accountid",
        "memberid",
        "domainuserid",
        "visitorid",
        "uid",
        "user",
    ),
    re.compile(r"(user|player|customer|account).*id$"),
    needed=True,
)
TSTAMP = Role(
    ColumnTag.TSTAMP,
    "--timestamp-column",
    "timestamp",
    (DataType.DATETIME,),
    (
        *("eventtimestamp", "eventtstamp", "eventtime", "timestamp", "tstamp", "ts", "time", "datetime"),
        *("derivedtstamp", "collectortstamp", "occurredat", "happenedat", "createdat"),
    ),
    alone=True,
    needed=True,
)
DATE = Role(
    ColumnTag.DATE,
    "--date-column",
    "date",
    (DataType.DATE,),
    ("date", "eventdate", "day", "eventday", "activitydate", "partitiondate", "dt", "ds"),
    without="an event's day is that of its timestamp",
)
EVENT_ID = Role(
    ColumnTag.EVENT_ID,
    "--event-id-column",
    "event id",
    (DataType.STRING, DataType.INTEGER),
    ("eventid", "eventuuid", "eventkey", "insertid", "messageid", "uuid", "id"),
    without="every row is an event, also one that was delivered twice",
)
ETL_TSTAMP = Role(
    ColumnTag.ETL_TSTAMP,
    "--etl-timestamp-column",
    "load time",
    (DataType.DATETIME,),
    ("etltstamp", "etltimestamp", "etltime", "loadtstamp", "loadtimestamp", "loadtime", "loadedat", "batchtstamp"),
    re.compile(r"^(etl|load|batch|ingest)|(loaded|ingested|synced|batched)(at|on|time|tstamp)?$"),
    without="a batch is one day of events",
)
AMOUNT = Role(
    ColumnTag.AMOUNT,
    "--transaction-amount-column",
    "transaction amount",
    (DataType.NUMBER, DataType.INTEGER),
    ("transactionamount", "amount", "revenue", "price", "value", "total"),
    re.compile(r"amount|revenue"),
    needed=True,
)
EVENT_NAMES = (
    "eventname",
    "eventtype",
    "event",
    "name",
    "type",
    "kind",
)  # of the column that tells events of one table apart


def guess(role: Role, columns: Sequence[Column], taken: Collection[str]) -> Column | None:
    """The likeliest column for a role that is not taken for another; None where nothing looks like it."""
    fit = [one for one in columns if one.type in role.types and "." not in one.name and one.name not in taken]
    named = {_bare(one): one for one in reversed(fit)}
    if known := next((named[name] for name in role.names if name in named), None):
        return known
    matching = [one for one in fit if role.pattern.search(_bare(one))]
    if matching:
        return min(matching, key=lambda one: len(one.name))
    return fit[0] if role.alone and len(fit) == 1 else None


def event_name_of(columns: Sequence[Column]) -> str:
    """The column that tells the events of one table apart; '' where none looks like it."""
    named = {_bare(one): one.name for one in columns if one.type is DataType.STRING}
    return next((named[name] for name in EVENT_NAMES if name in named), "")


def _bare(column: Column) -> str:
    return column.name.lower().replace("_", "")
