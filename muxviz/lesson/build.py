"""All nine steps from what was recorded."""

from __future__ import annotations

from muxviz import recorded
from muxviz.errors import DataError
from muxviz.files import LARGEST_JSON, read_text
from muxviz.lesson.first import keys, one_pass, token
from muxviz.lesson.price import broken, seating, sharing
from muxviz.lesson.reading import depth, leaks, read_back
from muxviz.lesson.step import Step
from muxviz.results.lessons import Lessons
from muxviz.results.store import from_json
from muxviz.results.throughput import TradeoffRun


def build(found: Lessons, tradeoff: TradeoffRun | None = None) -> tuple[Step, ...]:
    """The steps in order; without a trade-off the last one has no closing picture."""
    return (
        one_pass(found),
        token(found),
        keys(found),
        read_back(found),
        leaks(found),
        depth(found),
        seating(found),
        sharing(found),
        broken(found, tradeoff),
    )


def recorded_lessons() -> Lessons:
    """What is packaged.

    Raises:
        DataError: it is missing, damaged or something else.
    """
    path = recorded.learn_file()
    if not path.is_file():
        raise DataError(f"{path} is missing; make recorded writes it")
    found = from_json(read_text(path, most=LARGEST_JSON), path.name)
    if not isinstance(found, Lessons):
        raise DataError(f"{path} does not hold the lessons; record them again: make recorded")
    return found


def recorded_tradeoff() -> TradeoffRun | None:
    """The packaged trade-off; None where there is none.

    Raises:
        DataError: it is damaged.
    """
    path = recorded.tradeoff_file()
    if not path.is_file():
        return None
    run = from_json(read_text(path, most=LARGEST_JSON), path.name)
    if not isinstance(run, TradeoffRun):
        raise DataError(f"{path} does not hold a trade-off; record it again")
    return run
