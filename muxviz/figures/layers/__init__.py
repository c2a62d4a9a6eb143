"""Pictures over the layers of a model."""
