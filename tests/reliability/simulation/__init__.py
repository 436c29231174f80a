"""One seed, one interleaving: runners, loaders, rewinds and crashes in one process."""
