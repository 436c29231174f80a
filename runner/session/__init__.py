"""What a command stands on: its process, its clock, an open warehouse, faults for tests."""
