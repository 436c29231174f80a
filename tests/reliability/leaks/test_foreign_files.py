"""What a file says that is no playbook of ours is not quoted: a slip of a path, or of a pull request, may name any file."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from runner.cli.app import main
from runner.doors.sqlrunner.cli import main as sql_runner

WORD = "canary1a2b3c"
FILES = (
    f"root:x:0:0:root:/root:/bin/bash\n{WORD}:x:1:1:{WORD}:/home:/bin/sh\n",
    f"root:$6${WORD}$abc:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n",
    f"DB_PASSWORD={WORD}\nexport X='{WORD}'\n",
    f"host:5432:db:me:{WORD}\n*:*:*:*:{WORD}\n",
    f"-----BEGIN PRIVATE KEY-----\n{WORD}MIIEvQ\n-----END PRIVATE KEY-----\n",
    f"[default]\naws_access_key_id = AKIA\naws_secret_access_key = {WORD}\n",
    f'{{"type": "service_account", "private_key": "{WORD}", "{WORD}": 1}}\n',
    f'web:\n  target: dev\n  outputs:\n    dev:\n      password: "{WORD}" x\n',
    f"web:\n  target: dev\n  outputs: {{dev: {{password: {WORD}: x}}}}\n",
    *(
        f"password: {sign}{WORD}\n"
        for sign in ("@", "*", "&", "!", "%", "|", "`", "'", "{{ ", "[", "\t", "- ", "\u202e")
    ),
    f"? {WORD}\n: x\n{WORD}: 1\n{WORD}: 2\n",
    f"password: [{WORD}(, x)]\n",
    f"{WORD}\n",
    f"- {WORD}\n- b\n",
    f"machine h login me password {WORD}\n",
    f"<a><password>{WORD}</password></a>\n",
    f"select '{WORD}' frm {WORD}",
    *(
        text.replace("W", WORD)
        for text in ("{{ W }}", "{{.W", "{{ `W", '{{template "W"}}', "{{end}} W", "a:\n{{ .x | W }}")
    ),
)
PRODUCT = """
apiVersion: v1
resourceType: data-product
resourceName: a
data:
  name: shop
  sourceApplications: [{$ref: OTHER}]
  eventSpecifications: [{resourceName: b, name: order, event: {source: iglu:com.acme/order/jsonschema/1-0-0}}]
"""


def _said(folder: Path, playbook: str) -> str:
    (folder / "p.yml").write_text(f"name: p\ntarget: duckdb:///p.duckdb\n{playbook}\n")
    return _of("check", folder / "p.yml")


def _of(*words: str | Path) -> str:
    out = io.StringIO()
    assert main(list(map(str, words)), out=out, err=out) != 0
    return out.getvalue()


def _of_sql_runner(path: Path) -> str:
    out = io.StringIO()
    assert sql_runner(["-playbook", str(path)], out=out, err=out) != 0
    return out.getvalue()


def test_no_line_of_another_file_is_quoted(tmp_path: Path) -> None:
    """As a playbook, as one that is included, as SQL of a model or of a script, through a link too."""
    (tmp_path / "q.sql").write_text("select 1")
    model = "source: {table: a.b, batch: t}\nmodels: [{table: d.x, sql: other, key: k}]"
    for text in FILES:
        (tmp_path / "other").write_text(text)
        said = [
            _of("check", tmp_path / "other"),
            _of("migrate", tmp_path / "other"),
            _of_sql_runner(tmp_path / "other"),
        ]
        said += [_said(tmp_path, "include: other\nqueries: [q.sql]"), _said(tmp_path, model)]
        said.append(_said(tmp_path, "queries: [other]"))
        (tmp_path / "sql").mkdir(exist_ok=True)
        (tmp_path / "sql/link.sql").unlink(missing_ok=True)
        (tmp_path / "sql/link.sql").symlink_to(tmp_path / "other")
        said += [
            _said(tmp_path, f"{root}queries: [{path}]")
            for root, path in (("", "sql/link.sql"), ("sql_root: sql\n", "link.sql"), ("sql_root: sql\n", "../other"))
        ]
        assert [one for one in said if WORD in one.lower()] == [], text


def test_no_file_of_a_model_or_a_data_product_is_quoted_that_is_none(tmp_path: Path) -> None:
    """As any file of a semantic model; as a data product, a source application or a data structure."""
    model = tmp_path / "model"
    for name in ("config", "events/buy", "properties/p", "kpis/k"):
        (model / name).parent.mkdir(parents=True, exist_ok=True)
    product = tmp_path / "product.yaml"
    for text in FILES:
        for name in ("config", "events/buy", "properties/p", "kpis/k"):
            (model / f"{name}.yml").write_text(text)
        said = [_of("config", "validate", model)]
        for ending in ("yaml", "json"):
            other, schemas = tmp_path / f"other.{ending}", tmp_path / ending
            schemas.mkdir(exist_ok=True)
            for file in (other, schemas / f"other.{ending}"):
                file.write_text(text)
            product.write_text(PRODUCT.replace("OTHER", f"./other.{ending}"))
            said += [_of("generate", "view", one, "--schemas", schemas) for one in (other, product)]
        assert [one for one in said if WORD in one.lower()] == [], text


@pytest.mark.parametrize(
    "value",
    [
        f"*{WORD}",
        f"&{WORD} x",
        f"!{WORD} x",
        f"{{{{ {WORD} }}}}",
        f"[{WORD}(, x)]",
        f"\u202e{WORD}",
        f'"{WORD}" x',
        f"@{WORD}",
        f"{WORD}: x",
    ],
)
def test_a_mistake_in_a_line_of_a_password_does_not_quote_it(value: str, tmp_path: Path) -> None:
    """In a playbook of ours as well."""
    (tmp_path / "q.sql").write_text("select 1")
    assert WORD not in _said(tmp_path, f"variables:\n  db_password: {value}\nqueries: [q.sql]").lower()
