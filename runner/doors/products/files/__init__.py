"""Reads data products, specifications and data structures, with the places of their values."""
