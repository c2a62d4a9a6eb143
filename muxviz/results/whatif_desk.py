"""What one change in a group does to every slot; what faders, other keys and empty slots give.

Rows are slots observed, columns sources. Margins are in logits: the target's less the best other,
mean over tokens where a text has an answer per token.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muxviz.results.estimates import Estimates
from muxviz.results.group import Provenance


@dataclass(frozen=True)
class BeforeAfter:
    """Every slot's answer before and after one change to the group.

    texts_before, texts_after, answers_before, answers_after: by slot; a slot answered per token
    joins its tags. p_before, p_after: ``[N, C]`` class probabilities (mean over tokens).
    sure_before, sure_after: ``[N]`` probability of the answer given before. margin_before,
    margin_after: ``[N]`` margin of that answer. changed: ``[N]`` share of answers that differ.
    read_before, read_after: ``[N]`` share of tokens read back, NaN without a retrieval head.
    gains: ``[N]`` faders after; all 1 where a text was exchanged. edited: its slot, or None.
    floor: what a fader at 0 leaves: "zero" (nothing) or "pool" (the mean sentence of the pool).
    After-values measured on the former answer are NaN for an edited slot. fillers: slots that only
    fill the group. length_before, length_after: tokens per row, padding included.
    """

    texts_before: tuple[str, ...]
    texts_after: tuple[str, ...]
    answers_before: tuple[str, ...]
    answers_after: tuple[str, ...]
    labels: tuple[str, ...]
    per_token: bool
    p_before: np.ndarray
    p_after: np.ndarray
    sure_before: np.ndarray
    sure_after: np.ndarray
    margin_before: np.ndarray
    margin_after: np.ndarray
    changed: np.ndarray
    read_before: np.ndarray
    read_after: np.ndarray
    gains: np.ndarray
    edited: int | None
    floor: str
    fillers: tuple[int, ...]
    length_before: int
    length_after: int
    provenance: Provenance

    @property
    def flipped(self) -> tuple[int, ...]:
        """Slots with another answer than before, the edited one and fillers left out."""
        left_out = {self.edited, *self.fillers}
        return tuple(i for i, share in enumerate(self.changed) if share > 0 and i not in left_out)


@dataclass(frozen=True)
class DoseResponse:
    """Every slot's answer while one fader moves and the others stay at 1.

    doses: ``[G]``, 0 to 2. margin, probability: ``[N, N, G]`` of the present answer; slot observed,
    fader moved, dose; NaN where stopped before. slope: ``[N, N]`` d margin / d fader at 1 (gradient
    times input, summed over the fader's slot). answers: the present ones. scales_inputs: the
    multiplexer has layers of its own, whose inputs the faders scale.
    """

    texts: tuple[str, ...]
    answers: tuple[str, ...]
    doses: np.ndarray
    margin: np.ndarray
    probability: np.ndarray
    slope: np.ndarray
    floor: str
    scales_inputs: bool
    fillers: tuple[int, ...]
    is_partial: bool
    provenance: Provenance

    @property
    def excess(self) -> np.ndarray:
        """``[N, N]`` slope of each neighbour's fader less the mean over the slot's neighbours.

        The norm after mixing makes any neighbour that is turned up dilute the slot; where nothing
        leaks, all do so alike, and this is 0. The diagonal, a slot's own fader, is NaN; with two
        slots there is nothing to compare a neighbour with.
        """
        num = len(self.slope)
        found = self.slope.copy()
        found[range(num), range(num)] = np.nan
        if num > 1:
            found -= (np.nansum(found, axis=1) / (num - 1))[:, None]
        return found


@dataclass(frozen=True)
class KeyDial:
    """One mixture read with keys between two slots', and with random ones.

    alphas: ``[A]``, 0 = the key of ``slot``, 1 = that of ``other``. p: ``[A, C]`` class
    probabilities of the answer, empty where the answer is one per token. like: ``[A, N]`` mean
    probability given to the answers that each slot's own key reads. heard: ``[A, N]`` share of
    slot n's tokens that come out of the retrieval head; NaN without one. The same for ``R`` random
    keys (normal, mean and spread of the model's keys): p_random, like_random, heard_random.
    """

    texts: tuple[str, ...]
    answers: tuple[str, ...]
    labels: tuple[str, ...]
    slot: int
    other: int
    alphas: np.ndarray
    p: np.ndarray
    like: np.ndarray
    heard: np.ndarray
    p_random: np.ndarray
    like_random: np.ndarray
    heard_random: np.ndarray
    fillers: tuple[int, ...]
    provenance: Provenance


@dataclass(frozen=True)
class Ghosts:
    """What each slot reads back while it holds nothing.

    content: what is in it: "zero" or "pool" (the mean sentence). heard: ``[N, N]`` mean probability
    that slot i, empty, gives the tokens of slot j; the diagonal is the text that was taken out.
    floor: the same for sentences of the pool that are not in the group, per slot ``[N]``, with
    intervals over them. shares: ``[N, N]`` share of slot j's tokens that are the most probable
    ones. read: the most probable tokens as text. answers, p: what an empty slot answers, ``[N, C]``
    (p is empty where the answer is one per token).
    """

    texts: tuple[str, ...]
    content: str
    heard: np.ndarray
    floor: Estimates
    shares: np.ndarray
    read: tuple[str, ...]
    answers: tuple[str, ...]
    p: np.ndarray
    labels: tuple[str, ...]
    fillers: tuple[int, ...]
    provenance: Provenance
