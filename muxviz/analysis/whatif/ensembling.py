"""Ensembling: copies of a sentence in several slots, bought with throughput.

N // r sentences get r copies each over shuffled slots; what is left of the slots holds further
sentences that are not counted. The answer is that of the mean logits (as the reference code does);
how much the copies disagree may tell which answers are wrong. Source: MUX-PLM (arXiv 2302.12441)
for the ensemble; disagreement as mutual information is ours (docs/quantities.md,
"Twins, duplicates, copies").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from muxviz.analysis.groups.bootstrap import bootstrap_mean
from muxviz.analysis.groups.draws import Progress, logits_until_stopped, origin_of, softmax
from muxviz.analysis.groups.outcomes import classes_of, is_per_token, need_classes
from muxviz.analysis.whatif.orders import entropy
from muxviz.batch import EncodedRow, Group, Row, Seating, encode_rows, make_group
from muxviz.errors import GroupError, NotApplicable
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.reading import Proportion
from muxviz.results.whatif_copies import Copies, Ensembling

RESAMPLES = 500


def ensembling(
    checkpoint: Checkpoint,
    labelled: Sequence[tuple[str, str]],
    *,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> Ensembling:
    """Accuracy and disagreement for every number of copies that changes the throughput.

    Every sentence is answered once for each; about ``len(labelled) * sum(1 / per_pass)`` passes.
    Stopped in between, sentences that were not reached are left out (``is_partial``).

    Args:
        labelled: (text, label) of a labelled pool.

    Raises:
        NotApplicable: one slot only, one answer per token, or labels this checkpoint does not give.
        GroupError: fewer sentences than slots.
    """
    names = need_classes(checkpoint)
    if is_per_token(checkpoint):
        raise NotApplicable(
            "not applicable: the labelled sentences have one label each, this checkpoint answers "
            "per token"
        )
    unknown = sorted({label for _, label in labelled} - set(names))
    if unknown:
        raise NotApplicable(
            f"not applicable: the labelled sentences are {', '.join(unknown)}, this checkpoint "
            f"answers {', '.join(classes_of(checkpoint))}"
        )
    num = checkpoint.config.num_instances
    if len(labelled) < num:
        raise GroupError(f"got {len(labelled)} labelled sentences for {num} slots; give more")
    rows = encode_rows(checkpoint, [Row(text) for text, _ in labelled], padding=seating.padding)
    gold = np.array([names.index(label) for _, label in labelled])
    plans = [_plan(checkpoint, rows, per, seating) for per in sentences_per_pass(num)]
    groups = [group for plan in plans for group in plan.groups]
    logits = logits_until_stopped(checkpoint, groups, progress)
    points, first, at = [], None, 0
    for plan in plans:
        found = plan.gather(logits[at : at + len(plan.groups)], len(rows), len(names))
        at += len(plan.groups)
        reached = ~np.isnan(found).any(axis=(1, 2))
        right = np.where(reached, found.mean(axis=1).argmax(axis=-1) == gold, np.nan)
        first = right if first is None else first
        if reached.sum() > 1:
            points.append(
                _point(plan, found[reached], right[reached], (right - first), seating.seed)
            )
    return Ensembling(
        num_instances=num,
        points=tuple(points),
        sentences=len(rows),
        seed=seating.seed,
        is_partial=any(one is None for one in logits),
        provenance=origin_of(checkpoint, groups, seating),
    )


def sentences_per_pass(num: int) -> list[int]:
    """Sentences in a pass for 1, 2, ... copies, each number once: N, N // 2, ..., 1."""
    return sorted({num // copies for copies in range(1, num + 1)}, reverse=True)


@dataclass(frozen=True)
class _Plan:
    """Groups for one number of copies. seats: per group, (sentence, its slots)."""

    copies: int
    per_pass: int
    groups: list[Group]
    seats: list[list[tuple[int, np.ndarray]]]

    def gather(self, logits: Sequence[np.ndarray | None], count: int, classes: int) -> np.ndarray:
        """Logits of every copy of every sentence, ``[S, copies, C]``; NaN where not reached."""
        found = np.full((count, self.copies, classes), np.nan)
        for seats, values in zip(self.seats, logits, strict=True):
            for sentence, slots in seats:
                if values is not None:
                    found[sentence] = values[slots]
        return found


def _plan(checkpoint: Checkpoint, rows: Sequence[EncodedRow], per: int, seating: Seating) -> _Plan:
    num = checkpoint.config.num_instances
    copies = num // per
    generator = np.random.default_rng([seating.seed, per])
    order = generator.permutation(len(rows))
    groups, seats = [], []
    for start in range(0, len(rows), per):
        chosen = order[start : start + per]
        others = np.setdiff1d(order, chosen)
        slots = generator.permutation(num)
        held = generator.choice(others, num, replace=len(others) < num)
        places = []
        for k, sentence in enumerate(chosen):
            own = slots[k * copies : (k + 1) * copies]
            held[own] = sentence
            places.append((int(sentence), own))
        groups.append(make_group(checkpoint.config, [rows[s] for s in held], seating))
        seats.append(places)
    return _Plan(copies, per, groups, seats)


def _point(
    plan: _Plan, logits: np.ndarray, right: np.ndarray, gained: np.ndarray, seed: int
) -> Copies:
    p = softmax(logits)
    disagreement = entropy(p.mean(axis=1)) - entropy(p).mean(axis=1)
    unsure = 1 - softmax(logits.mean(axis=1)).max(axis=-1)
    wrong = right == 0
    area = low = high = float("nan")
    if plan.copies > 1:
        area = auroc(disagreement, wrong)
        low, high = _area_interval(disagreement, wrong, seed)
    return Copies(
        copies=plan.copies,
        per_pass=plan.per_pass,
        accuracy=Proportion(int(right.sum()), len(right)),
        gain=bootstrap_mean(gained[~np.isnan(gained)], seed=seed),
        disagreement=float(np.maximum(disagreement, 0).mean()),
        auroc=area,
        auroc_low=low,
        auroc_high=high,
        auroc_unsure=auroc(unsure, wrong),
    )


def auroc(scores: np.ndarray, positive: np.ndarray) -> float:
    """P(a positive scores above a negative), ties one half (Mann and Whitney 1947).

    NaN without both kinds. Scores that differ by float rounding only count as ties.
    """
    yes, no = scores[positive].round(9), scores[~positive].round(9)
    if not len(yes) or not len(no):
        return float("nan")
    above = (yes[:, None] > no).mean()
    return float(above + (yes[:, None] == no).mean() / 2)


def _area_interval(scores: np.ndarray, positive: np.ndarray, seed: int) -> tuple[float, float]:
    """Bootstrap over sentences; resamples with one kind only are left out."""
    generator = np.random.default_rng(seed)
    picks = generator.integers(len(scores), size=(RESAMPLES, len(scores)))
    found = np.array([auroc(scores[pick], positive[pick]) for pick in picks])
    found = found[~np.isnan(found)]
    if len(found) < RESAMPLES / 2:
        return float("nan"), float("nan")
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)
