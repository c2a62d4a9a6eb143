"""Slot-order sensitivity: the same sentences in other seats.

All N! orders up to N = 5; above, the cyclic Latin square of the present order (every sentence
visits every slot once) and about 200 orders in squares of random ones. Source: our definition
(docs/quantities.md, "Slot order"); MI_s is the mutual information of answer and order (Houlsby et
al. 2011).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations

import numpy as np

from muxviz.analysis.groups.bootstrap import resamples
from muxviz.analysis.groups.draws import (
    Progress,
    base_group,
    logits_until_stopped,
    margins,
    origin_of,
    reseated,
    softmax,
)
from muxviz.analysis.groups.outcomes import alone_answers, answers, in_words, need_classes, units
from muxviz.batch import Group, Row, Seating
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.estimates import Estimates
from muxviz.results.whatif_orders import SlotOrders

ALL_UP_TO = 5  # slots of which every order is tried
RANDOM = 200  # orders beyond the present one's square
RESAMPLES = 200


def slot_orders(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    *,
    baseline: Checkpoint | None = None,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> SlotOrders:
    """The group's sentences in many orders; one pass each. A group has the same length in all.

    Args:
        baseline: N = 1 checkpoint whose answers are the targets; without it those of the present
            order are.

    Raises:
        NotApplicable: one slot only, or no classes.
    """
    need_classes(checkpoint)
    group = base_group(checkpoint, rows, seating)
    orders = orders_of(len(group.rows), seating.seed)
    groups = [reseated(checkpoint, group, [group.rows[s] for s in order]) for order in orders]
    read = logits_until_stopped(checkpoint, groups, progress)
    done = [number for number, values in enumerate(read) if values is not None]
    orders, logits = orders[done], [values for values in read if values is not None]
    is_exact = len(group.rows) <= ALL_UP_TO and len(done) == len(groups)
    seated = _by_sentence(checkpoint, group, orders, logits)
    alone = alone_answers(checkpoint, baseline, [r.row for r in group.rows])
    targets = alone or answers(checkpoint, group, logits[0])
    p = [softmax(values) for values in seated]
    sure = _mean_units([_at(one, t) for one, t in zip(p, targets, strict=True)])
    parts = [_variance(sure[:, s], _seats(orders, s)) for s in range(len(targets))]
    squares = np.arange(len(orders)) if is_exact else np.arange(len(orders)) // len(targets)
    return SlotOrders(
        texts=tuple(r.row.text for r in group.rows),
        answers=tuple(in_words(checkpoint, t) for t in targets),
        from_baseline=alone is not None,
        sentences=sum(source is None for source in group.repeats),
        orders=orders,
        margin=_mean_units([margins(v, t) for v, t in zip(seated, targets, strict=True)]),
        sure=sure,
        kept=_mean_units([v.argmax(-1) == t for v, t in zip(seated, targets, strict=True)]),
        information=_estimates([information(one) for one in p], p, information, squares, is_exact),
        flips=_estimates([flips(one) for one in p], p, flips, squares, is_exact),
        seat=np.array([seat for seat, _ in parts]),
        company=np.array([company for _, company in parts]),
        shift=_shift(seated),
        is_exact=is_exact,
        is_partial=len(done) < len(groups),
        provenance=origin_of(checkpoint, [group], seating),
    )


def orders_of(num: int, seed: int = 0) -> np.ndarray:
    """The orders to try, ``[P, N]``: which sentence each slot holds; the present one is first."""
    if num <= ALL_UP_TO:
        return np.array(list(permutations(range(num))))
    generator = np.random.default_rng(seed)
    firsts = [np.arange(num)]
    firsts += [generator.permutation(num) for _ in range(-(-RANDOM // num))]
    return np.array([np.roll(first, shift) for first in firsts for shift in range(num)])


# ---- quantities ---------------------------------------------------------------------------------


def information(p: np.ndarray, weights: np.ndarray | None = None) -> float:
    """H(mean p) - mean H(p) over the first axis of ``[P, U, C]``, nats, mean over units."""
    if not p.shape[1]:
        return float("nan")
    mean = np.average(p, axis=0, weights=weights)
    return float((entropy(mean) - np.average(entropy(p), axis=0, weights=weights)).mean())


def flips(p: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Share of ``[P, U, C]`` without the commonest answer, mean over units."""
    if not p.shape[1]:
        return float("nan")
    said = np.eye(p.shape[-1])[p.argmax(axis=-1)]
    return float(1 - np.average(said, axis=0, weights=weights).max(axis=-1).mean())


def entropy(p: np.ndarray) -> np.ndarray:
    """Over the last axis, nats."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found: np.ndarray = -np.where(p > 0, p * np.log(p), 0.0).sum(axis=-1)
    return found


def _variance(values: np.ndarray, seats: np.ndarray) -> tuple[float, float]:
    """Variance of values ``[P]`` between and within the seats ``[P]`` they were seen in."""
    if np.isnan(values).any():
        return float("nan"), float("nan")
    mean, between, within = values.mean(), 0.0, 0.0
    for seat in np.unique(seats):
        there = values[seats == seat]
        share = len(there) / len(values)
        between += share * float((there.mean() - mean) ** 2)
        within += share * float(there.var())
    return between, within


def _seats(orders: np.ndarray, sentence: int) -> np.ndarray:
    """The slot of one sentence in every order, ``[P]``."""
    found: np.ndarray = (orders == sentence).argmax(axis=1)
    return found


def _shift(seated: Sequence[np.ndarray]) -> float:
    """E over orders of |f(order) - f(present)| / |f(present)|, over all sentences' logits."""
    if len(seated[0]) < 2:
        return float("nan")
    together = np.concatenate([v.reshape(len(v), -1) for v in seated], axis=1)
    distance = np.linalg.norm(together[1:] - together[0], axis=1)
    return float((distance / np.linalg.norm(together[0])).mean())


def _estimates(
    means: list[float],
    p: Sequence[np.ndarray],
    quantity: Callable[[np.ndarray, np.ndarray], float],
    squares: np.ndarray,
    is_exact: bool,
) -> Estimates:
    """With all orders there is nothing to estimate; else an interval over whole squares."""
    mean, count = np.array(means), len(p[0])
    nothing = np.full(len(mean), np.nan)
    kinds = np.unique(squares)
    if is_exact or len(kinds) < 2:
        return Estimates(mean, nothing, nothing, count, 0)
    drawn = resamples(len(kinds), 0, RESAMPLES)
    places = np.searchsorted(kinds, squares)
    found = [[quantity(one, weights[places]) for one in p] for weights in drawn]
    low, high = np.quantile(np.array(found), (0.025, 0.975), axis=0)
    return Estimates(mean, low, high, count, 0)


# ---- reading ------------------------------------------------------------------------------------


def _by_sentence(
    checkpoint: Checkpoint, group: Group, orders: np.ndarray, logits: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Logits of every sentence wherever it sat, ``[P, U, C]`` each."""
    out = []
    for sentence, row in enumerate(group.rows):
        seats = _seats(orders, sentence)
        own = [units(checkpoint, row, v[seat]) for v, seat in zip(logits, seats, strict=True)]
        out.append(np.stack(own))
    return out


def _at(p: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Probability of the target, ``[P, U, C] -> [P, U]``."""
    wanted = np.broadcast_to(target, p.shape[:-1])[..., None]
    found: np.ndarray = np.take_along_axis(p, wanted, axis=-1)[..., 0]
    return found


def _mean_units(parts: Sequence[np.ndarray]) -> np.ndarray:
    """``[P, U]`` per sentence -> ``[P, N]``; NaN for a sentence without a unit."""
    return np.stack(
        [v.mean(axis=1) if v.shape[1] else np.full(len(v), np.nan) for v in parts], axis=1
    )
