"""The page Keys."""
