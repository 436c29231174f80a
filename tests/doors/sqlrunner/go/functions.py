"""What Go's template functions give."""

from __future__ import annotations

from tests.doors.sqlrunner.go.values import Case, Group

AND_OR_NOT = Group(
    "and or not",
    (
        Case("{{and 1 2}}", "2"),
        Case("{{and 0 2}}", "0"),
        Case("{{and 1 0 2}}", "0"),
        Case('{{or 0 ""}}', ""),
        Case('{{or 0 "" .s}}', "héllo"),
        Case("{{or .missing 6}}", "6"),
        Case("{{or .nil 6}}", "6"),
        Case("{{or .nil .missing}}", "<no value>"),
        Case("{{not 0}}{{not 1}}", "truefalse"),
        Case("{{not .missing}}", "true"),
        Case("{{and .missing 1}}", "<no value>"),
        Case("{{or 1 (index .ws 99)}}", "1"),
        Case("{{and 0 (index .ws 99)}}", "0"),
        Case("{{or .no false}}", "false"),
        Case("{{and nil}}", "<no value>"),
        Case("{{or nil 1}}", "1"),
        Case("{{not nil}}", "true"),
        Case("{{or .zero .zero | print}}", "0"),
    ),
)

EQ_NE = Group(
    "eq ne",
    (
        Case("{{eq 1 1}}", "true"),
        Case("{{eq 1 2 3 1}}", "true"),
        Case('{{eq .s "a" "b"}}', "false"),
        Case("{{eq .w 5}}{{eq 5 .w}}", "truetrue"),
        Case("{{eq .neg -7}}", "true"),
        Case("{{eq .neg .w}}", "false"),
        Case("{{eq .yes true}}", "true"),
        Case("{{eq .f 2.5}}", "true"),
        Case("{{eq 1+2i 1+2i}}", "true"),
        Case("{{eq .missing 1}}", "false"),
        Case("{{eq .nil nil}}", "true"),
        Case("{{eq nil nil}}", "true"),
        Case("{{eq .missing nil}}", "true"),
        Case("{{eq .l nil}}", "false"),
        Case("{{eq nil .m}}", "false"),
        Case("{{ne 1 2}}", "true"),
        Case('{{ne .s "x"}}', "true"),
        Case("{{ne .missing 1}}", "true"),
        Case("{{ne .yes false}}", "true"),
        Case("{{eq (or .stage false) true}}", "false"),
        Case("{{ne (or .stage false) true}}", "true"),
        Case('{{eq .t "true"}}', "true"),
        Case('{{eq "\\303\\251" "é"}}', "true"),
        Case("{{eq (index .s 0) 104}}", "true"),
        Case("{{eq .missing .nil}}", "true"),
        Case("{{eq .nan .nan}}", "false"),
        Case("{{.i | eq 3}}", "true"),
    ),
)

ORDER = Group(
    "order",
    (
        Case("{{lt 1 2}}{{le 2 2}}{{gt 3 2}}{{ge 2 3}}", "truetruetruefalse"),
        Case("{{lt .w 6}}{{lt .neg .w}}{{lt .w .neg}}", "truetruefalse"),
        Case('{{lt "a" "b"}}{{gt "a" "b"}}', "truefalse"),
        Case("{{lt 1.5 2.5}}{{ge .f 2.5}}", "truetrue"),
        Case("{{gt .nan 1.0}}{{lt .nan 1.0}}{{ge .nan 1.0}}{{le .nan 1.0}}", "truefalsetruefalse"),
        Case('{{lt "z" "é"}}', "true"),
        Case('{{le "a" "a"}}{{ge "a" "b"}}', "truefalse"),
        Case("{{lt .i .w}}", "true"),
        Case("{{gt .w .i}}", "true"),
        Case('{{lt "A" "a"}}', "true"),
    ),
)

LEN = Group(
    "len",
    (
        Case("{{len .ws}}", "3"),
        Case("{{len .s}}", "6"),
        Case("{{len .m}}", "5"),
        Case('{{len ""}}', "0"),
        Case("{{len .el}}", "0"),
        Case('{{len "日本"}}', "6"),
        Case("{{len .b}}", "3"),
        Case("{{.ws | len}}", "3"),
        Case("{{len (slice .s 0 2)}}", "2"),
    ),
)

INDEX = Group(
    "index",
    (
        Case("{{index .ws 0}}", "a"),
        Case("{{index .ws .zero}}", "a"),
        Case('{{index .m "x"}}', "1"),
        Case('{{index .m "missing"}}', "<no value>"),
        Case("{{index .l 5 1}}", "-5"),
        Case('{{index .m "deep" "er" 1}}', "q"),
        Case("{{index .s 0}}", "104"),
        Case('{{printf "%T" (index .s 1)}}', "uint8"),
        Case("{{index .ws}}", "[a b c]"),
        Case("{{index .l 2}}", "<no value>"),
        Case('{{index .ms 1 "name"}}', "two"),
        Case("{{index .ns .one}}", "20"),
        Case('{{index "é" 0}}', "195"),
    ),
)

SLICE = Group(
    "slice",
    (
        Case("{{slice .s 1 3}}", "é"),
        Case("{{slice .ws 1}}", "[b c]"),
        Case("{{slice .ws 0 2}}", "[a b]"),
        Case("{{slice .ws}}", "[a b c]"),
        Case("{{slice .ws 0 1 2}}", "[a]"),
        Case("{{slice (slice .ws 0 1) 0 3}}", "[a b c]"),
        Case('{{slice "abc" 3}}', ""),
        Case("{{slice .el}}", "[]"),
        Case("{{slice .u 0 3}}", "日"),
        Case('{{slice "日" 0 1}}{{slice "日" 1}}', "日"),
        Case("{{len (slice .ws 1 1)}}", "0"),
    ),
)

PRINT_PRINTLN = Group(
    "print println",
    (
        Case("{{print}}", ""),
        Case("{{print 1 2}}", "1 2"),
        Case('{{print 1 "a" 2}}', "1a2"),
        Case('{{print "a" "b"}}', "ab"),
        Case("{{print .nil}}", "<nil>"),
        Case("{{print .missing 1}}", "<nil> 1"),
        Case(
            "{{print .l .m}}", "[1 two <nil> 3.5 true [4 -5] map[k:v]] map[deep:map[er:[p q]] nil:<nil> x:1 y:z é:1.5]"
        ),
        Case('{{println 1 "a" 2}}', "1 a 2\n"),
        Case("{{println}}", "\n"),
        Case("{{print true false}}", "true false"),
        Case("{{print nil}}", "<nil>"),
        Case('{{print "a" 1 2 "b"}}', "a1 2b"),
        Case("{{print 1 nil 2}}", "1 <nil> 2"),
        Case("{{print 1.0 'a' 2i}}", "1 97 (0+2i)"),
        Case("{{println .nil .s}}", "<nil> héllo\n"),
    ),
)

HTML_JS_URLQUERY = Group(
    "html js urlquery",
    (
        Case("{{html .q}}", "it&#39;s &#34;&lt;b&gt;&#34; &amp; `x`=\\\n\t"),
        Case("{{js .q}}", 'it\\\'s \\"\\u003Cb\\u003E\\" \\u0026 `x`\\u003D\\\\\\u000A\\u0009'),
        Case("{{urlquery .q}}", "it%27s+%22%3Cb%3E%22+%26+%60x%60%3D%5C%0A%09"),
        Case("{{html .nil}}", "&lt;no value&gt;"),
        Case("{{js .missing}}", "\\u003Cno value\\u003E"),
        Case('{{html 1 2 "<"}}', "1 2&lt;"),
        Case("{{urlquery .s}}", "h%C3%A9llo"),
        Case("{{js .u}}", "日本 😀\\u200B\\uFEFF\\u00AD"),
        Case("{{html .l}}", "[1 two &lt;nil&gt; 3.5 true [4 -5] map[k:v]]"),
        Case('{{urlquery "a b&c=d/é~_.-"}}', "a+b%26c%3Dd%2F%C3%A9~_.-"),
        Case("{{html}}", ""),
        Case('{{js "=" 1}}', "\\u003D1"),
        Case("{{js .b}}", "\udcc3(\udcff"),
        Case("{{urlquery .b}}", "%C3%28%FF"),
        Case("{{.q | html | len}}", "42"),
        Case('{{html "\\x00"}}', "�"),
    ),
)

GIVEN_FUNCTIONS = Group(
    "given functions",
    (
        Case('{{systemEnv "HOME"}}', "env HOME"),
        Case("{{randomInt}}", "42"),
        Case("{{randomInt | len}}", "2"),
        Case('{{"X" | systemEnv}}', "env X"),
        Case("{{systemEnv .s}}", "env héllo"),
        Case("{{systemEnv (print 1)}}", "env 1"),
        Case("{{takeInt 1e3}}", "1000"),
        Case("{{takeInt 'a'}}", "97"),
        Case("{{takeFloat 2}}", "2"),
        Case("{{takeFloat .f}}", "2.5"),
        Case("{{takeBool true}}", "true"),
        Case("{{takeAny .missing}}", "<no value>"),
        Case("{{takeAny nil}}", "<no value>"),
        Case('{{takeMany "a"}}', "a[]"),
        Case('{{takeMany "a" 1 2}}', "a[1 2]"),
        Case('{{takeMany "a" .i}}', "a[3]"),
        Case("{{print randomInt 1}}", "421"),
    ),
)
