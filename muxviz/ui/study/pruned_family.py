"""Checkpoints that differ in how much of them was pruned away, and in nothing else that is told."""

from __future__ import annotations

from typing import Any

import streamlit as st

from muxviz.results.group import pruned_words
from muxviz.ui.shell import checkpoints, session
from muxviz.ui.shell.checkpoints import Listed, likeness
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.text import plain
from muxviz.ui.study.heading import base
from muxviz.ui.study.runs import RunRequest


def sparsity_family(bench: Bench) -> tuple[RunRequest, ...]:
    """The group as a run of every checkpoint like model A before pruning, by sparsity.

    Of equal sparsity only one is taken: model A, else the first.
    """
    chosen = bench.checkpoint
    own = likeness(chosen) if chosen is not None else None
    if chosen is None or own is None:
        return ()
    choices = [*checkpoints.bundled(), *st.session_state.get(session.OPENED, ())]
    alike = [c for c in choices if c != chosen and likeness(c) == own]
    by_sparsity: dict[float, Listed] = {}
    for listed in (chosen, *alike):
        by_sparsity.setdefault(round(listed.sparsity, 3), listed)
    found = (base(bench, by_sparsity[share]) for share in sorted(by_sparsity))
    return tuple(run for run in found if run is not None)


def why_no_family(bench: Bench, runs: tuple[RunRequest, ...]) -> str:
    """What is missing for a picture against sparsity; "" where nothing is."""
    if bench.num_instances < 2:
        return "One text a pass: there are no slots to compare."
    if len(runs) > 1:
        return ""
    chosen = bench.checkpoint
    name = plain(chosen.name) if chosen else "This model"
    how = pruned_words(chosen.sparsity) if chosen and chosen.sparsity else "unpruned"
    return (
        f"{name} ({how}) is the only sparsity of this kind here. Prune it with `muxviz prune`, or "
        "put checkpoints of the same kind, number of slots and task beside it."
    )


def origins_line(result: Any) -> str:
    """Where a result of several checkpoints is from: the first in full, the others by name."""
    first, *others = result.origins
    return " ◦ ".join([first.line(), *(f"{made.named} ({made.fingerprint})" for made in others)])
