"""${VAR} and ${VAR:-default} in the values of a file; `$${` is a literal `${`.

Variables are filled in after the YAML was parsed, so that a value of the environment can never change the shape of
a file; and messages show what the file says, never what the environment holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Environment

from runner.errors import Place
from runner.problems import Problems, show
from runner.yamlfile import Broken, Mapping, Node, Scalar, Sequence

_REFERENCE = re.compile(r"\$\$\{|\$\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<has>:-(?P<default>[^${}]*))?\}|[^}]*\}?)")
_SHORT = 4  # shorter values are no secrets, and masking them would garble messages


def expand(node: Node, env: Environment[str, str], problems: Problems, leave: frozenset[str] = frozenset()) -> Node:
    """The same tree with its variables filled in; the values of the keys in `leave` stay as written."""
    if isinstance(node, Scalar):
        if "${" not in node.written:
            return node
        text = expand_text(node.written, node.place, env, problems)
        return Broken(node.place) if text is None else Scalar(node.place, text, node.written, node.plain)
    if isinstance(node, Sequence):
        return Sequence(node.place, tuple(expand(item, env, problems) for item in node.items))
    if isinstance(node, Mapping):
        pairs = ((key, value if key.text in leave else expand(value, env, problems)) for key, value in node.entries)
        return Mapping(node.place, tuple(pairs))
    return node


def expand_text(text: str, place: Place, env: Environment[str, str], problems: Problems, label: str = "") -> str | None:
    """`text` with its variables filled in, or None if that failed and was reported. As in a shell, `:-` also
    replaces an empty value."""
    failed = False

    def value(found: re.Match[str]) -> str:
        nonlocal failed
        name, default = found["name"], found["default"]
        if found[0] == "$${":
            return "${"
        if name is None:
            failed = True
            hint = "write ${NAME} or ${NAME:-default}; $${ gives a literal ${"
            problems.add(place, f"{label}'${{' without a variable in {show(text)}", hint)
        elif name in env and (env[name] or not found["has"]):
            if len(env[name]) >= _SHORT and env[name].lower() not in ("true", "false"):
                problems.secrets[env[name]] = f"${{{name}}}"
            return env[name]
        elif not found["has"]:
            failed = True
            hint = f"export {name}=…, or give it a default: ${{{name}:-…}}"
            problems.add(place, f"{label}the environment variable {name} is not set", hint)
        return default or ""

    expanded = _REFERENCE.sub(value, text)
    return None if failed else expanded


def literal_part(text: str) -> str:
    """What the file itself says: variables without a default left out, the others by their default."""
    return _REFERENCE.sub(lambda found: "${" if found[0] == "$${" else found["default"] or "", text)
