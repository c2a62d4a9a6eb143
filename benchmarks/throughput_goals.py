"""The throughput goals and what the stored benchmarks say of them.

    python -m benchmarks.throughput_goals

Reads ``benchmarks/results/throughput-*.json``, which ``muxviz bench throughput`` wrote; a goal
whose file is missing is said to be unmeasured, never met.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muxviz.files import LARGEST_JSON, read_json, read_text
from muxviz.results.store import from_json
from muxviz.results.throughput import TradeoffRun

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
        value = goal.value(read_json(path)["results"])
        met = "yes" if value >= goal.least else "no"
        lines.append(f"| {goal.words} | {goal.least} | {value:.2f} | {met} |")
    return "\n".join(lines)


def results(name: str, folder: Path = RESULTS) -> str:
    """Markdown: every row of one stored run, and how it was made."""
    run = read_json(folder / f"throughput-{name}.json")
    lines = [
        "| contender | N | dtype | N = 1 has | texts/s | to N = 1 | to transformers | p95, ms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in run["results"]:
        has = "as many texts" if row["batch_mode"] == "equal_total" else "as many sequences"
        late = "-" if row["with_tokenising"] else f"{row['pass_p95_ms']:.0f}"
        lines.append(
            f"| {row['contender']} | {row['n']} | {row['dtype']} | {has} | "
            f"{_spread(row['instances_per_s'], 1)} | {_spread(row['ratio_to_n1'], 2)} | "
            f"{_spread(row['ratio_to_transformers'], 2)} | {late} |"
        )
    return "\n".join([*lines, "", _how(run)])


def rivals(folder: Path = RESULTS) -> str:
    """Markdown: multiplexed models beside narrow and pruned N = 1 ones, fastest first."""
    run = from_json(read_text(folder / "rivals-cpu.json", most=LARGEST_JSON))
    assert isinstance(run, TradeoffRun)
    lines = [
        "| model | N | dtype | accuracy (range) | texts/s | to N = 1 | zeros |",
        "|---|---|---|---|---|---|---|",
    ]
    packed = {point.checkpoint for point in run.points if point.skips_zeros}
    for point in sorted(run.points, key=lambda p: -p.instances_per_s.median):
        zeros = "skipped" if point.skips_zeros else "multiplied"
        score = point.accuracy
        lines.append(
            f"| {point.checkpoint} | {point.n} | {point.dtype} | {score.mean:.4f} "
            f"({score.low:.4f} to {score.high:.4f}) | {_spread(vars(point.instances_per_s), 0)} | "
            f"{_spread(point.ratio_to_n1 and vars(point.ratio_to_n1), 2)} | "
            f"{zeros if point.checkpoint in packed else ''} |"
        )
    return "\n".join([*lines, "", _how(vars(run) | {"machine": vars(run.machine)})])


def _how(run: Mapping[str, Any]) -> str:
    """The command, and where it ran."""
    machine = run["machine"]
    busy = ", BUSY" if machine["is_busy"] else ""
    return (
        f"`{run['command']}`: {machine['cpu']}, {machine['threads']} threads of "
        f"{machine['cores']} cores, {run['rounds']} rounds, {', '.join(machine['versions'])}, "
        f"{machine['measured'][:10]}; others took {machine['load']:.2f} processors{busy}."
    )


def _spread(values: dict[str, float] | None, digits: int) -> str:
    if values is None:
        return "-"
    return f"{values['median']:.{digits}f} ({values['q1']:.{digits}f} to {values['q3']:.{digits}f})"


if __name__ == "__main__":
    print(table())
    for found in sorted(RESULTS.glob("throughput-*.json")):
        name = found.stem.removeprefix("throughput-")
        print(f"\n{name}\n\n{results(name)}")
