"""Whether a file has a key of its format at all. Messages quote no other file: it may be one of passwords."""

from __future__ import annotations

import re
from functools import cache


def has_key(text: str, keys: str) -> bool:
    """Whether a YAML or JSON text has one of these keys (words with blanks between them), a YAML at its top."""
    text = text.lstrip("\ufeff \t\n-")
    in_block, in_braces = _patterns(keys)
    flow = text.startswith("{") and not text.startswith("{{")  # that is a template
    return bool((in_braces if flow else in_block).search(text))


@cache
def _patterns(keys: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    any_key = rf"[\"']?(?:{'|'.join(map(re.escape, keys.split()))})[\"']?[ \t]*:"
    return re.compile(rf"^{any_key}", re.MULTILINE), re.compile(rf"[{{,]\s*{any_key}")
