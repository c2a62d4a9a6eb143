"""Training of multiplexed models: recipes, data, teacher, losses and the loop."""
