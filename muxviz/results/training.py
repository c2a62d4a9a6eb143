"""A training run as its folder tells it: what it is, its curves, and texts read back on the way.

Steps are optimiser steps done; slots are counted from 0. Losses are means since the row before, in
the unit of their term (nats for cross-entropies and divergences).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ALIVE = ("starting", "running", "stopping")


@dataclass(frozen=True)
class StageSpan:
    """The steps of one stage: after ``first`` (exclusive) up to ``last`` (inclusive)."""

    name: str
    first: int
    last: int


@dataclass(frozen=True)
class RunCurves:
    """What was logged, one row every few steps.

    steps: [rows] int64, rising. terms: names of the losses and accuracies. values: [terms, rows]
    float64, NaN where a term was not part of a step. retrieval: [rows, N] share of tokens read back
    per slot in [0, 1], NaN where not measured; [rows, 0] without it. seconds: [rows] of training,
    over all sessions. instances, tokens: [rows] so far. unreadable: lines that were left out.
    """

    name: str
    num_instances: int
    stages: tuple[StageSpan, ...]
    steps: np.ndarray
    terms: tuple[str, ...]
    values: np.ndarray
    retrieval: np.ndarray
    learning_rate: np.ndarray
    seconds: np.ndarray
    instances: np.ndarray
    tokens: np.ndarray
    instances_per_s: np.ndarray
    tokens_per_s: np.ndarray
    unreadable: int = 0

    def term(self, name: str) -> np.ndarray | None:
        """``values`` of one term ``[rows]``, or None when it was never logged."""
        return self.values[self.terms.index(name)] if name in self.terms else None


@dataclass(frozen=True)
class SlotSample:
    """A text in a slot and what the retrieval head read back; ``right`` of ``tokens`` agree."""

    slot: int
    text: str
    read: str
    right: int
    tokens: int


@dataclass(frozen=True)
class TrainingSample:
    """The same N texts of the dev set, read back at one step."""

    step: int
    slots: tuple[SlotSample, ...]


@dataclass(frozen=True)
class RunSummary:
    """One run, without its curves.

    state: "starting", "running", "stopping", "finished", "stopped", "failed", "interrupted" (it
    says running, but its process is gone), "elsewhere" (it runs on another machine, as far as its
    files tell), "recorded" (part of a checkpoint) or "empty" (nothing was logged yet). message: of
    the run itself. step, total_steps: 0 where not known. resume: arguments after ``muxviz`` that go
    on with the run, or (). hardware: pairs of words. updated, started: ISO 8601, or "".
    """

    name: str
    folder: str
    state: str
    message: str = ""
    step: int = 0
    total_steps: int = 0
    stage: str = ""
    num_instances: int = 1
    seed: int | None = None
    commit: str = ""
    recipe_file: str = ""
    start: str = ""
    teacher: str = ""
    started: str = ""
    updated: str = ""
    host: str = ""
    pid: int | None = None
    has_state: bool = False
    hardware: tuple[tuple[str, str], ...] = ()
    command: tuple[str, ...] = ()

    @property
    def is_alive(self) -> bool:
        """Whether its process runs on this machine, so that it can be followed and stopped."""
        return self.state in ALIVE
