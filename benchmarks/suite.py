"""Other tasks at N = 1, 2 and 5: what a packed start loses on each.

    python -m benchmarks.suite [--data DIR --runs DIR]

Prints a Markdown table of ``benchmarks/results/suite.json``. With ``--data`` and ``--runs``, the
finished runs of the recipes in ``configs/suite`` that are in that folder are scored first (five
groupings, read-back on the same texts) and written there: one scoring per run, so a run whose
weights were scored before is left as it is.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

import torch

from muxviz.evaluation.cards import evaluation_dict
from muxviz.evaluation.measure import evaluate
from muxviz.evaluation.sources import read_data
from muxviz.files import json_text, read_json, results_file
from muxviz.training.export import checkpoint_of_run
from muxviz.training.files import locate

RESULTS = Path(__file__).with_name("results") / "suite.json"
TASKS = {
    "subj": "Subj: subjective or objective",
    "trec": "TREC: kind of question",
    "snips": "Snips: intent",
    "stsb": "STS-B: likeness of two sentences",
    "wikiann": "WikiANN: entities (tokens)",
}
NUMS = (1, 2, 5)
GOALS = {2: 1.5, 5: 3.0}  # points, mean over the tasks
GROUPINGS = 5


def record(runs: Path, data: Path) -> None:
    """Score the finished runs that are in ``runs`` and not in the results yet."""
    found: dict[str, Any] = read_json(RESULTS) if RESULTS.is_file() else {}
    for name in (f"{task}-n{num}" for task in TASKS for num in NUMS):
        if _is_finished(runs / name):
            started = read_json(runs / name / "run.json")["started"]
            if found.get(name, {}).get("started") != started:
                found[name] = _scored(checkpoint_of_run(runs / name), data)
                with results_file(RESULTS) as write:
                    write(json_text(found, indent=1) + "\n")
                print(f"{name} scored", flush=True)


def _is_finished(run: Path) -> bool:
    path = run / "progress.json"
    return path.is_file() and read_json(path)["state"] == "finished"


def _scored(checkpoint: Any, data: Path) -> dict[str, Any]:
    card = checkpoint.card
    source = card["recipe"]["task_dev"]
    rows = read_data(locate(data, source), checkpoint)
    groupings = GROUPINGS if checkpoint.config.num_instances > 1 else 1
    full = evaluation_dict(evaluate(checkpoint, rows, name=source, groupings=groupings))
    primary = full["metrics"][full["primary"]]
    read = full["retrieval_accuracy"]
    return {
        "data": source,
        "rows": full["rows"],
        "metric": full["primary"],
        **{key: round(primary[key], 6) for key in ("mean", "std", "low", "high")},
        "groupings": groupings,
        "read_back": read and round(read["value"], 6),
        **{key: card["run"].get(key) for key in ("seed", "steps", "started", "seconds", "packed")},
    }


def table() -> str:
    """One line per task, and the mean drops."""
    found = read_json(RESULTS)
    head = "| task | metric | N = 1 | N = 2 | drop | read-back | N = 5 | drop | read-back |"
    lines = [head, f"|---{'|---' * (head.count('|') - 2)}|"]
    drops: dict[int, list[float]] = {num: [] for num in GOALS}
    for task, words in TASKS.items():
        alone = found.get(f"{task}-n1")
        if alone is None:
            continue
        cells = [words, alone["metric"], f"{alone['mean']:.3f}"]
        for num in GOALS:
            one = found.get(f"{task}-n{num}")
            if one is None:
                cells += ["not made yet", "", ""]
                continue
            drops[num].append(100 * (alone["mean"] - one["mean"]))
            score = f"{one['mean']:.3f} ± {one['std']:.3f}"
            cells += [score, f"{drops[num][-1]:.1f}", f"{one['read_back']:.4f}"]
        lines.append(f"| {' | '.join(cells)} |")
    for num, goal in GOALS.items():
        if drops[num]:
            mean, count = statistics.mean(drops[num]), len(drops[num])
            told = "met" if mean <= goal else "missed"
            told = told if count == len(TASKS) else "not known before all are there"
            lines.append(
                f"\nN = {num}: mean drop {mean:.2f} points over {count} of {len(TASKS)} tasks, "
                f"goal {goal:g} or less: {told}."
            )
    return "\n".join(lines)


def main() -> None:
    """Score what is new, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--runs", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.runs and options.data:
        record(options.runs, options.data)
    print(table())


if __name__ == "__main__":
    main()
