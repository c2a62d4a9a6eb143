"""The page What-if."""
