"""The tables of docs/pruning.md, from the recorded grid and the stored results.

    python -m benchmarks.pruning_tables

Reads ``muxviz/recorded/grid.json`` (``muxviz bench tradeoff``) and, under ``benchmarks/results``,
``pruned-bert-base-cpu.json`` (``muxviz bench throughput``) and ``planner-grid.json`` (``muxviz plan
--validate``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from muxviz.files import read_json
from muxviz.planning.alone import against_alone
from muxviz.planning.points import read_points
from muxviz.recorded import grid_file

RESULTS = Path(__file__).parent / "results"
SPEED, PLANNER = RESULTS / "pruned-bert-base-cpu.json", RESULTS / "planner-grid.json"
MODELS = ("interpolation", "parametric", "gaussian_process")


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def grid_table() -> str:
    """Accuracy, throughput, speed-up, sparsity reached, and which points are on the front."""
    points = read_json(grid_file())["value"]["points"]
    rows = []
    for point in points:
        score, rate = point["accuracy"], point["instances_per_s"]
        beaten = any(
            other["accuracy"]["mean"] >= score["mean"]
            and other["instances_per_s"]["median"] > rate["median"]
            for other in points
        )
        rows.append(
            [
                str(point["n"]),
                point["checkpoint"],
                f"{point['sparsity']:.1%}",
                f"{score['mean']:.4f} ({score['low']:.4f} to {score['high']:.4f})",
                f"{rate['median']:.0f} ({rate['q1']:.0f} to {rate['q3']:.0f})",
                f"{point['ratio_to_n1']['median']:.2f}",
                f"{point['forward_per_s']['median']:.0f}",
                "" if beaten else "yes",
            ]
        )
    head = ("N", "checkpoint", "sparsity", "accuracy (range)", "texts/s (quartiles)")
    return markdown((*head, "to N = 1", "forward alone, texts/s", "Pareto front"), rows)


def alone_table() -> str:
    """Each setting that does both, against each alone at least as fast."""
    rows = [
        [
            f"{row.num_instances}",
            f"{row.sparsity:.1%}",
            f"{row.throughput:.0f}",
            f"{row.accuracy:.4f}",
            _side(row.pruning, row.against_pruning),
            _side(row.multiplexing, row.against_multiplexing),
        ]
        for row in against_alone(read_points(grid_file()))
    ]
    return markdown(
        ("N", "sparsity", "texts/s", "accuracy", "pruning alone", "multiplexing alone"), rows
    )


def _side(accuracy: float | None, verdict: str) -> str:
    return verdict if accuracy is None else f"{accuracy:.4f}: {verdict}"


def speed_table() -> str:
    """Instances per second against the unpruned shape at N = 1."""
    rows = [
        [
            row["shape"],
            str(row["n"]),
            f"{row['instances_per_s']['median']:.1f}",
            _spread(row["ratio_to_n1"]),
        ]
        for row in read_json(SPEED)["results"]
    ]
    return markdown(("shape", "N", "instances/s", "to bert-base, N = 1 (quartiles)"), rows)


def _spread(value: dict[str, float]) -> str:
    return f"{value['median']:.2f} ({value['q1']:.2f} to {value['q3']:.2f})"


def planner_table() -> str:
    """Hit rates beside the baselines, and the models' leave-one-out errors."""
    found = read_json(PLANNER)
    rows = [
        [
            words,
            *(f"{found[f'{part}{who}{top}']:.3f}" for part in ("", "hidden_") for top in TOPS),
        ]
        for words, who in (
            ("planner", ""),
            ("nearest measured point", "baseline_"),
            ("random", "random_"),
        )
    ]
    errors = [
        [
            name.replace("_", " "),
            *(
                f"{100 * found['loo_error'][quantity][name]:.2f}"
                + (", used" if found["chosen"][quantity] == name else "")
                for quantity in ("accuracy", "throughput")
            ),
        ]
        for name in MODELS
    ]
    return "\n\n".join(
        (
            markdown(("ranked by", "top 1", "top 3", "hidden: top 1", "hidden: top 3"), rows),
            markdown(
                ("leave-one-out error", "accuracy, points", "throughput, %"),
                errors,
            ),
        )
    )


TOPS = ("top1", "top3")
TABLES = (grid_table, alone_table, speed_table, planner_table)

if __name__ == "__main__":
    print("\n\n".join(table() for table in TABLES))
