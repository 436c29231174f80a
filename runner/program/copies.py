"""Which keys copies of an event may differ in: `dedupe` says what copies are, and need not hold a key."""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot.errors import SqlglotError

from runner.playbook.values import Source
from runner.program.values import Ids, SourceKey
from runner.sql.spelling import columns_in, normalise
from runner.warehouse.engines import Engine


def ids_of(keys: Iterable[SourceKey], engine: Engine, dialect: str) -> tuple[Ids, ...]:
    """The ids of each source of which copies may lie in different ones of these keys."""
    apart: dict[Source, list[tuple[str, ...]]] = {}
    for key in keys:
        if key.source.dedupe and not _hold(key, dialect):
            apart.setdefault(key.source, []).append(key.texts)
    return tuple(Ids(_key_of_ids(source, engine), tuple(texts)) for source, texts in apart.items())


def _hold(key: SourceKey, dialect: str) -> bool:
    """Whether rows that are equal in the dedupe columns are equal in the key."""
    try:
        listed = {normalise(e.text, dialect, key.source.table) for e in key.source.dedupe}
    except SqlglotError:  # it was reported
        return True
    plain = {text for text in listed if text.isidentifier()}
    return all(text in listed or columns_in(text, dialect) <= plain for text in key.texts)


def _key_of_ids(source: Source, engine: Engine) -> SourceKey:
    """A number for what copies are equal in, null where the id (the first of `dedupe`) is.

    A hash: numbers are found among millions in a sixth of the time that texts take, whatever ids look like. Two ids of
    one hash are looked at together, and told apart where copies are ranked.
    """
    texts = [engine.text_of(e.text, "") for e in source.dedupe]
    number = engine.hash_60(texts[0]) if len(texts) == 1 else engine.hash_of(texts)
    text = f"cast({number} as bigint)"
    if len(texts) > 1:
        text = f"case when ({source.dedupe[0].text}) is not null then {text} end"
    return SourceKey(source, (text,), tuple(e.text for e in source.dedupe))
