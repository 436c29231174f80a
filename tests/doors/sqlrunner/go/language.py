"""What Go's template language means: text, actions, variables, control, templates."""

from __future__ import annotations

from tests.doors.sqlrunner.go.values import Case, Group

TEXT = Group(
    "text",
    (
        Case("", ""),
        Case("select 1", "select 1"),
        Case("{ } }} { {", "{ } }} { {"),
        Case("a\n\nb", "a\n\nb"),
        Case("é{{/**/}}日", "é日"),
        Case("$x .y \\n %d", "$x .y \\n %d"),
    ),
)

COMMENTS = Group(
    "comments",
    (
        Case("a{{/* note */}}b", "ab"),
        Case("a {{- /* note */ -}} b", "ab"),
        Case("{{/* {{.s}} */}}x", "x"),
        Case("a\n{{- /* two\nlines */}}\nb", "a\nb"),
        Case("{{/**/}}{{/* } */}}", ""),
    ),
)

TRIM_MARKERS = Group(
    "trim markers",
    (
        Case("a {{- 1 -}} b", "a1b"),
        Case("a\n\t {{- 1}} b", "a1 b"),
        Case("a {{1 -}}\r\n b", "a 1b"),
        Case("{{-3}}", "-3"),
        Case("{{- -3 -}}", "-3"),
        Case('a {{- "" -}} b {{- "" -}} c', "abc"),
        Case("{{ - 3 }}", error='illegal number syntax: "-"'),
        Case("a{{1 -}}   ", "a1"),
        Case("{{\n1\n}}", "1"),
        Case("{{- \n1\n-}} x", "1x"),
    ),
)

FIELDS = Group(
    "fields",
    (
        Case("{{.s}}", "héllo"),
        Case("{{.missing}}", "<no value>"),
        Case("{{.nil}}", "<no value>"),
        Case("{{.m.x}}", "1"),
        Case("{{.m.missing}}", "<no value>"),
        Case("{{.m.missing.deeper}}", "<no value>"),
        Case("{{.missing.deeper}}", "<no value>"),
        Case("{{.m.deep.er}}", "[p q]"),
        Case("{{ .s }}{{.i}}", "héllo3"),
        Case(
            "{{.}}",
            'map[b:\udcc3(\udcff byte:200 e: el:[] em:map[] f:2.5 g:1.234567e+06 i:3 inf:+Inf l:[1 two <nil> 3.5 true [4 -5] map[k:v]] m:map[deep:map[er:[p q]] nil:<nil> x:1 y:z é:1.5] ms:[map[n:1 name:one] map[n:<nil> name:two] map[]] nan:NaN neg:-7 nil:<nil> no:false ns:[10 20 30] one:1 q:it\'s "<b>" & `x`=\\\n\t s:héllo t:true tiny:1e-07 u:日本 😀\u200b\ufeff\xad w:5 ws:[a b c] yes:true zero:0]',
        ),
        Case("{{.m.nil}}", "<no value>"),
        Case("{{$.s}}", "héllo"),
        Case("{{.m.é}}", "1.5"),
        Case("{{(.m).x}}", "1"),
        Case("{{(index .ms 0).name}}", "one"),
        Case('{{(index .m "deep").er}}', "[p q]"),
        Case("{{(.m.deep).er}}", "[p q]"),
    ),
)

VALUES = Group(
    "values",
    (
        Case("{{.yes}} {{.no}}", "true false"),
        Case("{{.i}} {{.w}} {{.neg}}", "3 5 -7"),
        Case("{{.f}} {{.g}} {{.tiny}}", "2.5 1.234567e+06 1e-07"),
        Case("{{.l}}", "[1 two <nil> 3.5 true [4 -5] map[k:v]]"),
        Case("{{.m}}", "map[deep:map[er:[p q]] nil:<nil> x:1 y:z é:1.5]"),
        Case("{{.ms}}", "[map[n:1 name:one] map[n:<nil> name:two] map[]]"),
        Case("{{.el}}{{.em}}", "[]map[]"),
        Case("{{.nil}}|{{.l}}", "<no value>|[1 two <nil> 3.5 true [4 -5] map[k:v]]"),
        Case("{{.byte}}", "200"),
        Case("{{.inf}} {{.nan}}", "+Inf NaN"),
        Case("{{.b}}", "\udcc3(\udcff"),
        Case("{{.u}}", "日本 😀\u200b\ufeff\xad"),
        Case("{{true}} {{false}}", "true false"),
        Case(
            "{{100000.0}} {{1000000.0}} {{123456789.0}} {{0.0001}} {{0.00001}} {{1e21}} {{1.50}}",
            "100000 1e+06 1.23456789e+08 0.0001 1e-05 1e+21 1.5",
        ),
    ),
)

NUMBERS = Group(
    "numbers",
    (
        Case("{{1}} {{+1}} {{-1}}", "1 1 -1"),
        Case("{{0x1F}} {{0X1f}} {{0b101}} {{0o17}} {{017}}", "31 31 5 15 15"),
        Case("{{1_000}} {{0x_1F}}", "1000 31"),
        Case("{{1.5}} {{.5}} {{5.}} {{1e3}} {{1E-2}} {{-2.5}}", "1.5 0.5 5 1000 0.01 -2.5"),
        Case("{{0x1p-2}} {{0x1.8p1}}", "0.25 3"),
        Case("{{2i}} {{1+2i}} {{1.5-2e3i}}", "(0+2i) (1+2i) (1.5-2000i)"),
        Case(
            "{{'a'}} {{'\\n'}} {{'\\x41'}} {{'\\u00e9'}} {{'\\U0001F600'}} {{'é'}} {{'\\''}} {{'\\101'}}",
            "97 10 65 233 128512 233 39 65",
        ),
        Case("{{9223372036854775807}} {{-9223372036854775808}}", "9223372036854775807 -9223372036854775808"),
        Case("{{00}} {{-0}} {{0i}}", "0 0 (0+0i)"),
        Case("{{1_0.5}}", "10.5"),
    ),
)

STRINGS = Group(
    "strings",
    (
        Case('{{"a\\tb\\n"}}', "a\tb\n"),
        Case('{{"\\x41\\102\\u00e9\\U0001F600"}}', "ABé😀"),
        Case('{{"\\303\\251"}}', "é"),
        Case('{{"q\\"q\\\\"}}', 'q"q\\'),
        Case('{{"\'"}}', "'"),
        Case('{{`raw "\\n" text`}}', 'raw "\\n" text'),
        Case("{{`two\nlines`}}", "two\nlines"),
        Case('{{"{{"}}', "{{"),
        Case('{{"}}"}}', "}}"),
        Case('{{"\\a\\b\\f\\v\\r"}}', "\x07\x08\x0c\x0b\r"),
        Case("{{`a\r\nb`}}", "a\nb"),
        Case('{{"é日"}}', "é日"),
    ),
)

VARIABLES = Group(
    "variables",
    (
        Case("{{$x := 1}}{{$x}}", "1"),
        Case("{{$x := 1}}{{$x = 2}}{{$x}}", "2"),
        Case("{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "2"),
        Case("{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "21"),
        Case("{{$x := .m}}{{$x.x}}", "1"),
        Case("{{$x := 1}}{{range .ws}}{{$x = .}}{{end}}{{$x}}", "c"),
        Case("{{with $x := .m}}{{$x.x}}{{.y}}{{end}}", "1z"),
        Case("{{if $x := .s}}{{$x}}{{end}}", "héllo"),
        Case("{{if $x := .no}}{{else}}{{$x}}{{end}}", "false"),
        Case(
            "{{$}}",
            'map[b:\udcc3(\udcff byte:200 e: el:[] em:map[] f:2.5 g:1.234567e+06 i:3 inf:+Inf l:[1 two <nil> 3.5 true [4 -5] map[k:v]] m:map[deep:map[er:[p q]] nil:<nil> x:1 y:z é:1.5] ms:[map[n:1 name:one] map[n:<nil> name:two] map[]] nan:NaN neg:-7 nil:<nil> no:false ns:[10 20 30] one:1 q:it\'s "<b>" & `x`=\\\n\t s:héllo t:true tiny:1e-07 u:日本 😀\u200b\ufeff\xad w:5 ws:[a b c] yes:true zero:0]',
        ),
        Case("{{$x := .missing}}{{$x}}", "<no value>"),
        Case("{{($x := 5)}}{{$x}}", "55"),
        Case("{{$long_name1 := 1 | print}}{{$long_name1}}", "1"),
        Case("{{$é := 1}}{{$é}}", "1"),
        Case("{{$x := 1}}{{$x := 2}}{{$x}}", "2"),
        Case("{{or 0 ($x := 3)}}{{$x}}", "33"),
        Case("{{$ := 1}}{{$}}", "1"),
    ),
)

IF = Group(
    "if",
    (
        Case("{{if true}}a{{end}}", "a"),
        Case("{{if false}}a{{else}}b{{end}}", "b"),
        Case("{{if .i}}a{{else if .s}}b{{else}}c{{end}}", "a"),
        Case("{{if .no}}a{{else if .yes}}b{{else}}c{{end}}", "b"),
        Case("{{if .no}}a{{else if .zero}}b{{else}}c{{end}}", "c"),
        Case("{{if .missing}}a{{else}}b{{end}}", "b"),
        Case("{{if .nil}}a{{else}}b{{end}}", "b"),
        Case("{{if .e}}a{{else}}b{{end}}", "b"),
        Case("{{if .el}}a{{else}}b{{end}}", "b"),
        Case("{{if .em}}a{{else}}b{{end}}", "b"),
        Case("{{if .zero}}a{{else}}b{{end}}", "b"),
        Case("{{if 0.0}}a{{else}}b{{end}}", "b"),
        Case("{{if 0i}}a{{else}}b{{end}}", "b"),
        Case('{{if "false"}}a{{else}}b{{end}}', "a"),
        Case("{{if .nan}}a{{else}}b{{end}}", "a"),
        Case("{{if not .no}}a{{end}}", "a"),
        Case("{{if and .yes .s}}a{{end}}", "a"),
        Case("{{if .s}}{{if .no}}a{{else}}b{{end}}{{end}}", "b"),
        Case("{{if .l}}a{{end}}{{if .m}}b{{end}}", "ab"),
    ),
)

WITH = Group(
    "with",
    (
        Case("{{with .m}}{{.x}}{{end}}", "1"),
        Case("{{with .missing}}a{{else}}b{{end}}", "b"),
        Case("{{with .missing}}a{{else with .m}}{{.x}}{{else}}b{{end}}", "1"),
        Case("{{with .no}}a{{else with .e}}b{{else}}{{.s}}{{end}}", "héllo"),
        Case("{{with .m}}{{$.s}}{{end}}", "héllo"),
        Case("{{with 5}}{{.}}{{end}}", "5"),
        Case("{{with $x := 5}}{{$x}}{{.}}{{end}}", "55"),
        Case("{{with .m}}{{with .deep}}{{.er}}{{end}}{{end}}", "[p q]"),
        Case("{{with .nil}}a{{end}}", ""),
    ),
)

RANGE = Group(
    "range",
    (
        Case("{{range .ws}}[{{.}}]{{end}}", "[a][b][c]"),
        Case("{{range $x := .ws}}[{{$x}}]{{end}}", "[a][b][c]"),
        Case("{{range $i, $x := .ws}}{{$i}}{{$x}} {{end}}", "0a 1b 2c "),
        Case("{{range .el}}a{{else}}b{{end}}", "b"),
        Case("{{range .missing}}a{{else}}b{{end}}", "b"),
        Case("{{range .nil}}a{{else}}b{{end}}", "b"),
        Case("{{range .m}}[{{.}}]{{end}}", "[map[er:[p q]]][<no value>][1][z][1.5]"),
        Case("{{range $k, $v := .m}}{{$k}}={{$v}},{{end}}", "deep=map[er:[p q]],nil=<no value>,x=1,y=z,é=1.5,"),
        Case("{{range 3}}{{.}}{{end}}", "012"),
        Case("{{range $x := 3}}{{$x}}{{end}}", "012"),
        Case("{{range 0}}a{{else}}b{{end}}", "b"),
        Case("{{range .neg}}a{{else}}b{{end}}", "b"),
        Case('{{range .w}}{{printf "%T" .}} {{end}}', "uint64 uint64 uint64 uint64 uint64 "),
        Case("{{range $i, $x := .l}}{{$i}}:{{$x}} {{end}}", "0:1 1:two 2:<no value> 3:3.5 4:true 5:[4 -5] 6:map[k:v] "),
        Case('{{range .ws}}{{if eq . "b"}}{{break}}{{end}}{{.}}{{end}}', "a"),
        Case('{{range .ws}}{{if eq . "b"}}{{continue}}{{end}}{{.}}{{end}}', "ac"),
        Case("{{range .ms}}{{.name}};{{end}}", "one;two;<no value>;"),
        Case("{{range .ws}}{{range $.ws}}{{.}}{{end}} {{end}}", "abc abc abc "),
        Case("{{range .ws}}{{$.s}}{{end}}", "héllohéllohéllo"),
        Case("{{$i := 0}}{{$x := 0}}{{range $i, $x = .ws}}{{end}}{{$i}}{{$x}}", "2c"),
        Case("{{$x := 0}}{{range $x = .ws}}{{end}}{{$x}}", "c"),
        Case("{{range .ws}}{{range .}}{{end}}{{end}}", error="range can't iterate over a"),
        Case("{{range $x, $x := .ws}}{{$x}}{{end}}", "abc"),
        Case("{{range 2}}{{range $.el}}x{{else}}{{break}}{{end}}y{{end}}", "yy"),
        Case("{{range 2}}{{range $.el}}x{{else}}{{continue}}{{end}}y{{end}}", ""),
        Case("{{range .ws}}{{with .}}{{break}}{{end}}{{end}}done", "done"),
        Case("{{$l := .ws}}{{range $i, $l}}{{$i}}{{end}}", "abc"),
        Case("{{range $i, $x := .ws}}{{if $i}}, {{end}}'{{$x}}'{{else}}none{{end}}", "'a', 'b', 'c'"),
        Case("{{range $.m.deep.er}}{{.}}{{end}}", "pq"),
    ),
)

TEMPLATES = Group(
    "templates",
    (
        Case('{{define "a"}}[{{.}}]{{end}}{{template "a"}}', "[<no value>]"),
        Case('{{define "a"}}[{{.}}]{{end}}{{template "a" .s}}', "[héllo]"),
        Case('{{template "a" .m}}{{define "a"}}{{.x}}{{end}}', "1"),
        Case('{{define "a"}}{{$}}{{end}}{{template "a" 1}}', "1"),
        Case('{{block "a" .s}}<{{.}}>{{end}}', "<héllo>"),
        Case('{{block "a" .s}}<{{.}}>{{end}}{{template "a" 2}}', "<héllo><2>"),
        Case('{{define "a"}}x{{end}}{{define "a"}} {{end}}{{template "a"}}', "x"),
        Case('{{define "a"}} {{end}}{{define "a"}}x{{end}}{{template "a"}}', "x"),
        Case("{{define `a b`}}x{{end}}{{template `a b`}}", "x"),
        Case('{{define "n"}}{{if gt . 0}}{{.}}{{template "n" 0}}{{end}}{{end}}{{template "n" 3}}', "3"),
        Case('{{define "a"}}{{template "b" .}}{{end}}{{define "b"}}({{.}}){{end}}{{template "a" 7}}', "(7)"),
        Case('{{define "case"}}inner{{end}}  ', "inner"),
        Case('{{template "a" $x := 1}}{{$x}}{{define "a"}}{{end}}', "1"),
        Case('{{range .ws}}{{template "a" .}}{{end}}{{define "a"}}{{.}}-{{end}}', "a-b-c-"),
        Case('a{{define "x"}}b{{end}}c', "ac"),
    ),
)

PIPELINES = Group(
    "pipelines",
    (
        Case("{{.s | print}}", "héllo"),
        Case("{{1 | print 2}}", "2 1"),
        Case('{{"a" | printf "%s-%s" "b"}}', "b-a"),
        Case('{{.ws | len | print "n"}}', "n3"),
        Case("{{print (print 1) (print 2)}}", "12"),
        Case("{{(1)}}", "1"),
        Case("{{((print 1))}}", "1"),
        Case('{{.s | printf "%q" | len}}', "8"),
        Case('{{ "x" | or 0 }}', "x"),
        Case("{{0 | or 0}}", "0"),
        Case("{{1 | and 1}}", "1"),
        Case("{{1|print}}", "1"),
        Case("{{(.s)}}", "héllo"),
        Case("{{print 1 | }}", "1"),
    ),
)
