"""Which keys a change of any input reaches: derived from a SELECT's own text, block by block, for any join."""
