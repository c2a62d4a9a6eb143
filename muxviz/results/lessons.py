"""What the nine steps of the lesson show: results recorded once, drawn without a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muxviz.results.crosstalk import Crosstalk
from muxviz.results.diagnosis import Diagnosis
from muxviz.results.estimates import Estimates
from muxviz.results.group import GroupResult, Provenance
from muxviz.results.layers import EntanglementSpectrum, LayerLens
from muxviz.results.whatif_desk import KeyDial
from muxviz.results.whatif_orders import SlotOrders


@dataclass(frozen=True)
class Mixing:
    """How the N vectors of one position become one, in some of its E dimensions.

    tokens: one per slot, at ``position``. width: E. dims: the W dimensions shown. vectors: ``[N,
    W]`` token embeddings. patterns: ``[N, W]`` the slots' own vectors. mixture: ``[W]``, mean over
    slots of pattern times vector. silenced: ``[S, N]`` bool, settings of the desk (fader at 0);
    read: ``[S, N]`` share of every slot's tokens read back at each, of ``counted [N]``; NaN where
    the model does not read back.
    """

    texts: tuple[str, ...]
    tokens: tuple[str, ...]
    position: int
    width: int
    dims: tuple[int, ...]
    vectors: np.ndarray
    patterns: np.ndarray
    mixture: np.ndarray
    silenced: np.ndarray
    read: np.ndarray
    counted: np.ndarray
    provenance: Provenance

    def heard(self, silenced: tuple[int, ...]) -> np.ndarray:
        """``[N]`` shares read back with these slots silenced."""
        wanted = [i in silenced for i in range(len(self.tokens))]
        at = np.flatnonzero((self.silenced == wanted).all(axis=1))
        return np.asarray(self.read[at[0]])


@dataclass(frozen=True)
class Exchanged:
    """One neighbour's sentence exchanged for another, and what that does to a slot's answer.

    slot, source: the slot looked at and the neighbour, from 0. sentence: put in its place. before,
    after: the group as it is and with it.
    """

    slot: int
    source: int
    sentence: str
    before: GroupResult
    after: GroupResult


@dataclass(frozen=True)
class Shared:
    """One model on the dial of sharing.

    sharing: how far its slot vectors have slid from rooms of their own (0) to one room (1).
    accuracy, low, high: share of right answers on the dev set of its card, over groupings, with its
    95 % interval. dims: the W dimensions whose patterns are shown, ``patterns [N, W]``. spectrum:
    whose the state is, by layer.
    """

    checkpoint: str
    sharing: float
    metric: str
    rows: int
    accuracy: float
    low: float
    high: float
    dims: tuple[int, ...]
    patterns: np.ndarray
    spectrum: EntanglementSpectrum


@dataclass(frozen=True)
class Dial:
    """The models from rooms of their own to one room."""

    models: tuple[Shared, ...]

    @property
    def provenance(self) -> Provenance:
        """Of the first; the others were measured in the same way."""
        return self.models[0].spectrum.provenance

    @property
    def interaction(self) -> Estimates:
        """What belongs to no single slot after the last layer, one number a model."""
        found = [m.spectrum.interaction for m in self.models]
        mean, low, high = (
            np.array([float(getattr(f, part)[-1]) for f in found])
            for part in ("mean", "low", "high")
        )
        return Estimates(mean, low, high, found[0].draws, found[0].seed)


@dataclass(frozen=True)
class Lessons:
    """One result per step; each says in its provenance which checkpoint it is of.

    presets: the groups of sentences, by the name of the field. group: clear sentences in rooms of
    their own. exchanged: an answer that a neighbour turns. mixing, dial: how one position is mixed,
    and the mixture read with the keys of slots 1 and 2. read: a group of which tokens are lost.
    leaks: the swap test in which a neighbour turns an answer most often; culprit: (slot observed,
    source) of it, from 0. depth: where tokens can be read, in rooms and in one room. seats: all
    orders of one group. sharing: the models between rooms and one room. broken: a group with a
    wrong answer, diagnosis: the debugger on that.
    """

    presets: dict[str, str]
    group: GroupResult
    exchanged: Exchanged
    mixing: Mixing
    dial: KeyDial
    read: GroupResult
    leaks: Crosstalk
    culprit: tuple[int, int]
    depth: tuple[LayerLens, ...]
    seats: SlotOrders
    sharing: Dial
    broken: GroupResult
    diagnosis: Diagnosis
