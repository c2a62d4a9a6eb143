"""Asking and showing: runs, jobs, what is kept, panels, their Python, errors."""
