"""Where statements end: the runner's scanner and parser against the engines themselves, on texts made to mislead.

A text that the runner takes for one statement, and the engine for two, is a way to run what nobody has looked at.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb
import psycopg

from runner.errors import BadInput, Place
from runner.sql.parser import statements
from tests.engines import postgres
from tests.engines.db import libpq_url
from tests.kit.tally import Tally

SIZE = 20_000
# Pieces of a SELECT list. Each is one expression to DuckDB and to Postgres.
VALUES = (
    "1", "'a'", "';'", "'a''; b'", "''", "''''", "'--'", "'/*'", "'*/'", "'$$'", "'\\'", "'\\'';'", "';\n;'", "'\r;'", "E'a;b'", "E'\\';'",
    "E'\\\\'", "E'\\\\;'", "E'a''\\';'", "e'\\n;'", "$$;$$", "$$a$$", "$a$;$a$", "$a$ $b$ ; $a$", "$a$ $$ ; $$ $a$", "$a_1$;$a_1$", "$$'$$",
    "$$--$$", "$$/*$$", "(1)", "((';'))", "1 - -1", "1 /1", "2 / 1", "- 1", "'a' || ';'", "'a'\n'b'", "'a'\n  ';'", "'é;'",
    "'\u200b;'", "'\U0001f600'", "'\"'", "1 --;\n", "1 -- '\n", "1 --\n", "1 /* ; */", "1 /* ' */", "1 /* -- */", "1 /* /* ; */ ; */",
    "1 /**/", "/* $$ */ 1", "'/*' || '*/'", '1 /* " */', "cast(';' as varchar(9))", "';'::varchar(9)", "case when true then ';' end",
    "'{{'", "'{%'", "'{#' || '#}'", "1 /*/ ; */", "1 --/*\n", "1 /*--*/", "'a' /* 'b; */", "coalesce(null, ';')", "1e3", ".5",
    "'\t;\t'", "N';'", "1 # 2", "1 -- \\\n", "'%;'", "'?;'", "':x;'",
)  # fmt: skip
# The same, but the parser misreads them: the runner may refuse a text that holds one, and may not misjudge it.
MISREAD = (
    "1 /*/* */ */",
    "E'a'\n'\\';'",
    "E'a' -- x\n'\\';'",
    "'a' -- '\n'; b'",
    "1 /*/*/ ; */ */",
    "U&'\\0061;'",
    "x'3b'",
    "b'1'",
)
NAMES = ("x", '"x"', '"a;b"', '"a""; b"', '"--"', '"/*"', '"$$"', '"\'"', "a$b", "a_$$", "a1", '"é"', "ﬁ", "é")
BETWEEN = ("", " ", "\n", "\t", " /* ; */ ", " -- ;\n", "\r\n", " /* ' */ ", "/**/", " --\n", "/* /* */ */")
# What may stand anywhere in a text that is put together without a plan.
LOOSE = (
    "'", "''", '"', "$$", "$a$", "$", "E'", "e'", "\\", "\\'", "--", "/*", "*/", ";", "\n", "\r", "\r\n", " ", "a", "1", "x", "select ", ",", "(",
    ")", "{", "}", "[", "]", "-", "/", "é", "\u00a0", "\x0b", "\x0c", "#", "{#", "#}", "@", "N'", "x'", "U&'", "b'", "$1", "`", "\u2019", "begin ",
    "end", "copy ", "call ", "commit", "drop table t", "{{", "{%", "\x1a", "\u0085", "\u2028",
)  # fmt: skip


def planned(dice: random.Random) -> tuple[str, int]:
    """A text of SELECTs that every engine reads, and how many there are."""
    count = dice.choice((1, 1, 1, 2, 3))
    values = VALUES + MISREAD if dice.random() < 0.2 else VALUES
    texts = []
    for _ in range(count):
        items = [
            f"{dice.choice(values)} as {dice.choice(NAMES)}{n}".replace('"0', '0"') for n in range(dice.randint(1, 3))
        ]
        text = "select" + dice.choice(BETWEEN[1:]) + ", ".join(_named(item) for item in items)
        texts.append(dice.choice(BETWEEN) + text + dice.choice(BETWEEN))
    empty = dice.choice(("", ";", " ; ;", ";\n--;\n;"))
    return ";".join(texts) + empty, count


def _named(item: str) -> str:
    """The number belongs into a quoted name."""
    head, number = item[:-1], item[-1]
    return f'{head[:-1]}{number}"' if head.endswith('"') else item


def loose(dice: random.Random) -> str:
    """A text that may mean anything, after the beginning of a SELECT."""
    return "select 1 as a" + "".join(dice.choice(LOOSE) for _ in range(dice.randint(1, 14)))


def ours(text: str, dialect: str) -> int | None:
    """How many statements the runner sees; None if it refuses the text."""
    try:
        return len(statements(text, dialect, Place()))
    except BadInput:
        return None


def duckdb_counter() -> Callable[[str], int | None]:
    """How many statements DuckDB sees; None if it cannot read the text."""
    connection = duckdb.connect()

    def count(text: str) -> int | None:
        try:
            return len(connection.extract_statements(text))
        except duckdb.Error:
            return None

    return count


@contextmanager
def postgres_counter(url: str) -> Iterator[Callable[[str], int | None]]:
    """How many results Postgres gives for a text sent whole, as the runner sends it; what it does is rolled back."""
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:

        def count(text: str) -> int | None:
            try:
                cursor = connection.execute(text.encode())
            except (psycopg.Error, UnicodeEncodeError):
                return None
            finally:
                if connection.info.transaction_status:
                    connection.execute("rollback")
            found = int(cursor.pgresult is not None and cursor.statusmessage is not None)
            while cursor.nextset():
                found += int(cursor.statusmessage is not None)
            return found

        yield count


def compare(size: int, seed: int, engine: str, count: Callable[[str], int | None]) -> Tally:
    """`size` texts, half of them planned: where both see statements, they see as many; what is planned is not refused."""
    notes: list[str] = []
    refused = 0
    for number in range(seed, seed + size):
        dice = random.Random(number)
        text, known = planned(dice) if number % 2 else (loose(dice), None)
        own, theirs = ours(text, engine), count(text)
        if known is not None and theirs not in (known, None) and engine == "duckdb":
            notes.append(f"seed {number}: the plan says {known}, {engine} {theirs}: {text!r}")
        if own is not None and theirs is not None and own != theirs:
            notes.append(f"seed {number}: {own} for the runner, {theirs} for {engine}: {text!r}")
        if own is None and theirs is not None and known is not None and not any(one in text for one in MISREAD):
            refused += 1
            if refused <= 3:
                notes.append(f"seed {number}: {theirs} statements of {engine} are refused: {text!r}")
    return Tally(
        16,
        "where statements end",
        engine,
        size,
        wrong_reports=len(notes),
        seeds=f"{seed}+{size}",
        notes=tuple(notes[:20]),
    )


def soak(size: int = SIZE, seed: int = 0) -> list[Tally]:
    """Check 16, last clause, on both engines."""
    tallies = [compare(size, seed, "duckdb", duckdb_counter())]
    with postgres.server() as server, postgres.database(server, "splitting") as url, postgres_counter(url) as count:
        tallies.append(compare(size, seed, "postgres", count))
    return tallies
