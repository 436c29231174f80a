"""Numbers within texts, to as many digits as do not hang on the order of additions."""

from __future__ import annotations

import re

DIGITS = 9
_NUMBER = re.compile(r"-?\d+\.\d+(e[-+]?\d+)?|-?\d+e[-+]?\d+")


def rounded(text: str | None) -> str | None:
    """The text with every number that is not whole to nine digits."""
    return _NUMBER.sub(_to_digits, text) if text else text


def _to_digits(number: re.Match[str]) -> str:
    value = float(number[0])
    small = value and abs(value) < 10**-DIGITS  # what is left of a difference of equal sums
    return f"{0.0 if small else value:.{DIGITS}g}"
