"""How the slots' shares of the state, and what can be read of them, change with depth."""
