"""What pruning left of a checkpoint: a panel on Models, and the way to it from other pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from muxviz.errors import MuxvizError, NotApplicable
from muxviz.figures.pruning.remaining import PRUNING_MAP
from muxviz.loading.bundled import bundled_names
from muxviz.results.group import pruned_words
from muxviz.ui.models.choice import BUNDLED, FOLDER, PICK, SOURCE
from muxviz.ui.models.files import FolderFacts
from muxviz.ui.shell.frame import Bench, go_to
from muxviz.ui.shell.text import plain
from muxviz.ui.study import runs
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import Known
from muxviz.ui.study.errors import error_panel
from muxviz.ui.study.panels import not_applicable
from muxviz.ui.study.question import show

if TYPE_CHECKING:
    from muxviz.results.pruning import PruningMap

QUESTION = "What did pruning leave?"
LOOK_S = 0.5  # between looks whether torch is there
POINTED = "i_pointed"  # a checkpoint that is not bundled, in the session
DENSE = "Nothing was pruned: all heads and dimensions of this model are left."
HOW = """
**Squares** are the heads of each layer, **bars** the inner dimensions of its feed-forward block,
**strips** the dimensions of the states that run between the layers and of the states that are read
out. Filled is left; hatched, and the gaps of a strip, were pruned away. A block of which nothing is
left is skipped as a whole, its norm too.

**Sparsity** is counted as CoFi counts it: 1 - kept / prunable. With *D'* hidden dimensions left,
*h* heads and *i* inner dimensions left in all, *d* numbers per head, and *K* layers of *D* and *I*
dimensions before, kept = *D'* (4 *d h* + 2 *i*) and prunable = *K* (4 *D*² + 4 *D* + 2 *D I* +
5 *D*): the encoder's matrices over the encoder with its biases, so that an unpruned model comes out
a little above 0. Embeddings, multiplexer, demultiplexer and the task's head are in **parameters**
only.
"""
LIMITS = """
That a head is left does not say that an answer needs it: see *Which heads does the answer need?* on
Attention. Numbers of dimensions are names only; neighbours have nothing in common. Fewer weights
are not in proportion less time: Trade-off measures that.
"""


def pruning_panel(facts: FolderFacts, bench: Bench) -> None:
    """The panel of a checkpoint, told from its files; only a pruned one needs torch for that."""
    if facts.problem:
        return
    if not facts.may_be_pruned:
        not_applicable(QUESTION, DENSE)
        return
    if runs.warm_up().is_alive():
        _wait()
        return
    try:
        found = _left(str(facts.folder), facts.stamp)
    except NotApplicable:
        not_applicable(QUESTION, DENSE)
        return
    except MuxvizError as error:
        st.header(QUESTION, anchor=False)
        error_panel(error)
        return
    show(_question(found, facts))


@st.fragment(run_every=LOOK_S)
def _wait() -> None:
    """Until torch is imported, which reads shapes; the page stays usable."""
    if runs.warm_up().is_alive():
        st.caption(":material/hourglass: What pruning left is read off the files next.")
    else:
        st.rerun()


@st.cache_data(max_entries=32, show_spinner=False)
def _left(folder: str, stamp: str) -> PruningMap:
    from muxviz.analysis.pruning.remaining import pruning_of

    return pruning_of(folder)


def _question(found: PruningMap, facts: FolderFacts) -> Question:
    imports = ("from muxviz.analysis.pruning.remaining import pruning_of",)
    line = f"result = pruning_of({facts.name!r})"
    about = (str(facts.folder), facts.stamp)
    return Question(
        "pruning_map",
        QUESTION,
        Known(lambda: found, about, "result", imports, (line,)),
        "",
        PRUNING_MAP(),
        HOW,
        LIMITS,
        origin=f"{found.checkpoint} · from its configuration and the shapes of its weights",
    )


def pruned_note(bench: Bench) -> None:
    """On other pages: that model A is pruned, and the way to what is left. Nothing for others."""
    listed = bench.checkpoint
    if listed is None or not listed.sparsity:
        return
    source = f", from {plain(listed.pruned_from)}" if listed.pruned_from else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(
            f":material/content_cut: {plain(listed.name)} is {pruned_words(listed.sparsity)}"
            f"{source}. Means over heads are over those that are left; hatched is pruned away.",
            width="content",
        )
        st.button(
            "What pruning left",
            key="to_pruning_map",
            type="tertiary",
            icon=":material/grid_on:",
            on_click=_open,
            args=(listed.name,),
        )


def _open(name: str) -> None:
    """To the panel of a checkpoint on Models."""
    if name in bundled_names():
        st.session_state[SOURCE], st.session_state[PICK] = BUNDLED, name
    else:
        st.session_state[SOURCE], st.session_state[POINTED] = FOLDER, name
    go_to("models")


def pointed_at() -> str:
    """The checkpoint of this session that another page pointed at, or ""."""
    return str(st.session_state.get(POINTED, ""))
