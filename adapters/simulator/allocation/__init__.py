"""Days of allocation, simulated and measured against what would have been possible."""
