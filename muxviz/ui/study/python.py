"""The Python that gives what a panel shows; it runs as pasted, in a notebook or a script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from muxviz.batch import Row, Seating
from muxviz.ui.study.runs import TIMED_PASSES, RunRequest

RUN_IMPORTS = (
    "import muxviz",
    "from muxviz.batch import Row",
    "from muxviz.inference import run_group",
)


def run_lines(request: RunRequest, *, timed: bool = False) -> tuple[str, ...]:
    """Statements that make the run of ``request`` again, with ``RUN_IMPORTS`` above."""
    return (*input_lines(request), f"result = run_group({', '.join(_arguments(request, timed))})")


def seating_argument(run: RunRequest) -> list[str]:
    """``["seating=muxviz.Seating(seed=3)"]``, with what is not the default; empty where all is."""
    told = {field.name: getattr(run.seating, field.name) for field in fields(Seating)}
    said = [f"{name}={value!r}" for name, value in told.items() if value != getattr(Seating, name)]
    return [f"seating=muxviz.Seating({', '.join(said)})"] if said else []


def ordered(imports: Sequence[str]) -> list[str]:
    """Each statement once, plain imports before ``from`` imports, each in order."""
    return sorted(dict.fromkeys(imports), key=lambda line: (line.startswith("from"), line))


def input_lines(request: RunRequest) -> list[str]:
    """Statements that load the models and name the rows."""
    where = f", device={request.device!r}, dtype={request.dtype!r}"
    lines = [f"checkpoint = muxviz.load({request.checkpoint!r}{where})"]
    if request.baseline:
        lines.append(f"baseline = muxviz.load({request.baseline!r}{where})")
    if not request.rows:
        return lines
    return [*lines, "rows = [", *(f"    {_row(row)}," for row in request.rows), "]"]


def _row(row: Row) -> str:
    return f"Row({row.text!r})" if row.pair is None else f"Row({row.text!r}, {row.pair!r})"


def _arguments(request: RunRequest, timed: bool) -> list[str]:
    arguments = ["checkpoint", "rows"]
    if request.baseline:
        arguments.append("baseline=baseline")
    elif request.equal_slots:
        arguments.append("equal_slots=True")
    arguments += seating_argument(request)
    if timed:
        arguments.append(f"timing_repeats={TIMED_PASSES}")
    return arguments
