"""Why did this slot answer that? The first rungs of the ladder, with a right answer if given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from muxviz.figures.whatif import ladder as figures
from muxviz.pool import pool_name
from muxviz.results.store import to_json
from muxviz.results.whatif_ladder import Ladder
from muxviz.ui.shell.checkpoints import read_object
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import Choice, control, value
from muxviz.ui.shell.text import plain
from muxviz.ui.study.panels import Panel
from muxviz.ui.study.python import analysis_snippet, call_arguments
from muxviz.ui.study.question import Ask, Study, show
from muxviz.ui.study.runs import RunRequest
from muxviz.ui.whatif import text as words
from muxviz.ui.whatif.params import DRAWS, GOLD
from muxviz.ui.whatif.parts import POOL_LINE, only_fills

if TYPE_CHECKING:
    from muxviz.loading.checkpoint import Checkpoint
    from muxviz.ui.study.question import Progress

MAX_LABELS = 40
UNKNOWN = "I do not know"


def why_view(run: RunRequest, bench: Bench) -> None:
    """The right answer, the ladder, and what the answer was held against."""
    if only_fills(run, bench):
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        gold = _gold(bench)
        with st.container(width=260):
            control(DRAWS, help="Of other seats and orders, and of sentences for each neighbour.")
    above = st.container()
    result = show(_study(run, bench, gold))
    if isinstance(result, Ladder):
        with above:
            _say(result)


def _gold(bench: Bench) -> str:
    """The right answer, chosen among the checkpoint's labels; "" where it is not known."""
    labels = label_names(bench)
    if not labels:
        return ""
    options = {"": UNKNOWN} | {label: label for label in labels}
    return str(control(Choice(GOLD.key, f"{GOLD.label} of slot {bench.slot + 1}", options, "")))


def label_names(bench: Bench) -> tuple[str, ...]:
    """The classes of a sentence task, told from the configuration alone; () for other tasks."""
    folder = bench.checkpoint.folder if bench.checkpoint else None
    if folder is None:
        return ()
    config = read_object(folder / "config.json")
    named, kinds = config.get("id2label"), config.get("architectures")
    if not isinstance(named, dict) or not isinstance(kinds, list) or len(named) > MAX_LABELS:
        return ()
    if not any("SequenceClassification" in str(kind) for kind in kinds) or len(named) < 2:
        return ()
    return tuple(str(label) for label in named.values())


def _say(result: Ladder) -> None:
    """What the answer is held against, loudly."""
    kind = st.info if result.source == "gold" else st.warning
    text = f"**{plain(figures.target_words(result))}**"
    if result.is_right:
        text += " The present answer is that already, so the question is what would turn it."
    kind(text, icon=":material/flag:")


def _study(run: RunRequest, bench: Bench, gold: str) -> Study:
    slot, draws, num = bench.slot, int(value(DRAWS)), run.num_instances

    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        from muxviz.analysis.whatif.ladder import ladder
        from muxviz.pool import texts

        return ladder(
            checkpoint,
            run.rows,
            slot,
            gold=gold or None,
            baseline=baseline,
            draws=draws,
            pool=texts(),
            progress=progress,
            **run.group_options,
        )

    def panel(result: Ladder) -> Panel:
        given = f", gold={gold!r}" if gold else ""
        held = ", baseline=baseline" if run.baseline else ""
        call = f"{call_arguments(run)}, slot={slot}{given}{held}, draws={draws}, pool=texts()"
        imports = [
            "from muxviz.analysis.whatif.ladder import ladder",
            "from muxviz.figures.whatif.ladder import ladder_figure",
            POOL_LINE,
        ]
        lines = [f"result = ladder({call})", "ladder_figure(result).show()"]
        return Panel(
            "ladder",
            (figures.ladder_figure(result, dark=bench.is_dark),),
            (figures.ladder_alt(result),),
            figures.ladder_table(result),
            words.WHY_HOW,
            words.WHY_LIMITS,
            lambda: to_json(result),
            analysis_snippet(run, imports, lines),
            f"{result.provenance.line()} · {draws} draws from {pool_name()}",
        )

    params = (
        ("the slot", slot),
        ("the right answer", gold),
        ("the number of draws", draws),
        ("the pool", pool_name()),
    )
    return Study(
        "ladder",
        f"Why did slot {slot + 1} answer this?",
        Ask(run, "failure ladder", params),
        f"about {(num + 2) * draws} mixed sequences",
        work,
        panel,
        "The sentence alone, in other seats, and with each or all neighbours exchanged: what turns "
        "its answer more than its control does, with a verdict.",
    )
