"""Real processes: killed, stopped, signalled, and two at once."""
