"""What the presets give on the bundled sentiment models; ``make recorded`` stores it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from muxviz.analysis.crosstalk.swap_test import measure_crosstalk
from muxviz.batch import Row
from muxviz.inference import run_group
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.load import load
from muxviz.pool import texts
from muxviz.presets import Preset, presets
from muxviz.recorded import SHOWN_ON
from muxviz.results.shown import Shown, ShownGroups
from muxviz.results.store import to_json

OTHER_TASKS = ("pairs", "gaps")  # presets that are not for these models
DRAWS = 24


def shown_groups(
    names: Sequence[str] = SHOWN_ON, *, draws: int = DRAWS, chosen: Sequence[str] = ()
) -> ShownGroups:
    """Run the presets (``chosen``: only these) on the checkpoints, on the CPU in float32."""
    wanted = [p for p in presets() if (p.id in chosen if chosen else p.id not in OTHER_TASKS)]
    found = []
    for name in names:
        checkpoint = load(name, device="cpu")
        baseline = load(str(checkpoint.card["baseline"]), device="cpu")
        found += [shown(item, checkpoint, baseline, draws=draws) for item in wanted]
    return ShownGroups(draws, tuple(found))


def record_shown() -> str:
    """JSON text of ``shown_groups``."""
    return to_json(shown_groups())


def shown(item: Preset, checkpoint: Checkpoint, baseline: Checkpoint, *, draws: int) -> Shown:
    """One preset on one checkpoint."""
    rows = [Row(*row) for row in item.rows[: checkpoint.config.num_instances]]
    group = run_group(checkpoint, rows, baseline=baseline)
    own = [slot for slot in group.slots if slot.repeats is None]
    lost = [slot.reading.accuracy for slot in own if slot.reading is not None]
    source = target = -1
    share = 0.0
    if len(rows) > 1:
        swaps = measure_crosstalk(checkpoint, rows, pool=texts(), baseline=baseline, draws=draws)
        changed = np.nan_to_num(swaps.changed.mean(axis=0))
        np.fill_diagonal(changed, 0.0)
        if changed.max() > 0:
            target, source = (int(n) for n in np.unravel_index(changed.argmax(), changed.shape))
            share = float(changed[target, source])
    return Shown(
        item.id,
        checkpoint.name,
        checkpoint.fingerprint,
        tuple(slot.slot for slot in own if slot.agrees is False),
        tuple(round(found.trials - found.successes) for found in lost),
        source,
        target,
        share,
    )
