"""Peak memory of one contender, in a process of its own."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import psutil  # type: ignore[import-untyped]
import torch

from muxviz.bench.contenders import Field, Key, Setting
from muxviz.loading.load import resolve_device
from muxviz.training.bench_memory import MIB, peak_bytes

PASSES = 3


def measure_memory(setting: Setting, key: Key) -> float:
    """MiB of a model and its passes, above what the process had with everything imported.

    On a CPU resident memory, on a GPU that of the tensors there.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure, setting, key).result()


def _measure(setting: Setting, key: Key) -> float:
    if setting.threads:
        torch.set_num_threads(setting.threads)
    device = resolve_device(setting.device)
    on_gpu = device.type == "cuda"
    process: Any = psutil.Process()
    before = torch.cuda.memory_allocated(device) if on_gpu else process.memory_info().rss
    contestants = Field(setting, device)
    contestants.add(key)
    with torch.inference_mode():
        for _ in range(PASSES):
            contestants.calls[key]()
    highest = torch.cuda.max_memory_allocated(device) if on_gpu else peak_bytes()
    return float(highest - before) / MIB
