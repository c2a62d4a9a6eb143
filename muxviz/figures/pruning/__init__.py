"""Pictures of what pruning left of a model."""
