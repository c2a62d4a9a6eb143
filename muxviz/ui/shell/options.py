"""Choices with a short id (in links and requests) and a label (on screen)."""

from __future__ import annotations

from collections.abc import Mapping

from muxviz.ui.shell import session

COMPUTE = {
    "auto": "Automatic",
    "cpu-float32": "CPU, float32",
    "cpu-bfloat16": "CPU, bfloat16",
    "cuda-float32": "GPU, float32",
    "cuda-float16": "GPU, float16",
    "cuda-bfloat16": "GPU, bfloat16",
}
FILLS = {
    "repeat": "Repeat my rows",
    "published": "Published two draws",
    "refuse": "Refuse",
}
PADDINGS = {
    "default": "As the checkpoint says",
    "group": "To the group's longest",
    "fixed": "To a fixed length",
    "masked": "Kept out of the pass",
}
STRIPS = {"all": "All slots", "one": "Selected slot"}
LEAKS = {
    "all": "All positions",
    "common": "Within every sentence",
    "beyond": "Past the shortest",
}
LOSS_AXES = {"log": "Logarithmic", "linear": "Linear"}
FLAGS = (session.PAIRS, session.EQUAL)
CHOICES: Mapping[str, Mapping[str, str]] = {
    session.COMPUTE: COMPUTE,
    session.FILL: FILLS,
    session.PADDING: PADDINGS,
    session.STRIPS: STRIPS,
    session.LEAK_VIEW: LEAKS,
    session.LOSS_AXIS: LOSS_AXES,
}


def chosen(key: str, value: str) -> str | None:
    """The id meant by an id or a label of the choices of ``key``, or None."""
    table = CHOICES[key]
    return value if value in table else next((i for i, t in table.items() if t == value), None)


def flag(value: str) -> bool | None:
    """A truth value as links write it, or None."""
    return {"true": True, "1": True, "false": False, "0": False}.get(value.lower())


def compute(choice: str) -> tuple[str, str]:
    """Device and precision of a choice, as ``muxviz.load`` takes them."""
    device, _, dtype = choice.partition("-")
    return device, dtype or "auto"
