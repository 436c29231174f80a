"""`python -m runner` is the console script `runner`."""

from runner.cli import entry

entry()
