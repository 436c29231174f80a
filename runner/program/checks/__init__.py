"""What is refused before anything is connected: fragments and names of a playbook, the runner's own names, scripts."""
