"""The debugger's further checks: who is heard, padding, a cut end, layers, the N = 1 model.

Each change stands beside a control of the same size. Read first: ``ladder``, whose question
(``Asked``) they share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from torch import nn

from muxviz.analysis.debugger.ladder import SMALLEST, Asked
from muxviz.analysis.debugger.passes import silence, without_layer
from muxviz.analysis.groups.bootstrap import bootstrap_mean
from muxviz.analysis.groups.draws import (
    Progress,
    draw_rows,
    each_logits,
    logits_of,
    reseated,
    softmax,
    with_row,
)
from muxviz.analysis.groups.outcomes import alone_answers, classes_of, is_per_token, units
from muxviz.batch import EncodedRow, Group, Row, Seating, encode_rows, make_group
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.diagnosis import SURE, Alone, Heard
from muxviz.results.estimates import Estimates
from muxviz.results.ladder import Interval, Rung, rung_of
from muxviz.results.reading import Proportion

FEWEST = 8  # short sentences that the pool must have for the check of padding
WINDOWS = 16  # pairs with and without a cut end
REFERENCES = 64  # sentences that say what a layer is worth


def hear(
    asked: Asked, pool: Sequence[str], draws: int, seed: int, progress: Progress | None = None
) -> Heard | None:
    """Exchange and silence every slot's sentence; N (draws + 1) passes. None for one tag per token,
    which another sentence has no place for.
    """
    if is_per_token(asked.checkpoint):
        return None
    checkpoint, group, slot = asked.checkpoint, asked.group, asked.slot
    num = len(group.rows)
    (present,) = logits_of(checkpoint, [group])
    now = softmax(present[slot])
    rows = draw_rows(checkpoint, pool, draws, Seating(group.padding, seed=seed + 1))
    groups = [with_row(checkpoint, group, j, row) for j in range(num) for row in rows]
    p = np.zeros((num * draws, num, len(now)))
    for number, logits in each_logits(checkpoint, groups, progress):
        p[number] = softmax(logits)
    change = (p[:, slot] - now).reshape(num, draws, -1).transpose(1, 0, 2)
    silenced = silence(checkpoint, group, slot)
    before = asked.margin, now[asked.target]
    muted = [
        (asked.margin_of(v) - before[0], asked.probability_of(v) - before[1])
        for v in silenced.logits
    ]
    return Heard(
        slot,
        bootstrap_mean(np.abs(change).sum(axis=-1) / 2, seed=seed),
        bootstrap_mean(change[..., asked.target], seed=seed),
        np.asarray(muted),
        silenced.moved,
        np.abs(p - p[:, slot, None]).max(axis=(0, 2)),
    )


def leaders(asked: Asked, heard: Heard, by_margin: Estimates) -> tuple[int | None, ...]:
    """The neighbour whose exchange or silence gives the target most, per measure.

    by_margin ``[N]``: change of the margin by exchange; NaN at the slot itself.
    """

    def most(mean: np.ndarray, low: np.ndarray) -> int | None:
        mean = np.where(np.arange(len(mean)) == asked.slot, -np.inf, mean)
        best = int(mean.argmax())
        return best if low[best] > 0 else None

    muted = heard.muted.T
    return (
        most(by_margin.mean, by_margin.low),
        most(heard.raised.mean, heard.raised.low),
        most(muted[0], muted[0] - SMALLEST),
        most(muted[1], muted[1]),
    )


def padding(asked: Asked, pool: Sequence[str], draws: int, seed: int) -> Rung | None:
    """Neighbours no longer than the sentence, against the very same ones padded as at present.

    None where nothing is padded by the neighbours, or the pool has too few short sentences.
    """
    checkpoint, group, slot = asked.checkpoint, asked.group, asked.slot
    own = group.rows[slot]
    if group.padding != "group" or len(own.ids) >= max(len(row.ids) for row in group.rows):
        return None
    every = encode_rows(checkpoint, [Row(text) for text in pool], padding=group.padding)
    short = [row for row in every if len(row.ids) <= len(own.ids)]
    if len(short) < FEWEST:
        return None
    generator, others = np.random.default_rng(seed), len(group.rows) - 1
    near = []
    for _ in range(draws):
        chosen = [short[n] for n in generator.integers(len(short), size=others)]
        near.append(reseated(checkpoint, group, [*chosen[:slot], own, *chosen[slot:]]))
    far = [_padded(checkpoint, one, group.length) for one in near]
    return _pairs(asked, "padding", "padded", near, far, seed)


def _padded(checkpoint: Checkpoint, group: Group, length: int) -> Group:
    """The group with its rows padded further, to ``length`` tokens."""
    more = ((0, 0), (0, length - group.length))
    pad = checkpoint.config.shape.pad_token_id
    return replace(
        group,
        ids=np.pad(group.ids, more, constant_values=pad),
        mask=np.pad(group.mask, more),
        types=np.pad(group.types, more),
    )


def cut(asked: Asked, seed: int) -> Rung | None:
    """The cut end put back in the place of earlier words, against those words taken out alone."""
    checkpoint, group, slot = asked.checkpoint, asked.group, asked.slot
    row = group.rows[slot]
    if not row.cut_tokens or row.row.words or row.row.pair is not None:
        return None
    lost = row.cut_text.split()
    kept = row.row.text.split()[: -len(lost)]
    size = min(len(lost) + 1, len(kept) - 1)
    if size < 1:
        return None
    generator = np.random.default_rng(seed)
    starts = generator.permutation(len(kept) - size + 1)[:WINDOWS]
    without = [[*kept[:at], *kept[at + size :]] for at in starts]
    texts = [" ".join([*words, *lost]) for words in without] + [" ".join(w) for w in without]
    encoded = encode_rows(checkpoint, [Row(text) for text in texts], padding=group.padding)
    groups = [with_row(checkpoint, group, slot, one) for one in encoded]
    half = len(starts)
    return _pairs(asked, "cut", "end missing", groups[:half], groups[half:], seed)


def _pairs(
    asked: Asked, kind: str, control: str, changed: list[Group], held: list[Group], seed: int
) -> Rung:
    """A change against its control, group by group."""
    logits = logits_of(asked.checkpoint, [*changed, *held])
    margin = np.asarray([asked.margin_of(values[asked.slot]) for values in logits])
    return _rung(asked, kind, control, margin[: len(changed)], margin[len(changed) :], seed)


def _rung(
    asked: Asked,
    kind: str,
    control: str,
    changed: np.ndarray,
    held: np.ndarray,
    seed: int,
    layer: int | None = None,
) -> Rung:
    """A rung from the target's margins with the change and with its control, in pairs."""
    sign = -1 if asked.is_right else 1
    turned, stayed = sign * changed > SMALLEST, sign * held > SMALLEST
    return rung_of(
        kind,
        layer=layer,
        change=_interval(bootstrap_mean(changed - asked.margin, seed=seed)),
        turned=Proportion(int(turned.sum()), len(turned)),
        effect=_interval(bootstrap_mean(changed - held, seed=seed)),
        held=Proportion(int(stayed.sum()), len(stayed)),
        both=int((turned & stayed).sum()),
        control=control,
        is_right=asked.is_right,
        floor=SMALLEST,
    )


def _interval(found: Estimates) -> Interval:
    return float(found.mean), float(found.low), float(found.high)


def layers(
    asked: Asked,
    baseline: Checkpoint | None,
    pool: Sequence[str],
    draws: int,
    seed: int,
    progress: Progress | None = None,
) -> tuple[list[Rung], list[Interval]]:
    """Each layer passed over, in groups with other neighbours; (K + 1) (draws + 64) passes.

    What a layer is worth is how often the slot agrees with the N = 1 model with it and without it,
    on sentences of the pool: a layer that does no harm in general mends by chance, and its rung
    claims nothing. Nothing without a baseline, or for an answer per token. Gives a rung and a gain
    per layer.
    """
    checkpoint, slot = asked.checkpoint, asked.slot
    if baseline is None or asked.alone_margin is None or is_per_token(checkpoint):
        return [], []
    own = asked.group.rows[slot]
    others = len(asked.group.rows) - 1
    drawn = draw_rows(
        checkpoint,
        pool,
        (draws + REFERENCES) * others + REFERENCES,
        Seating(asked.group.padding, seed=seed + 2),
    )
    known, drawn = drawn[:REFERENCES], drawn[REFERENCES:]
    truth = alone_answers(checkpoint, baseline, [row.row for row in known])
    assert truth is not None, "there is a margin alone"
    groups = []
    for number, row in enumerate([own] * draws + known):
        near = drawn[number * others : (number + 1) * others]
        groups.append(reseated(checkpoint, asked.group, [*near[:slot], row, *near[slot:]]))
    logits = without_layer(checkpoint, groups, progress)[:, :, slot]
    margin = np.asarray([[asked.margin_of(v) for v in one[:draws]] for one in logits])
    right = logits[:, draws:].argmax(axis=-1) == np.concatenate(truth)
    rungs, gains = [], []
    for layer in range(len(logits) - 1):
        without, change = layer + 1, right[layer + 1].astype(float) - right[0]
        gains.append(_interval(bootstrap_mean(change, seed=seed)))
        rung = _rung(asked, "layer", "all layers", margin[without], margin[0], seed, layer)
        rungs.append(replace(rung, claims=rung.claims and gains[-1][1] > 0))
    return rungs, gains


def untrained(checkpoint: Checkpoint) -> tuple[int, ...]:
    """Layers as they are before training: all biases 0, all gains 1, weights drawn. Such a layer is
    what a loader makes of one that a file lacks.
    """
    found = []
    for number, layer in enumerate(checkpoint.model.encoder.layers):
        parts = [p for p in layer.modules() if isinstance(p, nn.Linear | nn.LayerNorm)]
        if parts and all(_is_new(p) for p in parts):
            found.append(number)
    return tuple(found)


def _is_new(part: nn.Linear | nn.LayerNorm) -> bool:
    drawn = part.weight == 1 if isinstance(part, nn.LayerNorm) else part.weight != 0
    return bool(drawn.all()) and not part.bias.any()


def alone(
    asked: Asked, baseline: Checkpoint | None, labelled: Sequence[tuple[str, str]]
) -> Alone | None:
    """The N = 1 model's answer, and how sure it is of sentences that are labelled so."""
    if baseline is None or asked.alone_margin is None or is_per_token(asked.checkpoint):
        return None
    names = classes_of(baseline)
    p = _alone_probabilities(baseline, [asked.group.rows[asked.slot].row])[0]
    best = int(p.argmax())
    known = [text for text, label in labelled if label == names[best]]
    sure = SURE
    if known:
        sure = float(_alone_probabilities(baseline, [Row(t) for t in known])[:, best].mean())
    return Alone(names[best], float(p[best]), sure, bool(known))


def _alone_probabilities(baseline: Checkpoint, rows: Sequence[Row]) -> np.ndarray:
    """``[rows, C]``."""
    encoded: list[EncodedRow] = encode_rows(baseline, rows)
    groups = [make_group(baseline.config, [row]) for row in encoded]
    found = [
        softmax(units(baseline, row, logits[0]))[0]
        for row, logits in zip(encoded, logits_of(baseline, groups), strict=True)
    ]
    return np.stack(found)
