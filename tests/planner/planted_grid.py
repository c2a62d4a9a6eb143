"""A grid of settings typed in by hand, with the irregularities of real ones, for the planner."""

from __future__ import annotations

from typing import Any

import numpy as np

from muxviz.planning.points import parse_points
from muxviz.results.planning import Measurements
from muxviz.results.throughput import Accuracy, TradeoffRun
from tests.model.planted_runs import around, point, tradeoff

# Accuracy does not fall everywhere with N or sparsity, and speed-ups do not quite multiply.
GRID = """num_instances,sparsity,accuracy,throughput
1,0,0.899,269
1,0.6,0.893,431
1,0.8,0.887,690
1,0.9,0.868,1010
1,0.95,0.849,1496
2,0,0.851,322
2,0.6,0.846,585
2,0.8,0.841,861
2,0.9,0.812,1430
2,0.95,0.793,1880
5,0,0.842,655
5,0.6,0.846,1090
5,0.8,0.829,1720
5,0.9,0.816,2395
5,0.95,0.766,3420
10,0,0.809,1103
10,0.6,0.801,1810
10,0.8,0.803,2660
10,0.9,0.772,3990
10,0.95,0.731,5010
"""
SOME = (0, 1, 3, 5, 7, 9, 12, 14, 15, 17, 19)  # rows of it that leave settings to be predicted


def grid(*rows: int) -> Measurements:
    """The grid, or some of its rows (counted from 0)."""
    head, *lines = GRID.splitlines()
    kept = [lines[row] for row in rows] if rows else lines
    return parse_points("\n".join([head, *kept]).encode(), "grid.csv")


def table(*rows: tuple[float, ...]) -> Measurements:
    """Points from (N, sparsity, accuracy, throughput)."""
    text = "\n".join(",".join(map(str, row)) for row in rows)
    return parse_points(f"n,sparsity,accuracy,throughput\n{text}\n".encode(), "table.csv")


def grid_run(*rows: int, **changes: Any) -> TradeoffRun:
    """The same as a trade-off run, with intervals and quartiles."""
    found = grid(*rows)
    made = []
    for at in range(len(found)):
        score, rate = float(found.accuracy[at]), float(found.throughput[at])
        accuracy = Accuracy(
            "accuracy", score, score - 0.004, score + 0.004, (score - 0.02, score + 0.02), 5, 872
        )
        n, s = int(found.num_instances[at]), float(found.sparsity[at])
        name = f"n{n}-s{round(100 * s)}"
        made.append(
            point(name, n, score, rate, sparsity=s, accuracy=accuracy,
                  instances_per_s=around(rate, 0.02), **changes)
        )  # fmt: skip
    return tradeoff(*made)


def straight(numbers: tuple[int, ...] = (1, 2, 4, 8), sparsities: Any = (0, 0.5, 0.75)) -> Any:
    """A table without noise: 3 points lost per doubling, 1 per halving; rates times 1.6 and 1.5."""
    return table(
        *(
            (n, s, 0.9 - 0.03 * np.log2(n) + 0.01 * np.log2(1 - s),
             100 * 1.6 ** np.log2(n) * 1.5 ** -np.log2(1 - s))
            for n in numbers
            for s in sparsities
        )
    )  # fmt: skip
