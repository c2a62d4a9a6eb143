"""Results in, Plotly figures out: no model, no torch, no Streamlit.

Each ``x_figure`` has an ``x_alt`` (the picture in words) and an ``x_table`` (its numbers). A room
is a folder, named as the page that shows it; ``drawing`` is what all of them share.
"""

from muxviz.figures.drawing.export import figure_config, rows_to_csv, to_html
from muxviz.figures.drawing.slots import slot_label
from muxviz.figures.drawing.strips import token_strip_alt, token_strip_figure, token_strip_table
from muxviz.figures.mix.answers import (
    replaced_strip_figure,
    tag_strip_figure,
)
from muxviz.figures.mix.braid import braid_figure
from muxviz.figures.mix.braid_words import braid_alt, braid_finding, braid_table
from muxviz.figures.mix.leak import leak_alt, leak_figure, leak_finding, leak_table
from muxviz.figures.mix.timing import timing_alt, timing_figure, timing_finding, timing_table
from muxviz.results.group import EQUAL_SLOTS

__all__ = [
    "EQUAL_SLOTS",
    "braid_alt",
    "braid_figure",
    "braid_finding",
    "braid_table",
    "figure_config",
    "leak_alt",
    "leak_figure",
    "leak_finding",
    "leak_table",
    "replaced_strip_figure",
    "rows_to_csv",
    "slot_label",
    "tag_strip_figure",
    "timing_alt",
    "timing_figure",
    "timing_finding",
    "timing_table",
    "to_html",
    "token_strip_alt",
    "token_strip_figure",
    "token_strip_table",
]
