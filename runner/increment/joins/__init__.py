"""Models with joins within a run: what is derived of them, and which keys its changes reach."""
