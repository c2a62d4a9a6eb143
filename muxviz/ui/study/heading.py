"""The head of a page: its question, the group it is about where it is about one, and its report.

Also which runs a page may ask about: the group on model A, on model B, on every checkpoint.
"""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from muxviz.batch import Row
from muxviz.figures.drawing.export import report_html
from muxviz.figures.drawing.slots import slot_color, slot_symbol
from muxviz.ui.shell import checkpoints, group, link, session
from muxviz.ui.shell.checkpoints import Listed
from muxviz.ui.shell.frame import PAGES, Bench, page_exists
from muxviz.ui.shell.text import count, plain, shorten
from muxviz.ui.study import findings, panels, runs
from muxviz.ui.study.runs import RunRequest

CELL = 150  # px, least width of a sentence in the head
MAX_CELLS = 12  # sentences shown
MAX_SENTENCE = 56  # characters of each


def request_of(bench: Bench, checkpoint: Listed | None = None) -> RunRequest | None:
    """What a run would be made of now; None without a checkpoint or a sentence.

    Of the checkpoint on the sidebar unless another is named.
    """
    chosen = checkpoint or bench.checkpoint
    if chosen is None:
        return None
    rows = tuple(group.as_row(r) for r in group.seat(chosen.num_instances).seated)
    return _request(bench, chosen, rows) if rows else None


def without_rows(bench: Bench, which: Listed | None) -> RunRequest | None:
    """What a run of a checkpoint over other sentences than those of the group would be made of."""
    return None if which is None else _request(bench, which, ())


def _request(bench: Bench, chosen: Listed, rows: tuple[Row, ...]) -> RunRequest:
    state = st.session_state
    return RunRequest(
        checkpoint=chosen.name,
        num_instances=chosen.num_instances,
        baseline=chosen.baseline,
        device=bench.device,
        dtype=bench.dtype,
        rows=rows,
        padding=padding_choice(),
        fill=state.get(session.FILL, "repeat"),
        seed=bench.seed,
        equal_slots=bool(state.get(session.EQUAL)) and not chosen.baseline,
        stamp=chosen.stamp,
    )


def padding_choice() -> str | None:
    """The chosen padding as ``run_group`` takes it; None for the checkpoint's own."""
    choice = st.session_state.get(session.PADDING, "default")
    return None if choice == "default" else str(choice)


def base(bench: Bench, checkpoint: Listed | None = None) -> RunRequest | None:
    """The group on the sidebar as a run of model A, or of another checkpoint.

    None where there is nothing to run. It may hold fewer rows than slots: ``fill`` says how the
    rest is filled, as ``run.seating`` tells the analyses.
    """
    request = request_of(bench, checkpoint)
    return None if request is None else replace(request, equal_slots=False)


def sides(bench: Bench, *, with_pinned: bool = False) -> tuple[tuple[str, RunRequest], ...]:
    """``("A", run)`` and, where a model B is chosen, ``("B", run)``.

    with_pinned: also ``("pinned", run)``, where a run is pinned on Mix & read that differs from A.
    """
    listed = (("A", bench.checkpoint), ("B", bench.other))
    found = [(name, base(bench, which)) for name, which in listed if which is not None]
    then = runs.pinned_request() if with_pinned else None
    if then is not None and replace(then, equal_slots=False) != base(bench):
        found.append(("pinned", replace(then, equal_slots=False)))
    return tuple((name, run) for name, run in found if run is not None)


def family(bench: Bench) -> tuple[RunRequest, ...]:
    """The group as a run of every checkpoint that can be chosen, in the sidebar's order."""
    choices = [*checkpoints.bundled(), *st.session_state.get(session.OPENED, ())]
    found = (base(bench, listed) for listed in choices)
    return tuple(run for run in found if run is not None)


def page_head(bench: Bench, title: str, question: str) -> RunRequest | None:
    """Title, question, the group, the report; the run to ask about, or None and what is missing."""
    link.write_group()
    panels.begin_report()
    run = base(bench)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title(title, anchor=False, width="stretch")
        if run is not None:
            report_control(bench)
    st.markdown(question)
    if run is None:
        _nothing(bench)
    else:
        _group(bench, run)
    return run


def head_without_group(page: str, question: str) -> None:
    """Title, question and report of a page that asks about no group."""
    panels.begin_report()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title(PAGES[page].title, anchor=False, width="stretch")
        _report(page, [])
    st.markdown(question)


def _nothing(bench: Bench) -> None:
    if bench.checkpoint is None:
        panels.empty("No checkpoint", "Put one into `checkpoints/`, or open one on Models.")
        _way("models", "Open a checkpoint")
    else:
        panels.empty("No sentence", "Write sentences on Mix & read, or choose a group of them.")
        _way("mix", "Write sentences")


def _group(bench: Bench, run: RunRequest) -> None:
    """The sentences in their slots, small, and the way to change them."""
    rows = list(enumerate(run.rows))
    with st.container(border=True, gap="xsmall", key="group_in_short"):
        with st.grid("auto", min_column_width=CELL, gap="xsmall"):
            for slot, row in rows[:MAX_CELLS]:
                texts = [shorten(t, MAX_SENTENCE) for t in (row.text, row.pair) if t]
                st.markdown(f"{_mark(slot, bench)} :small[{plain(' / '.join(texts))}]")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(_seats(bench, run), width="stretch")
            _way("mix", "Edit")


def _mark(slot: int, bench: Bench) -> str:
    symbol = f':color[{slot_symbol(slot)}]{{foreground="{slot_color(slot)}"}}'
    number = f"**{slot + 1}**"
    return f"{symbol} {f':primary-background[{number}]' if slot == bench.slot else number}"


def _seats(bench: Bench, run: RunRequest) -> str:
    title = st.session_state[session.PRESET]
    parts = [f"{plain(title)} on {plain(run.checkpoint)}"]
    seats = group.seat(run.num_instances)
    if len(run.rows) > MAX_CELLS:
        parts.append(f"{len(run.rows) - MAX_CELLS} more not shown here")
    if seats.free:
        parts.append(f"{count(seats.free, 'free slot')}, fill: {run.fill}")
    if seats.parked:
        parts.append(f"{count(seats.parked, 'sentence')} parked")
    if bench.other is not None:
        parts.append(f"model B: {plain(bench.other.name)}")
    return " · ".join(parts)


def _way(page: str, label: str) -> None:
    if page_exists(page):
        st.page_link(PAGES[page].file, label=label, icon=":material/edit:")


# ---- report -------------------------------------------------------------------------------------


def report_control(bench: Bench) -> None:
    """A button that saves every panel drawn on this page as one self-contained HTML file."""
    run = base(bench)
    _report(
        bench.page,
        [" / ".join(t for t in (row.text, row.pair) if t) for row in (run.rows if run else ())],
    )


def _report(page: str, sentences: list[str]) -> None:
    title, drawn = f"muxviz · {PAGES[page].title}", panels.drawn()
    kept = findings.sections()
    st.download_button(
        "Report",
        data=lambda: report_html(title, sentences, list(drawn.values()), kept),
        file_name=f"muxviz-{page}-report.html",
        mime="text/html",
        icon=":material/summarize:",
        on_click="ignore",
        key="report",
        help="One HTML file (5 MB and more: it works without a network) with every panel that is "
        "on this page, how to read it, and the findings that you kept.",
    )
