"""The commands of the semantic layer."""
