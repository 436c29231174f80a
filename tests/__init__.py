"""Tests of the runner: one file a feature; the warehouses they need come from `engines` through `conftest`."""
