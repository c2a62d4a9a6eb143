"""Fast answers: one engine per checkpoint, and a stream of rows through it."""
