"""Pictures of the slots' vectors and keys."""
