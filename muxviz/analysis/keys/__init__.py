"""The slots' vectors and keys: how alike they are, and what follows from it."""
