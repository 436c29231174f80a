"""Sessions: their statements are run, and answered."""
