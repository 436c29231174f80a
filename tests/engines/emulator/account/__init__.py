"""What all sessions share: the catalogue, locks, the past."""
