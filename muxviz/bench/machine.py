"""The machine a measurement ran on: what it is, what it can do at best, who else was using it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import psutil  # type: ignore[import-untyped]
import torch

from muxviz.engine.guard import synchronise
from muxviz.results.throughput import Machine
from muxviz.training.run_files import cpu_name

BUSY = 0.25  # processors taken by others, above which timings are spoilt
SIDES = (512, 1024, 2048)  # of the square matrices tried
COPIED = 1 << 27  # bytes, more than any cache holds
TRIES = 5
SLOW_S = 0.3  # of one matrix product


def describe(device: torch.device) -> Machine:
    """Names, threads and versions; ceilings and load are measured apart."""
    import transformers

    from muxviz import __version__

    on_gpu = device.type == "cuda"
    return Machine(
        device=torch.cuda.get_device_name(device) if on_gpu else "cpu",
        cpu=cpu_name(),
        cores=os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        versions=(
            f"muxviz {__version__}",
            f"torch {torch.__version__}",
            f"transformers {transformers.__version__}",
            *(f"onnxruntime {m.__version__}" for m in [sys.modules.get("onnxruntime")] if m),
        ),
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def with_ceilings(machine: Machine, device: torch.device, dtype: torch.dtype) -> Machine:
    """The same, with the fastest matrix product and copy of several tries."""
    return replace(
        machine, matmul_gflops=_matmul_gflops(device, dtype), copy_gbytes_s=_copy_gbytes(device)
    )


def _matmul_gflops(device: torch.device, dtype: torch.dtype) -> float:
    """Of the best size; where one is slow (float16 on many CPUs) larger ones are not tried."""
    best = 0.0
    for side in SIDES:
        left, right = (torch.ones(side, side, device=device, dtype=dtype) for _ in range(2))
        seconds = _fastest(lambda left=left, right=right: left @ right, device)  # type: ignore[misc]
        best = max(best, 2 * side**3 / seconds / 1e9)
        if seconds > SLOW_S:
            break
    return best


def _copy_gbytes(device: torch.device) -> float:
    """Bytes read and written per second."""
    source = torch.ones(COPIED // 4, device=device)
    target = torch.empty_like(source)
    return 2 * COPIED / _fastest(lambda: target.copy_(source), device) / 1e9


def _fastest(call: Callable[[], object], device: torch.device) -> float:
    """Seconds of the fastest of several calls."""
    best = float("inf")
    with torch.inference_mode():
        for _ in range(TRIES):
            synchronise(device)
            started = time.perf_counter()
            call()
            synchronise(device)
            best = min(best, time.perf_counter() - started)
    return best


@dataclass
class Load:
    """Processors that others took while something was measured; filled in at the end."""

    others: float = 0.0

    @property
    def is_busy(self) -> bool:
        """Whether timings are spoilt."""
        return self.others > BUSY


@contextmanager
def watched() -> Iterator[Load]:
    """Measure what other processes took of the processors inside the block."""
    load, started = Load(), time.perf_counter()
    before = _busy_seconds(), _own_seconds()
    try:
        yield load
    finally:
        spent = max(time.perf_counter() - started, 1e-9)
        others = (_busy_seconds() - before[0]) - (_own_seconds() - before[1])
        load.others = max(0.0, others / spent)


def _busy_seconds() -> float:
    """Processor seconds that all processes of this machine have used."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # Guests are counted in user time already; stolen time was nobody's here.
    return float(
        sum(times)
        - idle
        - getattr(times, "guest", 0.0)
        - getattr(times, "guest_nice", 0.0)
        - getattr(times, "steal", 0.0)
    )


def _own_seconds() -> float:
    times = psutil.Process().cpu_times()
    return float(times.user + times.system)
