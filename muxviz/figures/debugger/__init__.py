"""Pictures of why a slot came back wrong."""
