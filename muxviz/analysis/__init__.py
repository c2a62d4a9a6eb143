"""How N inputs entangle and come apart: plain functions on a checkpoint and texts.

Each returns a frozen result of NumPy arrays (``muxviz.results``) that says how it was obtained.
A room is a folder and a subject; ``groups`` is what all of them share. Functions are imported from
their modules; this package imports nothing by itself.
"""
