"""The app's frame, panels and session state; the only package here that imports streamlit.

A page is a room, a folder of the same name, and knows no other page; what pages share is in
``shell`` (what a page stands in) and above it ``study`` (asking and showing). Reading order:
``shell/session`` (names in the session and in links), ``checkpoints`` and ``links`` (no streamlit),
``group`` (the rows being edited), ``frame`` (every page calls it first); ``study/runs``, ``panels``
and ``question``; then any page. Nothing is imported here and nothing imports torch until a run
needs it, so that Start paints at once.
"""
