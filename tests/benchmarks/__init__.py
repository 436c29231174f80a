"""Benchmarks: run by hand, side by side in one run; not timed tests."""
