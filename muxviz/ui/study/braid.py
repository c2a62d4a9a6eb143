"""The braid as a panel, of a run that was just made or of a recorded one."""

from __future__ import annotations

from typing import Any

from muxviz.figures.mix.braid import BRAID
from muxviz.results import GroupResult
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import Known

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


def braid_question(
    key: str,
    result: GroupResult,
    about: Any,
    imports: tuple[str, ...] = (),
    lines: tuple[str, ...] = (),
    *,
    how: str = BRAID_HOW,
    limits: str = BRAID_LIMITS,
) -> Question:
    """The braid of any result that is there, also of a recorded one; the page heads it."""
    known = Known(lambda: result, about, "result", imports, lines)
    return Question(key, "", known, "", BRAID(), how, limits, is_headed=False)
