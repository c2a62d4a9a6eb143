"""Attention: where does the shared pass look, and for whom?"""

from __future__ import annotations

from functools import partial

from muxviz.ui.attention.view import heads_panel, ranking, reading
from muxviz.ui.attention.words import ways_panel, words_panel
from muxviz.ui.models.pruning import pruned_note
from muxviz.ui.shell.frame import frame
from muxviz.ui.study.heading import page_head
from muxviz.ui.study.tabs import in_tabs

bench = frame("attention")
run = page_head(
    bench,
    "Attention",
    "Where does the shared pass look, and for whom? There is one attention map per head for all "
    "sentences; here are three readings of it, and the words that each answer rests on.",
)
if run is not None:
    pruned_note(bench)
    heads = ranking(bench, run)  # names the head to look at
    reading(bench, run, heads)
    in_tabs(
        "attention_more",
        {
            "Heads": partial(heads_panel, bench, run),
            "Words": partial(words_panel, bench, run, heads),
            "Ways through": partial(ways_panel, bench, run, heads),
        },
    )
