"""95 % intervals over rows: what another draw of as many rows could have given.

Groupings of the same rows are not independent rows, so no interval here shrinks with the number of
groupings. Words of one row stand or fall together, so a row is drawn with all its words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from muxviz.results import Proportion

DRAWS = 1000
DRAWS_SEED = 2023
LEVELS = (0.025, 0.975)
WILSON = "Wilson, n = rows"
BOOTSTRAP = f"bootstrap over rows, {DRAWS} draws"
PIECE = 100  # draws held at once

Redraw = Callable[[np.ndarray], np.ndarray]  # weights [draws, rows] -> scores [draws]
Found = tuple[tuple[float, float] | None, str]  # an interval, and how it was obtained


def wilson(share: float, rows: int) -> Found:
    """Wilson score interval of a share of ``rows`` rows (formula at ``Proportion.interval``)."""
    return Proportion(share * rows, rows).interval, WILSON


def row_weights(rows: int, *, seed: int = DRAWS_SEED) -> np.ndarray:
    """How often each row is drawn, ``[DRAWS, rows]``: rows draws with replacement, every time."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(rows, np.full(rows, 1 / rows), size=DRAWS)


def bootstrap(redraws: Sequence[Redraw], weights: np.ndarray) -> Found:
    """Percentile bootstrap (Efron 1979): the middle 95 % of the redrawn means over groupings.

    Draw d takes the rows ``weights[d]`` times, the same ones in every grouping; its value is the
    mean over groupings of the metric on them. Draws on which the metric is not defined are left
    out. None where no draw has a value, or all have the same one (then chance was not seen).
    """
    values = np.concatenate(
        [
            np.mean([redraw(weights[at : at + PIECE]) for redraw in redraws], axis=0)
            for at in range(0, len(weights), PIECE)
        ]
    )
    values = values[~np.isnan(values)]
    if not len(values) or np.ptp(values) == 0:
        return None, ""
    low, high = np.quantile(values, LEVELS)
    return (float(low), float(high)), BOOTSTRAP


def share_interval(hits: np.ndarray, trials: np.ndarray, weights: np.ndarray) -> Found:
    """Interval of ``hits.sum() / trials.sum()``, drawn by rows.

    Args:
        hits, trials: ``[rows]``, summed over groupings.
        weights: from ``row_weights``.

    Where everything or nothing was hit a bootstrap sees no chance; there it is the Wilson interval
    with n = rows that were tried, which is wide.
    """
    total = trials.sum()
    if not total:
        return None, ""
    if hits.sum() in (0, total):
        return wilson(float(hits.sum() / total), int((trials > 0).sum()))
    return bootstrap([lambda drawn: ratio(drawn @ hits, drawn @ trials)], weights)


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """``above / below``, NaN where below is 0."""
    out = np.full(np.shape(above), np.nan)
    np.divide(above, below, out=out, where=np.asarray(below) > 0)
    return out
