"""The braid as a panel, of a run that was just made or of a recorded one."""

from __future__ import annotations

from muxviz.figures import braid_alt, braid_figure, braid_table
from muxviz.results import GroupResult, to_json
from muxviz.ui.study.panels import Panel

BRAID_HOW = """
Left to right, one pass. Each **lane** on the left is a sentence; the multiplexer weaves all of them
into **one band**, which runs through the layers; at the right the demultiplexer parts it again.
A lane comes out as wide as the share of its tokens that are read back. **Ribbons** in another
colour are tokens that came out of a neighbour; the dotted rest came from no slot. At the end of
each lane stand the answer and its probability; **≠ alone** marks an answer that the same sentence
does not get by itself.
"""
BRAID_LIMITS = """
The stripes inside the band are equal by construction: how the layers share their width among slots
is not measured here. A ribbon says that tokens coincide, not that a neighbour caused them.
"""


def braid_of(result: GroupResult, dark: bool, *, key: str, python: str) -> Panel:
    """The braid's panel of any result, also a recorded one."""
    return Panel(
        key,
        (braid_figure(result, dark=dark),),
        (braid_alt(result),),
        braid_table(result),
        BRAID_HOW,
        BRAID_LIMITS,
        lambda: to_json(result),
        python,
        result.provenance.line(),
    )
