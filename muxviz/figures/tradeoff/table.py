"""Every number of trade-off runs, one row per point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from muxviz.results.measured import Measured, plain_point
from muxviz.results.throughput import TradeoffPoint


def tradeoff_table(runs: Sequence[Measured]) -> list[dict[str, Any]]:
    """One row per point of every run, ensembles included."""
    return [_row(one, point) for one in runs for point in one.run.points]


def _row(one: Measured, point: TradeoffPoint) -> dict[str, Any]:
    score, ratio = point.accuracy, point.ratio_to_n1
    base = plain_point([p for p in one.run.points if p.task == point.task], dtype=point.dtype)
    interval = score.interval or (None, None)
    return {
        "source": one.label,
        "checkpoint": point.checkpoint,
        "N": point.n,
        "copies": point.copies,
        "task": point.task,
        "metric": score.metric,
        "mean": score.mean,
        "lowest grouping": score.low,
        "highest grouping": score.high,
        "interval from": interval[0],
        "interval to": interval[1],
        "less N = 1's": None if base is None else score.mean - base.accuracy.mean,
        "groupings": score.groupings,
        "rows": score.rows,
        "data": one.run.data,
        "instances/s": point.instances_per_s.median,
        "lower quartile": point.instances_per_s.q1,
        "upper quartile": point.instances_per_s.q3,
        "forward alone, instances/s": point.forward_per_s.median,
        "ratio to N = 1": ratio.median if ratio else None,
        "ratio, lower quartile": ratio.q1 if ratio else None,
        "ratio, upper quartile": ratio.q3 if ratio else None,
        "bits per vector": point.bits_per_vector,
        "dtype": point.dtype,
        "batch": point.batch,
        "grouping": point.grouping,
        "padding": point.padding,
        "tokens per row": point.length,
        "sparsity": point.sparsity,
        "fingerprint": point.fingerprint,
        "machine busy": one.run.machine.is_busy,
    }
