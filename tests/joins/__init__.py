"""Models that join anything by any condition: which keys a change reaches, and that they stay equal to a recompute."""
