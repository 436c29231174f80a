"""The code and the docs themselves."""
