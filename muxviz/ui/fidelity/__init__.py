"""The page Fidelity."""
