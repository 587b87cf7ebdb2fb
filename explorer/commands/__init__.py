"""The commands that design networks."""
