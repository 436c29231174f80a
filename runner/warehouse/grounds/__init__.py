"""Where definitions are tried: private copies of the shape of a user's tables, that made-up rows are played in."""
