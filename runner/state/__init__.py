"""The runner's own tables; the only modules that write them."""
