"""Time travel: tables as they were at an instant, for AT (TIMESTAMP => …)."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from datetime import datetime
from typing import TYPE_CHECKING

import duckdb

from tests.engines.emulator.account.catalogue import HIDDEN, columns_of
from tests.engines.emulator.errors import Refused, absent
from tests.engines.emulator.names import Key, quoted

if TYPE_CHECKING:
    from tests.engines.emulator.account.account import Account

KEPT = 8  # instants of a database


def no_past(name: str) -> Refused:
    """The error where there is no past of a table, or none any more."""
    text = "The requested time is either beyond the allowed time travel period or before the object creation time."
    return Refused(707, "02000", f"Time travel data is not available for table {name}. {text}")


def to_millisecond(instant: datetime) -> datetime:
    """What is left of an instant in a client's format."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


class Past:
    """An instant: a transaction of DuckDB that began then, and copies of the tables that were asked for."""

    def __init__(self, account: Account, database: str, instant: datetime) -> None:
        self.account, self.database, self.instant = account, database, instant
        self.copies: dict[Key, Key | None] = {}
        self.working = threading.Lock()
        self.known = dict(account.catalogue.relations)
        self.duck = account.cursor()
        self.duck.execute("begin")
        self.duck.execute(f'select 1 from {quoted(database)}."_fs_information_schema"."_fs_load_history" limit 0')

    def copy(self, key: Key) -> Key | None:
        """Where the copy is; None where there was no such table then."""
        with self.working:
            then, now = self.known.get(key), self.account.catalogue.relations.get(key)
            if then is None or now is None or then.serial != now.serial:
                return None  # there was none, or another of the name
            if key not in self.copies:
                self.copies[key] = self._copied(key)
            return self.copies[key]

    def _copied(self, key: Key) -> Key | None:
        seen = [(name, type_) for name, type_, *_ in columns_of(self.duck, key)]
        rows = self.duck.execute(f"select * from {quoted(*key)}").to_arrow_table()
        place = (self.database, HIDDEN, f"P{next(self.account.numbers)}_{key[2]}")
        writer = self.account.cursor()
        try:
            writer.register("past_rows", rows)
            columns = ", ".join(f"{quoted(name)} {type_}" for name, type_ in seen)
            writer.execute(f"create table {quoted(*place)} ({columns})")
            writer.execute(f"insert into {quoted(*place)} select * from past_rows")
        finally:
            writer.close()
        self.account.commits[self.database] += 1
        return place

    def close(self) -> None:
        """The copies are gone."""
        with self.working:
            self.duck.close()
            writer = self.account.cursor()
            for place in self.copies.values():
                if place:
                    with contextlib.suppress(duckdb.Error):
                        writer.execute(f"drop table if exists {quoted(*place)}")
            writer.close()


class Pasts:
    """The instants of each database that are kept."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.pasts: dict[str, OrderedDict[datetime, Past]] = {}

    def hold(self, database: str, instant: datetime) -> Past:
        """From now on the instant may be asked for."""
        with self.account.guard:
            found = Past(self.account, database, instant)
            own = self.pasts.setdefault(database, OrderedDict())
            own[instant] = found
            others = sorted((past for past in own.values() if past is not found), key=lambda past: past.instant)
            for old in others[: max(0, len(own) - KEPT)]:
                del own[old.instant]
                old.close()
            return found

    def at(self, database: str, instant: datetime) -> Past:
        """The instant that a client was told, to the millisecond; one never told begins now."""
        with self.account.guard:
            own = self.pasts.setdefault(database, OrderedDict())
            if instant in own:
                return own[instant]
            short = to_millisecond(instant)
            near = [past for told, past in own.items() if to_millisecond(told) == short]
            return near[-1] if near else self.hold(database, instant)

    def copy_of(self, key: Key, instant: datetime) -> Key:
        """The copy of a table as it was."""
        catalogue = self.account.catalogue
        if catalogue.kind_of(key) is None:
            raise absent("Object", ".".join(key))
        if int((catalogue.note_of(key) or "0 1").split()[1]) == 0:
            raise no_past(key[2])
        copy = self.at(key[0], instant).copy(key)
        if copy is None:
            raise no_past(key[2])
        return copy

    def drop(self, database: str) -> None:
        """The database is gone, with its copies."""
        for past in self.pasts.pop(database, {}).values():
            past.duck.close()
