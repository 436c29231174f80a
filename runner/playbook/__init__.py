"""What a user asked for: the playbook as values, and how its file is read."""
