"""What others do to derived tables while the runner keeps them: rows, locks, and projects of the same name."""
