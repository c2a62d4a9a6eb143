"""Questions about random groups of the pool: their run, what they depend on, their Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from muxviz.pool import pool_name
from muxviz.ui.study.python import analysis_snippet
from muxviz.ui.study.runs import RunRequest


def pooled(run: RunRequest, *, baseline: bool = False) -> RunRequest:
    """The run as far as random groups depend on it: no sentences of the user's.

    baseline: whether it is asked about the N = 1 model too.
    """
    kept = run.baseline if baseline else ""
    return replace(run, rows=(), fill="repeat", equal_slots=False, baseline=kept)


def pool_params(groups: int) -> tuple[tuple[str, Any], ...]:
    """For an ``Ask``: how many random groups, and what they are drawn from."""
    return (("the number of random groups", groups), ("the pool", pool_name()))


def pool_code(run: RunRequest, imports: Sequence[str], lines: Sequence[str]) -> str:
    """Python over the pool: no rows of the user's."""
    code = analysis_snippet(run, imports, lines)
    return code.replace("from muxviz.batch import Row\n", "").replace("rows = [\n]\n", "")
