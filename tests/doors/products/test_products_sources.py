"""Where schemas come from: several folders, registries over HTTP, and what is said where one is missing."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runner.doors.products.files.registry import Registry
from runner.doors.products.values import Uri, Version
from runner.errors import Problems
from tests.doors.products.small import PRODUCT, STRUCTURES, generate, schema, write
from tests.kit import ROOT, driver

CENTRAL = next((p / "shared/data/iglu" for p in ROOT.parents if (p / "shared/data/iglu").is_dir()), ROOT / "absent")
USER = "com.acme/user/1-0-0"


class _Handler(SimpleHTTPRequestHandler):
    """Files of a folder, and a list of what was asked for."""

    def log_request(self, code: object = "-", size: object = "-") -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]

    def log_error(self, *args: object) -> None:
        """A 404 is no news."""


class _Server(ThreadingHTTPServer):
    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[_Server]:
    """A registry of files over HTTP, as Iglu Central is one."""
    (tmp_path / "registry").mkdir()
    with _Server(tmp_path / "registry") as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _move(tmp_path: Path, name: str, to: str) -> str:
    """Move a schema out of the folder into a registry; its path there."""
    vendor, called, version = name.split("/")
    (tmp_path / "schemas" / f"{name.replace('/', '-')}.json").unlink()
    path = tmp_path / to / "schemas" / vendor / called / "jsonschema" / version
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(schema(name, STRUCTURES[name])))
    return f"/{path.relative_to(tmp_path / 'registry')}"


@pytest.mark.parametrize("below", ["registry", "registry/api"])
def test_registry(below: str, registry: _Server, tmp_path: Path) -> None:
    """A registry, static or of an Iglu Server, is asked for what no folder has, and for nothing else."""
    write(tmp_path)
    wanted = generate(tmp_path, "view")
    there = _move(tmp_path, USER, below)
    assert generate(tmp_path, "view", "--schemas", registry.url) == wanted
    assert [path for path in registry.asked if path == there] == [there]
    assert all("/com.acme/user/" in path for path in registry.asked)
    assert generate(tmp_path, "view", "--schemas", f"{registry.url}{below.removeprefix('registry')}/schemas/") == wanted


def test_registry_that_fails(registry: _Server, tmp_path: Path) -> None:
    """No answer, no JSON and another schema are errors that name the registry; a 404 is an unknown schema."""
    write(tmp_path)
    path = tmp_path / _move(tmp_path, USER, "registry").lstrip("/")
    page = tmp_path / "registry" / path.relative_to(tmp_path)
    for text, what in (("<html>", "is no JSON"), ('{"self": {"vendor": "x"}}', "is another schema, or none")):
        page.write_text(text)
        said = generate(tmp_path, "view", "--schemas", registry.url, code=2)
        assert f"the registry {registry.url} cannot be asked: what it has at {registry.url}/" in said
        assert what in said
        assert "hint: it was asked for iglu:com.acme/user/jsonschema/1-0-0; try: curl http" in said
    page.unlink()
    said = generate(tmp_path, "view", "--schemas", registry.url, code=2)
    assert f"it is not in {tmp_path}/schemas or {registry.url}" in said
    said = generate(tmp_path, "view", "--schemas", "http://127.0.0.1:9", code=2)
    assert "the registry http://127.0.0.1:9 cannot be asked: " in said


class _Slow(BaseHTTPRequestHandler):
    """Says nothing at all, or a byte of an answer now and then, until nobody listens."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        with suppress(OSError):
            if "/silent/" in self.path:
                self.connection.recv(1)  # until the other side hangs up
                return
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(b" ")
                time.sleep(0.05)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """What was asked for is kept elsewhere."""


@pytest.mark.parametrize(("name", "what"), [("silent", "no answer within"), ("slow", "no whole answer within")])
def test_registry_that_is_slow(name: str, what: str) -> None:
    """The time for one schema is limited, whole answers included; such a registry is asked no second time."""
    asked: list[str] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), _Slow) as server:
        server.asked = asked  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        problems, slow = Problems(), Registry(f"http://127.0.0.1:{server.server_port}/{name}", limit_s=0.3)
        started = time.monotonic()
        for version in (Version(1, 0, 0), Version(1, 0, 1)):
            assert slow.fetched(Uri("com.acme", "user", version), problems) is None
        assert time.monotonic() - started < 5
        server.shutdown()
    (problem,) = problems.found
    assert f"the registry {slow} cannot be asked: {what} 0.3 seconds" in problem.what
    assert asked == [f"/{name}/schemas/com.acme/user/jsonschema/1-0-0"]


def test_several_folders(tmp_path: Path) -> None:
    """The first folder that has a schema gives it; a copy that says the same is none, another one is an error where the
    schema is referred to.
    """
    write(tmp_path)
    wanted = generate(tmp_path, "view")
    other = tmp_path / "others"
    other.mkdir()
    wider = schema(USER, STRUCTURES[USER] | {"phone": {"type": "string"}})
    (other / "user.json").write_text(json.dumps(wider))
    assert generate(tmp_path, "view", "--schemas", str(other)) == wanted
    path = str(tmp_path / "product.yml")
    found = driver.command("generate", "view", path, "--schemas", str(other), "--schemas", str(tmp_path / "schemas"))
    assert "user_phone" in found.text
    copy = tmp_path / "schemas" / "copy.json"
    copy.write_text(json.dumps(schema(USER, dict(reversed(STRUCTURES[USER].items())))))
    assert "user_email" in generate(tmp_path, "view")
    copy.write_text(json.dumps(wider))
    said = generate(tmp_path, "view", code=2)
    assert "iglu:com.acme/user/jsonschema/1-0-0 is here a second time and says other things" in said
    assert "user_phone" not in generate(tmp_path, "view", "--schemas", str(other), "--event", "Looked", code=2)


def test_missing_schemas_are_found(tmp_path: Path) -> None:
    """A missing schema of Snowplow's is told with the command that has it, one of the user's own with the download."""
    product = PRODUCT.replace("com.acme/user/", "com.snowplowanalytics.snowplow/web_page/")
    write(tmp_path, product.replace("com.acme/item/", "org.acme/item/"))
    said = generate(tmp_path, "view", code=2)
    given = f"--schemas {tmp_path}/schemas"
    assert f"it is of Iglu Central: the same command with {given} --schemas http://iglucentral.com" in said
    write(tmp_path, PRODUCT.replace("com.acme/item/", "com.other/thing/"))
    said = generate(tmp_path, "view", code=2)
    assert "snowplow-cli ds download data-structures --match com.other/thing, then the same command with" in said


def test_all_that_the_vendors_tool_writes(tmp_path: Path) -> None:
    """Every key of snowplow-cli's formats is read, comments and the older form's among them."""
    source = "source: iglu:com.acme/orderPlaced/jsonschema/1-0-1"
    product = PRODUCT.replace(source, f"{source}\n        comment: on the last page")
    product = product.replace('user/jsonschema/1-0-0",', 'user/jsonschema/1-0-0", comment: who,')
    more = "domain: sales\n  owner: a@acme.com\n"
    more += "  sourceApplications:\n"
    product = product.replace("sourceApplications:\n", more, 1)
    triggers = "triggers: [{id: a, description: b, appIds: [c], url: d, image: {$ref: ./e.png}}]"
    excluded = "excludedSourceApplications: []\n      sourceApplications: []"
    product = product.replace("name: Looked", f"name: Looked\n      {triggers}\n      {excluded}")
    write(tmp_path)
    wanted = generate(tmp_path, "view")
    write(tmp_path, product)
    assert generate(tmp_path, "view") == wanted


@pytest.mark.skipif(not CENTRAL.is_dir(), reason="needs a part of Iglu Central beside the checkout, which is not there")
def test_iglu_central(tmp_path: Path) -> None:
    """A product of one's own events and Snowplow's entities, from one's own folder and a clone of Iglu Central."""
    product = PRODUCT.replace("com.acme/user/", "com.snowplowanalytics.snowplow/web_page/")
    product = product.replace(
        "com.snowplowanalytics.snowplow/page_view/jsonschema/1-0-0",
        "com.snowplowanalytics.snowplow/link_click/jsonschema/1-0-1",
    ).replace("com.acme/item/jsonschema/1-0-0", "com.snowplowanalytics.snowplow/campaign_attribution/jsonschema/1-0-1")
    product = product.replace("properties:\n                unitPrice: {maximum: 50}\n", "properties: {}\n")
    write(tmp_path, product)
    said = generate(tmp_path, "view", "--schemas", str(CENTRAL))
    assert "link_click_target_url" in said
    assert "web_page_id" in said
