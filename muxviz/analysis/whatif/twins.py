"""Twins and duplicates: what happens when sentences are nearly, or wholly, the same.

*Twins* are two sentences with different answers, put into two slots: are the answers kept apart,
swapped, or merged? *Duplicates* are one sentence in all slots, so that every difference between
the answers is a slot's own. Source: our definitions (docs/quantities.md,
"Twins, duplicates, copies").
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from muxviz.analysis.groups.bootstrap import bootstrap_mean
from muxviz.analysis.groups.draws import (
    Progress,
    batches,
    draw_rows,
    each_logits,
    logits_of,
    margins,
    origin_of,
    until_stopped,
)
from muxviz.analysis.groups.outcomes import (
    alone_answers,
    classes_of,
    in_words,
    is_per_token,
    need_classes,
    outcome,
    units,
)
from muxviz.batch import EncodedRow, Group, Row, Seating, encode_rows, make_group
from muxviz.errors import GroupError, NotApplicable, Stopped
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.whatif_orders import OUTCOMES, Duplicates, Twins

ALL_SLOTS = "the same model with the sentence in all slots"


# ---- twins --------------------------------------------------------------------------------------


def twins(
    checkpoint: Checkpoint,
    first: str,
    second: str,
    *,
    baseline: Checkpoint | None = None,
    draws: int = 16,
    pool: Sequence[str],
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> Twins:
    """Two sentences in every ordered pair of slots, ``draws`` times among neighbours of a pool.

    Costs ``draws N (N - 1)`` passes (2 at N = 2, where there are no neighbours). What each answers
    by itself is asked of the baseline, or of the model with the sentence in all its slots.

    Raises:
        NotApplicable: one slot only, no classes, one answer per token, or both sentences have one
            answer by themselves, so that a swap could not be seen. GroupError: no pool.
    """
    need_classes(checkpoint)
    if is_per_token(checkpoint):
        raise NotApplicable(
            "not applicable: answers per token follow their own tokens; twins need one answer a "
            "text"
        )
    rows = encode_rows(checkpoint, [Row(first), Row(second)], padding=seating.padding)
    alone, reference = _alone(checkpoint, baseline, rows, seating)
    if alone[0] == alone[1]:
        name = classes_of(checkpoint)[alone[0]]
        raise NotApplicable(
            f"not applicable: both sentences are {name!r} by themselves ({reference}), so a swap "
            "could not be seen; choose two with different answers"
        )
    if not pool:
        raise GroupError("got no sentences to draw neighbours from; give a pool")
    num = checkpoint.config.num_instances
    draws = draws if num > 2 else 1  # without neighbours all draws are the same
    pairs = [(i, j) for i in range(num) for j in range(num) if i != j]
    company = draw_rows(checkpoint, pool, draws * max(num - 2, 1), seating)
    groups = [
        _seat(checkpoint, rows, pair, company[d * (num - 2) : (d + 1) * (num - 2)], seating)
        for d in range(draws)
        for pair in pairs
    ]
    counts = np.zeros((num, num, len(OUTCOMES)), dtype=np.int64)
    wrong, done = np.zeros(2), 0
    for number, logits in until_stopped(each_logits(checkpoint, groups, progress)):
        i, j = pairs[number % len(pairs)]
        said = int(logits[i].argmax()), int(logits[j].argmax())
        wrong += [said[0] == alone[1], said[1] == alone[0]]
        done += 1
        kind = _outcome(said, alone)
        if kind is not None:
            counts[i, j, kind] += 1
    return Twins(
        texts=(first, second),
        answers=(in_words(checkpoint, alone[:1]), in_words(checkpoint, alone[1:])),
        reference=reference,
        counts=counts,
        passes=done,
        by_chance=float(np.prod(wrong / done)),
        pool_size=len(pool),
        seed=seating.seed,
        is_partial=done < len(groups),
        provenance=origin_of(checkpoint, groups, seating),
    )


def _outcome(said: tuple[int, int], alone: np.ndarray) -> int | None:
    """Which of ``OUTCOMES`` two answers are; None where a third class is among them."""
    a, b = int(alone[0]), int(alone[1])
    kinds = {(a, b): 0, (b, a): 1, (a, a): 2, (b, b): 3}
    return kinds.get(said)


def _alone(
    checkpoint: Checkpoint,
    baseline: Checkpoint | None,
    rows: Sequence[EncodedRow],
    seating: Seating,
) -> tuple[np.ndarray, str]:
    """The class of each row by itself, and who said so."""
    found = alone_answers(checkpoint, baseline, [r.row for r in rows])
    if found is not None and baseline is not None:
        return np.concatenate(found), baseline.name
    groups = [_copies(checkpoint, row, seating) for row in rows]
    means = [logits.mean(axis=0) for logits in logits_of(checkpoint, groups)]
    return np.array([mean.argmax() for mean in means]), ALL_SLOTS


def _seat(
    checkpoint: Checkpoint,
    twin_rows: Sequence[EncodedRow],
    pair: tuple[int, int],
    company: Sequence[EncodedRow],
    seating: Seating,
) -> Group:
    rest = iter(company)
    seats = dict(zip(pair, twin_rows, strict=True))
    num = checkpoint.config.num_instances
    rows = [seats[slot] if slot in seats else next(rest) for slot in range(num)]
    return make_group(checkpoint.config, rows, seating)


def _copies(checkpoint: Checkpoint, row: EncodedRow, seating: Seating) -> Group:
    return make_group(checkpoint.config, [row] * checkpoint.config.num_instances, seating)


# ---- duplicates ---------------------------------------------------------------------------------


def duplicates(
    checkpoint: Checkpoint,
    text: str,
    *,
    pool: Sequence[str] = (),
    draws: int = 64,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> Duplicates:
    """One sentence in all slots, and as many sentences of a pool, each by itself in all slots.

    Costs ``1 + draws`` passes. The bias of a slot is a mean over sentences of any answer: it says
    that a slot is surer or less sure than the others, not of which answer.

    Raises:
        NotApplicable: one slot only, or no classes.
    """
    need_classes(checkpoint)
    (own,) = encode_rows(checkpoint, [Row(text)], padding=seating.padding)
    drawn = draw_rows(checkpoint, pool, draws, seating) if pool else []
    rows = [own, *drawn]
    groups = [_copies(checkpoint, row, seating) for row in rows]
    margin = np.full((len(rows), checkpoint.config.num_instances), np.nan)
    sure, answer = np.full(margin.shape[1], np.nan), ""
    try:
        for number, logits in each_logits(checkpoint, groups, progress):
            row = rows[number]
            per_slot = np.stack([units(checkpoint, row, values) for values in logits])
            target = per_slot.mean(axis=0).argmax(axis=-1)
            if per_slot.shape[1]:
                margin[number] = margins(per_slot, target).mean(axis=1)
            if number == 0:
                found = [outcome(checkpoint, row, values, target) for values in logits]
                sure = np.array([o.probability for o in found])
                answer = in_words(checkpoint, target)
    except Stopped:
        if np.isnan(margin[0]).any():
            raise
    counted = margin[1:][~np.isnan(margin[1:]).any(axis=1)]
    return Duplicates(
        text=text,
        answer=answer,
        sure=sure,
        margin=margin[0],
        spread=float(np.ptp(sure)),
        distance=_distances(checkpoint, groups[0]),
        bias=bootstrap_mean(counted - counted.mean(axis=1, keepdims=True), seed=seating.seed),
        pool_size=len(pool),
        is_partial=len(counted) < len(drawn),
        provenance=origin_of(checkpoint, groups[:1], seating),
    )


@torch.inference_mode()
def _distances(checkpoint: Checkpoint, group: Group) -> np.ndarray:
    """|y_i - mean y| / |mean y| of the read-out states, ``[N]``."""
    (batch,) = batches(checkpoint, [group])
    states = checkpoint.model(
        batch.ids, batch.mask, batch.types, hide_padding=batch.hide_padding
    ).readout[0]
    own = states.reshape(len(states), -1).to("cpu", torch.float64).numpy()
    middle = own.mean(axis=0)
    found: np.ndarray = np.linalg.norm(own - middle, axis=1) / np.linalg.norm(middle)
    return found
