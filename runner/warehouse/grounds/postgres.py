"""How made-up values are written for Postgres, and how it tells rows apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runner.warehouse.grounds.base import Ground

PREFIX = "runner_trial"
STARTED = "cast(extract(epoch from backend_start) * 1000000 as bigint)"  # with the pid it names a session for good
OWN_NAME = f"(select concat_ws('_', '{PREFIX}', pid, coalesce({STARTED}, 0)) from pg_stat_activity where pid = pg_backend_pid())"


def is_left(name: str) -> str:
    """Whether what is called after a session is over is still needed: not if that is gone, or is this one.

    Of another user's session nobody sees when it began, not even of one's own after SET ROLE: its pid must do.
    """
    return (
        f"not exists (select 1 from pg_stat_activity where pid <> pg_backend_pid() and pid::text = split_part({name}, '_', 3)"
        f" and (backend_start is null or {STARTED}::text = split_part({name}, '_', 4)))"
    )


class PostgresGround(Ground):
    """What both kinds of it have in common."""

    row_name = "ctid"

    def list_text(self, values: Sequence[str | None]) -> str:
        return "{" + ", ".join("NULL" if value is None else _inner(value) for value in values) + "}"

    def row_text(self, fields: Iterable[tuple[str, str | None]]) -> str:
        return "(" + ",".join("" if value is None else _inner(value) for _, value in fields) + ")"

    def map_text(self, entries: Iterable[tuple[str, str | None]]) -> str | None:
        return None


def _inner(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
