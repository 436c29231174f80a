"""What models were built with of their look-ups: fingerprints, and of those with a key their rows.

The rows of each lie in a table that is registered as key indexes are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.state.manifest import KEY_BYTES, KeptRows, Manifest
from runner.state.queries import Value, fitting


def write_fingerprints(manifest: Manifest, table: str, fingerprints: Mapping[str, str]) -> None:
    """The look-ups that a model's rows were built with."""
    _do(manifest, "lookup-delete", table_name=table)
    for lookup, fingerprint in fingerprints.items():
        _do(manifest, "lookup-insert", table_name=table, lookup=lookup, fingerprint=fingerprint)


def register(manifest: Manifest, lookup: str, key: Sequence[str], digest: str, name: str, run_id: str) -> None:
    """Trust a table of a look-up's rows from now on. `digest` is that of its columns, `name` the table's."""
    known = {"source": lookup, "key_digest": digest, "key_text": fitting(", ".join(key), KEY_BYTES), "keys_table": name}
    _do(manifest, "kept-register", table=manifest.table(name), run_id=run_id, **known)


def forget(manifest: Manifest, rows: KeptRows) -> None:
    """Stop trusting a table of rows."""
    manifest.forget_index(rows.lookup, rows.digest)


def replace(manifest: Manifest, rows: KeptRows, found: str, columns: str, differing: str, run_id: str) -> None:
    """Bring rows up to date: those for which `found` holds go, and those of the table `differing` that there are now come."""
    _do(manifest, "kept-delete", keys_table=rows.table, found=found)
    _do(manifest, "kept-insert", keys_table=rows.table, columns=columns, differing=differing)
    _do(manifest, "kept-count", table=rows.table, source=rows.lookup, key_digest=rows.digest, run_id=run_id)


def _do(manifest: Manifest, name: str, /, **given: Value) -> None:
    manifest.warehouse.execute(f"publish:{name}", manifest.sql(name, **given))
