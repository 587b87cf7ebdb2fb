"""Everything that needs torch: the network of a design, its measured costs, its exports."""
