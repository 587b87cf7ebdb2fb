"""Which arm won."""
