"""What the catalogue knows of what models read: functions of the user's own, and views."""
