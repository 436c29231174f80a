"""Errors, full disks and cut connections, made on purpose."""
