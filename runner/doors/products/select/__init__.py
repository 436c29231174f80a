"""The SELECT of a flattened model, by the layout of the tables that it reads."""
