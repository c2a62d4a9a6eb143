"""Which words an answer of one slot rests on, over the sentences of all slots."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from muxviz.results.group import Provenance

TOLERANCE = 0.01  # of the output difference: the completeness gap that is asked for


@dataclass(frozen=True)
class Explained:
    """What number of an answer is explained.

    slot: from 0. label, against: names of the classes; against is "" for a plain logit or score.
    places: token positions (from 0, [CLS] included) that the number is the mean over; empty for an
    answer to the whole text.
    """

    slot: int
    label: str
    against: str
    places: tuple[int, ...]

    @property
    def words(self) -> str:
        """``"positive" rather than "negative"``, or ``"positive"``."""
        against = f" rather than {_quoted(self.against)}" if self.against else ""
        where = f" at token {self.places[0]}" if len(self.places) == 1 else ""
        return f"{_quoted(self.label)}{against}{where}"


def _quoted(label: str) -> str:
    return label if label.startswith("its ") else f"“{label}”"


@dataclass(frozen=True)
class Attribution:
    """Integrated gradients of one slot's answer with respect to the tokens of all N sentences.

    tokens: per slot, names at T positions (index prefix and padding included). values ``[N, T]``:
    signed, in units of the explained number (logits); 0 where the baseline keeps the token.
    moved ``[N, T]``: tokens that the path replaces (counted ones: no special, no padding).
    output, baseline_output: the explained number on the group, and with every counted token
    replaced by the pool's mean embedding. steps: of the integral. pool: sentences in the mean.
    prefix: positions before the texts.
    """

    explained: Explained
    tokens: tuple[tuple[str, ...], ...]
    values: np.ndarray
    moved: np.ndarray
    output: float
    baseline_output: float
    steps: int
    pool: int
    prefix: int
    provenance: Provenance

    @property
    def difference(self) -> float:
        """What the attributions should add up to."""
        return self.output - self.baseline_output

    @property
    def gap(self) -> float:
        """Completeness gap: what the sum misses, as a share of ``difference``."""
        return completeness_gap(float(self.values.sum()), self.difference)

    @property
    def sums(self) -> np.ndarray:
        """``[N]`` signed attribution of each sentence."""
        return np.asarray(self.values.sum(axis=1))

    @property
    def shares(self) -> np.ndarray:
        """``[N]`` share of the absolute attribution, sum 1; NaN when all of it is 0."""
        return shares_of(np.abs(self.values).sum(axis=1))


def in_whole_words(result: Attribution) -> Attribution:
    """The same with pieces of a word (``##``, WordPiece) as one token: their sum.

    A text with fewer words than tokens ends in empty places.
    """
    length = result.values.shape[1]
    tokens, values, moved = [], np.zeros_like(result.values), np.zeros_like(result.moved)
    for slot, names in enumerate(result.tokens):
        words: list[str] = []
        at = []  # of every piece, its word
        for piece in names:
            if piece.startswith("##") and words:
                words[-1] += piece.removeprefix("##")
            else:
                words.append(piece)
            at.append(len(words) - 1)
        np.add.at(values[slot], at, result.values[slot, : len(at)])
        np.logical_or.at(moved[slot], at, result.moved[slot, : len(at)])
        tokens.append((*words, *[""] * (length - len(words))))
    return replace(result, tokens=tuple(tokens), values=values, moved=moved)


@dataclass(frozen=True)
class SlotShares:
    """Whose tokens each slot's answer rests on, by integrated gradients.

    shares ``[N, N]``: rows are the slots observed, columns the source; shares of the absolute
    attribution, rows sum to 1 (NaN where all of it is 0). sums ``[N, N]``: signed, in units of the
    explained number. differences ``[N]``: output less baseline output. gaps ``[N]``: completeness
    gap as a share of the difference. steps ``[N]``: of each integral. explained: what of each slot.
    pool: sentences in the baseline's mean. is_partial: stopped before all slots were done (their
    rows are NaN).
    """

    shares: np.ndarray
    sums: np.ndarray
    differences: np.ndarray
    gaps: np.ndarray
    steps: np.ndarray
    explained: tuple[Explained, ...]
    pool: int
    is_partial: bool
    provenance: Provenance


@dataclass(frozen=True)
class Conductance:
    """Through which positions of each layer the sentences reach one slot's answer.

    values ``[K + 1, N, T]``: signed layer conductance (Dhamdhere 2018) in units of the explained
    number, by slot of origin; the first entry is the input of layer 1. Summed over positions, every
    layer holds the same N numbers: the sentences' integrated gradients. captum ``[K + 1, T]``:
    captum's LayerConductance, which adds all slots up along a coarser path. names ``[T]``: the
    tokens that share a position. counted ``[N, T]``: no special token, no padding.
    """

    explained: Explained
    values: np.ndarray
    captum: np.ndarray
    names: tuple[tuple[str, ...], ...]
    counted: np.ndarray
    output: float
    baseline_output: float
    steps: int
    pool: int
    provenance: Provenance

    @property
    def difference(self) -> float:
        """What every layer should add up to."""
        return self.output - self.baseline_output

    @property
    def gaps(self) -> np.ndarray:
        """``[K + 1]`` completeness gap of every layer."""
        sums = self.values.sum(axis=(1, 2))
        return np.array([completeness_gap(float(s), self.difference) for s in sums])

    @property
    def captum_gaps(self) -> np.ndarray:
        """``[K + 1]`` completeness gap of captum's own sums."""
        sums = self.captum.sum(axis=1)
        return np.array([completeness_gap(float(s), self.difference) for s in sums])


def completeness_gap(total: float, difference: float) -> float:
    """How far ``total`` is from ``difference``, as a share of it; 0 when both are 0."""
    missing = abs(total - difference)
    if missing < 1e-6:
        return 0.0
    return missing / abs(difference) if difference else float("inf")


def shares_of(amounts: np.ndarray) -> np.ndarray:
    """Amounts as shares of the last axis; NaN where there is nothing to share."""
    total = amounts.sum(axis=-1, keepdims=True)
    nothing = np.full(amounts.shape, np.nan)
    return np.divide(amounts, total, out=nothing, where=total > 0)
