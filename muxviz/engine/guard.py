"""Around a forward pass: errors of the device as ours, and waiting for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from muxviz.errors import DeviceError
from muxviz.loading.checkpoint import Checkpoint


@contextmanager
def memory_guard(checkpoint: Checkpoint) -> Iterator[None]:
    """Turn the device's out-of-memory errors inside the block into ours.

    Raises:
        DeviceError: there was too little memory.
    """
    try:
        yield
    except RuntimeError as error:  # torch.OutOfMemoryError is one; the CPU allocator raises it bare
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        raise DeviceError(
            f"{checkpoint.name} ran out of memory on {checkpoint.device}; use shorter texts or "
            "fewer groups at a time, float16, or the CPU"
        ) from error


def synchronise(device: torch.device) -> None:
    """Wait until the device has done what it was given; a CPU always has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
