"""Why one slot came back wrong: interventions, each beside a change of the same size elsewhere."""
