"""Measured runs with where they come from, and what can be said of several at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from muxviz.results.escalation import EscalationBench
from muxviz.results.throughput import Machine, SpeedRun, TradeoffPoint, TradeoffRun

RECORDED, FILE, NOW = "recorded", "file", "now"
KINDS = {RECORDED: "recorded", FILE: "from a file", NOW: "measured now"}


@dataclass(frozen=True)
class Measured:
    """A trade-off and where it comes from. kind: one of ``KINDS``; name: a file's, or ""."""

    kind: str
    run: TradeoffRun
    name: str = ""

    @property
    def label(self) -> str:
        """Kind, name and day, as a legend shows them."""
        return source_label(self.kind, self.name, self.run.machine)


@dataclass(frozen=True)
class Timed:
    """A speed run and where it comes from."""

    kind: str
    run: SpeedRun
    name: str = ""

    @property
    def label(self) -> str:
        """Kind, name and day."""
        return source_label(self.kind, self.name, self.run.machine)


@dataclass(frozen=True)
class Escalated:
    """A run of models alone and of chains that ask again, and where it comes from."""

    kind: str
    run: EscalationBench
    name: str = ""

    @property
    def label(self) -> str:
        """Kind, name, what it is, and day."""
        words = f"{self.name}, escalation" if self.name else "escalation"
        return source_label(self.kind, words, self.run.machine)


def source_label(kind: str, name: str, machine: Machine) -> str:
    """``"recorded, 2026-11-20, cpu"``."""
    where = machine.device if machine.device != "cpu" else f"CPU, {_threads(machine)}"
    day = machine.measured[:10]
    words = [KINDS.get(kind, kind), name, day, where, "busy machine" if machine.is_busy else ""]
    return ", ".join(word for word in words if word)


def machine_line(machine: Machine) -> str:
    """Device, threads, versions, when, and who else was computing: for the foot of a panel."""
    device = machine.device if machine.device != "cpu" else machine.cpu or "CPU"
    beside = f"beside {machine.load:.1f} busy processors" if machine.load >= 0.05 else ""
    parts = [device, _threads(machine), beside, *machine.versions, machine.measured]
    return " · ".join(part for part in parts if part)


def pareto_front(values: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """Numbers of the (rate, accuracy) pairs that no other one beats, slowest first.

    One beats another where it is as good in both and better in one; equal pairs do not beat each
    other.
    """
    kept = [
        at
        for at, (rate, score) in enumerate(values)
        if not any(r >= rate and s >= score and (r > rate or s > score) for r, s in values)
    ]
    return tuple(sorted(kept, key=lambda at: (values[at], at)))


def tasks_of(runs: Sequence[Measured | Escalated]) -> tuple[str, ...]:
    """Tasks that points of these runs have, in order of appearance."""
    points = [p for one in runs if isinstance(one, Measured) for p in one.run.points]
    found = dict.fromkeys(point.task for point in points)
    return tuple(found) or ("sequence_classification",) * bool(runs)


def of_task(run: TradeoffRun, task: str, *, copies: bool = False) -> tuple[TradeoffPoint, ...]:
    """Points of a task; without ensembles unless ``copies``."""
    return tuple(p for p in run.points if p.task == task and (copies or p.copies == 1))


def plain_point(points: Sequence[TradeoffPoint], *, dtype: str = "") -> TradeoffPoint | None:
    """The N = 1 point to compare with: of this precision and unpruned where there is one, and of
    those the fastest.
    """
    plain = [p for p in points if p.n == 1 and p.copies == 1]

    def rank(point: TradeoffPoint) -> tuple[bool, bool, float]:
        return point.dtype == dtype, not point.sparsity, point.instances_per_s.median

    return max(plain, key=rank, default=None)


def rivals(points: Sequence[TradeoffPoint]) -> list[tuple[TradeoffPoint, TradeoffPoint]]:
    """Points of N above 1 with a rival that reads one text a pass, is as fast and as often right.

    Means against means; of several rivals the most accurate.
    """
    plain = [p for p in points if p.n == 1 and p.copies == 1]
    found = []
    for point in points:
        as_good = [
            p
            for p in plain
            if p.instances_per_s.median >= point.instances_per_s.median
            and p.accuracy.mean >= point.accuracy.mean
        ]
        if point.n > 1 and point.copies == 1 and as_good:
            found.append((point, max(as_good, key=lambda p: p.accuracy.mean)))
    return found


def texts_per_s(point: TradeoffPoint) -> float:
    """Texts answered a second; copies of one are one text."""
    return point.instances_per_s.median


def _threads(machine: Machine) -> str:
    return f"{machine.threads} thread{'s' * (machine.threads != 1)}"
