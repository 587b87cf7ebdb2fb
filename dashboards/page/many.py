"""What pages of many designs say around their figures."""

TITLE = "What of a design matters"
QUANTITY = "Error against"
MAP_TITLE = "Two axes at once"
PAIR = "Axes"
