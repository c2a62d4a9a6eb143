"""About: what exactly computes here, whose work it is, and what it does not promise."""

from __future__ import annotations

import os
import platform
from typing import Any

import streamlit as st

from muxviz.errors import DataError
from muxviz.figures.drawing.wording import percent
from muxviz.results.privacy import READERS, Audit
from muxviz.ui.about import text as words
from muxviz.ui.shell import checkpoints, options
from muxviz.ui.shell.checkpoints import read_object
from muxviz.ui.shell.frame import compute_choices
from muxviz.ui.shell.text import listed, plain
from muxviz.ui.shell.versions import versions
from muxviz.ui.study import recorded
from muxviz.ui.study.errors import error_panel, one_panel


def about_page() -> None:
    """Versions, privacy, papers, what differs, limits, licences."""
    st.markdown("What exactly computes here, whose work is it, and what does it not promise?")
    with one_panel():
        _machine()
    st.header("Is mixing a lock?", anchor=False)
    with one_panel():
        _privacy()
    for title, said in (
        ("Papers", words.PAPERS),
        ("What differs from the papers", words.DEVIATIONS),
        ("Limits", words.LIMITS),
        ("Licences", words.LICENCES),
    ):
        with st.expander(title):
            st.markdown(said)
            if said is words.LICENCES:
                _cards()


def _machine() -> None:
    """Versions and devices."""
    devices = [options.COMPUTE[c] for c in compute_choices() if c != "auto"]
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"**Versions.** {plain(', '.join(versions()))}.")
        where = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
        st.markdown(
            f"**Machine.** {plain(where)}, {os.cpu_count() or 1} CPU threads; offered: "
            f"{plain(listed(devices))}. Every result names the device, precision and versions that "
            "gave it."
        )


def _privacy() -> None:
    try:
        found = recorded.privacy()
    except DataError as error:
        error_panel(error)
        found = None
    if found is not None:
        st.markdown(f"**{privacy_finding(found.each)}**")
    st.markdown(words.PRIVACY)
    if found is None:
        st.caption("The audit was not recorded here: `muxviz record` makes it.")
        return
    st.dataframe(
        privacy_rows(found.each),
        hide_index=True,
        width="stretch",
        alt=privacy_finding(found.each),
    )
    first = found.each[0]
    st.caption(
        f"Recorded. Share of tokens named rightly in {first.groups} random groups of sentences "
        "that no reader has seen, with Wilson 95 % intervals over sentences; the map was fitted on "
        f"{first.known_groups} groups of other sentences (`muxviz.analysis.fidelity.privacy`). "
        "Chance: always naming the most frequent token. "
        + " ◦ ".join(plain(one.provenance.line()) for one in found.each)
    )


def privacy_finding(audits: tuple[Audit, ...]) -> str:
    """What the audits show, in one sentence."""
    at = list(READERS).index("probe")
    told = [
        f"{percent(float(one.shares.value[at]))} ({one.provenance.checkpoint})" for one in audits
    ]
    return (
        f"Mixing is not encryption: without a key a linear map reads {listed(told)} of the tokens"
    )


def privacy_rows(audits: tuple[Audit, ...]) -> list[dict[str, Any]]:
    """A row for each reader, and chance."""
    rows: list[dict[str, Any]] = []
    for k, reader in enumerate(READERS.values()):
        row = {"who reads": reader}
        for one in audits:
            low, high = (100 * float(end[k]) for end in (one.shares.low, one.shares.high))
            share = percent(float(one.shares.value[k]))
            row[one.provenance.checkpoint] = f"{share} ({low:.0f} to {high:.0f})"
        rows.append(row)
    chance = {one.provenance.checkpoint: percent(one.chance) for one in audits}
    return [*rows, {"who reads": "by chance: the most frequent token", **chance}]


def _cards() -> None:
    """What the cards of the bundled checkpoints say of weights, data and licence."""
    rows = []
    for one in checkpoints.bundled():
        card = read_object(one.folder / "card.json") if one.folder else {}
        told = {name: str(card.get(name, ""))[:600] for name in ("licence", "weights", "data")}
        rows.append({"checkpoint": one.name, **told})
    if rows:
        st.dataframe(rows, hide_index=True, width="stretch", alt="Licences of the checkpoints.")
