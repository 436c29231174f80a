"""What formulas may call, and how each call is written so that it has BigQuery's value on every engine."""
