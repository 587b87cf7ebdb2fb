"""Studies and designs, live in a browser."""
