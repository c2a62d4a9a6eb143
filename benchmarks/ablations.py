"""What each of our own training options is worth, in short runs on the bundled family.

    python -m benchmarks.ablations --data DATA --json benchmarks/ablations.json

Everything starts from the N = 1 checkpoint. Options of the slot vectors and of the start prime a
model on read-back; options of the later stages go on from the N = 2 model primed with the same
seed, with masked LM on general English and then SST-2, beside the N = 1 model as teacher. Every
option changes one thing, has the same steps, rows and seeds as the run it is compared with, and is
run with several seeds. Runs that are done are not repeated, so the command can be stopped and
started again. Printed: mean and standard deviation over seeds of dev accuracy and read-back (one
grouping), and of the paired difference.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from muxviz.evaluation import evaluate, read_data
from muxviz.loading.bundled import bundled_folder
from muxviz.training.export import checkpoint_of_run
from muxviz.training.loop import train
from muxviz.training.recipe import Recipe, Stage

TRAIN_ROWS, GENERAL_ROWS, GROUPINGS = 10_000, 4_000, 1
PRIMING = Stage(
    "priming",
    steps=250,
    learning_rate=1e-3,
    warmup_steps=20,
    groups=8,
    retrieval_coeff=1.0,
    retrieval_positions=128,
    general_share=0.5,
    bucketed_share=1.0,
)
PRE_TRAINING = replace(
    PRIMING,
    name="pre_training",
    objective="masked_lm",
    steps=150,
    learning_rate=3e-4,
    task_coeff=0.3,
    retrieval_coeff=0.5,
    retrieval_positions=64,
)
FINE_TUNING = Stage(
    "fine_tuning",
    steps=250,
    learning_rate=3e-4,
    warmup_steps=20,
    groups=8,
    task_coeff=1.0,
    bucketed_share=1.0,
)
LATER = Recipe(
    name="ablation",
    num_instances=2,
    stages=(PRE_TRAINING, FINE_TUNING),
    labels=("negative", "positive"),
    readout="mean",
    num_demux_layers=3,
    dropout=0.0,
    general=("corpus/core_simplewiki.txt.xz",),
    general_rows=GENERAL_ROWS,
    precision="bf16",
    save_every=10_000,
)
FIRST = replace(LATER, stages=(PRIMING,))
FIVE = replace(FIRST, num_instances=5)
GUIDED = replace(PRE_TRAINING, hidden_coeff=2.0)
PRIMED, BASE = "priming, N = 2", "later stages, N = 2"
# option -> (recipe, the option it is compared with, what it starts from: a checkpoint, or the run
# of another option with the same seed)
RUNS: dict[str, tuple[Recipe, str, str]] = {
    PRIMED: (FIRST, "", "sst2-n1"),
    "sign vectors": (replace(FIRST, instance_vectors="sign"), PRIMED, "sst2-n1"),
    "priming, N = 5": (FIVE, "", "sst2-n1"),
    "N = 5 from N = 2": (FIVE, "priming, N = 5", PRIMED),
    BASE: (LATER, "", PRIMED),
    "teacher's hidden states in stage 2": (
        replace(LATER, stages=(GUIDED, FINE_TUNING)),
        BASE,
        PRIMED,
    ),
    "hidden states and sentence vector in stage 2": (
        replace(LATER, stages=(replace(GUIDED, sentence_coeff=1.0), FINE_TUNING)),
        BASE,
        PRIMED,
    ),
    "logit distillation": (
        replace(LATER, stages=(PRE_TRAINING, replace(FINE_TUNING, logit_coeff=1.0))),
        BASE,
        PRIMED,
    ),
    "groups of any length": (
        replace(LATER, stages=tuple(replace(s, bucketed_share=0.0) for s in LATER.stages)),
        BASE,
        PRIMED,
    ),
}


def small_data(data: Path, runs: Path) -> Path:
    """A data folder with the first rows of the training set, the rest linked."""
    folder = runs / "ablation-data"
    train_file = folder / "sst2" / "train.tsv.gz"
    if not train_file.is_file():
        train_file.parent.mkdir(parents=True)
        with gzip.open(data / "sst2" / "train.tsv.gz", "rt", encoding="utf-8") as file:
            lines = [line for _, line in zip(range(TRAIN_ROWS + 1), file, strict=False)]
        (folder / "sst2" / "dev.tsv.gz").symlink_to((data / "sst2" / "dev.tsv.gz").resolve())
        (folder / "corpus").symlink_to((data / "corpus").resolve())
        with gzip.open(train_file, "wt", encoding="utf-8") as file:
            file.writelines(lines)
    return folder


def run_one(option: str, seed: int, data: Path, checkpoints: Path | None, runs: Path) -> Any:
    """Train and measure one option with one seed; the result is kept in its run folder."""
    recipe, _, parent = RUNS[option]
    recipe = replace(recipe, seed=seed)
    out = _run_folder(option, seed, runs)
    kept = out / "result.json"
    if kept.is_file():
        return json.loads(kept.read_text())
    teacher = _folder("sst2-n1", checkpoints)
    start = _run_folder(parent, seed, runs) if parent in RUNS else teacher
    train(recipe, small_data(data, runs), out, start=start, teacher=teacher, resume=True)
    checkpoint = checkpoint_of_run(out)
    rows = read_data(data / recipe.task_dev, checkpoint)
    dev = evaluate(checkpoint, rows, name="dev", groupings=GROUPINGS)
    assert dev.accuracy is not None
    assert dev.retrieval_accuracy is not None
    trained_head = any(stage.task_coeff and stage.objective == "task" for stage in recipe.stages)
    result = {
        "option": option,
        "seed": seed,
        "accuracy": dev.accuracy.mean if trained_head else None,
        "read_back": dev.retrieval_accuracy.value,
    }
    kept.write_text(json.dumps(result))
    return result


def _run_folder(option: str, seed: int, runs: Path) -> Path:
    words = "".join(c if c.isalnum() else "-" for c in option)
    return runs / f"ablation-{words}-{seed}"


def _folder(name: str, checkpoints: Path | None) -> Path:
    folder = bundled_folder(name) if checkpoints is None else checkpoints / name
    if folder is None:
        raise SystemExit(f"no bundled checkpoint {name}")
    return folder


def table(results: Sequence[dict[str, Any]]) -> str:
    """One line per option: mean ± std over seeds, and the mean paired difference."""
    lines = [
        "| option | seeds | dev accuracy | difference | read-back | difference |",
        "|---|---|---|---|---|---|",
    ]
    for option, (_, versus, _) in RUNS.items():
        mine = {r["seed"]: r for r in results if r["option"] == option}
        cells = [option, str(len(mine))]
        for name in ("accuracy", "read_back"):
            values = [r[name] for r in mine.values() if r[name] is not None]
            other = {r["seed"]: r[name] for r in results if r["option"] == versus}
            pairs = [r[name] - other[s] for s, r in mine.items() if other.get(s) is not None]
            cells.append(_spread(values))
            cells.append(_spread(pairs, sign=True) if pairs else "")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _spread(values: Sequence[float], *, sign: bool = False) -> str:
    if not values:
        return "n/a"
    mean = f"{statistics.mean(values):{'+' if sign else ''}.3f}"
    return mean + (f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--checkpoints", type=Path, help="folder of sst2-n1")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    results = []
    for seed in options.seeds:
        for option in RUNS:
            results.append(run_one(option, seed, options.data, options.checkpoints, options.runs))
            print(json.dumps(results[-1]), flush=True)
    print(table(results))
    if options.json:
        about = {"torch": torch.__version__, "threads": options.threads, "results": results}
        options.json.write_text(json.dumps(about, indent=1) + "\n")


if __name__ == "__main__":
    main()
