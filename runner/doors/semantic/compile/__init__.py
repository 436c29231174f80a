"""A semantic model as a playbook: tables, their SQL, views."""
