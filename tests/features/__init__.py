"""What users ask for, on every engine."""
