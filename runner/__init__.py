"""Incremental, restartable SQL models over an event stream that grows in batches.

From Python: `runner.load`, `run`, `plan`, `verify`, `status`, `rewind`, and the values and errors of `runner.api`. They are
imported when they are first asked for: `import runner` itself costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from runner.api import *  # noqa: F403 - what is public is listed there
else:

    def __getattr__(name: str) -> object:
        """A public name; modules are left to the import system, which asks here first."""
        from importlib import import_module
        from importlib.util import find_spec

        if not name.startswith("_") and find_spec(f"runner.{name}") is None:
            api = import_module("runner.api")
            if name in api.__all__:
                globals()[name] = getattr(api, name)
                return globals()[name]
        raise AttributeError(f"module 'runner' has no attribute {name!r}")

    def __dir__() -> list[str]:
        from runner.api import __all__ as public

        return [*globals(), *public]
