"""What is wrong with a semantic model, by code, file and line."""
