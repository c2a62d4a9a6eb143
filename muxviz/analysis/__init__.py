"""Quantities computed from a trace; each returns a frozen result of NumPy arrays."""
