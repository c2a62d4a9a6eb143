"""Panels of the Fidelity page about answers: against alone, labels, model B; and bits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from muxviz.figures import fidelity_answers as figures
from muxviz.figures import fidelity_bits as bits_figures
from muxviz.results.fidelity import Accuracy, Agreement, Bits, Confusion
from muxviz.results.store import to_json
from muxviz.ui import checkpoints
from muxviz.ui import fidelity_text as words
from muxviz.ui.fidelity_params import ACROSS, DRAWS, SCOPE, UNIT
from muxviz.ui.fidelity_view import (
    origin,
    pool_arguments,
    pool_code,
    pool_params,
    pooled,
)
from muxviz.ui.frame import Bench
from muxviz.ui.panels import Panel
from muxviz.ui.params import control, value
from muxviz.ui.python import analysis_snippet, call_arguments
from muxviz.ui.runs import RunRequest
from muxviz.ui.study import Answer, Ask, Study, family, show, sides

if TYPE_CHECKING:
    from muxviz.loading.checkpoint import Checkpoint
    from muxviz.ui.study import Progress

MODULE = "muxviz.figures.fidelity_answers"


# ---- against the answer alone -------------------------------------------------------------------


def agreement_panel(run: RunRequest, bench: Bench) -> None:
    """Answers in company against the N = 1 baseline's."""
    pool = value(SCOPE) == "pool"
    draws, num = int(value(DRAWS)), run.num_instances
    kept = replace(run, equal_slots=False)
    ask = (
        Ask(pooled(run, baseline=True), "agreement over the pool", pool_params())
        if pool
        else Ask(kept, "agreement")
    )
    alone = min(draws * num, 1000)
    show(
        Study(
            f"fidelity_agreement_{value(SCOPE)}",
            "Does company change the answer?",
            ask,
            f"{draws} mixed sequences, and up to {alone} sentences alone" if pool else "few passes",
            _agree(run, pool, draws),
            lambda result: _agreement(result, ask, run, bench.is_dark),
            "How often each slot gives the answer that its sentence gets alone, how far the two "
            "distributions are apart, and how far the margin moves.",
            instant=not pool,
            reason="" if num > 1 else "An N = 1 model has no company.",
        )
    )


def _agree(run: RunRequest, pool: bool, draws: int) -> Any:
    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Agreement:
        from muxviz.analysis.agreement import agreement, pool_agreement
        from muxviz.pool import texts

        if pool:
            return pool_agreement(
                checkpoint,
                texts(),
                baseline=baseline,
                draws=draws,
                seed=run.seed,
                padding=run.padding,
                progress=progress,
            )
        return agreement(
            checkpoint,
            run.rows,
            baseline=baseline,
            padding=run.padding,
            fill=run.filling,
            seed=run.seed,
        )

    return work


def _agreement(result: Agreement, ask: Ask, run: RunRequest, dark: bool) -> Panel:
    show_it = "agreement_figure(result).show()"
    imports = [f"from {MODULE} import agreement_figure"]
    if result.scope == "group":
        imports.append("from muxviz.analysis.agreement import agreement")
        call = f"result = agreement({call_arguments(run)}, baseline=baseline)"
        code = analysis_snippet(ask.run, imports, [call, show_it])
    else:
        imports += [
            "from muxviz.analysis.agreement import pool_agreement",
            "from muxviz.pool import texts",
        ]
        given = f"baseline=baseline, {pool_arguments(run)}"
        call = f"result = pool_agreement(checkpoint, texts(), {given})"
        code = pool_code(ask.run, imports, [call, show_it])
    return Panel(
        "fidelity_agreement",
        (figures.agreement_figure(result, dark=dark),),
        (figures.agreement_alt(result),),
        figures.agreement_table(result),
        words.AGREE_HOW,
        words.AGREE_LIMITS,
        lambda: to_json(result),
        code,
        f"{origin(result)} · alone: {result.baseline.checkpoint} ({result.baseline.fingerprint})",
    )


# ---- right answers ------------------------------------------------------------------------------


def accuracy_panel(run: RunRequest, bench: Bench) -> None:
    """Right answers on the labelled pool, per slot."""
    ask = Ask(pooled(run, baseline=True), "right answers", pool_params())
    groups = int(value(DRAWS))
    alone = f", and {groups * run.num_instances} sentences alone" if run.baseline else ""
    show(
        Study(
            "fidelity_right",
            "How often is each slot's answer right?",
            ask,
            f"{groups} mixed sequences{alone}",
            _right(run, groups),
            lambda result: _accuracy(result, ask, run, bench.is_dark),
            "The share of right answers per slot on labelled sentences of the pool, beside the "
            "N = 1 baseline's on the same sentences.",
        )
    )


def _right(run: RunRequest, groups: int) -> Any:
    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        from muxviz.analysis.agreement import accuracy
        from muxviz.analysis.draws import part_of
        from muxviz.pool import read_pool

        pool = [s for s in read_pool() if s.split == "pool"]
        texts, labels = [s.text for s in pool], [s.label for s in pool]
        sentences = groups * run.num_instances
        total = groups + (sentences if baseline is not None else 0)
        found = accuracy(
            checkpoint,
            texts,
            labels,
            draws=groups,
            seed=run.seed,
            padding=run.padding,
            progress=part_of(progress, 0, total),
        )
        if baseline is None or found.is_partial:
            return (found, None)
        told = part_of(progress, groups, total)
        alone = accuracy(baseline, texts, labels, draws=sentences, seed=run.seed, progress=told)
        return (found, alone)

    return work


def _accuracy(
    both: tuple[Accuracy, Accuracy | None], ask: Ask, run: RunRequest, dark: bool
) -> Panel:
    result, alone = both
    imports = [
        f"from {MODULE} import accuracy_figure",
        "from muxviz.analysis.agreement import accuracy",
        "from muxviz.pool import read_pool",
    ]
    lines = [
        "pool = [s for s in read_pool() if s.split == 'pool']",
        "texts, labels = [s.text for s in pool], [s.label for s in pool]",
        f"result = accuracy(checkpoint, texts, labels, {pool_arguments(run)})",
    ]
    if alone is None:
        lines.append("accuracy_figure(result).show()")
    else:
        count = int(value(DRAWS)) * run.num_instances
        lines += [
            f"alone = accuracy(baseline, texts, labels, draws={count}, seed={run.seed})",
            "accuracy_figure(result, alone).show()",
        ]
    return Panel(
        "fidelity_right",
        (figures.accuracy_figure(result, alone, dark=dark),),
        (figures.accuracy_alt(result, alone),),
        figures.accuracy_table(result, alone),
        words.RIGHT_HOW,
        words.RIGHT_LIMITS,
        lambda: to_json([result, alone]),
        pool_code(ask.run, imports, lines),
        origin(result),
    )


# ---- bits ---------------------------------------------------------------------------------------


def bits_panel(run: RunRequest, bench: Bench) -> None:
    """Bits per vector, of this checkpoint or of all that answer the same question."""
    question = "How much does one vector carry?"
    own = pooled(run)
    others = tuple(pooled(r) for r in relatives(bench, run)) if value(ACROSS) == "task" else ()
    groups = int(value(DRAWS))
    study = Study(
        "fidelity_bits",
        question,
        Ask(own, "bits", pool_params(), others),
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
        from muxviz.analysis.capacity import bits
        from muxviz.pool import texts

        return bits(
            checkpoint,
            texts(),
            draws=groups,
            seed=run.seed,
            padding=run.padding,
            progress=progress,
        )

    return work


def _bits_of(found: Bits | tuple[Answer, ...], run: RunRequest, dark: bool) -> Panel:
    answers = (Answer(run, found),) if isinstance(found, Bits) else found
    results = tuple(a.result for a in answers if a.result is not None)
    unit = value(UNIT)
    names = [r.provenance.checkpoint for r in results]
    code = "\n".join(
        [
            "import muxviz",
            "from muxviz.analysis.capacity import bits",
            "from muxviz.figures.fidelity_bits import bits_figure",
            "from muxviz.pool import texts",
            "",
            f"names = {names!r}",
            f"where = {{'device': {run.device!r}, 'dtype': {run.dtype!r}}}",
            "results = [",
            f"    bits(muxviz.load(name, **where), texts(), {pool_arguments(run)})",
            "    for name in names",
            "]",
            f"bits_figure(results, unit={unit!r}).show()",
        ]
    )
    missing = [f"{a.run.checkpoint}: {a.reason}" for a in answers if a.result is None]
    return Panel(
        "fidelity_bits",
        (bits_figures.bits_figure(results, unit=unit, dark=dark),),
        (bits_figures.bits_alt(results, unit=unit),),
        bits_figures.bits_table(results, unit=unit),
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


# ---- model B ------------------------------------------------------------------------------------


def confusion_panel(run: RunRequest, bench: Bench) -> None:
    """Answers of A against those of model B on the same sentences."""
    other = dict(sides(bench)).get("B")
    groups = int(value(DRAWS))
    both = replace(pooled(run), baseline=other.checkpoint if other else "")
    params = (*pool_params(), ("model B", other.stamp if other else ""))
    ask = Ask(both, "confusion", params)
    show(
        Study(
            "fidelity_confusion",
            "Where do A and B answer differently?",
            ask,
            f"{groups * run.num_instances} sentences through both checkpoints",
            _confuse(run, groups),
            lambda result: _confusion(result, ask, run, bench.is_dark),
            "A table of A's answers against B's on the same sentences, and whether one of them is "
            "right more often.",
            reason="" if other else "Choose a model B on the sidebar to compare answers.",
        )
    )


def _confuse(run: RunRequest, groups: int) -> Any:
    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Confusion:
        from muxviz.analysis.agreement import confusion
        from muxviz.pool import read_pool

        assert baseline is not None, "model B stands in its place"
        pool = [s for s in read_pool() if s.split == "pool"]
        return confusion(
            checkpoint,
            baseline,
            [s.text for s in pool],
            labels=[s.label for s in pool],
            draws=groups,
            seed=run.seed,
            padding=run.padding,
            progress=progress,
        )

    return work


def _confusion(result: Confusion, ask: Ask, run: RunRequest, dark: bool) -> Panel:
    imports = [
        f"from {MODULE} import confusion_figure",
        "from muxviz.analysis.agreement import confusion",
        "from muxviz.pool import read_pool",
    ]
    lines = [
        "pool = [s for s in read_pool() if s.split == 'pool']",
        "texts, labels = [s.text for s in pool], [s.label for s in pool]",
        f"result = confusion(checkpoint, baseline, texts, labels=labels, {pool_arguments(run)})",
        "confusion_figure(result).show()",
    ]
    made = result.other
    return Panel(
        "fidelity_confusion",
        (figures.confusion_figure(result, dark=dark),),
        (figures.confusion_alt(result),),
        figures.confusion_table(result),
        words.CONFUSION_HOW,
        words.CONFUSION_LIMITS,
        lambda: to_json(result),
        pool_code(ask.run, imports, lines),
        f"{result.sentences} sentences of {result.pool} · {result.provenance.line()} · B: "
        f"{made.checkpoint} ({made.fingerprint})",
    )
