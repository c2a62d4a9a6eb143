"""Questions about random groups of the pool: their run, and what they depend on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from muxviz.pool import pool_name
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
