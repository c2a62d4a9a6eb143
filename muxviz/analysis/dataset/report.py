"""What a worklist says: right answers by slot, tag, slice and grouping; labels; calibration.

Slices are the leaves of a shallow decision tree over the tags, the slot, the length and the label,
grown on one half of the rows and counted on the other: what the tree made up does not survive that.
No pass is run here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import stats

from muxviz.analysis.groups.shares import discoveries, effective_trials, mcnemar, shares
from muxviz.certainty import expected_error, fit_temperature, reliability
from muxviz.errors import NotApplicable
from muxviz.results import Proportion
from muxviz.results.dataset import Calibration, LabelCounts, RightShares
from muxviz.results.estimates import Estimates
from muxviz.results.fidelity import Shares
from muxviz.results.worklist import Worklist

DEPTH = 3
LEAST = 20  # passes of a slice, on either half


def right_by_slot(found: Worklist) -> RightShares:
    """Right answers in every slot, all groupings together."""
    num = found.provenance.num_instances
    seats = found.slots[..., None] == np.arange(num)  # [G, R, N]
    return _parts("slot", found, [f"slot {i + 1}" for i in range(num)], seats)


def right_by_tag(found: Worklist) -> RightShares:
    """Right answers of the rows that bear each tag; tags that no row bears are left out."""
    there = [t for t in range(len(found.tag_names)) if found.tags[..., t].any()]
    if not there:
        raise NotApplicable("not applicable: no row bears a tag")
    names = [found.tag_names[t] for t in there]
    return _parts("tag", found, names, found.tags[..., there])


def right_by_slice(found: Worklist) -> RightShares:
    """Right answers in slices that a tree found on the other half of the rows.

    Raises:
        NotApplicable: too few rows, nothing wrong in the half to learn from, or no slice is left.
    """
    learn, judge = _halves(found)
    wrong = found.is_wrong[:, learn]
    if min(len(learn), len(judge)) < 2 * LEAST or not wrong.any() or wrong.all():
        raise NotApplicable(
            f"not applicable: slices are looked for on half of the rows, which needs {4 * LEAST} "
            "rows at least, some of them wrong"
        )
    features, names = _features(found)
    rules = _leaves(features[:, learn].reshape(-1, len(names)), wrong.ravel(), names)
    inside = np.stack([_holds(features, rule) for _, rule in rules], axis=-1)[:, judge]
    kept = [k for k in range(len(rules)) if inside[..., k].sum() >= LEAST]
    if len(kept) < 2:
        raise NotApplicable("not applicable: the tree found no two slices with enough rows")
    named = [rules[k][0] for k in kept]
    result = _parts("slice", found, named, inside[..., kept], rows=judge)
    return _ordered(result)


def compare_groupings(found: Worklist) -> RightShares:
    """Right answers of every grouping on the same rows, and what each gains over the first.

    Intervals of differences: Newcombe's for pairs (``Proportion.less``).
    """
    ways = len(found.groupings)
    hits = ~found.is_wrong.T  # [R, G]
    counted = shares(hits + 0, np.ones_like(hits, dtype=int), clustered=False)
    first = Proportion(int(hits[:, 0].sum()), len(hits))
    gains = np.zeros((3, ways))
    for way in range(1, ways):
        both = int((hits[:, way] & hits[:, 0]).sum())
        gains[:, way] = Proportion(int(hits[:, way].sum()), len(hits)).less(first, both=both)
    p = np.full(ways, np.nan)
    for way in range(1, ways):
        won, lost = (hits[:, way] & ~hits[:, 0]).sum(), (~hits[:, way] & hits[:, 0]).sum()
        p[way] = mcnemar(int(won), int(lost))
    total = shares(hits.sum(axis=1, dtype=float), np.full(len(hits), float(ways)))
    return RightShares(
        "grouping",
        found.groupings,
        counted,
        total,
        discoveries(p, np.arange(ways) > 0),
        _alone(found),
        Estimates(gains[0], gains[1], gains[2], len(hits), 0),
        False,
        found.provenance,
    )


def label_counts(found: Worklist, *, slot: int | None = None) -> LabelCounts:
    """Answers against labels, all groupings together, of all slots or one."""
    size = len(found.labels)
    chosen = np.ones_like(found.is_wrong) if slot is None else found.slots == slot
    gold = np.broadcast_to(found.gold, found.answers.shape)
    pairs = gold[chosen] * size + found.answers[chosen]
    counts = np.bincount(pairs, minlength=size * size).reshape(size, size)
    return LabelCounts(found.labels, counts, slot, found.provenance)


# ---- parts --------------------------------------------------------------------------------------


def _parts(
    part: str,
    found: Worklist,
    names: Sequence[str],
    inside: np.ndarray,
    *,
    rows: np.ndarray | None = None,
) -> RightShares:
    """Shares of right answers among the passes ``inside [G, R, K]`` of each part."""
    at = np.arange(len(found)) if rows is None else rows
    right = ~found.is_wrong[:, at]
    hits, trials = (inside & right[..., None]).sum(axis=0), inside.sum(axis=0)  # [R, K]
    all_hits, all_trials = right.sum(axis=0, dtype=float), np.full(len(at), float(len(right)))
    rest_hits, rest_trials = all_hits[:, None] - hits, all_trials[:, None] - trials
    p = _apart(hits, trials, rest_hits, rest_trials)
    return RightShares(
        part,
        tuple(names),
        shares(hits, trials),
        shares(all_hits, all_trials),
        discoveries(p, np.ones(len(names), dtype=bool)),
        _alone(found, at),
        None,
        rows is not None,
        found.provenance,
    )


def _apart(
    hits: np.ndarray, trials: np.ndarray, rest_hits: np.ndarray, rest_trials: np.ndarray
) -> np.ndarray:
    """p of each part against the rest, ``[R, K] -> [K]``: two shares, of effective trials."""
    n, m = effective_trials(hits, trials), effective_trials(rest_hits, rest_trials)
    a, b = hits.sum(axis=0), rest_hits.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        p, q = a / trials.sum(axis=0), b / rest_trials.sum(axis=0)
        pooled = (p * n + q * m) / (n + m)
        z = (p - q) / np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return np.asarray(2 * stats.norm.sf(np.abs(z)))


def _alone(found: Worklist, rows: np.ndarray | None = None) -> Shares | None:
    if not found.baseline or found.baseline == found.provenance.checkpoint:
        return None
    right = found.alone_margins[slice(None) if rows is None else rows] >= 0
    return shares(right.astype(float), np.ones(len(right)), clustered=False)


def _ordered(result: RightShares) -> RightShares:
    """The worst part first."""
    order = np.argsort(result.shares.value, kind="stable")
    given = result.shares
    picked = Shares(
        given.hits[order],
        given.trials[order],
        given.low[order],
        given.high[order],
        given.clusters,
    )
    return replace(
        result,
        names=tuple(result.names[k] for k in order),
        shares=picked,
        is_told=result.is_told[order],
    )


def _halves(found: Worklist) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(found.filler_seed).permutation(len(found))
    return np.sort(order[::2]), np.sort(order[1::2])


# ---- slices -------------------------------------------------------------------------------------

Rule = tuple[tuple[int, bool, float], ...]  # (feature, whether above, threshold)


def _features(found: Worklist) -> tuple[np.ndarray, list[str]]:
    """``[G, R, F]`` and what each is called: tags, slots, labels, and the length in tokens."""
    slots = found.slots[..., None] == np.arange(found.provenance.num_instances)
    gold = np.broadcast_to(
        (found.gold[:, None] == np.arange(len(found.labels))),
        (*found.slots.shape, len(found.labels)),
    )
    tokens = np.broadcast_to(found.tokens[:, None], (*found.slots.shape, 1))
    names = [
        *found.tag_names,
        *(f"slot {i + 1}" for i in range(slots.shape[-1])),
        *(f"labelled {name}" for name in found.labels),
        "tokens",
    ]
    parts = [found.tags, slots, gold, tokens]
    return np.concatenate([part.astype(np.float32) for part in parts], axis=-1), names


def _leaves(x: np.ndarray, wrong: np.ndarray, names: Sequence[str]) -> list[tuple[str, Rule]]:
    """The leaves of a tree that tells wrong answers from right ones, as words and as conditions."""
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=LEAST, random_state=0)
    grown = tree.fit(x, wrong).tree_
    found: list[tuple[str, Rule]] = []

    def descend(node: int, rule: Rule) -> None:
        left, right = int(grown.children_left[node]), int(grown.children_right[node])
        if left < 0:
            found.append((_in_words(rule, names), rule))
            return
        feature, threshold = int(grown.feature[node]), float(grown.threshold[node])
        descend(left, (*rule, (feature, False, threshold)))
        descend(right, (*rule, (feature, True, threshold)))

    descend(0, ())
    return found


def _holds(features: np.ndarray, rule: Rule) -> np.ndarray:
    inside = np.ones(features.shape[:-1], dtype=bool)
    for feature, is_above, threshold in rule:
        inside &= (features[..., feature] > threshold) == is_above
    return inside


def _in_words(rule: Rule, names: Sequence[str]) -> str:
    """``"negation, not slot 2, over 24 tokens"``."""
    words = []
    for feature, is_above, threshold in rule:
        if names[feature] == "tokens":
            words.append(f"{'over' if is_above else 'at most'} {int(threshold)} tokens")
        else:
            words.append(f"{'' if is_above else 'not '}{names[feature]}")
    return ", ".join(words) or "all rows"


# ---- calibration --------------------------------------------------------------------------------


def calibration(found: Worklist) -> Calibration:
    """Reliability, expected calibration error and temperature, of all slots, each, and alone."""
    fit, judge = _halves(found)
    gold = np.broadcast_to(found.gold, found.slots.shape)
    in_fit = np.zeros(len(found), dtype=bool)
    in_fit[fit] = True
    fits = np.broadcast_to(in_fit, found.slots.shape)
    parts = [("all slots", np.ones_like(found.is_wrong))]
    num = found.provenance.num_instances
    parts += [(f"slot {i + 1}", found.slots == i) for i in range(num)] if num > 1 else []
    measured = [(name, _measure(found.scores[m], gold[m], fits[m])) for name, m in parts]
    if _alone(found) is not None:
        measured.append(("alone", _measure(found.alone, found.gold, in_fit)))
    names, values = zip(*measured, strict=True)
    confidence, hits, trials, ece, warm, before, after = map(np.stack, zip(*values, strict=True))
    return Calibration(
        parts=names,
        confidence=confidence,
        right=shares(hits[None], trials[None], clustered=False),
        ece=ece,
        temperature=warm,
        ece_before=before,
        ece_after=after,
        provenance=found.provenance,
    )


def _measure(
    scores: np.ndarray, gold: np.ndarray, in_fit: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float, float, float]:
    """Confidence, right and all answers by bin; ECE; temperature; ECE without and with it."""
    confidence, hits, trials = reliability(scores, gold)
    warm = fit_temperature(scores[in_fit], gold[in_fit])
    held, truth = scores[~in_fit], gold[~in_fit]
    before, after = expected_error(held, truth), expected_error(held / warm, truth)
    return confidence, hits, trials, expected_error(scores, gold), warm, before, after
