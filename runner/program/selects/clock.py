"""Where a SELECT calls the clock: a model that is always built in full is given its run's instant there.

What cannot be given an instant without changing what the SELECT means is a problem, with what to write instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from runner.errors import Place, Problem
from runner.sql.meaning import STRINGS
from runner.sql.select import COLUMNS_FIRST, ClockCall, Moment
from runner.sql.volatile import MOVING, READS_CLOCK, becomes_time, reads_clock, shown

_CALLS = {  # with parentheses, in which a precision may stand
    "current_timestamp": Moment.INSTANT,
    "current_date": Moment.DATE,
    "now": Moment.INSTANT,
    "transaction_timestamp": Moment.INSTANT,
    "statement_timestamp": Moment.INSTANT,
    "clock_timestamp": Moment.INSTANT,
    "localtimestamp": Moment.TIMESTAMP,
    "localtime": Moment.TIME,
}
_WORDS = {  # without
    "current_timestamp": Moment.INSTANT,
    "current_date": Moment.DATE,
    "localtimestamp": Moment.TIMESTAMP,
    "localtime": Moment.TIME,
}
CALLS: Mapping[str, Mapping[str, Moment]] = {
    "duckdb": {
        **_CALLS,
        "get_current_timestamp": Moment.INSTANT,
        "today": Moment.DATE,
        "current_localtimestamp": Moment.TIMESTAMP,
        "current_localtime": Moment.TIME,
        "get_current_time": Moment.TIME_OF_DAY,
    },
    "postgres": {**_CALLS, "current_time": Moment.TIME_OF_DAY},
    "redshift": {**_CALLS, "getdate": Moment.TIMESTAMP},
    "snowflake": {
        **_CALLS,
        "localtimestamp": Moment.INSTANT,
        "getdate": Moment.INSTANT,
        "systimestamp": Moment.INSTANT,
        "sysdate": Moment.TIMESTAMP,
        "current_time": Moment.TIME,
    },
}
WORDS: Mapping[str, Mapping[str, Moment]] = {
    "duckdb": {**_WORDS, "current_time": Moment.TIME_OF_DAY},
    "postgres": {**_WORDS, "current_time": Moment.TIME_OF_DAY},
    "redshift": {**_WORDS, "sysdate": Moment.TIMESTAMP},
    "snowflake": {**_WORDS, "localtimestamp": Moment.INSTANT, "current_time": Moment.TIME},
}
KNOWN = "write current_timestamp or current_date, which are given the run's instant"


@dataclass(frozen=True)
class Clocks:
    """The calls that were found in a text, and what is wrong with others."""

    calls: tuple[ClockCall, ...]
    problems: tuple[Problem, ...]


def clocks(text: str, tree: exp.Query, dialect: str, place: Place) -> Clocks:
    """All calls of the clock in a SELECT."""
    read = [node for node in tree.walk() if reads_clock(node)]
    moving = [node for node in tree.walk() if becomes_time(node, dialect)]
    problems = [Problem(place, f"{shown(node, dialect)} is read as a clock", KNOWN) for node in moving]
    if not read:
        return Clocks((), tuple(problems))
    calls = tuple(_calls(text, dialect))
    if len(calls) != len(read):
        problems.append(_unclear(read, dialect, place))
    problems += _unnamed(tree, dialect, place)
    problems += _taken(tree, {call.word for call in calls}, dialect, place)
    return Clocks(calls, tuple(problems))


def moving(text: str, dialect: str) -> tuple[ClockCall, ...]:
    """Texts such as 'today', which the engine may read as a time: whether it does hangs on what they meet."""
    if dialect not in READS_CLOCK or not MOVING.search(text):
        return ()
    tokens: list[Token] = sqlglot.tokenize(text, read=dialect)
    return tuple(
        ClockCall(token.start, token.end + 1, Moment.INSTANT, token.line, f"'{token.text}'")
        for token in tokens
        if token.token_type in STRINGS and MOVING.search(token.text)
    )


def _calls(text: str, dialect: str) -> Iterator[ClockCall]:
    tokens: list[Token] = sqlglot.tokenize(text, read=dialect)
    kinds = [token.token_type for token in tokens] + [TokenType.SEMICOLON] * 3
    for at, token in enumerate(tokens):
        word = token.text.lower()
        if token.token_type in STRINGS or token.token_type is TokenType.IDENTIFIER:
            continue
        start = token.start
        if at and kinds[at - 1] is TokenType.DOT:
            if at < 2 or tokens[at - 2].text.lower() != "pg_catalog":
                continue
            start = tokens[at - 2].start
        called = kinds[at + 1] is TokenType.L_PAREN
        moment = (CALLS if called else WORDS)[dialect].get(word)
        if moment is None:
            continue
        if not called:
            yield ClockCall(start, token.end + 1, moment, token.line, word)
        elif kinds[at + 2] is TokenType.R_PAREN:
            yield ClockCall(start, tokens[at + 2].end + 1, moment, token.line, word)
        elif kinds[at + 2] is TokenType.NUMBER and kinds[at + 3] is TokenType.R_PAREN:
            yield ClockCall(start, tokens[at + 3].end + 1, moment, token.line, word, tokens[at + 2].text)


def _unclear(read: list[exp.Expr], dialect: str, place: Place) -> Problem:
    """One of the calls has no instant that could stand for it: `age(t)`, `ago(…)`, `timeofday()`."""
    known = {*CALLS[dialect], *WORDS[dialect]}
    odd = next((node for node in read if str(node.this).strip('"').lower() not in known and node.args), read[0])
    return Problem(place, f"{shown(odd, dialect)} reads the clock in a form that is not known here", KNOWN)


def _unnamed(tree: exp.Query, dialect: str, place: Place) -> Iterator[Problem]:
    """Output columns are called after the text that makes them, and an instant would be another text on every run."""
    for select in tree.find_all(exp.Select):
        for item in select.expressions:
            if not isinstance(item, exp.Alias) and any(map(reads_clock, item.walk())):
                what = f"{shown(item, dialect)} reads the clock and has no name"
                yield Problem(place, what, f"give it one: {shown(item, dialect)} as …")


def _taken(tree: exp.Query, words: set[str], dialect: str, place: Place) -> Iterator[Problem]:
    """Columns of the SELECT that are called as the clock is: an outer block would mean them."""
    if dialect not in COLUMNS_FIRST:
        return
    named = [(alias.args["alias"], alias.this) for alias in tree.find_all(exp.Alias)]
    named += [(column, None) for alias in tree.find_all(exp.TableAlias) for column in alias.args.get("columns") or ()]
    for name, value in named:
        if isinstance(name, exp.Identifier) and name.name.lower() in words and not (value and reads_clock(value)):
            what = f"{name.name} is the name of a column here and of the clock"
            yield Problem(place, what, "give the column another name")
