"""How well sentences and answers come back, by slot, by checkpoint and by sparsity."""
