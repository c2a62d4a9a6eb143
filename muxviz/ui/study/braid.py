"""The braid as a panel, of a run that was just made or of a recorded one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from muxviz.errors import DataError
from muxviz.figures.drawing.family import Drawn
from muxviz.figures.mix.braid import BRAID
from muxviz.results import GroupResult
from muxviz.results.group import CLOSE
from muxviz.results.layers import EntanglementSpectrum
from muxviz.ui.study import recorded
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import Known
from muxviz.ui.study.panels import Pick

BRAID_HOW = f"""
Left to right, one pass. Each **lane** on the left is a sentence; the multiplexer weaves all of them
into **one band**, which runs through the layers; at the right the demultiplexer parts it again.
A lane comes out as wide as the share of its tokens that are read back. **Ribbons** in another
colour are tokens that came out of a neighbour; the dotted rest came from no slot. The **capsule**
at the end is the answer: full where the same sentence gets it alone too, hatched where it is
turned (**≠ alone**), pale where its margin over the next best is under {CLOSE:g} logits.
"""
BRAID_LIMITS = """
A ribbon says that tokens coincide, not that a neighbour caused them.
"""
EQUAL = """The stripes inside the band are equal by construction: how the layers share their width
among slots was not measured here."""
MEASURED = """The stripes inside the band are this model's over {pairs} pairs of random groups,
{how}: one group has no variance of its own. Grey, and as far as colours blend: what belongs to no
single slot, {share} of the state at the end."""


def braid_question(
    key: str,
    result: GroupResult,
    about: Any,
    imports: tuple[str, ...] = (),
    lines: tuple[str, ...] = (),
    *,
    how: str = BRAID_HOW,
    limits: str = BRAID_LIMITS,
    measured: EntanglementSpectrum | None = None,
    pick: Pick | None = None,
) -> Question:
    """The braid of any result that is there, also of a recorded one; the page heads it.

    measured: the spectrum in its band; without one, that which was recorded of the checkpoint.
    """
    spectrum = measured or recorded_band(result)
    known = Known(lambda: result, about, "result", imports, lines)
    return Question(
        key,
        "",
        known,
        "",
        lambda found: drawn_braid(found, spectrum, is_recorded=measured is None),
        how,
        f"{limits.strip()} {_band_words(spectrum, is_recorded=measured is None)}",
        view=() if spectrum is None else (spectrum.provenance.measured, spectrum.pairs),
        is_headed=False,
        pick=pick,
    )


def recorded_band(result: GroupResult) -> EntanglementSpectrum | None:
    """What was recorded of the checkpoint behind a result, if it was."""
    try:
        return recorded.band(result.provenance.fingerprint)
    except DataError:
        return None  # the braid is there without it


def drawn_braid(
    result: GroupResult, spectrum: EntanglementSpectrum | None, *, is_recorded: bool = True
) -> Drawn:
    """The braid with a spectrum in its band, and the Python that gives both."""
    is_dark = st.context.theme.type == "dark"
    if spectrum is None:
        return BRAID().draw(result, dark=is_dark)
    named = "result, spectrum=spectrum.band()"
    drawn = BRAID().here(spectrum=spectrum.band()).draw(result, dark=is_dark, named=named)
    if is_recorded:
        more = "from muxviz.recorded import bands"
        line = "spectrum = bands().of(result.provenance.fingerprint)"
    else:
        more = "from muxviz.analysis.layers.entanglement import entanglement_spectrum"
        line = f"spectrum = entanglement_spectrum(checkpoint, texts(), pairs={spectrum.asked})"
    imports = (*drawn.imports, more, *(() if is_recorded else ("from muxviz.pool import texts",)))
    return replace(drawn, imports=imports, lines=(line, *drawn.lines))


def _band_words(spectrum: EntanglementSpectrum | None, *, is_recorded: bool) -> str:
    if spectrum is None:
        return EQUAL
    found = spectrum.interaction
    mean, low, high = (f"{100 * e[-1]:.1f}" for e in (found.mean, found.low, found.high))
    last = f"{mean} % ({low} to {high})".replace("-", "−")
    how = "recorded" if is_recorded else "measured just now"
    return " ".join(MEASURED.format(pairs=spectrum.pairs, how=how, share=last).split())
