"""Playbooks and SQL files, good and bad."""
