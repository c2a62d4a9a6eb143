"""Windows of a labelled file spread over processes or GPUs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from muxviz.analysis.dataset.run import Answered, Run, Span, answer_window, spans, tokenised
from muxviz.batch import Seating
from muxviz.engine.spec import EngineSpec
from muxviz.engine.workers import spread
from muxviz.errors import DataError
from muxviz.training.strangers import Columns


@dataclass(frozen=True)
class Task:
    """What a worker needs to make the run again, with engines of its own."""

    spec: EngineSpec
    alone: EngineSpec | None
    ways: tuple[str, ...]
    seating: Seating
    batch: int
    path: Path
    columns: Columns
    size: int

    def open(self) -> Run:
        """The run, which counts nothing."""
        alone = self.alone.engine() if self.alone else None
        return Run(self.spec.engine(), alone, self.ways, self.seating, self.batch, 0, None)


class WindowWorker:
    """Answers windows, each named by the row of the file at which it begins."""

    def __init__(self, task: Task) -> None:
        self.task, self.run = task, task.open()
        self._spans: Iterator[Span] = iter(())
        self._read = -1

    def __call__(self, start: int) -> Answered:
        """One window.

        Raises:
            DataError: the file no longer has it.
        """
        span = self._span(start)
        return answer_window(self.run, tokenised(self.run, span, self.task.columns))

    def _span(self, start: int) -> Span:
        """Windows come in order, so the file is read on; anew for an earlier one."""
        task = self.task
        if not 0 <= self._read <= start:
            labels = self.run.engine.checkpoint.config.labels
            self._spans = spans(task.path, task.columns, tuple(labels), task.size, start)
        span = next((one for one in self._spans if one.start == start), None)
        if span is None:
            raise DataError(f"{task.path} changed while it was read; start anew")
        self._read = span.read
        return span


def by_workers(
    spec: EngineSpec,
    alone: EngineSpec | None,
    path: Path,
    workers: int,
    run: Run,
    columns: Columns,
    size: int,
    starts: Sequence[int],
) -> Iterator[Answered]:
    """The windows that begin at ``starts``, in order; the file has the same path everywhere."""
    alone = alone if run.alone else None
    task = Task(spec, alone, run.ways, run.seating, run.batch, path.absolute(), columns, size)
    yield from spread(starts, partial(WindowWorker, task), workers=workers, device=spec.device)
