"""How differently two slots' read-outs gate the same state. Read first: ``geometry``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import linear

from muxviz.analysis.groups.bootstrap import bootstrap_mean
from muxviz.analysis.groups.draws import (
    Progress,
    base_group,
    batches,
    origin_of,
    pool_groups,
    until_stopped,
)
from muxviz.analysis.groups.layer_states import last_states, prepared_of
from muxviz.analysis.groups.parts import demultiplexer_name
from muxviz.analysis.keys.geometry import DRAWS, array_of, check_slots, entered_groups
from muxviz.batch import Row, Seating
from muxviz.errors import NotApplicable
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.demultiplexer import PrefixDemultiplexer, RSADemultiplexer
from muxviz.model.mux_model import PreparedInput
from muxviz.results.keys import GateFlips


@torch.inference_mode()
def gate_flips(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    *,
    seating: Seating = Seating(),
    draws: int = DRAWS,
    pool: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> GateFlips:
    """How differently two read-outs gate the same state.

    The first layer of the demultiplexer is a + c_i with a = W_h h and c_i = W_k k_i + b, so a slot
    only moves the units' thresholds. The flip rate is the share of units u with different signs of
    a_u + c_iu and a_u + c_ju, at the positions an answer is read from: position 0, or, where
    answers are means or per token, every one that holds a token of some slot. Gelu is soft, so a
    sign is a coarse reading of a gate. ``draws`` + 1 passes; stopped work keeps the groups done.

    Raises:
        NotApplicable: one slot, or a demultiplexer without shared units. InputError: no pool.
    """
    check_slots(checkpoint)
    if not shares_units(checkpoint):
        raise NotApplicable(
            f"not applicable: {demultiplexer_name(checkpoint)} has no units that its slots are "
            "known to share, whose signs could flip (mlp: each slot has a layer of its own)"
        )
    group = base_group(checkpoint, rows, seating)
    groups = pool_groups(checkpoint, pool, draws, seating)
    num = checkpoint.config.num_instances
    found = np.full((draws, num, num), np.nan)
    for batch in until_stopped(batches(checkpoint, groups, progress)):
        prepared = prepared_of(checkpoint, batch)
        found[batch.numbers] = _flips(checkpoint, prepared, batch.hide_padding)[0]
    done = ~np.isnan(found[:, 0, 0])
    here, deciding = _flips(checkpoint, *entered_groups(checkpoint, [group]))
    return GateFlips(
        here[0],
        bootstrap_mean(found[done], seed=seating.seed),
        deciding[0],
        checkpoint.config.readout_width,
        len(pool or ()),
        not done.all(),
        origin_of(checkpoint, [group], seating),
    )


def shares_units(checkpoint: Checkpoint) -> bool:
    """Whether the slots share the units of a first layer, with a threshold each."""
    return type(checkpoint.model.demultiplexer) in (RSADemultiplexer, PrefixDemultiplexer)


def _flips(
    checkpoint: Checkpoint, prepared: PreparedInput, hide: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Flip rates ``[B, N, N]``, and shares of units open in one slot alone ``[B, N]``."""
    hidden, _ = last_states(checkpoint, prepared, hide)
    states, biases = _gates(checkpoint.model.demultiplexer, hidden)
    flips, alone = [], []
    for at in range(len(hidden)):
        places = _read_places(checkpoint, prepared, at)
        is_open = (states[at, places][:, None] + biases[at]) > 0  # [places, N, D]
        # Two slots differ where exactly one is open: counts of each, less twice those of both.
        signs = is_open.to(torch.float32)
        both = torch.einsum("tiu,tju->ij", signs, signs)
        each = signs.sum(dim=(0, 2))
        units = signs.shape[0] * signs.shape[2]
        flips.append((each[:, None] + each[None] - 2 * both) / units)
        only = is_open & (is_open.sum(dim=1, keepdim=True) == 1)
        alone.append(only.to(torch.float32).sum(dim=(0, 2)) / units)
    return array_of(torch.stack(flips)), array_of(torch.stack(alone))


def _gates(demultiplexer: Any, hidden: Tensor) -> tuple[Tensor, Tensor]:
    """The shared part a ``[B, T, D]`` and the slots' thresholds c ``[B, N, D]`` of the gates."""
    first = demultiplexer.dense
    if type(demultiplexer) is RSADemultiplexer:
        first = first[0]
        keys = demultiplexer.keys.expand(len(hidden), -1, -1)
    else:
        keys = hidden[:, : demultiplexer.num_instances]
    key_half, hidden_half = first.weight.chunk(2, dim=1)
    return linear(hidden, hidden_half), linear(keys, key_half, first.bias)


def _read_places(checkpoint: Checkpoint, prepared: PreparedInput, at: int) -> Tensor:
    """Numbers of the positions that answers of a group are read from."""
    config = checkpoint.config
    if config.answers_texts and config.readout == "first":
        return torch.tensor([max(prepared.prefix - 1, 0)], device=prepared.ids.device)
    held = prepared.mask[at].amax(dim=0)
    held[: prepared.prefix] = 0
    return held.nonzero()[:, 0]
