"""The words that random templates are made of: good ones and bad ones."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NUMBERS = _words(
    r"""
    0 1 2 3 4 5 7 10 -1 +2 0x1F 0b101 0o17 017 1_000 08 1.5 -2.5 .5 5. 1e3 1E-2 0x1p-2 0x1.8p1 2i 1+2i 1.5-2e3i
    1e400 'a' '\n' '\'' '\x41' '\u00e9' '\U0001F600' 'é' '' 'ab' '\400' '\ud800' 9223372036854775807
    9223372036854775808 18446744073709551615 18446744073709551616 -9223372036854775808 -0 0x_1F 1__0 0_7 1_
    0x1.8 0xFFFFFFFFFFFFFFFFFF 00 0i 1e1_0 1_0.5 100000.0 1e21 1e20 123456789.0 1e-5 0.0001 0x1P+3 0X_Ap1
    0x1p1_0 1e+ 0x 0b2 0o8 1.2.3 1.e1 - + . 1i2 +i 1+i
    """
)
STRINGS = _words(
    r"""
    "" "a" "x" "true" "héllo" "k" "a\tb" "\x41\xff" "\u00e9\U0001F600" "\303\251" "q\"q" "\z" "\'" "\u12"
    "name" "{{" `raw` `r\n` "%d" "%v|%s" "y" "deep" "\ud800" "\400"
    """
)
LAYOUT = _words(
    r"""
    January Jan Jane Monday Mon Month MST 01 02 03 04 05 06 002 003 15 1 2006 2 _2 _2006 __2 __2006 3 4 5 PM pm
    Pm -07 -0700 -07:00 -070000 -07:00:00 Z07 Z0700 Z07:00 Z070000 Z07:00:00 .0 .000 .000000 .000000000
    .00000000000 .9 .999 .999999999 ,000 ,999 .0001 .09 20 2007 0 00 000 : - / T Z _ 7 08 16 é . , Januaryy
    JanX Mondayy MSTT PMM 150 12
    """
)
FLAGS = ("", "", "", "+", "-", "#", " ", "0", "+#", "0-", "+0", "# ", "-0", "#+", " 0", "#0")
WIDTHS = ("", "", "", *_words("1 5 8 12 * [1]* [2]* 30 9999999999 [3] [x] [0] [ [] [2"))
PRECISIONS = ("", "", "", *_words(". .0 .1 .2 .5 .10 .20 .* .[1]* .[2]* .[2]3 .[9] .-3"))
VERBS = (*"vvvvTtbcdoOqxXUeEfFgGswzy%!é日", "")
# Functions, each with the fewest and the most arguments that it is given.
FUNCTIONS = tuple(
    (name, int(least), int(most))
    for name, least, most in (
        word.split(":")
        for word in _words(
            """
            eq:2:3 eq:1:4 ne:2:2 lt:2:2 le:2:2 gt:2:2 ge:2:2 and:1:3 or:1:3 not:1:1 len:1:1 index:1:3
            slice:1:4 print:0:4 println:0:3 html:0:2 js:0:2 urlquery:0:2 call:1:2 takeInt:1:1 takeFloat:1:1
            takeBool:1:1 takeAny:1:1 takeMany:0:3 systemEnv:0:2 randomInt:0:1 failing:0:0
            """
        )
    )
)
FIELDS = _words(
    r"""
    .m.x .m.deep.er .m.nil .m.nil.x .missing.x.y .s.x $.m.y $.s $.missing .nil.x .m.é
    """
)
CHAINS = (
    "(index .m `deep`).er",
    "(.m).y",
    "(index .ms 0).name",
    "(.nil).x",
    "(print 1).x",
    "randomInt.x",
    "$.x.y",
)
SLICED = ("0", "1", "2", "3", "(index .ns 0)", "-1", "(len .ws)", ".l", ".s", ".ws", "$.s", "(slice .l 0 2)")
PIPED = (
    *_words("print len not html js urlquery println .s takeInt"),
    "printf `%v`",
    "eq 3",
    "or 0",
    "and 1",
    "index .l",
)
TEXTS = (" x ", "\n", "a\n  ", "select 1", "{ }", "é", "{{/* note */}}", "{{- /* note */ -}}", "%d", "")
RANGES = _words(".l .ws .ns .el .m .em .ms .nil .missing 3 $.l . .w .s .i")
WRONG = (
    *_words("{{ }} -}} ( ) | \" ' ` $ . {{end}} é ² {{else}} := , /* */ # \x01 {{/*c*/}} 1"),
    "",
    "",
    "{{- ",
    "\n",
)
