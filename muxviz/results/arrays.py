"""Arrays of a result as one .npz file, for a map or a probe of one's own."""

from __future__ import annotations

import io

import numpy as np

from muxviz.results.map import StateSample


def sample_arrays(sample: StateSample) -> bytes:
    """A compressed .npz: ``state/NAME`` float32 ``[P, D]`` of every state; per point ``anchor``,
    ``slot``, ``neighbour_set`` (-1: the user's own), ``label``, ``margin``, ``correct``; ``texts``
    by anchor, ``labels`` by class. No pickled objects.
    """
    columns = ("anchor", "slot", "neighbour_set", "label", "margin", "correct")
    arrays = {name: np.asarray(getattr(sample, name)) for name in columns}
    arrays |= {f"state/{name}": values for name, values in sample.states.items()}
    arrays |= {name: np.asarray(getattr(sample, name), dtype=str) for name in ("texts", "labels")}
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()
