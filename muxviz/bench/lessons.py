"""The results that the Learn page shows, computed anew; ``make recorded`` stores them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from muxviz.analysis.crosstalk.swap_test import measure_crosstalk
from muxviz.analysis.whatif.dial import key_dial
from muxviz.batch import Row
from muxviz.inference import run_group
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.load import load
from muxviz.pool import texts
from muxviz.presets import preset
from muxviz.recorded import SHARED_CHECKPOINT, START_CHECKPOINT, START_PRESET
from muxviz.results.crosstalk import Crosstalk
from muxviz.results.lessons import Lessons
from muxviz.results.store import to_json

LEAKY = ("company", "twins", "negation", "loud")  # presets that are tried for the third step
DRAWS = 48


def lessons(
    checkpoint: Checkpoint | None = None,
    baseline: Checkpoint | None = None,
    shared: Checkpoint | None = None,
    *,
    candidates: Sequence[str] = LEAKY,
    draws: int = DRAWS,
) -> Lessons:
    """Run every step; without checkpoints, on the bundled ones, on the CPU in float32.

    ``shared``: the model of the third step, whose slots disturb each other; ``checkpoint`` where
    there is none.

    The preset of the third step is the one in which a sentence moves a neighbour's answer most, so
    the size of that effect says nothing about a usual group.
    """
    if checkpoint is None:
        checkpoint = load(START_CHECKPOINT, device="cpu")
        baseline = load(str(checkpoint.card["baseline"]), device="cpu")
        shared = load(SHARED_CHECKPOINT, device="cpu")
    leaking = shared or checkpoint
    rows = _rows(checkpoint, START_PRESET)
    tried = {
        name: measure_crosstalk(
            leaking, _rows(leaking, name), pool=texts(), baseline=baseline, draws=draws
        )
        for name in candidates
    }
    leaky = max(tried, key=lambda name: _between(tried[name]).max())
    slot, source = np.unravel_index(
        int(_between(tried[leaky]).argmax()), tried[leaky].js.cells.mean.shape
    )
    return Lessons(
        checkpoint.name,
        START_PRESET,
        leaky,
        run_group(checkpoint, rows, baseline=baseline),
        key_dial(checkpoint, rows, 0, 1),
        tried[leaky],
        (int(slot), int(source)),
        "" if shared is None else shared.name,
    )


def record_lessons() -> str:
    """JSON text of ``lessons``."""
    return to_json(lessons())


def _rows(checkpoint: Checkpoint, name: str) -> list[Row]:
    return [Row(*row) for row in preset(name).rows[: checkpoint.config.num_instances]]


def _between(found: Crosstalk) -> np.ndarray:
    """Cross-talk between slots, ``[N, N]``; nothing on the diagonal."""
    off = ~np.eye(len(found.texts), dtype=bool)
    return np.where(off, np.nan_to_num(found.js.cells.mean), -1.0)
