"""What came of the last action on the Models page: an error, a word, or a pre-flight's report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from muxviz.files import json_text
from muxviz.ui.models.actions import Outcome, choose
from muxviz.ui.models.text import short
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.text import count, plain
from muxviz.ui.study.errors import CATALOGUE, error_panel

if TYPE_CHECKING:
    from muxviz.loading.check import CheckReport, Stage

ICONS = {
    "ok": ":material/check_circle:",
    "warning": ":material/warning:",
    "error": ":material/error:",
}
STAGES = {
    "folder": "Folder",
    "config": "Configuration",
    "weights": "Weights",
    "parts": "Parts",
    "keys": "Names and shapes",
    "size": "Memory need",
    "tokenizer": "Tokenizer",
    "load": "Loading",
    "self-test": "Self-test",
}


def draw(outcome: Outcome | None, bench: Bench) -> None:
    """The panel of the last action; before any, what it is for."""
    if outcome is None:
        st.caption(
            "A pre-flight says which variant a checkpoint is, what is odd about it, whether every "
            "tensor has its place, how much memory it needs, and whether it computes and reads "
            "back. It opens no code and keeps nothing loaded."
        )
        return
    if outcome.error is not None:
        error_panel(outcome.error)
    if outcome.done:
        _done(outcome, bench)
    if outcome.report is not None:
        _report(outcome, outcome.report)


def _done(outcome: Outcome, bench: Bench) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.success(f"{plain(outcome.done)}.", icon=":material/check_circle:")
        chosen = bench.checkpoint.name if bench.checkpoint else ""
        if outcome.is_loaded and chosen != outcome.name:
            st.button("Use it on every page", key="i_use", on_click=choose, args=(outcome.name,))


def _report(outcome: Outcome, report: CheckReport) -> None:
    st.header(f"Pre-flight of {plain(short(report.name))}", anchor=False)
    if outcome.is_stale:
        st.warning(
            "The files have changed since; this is the old report. Run the pre-flight again.",
            icon=":material/history:",
        )
    _verdict(report)
    stages, parts = st.columns(2, gap="large")
    with stages:
        _stages(report)
    with parts:
        _model(report)
    _facts(report)
    _keys(report)
    _data(report)


def _verdict(report: CheckReport) -> None:
    if report.usable:
        odd = sum(stage.status == "warning" for stage in report.stages)
        but = f", with {count(odd, 'warning')}" if odd else ""
        st.success(f"**This checkpoint is usable{but}.**", icon=ICONS["ok"])
        return
    last = report.stages[-1]
    advice = CATALOGUE.get(last.code, CATALOGUE["E-CKPT"])
    st.error(f"**{advice.title}.** {plain(' '.join(last.lines))}", icon=ICONS["error"])
    st.markdown(f"**Still works:** {advice.still_works}  \n**What to do:** {advice.to_do}")
    st.caption(f"Stopped at: {STAGES.get(last.name, last.name).lower()} · {plain(last.code)}")


def _stages(report: CheckReport) -> None:
    st.markdown("**Stages**")
    with st.container(gap="xsmall"):
        for stage in report.stages:
            st.markdown(_stage_text(stage))


def _stage_text(stage: Stage) -> str:
    title = STAGES.get(stage.name, stage.name)
    if stage.status == "error":
        return f"{ICONS['error']} **{title}**  \nfailed, see above"
    lines = "  \n".join(plain(line) for line in stage.lines)
    return f"{ICONS[stage.status]} **{title}**  \n{lines}"


def _model(report: CheckReport) -> None:
    st.markdown("**Configuration**")
    if not report.model:
        st.caption("Not known: the check ended before the parts were told.")
        return
    rows = [{"part": k, "value": str(v)} for k, v in report.model.items() if v != ""]
    st.dataframe(
        rows,
        hide_index=True,
        width="stretch",
        height="content",
        column_config={
            "part": st.column_config.TextColumn("Part", width=130),
            "value": st.column_config.TextColumn("Value", width="large"),
        },
        alt="; ".join(f"{row['part']}: {row['value']}" for row in rows),
    )


def _facts(report: CheckReport) -> None:
    if not report.facts:
        return
    st.markdown("**Model facts** · what to know before reading its numbers")
    left, right = st.columns(2, gap="large")
    for index, fact in enumerate(report.facts):
        (right if index % 2 else left).markdown(
            f"**{plain(fact.title.capitalize())}.** {plain(fact.sentence)}"
        )


def _keys(report: CheckReport) -> None:
    for title, names in (
        ("Missing tensors", report.missing),
        ("Wrong shapes", report.wrong_shape),
        ("Tensors that nothing uses", report.unexpected),
    ):
        if names:
            with st.expander(f"{title} · {len(names)}", type="compact"):
                st.code("\n".join(names), language=None)


def _data(report: CheckReport) -> None:
    with st.expander("Data · Export · Python", type="compact"):
        st.download_button(
            "JSON",
            data=lambda: json_text(report.to_dict(), indent=2),
            file_name="preflight.json",
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
            key="i_report_json",
        )
        st.code(report.text(), language=None)
        st.code(f"import muxviz\n\nprint(muxviz.check({report.name!r}).text())", language="python")
