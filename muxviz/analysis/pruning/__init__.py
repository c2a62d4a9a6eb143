"""What pruning left of a model."""
