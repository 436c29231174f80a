"""Incremental, restartable SQL models over an event stream that grows in batches."""

__version__ = "0.1.0"
