"""Text in: YAML and JSON with the places of their values, and `${VAR}` filled in."""
