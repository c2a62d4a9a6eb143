"""What the panels of the Layers page share: rows of controls, warnings, pieces of Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from muxviz.ui.layers.params import SOLO
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import Number, control, value
from muxviz.ui.study.python import analysis_snippet
from muxviz.ui.study.runs import RunRequest

ROOM = 200  # px of a slider


def controls(*params: Any) -> None:
    """Controls in a row; sliders of one width."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        for param in params:
            if isinstance(param, Number):
                with st.container(width=ROOM):
                    control(param)
            else:
                control(param)


def rough(text: str) -> None:
    """Warn of low numbers."""
    st.warning(f"**Low numbers.** {text}", icon=":material/data_exploration:")


def given_arguments(**arguments: Any) -> str:
    """Those that are not None, as they follow in a call."""
    return "".join(f", {name}={v!r}" for name, v in arguments.items() if v is not None)


def pool_snippet(
    run: RunRequest, imports: Sequence[str], figure: str, result: str, drawn: str
) -> str:
    """A snippet: imports of muxviz, the result, and the figure of it."""
    return analysis_snippet(
        run,
        [f"from muxviz.{name}" for name in (*imports, figure)],
        [f"result = {result}", f"{drawn}.show()"],
    )


def soloed(bench: Bench) -> int | None:
    """The slot to look at, where one is soloed."""
    return bench.slot if value(SOLO) else None
