"""Layer conductance by slot of origin: through which positions a sentence reaches an answer.

Along the path of ``attribution`` (Dhamdhere et al. 2018), with v_j the part of x - x' in slot j:

    C(layer, j, t) = integral_0^1 sum_d df/dh[t, d] * dh[t, d]/dx . v_j da

Both derivatives are exact, so that every layer adds up to the integrated gradients of each
sentence, and over slots to captum's LayerConductance, which is computed beside it as a check.
captum's hooks sit on a wrapper's identities, never on the model.
Does not show which token of the sentence it was: positions mix within every layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from muxviz.analysis.attention.eager import states_and_maps
from muxviz.analysis.groups.attribution import (
    STEPS,
    Stages,
    baseline_of,
    import_captum,
    mean_embedding,
)
from muxviz.analysis.groups.draws import Progress
from muxviz.analysis.groups.one_group import Entered, Measure, Target, enter, explained, measure_of
from muxviz.batch import Row, Seating
from muxviz.engine.guard import memory_guard
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.attribution import Conductance


def layer_conductance(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    target: Target,
    *,
    pool: Sequence[str],
    steps: int = STEPS,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> Conductance:
    """Conductance of every layer and position for one slot's answer, split by slot of origin.

    Args: as ``attribute`` of ``attribution``; ``progress`` is called with (parts done, parts in
    all): one per node and one per layer of captum's.

    Raises:
        InputError and its kinds; Stopped, from ``progress``.

    Cost: per node N + 3 passes of one sequence; per layer captum's ``steps`` forward and backward.
    """
    entered = enter(checkpoint, rows, seating)
    baseline = baseline_of(entered, mean_embedding(checkpoint, pool, padding=seating.padding))
    measure = measure_of(entered, target)
    layers = checkpoint.config.shape.num_hidden_layers
    parts = steps + layers + 1

    def tick(done: int) -> None:
        if progress is not None:
            progress(done, parts)

    with memory_guard(checkpoint):
        values = np.zeros((layers + 1, checkpoint.config.num_instances, entered.length))
        nodes, weights = np.polynomial.legendre.leggauss(steps)
        for done, (node, weight) in enumerate(zip(nodes, weights, strict=True)):
            tick(done)
            at = baseline + (node + 1) / 2 * (entered.embeddings - baseline)
            values += weight / 2 * _at_node(entered, measure, at, entered.embeddings - baseline)
        by_captum = np.stack(
            [
                _of_captum(entered, measure, baseline, k, steps, partial(tick, steps + k))
                for k in range(layers + 1)
            ]
        )
        tick(parts)
        stages = Stages(entered, measure)
        with torch.no_grad():
            ends = float(stages(entered.embeddings)), float(stages(baseline))
    return Conductance(
        explained(entered, target, measure),
        values,
        by_captum,
        tuple(zip(*entered.tokens, strict=True)),
        entered.counted,
        *ends,
        steps,
        len(pool),
        entered.provenance,
    )


def _at_node(entered: Entered, measure: Measure, at: Tensor, move: Tensor) -> np.ndarray:
    """Integrand of every layer at one node, ``[K + 1, N, T]``.

    Row j of a batch of N moves slot j alone. The state's derivative along a direction is that of
    <J^T u, direction> by u, which needs reverse mode only.
    """
    num = move.shape[1]
    slots = torch.arange(num, device=move.device)
    along = move.new_zeros(num, *move.shape[1:])
    along[slots, slots] = move[0]
    leaf = at.repeat(num, 1, 1, 1).requires_grad_(True)
    states, _ = states_and_maps(entered, leaf)
    dummies = [torch.zeros_like(state, requires_grad=True) for state in states]
    (pulled,) = torch.autograd.grad(states, leaf, dummies, create_graph=True)
    moved = torch.autograd.grad((pulled * along).sum(), dummies, retain_graph=True)
    prepared = entered.repeated(num)
    logits = entered.checkpoint.model.answer(states[-1], prepared).logits
    slopes = torch.autograd.grad(measure.of(logits).sum(), states)
    return np.stack(
        [
            (slope * m).to(torch.float64).sum(dim=-1).cpu().numpy()
            for slope, m in zip(slopes, moved, strict=True)
        ]
    )


def _of_captum(
    entered: Entered,
    measure: Measure,
    baseline: Tensor,
    layer: int,
    steps: int,
    tick: Callable[[], None],
) -> np.ndarray:
    """captum's LayerConductance of one layer, ``[T]``, over all slots of origin.

    captum takes each step's gradient at its beginning, which misses much of a curved path; the mean
    of both directions is the trapezoid rule.
    """
    conductance = import_captum().LayerConductance
    tick()
    stages = Stages(entered, measure)
    ends = (entered.embeddings, baseline)
    total = np.zeros(entered.length)
    for sign, (inputs, start) in ((1, ends), (-1, ends[::-1])):
        found = conductance(stages, stages.taps[layer]).attribute(
            inputs,
            baselines=start,
            n_steps=steps,
            method="riemann_trapezoid",
            internal_batch_size=_at_once(entered, steps),
        )
        values: Tensor = found[0] if isinstance(found, tuple) else found
        total += sign / 2 * values.detach()[0].to(torch.float64).sum(dim=-1).cpu().numpy()
    return total


def _at_once(entered: Entered, steps: int) -> int:
    return max(2, min(steps + 1, 4096 // int(np.prod(entered.counted.shape))))
