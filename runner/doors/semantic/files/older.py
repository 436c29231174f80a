"""What the vendor's older files call things, read as the words of today; files of a format before that are told apart.

Until 2024 events were actions, users had a first appearance, and generated tables a prefix. The words changed, not the
meaning: the reader sees the newer ones, and a finding names each older word once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from runner.errors import Place
from runner.files.yaml import Mapping, Node, Scalar, Sequence

KEYS = {
    "action_property": "event_property",
    "first_appearance_property": "registration_property",
    "source_action": "source_event",
    "source_action_property": "source_event_property",
    "sliding_window_function": "window_function",
    "fixed_window_function": "window_function",
    "base_table_prefix": "data_model_schema",
    "datasource": "logical_table",
}
TAGS = {
    "action_timestamp_column": "event_timestamp_column",
    "activity_action": "activity_event",
    "first_appearance_action": "registration_event",
    "registration_action": "registration_event",
    "payment_transaction_action": "payment_transaction_event",
    "first_appearance_property": "registration_property",
}
BEFORE = ("entity_table_prefix", "computed_columns", "first_appearance_properties", "action_properties")


@dataclass
class Words:
    """Older words that were met: where each stands first, and how often it does."""

    met: dict[str, tuple[str, Place, int]] = field(default_factory=dict)

    def modern(self, node: Mapping) -> Mapping:
        """A document in the words of today."""
        entries = tuple((self._key(key, value), self._value(key, value)) for key, value in node.entries)
        return replace(node, entries=entries)

    def _key(self, key: Scalar, value: Node) -> Scalar:
        word = KEYS.get(key.text)
        if key.text == "source_action_property" and isinstance(value, Scalar):
            word = "source_property"
        return replace(key, text=self._noted(key, word)) if word else key

    def _value(self, key: Scalar, value: Node) -> Node:
        if isinstance(value, Mapping):
            return self.modern(value)
        if key.text == "tags" and isinstance(value, Sequence):
            return replace(value, items=tuple(self._tag(one) for one in value.items))
        if key.text == "tags":
            return self._tag(value)
        if key.text == "base_table_prefix" and isinstance(value, Scalar):
            return replace(value, text=value.text.partition(".")[0])  # its schema; tables have names of their own
        if isinstance(value, Sequence):
            items = tuple(self.modern(one) if isinstance(one, Mapping) else one for one in value.items)
            return replace(value, items=items)
        return value

    def _tag(self, node: Node) -> Node:
        word = TAGS.get(node.text) if isinstance(node, Scalar) else None
        return replace(node, text=self._noted(node, word)) if isinstance(node, Scalar) and word else node

    def _noted(self, old: Scalar, new: str) -> str:
        _, place, count = self.met.get(old.text, (new, old.place, 0))
        self.met[old.text] = (new, place, count + 1)
        return new


def other_format(node: Mapping) -> tuple[Place, str] | None:
    """Where and how a file tells that it is of a format before the one that is read here."""
    for key, value in node.entries:
        if key.text == "columns" and isinstance(value, Sequence):
            return key.place, "its columns are a list"
        if key.text in BEFORE:
            return key.place, f"it has {key.text}:"
    return None
