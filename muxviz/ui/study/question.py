"""A question on a page, answered in the background: every state of its panel.

    call = Call("whatif.dial.key_dial", run, {"slot": 0, "other": 1})
    result = show(Question("dial", "What does another key hear?", call, cost, DIAL(), how, limits))

The call works in a thread and makes no Streamlit call; the picture is drawn of its result, on the
page. What is computed is kept under the call's ``ask``: everything that the result depends on, and
nothing that only changes how it looks. A control of the second kind is a parameter of the page
(``muxviz.ui.shell.params``) or stands in ``Question.view``; changing it makes the panel anew from
the kept result.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, Protocol, TypeAlias

import streamlit as st

from muxviz.errors import MuxvizError, NotApplicable, Stopped
from muxviz.figures.drawing.dim import dimmed
from muxviz.ui.shell import group, params, session
from muxviz.ui.shell.text import listed, plain
from muxviz.ui.study import pace, panels, runs
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import Ask, Known
from muxviz.ui.study.errors import error_panel, one_panel
from muxviz.ui.study.jobs import Job, Status, Together, Work
from muxviz.ui.study.kept import Desk, Kept, Shown, desk
from muxviz.ui.study.pace import Cost
from muxviz.ui.study.panels import Panel

LOOK_S = 0.7  # between looks at a job: each costs the work itself some time
WAIT_LOOK_S = 3.0  # at most, while it waits for others: a crowd that looks often waits longer
AT_ONCE_S = 0.3  # that an instant study may hold the page up, so that a quick one never flickers
_NONE = object()
Kind: TypeAlias = Literal["primary", "secondary"]


def show(study: Question) -> Any | None:
    """Draw the panel in whatever state it is; the result on screen, or None."""
    with one_panel():
        if isinstance(study.call, Known):
            _show_known(study, study.call)
        else:
            return _show(study)
    return None


def _show_known(question: Question, known: Known) -> None:
    """Nothing to compute: the panel, or why it does not apply."""
    key = (question.key, known.about)
    reason = question.reason
    try:
        if not reason:
            panel = desk().panel(key, _drawn_as(question), lambda: question.panel(known.get()))
    except NotApplicable as error:
        reason = plain(str(error))
    if reason and question.is_headed:
        panels.not_applicable(question.question, reason)
    elif reason:
        st.caption(f":material/block: {reason}")
    if reason:
        return
    if question.is_headed:
        st.header(question.question, anchor=False)
    panels.draw(panel, question.question)


def _show(study: Question) -> Any | None:
    if study.reason:
        panels.not_applicable(study.question, study.reason)
        return None
    own = desk()
    if not _is_known(own, study.ask):
        found(study)
    own.collect_all()
    if study.instant:
        at_once(study)
    error = own.errors.get(study.ask)
    if isinstance(error, NotApplicable):
        panels.not_applicable(study.question, str(error))
        return None
    st.header(study.question, anchor=False)
    kept = own.look_up(study.ask)
    _state_line(study, own, kept)
    if kept is not None:
        try:
            own.shown[study.key] = _picture(study, own, kept)
        except NotApplicable as error:
            st.caption(f":material/block: {plain(str(error))}")
        return kept.result
    earlier = own.shown.get(study.key)
    if earlier is None:
        return None
    panels.draw(_faded(own, earlier), f"{study.question} (out of date)")
    return _usable(own, study.ask, earlier.ask)


def at_once(study: Startable) -> Any | None:
    """The result, also while its panel is not shown; started and given a moment if it is new."""
    own = desk()
    if not _is_known(own, study.ask):
        start(study)
        own.wait(study.ask, AT_ONCE_S)
    kept = own.look_up(study.ask)
    return kept.result if kept is not None else None


def computed() -> int:
    """How often this session has started work."""
    return desk().computed


def _is_known(own: Desk, ask: Ask) -> bool:
    return ask in own.running or ask in own.results or ask in own.errors


def _usable(own: Desk, now: Ask, then: Any) -> Any | None:
    """An earlier result, where what a page draws from it still fits the group of now."""
    kept = own.look_up(then)
    same = (now.run.checkpoint, len(now.run.rows)) == (then.run.checkpoint, len(then.run.rows))
    return kept.result if kept is not None and same else None


def _state_line(study: Question, own: Desk, kept: Kept | None) -> None:
    """What is above the picture: nothing when it is whole and up to date."""
    error = own.errors.get(study.ask)
    if study.ask in own.running:
        watch(study)
    elif error is not None and not isinstance(error, Stopped):
        error_panel(error)
        _button(study, "Try again", ":material/refresh:")
    elif kept is not None:
        if kept.is_partial:
            _partial(study, kept)
    elif study.key in own.shown:
        _stale(study, own)
    else:
        _ready(study, stopped=error is not None)


# ---- starting and stopping ----------------------------------------------------------------------


class Startable(Protocol):
    """What can be computed from a button."""

    @property
    def key(self) -> str:
        """Unique on the page."""

    @property
    def ask(self) -> Ask:
        """What the result depends on."""

    @property
    def work(self) -> Work | Together:
        """What gives the result."""


def start(study: Startable) -> None:
    """Begin the work of a study (also as a callback of a button)."""
    requests = (study.ask.run, *study.ask.across)
    try:
        for request in requests:
            runs.check(request)
    except MuxvizError as error:
        desk().errors[study.ask] = error
        return
    job = Job(requests, study.work, together=study.ask.together, name=_pace(study))
    desk().begin(study.ask, job, study.key, _pace(study), _sequences(study))


def found(study: Startable) -> bool:
    """Whether its work is under way, or was when this page was loaded anew."""
    return desk().find(study.ask, study.key, _pace(study), _sequences(study))


def _stop(ask: Ask) -> None:
    desk().stop(ask)


def _button(study: Question, label: str, icon: str, kind: Kind = "secondary") -> None:
    st.button(
        label,
        icon=icon,
        type=kind,
        key=f"{study.key}_compute",
        on_click=start,
        args=(study,),
    )


# ---- states -------------------------------------------------------------------------------------


def _ready(study: Question, *, stopped: bool) -> None:
    """What it will show, what it costs, and Compute."""
    with st.container(border=True, gap="small"):
        if study.promise:
            st.markdown(study.promise)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _button(study, "Compute", ":material/play_arrow:", "primary")
            _cost_line(study, "Stopped before there was anything to show. " if stopped else "")
    runs.warm_up()


def _cost_line(study: Question, said: str = "") -> None:
    """What it costs, in seconds as soon as they are known."""
    waits = _expected(study) is None and _sequences(study) and pace.is_measuring(study.ask.run)
    st.fragment(_told_cost, run_every=LOOK_S if waits else None)(study, said, bool(waits))


def _told_cost(study: Question, said: str, waits: bool) -> None:
    if waits and not pace.is_measuring(study.ask.run):
        st.rerun()  # looked at no longer
    st.caption(f"{said}{_cost(study)}", width="stretch")


def _cost(study: Question) -> str:
    seconds, took = _expected(study), desk().pace.get(_pace(study))
    if seconds is not None:
        return f"Cost: {pace.duration_words(seconds)} here, {plain(_words(study))}."
    last = f" It took {took:.1f} s here last time." if took is not None else ""
    return f"Cost: {plain(_words(study))}.{last}"


def _words(study: Question) -> str:
    return study.cost if isinstance(study.cost, str) else study.cost.words


def _expected(study: Question) -> float | None:
    return pace.expected_s(_pace(study), study.ask.run, _sequences(study))


def _sequences(study: Startable) -> float:
    """Mixed ones that it takes; 0 where it is not made of any."""
    cost = getattr(study, "cost", "")
    return cost.sequences if isinstance(cost, Cost) else 0.0


def _stale(study: Question, own: Desk) -> None:
    """The picture below belongs to other inputs."""
    changed = _changes(study.ask, own.shown[study.key].ask)
    what = f" Since then you changed {plain(listed(changed))}." if changed else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.warning(f"**Stale.** The dimmed picture is from before.{what}", icon=":material/update:")
        _button(study, "Recompute", ":material/refresh:", "primary")
    _cost_line(study)


def _changes(now: Ask, then: Ask) -> list[str]:
    before = dict(then.params)
    names = dict.fromkeys(n for n, value in now.params if before.get(n, _NONE) != value)
    others = {
        "the seed": now.run.seed != then.run.seed,  # draws depend on it, whatever is filled
        "the other checkpoints": now.across != then.across,
    }
    named = [*runs.differences(now.run, then.run), *names]
    return [*named, *(what for what, is_new in others.items() if is_new and what not in named)]


def _partial(study: Question, kept: Kept) -> None:
    """Work was stopped; what was done is shown."""
    done = f" after {kept.done:,} of {kept.total:,}" if kept.total else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.info(
            f"**Stopped{done}.** What was done until then is shown; intervals are wider.",
            icon=":material/stop_circle:",
        )
        _button(study, "Compute all", ":material/play_arrow:")


def watch(study: Startable) -> None:
    """Progress of a job; draws the whole page again once it is over."""
    running = desk().running.get(study.ask)
    place = running.job.status().place if running else None
    pause = min(WAIT_LOOK_S, max(LOOK_S, place.seconds / 8)) if place else LOOK_S
    st.fragment(_watch, run_every=pause)(study)


def _watch(study: Startable) -> None:
    running = desk().running.get(study.ask)
    status = running.job.status() if running else None
    if running is None or status is None or status.is_over:
        st.rerun()
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
        st.progress(status.share, text=progress_text(status), width="stretch")
        st.button(
            "Stop",
            icon=":material/stop:",
            key=f"{study.key}_stop",
            on_click=_stop,
            args=(study.ask,),
            disabled=running.job.is_stopping,
        )


def progress_text(status: Status) -> str:
    """``"Waiting: 2 runs ahead of yours, about 3 s"``, ``"37 of 320 · 1.2 s, about 9 s left"``."""
    if status.state == "queued" and status.place:
        return f"Waiting: {runs.wait_words(status.place)}"
    spent = f"{status.elapsed_s:.1f} s"
    if status.doing or not status.total:
        return f"{plain(status.doing or 'Under way')} · {spent}"
    left = f", about {status.left_s:.0f} s left" if status.left_s is not None else ""
    paused = ", shorter runs go first" if status.place else ""
    return f"{status.done:,} of {status.total:,} · {spent}{left}{paused}"


# ---- the picture --------------------------------------------------------------------------------


def _picture(study: Question, own: Desk, kept: Kept) -> Shown:
    """Draw the panel of what is kept."""
    view = _drawn_as(study)
    panel = own.panel(study.ask, view, lambda: study.panel(kept.result))
    panels.draw(panel, study.question)
    return Shown(study.ask, view, panel)


def _faded(own: Desk, earlier: Shown) -> Panel:
    """The panel as it was, dimmed: it belongs to other inputs than those of now."""

    def make() -> Panel:
        figures, narrow = (
            tuple(map(dimmed, found)) for found in (earlier.panel.figures, earlier.panel.narrow)
        )
        return replace(earlier.panel, figures=figures, narrow=narrow, findings=())

    return own.panel(earlier.ask, ("dimmed", earlier.view), make)


def _drawn_as(study: Question) -> tuple[Any, ...]:
    """What a panel may read beside its result: slot, sentences, the private controls."""
    chosen = [params.value(param) for param in params.all_params()]
    seen = (st.session_state.get(session.SLOT), group.filled_rows(), *chosen)
    return (study.key, st.context.theme.type, study.view, *seen)


def _pace(study: Startable) -> tuple[str, pace.Model]:
    return (study.ask.name, pace.model_of(study.ask.run))
