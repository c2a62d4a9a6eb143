"""Numbers (and devices) that are typed as options: types for argparse, each with its range.

A value that nothing can mean is then refused before anything is read or built. Left out: options
with a closed list of values, which are argparse's ``choices``.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable

from muxviz.files import real_number, whole_number
from muxviz.printable import printable

MOST_SEED = 2**32 - 1  # what every generator of ours takes
ALWAYS_ALLOWED = 64  # threads, on small machines too; a million of them end the process
LEAST_RATE, MOST_RATE = 1e-9, 1e15  # of anything a second: beyond, no clock has measured it
MOST_SPARSITY = 0.999999  # settings are told apart to so many decimals


def whole(low: int, high: int) -> Callable[[str], int]:
    """The type of an option that is a whole number in [low, high]."""

    def parse(text: str) -> int:
        found = whole_number(text, low=low, high=high)
        if found is None:
            raise _refused(text, f"a whole number from {low:,} to {high:,}")
        return found

    return parse


def real(low: float, high: float, *, hint: str = "") -> Callable[[str], float]:
    """The type of an option that is a finite number in [low, high].

    Args:
        hint: an example, to follow the range.
    """

    def parse(text: str) -> float:
        found = real_number(text, low=low, high=high)
        if found is None:
            raise _refused(text, f"a number from {low:,g} to {high:,g}{hint and f', {hint}'}")
        return found

    return parse


def several(one: Callable[[str], float]) -> Callable[[str], tuple[float, ...]]:
    """The type of an option that is one number or several, with commas between."""

    def parse(text: str) -> tuple[float, ...]:
        return tuple(one(part) for part in text.split(","))

    return parse


def seed(text: str) -> int:
    """The type of a seed."""
    return whole(0, MOST_SEED)(text)


def threads(text: str) -> int:
    """The type of a number of CPU threads."""
    return whole(1, max(ALWAYS_ALLOWED, 4 * (os.cpu_count() or 1)))(text)


def device(text: str) -> str:
    """The type of a device; whether it is there is seen when it is used."""
    if not re.fullmatch(r"auto|cpu|cuda(:[0-9]{1,3})?", text):
        raise _refused(text, "auto, cpu, cuda or cuda:0")
    return text


def _refused(text: str, expected: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"got {printable(text[:40])}; expected {expected}")
