"""``muxviz failures``: what of a labelled file fails, as a table and as a saved set."""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from muxviz.analysis.dataset.apart import by_workers
from muxviz.analysis.dataset.run import Elsewhere, measure_file
from muxviz.analysis.dataset.sample import table_path
from muxviz.batch import Seating
from muxviz.engine.spec import EngineSpec
from muxviz.errors import DataError
from muxviz.files import results_file
from muxviz.loading.load import load
from muxviz.results import to_json
from muxviz.results.worklist import LUCKY, Failure, Worklist
from muxviz.terminal import tell
from muxviz.training.strangers import Columns, guess, guess_labels, look

if TYPE_CHECKING:
    import argparse

    from muxviz.loading.checkpoint import Checkpoint

NONE = "none"
BAD_SHOWN = 5
TEXT = 70  # characters of a text in the table


def failures(options: argparse.Namespace) -> int:
    """Exit code 0, also where rows fail: ``muxviz test`` judges."""
    path = table_path(options.data)
    with results_file(options.json, sources=[path]) as write:
        place = {"device": options.device, "dtype": options.dtype}
        checkpoint = load(options.checkpoint, revision=options.revision, **place)
        baseline = _baseline(options, checkpoint)
        columns = _columns(options, checkpoint)
        began = time.perf_counter()
        with tqdm(unit="answer", file=sys.stderr) as bar:

            def progress(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            found = measure_file(
                checkpoint,
                path,
                columns=columns,
                baseline=load(baseline, **place) if baseline else None,
                grouping=options.grouping,
                groupings=options.groupings,
                seating=Seating(options.padding, seed=options.seed),
                batch=options.batch,
                elsewhere=_elsewhere(options, baseline, path) if options.workers else None,
                progress=progress,
            )
        _report(found, options.top, time.perf_counter() - began)
        write(to_json(found.saved()) + "\n")
    return 0


def _baseline(options: argparse.Namespace, checkpoint: Checkpoint) -> str:
    """Name of the N = 1 model; "" for none."""
    named = options.baseline or str(checkpoint.card.get("baseline") or "")
    return "" if named == NONE else named


def _elsewhere(options: argparse.Namespace, baseline: str, path: Path) -> Elsewhere:
    """Where windows are answered when there are workers."""
    place = (options.device, options.dtype)
    spec = EngineSpec(options.checkpoint, *place, options.revision)
    return partial(
        by_workers, spec, EngineSpec(baseline, *place) if baseline else None, path, options.workers
    )


def _columns(options: argparse.Namespace, checkpoint: Checkpoint) -> Columns:
    """As guessed, but for what was given.

    Raises:
        DataError: ``--means`` without an equals sign.
    """
    labels = checkpoint.config.labels
    table = look(table_path(options.data))
    known = guess(table, labels)
    pairs = [tuple(one.split("=", 1)) for one in options.means]
    if any(len(pair) < 2 for pair in pairs):
        raise DataError("--means takes WRITTEN=LABEL, such as --means good=positive")
    label = options.label or known.label
    given = {written.strip(): meant.strip() for written, meant in pairs}
    meant = dict(guess_labels(table, label, labels)) | given
    return Columns(
        options.text or known.text, label, options.pair or known.pair, tuple(meant.items())
    )


def _report(found: Worklist, top: int, seconds: float) -> None:
    made, done = found.provenance, len(found) * (len(found.groupings) + bool(found.baseline))
    print(f"{found.summary}.")
    print(f"  {found.data}: {len(found):,} rows, groups drawn among {found.window:,} at a time")
    if found.count(LUCKY):
        print(f"  lucky: {found.count(LUCKY):,} that N = 1 answers wrong and N does not")
    for name, wrong in zip(found.groupings, found.is_wrong, strict=True):
        print(f"  right, {name:<14} {1 - wrong.mean():.4f}")
    if found.baseline:
        print(
            f"  right, alone          {(found.alone_margins >= 0).mean():.4f}  ({found.baseline})"
        )
    print(f"  {made.line()}")
    print(f"  {seconds:.1f} s, {done / seconds:,.0f} answers a second")
    for row in found.bad[:BAD_SHOWN]:
        tell(f"left out: {row}")
    if found.bad_rows > BAD_SHOWN:
        tell(f"left out: {found.bad_rows - BAD_SHOWN:,} more")
    if top and found.failures:
        print("\nrow     kind             slot  margin  label -> answer (alone)  text  [tags]")
        for failure in found.failures[:top]:
            print(_line(failure))


def _line(failure: Failure) -> str:
    alone = f" ({failure.alone})" if failure.alone is not None else ""
    text = " ".join(failure.text.split())
    text = text if len(text) <= TEXT else f"{text[: TEXT - 3]}..."
    return (
        f"{failure.number:<7} {failure.kind:<16} {failure.slot + 1:>4}  {failure.margin:>6.2f}  "
        f"{failure.gold} -> {failure.answer}{alone}  {text}  [{', '.join(failure.tags)}]"
    )
