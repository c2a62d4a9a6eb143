"""What the sentence of one slot does to the answers and the tokens of the others."""
