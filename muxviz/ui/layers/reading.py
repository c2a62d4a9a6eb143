"""Panels of the Layers page that read slots at every level: lens, probes, token strip."""

from __future__ import annotations

import streamlit as st

from muxviz.figures.drawing.family import Picture
from muxviz.figures.drawing.levels import level_words
from muxviz.figures.layers.lens import LENS
from muxviz.figures.layers.strip import STRIP
from muxviz.results.layers import GroupLens, LayerLens, LayerProbe
from muxviz.ui.layers import text as words
from muxviz.ui.layers.params import DRAWS, FIT, LENS_SHOW, LEVEL, PROBE, PROBE_SHOW
from muxviz.ui.layers.parts import ROOM, controls, rough, soloed
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import Number, control, value
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import As, Call, halves
from muxviz.ui.study.pace import Cost, mixed
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import RunRequest

NO_HEAD = "One text a pass: nothing was mixed, so nothing is read back. The linear probe works."


def reading_panels(run: RunRequest, bench: Bench) -> None:
    """What is read at every level: of all slots, and of the selected one's tokens."""
    _strip(run, bench, _lens(run, bench))


# ---- lens ---------------------------------------------------------------------------------------


def _lens(run: RunRequest, bench: Bench) -> str:
    """Slots by levels through the chosen probe, whose id is given back."""
    probe = str(value(PROBE))
    is_linear = probe == "linear"
    shows = PROBE_SHOW if is_linear else LENS_SHOW
    result = show(
        Question(
            f"layers_{probe}",
            "At what depth can each slot be read?",
            _lens_call(run, probe),
            _lens_cost(run, probe),
            LENS(show=str(value(shows)), slot=soloed(bench)),
            _lens_how,
            words.PROBE_LIMITS if is_linear else words.LENS_LIMITS,
            "A map of slots by levels: what the trained read-out, or a linear map of each level's "
            "own, finds there.",
            reason=NO_HEAD if run.num_instances < 2 and not is_linear else "",
        )
    )
    controls(PROBE, shows, DRAWS, *([] if probe == "demux" else [FIT]))
    if result is not None and getattr(result, "is_rough", False):
        rough(
            f"Fitted on few tokens for states of {result.width} numbers: choose more groups to fit "
            "on, or a larger pool."
        )
    return probe


def _lens_call(run: RunRequest, probe: str) -> Call:
    draws = As("the number of groups to read", int(value(DRAWS)))
    if probe == "demux":
        given = {"texts": halves()["test"], "draws": draws}
        return Call("layers.lens.demux_lens", run, given, takes="pool")
    name = "probes.linear_probes" if probe == "linear" else "lens.translated_lens"
    given = {**halves(), "draws": draws, "fit_draws": _fit_draws()}
    return Call(f"layers.{name}", run, given, takes="pool")


def _fit_draws() -> As:
    return As("the number of groups to fit on", int(value(FIT)))


def _lens_cost(run: RunRequest, probe: str) -> Cost:
    draws, fit = int(value(DRAWS)), int(value(FIT))
    if probe == "demux":
        return mixed(draws, ", each read at every level")
    what = "and a regression per slot and level" if probe == "linear" else "and a map per level"
    return mixed(draws + fit, f" at most, {what}")


def _lens_how(result: LayerLens | LayerProbe) -> str:
    """How it is read, and how much it was fitted and scored on."""
    if isinstance(result, LayerProbe):
        fit, test = int(result.fit_tokens.min()), int(result.test_tokens.min())
        return (
            f"{words.PROBE_HOW}\n"
            f"Fitted on {result.fit_groups} groups (at least {fit:,} tokens a slot), scored on "
            f"{result.test_groups} groups (at least {test:,}); states have {result.width} numbers."
        )
    scored = f"\nScored on {result.groups} groups."
    if result.kind == "demux":
        return words.LENS_HOW + scored
    fitted = f" Fitted on {result.fit_groups} groups ({result.fit_tokens:,} positions)."
    return words.LENS_HOW + words.TRANSLATED_HOW + scored + fitted


# ---- strip --------------------------------------------------------------------------------------


def _strip(run: RunRequest, bench: Bench, probe: str) -> None:
    """The selected slot's tokens through the layers."""
    translated, call = probe == "translated", Call("layers.lens.lens_of_group", run)
    if translated:
        given = {"fit": halves()["fit"], "fit_draws": _fit_draws()}
        call = Call("layers.lens.translated_lens_of_group", run, given)

    def draw(result: GroupLens) -> Picture:
        return STRIP(slot=bench.slot, level=_level(result))

    fit = f"{int(value(FIT))} mixed sequences to fit the maps, and "
    result: GroupLens | None = show(
        Question(
            "layers_strip_translated" if translated else "layers_strip",
            "What is read of the selected slot on the way?",
            call,
            f"{fit if translated else ''}one pass",
            draw,
            words.STRIP_HOW + (words.TRANSLATED_HOW if translated else ""),
            words.LENS_LIMITS,
            "This group's tokens as they are read at every level, to be played.",
            instant=not translated,
            reason=NO_HEAD if run.num_instances < 2 else "",
            file="layers_strip",
        )
    )
    if result is not None:
        _level_controls(result)


def _level(lens: GroupLens) -> int:
    """The level that is shown first."""
    return min(int(value(LEVEL)), len(lens.levels) - 1)


def _level_controls(lens: GroupLens) -> None:
    """Which level is shown first: a slider, and one step back or on."""
    last = len(lens.levels) - 1
    now = _level(lens)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        _step("Previous level", ":material/chevron_left:", now - 1, now > 0)
        _step("Next level", ":material/chevron_right:", now + 1, now < last)
        with st.container(width=ROOM):
            control(Number(LEVEL.key, LEVEL.label, 0, last, 0, 1))
        st.caption(f"{level_words(lens.levels[now]).capitalize()} is shown first.")


def _step(label: str, icon: str, level: int, possible: bool) -> None:
    st.button(
        label,
        icon=icon,
        key=f"layers_{'next' if 'Next' in label else 'previous'}",
        disabled=not possible,
        on_click=_set_level,
        args=(level,),
    )


def _set_level(level: int) -> None:
    st.session_state[LEVEL.key] = level
