"""Workers, and what starts and watches them."""
