"""Any number of rows through an engine, in windows, with the answers in input order.

A window is so many groups' worth of rows. Its rows are grouped, groups of one length run together,
and the answers come out in the order the rows went in; while one window is computed, the next is
read and tokenised in another thread. Windows depend on the rows alone, so a run can be resumed at
a window's end, or spread over processes, and answers do not change.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from muxviz.batch import EncodedRow, Group, Row, Seating, encode_rows, make_group, nothing_to_read
from muxviz.engine.engine import Answering, Engine
from muxviz.errors import InputError, MuxvizError, NotFinite
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results import Answer

GROUPINGS = ("order", "length")
WINDOW_GROUPS = 512  # enough that most lengths fill a batch
WINDOW_CHARACTERS = 1 << 25  # a window is held in memory, and the next two beside it
LOOK_S = 0.2  # between looks whether anybody still wants the next window
T = TypeVar("T")


@dataclass(frozen=True)
class RowAnswer:
    """One input row: its number in the input (from 0), its slot, the answer, and whose it is."""

    number: int
    slot: int
    row: Row
    answer: Answer
    cut_text: str
    by: str = ""


@dataclass(frozen=True)
class RowError:
    """One input row that is not answered, and why; raised as ``kind`` where all must be."""

    number: int
    row: Row
    reason: str
    kind: type[MuxvizError] = InputError


@dataclass(frozen=True)
class Window:
    """Rows that are grouped together. bad: by row number, why a row cannot be answered."""

    start: int
    rows: tuple[Row, ...]
    bad: dict[int, str]


@dataclass(frozen=True)
class How:
    """How rows become groups.

    batch: groups per forward. seating: of each group; its fill and seed tell in a last short one.
    grouping: ``order`` takes N rows after another; ``length`` puts rows of like length of a window
    together, which wastes less padding and changes who shares a pass; they sit in their own order.
    """

    batch: int = 16
    seating: Seating = Seating()
    grouping: str = "order"

    def __post_init__(self) -> None:
        if self.grouping not in GROUPINGS:
            raise InputError(f"unknown grouping {self.grouping!r}; use {', '.join(GROUPINGS)}")


@dataclass(frozen=True)
class Ready:
    """A window's groups, tokenised: what the engine needs. numbers: per group, its rows'."""

    window: Window
    groups: list[Group]
    numbers: list[list[int]] = field(default_factory=list)


def run_texts(
    checkpoint: Checkpoint,
    rows: Iterable[Row],
    *,
    batch: int = 16,
    seating: Seating = Seating(),
    grouping: str = "order",
    engine: Answering | None = None,
    progress: Callable[[int], None] | None = None,
) -> Iterator[RowAnswer]:
    """Answer rows in input order, N to a group; the last group is filled up.

    Args:
        checkpoint: not modified.
        rows: read as needed, a window ahead.
        batch, seating, grouping: see ``How``.
        engine: of this checkpoint, or a chain that begins with it; None for one without int8 and
            compiling.
        progress: called with the number of rows done after each window.

    Raises:
        InputError: a row that cannot be answered (its number is named). NotFinite: one for which
            the model computes no numbers.
    """
    how = How(batch, seating, grouping)
    for answers in stream(engine or Engine(checkpoint), rows, how):
        for answer in answers:
            if isinstance(answer, RowError):
                raise answer.kind(f"text {answer.number + 1} {answer.reason}")
            yield answer
        if progress is not None:
            progress(answers[-1].number + 1)


def stream(
    engine: Answering, rows: Iterable[Row], how: How
) -> Iterator[list[RowAnswer | RowError]]:
    """The answers of one window of rows after another."""
    engine.checkpoint.need_tokenizer()
    size = window_rows(engine.checkpoint, how.batch)
    yield from answer_windows(engine, windows(rows, size), how)


def answer_windows(
    engine: Answering, found: Iterable[Window], how: How
) -> Iterator[list[RowAnswer | RowError]]:
    """The answers of one window after another; each is tokenised while its predecessor runs."""
    for ready in ahead(prepare(engine.checkpoint, window, how) for window in found):
        yield answer_window(engine, ready, how)


def window_rows(checkpoint: Checkpoint, batch: int) -> int:
    """Rows of a window."""
    return checkpoint.config.num_instances * max(WINDOW_GROUPS, batch)


def windows(
    rows: Iterable[Row],
    size: int,
    *,
    num: int = 1,
    refuse: Callable[[Row], str] = lambda row: "",
) -> Iterator[Window]:
    """Cut rows into windows of ``size`` rows that can be answered; reads no further than needed.

    Args:
        num: rows of a group; a window ends early, between groups, where its texts are very long.
        refuse: why a row cannot be answered, besides what its text says; "" where it can.
    """
    taken: list[Row] = []
    bad: dict[int, str] = {}
    start = characters = 0
    for number, row in enumerate(rows):
        taken.append(row)
        characters += len(row.text) + len(row.pair or "")
        if reason := nothing_to_read(row) or refuse(row):
            bad[number] = reason
        good = len(taken) - len(bad)
        is_long = characters > WINDOW_CHARACTERS and good % num == 0
        if good == size or len(taken) == 4 * size or is_long:
            yield Window(start, tuple(taken), bad)
            taken, bad, start, characters = [], {}, number + 1, 0
    if taken:
        yield Window(start, tuple(taken), bad)


def prepare(checkpoint: Checkpoint, window: Window, how: How) -> Ready:
    """Tokenise and group a window; its rows without a token join the bad ones."""
    kept = [n for n in range(len(window.rows)) if window.start + n not in window.bad]
    rows = [window.rows[n] for n in kept]
    found = encode_rows(checkpoint, rows, padding=how.seating.padding, keep_bad=True)
    bad = {window.start + n: e.why_not for n, e in zip(kept, found, strict=True) if e.why_not}
    window = replace(window, bad=window.bad | bad)
    encoded = [row for row in found if not row.why_not]
    kept = [n for n in kept if window.start + n not in window.bad]
    num = checkpoint.config.num_instances
    order = order_of(encoded, how.grouping)
    seats = [sorted(order[start : start + num]) for start in range(0, len(order), num)]
    return Ready(
        window,
        [make_group(checkpoint.config, [encoded[i] for i in seat], how.seating) for seat in seats],
        [[window.start + kept[i] for i in seat] for seat in seats],
    )


def order_of(encoded: Sequence[EncodedRow], grouping: str) -> list[int]:
    """The order in which rows fill groups."""
    if grouping == "order":
        return list(range(len(encoded)))
    lengths = np.asarray([len(row.ids) for row in encoded])
    return [int(i) for i in np.argsort(lengths, kind="stable")]


def answer_window(engine: Answering, ready: Ready, how: How) -> list[RowAnswer | RowError]:
    """Run a window's groups; answers and errors in input order."""
    window = ready.window
    found: dict[int, RowAnswer | RowError] = {
        n: RowError(n, window.rows[n - window.start], reason) for n, reason in window.bad.items()
    }
    given = engine.give(ready.groups, batch=how.batch)
    for numbers, own in zip(ready.numbers, given, strict=True):
        for number, one in zip(numbers, own, strict=True):
            row = window.rows[number - window.start]
            found[number] = (
                RowError(number, row, engine.not_finite, NotFinite)
                if one is None
                else RowAnswer(number, one.slot, row, one.answer, one.cut_text, one.by)
            )
    return [found[window.start + n] for n in range(len(window.rows))]


def ahead(items: Iterable[T]) -> Iterator[T]:
    """The same items, each made in another thread while its predecessor is used."""
    ready: queue.Queue[Any] = queue.Queue(maxsize=1)
    over = threading.Event()
    # A daemon: a thread that waits for a line of a pipe must not keep the process alive.
    feeding = threading.Thread(
        target=_feed, args=(items, ready, over), daemon=True, name="muxviz-ahead"
    )
    feeding.start()
    try:
        while (found := ready.get()) is not _END:
            if isinstance(found, _Failure):
                raise found.error
            yield found
    finally:
        over.set()


@dataclass(frozen=True)
class _Failure:
    error: BaseException


_END = object()


def _feed(items: Iterable[Any], ready: queue.Queue[Any], over: threading.Event) -> None:
    last: Any = _END
    try:
        for item in items:
            if not _put(ready, item, over):
                return
    except BaseException as error:  # raised again where the items are used
        last = _Failure(error)
    _put(ready, last, over)


def _put(ready: queue.Queue[Any], item: Any, over: threading.Event) -> bool:
    """Hand an item over; False when nobody wants more."""
    while not over.is_set():
        try:
            ready.put(item, timeout=LOOK_S)
        except queue.Full:
            continue
        return True
    return False
