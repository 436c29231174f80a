"""What a schema says by $ref, allOf, anyOf and oneOf, put where it would stand if it were written out.

`$ref` leads into the same schema ('#/definitions/…'); a schema that leads to itself is left as it is. Of allOf all parts
hold, so they are one; of anyOf and oneOf each part may give properties, and of then, else and dependencies, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote

from runner.doors.products.files.documents import entry, same, text_of
from runner.errors import Problems, show
from runner.files.yaml import Mapping, Node, Scalar, Sequence

_HINT = "write what it stands for in its place: '#/definitions/…' within the schema is followed"
_EITHER = ("anyOf", "oneOf")
_CONDITIONAL = ("then", "else")
_BY_NAME = ("dependencies", "dependentSchemas")


@dataclass
class References:
    """The references within one schema; what leads nowhere is a problem, told once."""

    root: Node
    problems: Problems
    _told: set[str] = field(default_factory=set)

    def followed(self, node: Node, seen: tuple[str, ...] = ()) -> Node:
        """A schema with what its $ref and allOf say among its own."""
        if not isinstance(node, Mapping):
            return node
        ref = entry(node, "$ref")
        if ref is not None:
            pointer = text_of(ref)
            target = self._target(ref, pointer)
            if target is None or pointer in seen:
                return node
            return _joined(_without(node, "$ref"), self.followed(target, (*seen, pointer)))
        parts = entry(node, "allOf")
        if not isinstance(parts, Sequence):
            return node
        found: Node = _without(node, "allOf")
        for part in parts.items:
            found = _joined(found, self.followed(part, seen))
        return found

    def structure(self, schema: Mapping, depth: int = 8) -> Mapping:
        """The schema of a structure with all properties that any of its parts gives."""
        found = self.followed(schema)
        if not isinstance(found, Mapping):
            return schema
        own = entry(found, "properties")
        listed = {key.text: (key, node) for key, node in own.entries} if isinstance(own, Mapping) else {}
        fixed = set(listed)
        for part in _parts(found) if depth else ():
            inner = entry(self.structure(part, depth - 1), "properties")
            for key, node in inner.entries if isinstance(inner, Mapping) else ():
                if key.text not in listed:
                    listed[key.text] = (key, node)
                elif key.text not in fixed:
                    listed[key.text] = (key, _either(listed[key.text][1], node))
        if not listed:
            return found
        place = own.place if own else found.place
        word = Scalar(place, "properties", "properties", plain=False)
        rest = tuple(pair for pair in found.entries if pair[0].text != "properties")
        return Mapping(found.place, (*rest, (word, Mapping(place, tuple(listed.values())))))

    def _target(self, ref: Node, pointer: str) -> Node | None:
        """What a JSON pointer within the schema leads to."""
        found: Node | None = self.root if pointer.startswith("#") else None
        for part in pointer[1:].split("/")[1:] if found is not None else ():
            name = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(found, Sequence):
                found = found.items[int(name)] if name.isdigit() and int(name) < len(found.items) else None
            else:
                found = None if found is None else entry(found, name)
        if found is None and str(ref.place) not in self._told:
            self._told.add(str(ref.place))
            self.problems.add(ref.place, f"invalid JSON schema: $ref {show(pointer)} leads nowhere in it", _HINT)
        return found


def _parts(schema: Mapping) -> list[Mapping]:
    """The schemas of which some hold, or hold at times."""
    found: list[Node] = []
    for key, node in schema.entries:
        if key.text in _EITHER and isinstance(node, Sequence):
            found += node.items
        elif key.text in _CONDITIONAL:
            found.append(node)
        elif key.text in _BY_NAME and isinstance(node, Mapping):
            found += [inner for _, inner in node.entries]
    return [node for node in found if isinstance(node, Mapping)]


def _without(node: Mapping, word: str) -> Mapping:
    return Mapping(node.place, tuple(pair for pair in node.entries if pair[0].text != word))


def _joined(one: Node, other: Node) -> Node:
    """Both schemas hold: what the first says stays, properties and required are those of both."""
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return one
    entries = {key.text: (key, node) for key, node in one.entries}
    for key, node in other.entries:
        mine = entries[key.text][1] if key.text in entries else None
        if mine is None:
            entries[key.text] = (key, node)
        elif key.text == "properties" and isinstance(mine, Mapping) and isinstance(node, Mapping):
            listed = {name.text: (name, inner) for name, inner in mine.entries}
            for name, inner in node.entries:
                known = listed.get(name.text)
                listed[name.text] = (name, inner) if known is None else (known[0], _joined(known[1], inner))
            entries[key.text] = (entries[key.text][0], Mapping(mine.place, tuple(listed.values())))
        elif key.text == "required" and isinstance(mine, Sequence) and isinstance(node, Sequence):
            entries[key.text] = (entries[key.text][0], Sequence(mine.place, (*mine.items, *node.items)))
    return Mapping(one.place, tuple(entries.values()))


def _either(one: Node, other: Node) -> Node:
    """A property of two parts of which either may hold."""
    if same(one, other):
        return one
    before = entry(one, "anyOf")
    listed = before.items if isinstance(before, Sequence) and isinstance(one, Mapping) else (one,)
    word = Scalar(one.place, "anyOf", "anyOf", plain=False)
    return Mapping(one.place, ((word, Sequence(one.place, (*listed, other))),))
