"""Are the keys to blame? Geometry of the slots' vectors and keys, and what follows from it.

``key_geometry`` looks at weights, ``key_interference`` at embeddings of pool sentences.
Read next: ``matched_filter`` (reading with the vectors alone), ``gates`` (what the keys do to the
demultiplexer), ``mantel`` (whether likeness of keys goes with measured cross-talk).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from muxviz.analysis.groups.bootstrap import bootstrap_ratio
from muxviz.analysis.groups.draws import (
    Progress,
    base_group,
    batches,
    origin_of,
    pool_groups,
    until_stopped,
)
from muxviz.analysis.groups.layer_states import last_states, prepared_of
from muxviz.analysis.groups.one_group import counted_positions
from muxviz.analysis.groups.parts import demultiplexer_name, multiplexer_name
from muxviz.batch import Group, Row, Seating
from muxviz.errors import NotApplicable
from muxviz.inference import group_tensors
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.claims import offers
from muxviz.model.demultiplexer import MLPDemultiplexer, PrefixDemultiplexer, RSADemultiplexer
from muxviz.model.multiplexer import (
    ContextualMultiplexer,
    CrossInstanceMultiplexer,
    HadamardMultiplexer,
    OrthogonalMultiplexer,
)
from muxviz.model.mux_model import PreparedInput
from muxviz.results.keys import Gram, KeyGeometry, KeyInterference

DRAWS = 64
REDRAWN = 400  # sets of keys behind the band around a law
ORTHOGONAL = ("random_orthogonal", "low_rank_orthogonal")


# ---- geometry -----------------------------------------------------------------------------------


@torch.inference_mode()
def key_geometry(
    checkpoint: Checkpoint, rows: Sequence[Row], *, seating: Seating = Seating()
) -> KeyGeometry:
    """Cosines and norms of the slots' vectors and keys, and the interference they imply.

    Interference of j in i is |v_i v_j|^2 / |v_i v_i|^2 (Hadamard, products by element) or
    |R_i' R_j|^2 / |R_i' R_i|^2 (orthogonal). One pass, and only with an index prefix, whose states
    are its keys. It does not show what the layers make of it.

    Raises:
        NotApplicable: fewer than two slots. InputError: as ``run_group``.
    """
    config = checkpoint.config
    check_slots(checkpoint)
    group = base_group(checkpoint, rows, seating)
    reasons: dict[str, str] = {}
    vectors = interference = None
    try:
        vectors = array_of(slot_vectors(checkpoint))
    except NotApplicable as error:
        reasons["mux"] = str(error)
    if vectors is not None and _is_marked_sum(checkpoint):
        interference = interference_of(vectors)
    else:
        reasons["interference"] = _no_filter(checkpoint)
    keys = _keys(checkpoint, group)
    if keys is None:
        name = demultiplexer_name(checkpoint)
        reasons["demux"] = (
            f"not applicable: {name} has no keys; each slot is read by a layer of its own"
            if type(checkpoint.model.demultiplexer) is MLPDemultiplexer
            else f"not applicable: {name} does not say which numbers are its keys"
        )
    return KeyGeometry(
        config.multiplexer,
        config.demultiplexer,
        None if vectors is None else gram(vectors),
        None if keys is None else gram(array_of(keys)),
        interference,
        reasons,
        origin_of(checkpoint, [group], seating),
    )


def gram(vectors: np.ndarray) -> Gram:
    """Of one vector or matrix per slot, ``[N, ...]``."""
    flat = vectors.reshape(len(vectors), -1)
    norms = np.linalg.norm(flat, axis=1)
    unit = np.divide(flat, norms[:, None], out=np.zeros_like(flat), where=norms[:, None] > 0)
    return Gram(np.clip(unit @ unit.T, -1.0, 1.0), norms, flat.shape[1])


def interference_of(vectors: np.ndarray) -> np.ndarray:
    """Energy that slot j adds to the filter of slot i over i's own: ``[N, N]``, rows i.

    vectors: ``[N, E]`` for element-wise products, ``[N, E, E]`` for matrices. NaN in the row of a
    slot whose vector is 0.
    """
    if vectors.ndim == 2:
        energy = (vectors**2) @ (vectors**2).T
    else:
        # |R_i' R_j|^2 = <R_i R_i', R_j R_j'>, without a product for every pair.
        squares = np.einsum("nfe,nge->nfg", vectors, vectors)
        energy = np.einsum("ifg,jfg->ij", squares, squares)
    own = np.diag(energy)[:, None]
    return np.divide(energy, own, out=np.full_like(energy, np.nan), where=own > 0)


def check_slots(checkpoint: Checkpoint) -> None:
    """Raises NotApplicable where there are no two slots to compare."""
    if not checkpoint.config.is_multiplexed:
        raise NotApplicable("not applicable: a plain model has no slots, so it has no keys")
    if checkpoint.config.num_instances < 2:
        raise NotApplicable("not applicable: one slot only, so there is no pair of keys")


def check_sum(checkpoint: Checkpoint) -> None:
    """Raises NotApplicable where the mixture is not a plain sum of marked embeddings."""
    check_slots(checkpoint)
    if not _is_marked_sum(checkpoint):
        raise NotApplicable(_no_filter(checkpoint))


def check_filter(checkpoint: Checkpoint) -> None:
    """Raises NotApplicable where no filter takes the mixture apart."""
    check_slots(checkpoint)
    if not offers(checkpoint.model.multiplexer, "unmix"):
        raise NotApplicable(_no_filter(checkpoint))


def _is_marked_sum(checkpoint: Checkpoint) -> bool:
    """Whether the laws of embeddings times vectors or matrices hold."""
    return type(checkpoint.model.multiplexer) in (HadamardMultiplexer, OrthogonalMultiplexer)


def _no_filter(checkpoint: Checkpoint) -> str:
    name = multiplexer_name(checkpoint)
    if type(checkpoint.model.multiplexer) in (ContextualMultiplexer, CrossInstanceMultiplexer):
        return (
            f"not applicable: {name} passes its slots through layers of its own before they are "
            "added, so no filter made of their vectors takes the sum apart"
        )
    return f"not applicable: {name} does not say by which filters its mixture is taken apart"


def slot_vectors(checkpoint: Checkpoint) -> Tensor:
    """The multiplexer's vector or matrix of every slot, ``[N, ...]``.

    Raises:
        NotApplicable: it has none.
    """
    found = getattr(checkpoint.model.multiplexer, "instance_embedding", None)
    num = checkpoint.config.num_instances
    if not isinstance(found, Tensor) or found.dim() < 2 or len(found) != num:
        raise NotApplicable(
            f"not applicable: {multiplexer_name(checkpoint)} has no instance_embedding with one "
            "vector or matrix per slot"
        )
    return found


def _keys(checkpoint: Checkpoint, group: Group) -> Tensor | None:
    demultiplexer: Any = checkpoint.model.demultiplexer
    if type(demultiplexer) is RSADemultiplexer:
        return demultiplexer.keys
    if type(demultiplexer) is PrefixDemultiplexer:
        hidden, _ = last_states(checkpoint, *entered_groups(checkpoint, [group]))
        return hidden[0, : checkpoint.config.num_instances]
    return None


def array_of(values: Any) -> np.ndarray:
    """A tensor as float64."""
    found: np.ndarray = values.detach().to("cpu", torch.float64).numpy()
    return found


# ---- passes -------------------------------------------------------------------------------------


def entered_groups(checkpoint: Checkpoint, groups: Sequence[Group]) -> tuple[PreparedInput, bool]:
    hide = groups[0].hides_padding
    ids, mask, types = group_tensors(checkpoint, groups)
    return checkpoint.model.prepare(ids, mask, types, hide_padding=hide), hide


# ---- interference -------------------------------------------------------------------------------


@torch.inference_mode()
def key_interference(
    checkpoint: Checkpoint,
    rows: Sequence[Row] = (),
    *,
    seating: Seating = Seating(),
    draws: int = DRAWS,
    pool: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> KeyInterference:
    """Signal and interference of the filter v_i * (sum_j v_j e^j), on embeddings of pool sentences.

    Signal is |v_i v_i e^i|^2, interference |sum over j != i of v_i v_j e^j|^2, each summed over the
    places of slot i's own tokens, whatever the others hold there. For independent Gaussian v with
    slots of equal energy their ratio is 3 / (N - 1) on average; for random rotations 1 / (N - 1).
    Real embeddings have a common mean and a few strong dimensions, so it need not hold. No layer is
    run, and ``rows`` are of no account. Stopped work keeps the groups done.

    Raises:
        NotApplicable: no sum of marked embeddings (plain, contextual). InputError: no pool.
    """
    check_sum(checkpoint)
    groups = pool_groups(checkpoint, pool, draws, seating)
    signal = np.full((draws, checkpoint.config.num_instances), np.nan)
    noise = signal.copy()
    for batch in until_stopped(batches(checkpoint, groups, progress)):
        prepared = prepared_of(checkpoint, batch)
        own, others = _energies(checkpoint, prepared, batch.hide_padding)
        for at, number in enumerate(batch.numbers):
            places = counted_positions(checkpoint, groups[number], prepared)
            signal[number] = (own[at] * places).sum(axis=1)
            noise[number] = (others[at] * places).sum(axis=1)
    done = ~np.isnan(signal[:, 0])
    vectors = array_of(checkpoint.model.multiplexer.instance_embedding)
    law, low, high = _law(checkpoint, seating.seed)
    return KeyInterference(
        bootstrap_ratio(noise[done], signal[done], seed=seating.seed),
        interference_of(vectors).sum(axis=1) - 1,
        law,
        low,
        high,
        len(pool or ()),
        not done.all(),
        origin_of(checkpoint, groups[:1], seating),
    )


def _energies(
    checkpoint: Checkpoint, prepared: PreparedInput, hide: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Energy of signal and of interference at every place, both ``[B, N, T]``."""
    embeddings = checkpoint.model.embed(prepared)
    if hide:
        embeddings = embeddings * prepared.mask[..., None].to(embeddings.dtype)
    vectors: Any = checkpoint.model.multiplexer.instance_embedding
    if vectors.dim() == 2:
        marked = embeddings * vectors[:, None]
        own = marked * vectors[:, None]
        # Added up without the slot itself, so that disjoint masks leave exactly nothing.
        rest = torch.stack([_others(marked, i) * v for i, v in enumerate(vectors)], dim=1)
    else:
        marked = torch.einsum("bnte,nfe->bntf", embeddings, vectors)
        own = torch.einsum("bntf,nfe->bnte", marked, vectors)
        rest = torch.stack([_others(marked, i) @ r for i, r in enumerate(vectors)], dim=1)
    return array_of(own.square().sum(dim=-1)), array_of(rest.square().sum(dim=-1))


def _others(marked: Tensor, slot: int) -> Tensor:
    """The sum over all slots but one: ``[B, N, T, E] -> [B, T, E]``."""
    keep = [j for j in range(marked.shape[1]) if j != slot]
    return marked[:, keep].sum(dim=1)


def _law(checkpoint: Checkpoint, seed: int) -> tuple[float, float, float]:
    """Interference to signal that this kind of keys promises: mean, and 95 % of new draws.

    Rotations of which pruning cut dimensions away are none any more and promise nothing.
    """
    config = checkpoint.config
    num, width = config.num_instances, config.embedding_width
    if config.multiplexer in ORTHOGONAL and width < config.shape.embedding_size:
        return float("nan"), float("nan"), float("nan")
    if config.multiplexer == "random_orthogonal":
        return num - 1.0, num - 1.0, num - 1.0
    if config.multiplexer == "low_rank_orthogonal":
        return 0.0, 0.0, 0.0
    if config.multiplexer != "gaussian_hadamard":
        return float("nan"), float("nan"), float("nan")
    generator = np.random.default_rng(seed)
    squares = generator.normal(size=(REDRAWN, num, width)) ** 2
    own = (squares**2).sum(axis=-1)
    # The other slots' sum is a number of its own per slot; one slot of each set stands for all.
    ratio = (squares[:, :1] * squares[:, 1:]).sum(axis=(1, 2)) / own[:, 0]
    low, high = np.quantile(ratio, (0.025, 0.975))
    return (num - 1) / 3, float(low), float(high)
