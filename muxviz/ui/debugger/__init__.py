"""The page Debugger."""
