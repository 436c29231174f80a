"""What a SELECT holds besides tables and columns: the clock, and views of the playbook that are taken in."""
