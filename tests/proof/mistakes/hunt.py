"""One mistake before the tables and the generators: run as a process that imports the rules with the mistake in them.

    python -m tests.proof.mistakes.hunt VERDICTS QUERIES [--keep]

VERDICTS: what the rule without a mistake says of the generators' queries; with `--keep` it is written. A query that
this accepts is known to be right, so only what the mistake lets through is run on data. The answer is a line of JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import duckdb
import sqlglot

from runner.proof.keywise import Refusal, check
from tests.proof import keywise_soak, test_keywise, test_keywise_names, test_merging
from tests.proof.keywise_accepted import ACCEPTED
from tests.proof.keywise_chains import KEYS, ChainAuthor, chain_world, tracked
from tests.proof.keywise_query import Good, No
from tests.proof.keywise_refused import REFUSED
from tests.proof.keywise_world import BY_K, differences, fetch, world
from tests.proof.packages.test_packages import MODELS
from tests.proof.packages.world import COLUMNS
from tests.proof.test_keywise_fuzz import Author

SEEDS = (1, 2, 3)
PLAIN = (
    test_keywise.test_line_of_a_refusal,
    test_keywise.test_message_names_the_sql_and_the_key,
    test_keywise.test_unique_may_be_an_expression,
    test_keywise.test_other_dialects,
    test_keywise_names.test_a_field_is_not_a_column_of_the_same_name,
    test_keywise_names.test_a_path_begins_with_a_table_where_there_are_no_struct_paths,
)


@dataclass
class Found:
    """What came of one mistake: the first query or test that shows it, '' where none does."""

    tables: str = ""
    generator: str = ""  # rows are wrong, or the rule with the catalogue contradicts the rule without
    crash: str = ""
    looser: int = 0  # queries of the generators that are accepted now
    stricter: int = 0  # … that are refused now
    differs: list[str] = field(default_factory=list)  # the first of each


def tables() -> str:
    """The first query of the tables that is not answered as it says there."""
    for test in PLAIN:
        try:
            test()
        except AssertionError:
            return test.__name__
    for sql, right in _asked():
        if not right:
            return " ".join(sql.split())
    return ""


def _asked() -> Iterator[tuple[str, bool]]:
    for case in [*ACCEPTED, *REFUSED]:
        yield (
            case.sql,
            _as_said(case, test_keywise.refusals(case.sql, case.key, case.tracked, getattr(case, "dialect", "duckdb"))),
        )
    for model in MODELS:
        tree = sqlglot.parse_one(model.sql, read="duckdb")
        yield model.sql, _as_said(model, check(tree, model.key, model.tracked, "duckdb", COLUMNS).refusals)  # type: ignore[arg-type]
    for key, sql in test_keywise_names.RIGHT:
        offline, known = keywise_soak.asked(sql, tracked(key))
        yield sql, known.refusals == () and (not offline.refusals or offline.is_open)
    for key, sql, reason in test_keywise_names.WRONG:
        offline, known = keywise_soak.asked(sql, tracked(key))
        yield sql, bool(offline.refusals) and any(reason in refusal.reason for refusal in known.refusals)
    for sql, merge, key_of in [*test_merging.ACCEPTED, *test_merging.PORTABLE]:
        yield sql, test_merging.refusals(sql, merge, key_of) == ()
    for sql, merge, reason in [
        *test_merging.REFUSED,
        *((s, test_merging.X_BY_T, r) for s, r in test_merging.NOT_PORTABLE),
    ]:
        yield sql, any(reason in refusal.reason for refusal in test_merging.refusals(sql, merge))


def _as_said(case: Good, refusals: tuple[Refusal, ...]) -> bool:
    if not isinstance(case, No):
        return refusals == ()
    return any(case.reason in refusal.reason for refusal in refusals)


class Generators:
    """The chains and the fuzz, one query after the other; data only where they are wanted."""

    def __init__(self) -> None:
        self._worlds: dict[bool, tuple[list[duckdb.DuckDBPyConnection], list[duckdb.DuckDBPyConnection]]] = {}

    def verdict(self, number: int) -> tuple[str, bool, bool]:
        """A query, whether it is accepted, and whether the two ways of asking agree."""
        sql, key = self.query(number)
        if not key:
            tree = sqlglot.parse_one(sql, read="duckdb")
            return sql, not check(tree, ("k",), BY_K, "duckdb").refusals, True  # type: ignore[arg-type]
        offline, known = keywise_soak.asked(sql, tracked(key))
        agree = offline.is_open or bool(offline.refusals) == bool(known.refusals)
        return sql, not (offline.refusals and known.refusals), agree

    def query(self, number: int) -> tuple[str, str]:
        """The query of this number, and the name of its key; '' for the fuzz."""
        names = ["", *KEYS]
        key = names[number % len(names)]
        seed = 50_000 + number // len(names)
        return (ChainAuthor(seed, key).query(), key) if key else (Author(seed).query(2), "")

    def wrong(self, number: int) -> bool:
        """Whether a query gives other rows per key, or in another order of rows."""
        sql, key = self.query(number)
        make = chain_world if key else world
        if bool(key) not in self._worlds:
            self._worlds[bool(key)] = ([make(seed) for seed in SEEDS], [make(seed, backwards=True) for seed in SEEDS])
        worlds, backwards = self._worlds[bool(key)]
        try:
            if key:
                return bool(keywise_soak.wrong(sql, tracked(key), worlds, backwards))
            if any(fetch(a, sql, ("k",)) != fetch(b, sql, ("k",)) for a, b in zip(worlds, backwards, strict=True)):
                return True
            return bool(differences(sql, ("k",), BY_K, worlds))
        except duckdb.Error:
            return False  # types that do not fit: no query of the rule's


def hunt(verdicts: str) -> Found:
    """The tables first, then the generators over as many queries as there are verdicts."""
    found = Found()
    try:
        found.tables = tables()
        generators, looser, stricter = Generators(), "", ""
        for number, before in enumerate(verdicts):
            sql, accepted, agree = generators.verdict(number)
            if not agree and not found.generator:
                found.generator = f"without and with the catalogue: {sql}"
            if accepted and before == "0":
                found.looser, looser = found.looser + 1, looser or sql
                if not found.generator and generators.wrong(number):
                    found.generator = f"wrong rows: {sql}"
            elif not accepted and before == "1":
                found.stricter, stricter = found.stricter + 1, stricter or sql
        found.differs = [sql for sql in (looser, stricter) if sql]
    except Exception as error:  # whatever it is, it is the mistake's
        found.crash = f"{type(error).__name__}: {error}"
    return found


def main() -> None:
    """The process."""
    path, queries = Path(sys.argv[1]), int(sys.argv[2])
    if "--keep" in sys.argv:
        assert tables() == "", "the tables do not hold without a mistake"
        generators = Generators()
        path.write_text("".join("01"[generators.verdict(number)[1]] for number in range(queries)), encoding="utf-8")
        return
    print(json.dumps(asdict(hunt(path.read_text(encoding="utf-8")[:queries]))))


if __name__ == "__main__":
    main()
