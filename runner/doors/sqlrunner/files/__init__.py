"""Reads SQL Runner's playbooks and queries as SQL Runner does."""
