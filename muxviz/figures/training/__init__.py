"""Pictures of a training run over its steps."""
