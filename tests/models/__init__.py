"""The shipped models, beside oracles of their own."""
