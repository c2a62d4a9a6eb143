"""Pictures of a group before and after one change."""
