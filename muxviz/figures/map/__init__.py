"""The map of states, its scores and its shares."""
