"""The Python that gives what a panel shows; it runs as pasted, in a notebook or a script."""

from __future__ import annotations

from muxviz.batch import Row
from muxviz.ui.runs import TIMED_PASSES, RunRequest


def snippet(request: RunRequest, figure: str, call: str, *, timed: bool = False) -> str:
    """Code that repeats ``request`` and ends with drawing ``call`` by ``figure``'s function."""
    where = f", device={request.device!r}, dtype={request.dtype!r}"
    lines = [
        "import muxviz",
        f"from muxviz.figures import {figure}",
        "from muxviz.inference import Row, run_group",
        "",
        f"checkpoint = muxviz.load({request.checkpoint!r}{where})",
    ]
    if request.baseline:
        lines.append(f"baseline = muxviz.load({request.baseline!r}{where})")
    lines += [
        "rows = [",
        *(f"    {_row(row)}," for row in request.rows),
        "]",
        f"result = run_group({', '.join(_arguments(request, timed))})",
        call,
    ]
    return "\n".join(lines)


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
