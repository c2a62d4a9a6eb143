"""The page Mix & read."""
