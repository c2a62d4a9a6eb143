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

from muxviz.analysis.bootstrap import bootstrap_ratio
from muxviz.analysis.draws import Progress, base_group, batches, origin_of, pool_groups
from muxviz.analysis.layer_states import last_states, prepared_of
from muxviz.analysis.one_group import counted_positions
from muxviz.batch import Group, Row
from muxviz.errors import NotApplicable, Stopped
from muxviz.inference import group_tensors
from muxviz.loading.checkpoint import Checkpoint
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
SUMS = (HadamardMultiplexer, OrthogonalMultiplexer)  # of marked embeddings, and nothing else
MIXES_BY_LAYERS = (
    "not applicable: the {} multiplexer passes its slots through layers of its own before they are "
    "added, so no filter made of their vectors takes the sum apart"
)
UNKNOWN = (
    "not applicable: the {} multiplexer is not known to add up marked embeddings and nothing else "
    "(it is a {}), and only such a sum is taken apart by a filter made of the slots' vectors"
)


# ---- geometry -----------------------------------------------------------------------------------


@torch.inference_mode()
def key_geometry(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    *,
    padding: str | None = None,
    fill: str = "repeat",
    seed: int = 0,
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
    group = base_group(checkpoint, rows, padding=padding, fill=fill, seed=seed)
    reasons: dict[str, str] = {}
    vectors = getattr(checkpoint.model.multiplexer, "instance_embedding", None)
    interference = None
    if reason := no_sum(checkpoint):
        reasons["interference"] = reason
    else:
        interference = interference_of(array_of(vectors))
    keys = _keys(checkpoint, group)
    if keys is None:
        reasons["demux"] = no_keys(checkpoint)
    return KeyGeometry(
        config.multiplexer,
        config.demultiplexer,
        None if vectors is None else gram(array_of(vectors)),
        None if keys is None else gram(array_of(keys)),
        interference,
        reasons,
        origin_of(checkpoint, [group], seed=seed, fill=fill),
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
    if reason := no_sum(checkpoint):
        raise NotApplicable(reason)


def no_sum(checkpoint: Checkpoint) -> str:
    """Why the mixture is not a plain sum of marked embeddings, as far as is known; "" if it is.

    A kind of one's own, also one made from a kind of ours, may do anything.
    """
    kind, name = type(checkpoint.model.multiplexer), checkpoint.config.multiplexer
    if kind in SUMS:
        return ""
    if kind in (ContextualMultiplexer, CrossInstanceMultiplexer):
        return MIXES_BY_LAYERS.format(name)
    return UNKNOWN.format(name, kind.__name__)


def no_keys(checkpoint: Checkpoint) -> str:
    """Why the demultiplexer has no key per slot, as far as is known."""
    name = checkpoint.config.demultiplexer
    if isinstance(checkpoint.model.demultiplexer, MLPDemultiplexer):
        return (
            f"not applicable: the {name} demultiplexer has no keys; each slot is read by a layer "
            "of its own"
        )
    return f"not applicable: the {name} demultiplexer is not known to have a key per slot"


def _keys(checkpoint: Checkpoint, group: Group) -> Tensor | None:
    demultiplexer: Any = checkpoint.model.demultiplexer
    if isinstance(demultiplexer, RSADemultiplexer):
        return demultiplexer.keys
    if isinstance(demultiplexer, PrefixDemultiplexer):
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
    padding: str | None = None,
    fill: str = "repeat",
    seed: int = 0,
    draws: int = DRAWS,
    pool: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> KeyInterference:
    """Signal and interference of the filter v_i * (sum_j v_j e^j), on embeddings of pool sentences.

    Signal is |v_i v_i e^i|^2, interference |sum over j != i of v_i v_j e^j|^2, each summed over the
    places of slot i's own tokens, whatever the others hold there. For independent Gaussian v with
    slots of equal energy their ratio is 3 / (N - 1) on average; for random rotations 1 / (N - 1).
    Real embeddings have a common mean and a few strong dimensions, so it need not hold. No layer is
    run, and ``rows`` and ``fill`` are of no account. Stopped work keeps the groups done.

    Raises:
        NotApplicable: no sum of marked embeddings (plain, contextual). InputError: no pool.
    """
    check_sum(checkpoint)
    groups = pool_groups(checkpoint, pool, draws, padding=padding, seed=seed)
    signal = np.full((draws, checkpoint.config.num_instances), np.nan)
    noise = signal.copy()
    is_partial = False
    try:
        for batch in batches(checkpoint, groups, progress):
            prepared = prepared_of(checkpoint, batch)
            own, others = _energies(checkpoint, prepared, batch.hide_padding)
            for at, number in enumerate(batch.numbers):
                places = counted_positions(checkpoint, groups[number], prepared)
                signal[number] = (own[at] * places).sum(axis=1)
                noise[number] = (others[at] * places).sum(axis=1)
    except Stopped:
        is_partial = True
    done = ~np.isnan(signal[:, 0])
    if not done.any():
        raise Stopped("stopped before the first groups were done; compute again")
    vectors = array_of(checkpoint.model.multiplexer.instance_embedding)
    law, low, high = _law(checkpoint, seed)
    return KeyInterference(
        bootstrap_ratio(noise[done], signal[done], seed=seed),
        interference_of(vectors).sum(axis=1) - 1,
        law,
        low,
        high,
        len(pool or ()),
        is_partial,
        origin_of(checkpoint, groups[:1], seed=seed, fill=fill),
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
    is_turned = isinstance(checkpoint.model.multiplexer, OrthogonalMultiplexer)
    if is_turned and width < config.shape.embedding_size:
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
