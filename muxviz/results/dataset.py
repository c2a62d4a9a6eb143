"""What a worklist says of slots, tags, slices and groupings, of labels, and of how sure to be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muxviz.results.estimates import Estimates
from muxviz.results.fidelity import Shares
from muxviz.results.group import Provenance


@dataclass(frozen=True)
class RightShares:
    """Right answers in parts of a file, K of them.

    part: what they are, "slot", "tag", "slice" or "grouping". names: of the parts. shares: ``[K]``,
    total ``[]``; their intervals know that the answers of one row in several groupings stand or
    fall together. is_told: ``[K]`` which part is told from the rest at 5 % after
    Benjamini-Hochberg. alone: share of N = 1 on the same rows, or None. less: per grouping, share
    less that of the first, with an interval over the same rows in pairs; None for other parts.
    held_out: whether the parts were found on other rows than they are counted on.
    """

    part: str
    names: tuple[str, ...]
    shares: Shares
    total: Shares
    is_told: np.ndarray
    alone: Shares | None
    less: Estimates | None
    held_out: bool
    provenance: Provenance


@dataclass(frozen=True)
class LabelCounts:
    """What was answered to rows of every label, counted over groupings: ``[C, C]`` (label, answer).

    slot: that they sat in, from 0, or None for all.
    """

    labels: tuple[str, ...]
    counts: np.ndarray
    slot: int | None
    provenance: Provenance


@dataclass(frozen=True)
class Calibration:
    """How sure the model is against how often it is right, P parts, B bins of confidence.

    parts: "all slots", every slot, and N = 1 ("alone") where there is a baseline. confidence:
    ``[P, B]`` mean probability of the answers in a bin, NaN of an empty one; right: ``[P, B]``.
    ece: ``[P]`` expected calibration error, the mean distance of the two, by answers.
    temperature: ``[P]`` that makes the labels of one half of the rows most probable; ece_before and
    ece_after: ``[P]`` on the other half, without and with it.
    """

    parts: tuple[str, ...]
    confidence: np.ndarray
    right: Shares
    ece: np.ndarray
    temperature: np.ndarray
    ece_before: np.ndarray
    ece_after: np.ndarray
    provenance: Provenance
