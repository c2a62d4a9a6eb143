"""Runs built by hand for the Trade-off page: small, with numbers that can be checked by eye."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from muxviz.results.escalation import EscalationBench, EscalationRow, Verdict
from muxviz.results.throughput import (
    EQUAL_MULTIPLEXED,
    Accuracy,
    Machine,
    Quartiles,
    SpeedRow,
    SpeedRun,
    TradeoffPoint,
    TradeoffRun,
)

TASK = "sequence_classification"
HOSTILE = "<b>big</b> $x$ *star* [a](http://b)"


def machine(*, busy: bool = False) -> Machine:
    return Machine(
        device="cpu",
        cpu="Planted CPU",
        cores=8,
        threads=4,
        versions=("muxviz 0", "torch 0"),
        measured="2026-11-20T10:00:00+00:00",
        load=2.3 if busy else 0.0,
        is_busy=busy,
    )


def around(median: float, share: float = 0.1) -> Quartiles:
    return Quartiles(median, median * (1 - share), median * (1 + share))


def point(name: str, n: int, score: float, rate: float, **changes: Any) -> TradeoffPoint:
    """An unpruned float32 point; its ratio is to 100 instances/s."""
    made = TradeoffPoint(
        checkpoint=name,
        fingerprint=f"print of {name}",
        task=TASK,
        n=n,
        sparsity=0.0,
        dtype="float32",
        grouping="order",
        padding="group",
        batch=8,
        length=20.0,
        accuracy=Accuracy(
            "accuracy", score, score - 0.01, score + 0.02, (score - 0.03, score + 0.03), 5, 100
        ),
        instances_per_s=around(rate),
        forward_per_s=around(rate * 1.25),
        ratio_to_n1=around(rate / 100),
    )
    return replace(made, **changes)


def tradeoff(*points: TradeoffPoint, busy: bool = False, data: str = "rows.tsv") -> TradeoffRun:
    """A run of these points; by default N = 1, 2, 5 and 10, with copies and bits."""
    found = points or (
        point("plain", 1, 0.90, 100),
        point("two", 2, 0.88, 180, bits_per_vector=17.5),
        point("five", 5, 0.80, 400, bits_per_vector=43.0),
        point("slow-five", 5, 0.79, 390, bits_per_vector=40.0),
        point("ten", 10, 0.75, 700, bits_per_vector=80.0),
        point("five", 5, 0.84, 80, copies=5),
    )
    return TradeoffRun(machine(busy=busy), "muxviz bench", data, 3, (0, 1, 2), tuple(found))


def speed_row(name: str, n: int, batch: int, pass_ms: float, **changes: Any) -> SpeedRow:
    """A row of real weights; p95 is a fifth above the median."""
    made = SpeedRow(
        contender="muxviz",
        shape=name,
        weights=f"print of {name}",
        n=n,
        batch=batch,
        batch_mode=EQUAL_MULTIPLEXED,
        length=20.0,
        dtype="float32",
        device="cpu",
        threads=4,
        instances_per_s=around(1000 * n * batch / pass_ms),
        tokens_per_s=20_000.0 * n * batch / pass_ms,
        pass_ms=around(pass_ms),
        pass_p95_ms=1.2 * pass_ms,
        peak_mib=100.0 + n,
    )
    return replace(made, **changes)


def speed(*rows: SpeedRow, busy: bool = False) -> SpeedRun:
    """A run of these rows; by default N = 1, 2 and 5 at two batch sizes, and random weights."""
    found = rows or (
        *(speed_row("plain", 1, b, 8.0 + b) for b in (1, 8)),
        *(speed_row("two", 2, b, 10.0 + b) for b in (1, 8)),
        *(speed_row("five", 5, b, 12.0 + b, peak_mib=None) for b in (1, 8)),
        *(speed_row("bert-small", n, 4, 30.0 + n, weights="random") for n in (1, 2)),
        speed_row("bert-small", 1, 4, 40.0, weights="random", contender="transformers"),
    )
    return SpeedRun(machine(busy=busy), "muxviz bench", 7, tuple(found))


def escalation_row(name: str, kind: str, score: float, ratio: float, *again: float) -> Any:
    """A contender; N = 1 answers 100 texts a second."""
    return EscalationRow(
        name,
        kind,
        tuple(0.9 for _ in again),
        again,
        Accuracy(
            "accuracy", score, score - 0.01, score + 0.01, (score - 0.02, score + 0.02), 3, 99
        ),
        around(100 * ratio, 0.05),
        around(ratio, 0.05),
    )


def escalation(*rows: EscalationRow, busy: bool = False) -> EscalationBench:
    """Models alone and chains; by default a chain of ours, a rival, and int8."""
    found = rows or (
        escalation_row("n1", "alone", 0.90, 1.0),
        escalation_row("n1-s95", "alone", 0.86, 4.0),
        escalation_row("n5", "alone", 0.84, 6.0),
        escalation_row("n5+n1@0.1", "multiplexed", 0.86, 4.0, 0.1),
        escalation_row("n5+n1@0.2", "multiplexed", 0.88, 3.0, 0.2),
        escalation_row("n1-s95+n1@0.2", "rival", 0.885, 2.5, 0.2),
        escalation_row("n5:int8+n1:int8@0.2", "multiplexed", 0.87, 5.0, 0.2),
    )
    verdicts = (
        Verdict(0.87, 3.0, "n5+n1@0.2", 0.88, "n1-s95", 0.86),
        Verdict(0.89, 2.0, "n5+n1@0.2", 0.88, "n1-s95+n1@0.2", 0.885),
        Verdict(0.87, 30.0, "", math.nan, "", math.nan),
    )
    return EscalationBench(
        machine(busy=busy), "muxviz bench escalation", "rows.tsv", "train.tsv", 99, 3, 3,
        tuple(found), verdicts, ("n1",),
    )  # fmt: skip
