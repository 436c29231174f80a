"""Go's flags, widths and precisions applied to one bool, number or string: the lower half of printf."""

from __future__ import annotations

from dataclasses import dataclass

from runner.doors.sqlrunner.gotemplate.functions.floats import format_float
from runner.doors.sqlrunner.gotemplate.syntax.literals import can_backquote, character, quoted, quoted_char
from runner.doors.sqlrunner.gotemplate.values import to_bytes

_BASES = {"b": "b", "o": "o", "O": "o", "x": "x", "X": "X"}


@dataclass
class Flags:
    """What stands between the percent sign and the verb; None is "not given".

    `plus_v` and `sharp_v` are the plus and the sharp of `%+v` and `%#v`, which mean something else there.
    """

    plus: bool = False
    minus: bool = False
    sharp: bool = False
    space: bool = False
    zero: bool = False
    plus_v: bool = False
    sharp_v: bool = False
    width: int | None = None
    precision: int | None = None

    def take_v(self) -> None:
        """The verb is `v`."""
        self.sharp_v, self.sharp = self.sharp, False
        self.plus_v, self.plus = self.plus, False

    def padded(self, text: str, *, zero: bool | None = None) -> str:
        """The text at the width asked for; zeros are put on the left only."""
        if not self.width or len(text) >= self.width:
            return text
        if self.minus:
            return text.ljust(self.width)
        return text.rjust(self.width, "0" if (self.zero if zero is None else zero) else " ")

    def string(self, text: str, verb: str) -> str:
        """A string with one of the verbs `s v q x X`."""
        if verb in "xX":
            return self._bytes(text, verb)
        text = text if self.precision is None else text[: self.precision]
        if verb != "q" and not (verb == "v" and self.sharp_v):
            return self.padded(text)
        if self.sharp and can_backquote(text):
            return self.padded(f"`{text}`")
        return self.padded(quoted(text, ascii_only=self.plus))

    def _bytes(self, text: str, verb: str) -> str:
        data = to_bytes(text)[: self.precision]
        if not data:
            return self.padded("")
        prefix = f"0{verb}" if self.sharp else ""
        digits = data.hex(" ") if self.space else data.hex()
        digits = digits.upper() if verb == "X" else digits
        return self.padded(prefix + (digits.replace(" ", f" {prefix}") if self.space else digits))

    def integer(self, value: int, verb: str) -> str:
        """A whole number with one of the verbs `d v b o O x X`."""
        if self.precision == 0 and value == 0:
            return " " * (self.width or 0)
        least = self.precision or 0
        if self.precision is None and self.zero and not self.minus and self.width:
            least = self.width - (value < 0 or self.plus or self.space)
        digits = format(abs(value), _BASES.get(verb, "d")).rjust(least, "0")
        if self.sharp and verb in "oO" and digits[0] != "0":
            digits = f"0{digits}"
        elif self.sharp and verb in "bxX":
            digits = f"0{verb}{digits}"
        if verb == "O":
            digits = f"0o{digits}"
        sign = "-" if value < 0 else "+" if self.plus else " " if self.space else ""
        return self.padded(sign + digits, zero=False)

    def hexadecimal(self, value: int, *, prefixed: bool) -> str:
        """A number as Go syntax has it: 0x1f."""
        sharp, self.sharp = self.sharp, prefixed
        try:
            return self.integer(value, "x")
        finally:
            self.sharp = sharp

    def code_point(self, value: int) -> str:
        """`%U`: U+0078, with a sharp also the character."""
        value %= 1 << 64
        text = "U+" + format(value, "X").rjust(max(4, self.precision or 0), "0")
        if self.sharp and value <= 0x10FFFF and chr(value).isprintable():
            text += f" '{chr(value)}'"
        return self.padded(text, zero=False)

    def char(self, value: int, verb: str) -> str:
        """`%c` and `%q` of a whole number."""
        if verb == "c":
            return self.padded(character(value))
        return self.padded(quoted_char(value, ascii_only=self.plus))

    def floating(self, value: float, verb: str) -> str:
        """A float with one of the verbs `v g G e E f F b x X`."""
        form = {"v": "g", "F": "f"}.get(verb, verb)
        precision = self.precision if self.precision is not None else 6 if form in "feE" else -1
        text = format_float(value, form, precision)
        sign, number = (text[0], text[1:]) if text[0] in "+-" else ("+", text)
        if self.space and sign == "+" and not self.plus:
            sign = " "
        if number in ("Inf", "NaN"):
            bare = number == "NaN" and not self.space and not self.plus  # an infinity keeps its plus sign
            return self.padded(number if bare else sign + number, zero=False)
        if self.sharp and form != "b":
            number = self._pointed(number, form, precision)
        if not (self.plus or sign != "+"):
            return self.padded(number)
        if self.zero and not self.minus and self.width and self.width > len(number) + 1:
            return sign + number.rjust(self.width - 1, "0")
        return self.padded(sign + number)

    @staticmethod
    def _pointed(number: str, form: str, precision: int) -> str:
        """A number with the decimal point and the trailing zeros that a sharp asks for."""
        wanted = (6 if precision == -1 else precision) if form in "gGx" else 0
        mark = "pP" if form in "xX" else "eEpP"
        end = next((at for at, char in enumerate(number) if char in mark), len(number))
        body, tail = number[:end], number[end:]
        significant = body.replace(".", "").lstrip("0")
        wanted -= len(significant)
        if "." not in body:
            wanted -= body == "0"
            body += "."
        return body + "0" * max(0, wanted) + tail
