"""The files that are generated: view, playbook, dbt model."""
