"""Warehouses for tests: servers, shim and emulator, and the tests that these are what they say."""
