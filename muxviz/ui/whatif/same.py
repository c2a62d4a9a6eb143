"""Twins, duplicates, and copies that are averaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from muxviz.figures.whatif import copies as copies_figures
from muxviz.figures.whatif import twins as figures
from muxviz.pool import balanced, pool_name
from muxviz.results.store import to_json
from muxviz.results.whatif_copies import Ensembling
from muxviz.results.whatif_orders import Duplicates, Twins
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.shell.text import plain, shorten
from muxviz.ui.study.panels import Panel, slot_mark
from muxviz.ui.study.pool_runs import pooled
from muxviz.ui.study.python import analysis_snippet, pool_arguments
from muxviz.ui.study.question import Ask, Study, show
from muxviz.ui.study.runs import RunRequest
from muxviz.ui.whatif import text as words
from muxviz.ui.whatif.params import DRAWS, TWIN
from muxviz.ui.whatif.parts import POOL_LINE, other_slot

if TYPE_CHECKING:
    from muxviz.loading.checkpoint import Checkpoint
    from muxviz.ui.study.question import Progress

LABELLED = 120  # sentences of the pool in an ensemble
PER_PAIR = 4  # of the draws that each pair of slots gets, one in
SHOWN = 90  # characters of a sentence


def same_view(run: RunRequest, bench: Bench) -> None:
    """Two alike, all alike, and several copies each."""
    slot = min(bench.slot, len(run.rows) - 1)
    first, second = run.rows[slot].text, _twin(run, bench, slot)
    show(_twins_study(run, bench, first, second))
    show(_duplicates_study(run, bench, first))
    show(_copies_study(run, bench))


def _twin(run: RunRequest, bench: Bench, slot: int) -> str:
    """The second sentence: written, or that of another slot."""
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"{slot_mark(slot)} {plain(shorten(run.rows[slot].text, SHOWN))}")
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            text = str(
                control(TWIN, help="A sentence that differs a little but is answered otherwise.")
            ).strip()
            other = 0
            if run.num_instances > 1 and not text:
                other = other_slot(run, bench, "or that of slot")
            with st.container(width=240):
                control(DRAWS, help="Of neighbours from the pool.")
    return text or run.rows[min(other, len(run.rows) - 1)].text


# ---- twins --------------------------------------------------------------------------------------


def _twins_study(run: RunRequest, bench: Bench, first: str, second: str) -> Study:
    draws = max(2, int(value(DRAWS)) // PER_PAIR)
    num = run.num_instances
    passes = (draws if num > 2 else 1) * num * (num - 1)

    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        from muxviz.analysis.whatif.twins import twins
        from muxviz.pool import texts

        return twins(
            checkpoint,
            first,
            second,
            baseline=baseline,
            draws=draws,
            pool=texts(),
            progress=progress,
            **run.pool_options,
        )

    def panel(result: Twins) -> Panel:
        held = ", baseline=baseline" if run.baseline else ""
        call = f"checkpoint, {first!r}, {second!r}{held}, draws={draws}, pool=texts()"
        lines = [f"result = twins({call}{pool_arguments(run)})", "twins_figure(result).show()"]
        imports = [
            "from muxviz.analysis.whatif.twins import twins",
            "from muxviz.figures.whatif.twins import twins_figure",
            POOL_LINE,
        ]
        return Panel(
            "twins",
            (figures.twins_figure(result, dark=bench.is_dark),),
            (figures.twins_alt(result),),
            figures.twins_table(result),
            words.TWINS_HOW,
            words.TWINS_LIMITS,
            lambda: to_json(result),
            analysis_snippet(run, imports, lines),
            f"{result.provenance.line()} · alone: {result.reference} · neighbours: {pool_name()}",
        )

    params = (
        ("the sentence", first),
        ("its twin", second),
        ("the number of draws", draws),
        ("the pool", pool_name()),
    )
    return Study(
        "twins",
        "Are twins told apart?",
        Ask(pooled(run, baseline=True), "twins", params),
        f"{passes} mixed sequences",
        work,
        panel,
        f"How often *{plain(shorten(first, SHOWN))}* and *{plain(shorten(second, SHOWN))}* keep, "
        "swap or share their answers, in every pair of slots.",
    )


# ---- duplicates ---------------------------------------------------------------------------------


def _duplicates_study(run: RunRequest, bench: Bench, text: str) -> Study:
    draws = int(value(DRAWS))

    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        from muxviz.analysis.whatif.twins import duplicates
        from muxviz.pool import texts

        return duplicates(
            checkpoint,
            text,
            pool=texts(),
            draws=draws,
            progress=progress,
            **run.pool_options,
        )

    def panel(result: Duplicates) -> Panel:
        call = f"checkpoint, {text!r}, draws={draws}, pool=texts()"
        lines = [
            f"result = duplicates({call}{pool_arguments(run)})",
            "duplicates_figure(result).show()",
        ]
        imports = [
            "from muxviz.analysis.whatif.twins import duplicates",
            "from muxviz.figures.whatif.twins import duplicates_figure",
            POOL_LINE,
        ]
        return Panel(
            "duplicates",
            (figures.duplicates_figure(result, dark=bench.is_dark),),
            (figures.duplicates_alt(result),),
            figures.duplicates_table(result),
            words.SAME_HOW,
            words.SAME_LIMITS,
            lambda: to_json(result),
            analysis_snippet(run, imports, lines),
            f"{result.provenance.line()} · {result.bias.draws} sentences of {pool_name()}",
        )

    params = (
        ("the sentence", text),
        ("the number of draws", draws),
        ("the pool", pool_name()),
    )
    return Study(
        "duplicates",
        "Do slots differ on the same sentence?",
        Ask(pooled(run), "duplicates", params),
        f"{draws + 1} mixed sequences",
        work,
        panel,
        "The selected sentence in all slots at once, and the slots' own bias over the pool.",
    )


# ---- ensembling ---------------------------------------------------------------------------------


def _copies_study(run: RunRequest, bench: Bench) -> Study:
    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        from muxviz.analysis.whatif.ensembling import ensembling

        return ensembling(checkpoint, balanced(LABELLED), progress=progress, **run.pool_options)

    def panel(result: Ensembling) -> Panel:
        lines = [
            f"result = ensembling(checkpoint, balanced({LABELLED}){pool_arguments(run)})",
            "copies_figure(result).show()",
        ]
        imports = [
            "from muxviz.analysis.whatif.ensembling import ensembling",
            "from muxviz.figures.whatif.copies import copies_figure",
            "from muxviz.pool import balanced",
        ]
        return Panel(
            "copies",
            (copies_figures.copies_figure(result, dark=bench.is_dark),),
            (copies_figures.copies_alt(result),),
            copies_figures.copies_table(result),
            words.COPIES_HOW,
            words.COPIES_LIMITS,
            lambda: to_json(result),
            analysis_snippet(run, imports, lines),
            f"{result.provenance.line()} · {result.sentences} sentences of {pool_name()}",
        )

    num = run.num_instances
    parts = {num // copies for copies in range(1, num + 1)}
    passes = sum(-(-LABELLED // part) for part in parts)
    return Study(
        "copies",
        "Do several copies of a sentence answer better?",
        Ask(pooled(run), "ensembling", (("the pool", pool_name()),)),
        f"{passes} mixed sequences of {LABELLED} labelled sentences",
        work,
        panel,
        "Accuracy against sentences per pass, and whether copies that disagree point at errors.",
    )
