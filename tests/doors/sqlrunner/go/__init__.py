"""The corpus of Go templates, verified with real Go."""
