"""Checkpoints in and out: published layouts, safe reading, pre-flight checks, the hub."""
