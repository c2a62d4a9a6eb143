"""Two checkpoints, or a series of them, on the same sentences."""
