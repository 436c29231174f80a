"""What an operator asks between runs: plan, verify, rewind, status, check, init."""
