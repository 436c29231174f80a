"""Reads the semantic layer's files, with the places of their values."""
