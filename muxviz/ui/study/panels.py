"""One anatomy for every panel: question, picture with its finding, how to read it, its data and
where its numbers come from; and the states in which there is no picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypeAlias

import streamlit as st

from muxviz.figures.drawing.export import Section, figure_config, rows_to_csv, to_html
from muxviz.figures.drawing.slots import slot_color, slot_symbol
from muxviz.figures.drawing.still import Still
from muxviz.ui.shell import session
from muxviz.ui.shell.text import plain
from muxviz.ui.study import findings

HTML_SIZE = " (5 MB)"  # nearly all of it plotly.js, so that it works without a network
NARROWEST = 780  # px that a figure needs for its labels
# A figure is there twice, wide and narrow, and the room beside the sidebar decides which one is
# seen: the server does not know it, and a page that asked would have to run again.
ROOM = f"""<style>
[class*="st-key-room_"] {{ container-type: inline-size; }}
[class*="st-key-narrow_"] {{ display: none; }}
@container (max-width: {NARROWEST - 1}px) {{
  [class*="st-key-wide_"] {{ display: none; }}
  [class*="st-key-narrow_"] {{ display: flex; }}
}}
</style>"""
Pick: TypeAlias = Callable[[Any], None]  # given the ``customdata`` of a point that was clicked
Lasso: TypeAlias = Callable[[list[Any]], None]  # given those of all points in a box or lasso


@dataclass(frozen=True)
class Panel:
    """What a panel shows.

    key: unique on the page, and the name of exported files. figures: keys and Plotly figures that
    bear their finding as title. narrow: the same for a page of 360 px. alts: what each shows, in
    words. table: the same in numbers. how, limits: Markdown. record: gives the JSON behind it.
    python: code that draws it. provenance: one line; brief: what of it stands under the picture.
    pick: what a click on a point does; lasso: a box or lasso around several. findings: one sentence
    per figure; without any it cannot be kept.
    """

    key: str
    figures: tuple[Any, ...]
    narrow: tuple[Any, ...]
    alts: tuple[str, ...]
    table: list[dict[str, Any]]
    how: str
    limits: str
    record: Callable[[], str]
    python: str
    provenance: str
    brief: str = ""
    pick: Pick | None = None
    lasso: Lasso | None = None
    findings: tuple[str, ...] = ()

    @cached_property
    def sent(self) -> tuple[tuple[Any, Any], ...]:
        """Every figure with its narrow form, as it goes to the browser."""
        return tuple(zip(map(Still, self.figures), map(Still, self.narrow), strict=True))


def draw(panel: Panel, question: str = "") -> None:
    """Pictures, how to read them, their data, where the numbers come from.

    ``question`` heads the panel in the page's report.
    """
    _note(panel, question)
    for number, ((figure, narrow), alt) in enumerate(zip(panel.sent, panel.alts, strict=True)):
        key = f"{panel.key}_{number}" if number else panel.key
        picture(key, figure, alt, narrow=narrow, pick=panel.pick, lasso=panel.lasso)
    with st.container(gap="xxsmall"):
        with st.expander("How to read · limits", type="compact"):
            st.markdown(panel.how)
            st.markdown(f"**What it does not show.** {panel.limits}")
        box = st.expander(
            "Data · Export · Python", type="compact", on_change="rerun", key=f"{panel.key}_data"
        )
        if box.open:
            with box:
                _data(panel)
        with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
            st.caption(plain(panel.brief or panel.provenance), width="stretch")
            if panel.findings:
                _keep_control(panel, question)


def _keep_control(panel: Panel, question: str) -> None:
    st.button(
        "Keep",
        key=f"{panel.key}_keep",
        icon=":material/bookmark_add:",
        type="tertiary",
        on_click=findings.keep_panel,
        args=(panel, question),
        help="Keep this finding with its numbers and choices; Saved lists what you kept.",
    )


def picture(
    key: str,
    figure: Any,
    alt: str,
    *,
    narrow: Any,
    pick: Pick | None = None,
    lasso: Lasso | None = None,
) -> None:
    """A figure over the full width, with its description.

    Where there is little room it gives way to ``narrow``.
    """
    st.html(ROOM)
    with st.container(key=f"room_{key}"):
        with st.container(key=f"wide_{key}"):
            _chart(f"{key}_figure", figure, alt, key, pick, lasso)
        with st.container(key=f"narrow_{key}"):
            _chart(f"{key}_narrow", narrow, alt, key, pick, lasso)


def _chart(
    name: str, figure: Any, alt: str, file: str, pick: Pick | None, lasso: Lasso | None
) -> None:
    st.plotly_chart(
        figure,
        width="stretch",
        theme=None,  # figures bring their own; Streamlit's would be laid above it
        key=name,
        alt=alt,
        config=figure_config(file, _image(), can_select=lasso is not None),
        on_select="ignore" if pick is None else partial(_picked, name, pick, lasso),
        selection_mode="points" if lasso is None else ("points", "box", "lasso"),
    )


def _picked(name: str, pick: Pick, lasso: Lasso | None = None) -> None:
    """Tell what was clicked (a callback); a click beside everything tells nothing."""
    found = st.session_state[name]["selection"]
    given = [point.get("customdata") for point in found["points"]]
    places = [place if isinstance(place, list) else [place] for place in given if place is not None]
    if lasso is not None and (not places or found.get("box") or found.get("lasso")):
        lasso(places)
    elif places:
        pick(places[0])


def _data(panel: Panel) -> None:
    st.caption(plain(panel.provenance))
    st.dataframe(panel.table, hide_index=True, width="stretch", alt=" ".join(panel.alts))
    with st.container(horizontal=True, gap="xsmall"):
        _download(panel, "csv", "text/csv", lambda: rows_to_csv(panel.table))
        _download(panel, "json", "application/json", panel.record)
        _download(panel, "html", "text/html", lambda: page_of(panel), HTML_SIZE)
        key = f"{panel.key}_image"
        st.session_state[key] = _image()
        st.segmented_control(
            "The camera above a picture saves",
            ["svg", "png"],
            format_func=str.upper,
            required=True,
            key=key,
            on_change=_save_as,
            args=(key,),
            help="Hold the pointer over the picture to see the camera.",
        )
    st.code(panel.python, language="python")


def _image() -> str:
    """What the cameras above pictures save."""
    return str(st.session_state.get(session.IMAGE, "svg"))


def _save_as(key: str) -> None:
    st.session_state[session.IMAGE] = st.session_state[key]


def _download(panel: Panel, kind: str, mime: str, make: Callable[[], str], size: str = "") -> None:
    st.download_button(
        f"{kind.upper()}{size}",
        data=make,
        file_name=f"muxviz-{panel.key}.{kind}",
        mime=mime,
        icon=":material/download:",
        on_click="ignore",
        key=f"{panel.key}_{kind}",
    )


def page_of(panel: Panel) -> str:
    """One self-contained HTML page with all pictures of the panel."""
    first, *others = panel.figures
    page = to_html(first, panel.key, panel.provenance)
    config = figure_config(panel.key, "png")
    more = [f.to_html(full_html=False, include_plotlyjs=False, config=config) for f in others]
    return page.replace("</body>", f"{''.join(more)}</body>")


# ---- the page's report --------------------------------------------------------------------------


def begin_report() -> None:
    """Forget the panels of the page before."""
    drawn().clear()


def drawn() -> dict[str, Section]:
    """The panels drawn since then, in order; always the same dictionary."""
    found: dict[str, Section] = st.session_state.setdefault(session.SECTIONS, {})
    return found


def _note(panel: Panel, question: str) -> None:
    drawn()[panel.key] = Section(
        question, panel.figures, (panel.how, panel.limits), panel.provenance
    )


# ---- states without a picture -------------------------------------------------------------------


def empty(title: str, text: str) -> None:
    """Nothing to show yet: what will be here and what it needs."""
    with st.container(border=True, horizontal_alignment="center"):
        st.markdown(f":gray[:material/merge:] **{title}**", width="content")
        st.caption(text, text_alignment="center")


def not_applicable(question: str, reason: str) -> None:
    """A panel that this checkpoint or group cannot fill."""
    st.header(question, anchor=False)
    st.caption(f":material/block: {reason}")


def slot_mark(slot: int) -> str:
    """Symbol in its colour and number in the text's, as Markdown."""
    return f':color[{slot_symbol(slot)}]{{foreground="{slot_color(slot)}"}} **{slot + 1}**'
