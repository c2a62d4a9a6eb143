"""What each of our own training options is worth, in short runs on the bundled family.

    python -m benchmarks.ablations --data DATA --json benchmarks/ablations.json

Options of the later stages go on from the N = 2 checkpoint with 60 steps of masked LM on general
English and 90 of SST-2; options of the slot vectors and of the start prime a model on read-back for
150 steps from the N = 1 checkpoint. Every option changes one thing, has the same steps, rows and
seeds as the run it is compared with, and is run with several seeds. Runs that are done are not
repeated, so the command can be stopped and started again. Printed: mean and standard deviation over
seeds of dev accuracy and read-back (one grouping), and of the paired difference.
"""

from __future__ import annotations

import argparse
import gzip
import statistics
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from muxviz import files
from muxviz.errors import MuxvizError
from muxviz.evaluation import evaluate, read_data
from muxviz.loading.bundled import bundled_folder
from muxviz.training.export import checkpoint_of_run
from muxviz.training.loop import train
from muxviz.training.recipe import Data, Parts, Recipe, Stage, Training

TRAIN_ROWS, GENERAL_ROWS, GROUPINGS = 10_000, 4_000, 1
PRIMING = Stage(
    "priming",
    steps=150,
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
    steps=60,
    learning_rate=3e-4,
    task_coeff=0.3,
    retrieval_coeff=0.5,
    retrieval_positions=64,
)
FINE_TUNING = Stage(
    "fine_tuning",
    steps=90,
    learning_rate=2e-4,
    warmup_steps=20,
    groups=8,
    task_coeff=1.0,
    bucketed_share=1.0,
)
LATER = Recipe(
    name="ablation",
    num_instances=2,
    stages=(PRE_TRAINING, FINE_TUNING),
    model=Parts(readout="mean", num_demux_layers=3, dropout=0.0),
    data=Data(
        labels=("negative", "positive"),
        general=("corpus/core_simplewiki.txt.xz",),
        general_rows=GENERAL_ROWS,
    ),
    training=Training(save_every=10_000),
)
FIRST = replace(LATER, stages=(PRIMING,))
FIVE = replace(FIRST, num_instances=5)
GUIDED = replace(PRE_TRAINING, hidden_coeff=2.0)
# option -> (recipe, the option it is compared with, the checkpoint it starts from)
RUNS: dict[str, tuple[Recipe, str, str]] = {
    "later stages, N = 2": (LATER, "", "sst2-n2"),
    "teacher-guided stage 2": (
        replace(LATER, stages=(GUIDED, FINE_TUNING)),
        "later stages, N = 2",
        "sst2-n2",
    ),
    "the same with its sentence vector": (
        replace(LATER, stages=(replace(GUIDED, sentence_coeff=1.0), FINE_TUNING)),
        "later stages, N = 2",
        "sst2-n2",
    ),
    "logit distillation": (
        replace(LATER, stages=(PRE_TRAINING, replace(FINE_TUNING, logit_coeff=1.0))),
        "later stages, N = 2",
        "sst2-n2",
    ),
    "rows made of two, labelled by the teacher": (
        replace(
            LATER,
            data=replace(LATER.data, compounds=8_000),
            stages=(PRE_TRAINING, replace(FINE_TUNING, logit_coeff=1.0, general_share=0.5)),
        ),
        "logit distillation",
        "sst2-n2",
    ),
    "groups of any length": (
        replace(LATER, stages=tuple(replace(s, bucketed_share=0.0) for s in LATER.stages)),
        "later stages, N = 2",
        "sst2-n2",
    ),
    "priming, N = 2": (FIRST, "", "sst2-n1"),
    "sign vectors": (
        replace(FIRST, model=replace(FIRST.model, instance_vectors="sign")),
        "priming, N = 2",
        "sst2-n1",
    ),
    "priming, N = 5": (FIVE, "", "sst2-n1"),
    "N = 5 from N = 2": (FIVE, "priming, N = 5", "sst2-n2"),
}


def small_data(data: Path, runs: Path) -> Path:
    """A data folder with the first rows of the training set, the rest linked."""
    folder = runs / "ablation-data"
    train_file = folder / "sst2" / "train.tsv.gz"
    if not train_file.is_file():
        train_file.parent.mkdir(parents=True)
        lines = islice(files.read_lines(data / "sst2" / "train.tsv.gz"), TRAIN_ROWS + 1)
        content = gzip.compress("".join(f"{line}\n" for line in lines).encode())
        (folder / "sst2" / "dev.tsv.gz").symlink_to((data / "sst2" / "dev.tsv.gz").resolve())
        (folder / "corpus").symlink_to((data / "corpus").resolve())
        files.write_whole(train_file, content)
    return folder


def run_one(option: str, seed: int, data: Path, checkpoints: Path | None, runs: Path) -> Any:
    """Train and measure one option with one seed; the result is kept in its run folder."""
    recipe, _, parent = RUNS[option]
    recipe = replace(recipe, seed=seed)
    words = "".join(c if c.isalnum() else "-" for c in option)
    out = runs / f"ablation-{words}-{seed}"
    kept = out / "result.json"
    if kept.is_file():
        return files.read_json(kept)
    start, teacher = (_folder(name, checkpoints) for name in (parent, "sst2-n1"))
    train(recipe, small_data(data, runs), out, start=start, teacher=teacher, resume=True)
    checkpoint = checkpoint_of_run(out)
    rows = read_data(data / recipe.data.task_dev, checkpoint)
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
    files.write_whole(kept, files.json_text(result))
    return result


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
    parser.add_argument("--checkpoints", type=Path, help="folder of sst2-n1 and sst2-n2")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=list(RUNS), help="options (default: all)")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    results = []
    with files.results_file(options.json) as write:
        for seed in options.seeds:
            for option in options.only or RUNS:
                results.append(
                    run_one(option, seed, options.data, options.checkpoints, options.runs)
                )
                print(files.json_text(results[-1]), flush=True)
        print(table(results))
        about = {"torch": torch.__version__, "threads": options.threads, "results": results}
        write(files.json_text(about, indent=1) + "\n")


if __name__ == "__main__":
    try:
        main()
    except MuxvizError as error:
        raise SystemExit(f"{error} [{error.code}]") from error
