"""Other ways to say what is wanted; each compiles to the engine's own values, and none sees another."""
