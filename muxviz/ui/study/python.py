"""The Python that gives what a panel shows; it runs as pasted, in a notebook or a script."""

from __future__ import annotations

from collections.abc import Sequence

from muxviz.batch import Row
from muxviz.ui.study.runs import TIMED_PASSES, RunRequest

RUN_IMPORTS = (
    "import muxviz",
    "from muxviz.batch import Row",
    "from muxviz.inference import run_group",
)


def run_lines(request: RunRequest, *, timed: bool = False) -> tuple[str, ...]:
    """Statements that make the run of ``request`` again, with ``RUN_IMPORTS`` above."""
    return (*input_lines(request), f"result = run_group({', '.join(_arguments(request, timed))})")


def call_arguments(run: RunRequest) -> str:
    """``"checkpoint, rows"`` and those of padding, fill and seed that are not the defaults."""
    arguments = ["checkpoint", "rows"]
    if run.padding:
        arguments.append(f"padding={run.padding!r}")
    if run.filling != "repeat":
        arguments.append(f"fill={run.filling!r}")
    if run.seed:
        arguments.append(f"seed={run.seed}")
    return ", ".join(arguments)


def pool_arguments(run: RunRequest) -> str:
    """``", padding='group', seed=3"``: those that are not the defaults, of a call over the pool."""
    padding = f", padding={run.padding!r}" if run.padding else ""
    return padding + (f", seed={run.seed}" if run.seed else "")


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
    if request.padding:
        arguments.append(f"padding={request.padding!r}")
    if request.fill == "published":
        arguments.append("fill='published'")
    if request.seed:
        arguments.append(f"seed={request.seed}")
    if timed:
        arguments.append(f"timing_repeats={TIMED_PASSES}")
    return arguments
