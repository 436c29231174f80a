"""What stands behind names that a SELECT uses: bodies of functions, texts of views."""
