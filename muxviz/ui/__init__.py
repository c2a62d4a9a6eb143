"""The app's frame, panels and session state; the only package here that imports streamlit.

Reading order: ``keys`` (names in the session and in links), ``checkpoints`` and ``links`` (no
streamlit), ``group`` (the rows being edited), ``frame`` (every page calls it first), ``editor``,
``runs``, ``panels``, ``cards``, ``reading``, ``history``. Nothing is imported here and nothing
imports torch until a run needs it, so that Start paints at once.
"""
