"""A statement with its opaque parts hidden, so that patterns see neither texts nor quoted names nor comments."""

from __future__ import annotations

import re

# While a statement is read, its opaque parts are one private character each: texts, quoted names, comments.
TEXTS, NAMES, COMMENTS = range(0xF0000, 0xFC000), range(0xFC000, 0xFFFFE), range(0x100000, 0x10FFFE)
HIDDEN = re.compile("[\U000f0000-\U0010fffd]")
OPENS = re.compile(r"'|\"|--|/\*|(?<![\w$])\$(?:[A-Za-z_]\w*)?\$")
TEXT_ENDS = re.compile(r"(?:[^'\\]|\\.|'')*'?", re.DOTALL)  # a backslash escapes in Redshift
NAME_ENDS = re.compile(r'(?:[^"]|"")*"?')
LINE_ENDS = re.compile(r"[^\n]*")
BLOCK_PART = re.compile(r"/\*|\*/")
SPACES = "[\\s\U00100000-\U0010fffd]"


def pattern_of(pattern: str) -> re.Pattern[str]:
    r"""A pattern for a statement with its opaque parts hidden: `\s` takes comments too, `~` is a name."""
    spaces = pattern.replace(r"\s", SPACES)
    return re.compile(spaces.replace("~", "(?:\\w+|[\U000fc000-\U000ffffd])"), re.IGNORECASE | re.DOTALL)


def word_of(pattern: re.Pattern[str]) -> str:
    """What a statement must contain for the pattern to be worth a search, which takes 100 times as long."""
    found = re.match(r"(?:\^\\s\*|\\b|\\\))([a-z_]{2,})(?![a-z_|?*])", pattern.pattern.replace(SPACES, r"\s"))
    return found[1] if found else ""


def hide(text: str) -> tuple[str, dict[str, str]]:
    """The statement with every text, quoted name and comment as one private character, and what these stand for."""
    hidden: dict[str, str] = {}
    places = {kind: iter(kind) for kind in (TEXTS, NAMES, COMMENTS)}
    parts, at = [], 0
    while opened := OPENS.search(text, at):
        end, kind = _closed(text, opened[0], opened.end())
        place = next(places[kind], None)
        if place is None:  # more than fit: what is left goes as it is
            break
        parts += [text[at : opened.start()], chr(place)]
        hidden[chr(place)] = text[opened.start() : end]
        at = end
    return "".join([*parts, text[at:]]), hidden


def _closed(text: str, opened: str, at: int) -> tuple[int, range]:
    """Where an opaque part ends that has begun before `at`, and which kind it is."""
    if opened == "--":
        return _end(LINE_ENDS, text, at), COMMENTS
    if opened == "/*":
        depth = 1
        for part in BLOCK_PART.finditer(text, at):
            depth += 1 if part[0] == "/*" else -1
            if not depth:
                return part.end(), COMMENTS
        return len(text), COMMENTS
    if opened == '"':
        return _end(NAME_ENDS, text, at), NAMES
    if opened == "'":
        return _end(TEXT_ENDS, text, at), TEXTS
    closing = text.find(opened, at)
    return (len(text) if closing < 0 else closing + len(opened)), TEXTS


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at
