"""The page Models, with what pruning left of a checkpoint."""
