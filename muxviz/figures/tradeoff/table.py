"""Every number of trade-off runs, one row per point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from muxviz.figures.drawing.wording import tenths
from muxviz.results.contenders import SENTENCES, Contender, Found, contenders_of
from muxviz.results.escalation import EscalationRow
from muxviz.results.measured import Escalated, Measured, plain_point
from muxviz.results.throughput import TradeoffPoint


def tradeoff_table(runs: Sequence[Found]) -> list[dict[str, Any]]:
    """One row per point of every run, ensembles included, and per contender that asks again."""
    rows = [_row(one, p) for one in runs if isinstance(one, Measured) for p in one.run.points]
    marks = {c.key[:2]: c for c in contenders_of(runs, SENTENCES)}
    chains = [
        _chain(one, row, marks[one.label, row.name])
        for one in runs
        if isinstance(one, Escalated)
        for row in one.run.results
    ]
    head = dict.fromkeys([*(rows[0] if rows else ()), *(chains[0] if chains else ())])
    return [head | row for row in (*rows, *chains)]


def _chain(one: Escalated, row: EscalationRow, mark: Contender) -> dict[str, Any]:
    interval = row.accuracy.interval or (None, None)
    return {
        "source": one.label,
        "checkpoint": row.name,
        "N": mark.n or None,
        "sparsity": mark.sparsity,
        "metric": row.accuracy.metric,
        "mean": row.accuracy.mean,
        "lowest grouping": row.accuracy.low,
        "highest grouping": row.accuracy.high,
        "interval from": interval[0],
        "interval to": interval[1],
        "groupings": row.accuracy.groupings,
        "rows": row.accuracy.rows,
        "data": one.run.data,
        "instances/s": row.texts_per_s.median,
        "lower quartile": row.texts_per_s.q1,
        "upper quartile": row.texts_per_s.q3,
        "ratio to N = 1": row.ratio.median,
        "ratio, lower quartile": row.ratio.q1,
        "ratio, upper quartile": row.ratio.q3,
        "answered again": ", ".join(tenths(share) for share in row.again),
        "machine busy": one.run.machine.is_busy,
    }


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
