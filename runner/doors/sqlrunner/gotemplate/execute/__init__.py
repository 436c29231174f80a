"""Executes a parsed template."""
