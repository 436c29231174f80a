"""The second guard: what it finds alone, that it raises no false alarm, and what a run does with its verdict."""
