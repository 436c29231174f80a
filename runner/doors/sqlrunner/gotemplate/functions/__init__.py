"""Go's template functions, and how Go prints values."""
