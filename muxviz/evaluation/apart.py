"""Groupings of an evaluation spread over processes or GPUs: each worker runs whole groupings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from muxviz.engine.spec import EngineSpec
from muxviz.engine.workers import spread
from muxviz.evaluation.measure import grouping_runner
from muxviz.evaluation.passes import Answers
from muxviz.evaluation.sources import read_data
from muxviz.training.files import Source


@dataclass(frozen=True)
class Task:
    """What a worker needs to run a grouping of an evaluation."""

    spec: EngineSpec
    source: Source
    copies: int | None
    padding: str | None
    batch: int


def open_task(task: Task) -> Callable[[int], Answers]:
    """In a worker: load everything, and return what runs the grouping of a seed."""
    engine = task.spec.open()
    data = read_data(task.source, engine.checkpoint)
    return grouping_runner(
        engine.checkpoint,
        data,
        copies=task.copies,
        padding=task.padding,
        batch=task.batch,
        engine=engine,
    )


def run_apart(task: Task, workers: int, seeds: Sequence[int]) -> Iterator[Answers]:
    """The groupings of these seeds, in order, run by ``workers`` actors."""
    yield from spread(seeds, partial(open_task, task), workers=workers, device=task.spec.device)
