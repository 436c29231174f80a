"""Data products: event specifications and data structures in files → a flattened View, a playbook or a dbt model."""
