"""Results in, Plotly figures out: no model, no torch, no Streamlit.

Each ``x_figure`` has an ``x_alt`` (the picture in words) and an ``x_table`` (its numbers). A room
is a folder, named as the page that shows it; ``drawing`` is what all of them share.
"""
