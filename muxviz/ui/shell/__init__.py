"""What every page stands in: frame, link, session, group, checkpoints, words."""
