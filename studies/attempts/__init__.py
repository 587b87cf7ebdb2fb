"""Who trains what."""
