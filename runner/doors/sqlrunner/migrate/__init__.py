"""A native playbook out of one of SQL Runner."""
