"""Parts of the freeze."""
