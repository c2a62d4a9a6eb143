"""Contenders take turns, so that a machine that slows down slows all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from muxviz.engine.guard import synchronise
from muxviz.results.throughput import Quartiles

TURN_S = 0.02  # passes shorter than this are repeated within a turn


@dataclass(frozen=True)
class Contender:
    """Something to be timed. call: one pass, of ``instances`` texts of ``tokens`` tokens in all."""

    name: tuple[Any, ...]
    instances: int
    tokens: float
    call: Callable[[], Any]


@dataclass(frozen=True)
class Times:
    """Seconds. rounds ``[rounds]``: the median pass of each turn. passes: all of them."""

    rounds: np.ndarray
    passes: np.ndarray


@torch.inference_mode()
def take_turns(
    contenders: Sequence[Contender],
    *,
    rounds: int,
    device: torch.device,
    clock: Callable[[], float] = time.perf_counter,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Times]:
    """Time every contender once per round; the order turns round every round.

    The first turn of each warms up and is not counted.

    Args:
        contenders: in any order.
        rounds: counted turns of each.
        device: waited for before and after every pass.
        clock: seconds; for tests.
        progress: called with turns done and in all; may raise to stop.
    """
    total = (rounds + 1) * len(contenders)
    rows: list[list[float]] = [[] for _ in contenders]
    passes: list[list[float]] = [[] for _ in contenders]
    often = [1] * len(contenders)
    done = 0
    for number in range(rounds + 1):
        order = list(range(len(contenders)))
        for at in order if number % 2 else reversed(order):
            taken = [_timed(contenders[at], device, clock) for _ in range(often[at])]
            if number:
                rows[at].append(float(np.median(taken)))
                passes[at] += taken
            else:
                again = _timed(contenders[at], device, clock)
                often[at] = max(1, min(50, round(TURN_S / max(again, 1e-6))))
            done += 1
            progress(done, total)
    return [Times(np.asarray(r), np.asarray(p)) for r, p in zip(rows, passes, strict=True)]


def _timed(contender: Contender, device: torch.device, clock: Callable[[], float]) -> float:
    synchronise(device)
    started = clock()
    contender.call()
    synchronise(device)
    return clock() - started


def quartiles(values: np.ndarray) -> Quartiles:
    """Median and quartiles of one value per round."""
    q1, median, q3 = np.quantile(values, (0.25, 0.5, 0.75))
    return Quartiles(float(median), float(q1), float(q3))
