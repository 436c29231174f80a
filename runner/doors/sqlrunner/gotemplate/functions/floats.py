"""Floating-point numbers as Go's strconv writes them."""

from __future__ import annotations

import math
import struct

_MANTISSA_BITS = 52


def format_float(value: float, form: str, precision: int) -> str:
    """The number in the form of a verb (`e E f g G b x X`); a precision of -1 is as many digits as it takes."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if form == "b":
        return _binary(value)
    if form in "xX":
        text = _hexadecimal(value, precision)
        return text.upper() if form == "X" else text
    if precision >= 0:
        return f"{value:.{precision}{form}}"
    sign = "-" if math.copysign(1, value) < 0 else ""
    digits, point = _shortest(abs(value))
    if form in "gG":
        small = -4 <= point - 1 < 6
        form = "f" if small else "e" if form == "g" else "E"
    if form in "eE":
        rest = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{rest}{form}{point - 1:+03d}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}" if digits != "0" else f"{sign}0"
    whole, rest = digits[:point].ljust(point, "0"), digits[point:]
    return f"{sign}{whole}.{rest}" if rest else sign + whole


def _shortest(value: float) -> tuple[str, int]:
    """The fewest digits that mean the number, and where the decimal point stands in them."""
    mantissa, _, exponent = f"{value!r}".partition("e")
    whole, _, rest = mantissa.partition(".")
    digits = (whole + rest).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + rest) - len(digits))
    digits = digits.rstrip("0")
    return (digits, point) if digits else ("0", 1)


def _bits(value: float) -> tuple[str, int, int]:
    """The sign, the mantissa as a whole number and the exponent of its highest bit."""
    bits = struct.unpack(">Q", struct.pack(">d", value))[0]
    mantissa, exponent = bits & ((1 << _MANTISSA_BITS) - 1), bits >> _MANTISSA_BITS & 0x7FF
    if exponent:
        mantissa |= 1 << _MANTISSA_BITS
    else:
        exponent = 1
    return "-" if bits >> 63 else "", mantissa, exponent - 1023


def _binary(value: float) -> str:
    sign, mantissa, exponent = _bits(value)
    return f"{sign}{mantissa}p{exponent - _MANTISSA_BITS:+d}"


def _hexadecimal(value: float, precision: int) -> str:
    sign, mantissa, exponent = _bits(value)
    if not mantissa:
        exponent = 0
    else:
        shift = _MANTISSA_BITS + 1 - mantissa.bit_length()
        mantissa, exponent = mantissa << shift, exponent - shift
    if 0 <= precision < _MANTISSA_BITS // 4:
        dropped = _MANTISSA_BITS - 4 * precision
        rest, half = mantissa & ((1 << dropped) - 1), 1 << (dropped - 1)
        mantissa >>= dropped
        mantissa += rest > half or (rest == half and mantissa & 1)
        mantissa <<= dropped
        if mantissa >> (_MANTISSA_BITS + 1):
            mantissa, exponent = mantissa >> 1, exponent + 1
    digits = f"{mantissa & ((1 << _MANTISSA_BITS) - 1):013x}"
    digits = digits.rstrip("0") if precision < 0 else digits[:precision].ljust(precision, "0")
    rest_of_it = f".{digits}" if digits else ""
    return f"{sign}0x{mantissa >> _MANTISSA_BITS}{rest_of_it}p{exponent:+03d}"
