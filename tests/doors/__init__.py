"""The three other ways to say what is wanted."""
