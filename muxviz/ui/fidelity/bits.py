"""The panel of the Fidelity page about bits: of one checkpoint, or of all that answer the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from muxviz.figures.fidelity import bits as figures
from muxviz.results.fidelity import Bits
from muxviz.results.store import to_json
from muxviz.ui.fidelity import text as words
from muxviz.ui.fidelity.params import ACROSS, DRAWS, UNIT
from muxviz.ui.fidelity.view import drawn_arguments, origin
from muxviz.ui.shell import checkpoints
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.study.panels import Panel
from muxviz.ui.study.pool_runs import pool_params, pooled
from muxviz.ui.study.question import Answer, Ask, Study, family, show
from muxviz.ui.study.runs import RunRequest

if TYPE_CHECKING:
    from muxviz.loading.checkpoint import Checkpoint
    from muxviz.ui.study.question import Progress


def bits_panel(run: RunRequest, bench: Bench) -> None:
    """Bits per vector, of this checkpoint or of all that answer the same question."""
    question = "How much does one vector carry?"
    own = pooled(run)
    others = tuple(pooled(r) for r in relatives(bench, run)) if value(ACROSS) == "task" else ()
    groups = int(value(DRAWS))
    study = Study(
        "fidelity_bits",
        question,
        Ask(own, "bits", pool_params(groups), others),
        f"{groups * (1 + len(others))} mixed sequences, {1 + len(others)} checkpoints",
        _bits(run, groups),
        lambda result: _bits_of(result, run, bench.is_dark),
        "Bits per position that one vector carries, slot by slot and in all, against N.",
    )
    st.divider()
    with st.container(horizontal=True, gap="medium"):
        control(ACROSS, help="All: every checkpoint here with these labels and two slots or more.")
        control(UNIT)
    show(study)


def relatives(bench: Bench, run: RunRequest) -> list[RunRequest]:
    """The other checkpoints with two slots or more that answer the same question."""
    listed = {c.name: c for c in checkpoints.bundled()}
    if bench.checkpoint is not None:
        listed[bench.checkpoint.name] = bench.checkpoint
    own = _labels(listed.get(run.checkpoint))
    return [
        other
        for other in family(bench)
        if other.checkpoint != run.checkpoint
        and other.num_instances > 1
        and own is not None
        and _labels(listed.get(other.checkpoint)) == own
    ]


def _labels(listed: checkpoints.Listed | None) -> Any:
    """What a checkpoint answers with, as its configuration says; None where it does not."""
    if listed is None or listed.folder is None:
        return None
    return checkpoints.read_object(listed.folder / "config.json").get("id2label")


def _bits(run: RunRequest, groups: int) -> Any:
    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Bits:
        from muxviz.analysis.fidelity.capacity import bits
        from muxviz.pool import texts

        return bits(checkpoint, texts(), draws=groups, progress=progress, **run.pool_options)

    return work


def _bits_of(found: Bits | tuple[Answer, ...], run: RunRequest, dark: bool) -> Panel:
    answers = (Answer(run, found),) if isinstance(found, Bits) else found
    results = tuple(a.result for a in answers if a.result is not None)
    unit = value(UNIT)
    names = [r.provenance.checkpoint for r in results]
    code = "\n".join(
        [
            "import muxviz",
            "from muxviz.analysis.fidelity.capacity import bits",
            "from muxviz.figures.fidelity.bits import bits_figure",
            "from muxviz.pool import texts",
            "",
            f"names = {names!r}",
            f"where = {{'device': {run.device!r}, 'dtype': {run.dtype!r}}}",
            "results = [",
            f"    bits(muxviz.load(name, **where), texts(), {drawn_arguments(run)})",
            "    for name in names",
            "]",
            f"bits_figure(results, unit={unit!r}).show()",
        ]
    )
    missing = [f"{a.run.checkpoint}: {a.reason}" for a in answers if a.result is None]
    return Panel(
        "fidelity_bits",
        (figures.bits_figure(results, unit=unit, dark=dark),),
        (figures.bits_alt(results, unit=unit),),
        figures.bits_table(results, unit=unit),
        words.BITS_HOW,
        words.BITS_LIMITS,
        lambda: to_json(results),
        code,
        " ◦ ".join(
            [*(origin(r) for r in results[:1]), *(_short(r) for r in results[1:]), *missing]
        ),
    )


def _short(result: Bits) -> str:
    made = result.provenance
    return f"{made.checkpoint} ({made.fingerprint}), {result.groups} groups"
