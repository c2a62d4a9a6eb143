"""Keys and mux vectors: how alike they are, what that costs, and whether it explains the leaks.

In every N x N array rows are the slot observed (read out), columns the source.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muxviz.results.estimates import Estimates
from muxviz.results.fidelity import Shares
from muxviz.results.group import Provenance


@dataclass(frozen=True)
class Gram:
    """How alike one vector (or matrix) per slot is to the others'.

    cosine: ``[N, N]`` in [-1, 1], 1 on the diagonal (0 in a row of zeros). norms: ``[N]``. size:
    numbers in each.
    """

    cosine: np.ndarray
    norms: np.ndarray
    size: int


@dataclass(frozen=True)
class KeyGeometry:
    """The slots' vectors in the multiplexer and their keys in the demultiplexer.

    mux: vectors v_i or matrices R_i (Frobenius). demux: private keys k_i; with the index prefix the
    states of the prefix in the pass of this group. interference ``[N, N]``: energy that slot j adds
    to the filter of slot i, as a share of i's own, at equal energies; 1 on the diagonal. None where
    the part has no such thing; ``reasons`` says why, by field name.
    """

    multiplexer: str
    demultiplexer: str
    mux: Gram | None
    demux: Gram | None
    interference: np.ndarray | None
    reasons: dict[str, str]
    provenance: Provenance

    @property
    def num_instances(self) -> int:
        """N."""
        return self.provenance.num_instances


@dataclass(frozen=True)
class KeyInterference:
    """Interference to signal in the matched filter of every slot (1 / SINR, linear).

    measured: ``[N]`` over random groups of pool sentences; 0 is no interference. from_keys:
    ``[N]``, the same for embeddings with equal energy in every dimension and slot. law: what the
    kind of keys promises on average ((N - 1) / 3 for Gaussian ones), NaN where there is no law;
    law_low, law_high: 95 % of keys drawn anew, at this size. pool: sentences to draw from.
    """

    measured: Estimates
    from_keys: np.ndarray
    law: float
    law_low: float
    law_high: float
    pool: int
    is_partial: bool
    provenance: Provenance

    def sinr_db(self, ratio: np.ndarray | float) -> np.ndarray:
        """A ratio of this result as signal to interference in dB; infinite for no interference."""
        with np.errstate(divide="ignore"):
            found: np.ndarray = -10 * np.log10(np.asarray(ratio, dtype=np.float64))
        return found


@dataclass(frozen=True)
class GateFlips:
    """Share of the demultiplexer's first-layer units whose sign differs between two read-outs.

    here: ``[N, N]`` in [0, 1] at the positions this group's answer is read from, 0 on the diagonal.
    flips: the same over random groups of pool sentences. units: of the layer. deciding: ``[N]``
    share of units that are open in slot i and shut in all others, in this group. pool: sentences.
    """

    here: np.ndarray
    flips: Estimates
    deciding: np.ndarray
    units: int
    pool: int
    is_partial: bool
    provenance: Provenance


@dataclass(frozen=True)
class KeyLeak:
    """Whether slots with like keys disturb each other more.

    names: of the M similarities. similarity: ``[M, N, N]``. crosstalk: ``[N, N]`` in ``unit``, from
    ``draws`` draws. rho: ``[M]`` Spearman over the cells off the diagonal, NaN where a similarity
    does not vary. p: ``[M]`` two-sided, by permuting slots (Mantel). permutations: of the test, the
    given order among them; is_exact: whether they are all there are. The smallest possible p is
    1 / permutations. groups: random groups that the cross-talk is the mean of, 0 for the given one.
    """

    names: tuple[str, ...]
    similarity: np.ndarray
    crosstalk: np.ndarray
    unit: str
    rho: np.ndarray
    p: np.ndarray
    permutations: int
    is_exact: bool
    draws: int
    groups: int
    is_partial: bool
    provenance: Provenance


@dataclass(frozen=True)
class FilterReading:
    """The counted tokens of one slot of the group, and what the filter reads there."""

    tokens: tuple[str, ...]
    read: tuple[str, ...]


@dataclass(frozen=True)
class MatchedFilter:
    """Tokens read from the mixture alone, by the slot's own vector; no layer of the network.

    filtered: ``[N]`` share of counted tokens of random pool groups. model: the same tokens read
    back by the model, None without a retrieval head. chance: share that always naming the most
    frequent token would read. group: what the filter reads of this group, per slot. groups: drawn
    and read. pool: sentences to draw from.
    """

    filtered: Shares
    model: Shares | None
    chance: float
    group: tuple[FilterReading, ...]
    groups: int
    pool: int
    seed: int
    is_partial: bool
    provenance: Provenance
