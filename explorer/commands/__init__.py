"""Commands of the design room."""
