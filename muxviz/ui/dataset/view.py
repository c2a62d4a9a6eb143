"""The run of the Dataset page, and the worklist that it leaves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import streamlit as st

from muxviz.analysis.dataset.seating import plan
from muxviz.batch import Row
from muxviz.figures.dataset.kinds import KINDS_OF_FAILURE
from muxviz.figures.drawing.slots import slot_label
from muxviz.results import to_json
from muxviz.results.worklist import MEANING, Failure, Worklist
from muxviz.ui.dataset import text as words
from muxviz.ui.dataset.params import ALL, DRAWS, FIND, GROUPING, KIND, ROW, RUNTIME, TAG
from muxviz.ui.dataset.source import Chosen
from muxviz.ui.shell import group, session
from muxviz.ui.shell.frame import PAGES, Bench, go_to, page_exists
from muxviz.ui.shell.params import control, value
from muxviz.ui.shell.text import plain, shorten
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import As, Ask, Call, Sentences
from muxviz.ui.study.heading import without_rows
from muxviz.ui.study.kept import desk
from muxviz.ui.study.question import show
from muxviz.ui.study.why import RIGHT

if TYPE_CHECKING:
    from muxviz.ui.study.jobs import Together, Work

TABLE = "dataset_table"
MOST_SHOWN = 2000  # failures in the table; all are in the saved set


@dataclass(frozen=True)
class Resumed:
    """A call that goes on from what it gave before it was stopped."""

    call: Call

    @property
    def ask(self) -> Ask:
        """What the result depends on: not whether it was ever stopped."""
        return self.call.ask

    @property
    def work(self) -> Work | Together:
        """The call, given what there is of its result."""
        kept = desk().look_up(self.ask)
        if kept is None or not kept.is_partial:
            return self.call.work
        return replace(self.call, given={**self.call.given, "start": kept.result}).work

    def python(self, imports: Any, lines: Any) -> str:
        """Python that gives the whole of it."""
        return self.call.python(imports, lines)


def run_panel(bench: Bench, chosen: Chosen | None) -> tuple[Bench, Call, Worklist] | None:
    """Run the file; what came of it, or None where there is nothing yet."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        grouping = str(control(GROUPING))
        draws = int(control(DRAWS, help="Of random and balanced groups; one of the others."))
        runtime = "torch"
        if find_spec("onnxruntime"):
            runtime = str(control(RUNTIME, help=words.RUNTIME_HELP))
    run = without_rows(bench, bench.checkpoint)
    if run is None or chosen is None:
        return None
    path, columns = chosen.source.path, chosen.columns
    ways = len(plan(grouping, draws))
    alone = ", and once alone" if run.baseline else ""
    call = Call(
        "dataset.run.measure_file",
        run,
        {
            "path": As(
                "the file", Sentences(lambda: path, repr(str(path)), (), chosen.source.stamp)
            ),
            "columns": As(
                "columns or labels",
                Sentences(
                    lambda: columns,
                    repr(columns),
                    ("from muxviz.training.strangers import Columns",),
                    columns,
                ),
            ),
            "grouping": grouping,
            "groupings": draws,
            **({"runtime": runtime} if runtime != "torch" else {}),
        },
        takes="pool",
        baseline=True,
    )
    found = show(
        Question(
            "dataset_run",
            "What fails, and whose fault is it?",
            Resumed(call),
            f"every row {ways} time{'s' * (ways != 1)} in company{alone}; Stop keeps what is "
            "done, and Compute all goes on from there",
            KINDS_OF_FAILURE(),
            words.RUN_HOW,
            words.RUN_LIMITS,
            "How many rows fail, which of them N = 1 answers right, and a list of them with the "
            "groups that they failed in.",
        )
    )
    return None if not isinstance(found, Worklist) else (bench, call, found)


# ---- the list -----------------------------------------------------------------------------------


def worklist(bench: Bench, call: Call, found: Worklist) -> None:
    """The failures: filtered, one of them opened, saved."""
    st.divider()
    st.header("Which rows fail?", anchor=False)
    for row in found.bad[:3]:
        st.caption(f":material/block: Left out: {plain(str(row))}")
    if found.bad_rows > 3:
        st.caption(f":material/block: Left out: {found.bad_rows - 3:,} more rows.")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        control(KIND, help="\n".join(f"- {kind}: {said}" for kind, said in MEANING.items()))
        control(TAG)
        control(FIND, help="Part of a text, in any case.")
    chosen = picked(found)
    shown = chosen[:MOST_SHOWN]
    st.caption(
        f"{len(chosen):,} of {len(found.failures):,} listed rows"
        + (f"; the first {MOST_SHOWN:,} are shown" if len(chosen) > MOST_SHOWN else "")
    )
    st.dataframe(
        [_line(one) for one in shown],
        hide_index=True,
        width="stretch",
        key=TABLE,
        on_select=partial(_take_row, tuple(one.number for one in shown)),
        selection_mode="single-row",
        alt=f"Worklist of {len(shown)} rows: kind, text, label, answers, margin, slot, tags.",
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        with st.container(width=220):
            control(ROW, help="Choose it in the table, or write its number; 0 for none.")
        st.download_button(
            "Save these failures",
            data=lambda: to_json(found.saved((*chosen, *found.controls))),
            file_name="muxviz-failures.json",
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
            key="dataset_save",
        )
    with st.expander("What the columns and tags mean", type="compact"):
        st.markdown(words.LIST_HELP)
    opened = next((one for one in found.failures if one.number == value(ROW)), None)
    if opened is not None:
        _opened(opened, call)
    elif value(ROW):
        st.caption(f"Row {value(ROW):,} is not among the listed failures.")


def picked(found: Worklist) -> list[Failure]:
    """The failures that the controls leave."""
    kind, tag, text = value(KIND), value(TAG), value(FIND).casefold()
    return [
        one
        for one in found.failures
        if kind in (ALL, one.kind)
        and tag in (ALL, *one.tags)
        and text in f"{one.text} {one.pair or ''}".casefold()
    ]


def _line(one: Failure) -> dict[str, Any]:
    return {
        "row": one.number,
        "kind": one.kind,
        "text": shorten(f"{one.text} / {one.pair}" if one.pair else one.text, 200),
        "label": one.gold,
        "answer": one.answer,
        "alone": one.alone,
        "margin": round(one.margin, 3),
        "margin alone": round(one.alone_margin, 3),
        "slot": one.slot + 1,
        "wrong in": one.wrong_in,
        "moved": round(one.moved, 3),
        "tokens": one.tokens,
        "tags": ", ".join(one.tags),
        "grouping": one.grouping,
    }


def _take_row(numbers: tuple[int, ...]) -> None:
    """Open the row that was chosen in the table."""
    rows = st.session_state[TABLE].selection.rows
    st.session_state[ROW.key] = numbers[rows[0]] if rows else 0


def _opened(one: Failure, call: Call) -> None:
    """One failure with its group, and the ways on."""
    with st.container(border=True, gap="small"):
        alone = "" if one.alone is None else f", alone {plain(one.alone)}"
        st.markdown(
            f"**Row {one.number:,}** · {one.kind}: {MEANING[one.kind]}. Labelled "
            f"**{plain(one.gold)}**, answered **{plain(one.answer)}**{alone}; margin "
            f"{one.margin:.2f}, wrong in {one.wrong_in}."
        )
        for slot, (text, pair) in enumerate(one.rows):
            both = " / ".join(plain(shorten(part, 300)) for part in (text, pair) if part)
            is_own = slot == one.slot
            st.markdown(f"{slot_label(slot)} {f'**{both}**' if is_own else both}")
        with st.container(horizontal=True, gap="small"):
            _way("mix", "Open in Mix & read", one, call)
            _way("debugger", "Why? (Debugger)", one, call)


def _way(page: str, label: str, one: Failure, call: Call) -> None:
    if page in PAGES and page_exists(page):
        st.button(
            label,
            key=f"dataset_{page}",
            icon=PAGES[page].icon,
            on_click=open_failure,
            args=(page, one, call.run.checkpoint),
        )


def open_failure(page: str, one: Failure, checkpoint: str) -> None:
    """Put the very pass of a failure on the bench and go to a page (as a callback)."""
    group.put([Row(*row) for row in one.rows])
    st.session_state.update(
        {
            session.PRESET: group.OWN,
            session.APPLIED: group.OWN,
            session.CHECKPOINT: checkpoint,
            session.SLOT: one.slot + 1,
            session.SEED: one.seed,
            session.PADDING: one.padding,
            session.FILL: one.fill,
            session.PAIRS: one.pair is not None,
            RIGHT: one.gold,
        }
    )
    go_to(page)
