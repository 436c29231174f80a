"""Data products."""
