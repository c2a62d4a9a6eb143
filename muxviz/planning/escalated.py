"""The third knob: how large a share of the texts, the least certain ones, is asked again.

Only where it was measured: contenders of a ``muxviz bench escalation`` whose first model is a
setting of the table, by name, and that ask one further model. The run's own accuracy without
asking again and its own speed stand for the table's: what asking again adds to the one, and what
it does to the other, are carried over, since a table is of another run and perhaps of another
machine. Between measured shares the accuracy is a straight line and so is the time of a text;
beyond them nothing is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from muxviz.planning.choose import Z975
from muxviz.results.contenders import read_name
from muxviz.results.escalation import EscalationBench, EscalationRow
from muxviz.results.planning import Advised, Measurements, Predicted

STEP = 0.05  # between candidate shares
NO_CURVE = (
    "Two knobs, N and sparsity: no recorded run of muxviz bench escalation has an accuracy over "
    "the share asked again for a setting of this table"
)


@dataclass(frozen=True)
class Escalated:
    """A setting that asks a share of the texts again.

    accuracy in [0, 1] with rows_sd; throughput in instances a second, ratio to the table's
    baseline. is_measured: at this very share. evidence: the contenders it is between.
    """

    num_instances: int
    sparsity: float
    share: float
    then: str
    accuracy: float
    rows_sd: float
    throughput: float
    ratio: float
    is_measured: bool
    evidence: tuple[str, ...]

    def advised(self, points: Measurements, chance: float, best: float) -> Advised:
        """As advice gives it; the interval is that over rows."""
        wide = Z975 * self.rows_sd
        nothing = float("nan")
        return Advised(
            self.num_instances,
            self.sparsity,
            self.accuracy,
            max(0.0, self.accuracy - wide) if wide else nothing,
            min(1.0, self.accuracy + wide) if wide else nothing,
            self.throughput,
            nothing,
            nothing,
            self.ratio,
            float(chance),
            float(best),
            self.is_measured,
            self.evidence,
            self.share,
            self.then,
        )


def escalated_of(points: Measurements, bench: EscalationBench | None) -> tuple[Escalated, ...]:
    """Candidates at every twentieth of the texts, and at the measured shares; () for no curve."""
    found: list[Escalated] = []
    for at, name in enumerate(points.names):
        for then, curve in _curves(name, bench).items() if name and bench else ():
            found += _along(points, at, then, curve)
    return tuple(found)


def with_escalated(known: Predicted, escalated: Sequence[Escalated]) -> Predicted:
    """The candidates of a table, then these."""
    if not escalated:
        return known

    def joined(before: np.ndarray, name: str) -> np.ndarray:
        return np.concatenate([before, [getattr(one, name) for one in escalated]])

    nothing = np.zeros(len(escalated))
    return replace(
        known,
        num_instances=joined(known.num_instances, "num_instances").astype(int),
        sparsity=joined(known.sparsity, "sparsity"),
        accuracy=joined(known.accuracy, "accuracy"),
        accuracy_sd=np.concatenate([known.accuracy_sd, nothing]),
        accuracy_rows_sd=joined(known.accuracy_rows_sd, "rows_sd"),
        throughput=joined(known.throughput, "throughput"),
        throughput_sd=np.concatenate([known.throughput_sd, nothing]),
        measured=np.concatenate([known.measured, np.full(len(escalated), -1)]),
    )


def _curves(first: str, bench: EscalationBench) -> dict[str, list[tuple[float, EscalationRow]]]:
    """Name of the model asked again -> (share, contender) from none on; float32 alone."""
    found: dict[str, list[tuple[float, EscalationRow]]] = {}
    alone = [row for row in bench.results if row.name == first]
    for row in bench.results if alone else ():
        models, shares = read_name(row.name)
        if len(shares) == 1 and models[0] == (first, "float32") and models[1][1] == "float32":
            found.setdefault(models[1][0], [(0.0, alone[0])]).append((shares[0], row))
    return {then: sorted(curve, key=lambda one: one[0]) for then, curve in found.items()}


def _along(
    points: Measurements, at: int, then: str, curve: list[tuple[float, EscalationRow]]
) -> list[Escalated]:
    measured = [share for share, _ in curve]
    gains = [row.accuracy.mean - curve[0][1].accuracy.mean for _, row in curve]
    slower = [curve[0][1].ratio.median / row.ratio.median for _, row in curve]
    sds = [_rows_sd(row) for _, row in curve]
    steps = np.arange(STEP, measured[-1], STEP).round(6)
    found = []
    for share in sorted({*measured[1:], *(s for s in steps if s not in measured)}):
        rate = float(points.throughput[at] / np.interp(share, measured, slower))
        near = [row for s, row in curve if abs(s - share) < 1e-9] or [
            next(row for s, row in reversed(curve) if s < share),
            next(row for s, row in curve if s > share),
        ]
        found.append(
            Escalated(
                int(points.num_instances[at]),
                float(points.sparsity[at]),
                float(share),
                then,
                float(np.clip(points.accuracy[at] + np.interp(share, measured, gains), 0, 1)),
                float(np.interp(share, measured, sds)),
                rate,
                rate / float(points.throughput[points.baseline]),
                len(near) == 1,
                tuple(
                    f"{row.name}: {100 * row.accuracy.mean:.1f} % at {row.ratio.median:.2f} times "
                    "N = 1"
                    for row in near
                ),
            )
        )
    return found


def _rows_sd(row: EscalationRow) -> float:
    low, high = row.accuracy.interval or (0.0, 0.0)
    return (high - low) / (2 * Z975)
