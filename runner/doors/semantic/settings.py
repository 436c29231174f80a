"""config.yml as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Dedupe(StrEnum):
    """Which of several rows with one event id counts."""

    LAST = "last_version"
    FIRST = "first_version"
    NONE = "none"


@dataclass(frozen=True)
class Settings:
    """config.yml."""

    schema: str
    active_days: int
    cohort_days: tuple[int, ...]
    timezone: str = "UTC"
    frequency_s: int = 86_400
    run_date: bool = False  # the last day is the day of the run, not that of the newest event
    skew_s: int | None = None
    dedupe: Dedupe = Dedupe.LAST
    precision: int = 18
    scale: int = 4
    vanished: str = "stop"
    shrank: str = "stop"
    target: str = ""
    target_written: str = ""  # before the environment was filled in
    verify_s: int | None = None
    verify_keys: int = 500
