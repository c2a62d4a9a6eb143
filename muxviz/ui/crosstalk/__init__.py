"""The page Cross-talk."""
