"""Pictures of settings measured and predicted, and of the advice."""
