"""Dose and response: every slot's answer while one fader runs from nothing to twice its slot.

Reading neighbour: ``desk.py``, where faders are defined. Source: our definition
(docs/quantities.md, "The desk").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from muxviz.analysis.groups.draws import (
    Progress,
    base_group,
    batches,
    logits_of,
    origin_of,
    part_of,
)
from muxviz.analysis.groups.outcomes import answers, in_words, is_per_token, need_classes, outcome
from muxviz.analysis.whatif.desk import LOUDEST, faded, fillers_of, floor_of
from muxviz.batch import Group, Row, Seating
from muxviz.engine.guard import memory_guard
from muxviz.errors import InputError, Stopped
from muxviz.inference import counted_tokens
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.claims import offers
from muxviz.results.whatif_desk import DoseResponse


def dose_response(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    *,
    doses: int = 21,
    floor: str = "zero",
    pool: Sequence[str] = (),
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> DoseResponse:
    """Every slot's margin and probability while one fader at a time runs from 0 to 2.

    Costs ``1 + N (doses - 1)`` passes and N gradients for the slopes at 1. Stopped in between, it
    returns what is done (``is_partial``).

    Args:
        doses: an odd number from 3, so that 1 is among them.

    Raises:
        NotApplicable, InputError: as ``turn_faders``; an even number of doses.
    """
    need_classes(checkpoint)
    if doses < 3 or doses % 2 == 0:
        raise InputError(f"got {doses} doses; expected an odd number from 3, so that 1 is one")
    group = base_group(checkpoint, rows, seating)
    neutral = floor_of(checkpoint, group, floor, pool, seating.seed)
    num, steps = checkpoint.config.num_instances, np.linspace(0, LOUDEST, doses)
    gains, places = _dose_gains(num, steps)
    (present,) = logits_of(checkpoint, [group])
    targets = answers(checkpoint, group, present)
    margin = np.full((num, num, doses), np.nan)
    probability, slope = margin.copy(), margin[:, :, 0].copy()
    is_partial = False
    total = len(gains) + num
    try:
        for batch in batches(checkpoint, [group] * len(gains), part_of(progress, 0, total)):
            with torch.inference_mode():
                part = torch.from_numpy(gains[batch.numbers])
                mixed = faded(checkpoint, batch, part, neutral)
                values = checkpoint.model.answer(mixed.hidden, mixed.prepared).logits
            for number, logits in zip(
                batch.numbers, values.to("cpu", torch.float64).numpy(), strict=True
            ):
                found = [
                    outcome(checkpoint, *each)
                    for each in zip(group.rows, logits, targets, strict=True)
                ]
                for source, dose in places[number]:
                    margin[:, source, dose] = [o.margin for o in found]
                    probability[:, source, dose] = [o.probability for o in found]
        for slot, row in slopes(checkpoint, group, targets, neutral):
            slope[slot] = row
            if progress is not None:
                progress(len(gains) + slot + 1, total)
    except Stopped:
        is_partial = True
    return DoseResponse(
        texts=tuple(row.row.text for row in group.rows),
        answers=tuple(in_words(checkpoint, t) for t in targets),
        doses=steps,
        margin=margin,
        probability=probability,
        slope=slope,
        floor=floor,
        scales_inputs=not offers(checkpoint.model.multiplexer, "parts"),
        fillers=fillers_of(group),
        is_partial=is_partial,
        provenance=origin_of(checkpoint, [group], seating),
    )


def _dose_gains(num: int, steps: np.ndarray) -> tuple[np.ndarray, list[list[tuple[int, int]]]]:
    """Gains ``[P, N]`` of every pass, and which (source, dose) each of them answers."""
    middle = len(steps) // 2
    gains = [np.ones(num)]
    places = [[(source, middle) for source in range(num)]]
    for dose in range(len(steps)):
        for source in range(num):
            if dose != middle:
                one = np.ones(num)
                one[source] = steps[dose]
                gains.append(one)
                places.append([(source, dose)])
    return np.stack(gains), places


def slopes(
    checkpoint: Checkpoint,
    group: Group,
    targets: Sequence[np.ndarray],
    neutral: Tensor | None = None,
) -> Iterator[tuple[int, np.ndarray]]:
    """d margin_i / d g_j with all faders at 1, ``[N]`` for each slot i that has an answer.

    Gradient times input, summed over slot j.
    """
    (batch,) = batches(checkpoint, [group])
    gains = torch.ones(1, len(group.rows), requires_grad=True)
    with torch.enable_grad(), memory_guard(checkpoint):
        mixed = faded(checkpoint, batch, gains, neutral)
        logits = checkpoint.model.answer(mixed.hidden, mixed.prepared).logits[0]
        margin = _margins(checkpoint, group, logits, targets)
    for slot, one in enumerate(margin):
        if one is not None:
            (slope,) = torch.autograd.grad(one, gains, retain_graph=True)
            yield slot, slope[0].double().numpy()


def _margins(
    checkpoint: Checkpoint, group: Group, logits: Tensor, targets: Sequence[np.ndarray]
) -> list[Tensor | None]:
    """The margins of ``outcome``, as tensors with a gradient."""
    out: list[Tensor | None] = []
    numbers = _unit_places(checkpoint, group, logits.shape[1])
    for slot, target in enumerate(targets):
        if not len(target):
            out.append(None)
            continue
        own = logits[slot][None] if numbers is None else logits[slot][numbers[slot]]
        if checkpoint.config.task == "replaced_token_detection":
            own = torch.stack([torch.zeros_like(own), own], dim=-1)
        wanted = torch.from_numpy(target).to(own.device)[:, None]
        others = own.scatter(1, wanted, float("-inf")).amax(dim=1)
        out.append((own.gather(1, wanted)[:, 0] - others).mean())
    return out


def _unit_places(checkpoint: Checkpoint, group: Group, length: int) -> list[np.ndarray] | None:
    """Token positions of every slot's units; None where the unit is the whole text."""
    if not is_per_token(checkpoint):
        return None
    return [np.nonzero(counted_tokens(checkpoint, row)[:length])[0] for row in group.rows]
