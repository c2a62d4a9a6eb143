"""How N inputs entangle and come apart: plain functions on a checkpoint and texts.

Each returns a frozen result of NumPy arrays (``muxviz.results``) that says how it was obtained, and
leaves its checkpoint as it was. ``progress`` is called between chunks; where it raises ``Stopped``,
what is done by then makes a partial result, unless a function says otherwise.
A room is a folder and a subject; ``groups`` is what all of them share. Functions are imported from
their modules; this package imports nothing by itself.
"""
