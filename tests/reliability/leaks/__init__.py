"""What must not show: secrets, and the zone of a machine."""
