"""Pictures of what slots do to each other."""
