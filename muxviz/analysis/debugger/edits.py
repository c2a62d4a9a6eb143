"""The smallest edit of a neighbour that turns a slot's answer: words taken out, greedily."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from muxviz.analysis.debugger.ladder import SMALLEST, Asked, ask
from muxviz.analysis.groups.draws import (
    Progress,
    base_group,
    each_logits,
    origin_of,
    with_row,
)
from muxviz.analysis.groups.outcomes import need_classes
from muxviz.batch import Row, Seating, encode_rows
from muxviz.errors import InputError, NotApplicable
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.edits import NeighbourEdit
from muxviz.results.reading import Proportion

MOST = 3  # words taken out


def edit_neighbour(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    slot: int,
    *,
    neighbour: int,
    gold: str | None = None,
    baseline: Checkpoint | None = None,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> NeighbourEdit:
    """Take up to three words out of one neighbour, each time the one that does most.

    Towards the target where the answer is another one, away from it where it is the target.
    Control: every single word of the other neighbours. Costs a pass per word, up to three times.

    Raises:
        NotApplicable: no classes, or the neighbour has one word or two texts.
        InputError: the neighbour is no other slot with a sentence.
    """
    need_classes(checkpoint)
    group = base_group(checkpoint, rows, seating)
    if neighbour == slot or not 0 <= neighbour < len(rows) or not 0 <= slot < len(rows):
        raise InputError(
            f"got slot {slot} and neighbour {neighbour}; expected two of 0 to {len(rows) - 1}"
        )
    asked = ask(checkpoint, group, slot, gold, baseline)
    words = tuple(rows[neighbour].text.split())
    if len(words) < 2 or rows[neighbour].pair is not None:
        raise NotApplicable(
            f"not applicable: slot {neighbour + 1} has {len(words)} word"
            f"{'s' * (len(words) != 1)}; words are taken out of a single text of two or more"
        )
    sign = -1 if asked.is_right else 1
    left = list(range(len(words)))
    removed: list[int] = []
    margins: list[float] = []
    singles = np.empty(0)
    while len(left) > 1 and len(removed) < MOST and not _is_turned(margins, sign):
        texts = [" ".join(words[k] for k in left if k != out) for out in left]
        found = _margins(asked, neighbour, texts, progress)
        if not removed:
            singles = found
        best = int((sign * found).argmax())
        removed.append(left.pop(best))
        margins.append(float(found[best]))
    return NeighbourEdit(
        slot=slot,
        neighbour=neighbour,
        target=asked.names[asked.target],
        is_right=asked.is_right,
        words=words,
        margin=asked.margin,
        singles=singles,
        removed=tuple(removed),
        margins=tuple(margins),
        turned=_is_turned(margins, sign),
        elsewhere=_elsewhere(asked, neighbour, len(rows), sign),
        provenance=origin_of(checkpoint, [group], seating),
    )


def _is_turned(margins: Sequence[float], sign: int) -> bool:
    return bool(margins) and sign * margins[-1] > SMALLEST


def _elsewhere(asked: Asked, neighbour: int, count: int, sign: int) -> Proportion:
    """How many single words of the other neighbours turn it."""
    hits = trials = 0
    for other in range(count):
        words = asked.group.rows[other].row.text.split()
        if other in (asked.slot, neighbour) or len(words) < 2:
            continue
        texts = [" ".join([*words[:k], *words[k + 1 :]]) for k in range(len(words))]
        hits += int((sign * _margins(asked, other, texts) > SMALLEST).sum())
        trials += len(texts)
    return Proportion(hits, trials)


def _margins(
    asked: Asked, slot: int, texts: Iterable[str], progress: Progress | None = None
) -> np.ndarray:
    """The target's margin with each of these texts in a neighbour's slot; NaN where nothing of a
    text is kept.
    """
    checkpoint, group = asked.checkpoint, asked.group
    encoded = encode_rows(
        checkpoint, [Row(text) for text in texts], padding=group.padding, keep_bad=True
    )
    kept = [n for n, row in enumerate(encoded) if not row.why_not]
    found = np.full(len(encoded), asked.margin)
    groups = [with_row(checkpoint, group, slot, encoded[n]) for n in kept]
    for number, logits in each_logits(checkpoint, groups, progress):
        found[kept[number]] = asked.margin_of(logits[asked.slot])
    return found
