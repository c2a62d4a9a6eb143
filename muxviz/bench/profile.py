"""Where the time of a pass goes, stage by stage: the whole walk against the engine's."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile

from muxviz.bench.shapes import check_length, pass_bytes, random_rows
from muxviz.engine.engine import Engine
from muxviz.engine.guard import check_room, synchronise
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model import fast
from muxviz.model.mux_model import MuxModel, PreparedInput

WALKS = ("before", "after")
STAGES = ("prepare", "embed and mix", "enter", "encoder", "demultiplexer", "head")


@dataclass(frozen=True)
class StageTimes:
    """Milliseconds per pass, medians over passes.

    stages: by name. total: of the whole pass, timed by itself. python: share of the pass in which
    no operator was running, in [0, 1].
    """

    stages: dict[str, float]
    total: float
    python: float

    def share(self, *names: str) -> float:
        """Of the sum over stages, in [0, 1]."""
        return sum(self.stages[name] for name in names) / sum(self.stages.values())


@torch.inference_mode()
def profile_pass(
    checkpoint: Checkpoint, *, batch: int, length: int, passes: int = 20, seed: int = 0
) -> dict[str, StageTimes]:
    """``before``: every stage of ``MuxModel.forward``; ``after``: what the engine does instead.

    Raises:
        TextTooLong: more tokens than positions. DeviceError: too little memory.
    """
    config = checkpoint.config
    check_length(config, length, checkpoint.name)
    check_room(
        pass_bytes(config, batch, length, traced=True),
        checkpoint.device,
        f"a pass of {batch:,} rows of {length:,} tokens",
    )
    rows = random_rows(checkpoint, batch, length, seed=seed)
    rows = tuple(row.to(checkpoint.device) for row in rows)  # type: ignore[assignment]
    engine = Engine(checkpoint)
    arrays = [row.cpu().numpy() for row in rows]
    whole: dict[str, Callable[[], Any]] = {
        "before": lambda: checkpoint.model(*rows),
        "after": lambda: engine.logits(*arrays),
    }
    walks = {"before": _before, "after": _after}
    models = {"before": checkpoint.model, "after": engine.model}
    taken: dict[str, list[dict[str, float]]] = {name: [] for name in WALKS}
    totals: dict[str, list[float]] = {name: [] for name in WALKS}
    for number in range(passes + 1):
        for name in WALKS:
            marks = walks[name](models[name], rows)
            started = time.perf_counter()
            whole[name]()
            synchronise(checkpoint.device)
            if number:
                taken[name].append(marks)
                totals[name].append(time.perf_counter() - started)
    return {
        name: StageTimes(
            {stage: _median([marks[stage] for marks in taken[name]]) for stage in STAGES},
            _median(totals[name]),
            _python_share(whole[name]),
        )
        for name in WALKS
    }


def _median(seconds: list[float]) -> float:
    return float(np.median(seconds) * 1000)


def _python_share(call: Callable[[], Any]) -> float:
    """Wall time of a pass that no operator accounts for (on a CPU)."""
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        begun = time.perf_counter()
        for _ in range(3):
            call()
        wall = time.perf_counter() - begun
    inside = sum(event.self_cpu_time_total for event in seen.key_averages()) / 1e6
    return max(0.0, 1 - inside / wall)


class _Marks:
    def __init__(self, device: torch.device) -> None:
        self.device, self.seconds = device, dict.fromkeys(STAGES, 0.0)
        self._last = time.perf_counter()

    def set(self, stage: str) -> None:
        synchronise(self.device)
        now = time.perf_counter()
        self.seconds[stage] += now - self._last
        self._last = now


def _before(model: MuxModel, rows: Any) -> dict[str, float]:
    marks = _Marks(rows[0].device)
    prepared = model.prepare(*rows)
    marks.set("prepare")
    mixture = model.mix(model.embed(prepared), prepared.mask)
    marks.set("embed and mix")
    hidden = model.enter(mixture)
    mask = model.encoder_mask(prepared.mask, hidden.dtype, hide_padding=False)
    marks.set("enter")
    hidden = model.encoder(hidden, mask)
    marks.set("encoder")
    return _read(model, hidden, prepared, marks, model.sentence_state)


def _after(model: MuxModel, rows: Any) -> dict[str, float]:
    marks = _Marks(rows[0].device)
    prepared = model.prepare(*rows)
    marks.set("prepare")
    mixture = fast.mixture(model, prepared)
    marks.set("embed and mix")
    hidden = model.enter(mixture)
    mask = model.encoder_mask(prepared.mask, hidden.dtype, hide_padding=False)
    marks.set("enter")
    hidden = fast.encoded(model, hidden, mask, prepared)
    marks.set("encoder")

    def state(hidden: torch.Tensor, prepared: PreparedInput) -> torch.Tensor:
        return fast.sentence_state(model, hidden, prepared)

    return _read(model, hidden, prepared, marks, state)


def _read(
    model: MuxModel,
    hidden: torch.Tensor,
    prepared: PreparedInput,
    marks: _Marks,
    state: Callable[[torch.Tensor, PreparedInput], torch.Tensor],
) -> dict[str, float]:
    states = state(hidden, prepared)
    marks.set("demultiplexer")
    head: Any = model.head
    head(states)
    marks.set("head")
    return marks.seconds
