"""Peak memory of one contender of ``muxviz bench train``, in a process of its own."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import torch

from muxviz.training.bench import Memory, Setting, make_accelerator, make_stepper

MIB = 2**20
STEPS = 3  # the optimiser's state exists from the second on


def measure_memory(setting: Setting, stage: str, num: int) -> Memory:
    """Resident memory (on a GPU: the tensors' there) before the set-up and at its highest."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure, setting, stage, num).result()


def _measure(setting: Setting, stage: str, num: int) -> Memory:
    accelerator = make_accelerator(setting)
    device = accelerator.device
    on_gpu = device.type == "cuda"
    before = torch.cuda.memory_allocated(device) if on_gpu else psutil.Process().memory_info().rss
    stepper = make_stepper(setting, stage, num, accelerator)
    for step in range(STEPS):
        stepper.step(step)
    highest = torch.cuda.max_memory_allocated(device) if on_gpu else peak_bytes()
    return Memory(before / MIB, highest / MIB)


def peak_bytes() -> int:
    """The highest resident memory of this process so far."""
    status = Path("/proc/self/status")
    if status.is_file():  # Linux; getrusage there counts the parent's memory before exec too
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    info: Any = psutil.Process().memory_info()
    if hasattr(info, "peak_wset"):  # Windows
        return int(info.peak_wset)
    import resource

    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # macOS: bytes
