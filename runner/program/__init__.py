"""A playbook, checked: every SQL file read, filled, ported and proved; nothing is connected."""
