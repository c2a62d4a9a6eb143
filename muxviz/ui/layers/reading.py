"""Panels of the Layers page that read slots at every level: lens, probes, token strip."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from muxviz.figures.drawing.levels import level_words
from muxviz.figures.layers import lens as lenses
from muxviz.figures.layers import strip as strips
from muxviz.pool import pool_name
from muxviz.results import to_json
from muxviz.results.layers import GroupLens, LayerLens, LayerProbe
from muxviz.ui.layers import text as words
from muxviz.ui.layers import work as works
from muxviz.ui.layers.params import DRAWS, FIT, LENS_SHOW, LEVEL, PROBE, PROBE_SHOW
from muxviz.ui.layers.parts import ROOM, controls, pool_snippet, rough, soloed
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import Number, control, value
from muxviz.ui.study.panels import Panel
from muxviz.ui.study.pool_runs import pooled
from muxviz.ui.study.python import analysis_snippet, call_arguments, pool_arguments
from muxviz.ui.study.question import Ask, Study, show
from muxviz.ui.study.runs import RunRequest

NO_HEAD = "One text a pass: nothing was mixed, so nothing is read back. The linear probe works."


# ---- lens ---------------------------------------------------------------------------------------


def lens_panel(run: RunRequest, bench: Bench) -> str:
    """Slots by levels through the chosen probe, whose id is given back."""
    question = "At what depth can each slot be read?"
    probe = str(value(PROBE))
    draws, fit = int(value(DRAWS)), int(value(FIT))
    params = [("the number of groups to read", draws), ("the pool", pool_name())]
    if probe != "demux":
        params.append(("the number of groups to fit on", fit))
    study = Study(
        f"layers_{probe}",
        question,
        Ask(pooled(run), f"{PROBE.options[probe].lower()} by layer", tuple(params)),
        _lens_cost(run, probe, draws, fit),
        works.lens_work(run, probe, draws, fit),
        lambda result: _lens(result, run, bench, probe),
        "A map of slots by levels: what the trained read-out, or a linear map of each level's own, "
        "finds there.",
        reason=NO_HEAD if run.num_instances < 2 and probe != "linear" else "",
    )
    result = show(study)
    shows = PROBE_SHOW if probe == "linear" else LENS_SHOW
    controls(PROBE, shows, DRAWS, *([] if probe == "demux" else [FIT]))
    if result is not None and getattr(result, "is_rough", False):
        rough(
            f"Fitted on few tokens for states of {result.width} numbers: choose more groups to fit "
            "on, or a larger pool."
        )
    return probe


def _lens_cost(run: RunRequest, probe: str, draws: int, fit: int) -> str:
    if probe == "demux":
        return f"{draws} mixed sequences, each read at every level"
    what = "and a regression per slot and level" if probe == "linear" else "and a map per level"
    return f"{draws + fit} mixed sequences at most, {what}"


def _lens(result: LayerLens | LayerProbe, run: RunRequest, bench: Bench, probe: str) -> Panel:
    shown = str(value(PROBE_SHOW if probe == "linear" else LENS_SHOW))
    linear = isinstance(result, LayerProbe)
    how = words.PROBE_HOW if linear else words.LENS_HOW
    if probe == "translated":
        how += words.TRANSLATED_HOW
    return Panel(
        f"layers_{probe}",
        (lenses.lens_figure(result, show=shown, slot=soloed(bench), dark=bench.is_dark),),
        (lenses.lens_alt(result, show=shown),),
        lenses.lens_table(result),
        how + _fitted(result),
        words.PROBE_LIMITS if linear else words.LENS_LIMITS,
        lambda: to_json(result),
        _lens_python(run, probe, shown),
        result.provenance.line(),
    )


def _fitted(result: LayerLens | LayerProbe) -> str:
    """How much it was fitted and scored on."""
    if isinstance(result, LayerProbe):
        fit, test = int(result.fit_tokens.min()), int(result.test_tokens.min())
        return (
            f"\nFitted on {result.fit_groups} groups (at least {fit:,} tokens a slot), scored on "
            f"{result.test_groups} groups (at least {test:,}); states have {result.width} numbers."
        )
    scored = f"\nScored on {result.groups} groups."
    if result.kind == "demux":
        return scored
    return f"{scored} Fitted on {result.fit_groups} groups ({result.fit_tokens:,} positions)."


def _lens_python(run: RunRequest, probe: str, shown: str) -> str:
    draws, fit = int(value(DRAWS)), int(value(FIT))
    names = {
        "demux": ("lens", "demux_lens", "fit_and_test()[1]", ""),
        "translated": ("lens", "translated_lens", "*fit_and_test()", "fit"),
        "linear": ("probes", "linear_probes", "*fit_and_test()", "fit"),
    }
    module, name, pools, fitted = names[probe]
    numbers = f", fit_draws={fit}" if fitted else ""
    return pool_snippet(
        run,
        (f"analysis.layers.{module} import {name}", "pool import fit_and_test"),
        "figures.layers.lens import lens_figure",
        f"{name}(checkpoint, {pools}{numbers}, draws={draws}{pool_arguments(run)})",
        f"lens_figure(result, show={shown!r})",
    )


# ---- strip --------------------------------------------------------------------------------------


def strip_panel(run: RunRequest, bench: Bench, probe: str) -> None:
    """The selected slot's tokens through the layers."""
    translated, fit = probe == "translated", int(value(FIT))
    params = (
        ("the lens", probe),
        ("the number of groups to fit on", fit),
        ("the pool", pool_name()),
    )
    study = Study(
        "layers_strip_translated" if translated else "layers_strip",
        "What is read of the selected slot on the way?",
        Ask(replace(run, baseline=""), "strip by layer", params if translated else ()),
        f"{fit} mixed sequences to fit the maps, and one pass" if translated else "one pass",
        works.strip_work(run, translated, fit),
        lambda result: _strip(result, run, bench, translated),
        "This group's tokens as they are read at every level, to be played.",
        instant=not translated,
        reason=NO_HEAD if run.num_instances < 2 else "",
    )
    result: GroupLens | None = show(study)
    if result is not None:
        _level_controls(result)


def _level_controls(lens: GroupLens) -> None:
    """Which level is shown first: a slider, and one step back or on."""
    last = len(lens.levels) - 1
    now = min(int(value(LEVEL)), last)
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


def _strip(result: GroupLens, run: RunRequest, bench: Bench, translated: bool) -> Panel:
    slot, level = bench.slot, min(int(value(LEVEL)), len(result.levels) - 1)
    names = ["lens_of_group"]
    lines = [f"lens = lens_of_group({call_arguments(run)})"]
    imports = ["from muxviz.figures.layers.strip import lens_strip_figure"]
    if translated:
        names.insert(0, "fit_translators")
        imports.append("from muxviz.pool import fit_and_test")
        call = f"checkpoint, fit_and_test()[0], draws={int(value(FIT))}{pool_arguments(run)}"
        lines = [
            f"maps = fit_translators({call})",
            f"lens = lens_of_group({call_arguments(run)}, translators=maps)",
        ]
    imports.append(f"from muxviz.analysis.layers.lens import {', '.join(names)}")
    lines.append(f"lens_strip_figure(lens, {slot}, level={level}).show()")
    return Panel(
        "layers_strip",
        (strips.lens_strip_figure(result, slot, level=level, dark=bench.is_dark),),
        (strips.lens_strip_alt(result, slot),),
        strips.lens_strip_table(result, slot),
        words.STRIP_HOW + (words.TRANSLATED_HOW if translated else ""),
        words.LENS_LIMITS,
        lambda: to_json(result),
        analysis_snippet(run, imports, lines),
        result.provenance.line(),
    )
