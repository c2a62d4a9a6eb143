"""The throughput goals and what the stored benchmarks say of them.

    python -m benchmarks.throughput_goals

Reads ``benchmarks/results/throughput-*.json``, which ``muxviz bench throughput`` wrote; a goal
whose file is missing is said to be unmeasured, never met.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
SMALL, BASE, FAMILY = "bert-small-cpu", "bert-base-cpu", "family-length-cpu"


@dataclass(frozen=True)
class Goal:
    """A ratio that one stored run should reach."""

    words: str
    file: str
    least: float
    value: Callable[[list[dict[str, Any]]], float]


def ratio(
    kind: str, n: int, *, contender: str = "muxviz"
) -> Callable[[list[dict[str, Any]]], float]:
    """Median of a ratio of a float32 row, equal multiplexed."""

    def find(rows: list[dict[str, Any]]) -> float:
        (row,) = (
            r
            for r in rows
            if (r["contender"], r["n"], r["dtype"], r["batch_mode"])
            == (contender, n, "float32", "equal_multiplexed")
        )
        return float(row[kind]["median"])

    return find


def int8_gain(n: int) -> Callable[[list[dict[str, Any]]], float]:
    """Instances per second in int8 over float32."""

    def find(rows: list[dict[str, Any]]) -> float:
        rates = {
            r["dtype"]: r["instances_per_s"]["median"]
            for r in rows
            if (r["contender"], r["n"], r["batch_mode"]) == ("muxviz", n, "equal_multiplexed")
        }
        return float(rates["int8"] / rates["float32"])

    return find


GOALS = (
    *(
        Goal(
            f"bert-small, N = {n}, over plain transformers",
            SMALL,
            least,
            ratio("ratio_to_transformers", n),
        )
        for n, least in ((2, 1.97), (5, 4.88), (10, 9.5))
    ),
    *(
        Goal(f"bert-base, N = {n}, over our N = 1", BASE, least, ratio("ratio_to_n1", n))
        for n, least in ((2, 1.98), (5, 4.93), (10, 9.75))
    ),
    Goal(
        "bert-base, our N = 1 over plain transformers", BASE, 1.0, ratio("ratio_to_transformers", 1)
    ),
    Goal(
        "bundled family, texts to answers, N = 10 over N = 1", FAMILY, 8.0, ratio("ratio_to_n1", 10)
    ),
    *(
        Goal(f"bert-small, N = {n}, int8 over float32", SMALL, 1.8, int8_gain(n))
        for n in (1, 2, 5, 10)
    ),
)


def table(folder: Path = RESULTS) -> str:
    """Markdown: goal, measured, met."""
    lines = ["| goal | at least | measured | met |", "|---|---|---|---|"]
    for goal in GOALS:
        path = folder / f"throughput-{goal.file}.json"
        if not path.is_file():
            lines.append(f"| {goal.words} | {goal.least} | not measured | no |")
            continue
        value = goal.value(json.loads(path.read_text())["results"])
        met = "yes" if value >= goal.least else "no"
        lines.append(f"| {goal.words} | {goal.least} | {value:.2f} | {met} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
