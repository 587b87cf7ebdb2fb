"""Training one network."""
