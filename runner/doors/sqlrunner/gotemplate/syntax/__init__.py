"""From a template's text to its nodes."""
