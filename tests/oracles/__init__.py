"""The random schedules' upstream, its models, and what they have to hold; and the tests of these."""
