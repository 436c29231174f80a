"""Real Go as the judge of templates: a small Go program executes cases and tells what it printed or said.

It is built once per session in a temporary folder from Go's own standard library; nothing is downloaded. Values carry
their Go types, strings their bytes.
"""

from __future__ import annotations

import base64
import json
import os
import struct
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.doors.sqlrunner.gotemplate import Int64, Uint8, Uint64, Value, from_bytes, to_bytes

_PROGRAM = r"""package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"text/template"
	"time"
)

type asked struct {
	Text   string          `json:"text"`
	Data   json.RawMessage `json:"data"`
	Strict bool            `json:"strict"`
	Zone   string          `json:"zone"`
	Offset int             `json:"offset"`
	Second int64           `json:"second"`
	Nano   int64           `json:"nano"`
}

type typed struct {
	Type  string            `json:"t"`
	Text  string            `json:"v"`
	Items []json.RawMessage `json:"items"`
	Keys  []string          `json:"keys"`
}

func plain(text string) string {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func value(raw json.RawMessage) any {
	var given typed
	if err := json.Unmarshal(raw, &given); err != nil {
		panic(err)
	}
	switch given.Type {
	case "nil":
		return nil
	case "bool":
		return given.Text == "true"
	case "int":
		n, _ := strconv.Atoi(given.Text)
		return n
	case "int64":
		n, _ := strconv.ParseInt(given.Text, 10, 64)
		return n
	case "uint64":
		n, _ := strconv.ParseUint(given.Text, 10, 64)
		return n
	case "uint8":
		n, _ := strconv.ParseUint(given.Text, 10, 8)
		return uint8(n)
	case "float64":
		n, _ := strconv.ParseUint(given.Text, 10, 64)
		return math.Float64frombits(n)
	case "string":
		return plain(given.Text)
	case "list":
		items := make([]any, len(given.Items))
		for i, item := range given.Items {
			items[i] = value(item)
		}
		return items
	case "map":
		items := make(map[string]any)
		for i, key := range given.Keys {
			items[plain(key)] = value(given.Items[i])
		}
		return items
	}
	panic(given.Type)
}

func answer(line []byte) (out string, said string) {
	defer func() {
		if r := recover(); r != nil {
			said = fmt.Sprint("panic: ", r)
		}
	}()
	var given asked
	if err := json.Unmarshal(line, &given); err != nil {
		panic(err)
	}
	functions := template.FuncMap{
		"nowWithFormat": func(layout string) string {
			zone := time.FixedZone(given.Zone, given.Offset)
			return time.Unix(given.Second, given.Nano).In(zone).Format(layout)
		},
		"systemEnv": func(name string) string { return "env " + name },
		"randomInt": func() string { return "42" },
		"takeInt":   func(n int) int { return n },
		"takeFloat": func(f float64) float64 { return f },
		"takeBool":  func(b bool) bool { return b },
		"takeAny":   func(v any) any { return v },
		"takeMany":  func(first string, rest ...int) string { return fmt.Sprint(first, rest) },
		"failing":   func() (string, error) { return "", fmt.Errorf("it failed") },
	}
	parsed := template.New("case").Funcs(functions)
	if given.Strict {
		parsed = parsed.Option("missingkey=error")
	}
	if _, err := parsed.Parse(plain(given.Text)); err != nil {
		return "", err.Error()
	}
	var buffer bytes.Buffer
	if err := parsed.Execute(&buffer, value(given.Data)); err != nil {
		return "", err.Error()
	}
	return buffer.String(), ""
}

func main() {
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	writer := bufio.NewWriterSize(os.Stdout, 1<<20)
	defer writer.Flush()
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		out, said := answer(line)
		fmt.Fprintf(writer, "%s %s\n", encoded(out), encoded(said))
	}
}

func encoded(text string) string {
	return "=" + base64.StdEncoding.EncodeToString([]byte(text))
}
"""


@dataclass(frozen=True)
class Asked:
    """A template with its data, what option it is executed with, and what time it is there."""

    text: str
    data: Value = None
    strict: bool = False
    zone: str = "UTC"
    offset: int = 0
    second: int = 0
    nano: int = 0


@dataclass(frozen=True)
class Answer:
    """What Go printed, or its error; one of them is empty."""

    out: str
    error: str


def build(go: str, folder: Path) -> Path:
    """The program that judges, compiled in this folder."""
    (folder / "main.go").write_text(_PROGRAM)
    (folder / "go.mod").write_text("module judge\n\ngo 1.21\n")
    offline = {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOCACHE": str(folder / "cache")}
    subprocess.run([go, "build", "-o", "judge", "."], cwd=folder, env={**os.environ, **offline}, check=True)
    return folder / "judge"


def ask(program: Path, cases: Iterable[Asked]) -> Sequence[Answer]:
    """Go's answers, in the order of the cases."""
    lines = "".join(f"{json.dumps(_case(case))}\n" for case in cases)
    done = subprocess.run([str(program)], input=lines.encode(), capture_output=True, check=True)
    answers = []
    for line in done.stdout.decode().splitlines():
        out, error = (from_bytes(base64.b64decode(word[1:])) for word in line.split(" "))
        answers.append(Answer(out, error))
    return answers


def _case(case: Asked) -> dict[str, Any]:
    return {
        "text": _encoded(case.text),
        "data": _typed(case.data),
        "strict": case.strict,
        "zone": case.zone,
        "offset": case.offset,
        "second": case.second,
        "nano": case.nano,
    }


def _encoded(text: str) -> str:
    return base64.b64encode(to_bytes(text)).decode()


def _typed(value: Value) -> dict[str, Any]:
    if value is None:
        return {"t": "nil"}
    if isinstance(value, bool):
        return {"t": "bool", "v": "true" if value else "false"}
    if isinstance(value, int):
        names = {Uint64: "uint64", Int64: "int64", Uint8: "uint8"}
        return {"t": names.get(type(value), "int"), "v": str(int(value))}
    if isinstance(value, float):
        return {"t": "float64", "v": str(int.from_bytes(struct.pack(">d", value)))}
    if isinstance(value, str):
        return {"t": "string", "v": _encoded(value)}
    if isinstance(value, list):
        return {"t": "list", "items": [_typed(item) for item in value]}
    if isinstance(value, dict):
        return {
            "t": "map",
            "keys": [_encoded(key) for key in value],
            "items": [_typed(item) for item in value.values()],
        }
    raise TypeError(value)
