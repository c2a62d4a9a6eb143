"""Panels of the Fidelity page about answers: against alone, labels, model B."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from muxviz.figures.fidelity import answers as figures
from muxviz.pool import labelled
from muxviz.results.fidelity import Accuracy, Agreement, Confusion
from muxviz.results.store import to_json
from muxviz.ui.fidelity import text as words
from muxviz.ui.fidelity.params import DRAWS, SCOPE
from muxviz.ui.fidelity.view import drawn_arguments, origin
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import value
from muxviz.ui.study.panels import Panel
from muxviz.ui.study.pool_runs import pool_params, pooled
from muxviz.ui.study.python import analysis_snippet, call_arguments
from muxviz.ui.study.question import Ask, Study, show, sides
from muxviz.ui.study.runs import RunRequest

if TYPE_CHECKING:
    from muxviz.loading.checkpoint import Checkpoint
    from muxviz.ui.study.question import Progress

MODULE = "muxviz.figures.fidelity.answers"
LABELLED_POOL = "texts, labels = labelled()"


# ---- against the answer alone -------------------------------------------------------------------


def agreement_panel(run: RunRequest, bench: Bench) -> None:
    """Answers in company against the N = 1 baseline's."""
    pool = value(SCOPE) == "pool"
    draws, num = int(value(DRAWS)), run.num_instances
    kept = replace(run, equal_slots=False)
    ask = (
        Ask(pooled(run, baseline=True), "agreement over the pool", pool_params(draws))
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
        from muxviz.analysis.fidelity.agreement import agreement, pool_agreement
        from muxviz.pool import texts

        if pool:
            return pool_agreement(
                checkpoint,
                texts(),
                baseline=baseline,
                draws=draws,
                progress=progress,
                **run.pool_options,
            )
        return agreement(checkpoint, run.rows, baseline=baseline, **run.group_options)

    return work


def _agreement(result: Agreement, ask: Ask, run: RunRequest, dark: bool) -> Panel:
    show_it = "agreement_figure(result).show()"
    imports = [f"from {MODULE} import agreement_figure"]
    if result.scope == "group":
        imports.append("from muxviz.analysis.fidelity.agreement import agreement")
        call = f"result = agreement({call_arguments(run)}, baseline=baseline)"
        code = analysis_snippet(ask.run, imports, [call, show_it])
    else:
        imports += [
            "from muxviz.analysis.fidelity.agreement import pool_agreement",
            "from muxviz.pool import texts",
        ]
        given = f"baseline=baseline, {drawn_arguments(run)}"
        call = f"result = pool_agreement(checkpoint, texts(), {given})"
        code = analysis_snippet(ask.run, imports, [call, show_it])
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
    groups = int(value(DRAWS))
    ask = Ask(pooled(run, baseline=True), "right answers", pool_params(groups))
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
        from muxviz.analysis.fidelity.agreement import accuracy
        from muxviz.analysis.groups.draws import part_of

        texts, labels = labelled()
        sentences = groups * run.num_instances
        total = groups + (sentences if baseline is not None else 0)
        found = accuracy(
            checkpoint,
            texts,
            labels,
            draws=groups,
            progress=part_of(progress, 0, total),
            **run.pool_options,
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
        "from muxviz.analysis.fidelity.agreement import accuracy",
        "from muxviz.pool import labelled",
    ]
    lines = [
        LABELLED_POOL,
        f"result = accuracy(checkpoint, texts, labels, {drawn_arguments(run)})",
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
        analysis_snippet(ask.run, imports, lines),
        origin(result),
    )


# ---- model B ------------------------------------------------------------------------------------


def confusion_panel(run: RunRequest, bench: Bench) -> None:
    """Answers of A against those of model B on the same sentences."""
    other = dict(sides(bench)).get("B")
    groups = int(value(DRAWS))
    both = replace(pooled(run), baseline=other.checkpoint if other else "")
    params = (*pool_params(groups), ("model B", other.stamp if other else ""))
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
        from muxviz.analysis.fidelity.agreement import confusion

        assert baseline is not None, "model B stands in its place"
        texts, labels = labelled()
        return confusion(
            checkpoint,
            baseline,
            texts,
            labels=labels,
            draws=groups,
            progress=progress,
            **run.pool_options,
        )

    return work


def _confusion(result: Confusion, ask: Ask, run: RunRequest, dark: bool) -> Panel:
    imports = [
        f"from {MODULE} import confusion_figure",
        "from muxviz.analysis.fidelity.agreement import confusion",
        "from muxviz.pool import labelled",
    ]
    lines = [
        LABELLED_POOL,
        f"result = confusion(checkpoint, baseline, texts, labels=labels, {drawn_arguments(run)})",
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
        analysis_snippet(ask.run, imports, lines),
        f"{result.sentences} sentences of {result.pool} · {result.provenance.line()} · B: "
        f"{made.checkpoint} ({made.fingerprint})",
    )
