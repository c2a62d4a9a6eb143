"""Twins, duplicates, and copies that are averaged."""

from __future__ import annotations

import streamlit as st

from muxviz.figures.whatif.copies import COPIES
from muxviz.figures.whatif.twins import DUPLICATES, TWINS
from muxviz.pool import pool_name
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.shell.text import plain, shorten
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import As, Call, balanced_texts, pool_texts
from muxviz.ui.study.pace import mixed
from muxviz.ui.study.panels import slot_mark
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import RunRequest
from muxviz.ui.study.slots import other_slot
from muxviz.ui.whatif import text as words
from muxviz.ui.whatif.params import DRAWS, OTHER, TWIN

LABELLED = 120  # sentences of the pool in an ensemble
PER_PAIR = 4  # of the draws that each pair of slots gets, one in
SHOWN = 90  # characters of a sentence


def same_view(run: RunRequest, bench: Bench) -> None:
    """Two alike, all alike, and several copies each."""
    slot = min(bench.slot, len(run.rows) - 1)
    first, second = run.rows[slot].text, _twin(run, bench, slot)
    show(_twins(run, first, second))
    show(_duplicates(run, first))
    show(_copies(run))


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
                other = other_slot(run, bench, "or that of slot", OTHER)
            with st.container(width=240):
                control(DRAWS, help="Of neighbours from the pool.")
    return text or run.rows[min(other, len(run.rows) - 1)].text


# ---- questions ----------------------------------------------------------------------------------


def _twins(run: RunRequest, first: str, second: str) -> Question:
    draws = max(2, int(value(DRAWS)) // PER_PAIR)
    num = run.num_instances
    passes = (draws if num > 2 else 1) * num * (num - 1)
    given = {
        "first": As("the sentence", first),
        "second": As("its twin", second),
        "draws": As("the number of draws", draws),
        "pool": pool_texts(),
    }
    return Question(
        "twins",
        "Are twins told apart?",
        Call("whatif.twins.twins", run, given, takes="pool", baseline=True),
        mixed(passes),
        TWINS(),
        words.TWINS_HOW,
        words.TWINS_LIMITS,
        f"How often *{plain(shorten(first, SHOWN))}* and *{plain(shorten(second, SHOWN))}* keep, "
        "swap or share their answers, in every pair of slots.",
        origin=lambda result: (
            f"{result.provenance.line()} · alone: {result.reference} · neighbours: {pool_name()}"
        ),
    )


def _duplicates(run: RunRequest, text: str) -> Question:
    draws = int(value(DRAWS))
    given = {
        "text": As("the sentence", text),
        "draws": As("the number of draws", draws),
        "pool": pool_texts(),
    }
    return Question(
        "duplicates",
        "Do slots differ on the same sentence?",
        Call("whatif.twins.duplicates", run, given, takes="pool"),
        mixed(draws + 1),
        DUPLICATES(),
        words.SAME_HOW,
        words.SAME_LIMITS,
        "The selected sentence in all slots at once, and the slots' own bias over the pool.",
        origin=lambda result: (
            f"{result.provenance.line()} · {result.bias.draws} sentences of {pool_name()}"
        ),
    )


def _copies(run: RunRequest) -> Question:
    num = run.num_instances
    parts = {num // copies for copies in range(1, num + 1)}
    passes = sum(-(-LABELLED // part) for part in parts)
    given = {"labelled": balanced_texts(LABELLED)}
    return Question(
        "copies",
        "Do several copies of a sentence answer better?",
        Call("whatif.ensembling.ensembling", run, given, takes="pool"),
        mixed(passes, f" of {LABELLED} labelled sentences"),
        COPIES(),
        words.COPIES_HOW,
        words.COPIES_LIMITS,
        "Accuracy against sentences per pass, and whether copies that disagree point at errors.",
        origin=lambda result: (
            f"{result.provenance.line()} · {result.sentences} sentences of {pool_name()}"
        ),
    )
