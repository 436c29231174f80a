"""What must not be shown, and texts without it.

`Secrets` is made where the command line meets its environment, and masks at the borders: all that is printed, and every
error of a driver as it becomes ours (its text is kept in the warehouse too). A secret is found in the forms that
programs give it: as it is, URL-encoded, quoted for SQL, escaped for JSON or by `repr`, and cut off in an excerpt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TextIO, cast
from urllib.parse import unquote, unquote_plus

SHORT = 4  # shorter values are no secrets, and masking them would garble messages
PIECE = 8  # so many characters of a secret give it away
SHOWN = "***"
_NAME = re.compile(
    r"PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN(?!S|IZ)|CREDENTIAL|(?:PRIVATE|API|ACCESS|ENCRYPTION|SIGNING)_?KEY|[^D]_?PWD$|_PASS$|_PW$",
    re.IGNORECASE,
)
_ABOUT = re.compile(r"_(?:ID|NAME|TYPE|TTL|DIR|HOST|PORT|USER|VERSION|PROVIDER)$", re.IGNORECASE)
_IN_FILE = re.compile(r"_?(?:FILE|PATH)$", re.IGNORECASE)
_NO_SECRETS = {"true", "false", "none", "null"}
_MAX_FILE = 65_536
# As SQLAlchemy reads a URL: only an @ cannot stand in a password as it is.
_URL = re.compile(r"[\w+.-]+://(?:[^:/]*(?::(?P<password>[^@]*))?@)?[^?]*(?:\?(?P<query>.*))?", re.DOTALL)
_GIVEN = re.compile(r"(?:--var=)?(\w+)=(.*)", re.DOTALL)
# password=… of an ODBC or libpq string, of JSON: in quotes or braces, or bare
_PAIR = re.compile(
    r"""(?:^|[;,&?{\s])["']?(?P<name>[A-Za-z][\w.-]*)["']?\s*[=:]\s*
    (?:'(?P<single>(?:[^'\\]|\\.|'')*)'|"(?P<double>(?:[^"\\]|\\.|"")*)"|\{(?P<braces>(?:[^}]|\}\})*)\}
    |(?P<bare>[^;\s'"{](?:(?!\s+\w+\s*=)[^;&?,])*))""",
    re.VERBOSE,
)
_NAMED = re.compile("pass|pwd|secret|token|key|sig|credential", re.IGNORECASE)
_SHORT_NAMES = {"pwd", "pass", "sig", "accountkey", "sharedaccesssignature"}
_ESCAPED = re.compile(r"\\(.)|('|\"|\})\2", re.DOTALL)
_CUT = re.compile(r"\.\.\.|…")
_MIXED = re.compile(r"(?=.*[A-Za-z])(?=.*\d)|[a-z][A-Z].*[a-z][A-Z]", re.DOTALL)  # as few words are
_LETTERS = re.compile("[a-z0-9]+")


@dataclass(frozen=True)
class Hidden:
    """A value, and what to show in its place."""

    value: str
    shown: str
    known: bool = True
    """It is a secret; not just a value that may be one, of which a piece could be any word of a message."""


@dataclass(frozen=True)
class Secrets:
    """What is hidden; the longest first, since one may be a part of another."""

    values: tuple[Hidden, ...] = ()
    paths: tuple[str, ...] = ()
    """These are shown as they are: a password that is a word of a path would be given away by what is left out of it."""

    @classmethod
    def found_in(cls, env: Mapping[str, str], words: Iterable[str] = ()) -> Secrets:
        """Those of the environment (by their names, and passwords in URLs) and of a command line's words."""
        found: list[tuple[str, str]] = []
        for name, value in env.items():
            found += [(secret, f"${{{name}}}") for secret in _in_variable(name, value)]
        for word in words:
            given = _GIVEN.fullmatch(word)
            if given and looks_secret(given[1]):
                found.append((given[2], SHOWN))
            found += [(secret, SHOWN) for secret in _in_url(word)]
        return cls().also(found)

    def beside(self, paths: Iterable[str]) -> Secrets:
        """With paths that are shown as they are."""
        every = {path for path in (*self.paths, *paths) if len(path) > 1}
        return replace(self, paths=tuple(sorted(every, key=lambda path: (-len(path), path))))

    def also(self, values: Iterable[tuple[str, str]], *, known: bool = True) -> Secrets:
        """With more values, each with what to show; of two that are the same the first is kept."""
        return self.joined(
            Secrets(tuple(Hidden(line, shown, known) for value, shown in values for line in _lines(value)))
        )

    def joined(self, others: Secrets) -> Secrets:
        """With others; of two that are the same the first is kept, of two kinds the known."""
        found = {one.value: one for one in self.values}
        for one in others.values:
            if one.value not in found or one.known > found[one.value].known:
                found[one.value] = one
        both = Secrets(tuple(sorted(found.values(), key=lambda one: -len(one.value))), self.paths)
        return both.beside(others.paths) if others.paths else both

    def without(self, names: Iterable[str], others: Secrets) -> Secrets:
        """Without the values of these variables of the environment, unless `others` has them too."""
        shown = {f"${{{name}}}" for name in names}
        return replace(self, values=tuple(one for one in self.values if one.shown not in shown)).joined(others)

    def of_target(self, url: str) -> Secrets:
        """With the passwords of a target URL."""
        return self.also((secret, SHOWN) for secret in _in_url(url))

    def masked(self, text: str) -> str:
        """`text` without any of them."""
        if not self.paths:
            return self._without_values(text)
        parts = _any_of(self.paths).split(text)
        return "".join(part if number % 2 else self._without_values(part) for number, part in enumerate(parts))

    def _without_values(self, text: str) -> str:
        folded = text.lower()
        for one in self.values:
            if _anchor(one.value) in folded:
                text = _pattern(one.value).sub(one.shown, text)
        cut, folded = _CUT.search(text), text.lower()
        for one in self.values:
            pieces = _pieces(one.value, one.known)
            if cut or any(piece in folded for piece in pieces):
                text = _without_pieces(text, one.value, one.shown, pieces)
        return text


NO_SECRETS = Secrets()


def looks_secret(name: str) -> bool:
    """Whether a variable or parameter of this name holds a secret."""
    return bool(_NAME.search(name)) and not _ABOUT.search(name)


def masking(stream: TextIO, masked: Callable[[str], str]) -> TextIO:
    """The stream, with all that is written to it masked."""
    return cast(TextIO, _Masking(stream, masked))


class _Masking:
    """What the runner uses of a text stream. A secret must not be split between two writes."""

    def __init__(self, stream: TextIO, masked: Callable[[str], str]) -> None:
        self._stream, self._masked = stream, masked
        self.flush, self.isatty = stream.flush, stream.isatty

    def write(self, text: str) -> int:
        return self._stream.write(self._masked(text))


# -- where secrets are -------------------------------------------------------------------------------------------------


def _in_variable(name: str, value: str) -> list[str]:
    if name == "PGPASSFILE":
        return [re.split(r"(?<!\\):", line)[-1].replace("\\:", ":") for line in _content(value).splitlines()]
    if looks_secret(name):
        return [_content(value)] if _IN_FILE.search(name) else [value, *_in_url(value), *_in_pairs(value)]
    return [*_in_url(value), *_in_pairs(value)]


def _in_url(text: str) -> list[str]:
    """The password of a URL and its parameters that look secret, as they are written and as they are meant."""
    url = _URL.fullmatch(text) if "://" in text else None
    if url is None:
        return []
    found = [url["password"], unquote(url["password"])] if url["password"] else []
    for parameter in re.split("[&;]", url["query"] or ""):
        name, _, value = parameter.partition("=")
        if looks_secret(name):
            found += [_content(unquote_plus(value))] if _IN_FILE.search(name) else [value, unquote_plus(value)]
    return found


def _in_pairs(text: str) -> list[str]:
    """The passwords of `Server=x;Password=…`, of `host=x password='…'` and of JSON, as they are written and as they are meant."""
    found = []
    for pair in _PAIR.finditer(text) if _NAMED.search(text) else ():
        if not (looks_secret(pair["name"]) or pair["name"].lower() in _SHORT_NAMES):
            continue
        if bare := pair["bare"]:
            rest = text[pair.start("bare") :]
            found += [bare.rstrip(), *(re.split(end, rest)[0] for end in (";", r"\s", "&", r"[,}]"))]
        else:
            quoted = pair["single"] or pair["double"] or pair["braces"] or ""
            found += [quoted, _ESCAPED.sub(lambda one: one[1] or one[2], quoted)]
    return list(dict.fromkeys(found))


def _content(path: str) -> str:
    """What a key file holds; a path as it is, is none."""
    with suppress(OSError, ValueError, RuntimeError):
        file = Path(path).expanduser()
        if file.is_file() and file.stat().st_size <= _MAX_FILE:
            return file.read_text(encoding="utf-8", errors="replace").strip()
    return ""


def _lines(value: str) -> list[str]:
    """A value, and each line of a longer one: an error may show a line alone. The first and last of a key are no secret."""
    if len(value) < SHORT or value.lower() in _NO_SECRETS:
        return []
    lines = [line.strip() for line in value.splitlines()] if "\n" in value else []
    return [text for text in (value, *(line for line in lines if len(line) >= PIECE)) if text[:5] != "-----"]


# -- how they look -----------------------------------------------------------------------------------------------------


@cache
def _any_of(paths: tuple[str, ...]) -> re.Pattern[str]:
    """A regular expression for whole paths."""
    return re.compile(rf"(?<![\w/])({'|'.join(map(re.escape, paths))})(?!\w)")


@cache
def _anchor(secret: str) -> str:
    """A part of a secret that is the same in all of its forms: where a text lacks it, nobody needs to look closer."""
    return max(_LETTERS.findall(secret.lower()), key=len, default="")


@cache
def _pattern(secret: str) -> re.Pattern[str]:
    return re.compile("".join(_any_form(char, len(list(run))) for char, run in groupby(secret)), re.IGNORECASE)


def _any_form(char: str, times: int) -> str:
    """A regular expression for a character that comes so many times in a row, in every form it may be given."""
    if char.isascii() and char.isalnum():
        return char * times
    one = re.escape(char)
    percent = "".join(f"%(?:25)?{byte:02X}" for byte in char.encode("utf-8", "surrogateescape"))
    forms = [f"(?:{percent}){{{times}}}"]
    if char == "\\":
        forms.append(rf"\\{{{times},{4 * times}}}")
    elif char.isascii() and char.isprintable():
        forms.append(rf"(?:\\{{0,4}}{one}){{{times},{2 * times}}}")
    else:
        codes = (one, rf"\\{{1,4}}x{ord(char):02x}", rf"\\{{1,4}}u{ord(char):04x}", rf"\\{{1,4}}U{ord(char):08x}")
        written = {"\n": r"|\\{1,4}n", "\r": r"|\\{1,4}r", "\t": r"|\\{1,4}t"}.get(char, "")
        forms.append(f"(?:{'|'.join(codes)}{written}){{{times}}}")
    if char == " ":
        forms.append(rf"\+{{{times}}}")
    return f"(?:{'|'.join(forms)})"


@cache
def _forms(secret: str) -> tuple[str, ...]:
    """Those in which an excerpt may show a piece of it."""
    return tuple(dict.fromkeys(form.lower() for form in (secret, secret.replace("'", "''"), repr(secret)[1:-1])))


@cache
def _pieces(secret: str, known: bool) -> tuple[str, ...]:
    """Parts that are too long to be met by chance; not those that may be words of ours, or of a path."""
    found = (secret[n : n + PIECE] for n in range(len(secret) - PIECE + 1))
    if not known:
        return tuple({piece.lower() for piece in found if _MIXED.search(piece)})
    return tuple({piece.lower() for piece in found if not (piece.isascii() and piece.isalpha() and piece.islower())})


def _without_pieces(text: str, secret: str, shown: str, pieces: Iterable[str]) -> str:
    """An excerpt may begin or end in the middle of a secret: at an ellipsis, or anywhere."""
    for piece in pieces:
        begin = 0
        while (start := _folded(text).find(piece, begin)) >= 0:
            text, begin = _without_piece(text, start, start + PIECE, secret, shown)
    for cut in reversed(list(_CUT.finditer(text))):
        text, _ = _without_piece(text, cut.end(), cut.end(), secret, shown)
        text, _ = _without_piece(text, cut.start(), cut.start(), secret, shown)
    return text


def _without_piece(text: str, start: int, end: int, secret: str, shown: str) -> tuple[str, int]:
    """The longest piece around this place replaced, if there is one, and where what follows it begins."""
    folded = _folded(text)
    best = (start, end)
    for form in _forms(secret):
        left, right = start, end
        while right < len(folded) and folded[left : right + 1] in form:
            right += 1
        while left and folded[left - 1 : right] in form:
            left -= 1
        best = max(best, (left, right), key=lambda found: found[1] - found[0])
    left, right = best
    return (text[:left] + shown + text[right:], left + len(shown)) if right - left >= SHORT else (text, end)


def _folded(text: str) -> str:
    lower = text.lower()
    return lower if len(lower) == len(text) else text
