"""A study as the storage keeps it."""
