"""Panels of the Layers page: spectrum, braid, lens, strip, norms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from muxviz.figures import braid_alt, braid_figure, braid_table
from muxviz.figures import layers_lens as lenses
from muxviz.figures import layers_norms as norms
from muxviz.figures import layers_spectrum as spectra
from muxviz.figures import layers_strip as strips
from muxviz.figures.layers_axes import level_words
from muxviz.pool import pool_name
from muxviz.results import GroupResult, to_json
from muxviz.results.layers import (
    EntanglementSpectrum,
    GroupLens,
    LayerLens,
    LayerNorms,
    LayerProbe,
)
from muxviz.ui import layers_text as words
from muxviz.ui import layers_work as works
from muxviz.ui.frame import Bench
from muxviz.ui.layers_params import (
    DRAWS,
    FAMILY,
    FIT,
    LENS_SHOW,
    LEVEL,
    PAIRS,
    PROBE,
    PROBE_SHOW,
    SOLO,
)
from muxviz.ui.panels import Panel
from muxviz.ui.params import Number, control, value
from muxviz.ui.python import analysis_snippet, call_arguments
from muxviz.ui.runs import RunRequest
from muxviz.ui.study import Answer, Ask, Study, family, show
from muxviz.ui.text import count

ALONE = "One text a pass: there is nothing to entangle and nothing to take apart."
NO_HEAD = "One text a pass: nothing was mixed, so nothing is read back. The linear probe works."
ROOM = 200  # px of a slider


# ---- spectrum and braid -------------------------------------------------------------------------


def spectrum_panel(run: RunRequest, bench: Bench) -> EntanglementSpectrum | None:
    """Each slot's share of the state, level by level; the spectrum on screen."""
    pairs = int(value(PAIRS))
    ask = Ask(
        works.pooled(run),
        "entanglement spectrum",
        (("the number of pairs", pairs), ("the pool", pool_name())),
    )
    study = Study(
        "layers_spectrum",
        "How entangled is the state, layer by layer?",
        ask,
        f"{pairs * (run.num_instances + 2) + 16:,} mixed sequences",
        works.spectrum_work(run, pairs),
        lambda result: _spectrum(result, run, bench),
        "Each slot's share of the state's variance at the mixture and after every layer, and what "
        "belongs to no single slot.",
        reason=ALONE if run.num_instances < 2 else "",
    )
    result: EntanglementSpectrum | None = show(study)
    if run.num_instances > 1:
        _controls(PAIRS, SOLO)
    if result is not None and result.is_rough:
        _rough(f"{count(result.pairs, 'pair')} of groups: the shares are only roughly known.")
    return result


def _spectrum(result: EntanglementSpectrum, run: RunRequest, bench: Bench) -> Panel:
    solo = _solo(bench)
    return Panel(
        "spectrum",
        (spectra.spectrum_figure(result, solo=solo, dark=bench.is_dark),),
        (spectra.spectrum_alt(result),),
        spectra.spectrum_table(result),
        words.SPECTRUM_HOW,
        words.SPECTRUM_LIMITS,
        lambda: to_json(result),
        _python(
            run,
            ("analysis.entanglement import entanglement_spectrum", "pool import texts"),
            "figures.layers_spectrum import spectrum_figure",
            f"entanglement_spectrum(checkpoint, texts(), pairs={result.asked}{_more(run)})",
            f"spectrum_figure(result{_given(solo=solo)})",
        ),
        result.provenance.line(),
    )


def braid_panel(run: RunRequest, bench: Bench, spectrum: EntanglementSpectrum | None) -> None:
    """This group's pass, with the spectrum in its band."""
    if run.num_instances < 2:
        return
    made = (spectrum.provenance.measured, spectrum.pairs) if spectrum else ()
    study = Study(
        "layers_braid",
        "How do the lanes of this group run through it?",
        Ask(run, "one pass"),
        "one pass, and one of each sentence alone",
        works.group_work(run),
        lambda result: _braid(result, run, bench, spectrum),
        instant=True,
        view=made,
    )
    show(study)
    if spectrum is None:
        st.caption(":material/info: Equal stripes until the spectrum above is computed.")


def _braid(
    result: GroupResult, run: RunRequest, bench: Bench, spectrum: EntanglementSpectrum | None
) -> Panel:
    band, solo = _band(result, spectrum), _solo(bench)
    alone = ", baseline=baseline" if run.baseline else ""
    lines = [f"result = run_group({call_arguments(run)}{alone})"]
    imports = ["from muxviz.inference import run_group", "from muxviz.figures import braid_figure"]
    given = _given(solo=solo)
    if band is not None and spectrum is not None:
        imports += [
            "from muxviz.analysis.entanglement import entanglement_spectrum",
            "from muxviz.pool import texts",
        ]
        call = f"checkpoint, texts(), pairs={spectrum.asked}{_more(run)}"
        lines.append(f"spectrum = entanglement_spectrum({call})")
        given = f", spectrum=spectrum.band(){given}"
    return Panel(
        "layers_braid",
        (braid_figure(result, spectrum=band, solo=solo, dark=bench.is_dark),),
        (braid_alt(result),),
        braid_table(result),
        words.BRAID_HOW,
        words.BRAID_LIMITS,
        lambda: to_json(result),
        analysis_snippet(run, imports, [*lines, f"braid_figure(result{given}).show()"]),
        result.provenance.line(),
    )


def _band(result: GroupResult, spectrum: EntanglementSpectrum | None) -> Any:
    """The spectrum for the braid, where it belongs to this checkpoint."""
    if spectrum is None or spectrum.provenance.fingerprint != result.provenance.fingerprint:
        return None
    return spectrum.band()


def _solo(bench: Bench) -> int | None:
    return bench.slot if value(SOLO) else None


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
        Ask(works.pooled(run), f"{PROBE.options[probe].lower()} by layer", tuple(params)),
        _lens_cost(run, probe, draws, fit),
        works.lens_work(run, probe, draws, fit),
        lambda result: _lens(result, run, bench, probe),
        "A map of slots by levels: what the trained read-out, or a linear map of each level's own, "
        "finds there.",
        reason=NO_HEAD if run.num_instances < 2 and probe != "linear" else "",
    )
    result = show(study)
    shows = PROBE_SHOW if probe == "linear" else LENS_SHOW
    _controls(PROBE, shows, DRAWS, *([] if probe == "demux" else [FIT]))
    if result is not None and getattr(result, "is_rough", False):
        _rough(
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
        (lenses.lens_figure(result, show=shown, slot=_solo(bench), dark=bench.is_dark),),
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
        "demux": ("lens", "demux_lens", 'texts("test")', ""),
        "translated": ("lens", "translated_lens", 'texts("fit"), texts("test")', "fit"),
        "linear": ("probes", "linear_probes", 'texts("fit"), texts("test")', "fit"),
    }
    module, name, pools, fitted = names[probe]
    numbers = f", fit_draws={fit}" if fitted else ""
    return _python(
        run,
        (f"analysis.{module} import {name}", "pool import texts"),
        "figures.layers_lens import lens_figure",
        f"{name}(checkpoint, {pools}{numbers}, draws={draws}{_more(run)})",
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
    imports = ["from muxviz.figures.layers_strip import lens_strip_figure"]
    if translated:
        names.insert(0, "fit_translators")
        imports.append("from muxviz.pool import texts")
        call = f'checkpoint, texts("fit"), draws={int(value(FIT))}{_more(run)}'
        lines = [
            f"maps = fit_translators({call})",
            f"lens = lens_of_group({call_arguments(run)}, translators=maps)",
        ]
    imports.append(f"from muxviz.analysis.lens import {', '.join(names)}")
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


# ---- norms --------------------------------------------------------------------------------------


def norms_panel(run: RunRequest, bench: Bench) -> None:
    """Norms and attention entropy over the checkpoints of the family."""
    groups = int(value(FAMILY))
    members = tuple(works.pooled(r) for r in works.relatives(run, family(bench)))
    ask = Ask(
        members[0],
        "norms by layer",
        (("the number of groups", groups), ("the pool", pool_name())),
        across=members[1:],
    )
    study = Study(
        "layers_norms",
        "How do states and attention change with N?",
        ask,
        f"{groups} mixed sequences on each of {count(len(members), 'checkpoint')}",
        works.norms_work(run, groups),
        lambda result: _norms(result, run, bench),
        "Activation norms and attention entropy, layer by layer, of every checkpoint that shares "
        "this one's N = 1 baseline.",
    )
    show(study)
    _controls(FAMILY)


def _norms(result: Any, run: RunRequest, bench: Bench) -> Panel:
    members: Sequence[LayerNorms] = _members(result)
    names = [member.provenance.checkpoint for member in members]
    call = f"checkpoint, texts(), draws={members[0].asked}{_more(run)}"
    return Panel(
        "layers_norms",
        (norms.norms_figure(members, dark=bench.is_dark),),
        (norms.norms_alt(members),),
        norms.norms_table(members),
        words.NORMS_HOW,
        words.NORMS_LIMITS,
        lambda: to_json(tuple(members)),
        "\n".join(
            [
                "import muxviz",
                "from muxviz.analysis.norms import layer_norms",
                "from muxviz.figures.layers_norms import norms_figure",
                "from muxviz.pool import texts",
                "",
                f"names = {names!r}",
                f"checkpoints = [muxviz.load(n, device={run.device!r}, dtype={run.dtype!r}) "
                "for n in names]",
                f"members = [layer_norms({call}) for checkpoint in checkpoints]",
                "norms_figure(members).show()",
            ]
        ),
        " · ".join(member.provenance.line() for member in members[:1])
        + (f" · and {count(len(members) - 1, 'checkpoint')} more" if len(members) > 1 else ""),
    )


def _members(result: Any) -> list[LayerNorms]:
    """What was measured, of one checkpoint or of several."""
    if isinstance(result, LayerNorms):
        return [result]
    answers: Sequence[Answer] = result
    return [answer.result for answer in answers if answer.result is not None]


# ---- common -------------------------------------------------------------------------------------


def _controls(*params: Any) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        for param in params:
            if isinstance(param, Number):
                with st.container(width=ROOM):
                    control(param)
            else:
                control(param)


def _rough(text: str) -> None:
    st.warning(f"**Low numbers.** {text}", icon=":material/data_exploration:")


def _more(run: RunRequest) -> str:
    """Padding and seed of a call over the pool, where they are not the defaults."""
    padding = f", padding={run.padding!r}" if run.padding else ""
    return padding + (f", seed={run.seed}" if run.seed else "")


def _given(**arguments: Any) -> str:
    return "".join(f", {name}={v!r}" for name, v in arguments.items() if v is not None)


def _python(run: RunRequest, imports: Sequence[str], figure: str, result: str, drawn: str) -> str:
    """A snippet: imports of muxviz, the result, and the figure of it."""
    return analysis_snippet(
        run,
        [f"from muxviz.{name}" for name in (*imports, figure)],
        [f"result = {result}", f"{drawn}.show()"],
    )
