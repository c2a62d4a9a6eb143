"""Rows that were kept, answered again by two checkpoints."""
