"""Pictures of attention, of heads, and of attributions to tokens and positions."""
