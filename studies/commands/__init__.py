"""Commands of the studies room."""
