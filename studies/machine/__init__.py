"""What a machine offers, and what was found out about it."""
