"""Go's printf: all verbs, flags, argument indexes, and what it writes for a format that does not fit its values."""

from __future__ import annotations

from runner.doors.sqlrunner.gotemplate.functions.formats import Flags
from runner.doors.sqlrunner.gotemplate.functions.printing import MAX_TEXT, PIECE, checked, too_long
from runner.doors.sqlrunner.gotemplate.values import Value, basic_kind, is_integer, sorted_keys, type_name

_MOST = 1_000_000  # the largest width, precision and argument number that Go reads
_POINTER = 0xC000010000  # lists and maps have no address here; Go's differ from run to run
_FLAGS = {"#": "sharp", "0": "zero", "+": "plus", "-": "minus", " ": "space"}
_VERBS = {"bool": "tv", "string": "vsxXq", "float": "vbgGxXfFeE", "complex": "vbgGxXfFeE"}
_VERBS["int"] = _VERBS["uint"] = "vdboOxXcqU"


def format_values(form: str, *values: Value) -> str:
    """Go's Sprintf."""
    return _Formatter(form, values).run()


class _Formatter:
    """One format and its values; `_reordered` once an argument was named by its number."""

    def __init__(self, form: str, values: tuple[Value, ...]) -> None:
        self._form, self._values = form, values
        self._at = self._value = self._size = 0
        self._reordered = False
        self._good_number = True
        self._flags = Flags()
        self._out: list[str] = []

    def run(self) -> str:
        form = self._form
        while self._at < len(form):
            percent = form.find("%", self._at)
            stop = len(form) if percent < 0 else percent
            self._write(form[self._at : stop])
            if percent < 0:
                break
            self._at = stop + 1
            self._one()
        if not self._reordered and self._value < len(self._values):
            self._flags = Flags()
            self._write("%!(EXTRA ")
            for index, value in enumerate(self._values[self._value :]):
                self._write(", " if index else "")
                self._typed(value)
            self._write(")")
        return checked(self._out)

    def _write(self, text: str) -> None:
        self._size += len(text) + PIECE
        if self._size > MAX_TEXT:
            raise too_long()
        self._out.append(text)

    # Reading the format

    def _one(self) -> None:
        """One directive: flags, argument number, width, precision, verb."""
        form = self._form
        self._flags = flags = Flags()
        self._good_number = True
        while (char := form[self._at : self._at + 1]) in _FLAGS:
            setattr(flags, _FLAGS[char], True)
            self._at += 1
        if "a" <= char <= "z" and self._value < len(self._values):
            self._at += 1
            self._argument(char)
            return
        indexed = self._width(self._number())
        indexed = self._precision(indexed)
        if not indexed:
            self._number()
        if self._at >= len(form):
            self._write("%!(NOVERB)")
            return
        verb = form[self._at]
        self._at += 1
        if verb == "%":
            self._write("%")
            return
        if "\ud800" <= verb <= "\udfff":
            verb = "\ufffd"
        if not self._good_number:
            self._write(f"%!{verb}(BADINDEX)")
        elif self._value >= len(self._values):
            self._write(f"%!{verb}(MISSING)")
        else:
            self._argument(verb)

    def _argument(self, verb: str) -> None:
        if verb in "vw":
            self._flags.take_v()
        self._top(self._values[self._value], verb)
        self._value += 1

    def _digits(self, end: int) -> int | None:
        """A whole number that ends before `end`; one that is far too large uses up all the rest."""
        start, number = self._at, 0
        while self._at < end and "0" <= self._form[self._at] <= "9":
            if number > _MOST:
                self._at = end
                return None
            number = number * 10 + int(self._form[self._at])
            self._at += 1
        return number if self._at > start else None

    def _number(self) -> bool:
        """An argument's number in brackets, if there is one; a bad one is told later."""
        form = self._form
        if form[self._at : self._at + 1] != "[":
            return False
        self._reordered = True
        start, close = self._at, form.find("]", self._at + 1)
        if close < 0 or form[start:] == "[]":
            self._at += 1
            self._good_number = False
            return False
        self._at = start + 1
        number = self._digits(close)
        well_formed = number is not None and self._at == close
        self._at = close + 1
        if well_formed and number is not None and 1 <= number <= len(self._values):
            self._value = number - 1
            return True
        self._good_number = False
        return well_formed

    def _star(self) -> int | None:
        """The value of a width or precision given as an argument; None if it is none."""
        self._at += 1
        if self._value >= len(self._values):
            return None
        value = self._values[self._value]
        self._value += 1
        return int(value) if isinstance(value, int) and is_integer(value) and abs(value) <= _MOST else None

    def _width(self, indexed: bool) -> bool:
        flags = self._flags
        if self._form[self._at : self._at + 1] == "*":
            flags.width = self._star()
            if flags.width is None:
                self._write("%!(BADWIDTH)")
            elif flags.width < 0:
                flags.width, flags.minus, flags.zero = -flags.width, True, False
            return False
        flags.width = self._digits(len(self._form))
        if indexed and flags.width is not None:
            self._good_number = False
        return indexed

    def _precision(self, indexed: bool) -> bool:
        flags, form = self._flags, self._form
        if form[self._at : self._at + 1] != "." or self._at + 1 >= len(form):
            return indexed
        self._at += 1
        if indexed:
            self._good_number = False
        indexed = self._number()
        if form[self._at : self._at + 1] == "*":
            precision = self._star()
            flags.precision = precision if precision is not None and precision >= 0 else None
            if flags.precision is None:
                self._write("%!(BADPREC)")
            return False
        flags.precision = self._digits(len(form)) or 0
        return indexed

    # Writing values

    def _top(self, value: Value, verb: str) -> None:
        """A value that was given to printf itself."""
        if value is None:
            if verb in "Tv":
                self._write(self._flags.padded("<nil>"))
            else:
                self._write(f"%!{verb}(<nil>)")
        elif verb == "T":
            self._write(self._flags.string(type_name(value), "s"))
        elif verb in "pw" and (verb == "w" or not isinstance(value, (list, dict))):
            self._bad(value, verb)
        elif verb == "p":
            self._write(self._flags.hexadecimal(_POINTER, prefixed=not self._flags.sharp))
        else:
            self._any(value, verb)

    def _any(self, value: Value, verb: str) -> None:
        """A value, or one within another."""
        flags = self._flags
        if isinstance(value, list):
            self._list(value, verb)
        elif isinstance(value, dict):
            self._map(value, verb)
        elif value is None:
            self._write("interface {}(nil)" if flags.sharp_v else "<nil>")
        elif verb not in _VERBS.get(basic_kind(value), ""):
            self._bad(value, verb)
        elif isinstance(value, bool):
            self._write(flags.padded("true" if value else "false"))
        elif isinstance(value, str):
            self._write(flags.string(value, verb))
        elif isinstance(value, float):
            self._write(flags.floating(value, verb))
        elif isinstance(value, complex):
            self._complex(value, verb)
        else:
            self._integer(value, verb)

    def _bad(self, value: Value, verb: str) -> None:
        self._write(f"%!{verb}(")
        self._typed(value)
        self._write(")")

    def _typed(self, value: Value) -> None:
        if value is None:
            self._write("<nil>")
            return
        self._write(f"{type_name(value)}=")
        self._any(value, "v")

    def _integer(self, value: int, verb: str) -> None:
        flags = self._flags
        if verb in "cq":
            text = flags.char(value, verb)
        elif verb == "U":
            text = flags.code_point(value)
        elif verb == "v" and flags.sharp_v and basic_kind(value) == "uint":
            text = flags.hexadecimal(value, prefixed=True)
        else:
            text = flags.integer(value, verb)
        self._write(text)

    def _complex(self, value: complex, verb: str) -> None:
        flags = self._flags
        real = flags.floating(value.real, verb)
        plus, flags.plus = flags.plus, True
        imaginary = flags.floating(value.imag, verb)
        flags.plus = plus
        self._write(f"({real}{imaginary}i)")

    def _list(self, value: list[Value], verb: str) -> None:
        go_syntax = self._flags.sharp_v
        self._write("[]interface {}{" if go_syntax else "[")
        for index, item in enumerate(value):
            if index:
                self._write(", " if go_syntax else " ")
            self._any(item, verb)
        self._write("}" if go_syntax else "]")

    def _map(self, value: dict[str, Value], verb: str) -> None:
        go_syntax = self._flags.sharp_v
        self._write("map[string]interface {}{" if go_syntax else "map[")
        for index, key in enumerate(sorted_keys(value)):
            if index:
                self._write(", " if go_syntax else " ")
            self._any(key, verb)
            self._write(":")
            self._any(value[key], verb)
        self._write("}" if go_syntax else "]")
