"""What others do to look-ups and derived tables while the runner keeps them: rows, locks, and projects of the same name."""
