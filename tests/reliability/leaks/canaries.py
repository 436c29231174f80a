"""Canaries: secrets that no other text holds, and what a text, a file or a table gives away of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from urllib.parse import quote, quote_plus

from tests.engines.db import Db

LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
NASTY = "'\"@:/%$ "
NASTIER = NASTY + "#?&=+;,!()[]{}~^*<>|é\\"
PIECE = 8  # so many letters of a canary in a row are no accident


@dataclass(frozen=True)
class Canary:
    """A secret: 12 letters that stand nowhere else, with all that hurts around and within them."""

    value: str
    letters: str

    def forms(self) -> set[str]:
        """How programs write it: as it is, URL-encoded, quoted for SQL, escaped."""
        encoded = [quote(self.value), quote(self.value, safe=""), quote_plus(self.value)]
        quoted = [self.value.replace("'", "''"), repr(self.value)[1:-1], json.dumps(self.value)[1:-1]]
        return {self.value, *encoded, *map(str.lower, encoded), *quoted}

    def pieces(self) -> set[str]:
        """Parts of its letters, as an excerpt that is cut off may show them."""
        letters = self.letters.lower()
        return {letters[n : n + PIECE] for n in range(len(letters) - PIECE + 1)}


def canary(rng: Random, specials: str = NASTIER) -> Canary:
    """A new one. Its letters are in one piece; the specials come in another order each time."""
    letters = "".join(rng.choice(LETTERS) + rng.choice("23456789") for _ in range(6))
    around = "".join(rng.sample(specials, len(specials)))
    cut = rng.randrange(len(around) + 1)
    return Canary(around[:cut] + letters + around[cut:], letters)


@dataclass
class Cage:
    """The canaries of a test, and where one was seen."""

    canaries: list[Canary]
    looked: int = 0
    seen: list[str] = field(default_factory=list)

    def look(self, text: str, where: str) -> None:
        """Look through a text."""
        self.looked += 1
        folded = text.lower()
        for one in self.canaries:
            if any(form in text for form in one.forms()) or any(piece in folded for piece in one.pieces()):
                self.seen.append(f"{where}: {text.strip()[:600]}")

    def look_at_files(self, folder: Path) -> None:
        """Look through all files of a folder, and their names."""
        for path in sorted(folder.rglob("*")):
            self.look(path.name, str(path))
            if path.is_file():
                self.look(path.read_bytes().decode("utf-8", "replace"), str(path))

    def look_at_state(self, db: Db) -> None:
        """Look through all tables of the runner's own."""
        tables = db.rows("select table_name from information_schema.tables where table_schema = 'runner'")
        assert tables
        for (table,) in tables:
            rows = db.rows(f'select * from runner."{table}"')
            self.look("\n".join(str(value) for row in rows for value in row), f"runner.{table}")
