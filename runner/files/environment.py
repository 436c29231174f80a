"""${VAR} and ${VAR:-default} in the values of a file; `$${` is a literal `${`.

Variables are filled in after the YAML was parsed, so that a value of the environment can never change the shape of
a file; and messages show what the file says, never what the environment holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Environment
from urllib.parse import quote

from runner.errors import Place, Problems, show
from runner.files.yaml import Broken, Mapping, Node, Scalar, Sequence

_REFERENCE = re.compile(r"\$\$\{|\$\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<has>:-(?P<default>[^${}]*))?\}|[^}]*\}?)")
_SURROGATE = re.compile("[\ud800-\udfff]")  # how Python shows bytes that are no UTF-8
# user:password@ of a URL, and its parameters
_USERINFO = re.compile(r"[\w+.-]+://([^:/]*:[^@]*)@")
_PARAMETERS = re.compile(r"(?:[?&;][^=&;]*=)([^&;]*)")


def expand(
    node: Node,
    env: Environment[str, str],
    problems: Problems,
    leave: frozenset[str] = frozenset(),
    urls: frozenset[str] = frozenset(),
) -> Node:
    """The same tree with its variables filled in; the values of the keys in `leave` stay as written, those of the
    keys in `urls` are URLs.
    """
    if isinstance(node, Mapping):
        pairs = []
        for key, value in node.entries:
            if key.text in urls and isinstance(value, Scalar):
                pairs.append((key, _scalar(value, env, problems, url=True)))
            else:
                pairs.append((key, value if key.text in leave else expand(value, env, problems)))
        return Mapping(node.place, tuple(pairs))
    if isinstance(node, Sequence):
        return Sequence(node.place, tuple(expand(item, env, problems) for item in node.items))
    return _scalar(node, env, problems, url=False) if isinstance(node, Scalar) else node


def _scalar(node: Scalar, env: Environment[str, str], problems: Problems, *, url: bool) -> Node:
    if "${" not in node.written:
        return node
    text = expand_text(node.written, node.place, env, problems, url=url)
    return Broken(node.place) if text is None else Scalar(node.place, text, node.written, node.plain)


def expand_text(
    text: str, place: Place, env: Environment[str, str], problems: Problems, label: str = "", *, url: bool = False
) -> str | None:
    """`text` with its variables filled in, or None if that failed and was reported. As in a shell, `:-` also
    replaces an empty value. In a `url` a variable is the user's name, password or parameter as it is: any character
    may stand in it.
    """
    failed = False
    spans = _encoded_spans(text) if url else []

    def value(found: re.Match[str]) -> str:
        nonlocal failed
        name, default = found["name"], found["default"]
        if found[0] == "$${":
            return "${"
        if name is None:
            failed = True
            hint = "write ${NAME} or ${NAME:-default}; $${ gives a literal ${"
            problems.add(place, f"{label}'${{' without a variable in {show(text)}", hint)
        elif name in env and _SURROGATE.search(env[name]):
            failed = True
            problems.add(
                place, f"{label}the environment variable {name} is not UTF-8 text", f"export {name}=… in UTF-8"
            )
        elif name in env and (env[name] or not found["has"]):
            problems.secrets = problems.secrets.also([(env[name], f"${{{name}}}")], known=False)
            inside = any(start <= found.start() < end for start, end in spans)
            return quote(env[name], safe="") if inside else env[name]
        elif not found["has"]:
            failed = True
            hint = f"export {name}=…, or give it a default: ${{{name}:-…}}"
            problems.add(place, f"{label}the environment variable {name} is not set", hint)
        return default or ""

    expanded = _REFERENCE.sub(value, text)
    return None if failed else expanded


def _encoded_spans(text: str) -> list[tuple[int, int]]:
    """Where in a URL with variables a value is encoded: in user:password and in the values of parameters."""
    blank = _REFERENCE.sub(lambda found: "x" * len(found[0]), text)
    userinfo = _USERINFO.match(blank)
    return [*([userinfo.span(1)] if userinfo else []), *(found.span(1) for found in _PARAMETERS.finditer(blank))]


def literal_part(text: str) -> str:
    """What the file itself says: variables without a default left out, the others by their default."""
    return _REFERENCE.sub(lambda found: "${" if found[0] == "$${" else found["default"] or "", text)
