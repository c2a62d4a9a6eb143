"""A packed start: N narrow models side by side in one wide encoder, trained as that encoder.

``layout`` says which dimensions are whose, ``tied`` is the narrow model and how it is laid into the
wide one, ``start`` makes it from a plain teacher, ``rows`` makes more texts, ``answers`` keeps what
the teacher says about them, ``losses`` compares, ``prepare`` puts a run together.
"""
