"""Keys: is it the keys' fault?"""

from __future__ import annotations

from functools import partial

from muxviz.ui.keys.relations import gates_panel, leak_panel
from muxviz.ui.keys.view import draws_control, filter_panel, geometry_panel, sinr_panel
from muxviz.ui.shell.frame import frame
from muxviz.ui.study import runs
from muxviz.ui.study.heading import page_head
from muxviz.ui.study.tabs import in_tabs

bench = frame("keys")
run = page_head(
    bench,
    "Keys",
    "Is it the keys' fault? A vector marks each slot before the sum, a key asks for it behind the "
    "network. Are they far enough apart, and do slots with like keys disturb each other more?",
)
if run is not None:
    geometry_panel(bench)
    draws_control()
    in_tabs(
        "keys_more",
        {
            "Interference": partial(sinr_panel, bench),
            "Without a network": partial(filter_panel, bench),
            "Gates": partial(gates_panel, bench),
            "Against cross-talk": partial(leak_panel, bench),
        },
    )
runs.warm_up()
