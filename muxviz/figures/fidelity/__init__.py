"""Pictures of how well slots come back."""
