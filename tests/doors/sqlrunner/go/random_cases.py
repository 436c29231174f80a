"""Random templates: well-formed ones, printf formats, layouts of times, and broken ones, all with typed data."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.doors.sqlrunner.go.oracle import Asked
from tests.doors.sqlrunner.go.pools import (
    CHAINS,
    FIELDS,
    FLAGS,
    FUNCTIONS,
    LAYOUT,
    NUMBERS,
    PIPED,
    PRECISIONS,
    RANGES,
    SLICED,
    STRINGS,
    TEXTS,
    VERBS,
    WIDTHS,
    WRONG,
)
from tests.doors.sqlrunner.go.values import DATA

KEYS = (*DATA, "missing")


class Maker:
    """Makes cases from one source of chance."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._variables = ["$"]
        self._loops = 0
        self._names = ["one", "two"]

    def case(self) -> Asked:
        """One case of any sort."""
        sort = self._random.random()
        if sort < 0.35:
            return self.printf()
        if sort < 0.42:
            return self.layout()
        asked = self.template()
        return self.broken(asked) if sort < 0.55 else asked

    def layout(self) -> Asked:
        """A time in a random layout."""
        pick = self._random
        text = "".join(pick.choice(LAYOUT) + pick.choice(["", "", " ", "-", "x"]) for _ in range(pick.randint(1, 6)))
        zone = pick.choice(["UTC", "CET", "", "EST", "+0330"])
        offset = pick.choice([0, 3600, -18000, 12600, -30, 3661, -3661, -59, 20700])
        second = pick.choice([0, 951782400, 1709210096, 1700000000, -86400 * 365, 4102444799]) + pick.randint(
            0, 86400 * 400
        )
        nano = pick.choice([0, 1000, 120000000, 999999000, 123456000, 5000000])
        return Asked(f'{{{{nowWithFormat "{text}"}}}}', None, False, zone, offset, second, nano)

    def printf(self) -> Asked:
        """A printf with a random format."""
        pick = self._random
        pieces = []
        for _ in range(pick.randint(1, 3)):
            pieces.append(pick.choice(["", "", "a", " ", "é", "|"]))
            pieces.append(
                "%" + pick.choice(FLAGS) + pick.choice(["", "", "", "[1]", "[2]", "[3]"]) + pick.choice(WIDTHS)
            )
            pieces.append(pick.choice(PRECISIONS) + pick.choice(["", "", "", "", "[1]"]) + pick.choice(VERBS))
        form = "".join(pieces)
        arguments = [
            self._operand(0) if pick.random() < 0.7 else pick.choice(NUMBERS[:20]) for _ in range(pick.randint(0, 3))
        ]
        return Asked(f"{{{{printf `{form.replace('`', '')}` {' '.join(arguments)}}}}}", DATA)

    def template(self) -> Asked:
        """A template that is well-formed but for what its literals and types may have wrong."""
        self._variables, self._loops = ["$"], 0
        text = self._body(self._random.choice((0, 1, 2, 2, 3)))
        if self._random.random() < 0.2:
            self._variables, self._loops = ["$"], 0
            text += f'{{{{define "{self._random.choice(self._names)}"}}}}{self._body(1)}{{{{end}}}}'
        return Asked(text, DATA, strict=self._random.random() < 0.1)

    def broken(self, asked: Asked) -> Asked:
        """The same with a piece cut out, doubled, moved or replaced."""
        pick, text = self._random, asked.text
        for _ in range(pick.randint(1, 2)):
            at, end = sorted((pick.randint(0, len(text)), pick.randint(0, len(text))))
            end = min(end, at + pick.choice([1, 1, 2, 5]))
            new = pick.choice((*WRONG, *WRONG, text[at:end] * 2))
            text = text[:at] + new + text[end:]
        return Asked(text, asked.data, asked.strict)

    def _body(self, depth: int) -> str:
        known = len(self._variables)
        body = "".join(self._piece(depth) for _ in range(self._random.choice((1, 1, 2, 2, 3))))
        del self._variables[known:]
        return body

    def _piece(self, depth: int) -> str:
        pick = self._random
        sorts: list[Callable[[int], str]] = [self._text, self._action, self._action, self._declaration]
        if depth:
            sorts += [self._if, self._if, self._range, self._range, self._with, self._call]
        return pick.choice(sorts)(depth)

    def _text(self, _: int) -> str:
        return self._random.choice(TEXTS)

    def _tag(self, inner: str) -> str:
        pick = self._random
        left = pick.choice(["{{", "{{", "{{", "{{- ", "{{ ", "{{\n"])
        right = pick.choice(["}}", "}}", "}}", " -}}", " }}", "\n}}"])
        return left + inner + right

    def _action(self, depth: int) -> str:
        return self._tag(self._pipeline(depth))

    def _declaration(self, depth: int) -> str:
        name = self._random.choice(["$x", "$y", "$z"])
        assigns = name in self._variables and self._random.random() < 0.5
        text = self._tag(f"{name} {'=' if assigns else ':='} {self._pipeline(depth)}")
        self._variables.append(name)
        return text

    def _if(self, depth: int) -> str:
        return self._branch("if", depth)

    def _with(self, depth: int) -> str:
        return self._branch("with", depth)

    def _branch(self, word: str, depth: int) -> str:
        pick, known = self._random, len(self._variables)
        declared = ""
        if pick.random() < 0.2:
            declared = f"{pick.choice(['$x', '$y'])} := "
        text = self._tag(f"{word} {declared}{self._pipeline(depth - 1)}")
        if declared:
            self._variables.append(declared[:2])
        text += self._body(depth - 1)
        while pick.random() < 0.25:
            text += self._tag(f"else {word} {self._pipeline(depth - 1)}") + self._body(depth - 1)
        if pick.random() < 0.4:
            text += self._tag("else") + self._body(depth - 1)
        del self._variables[known:]
        return text + self._tag("end")

    def _range(self, depth: int) -> str:
        pick, known = self._random, len(self._variables)
        over = pick.choice(RANGES)
        names = pick.choice([[], [], ["$x"], ["$x", "$y"], ["$x", "$x"]])
        sign = "=" if all(name in self._variables for name in names) and pick.random() < 0.3 else ":="
        text = self._tag(f"range {', '.join(names)}{f' {sign} ' if names else ''}{over}")
        self._variables += names
        self._loops += 1
        text += self._body(depth - 1)
        if pick.random() < 0.2:
            text += self._tag(pick.choice(["break", "continue"]))
        self._loops -= 1
        if pick.random() < 0.3:
            text += self._tag("else") + self._body(depth - 1)
            if self._loops and pick.random() < 0.3:
                text += self._tag(pick.choice(["break", "continue"]))
        del self._variables[known:]
        return text + self._tag("end")

    def _call(self, depth: int) -> str:
        pick = self._random
        if pick.random() < 0.5:
            return self._tag(f'template "{pick.choice(self._names)}"{pick.choice(["", " .", " .m", " .l"])}')
        known, self._variables, loops = self._variables, ["$"], self._loops
        self._loops = 0
        text = self._tag(f'block "{pick.choice(["b1", "b2", "b3"])}" {self._operand(0)}') + self._body(depth - 1)
        self._variables, self._loops = known, loops
        return text + self._tag("end")

    def _pipeline(self, depth: int) -> str:
        pick = self._random
        text = self._command(depth)
        while pick.random() < 0.2:
            text += pick.choice([" | ", "|"]) + pick.choice(PIPED)
        return text

    def _command(self, depth: int) -> str:
        pick = self._random
        if pick.random() < 0.35:
            return self._operand(depth)
        name, least, most = pick.choice(FUNCTIONS)
        number = pick.randint(least, most)
        if pick.random() < 0.03:
            number += 1
        return " ".join((name, *(self._operand(depth, sliced=name == "slice") for _ in range(number))))

    def _operand(self, depth: int, *, sliced: bool = False) -> str:
        pick, sort = self._random, self._random.random()
        if sliced and sort < 0.6:
            return pick.choice(SLICED)
        if sort < 0.3:
            return "." + pick.choice(KEYS)
        if sort < 0.4:
            return pick.choice(FIELDS)
        if sort < 0.5:
            return pick.choice(self._variables)
        if sort < 0.62:
            return pick.choice(STRINGS) if pick.random() < 0.4 else pick.choice(STRINGS[:6])
        if sort < 0.74:
            return pick.choice(NUMBERS[:11]) if pick.random() < 0.93 else pick.choice(NUMBERS)
        if sort < 0.82:
            return pick.choice(["true", "false", "nil", ".", "$"])
        if sort < 0.85:
            return pick.choice(CHAINS)
        return f"({self._pipeline(depth - 1)})" if depth > 0 else '"x"'
