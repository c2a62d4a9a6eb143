"""Panels of the Fidelity page about pruning: slots of A against B, and slots against sparsity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from muxviz.errors import NotApplicable
from muxviz.figures.fidelity import by_sparsity as figures
from muxviz.pool import labelled
from muxviz.results.by_sparsity import BySparsity, SlotRecord
from muxviz.results.group import Provenance
from muxviz.results.store import to_json
from muxviz.ui.fidelity import text as words
from muxviz.ui.fidelity.params import DRAWS, QUANTITY
from muxviz.ui.fidelity.view import drawn_arguments
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.shell.text import count
from muxviz.ui.study.panels import Panel
from muxviz.ui.study.pool_runs import pool_params, pooled
from muxviz.ui.study.pruned_family import sparsity_family, why_no_family
from muxviz.ui.study.question import Answer, Ask, Study, show, sides
from muxviz.ui.study.runs import PoolOptions, RunRequest

if TYPE_CHECKING:
    from muxviz.loading.checkpoint import Checkpoint
    from muxviz.ui.study.question import Progress

PAIR = "Do some slots change more than others from A to B?"
AGAINST = "Does pruning hurt some slots more than others?"


def pruning_panels(run: RunRequest, bench: Bench) -> None:
    """A against B slot by slot, then all checkpoints of the kind against sparsity."""
    st.divider()
    control(QUANTITY, help="What is compared; all three are counted at once.")
    _pair_panel(run, bench)
    _family_panel(run, bench)


def _pair_panel(run: RunRequest, bench: Bench) -> None:
    other = dict(sides(bench)).get("B")
    reason = ""
    if run.num_instances < 2:
        reason = "One text a pass: there are no slots to compare."
    elif other is None or other.num_instances != run.num_instances:
        reason = (
            f"Choose a model B with {run.num_instances} slots on the sidebar: a pruned model "
            "against its unpruned one, for example."
        )
    members = (run,) if other is None else (run, other)
    show(_study("fidelity_slot_change", PAIR, members, bench, reason, is_pair=True))


def _family_panel(run: RunRequest, bench: Bench) -> None:
    members = sparsity_family(bench)
    reason = why_no_family(bench, members)
    study = _study("fidelity_sparsity", AGAINST, members or (run,), bench, reason, is_pair=False)
    show(study)


def _study(
    key: str,
    question: str,
    members: Sequence[RunRequest],
    bench: Bench,
    reason: str,
    *,
    is_pair: bool,
) -> Study:
    groups = int(value(DRAWS))
    asked = [pooled(member, baseline=True) for member in members]
    size = groups * asked[0].num_instances
    return Study(
        key,
        question,
        Ask(asked[0], "slots of several checkpoints", pool_params(groups), tuple(asked[1:])),
        f"{2 * groups} mixed sequences on each of {count(len(asked), 'checkpoint')}, and up to "
        f"{size} sentences alone",
        _record(run_options=asked[0].pool_options, groups=groups),
        lambda result: _panel(key, result, asked, bench.is_dark, is_pair=is_pair),
        "The same random groups on both, slot by slot, with the difference and its interval."
        if is_pair
        else "One line per slot against sparsity, on the same random groups.",
        reason=reason,
    )


def _record(*, run_options: PoolOptions, groups: int) -> Any:
    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> SlotRecord:
        from muxviz.analysis.fidelity.by_sparsity import slot_record

        texts, labels = labelled()
        return slot_record(
            checkpoint,
            texts,
            labels=labels,
            baseline=baseline,
            draws=groups,
            progress=progress,
            **run_options,
        )

    return work


def _panel(
    key: str,
    found: Any,
    asked: Sequence[RunRequest],
    dark: bool,
    *,
    is_pair: bool,
) -> Panel:
    answers: Sequence[Answer] = found if isinstance(found, tuple) else (Answer(asked[0], found),)
    records = [a.result for a in answers if a.result is not None]
    missing = [f"{a.run.checkpoint}: {a.reason}" for a in answers if a.result is None]
    if len(records) < 2:
        return _too_few(key, answers)
    from muxviz.analysis.fidelity.by_sparsity import by_sparsity

    try:
        result = by_sparsity(records, seed=asked[0].seed)
    except NotApplicable as error:
        return _too_few(key, [Answer(a.run, None, str(error)) for a in answers])
    picked = str(value(QUANTITY))
    quantity = picked if picked in result.quantities else result.quantities[0]
    how, limits = (
        (words.CHANGE_HOW, words.CHANGE_LIMITS)
        if is_pair
        else (words.SPARSITY_HOW, words.SPARSITY_LIMITS)
    )
    return Panel(
        key,
        (_figure(result, quantity, dark=dark, is_pair=is_pair),),
        ((figures.slot_change_alt if is_pair else figures.sparsity_alt)(result, quantity),),
        (figures.slot_change_table if is_pair else figures.sparsity_table)(result, quantity),
        how,
        limits,
        lambda: to_json(result),
        _python(asked, quantity, is_pair=is_pair),
        " ◦ ".join(
            [result.origins[0].line(), *(_short(made) for made in result.origins[1:]), *missing]
        ),
    )


def _figure(result: BySparsity, quantity: str, *, dark: bool, is_pair: bool) -> Any:
    if is_pair:
        return figures.slot_change_figure(result, quantity, dark=dark)
    return figures.sparsity_figure(result, quantity, dark=dark)


def _too_few(key: str, answers: Sequence[Answer]) -> Panel:
    """In place of a picture: why fewer than two checkpoints can be compared."""
    table = [
        {"checkpoint": a.run.checkpoint, "why": a.reason or ("" if a.result else "not reached")}
        for a in answers
    ]
    told = "; ".join(f"{row['checkpoint']}: {row['why']}" for row in table if row["why"])
    return Panel(
        key,
        (),
        (),
        table,
        "Two checkpoints at least are needed, counted on the same groups.",
        told or "The work was stopped before the second checkpoint.",
        lambda: to_json(table),
        "",
        f"Nothing to compare. {told}".strip(),
    )


def _short(made: Provenance) -> str:
    return f"{made.named} ({made.fingerprint})"


def _python(asked: Sequence[RunRequest], quantity: str, *, is_pair: bool) -> str:
    figure = "slot_change_figure" if is_pair else "sparsity_figure"
    where = f"device={asked[0].device!r}, dtype={asked[0].dtype!r}"
    alone = asked[0].baseline
    return "\n".join(
        [
            "import muxviz",
            "from muxviz.analysis.fidelity.by_sparsity import by_sparsity, slot_record",
            f"from muxviz.figures.fidelity.by_sparsity import {figure}",
            "from muxviz.pool import labelled",
            "",
            "texts, labels = labelled()",
            f"baseline = muxviz.load({alone!r}, {where})" if alone else "baseline = None",
            "records = [",
            "    slot_record(",
            f"        muxviz.load(name, {where}), texts, labels=labels, baseline=baseline,",
            f"        {drawn_arguments(asked[0])},",
            "    )",
            f"    for name in {[run.checkpoint for run in asked]!r}",
            "]",
            f"result = by_sparsity(records{f', seed={asked[0].seed}' if asked[0].seed else ''})",
            f"{figure}(result, {quantity!r}).show()",
        ]
    )
