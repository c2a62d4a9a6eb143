"""What is listed of a file that was answered: suspected labels, every failure with its group, the
right rows that company moves most, and some right rows as controls.

Confident learning (Northcutt, Jiang and Chuang 2021): a label is suspected where the model is at
least as sure of another one as it is, on average, of the rows that bear that label. Here N = 1 and
the shared passes must both say so, and name the same one. Rows that a model was trained on are no
evidence: it may have learned their wrong labels.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from muxviz.analysis.dataset.tags import THIN
from muxviz.batch import Row
from muxviz.results.worklist import FINE, MOVED, Failure, Worklist
from muxviz.training.strangers import Columns, GoodRow, read_rows

TIE = 1e-6  # in probability: as sure as the mean but for rounding
MOST_MOVED, MOST_CONTROLS = 50, 500
MOST_FAILURES = 10_000  # that carry their texts: those with the smallest margins


def finished(found: Worklist, path: Path, columns: Columns) -> Worklist:
    """The same with suspected labels and listed rows, whose texts are read from the file again."""
    found = replace(found, suspects=suspected_labels(found))
    failing, moved = listed_rows(found)[:MOST_FAILURES], moved_rows(found)
    controls = control_rows(found, len(failing))
    rows = np.concatenate([failing, moved, controls])
    seats = {int(row): found.seats(int(found.worst[row]), int(row)) for row in rows}
    wanted = {int(found.numbers[n]) for group in seats.values() for n in group}
    texts: dict[int, Row] = {}
    for one in read_rows(path, columns, found.labels):
        if isinstance(one, GoodRow) and one.number in wanted:
            texts[one.number] = one.row
        if len(texts) == len(wanted):
            break
    made = [_failure(found, int(r), seats[int(r)], texts) for r in rows]
    last = len(failing) + len(moved)
    worst = [replace(one, kind=MOVED) for one in made[len(failing) : last]]
    return replace(found, failures=(*made[: len(failing)], *worst), controls=tuple(made[last:]))


def listed_rows(found: Worklist) -> np.ndarray:
    """Rows that something is wrong with, the smallest margin first."""
    rows = np.flatnonzero(found.kinds != FINE)
    margins = found.margins[found.worst[rows], rows]
    return np.asarray(rows[np.argsort(margins, kind="stable")])


def moved_rows(found: Worklist) -> np.ndarray:
    """Of the rows that nothing is wrong with, those whose margin company moves most."""
    rows = np.flatnonzero((found.kinds == FINE) & (found.moved > 0))
    return np.asarray(rows[np.argsort(-found.moved[rows], kind="stable")][:MOST_MOVED])


def control_rows(found: Worklist, failing: int) -> np.ndarray:
    """As many rows that nothing is wrong with, drawn without regard to anything, in file order."""
    rows = np.flatnonzero(found.kinds == FINE)
    count = min(failing, MOST_CONTROLS, len(rows))
    return np.sort(np.random.default_rng(found.filler_seed).choice(rows, count, replace=False))


def suspected_labels(found: Worklist) -> np.ndarray:
    """``[R]`` bool; nowhere without a baseline of its own, which would be the second opinion."""
    none = np.zeros(len(found), dtype=bool)
    if not found.baseline or found.baseline == found.provenance.checkpoint:
        return none
    shared = confident(np.exp(found.scores).mean(axis=0), found.gold)
    alone = confident(np.exp(found.alone), found.gold)
    return np.asarray((shared == alone) & (shared >= 0) & (shared != found.gold))


def confident(p: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """The label that a model confidently gives every row, ``[R]``; -1 where it is sure of none.

    Args:
        p: ``[R, C]`` probabilities. gold: ``[R]`` labels of the file.

    The threshold of label c is the mean of p[:, c] over the rows that bear it; of several labels
    above theirs the most probable one counts.
    """
    thresholds = np.full(p.shape[1], np.inf)
    for label in np.unique(gold):
        thresholds[label] = p[gold == label, label].mean()
    above = p >= thresholds - TIE
    best = np.where(above, p, -1.0).argmax(axis=1)
    return np.where(above.any(axis=1), best, -1)


def _failure(found: Worklist, row: int, seats: np.ndarray, texts: dict[int, Row]) -> Failure:
    at = int(found.worst[row])
    margin, alone = float(found.margins[at, row]), float(found.alone_margins[row])
    named = [found.tag_names[t] for t in np.flatnonzero(found.tags[at, row])]
    named += ["flips"] * bool(found.flips[row]) + ["thin margin"] * (abs(margin) < THIN)
    named += ["thin alone"] * (abs(alone) < THIN)
    group = [texts[int(found.numbers[n])] for n in seats]
    made = found.provenance
    return Failure(
        number=int(found.numbers[row]),
        rows=tuple((one.text, one.pair) for one in group),
        slot=int(found.slots[at, row]),
        gold=found.labels[found.gold[row]],
        answer=found.labels[found.answers[at, row]],
        alone=found.labels[int(found.alone[row].argmax())] if found.baseline else None,
        margin=margin,
        alone_margin=alone,
        kind=str(found.kinds[row]),
        tags=tuple(named),
        wrong_in=int(found.is_wrong[:, row].sum()),
        tokens=int(found.tokens[row]),
        grouping=found.groupings[at],
        padding=made.padding,
        fill=made.fill,
        seed=found.filler_seed,
        moved=float(found.moved[row]),
    )
