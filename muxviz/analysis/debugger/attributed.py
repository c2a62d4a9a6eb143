"""Attribution beside intervention: whose tokens an answer rests on, and whose exchange moves it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from muxviz.analysis.debugger.checks import hear
from muxviz.analysis.debugger.ladder import ask
from muxviz.analysis.groups.attribution import attribute
from muxviz.analysis.groups.draws import Progress, base_group, share_of
from muxviz.analysis.groups.one_group import Target
from muxviz.analysis.groups.outcomes import is_per_token, need_classes
from muxviz.batch import Row, Seating
from muxviz.errors import InputError, NotApplicable
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.diagnosis import Attributed


def attributed(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    slot: int,
    *,
    pool: Sequence[str],
    draws: int = 32,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> Attributed:
    """Integrated gradients of one slot's answer by sentence, beside N x draws exchanges.

    Raises:
        NotApplicable: no classes, an answer per token, or no captum. InputError: no such slot.
    """
    need_classes(checkpoint)
    if is_per_token(checkpoint):
        raise NotApplicable(
            "not applicable: this checkpoint answers every token, and an exchanged sentence has "
            "other tokens"
        )
    if not 0 <= slot < len(rows):
        raise InputError(f"got slot {slot}; expected one of 0 to {len(rows) - 1}")
    found = attribute(
        checkpoint,
        rows,
        Target(slot),
        pool=pool,
        seating=seating,
        progress=share_of(progress, 0, 2),
    )
    group = base_group(checkpoint, rows, seating)
    asked = ask(checkpoint, group, slot, None, None)
    heard = hear(asked, pool, draws, seating.seed, share_of(progress, 1, 2))
    assert heard is not None, "one answer per sentence"
    return Attributed(
        slot=slot,
        shares=np.asarray(found.shares),
        gap=found.gap,
        moved=heard.moved,
        provenance=found.provenance,
    )
