"""Around a forward pass: errors of the device as ours, waiting for it, numbers that are none."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from muxviz.errors import DeviceError, NotApplicable, NotFinite
from muxviz.loading.checkpoint import Checkpoint, describe_dtype
from muxviz.loading.load import available_memory
from muxviz.printable import printable

_COMPILERS = ("torch._dynamo", "torch._inductor", "triton")  # modules of what they raise


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


@contextmanager
def compile_guard(name: str) -> Iterator[None]:
    """Turn errors of ``torch.compile`` inside the block into ours.

    They come at the first pass of every new shape, not where compiling is asked for.

    Args:
        name: what is compiled.

    Raises:
        NotApplicable: no compiler, or one that failed.
    """
    try:
        yield
    except Exception as error:
        is_compilers = type(error).__module__.startswith(_COMPILERS)
        if not is_compilers and not isinstance(error, OSError | subprocess.SubprocessError):
            raise
        said = printable(str(error).strip().partition("\n")[0][:200])
        raise NotApplicable(
            f"{name} cannot be compiled: {said or type(error).__name__}; torch.compile needs a C++ "
            "compiler (g++ or clang++), on a GPU also Triton; install it, or go on without "
            "compiling"
        ) from error


def check_room(need: float, device: torch.device, what: str) -> None:
    """See that so many bytes are free before they are asked for.

    Args:
        what: needs them, and what would make it less.

    Raises:
        DeviceError: they are not.
    """
    free = available_memory() if device.type == "cpu" else torch.cuda.mem_get_info(device)[0]
    if need > free:
        raise DeviceError(
            f"{what} needs about {need / 2**30:,.1f} GiB on {device}, where {free / 2**30:.1f} "
            "GiB are free; make it smaller"
        )


def not_finite(precision: str, what: str = "logits") -> str:
    """Why there is no answer, as words behind "text 3" or a checkpoint's name."""
    remedy = (
        "the weights are out of range, fetch or train the checkpoint again"
        if precision == "float32"
        else "use --dtype float32" + (" or bfloat16" if precision == "float16" else "")
    )
    return f"has {what} that are not finite numbers (NaN or infinity) in {precision}; {remedy}"


def need_finite(checkpoint: Checkpoint, *values: Tensor, what: str = "logits") -> None:
    """See that what a pass gave are numbers.

    Raises:
        NotFinite: NaN or infinity among ``values``.
    """
    for value in values:
        # One number first: of a vocabulary's logits a mask would take as much memory again.
        total = value.sum(dtype=torch.float64 if value.device.type != "mps" else torch.float32)
        if bool(torch.isfinite(total)) or bool(torch.isfinite(value).all()):
            continue
        raise NotFinite(f"{checkpoint.name} {not_finite(describe_dtype(checkpoint.dtype), what)}")


def synchronise(device: torch.device) -> None:
    """Wait until the device has done what it was given; a CPU always has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
