"""Why did this slot answer that? The first rungs of the ladder, with a right answer if given."""

from __future__ import annotations

import streamlit as st

from muxviz.figures.whatif.ladder import LADDER, target_words
from muxviz.pool import pool_name
from muxviz.results.whatif_ladder import Ladder
from muxviz.ui.shell.checkpoints import read_object
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import Choice, control, value
from muxviz.ui.shell.text import plain
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import As, Call, pool_texts
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import RunRequest
from muxviz.ui.whatif import text as words
from muxviz.ui.whatif.params import DRAWS, GOLD
from muxviz.ui.whatif.parts import only_fills

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
    result = show(_question(run, bench.slot, gold))
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
    text = f"**{plain(target_words(result))}**"
    if result.is_right:
        text += " The present answer is that already, so the question is what would turn it."
    kind(text, icon=":material/flag:")


def _question(run: RunRequest, slot: int, gold: str) -> Question:
    draws = int(value(DRAWS))
    given = {
        "slot": As("the slot", slot),
        "gold": As("the right answer", gold or None),
        "draws": As("the number of draws", draws),
        "pool": pool_texts(),
    }
    return Question(
        "ladder",
        f"Why did slot {slot + 1} answer this?",
        Call("whatif.ladder.ladder", run, given, baseline=True),
        f"about {(run.num_instances + 2) * draws} mixed sequences",
        LADDER(),
        words.WHY_HOW,
        words.WHY_LIMITS,
        "The sentence alone, in other seats, and with each or all neighbours exchanged: what turns "
        "its answer more than its control does, with a verdict.",
        origin=lambda result: f"{result.provenance.line()} · {draws} draws from {pool_name()}",
    )
