"""Structured pruning of any model of the library: gates, masks, the cut-down model.

``gates`` learns what to keep (CoFi's hard-concrete gates under a Lagrangian), ``masks`` says what
that means for the weights, ``spaces`` which axis of which weight belongs to which kept dimension.
A masked model is computed as the model that is cut by its mask, while training too, so that what
was trained and what is stored cannot differ; ``masked`` computes it the long way, to check that.
``released`` runs masks as the released PruMUX code does.
"""
