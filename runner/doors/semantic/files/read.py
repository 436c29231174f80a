"""Files of a semantic model → values: config.yml, events/, properties/ and kpis/, in Asemic's format and with our tags.

Every problem of form is found here, all at once, with file and line; what the parts say of each other is in rules/check.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from runner.doors.semantic.files.config import BLANK, configuration
from runner.doors.semantic.files.events import enriched
from runner.doors.semantic.files.events import read as read_event
from runner.doors.semantic.files.kpis import read as read_kpi
from runner.doors.semantic.files.older import Words, other_format
from runner.doors.semantic.files.properties import read as read_property
from runner.doors.semantic.settings import Settings
from runner.doors.semantic.values import BUILT_IN, ColumnTag, Config, EventType, Kpi, Older, Property
from runner.errors import MAX_PROBLEMS, BadInput, Place, Problems, show
from runner.files.keys import has_key
from runner.files.schema import UNKNOWN_KEY, Scope
from runner.files.yaml import Broken, Node, Scalar, parse, read_text
from runner.files.yaml import Mapping as YamlMapping
from runner.files.yaml import Sequence as YamlSequence

_CONFIG_KEYS = "data_model_schema data_model_version active_days cohorted_daily_kpis_days timezone model_settings"
_EVENT_KEYS = "table_name columns enrichments tags where sql label"


def read(folder: Path, env: Mapping[str, str], problems: Problems) -> Config:
    """The model in a folder. Raises BadInput where nothing can be read; smaller problems are added."""
    path = folder / "config.yml"
    if not path.is_file() and (folder / "userentity" / "config.yml").is_file():
        folder, path = folder / "userentity", folder / "userentity" / "config.yml"
    if not path.is_file():
        hint = "DIR holds config.yml, events/, properties/ and kpis/"
        problems.stop(Place(path), "no such file", hint)
    reader = _Reader(folder, env, problems)
    settings = reader.settings(path)
    events = reader.events()
    properties = reader.properties(events)
    kpis = reader.kpis(settings, days_of(events))
    older = tuple(Older(word, *told) for word, told in reader.words.met.items())
    return Config(path, settings, events, properties, kpis, frozenset(reader.unread), older)


def read_settings(folder: Path, env: Mapping[str, str], problems: Problems) -> Settings:
    """Those of config.yml alone, if it is there yet; problems are added."""
    path = folder / "config.yml"
    return _Reader(folder, env, problems).settings(path) if path.is_file() else BLANK


def read_events(folder: Path, env: Mapping[str, str], problems: Problems) -> tuple[EventType, ...]:
    """Those of events/ alone; problems are added."""
    return _Reader(folder, env, problems).events()


def may_be_called(name: str) -> bool:
    """Whether an event may have a name: it becomes that of a table."""
    return re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) is not None and name not in (*BUILT_IN, "totals")


def days_of(events: Sequence[EventType]) -> frozenset[str]:
    """What columns are called that hold the day in every event that has them."""
    joined = {one.logical_table for event in events for one in event.enrichments}  # perhaps no events, so without days
    told = (event for event in events if event.name not in joined or event.tagged(ColumnTag.DATE))
    own = [column for event in told for column in event.own]
    tagged = {column.name for column in own if ColumnTag.DATE in column.tags}
    return frozenset(tagged - {column.name for column in own if ColumnTag.DATE not in column.tags})


class _Reader:
    """Reads the files of one folder."""

    def __init__(self, folder: Path, env: Mapping[str, str], problems: Problems) -> None:
        self.folder, self.env, self.problems = folder, env, problems
        self.unread: set[str] = set()  # see Config.unread
        self.words = Words()
        place = folder.resolve()
        self.app_id = place.parent.name if place.name == "userentity" else place.name

    def _document(self, path: Path, keys: str) -> YamlMapping | None:
        """The mapping in a file with some of these keys. None if it cannot be read, which was said; others still can."""
        try:
            text = read_text(path, self.problems)
            if not any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines()):
                self.problems.add(Place(path), "the file is empty", "write into it, or delete it")
                return None
            if not has_key(text, keys):
                self.problems.foreign.add(path)
            node = parse(text, path, self.problems)
        except BadInput:
            if len(self.problems.found) >= MAX_PROBLEMS:
                raise
            return None
        if isinstance(node, YamlMapping):
            if before := other_format(node):
                place, why = before
                self.problems.found.clear()  # the rest would be said in words that such a file does not have
                hint = "write it as docs/semantic-layer.md says; the vendor's generator makes the files anew"
                self.problems.stop(place, f"an older format, which is not read: {why}", hint, code="E27")
            return self.words.modern(node)
        if not isinstance(node, Broken):
            self.problems.add(node.place, "the file must be a mapping", "write key: value pairs")
        return None

    def _files(self, *folders: str) -> list[Path]:
        found = [p for f in folders for p in sorted((self.folder / f).glob("*.y*ml")) if p.suffix in (".yml", ".yaml")]
        if not found:
            hint = "a model has events/, properties/ and kpis/, with files that end in .yml"
            self.problems.add(Place(self.folder / folders[0]), f"no files in {folders[0]}/", hint)
        return found

    # -- config.yml ----------------------------------------------------------------------------------------------

    def settings(self, path: Path) -> Settings:
        """Of config.yml."""
        node = self._document(path, _CONFIG_KEYS)
        before = len(self.problems.found)
        if node is None:
            self.unread.add("config")
            return BLANK
        schema = configuration(self.app_id, self.env, self.problems)
        settings = Scope(self.problems, "config.yml").read(schema, node)
        if not self._whole(node, before):
            self.unread.add("config")
        return settings

    # -- events/ -------------------------------------------------------------------------------------------------

    def events(self) -> tuple[EventType, ...]:
        """Of events/ (or actions/, as they were once called): a file an event, called as the file."""
        found: dict[str, EventType] = {}
        first: dict[str, Path] = {}
        paths = self._files("events", "actions")
        if not paths:
            self.unread.add("event")
        for path in paths:
            name = path.stem
            if not may_be_called(name):
                hint = "rename the file: small letters, digits and _, and no name that is built in"
                self.problems.add(Place(path), f"an event may not be called {show(name)}", hint, "E03")
            if first.setdefault(name, path) != path:
                what = f"a second event called {name}"
                self.problems.add(Place(path), what, f"rename one of the two; the first is {first[name]}", "E02")
            node = self._document(path, _EVENT_KEYS)
            before = len(self.problems.found)
            event = read_event(name, node, self.app_id, self.problems) if node is not None else None
            if node is not None and event is not None and self._whole(node, before):
                found.setdefault(name, event)
            else:
                self.unread.add(f"event {name}")
        return enriched(tuple(found.values()))

    # -- properties/ and kpis/ -----------------------------------------------------------------------------------

    def properties(self, events: tuple[EventType, ...]) -> tuple[Property, ...]:
        """Of properties/, with the inline sources of windows as properties of their own."""
        found: dict[str, Property] = {}
        listed, days = list(self._listed("property", "properties")), days_of(events)
        named = frozenset(name.text for name, _ in listed)
        for name, node in listed:
            before = len(self.problems.found)
            made = read_property(name, node, events, days, named, self.problems)
            if not made or not self._whole(node, before):
                self.unread.add(f"property {name.text}")
                continue
            for one in made:
                if one.name in found:
                    what = f"a second property called {one.name}"
                    if one.implied:
                        what += f", which is what the source within {name.text} is called"
                    self.problems.add(name.place, what, f"rename one; the first is at {found[one.name].place}", "E02")
                found.setdefault(one.name, one)
        return tuple(found.values())

    def kpis(self, settings: Settings, days: frozenset[str]) -> tuple[Kpi, ...]:
        """Of kpis/, templates unfolded."""
        found: dict[str, Kpi] = {}
        for name, node in self._listed("kpi", "kpis"):
            before = len(self.problems.found)
            made = read_kpi(name, node, settings, days, self.problems)
            if not made or not self._whole(node, before):
                self.unread.add("kpi" if "{}" in name.text else f"kpi {name.text}")
                continue
            for kpi in made:
                if kpi.name in found:
                    what = f"a second KPI called {kpi.name}"
                    self.problems.add(name.place, what, f"rename one; the first is at {found[kpi.name].place}", "E02")
                found.setdefault(kpi.name, kpi)
        return tuple(found.values())

    def _listed(self, kind: str, key: str) -> Iterator[tuple[Scalar, Node]]:
        """The entries of all files of a folder that is called as the key in them."""
        paths = self._files(key)
        if not paths:
            self.unread.add(kind)
        for path in paths:
            node = self._document(path, key)
            if node is None:
                self.unread.add(kind)
                continue
            for name, _ in node.entries:
                if name.text != key:
                    hint = f"indent what belongs to {key}:, which the file begins with"
                    self.problems.add(
                        name.place, f"unknown key {show(name.text)} in a file of {key}", hint, UNKNOWN_KEY
                    )
            listed = next((value for name, value in node.entries if name.text == key), None)
            if isinstance(listed, YamlMapping):
                yield from listed.entries
                continue
            self.unread.add(kind)
            if not isinstance(listed, Broken):
                place = listed.place if listed else node.place
                self.problems.add(place, f"the file needs {key}:, a mapping of names", f"write {key}: {{name: …}}")

    def _whole(self, node: Node, before: int) -> bool:
        """Whether nothing in a node was refused, then or since, that something else had to stand in for."""
        return not _broken(node) and all(
            problem.code in ("E13", "E15", UNKNOWN_KEY) for problem in self.problems.found[before:]
        )


def _broken(node: Node) -> bool:
    if isinstance(node, YamlMapping):
        return any(_broken(value) for _, value in node.entries)
    return isinstance(node, Broken) or (isinstance(node, YamlSequence) and any(map(_broken, node.items)))
