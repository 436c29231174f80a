"""What is installed: every requirement has a release that CI tests, and the releases come from the index that the user has."""

from __future__ import annotations

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.kit import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LINES = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
PINS = dict(line.split("==") for line in LINES if line and not line.startswith("#"))


def _required() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"].values()
    every = [Requirement(text) for text in (*PROJECT["dependencies"], *(text for extra in extras for text in extra))]
    return [one for one in every if one.name != PROJECT["name"]]


def test_every_requirement_has_a_release_that_is_tested() -> None:
    """One that its bounds allow."""
    pins = {one.name: PINS.get(canonicalize_name(one.name)) for one in _required()}
    assert [name for name, pin in pins.items() if pin is None] == []
    assert [str(one) for one in _required() if not one.specifier.contains(Version(pins[one.name] or "0"))] == []


def test_constraints_are_names_and_releases_alone() -> None:
    """No index, no address and no path: each user has his own. One line a name, in order."""
    assert [line for line in LINES if not re.fullmatch(r"#.*|[a-z0-9][a-z0-9-]*==[0-9][0-9a-z.]*", line)] == []
    assert list(PINS) == sorted(PINS)


def test_ci_installs_and_audits_them() -> None:
    """And the newest ones in a job of their own; a release brings a list of what it stands on."""
    ci = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert "RUNNER_CI_CONSTRAINTS=constraints.txt bash .ci/run" in ci
    assert "RUNNER_TEST_REQUIRE=postgres,pgbouncer bash .ci/run" in ci
    assert "pip-audit" in ci and "-r constraints.txt" in ci
    assert "sbom" in (ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8")
