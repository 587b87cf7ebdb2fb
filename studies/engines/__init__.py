"""Where the workers of a run are: on this machine, or on those of a cluster."""
