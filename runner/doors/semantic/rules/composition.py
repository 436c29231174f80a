"""What is made of what: circles, and what unfolds into too much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# What can be unfolded within what engines and parsers take.
MAX_LAYERS = 12
MAX_PARTS = 1_000
TOO_MUCH = f"unfolds into more than {MAX_LAYERS} layers or {MAX_PARTS:,} parts"


def circles(made_of: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Chains of names that lead back to their beginning, each once."""
    found: list[list[str]] = []
    done: set[str] = set()
    for start in made_of:
        path: list[str] = []
        pending = [iter([start])]
        while pending:
            name = next(pending[-1], None)
            if name is None:
                pending.pop()
                if path:
                    done.add(path.pop())
            elif name in path:
                found.append([*path[path.index(name) :], name])
            elif name in made_of and name not in done:
                path.append(name)
                pending.append(iter(made_of[name]))
    return found


def usable(made_of: Mapping[str, Sequence[str]]) -> tuple[frozenset[str], list[str]]:
    """Names that can be unfolded, and those that are the first to unfold into too much.

    What is made of unknown names, of itself, or of too much is neither.
    """
    sizes: dict[str, int] = {}
    too_much: list[str] = []
    for layer in range(MAX_LAYERS + 1):
        ready = {name: of for name, of in made_of.items() if name not in sizes and all(one in sizes for one in of)}
        more = {name: 1 + sum(sizes[one] for one in of) for name, of in ready.items()}
        too_much += [name for name, size in more.items() if size > MAX_PARTS or layer == MAX_LAYERS]
        sizes |= {name: size for name, size in more.items() if name not in too_much}
    return frozenset(sizes), too_much
