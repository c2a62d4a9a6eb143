"""How the bundled models share their state among slots; ``make recorded`` stores it.

It is of a checkpoint and of no group, so that the braid of any group can show it at no cost.
"""

from __future__ import annotations

from collections.abc import Sequence

from muxviz.analysis.layers.entanglement import entanglement_spectrum
from muxviz.loading.bundled import bundled_names
from muxviz.loading.load import load
from muxviz.pool import texts
from muxviz.results.layers import Bands
from muxviz.results.store import to_json

PAIRS = 48


def bands(names: Sequence[str] | None = None, *, pairs: int = PAIRS) -> Bands:
    """The spectrum of every bundled checkpoint of more than one slot, on the CPU in float32."""
    checkpoints = [load(name, device="cpu") for name in (names or bundled_names())]
    mixed = [one for one in checkpoints if one.config.num_instances > 1]
    return Bands(tuple(entanglement_spectrum(one, texts(), pairs=pairs) for one in mixed))


def record_bands() -> str:
    """JSON text of ``bands``."""
    return to_json(bands())
