"""Panels of the Layers page: spectrum, braid, norms. Those that read slots: ``reading``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from muxviz.figures.drawing.family import Drawn, Picture
from muxviz.figures.layers.norms import NORMS
from muxviz.figures.layers.spectrum import SPECTRUM
from muxviz.figures.mix.braid import BRAID
from muxviz.results import GroupResult
from muxviz.results.layers import EntanglementSpectrum, LayerNorms
from muxviz.ui.layers import text as words
from muxviz.ui.layers.params import FAMILY, PAIRS, SOLO
from muxviz.ui.layers.parts import controls, rough, soloed
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import value
from muxviz.ui.shell.text import count
from muxviz.ui.study.asked import Across, Question
from muxviz.ui.study.call import As, Call, pool_texts
from muxviz.ui.study.heading import family
from muxviz.ui.study.pace import mixed
from muxviz.ui.study.python import seating_argument
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import RunRequest, pooled

ALONE = "One text a pass: there is nothing to entangle and nothing to take apart."


# ---- spectrum and braid -------------------------------------------------------------------------


def spectrum_panel(run: RunRequest, bench: Bench) -> EntanglementSpectrum | None:
    """Each slot's share of the state, level by level; the spectrum on screen."""
    result: EntanglementSpectrum | None = show(spectrum_question(run, bench))
    if run.num_instances > 1:
        controls(PAIRS, SOLO)
    if result is not None and result.is_rough:
        rough(f"{count(result.pairs, 'pair')} of groups: the shares are only roughly known.")
    return result


def spectrum_call(run: RunRequest) -> Call:
    """The spectrum of a run's model."""
    given = {"pool": pool_texts(), "pairs": As("the number of pairs", int(value(PAIRS)))}
    return Call("layers.entanglement.entanglement_spectrum", run, given, takes="pool")


def spectrum_question(run: RunRequest, bench: Bench) -> Question:
    """Of model A; another model's differs in its run, key and question."""
    return Question(
        "layers_spectrum",
        "How entangled is the state, layer by layer?",
        spectrum_call(run),
        mixed(int(value(PAIRS)) * (run.num_instances + 2) + 16),
        SPECTRUM(solo=soloed(bench)),
        words.SPECTRUM_HOW,
        words.SPECTRUM_LIMITS,
        "Each slot's share of the state's variance at the mixture and after every layer, and what "
        "belongs to no single slot.",
        reason=ALONE if run.num_instances < 2 else "",
        file="spectrum",
    )


def version(spectrum: EntanglementSpectrum) -> tuple[str, int]:
    """Tells a spectrum from an earlier one of the same question."""
    return spectrum.provenance.measured, spectrum.pairs


def braid_panel(run: RunRequest, bench: Bench, spectrum: EntanglementSpectrum | None) -> None:
    """This group's pass, with the spectrum in its band."""
    if run.num_instances < 2:
        return
    show(
        Question(
            "layers_braid",
            "How do the lanes of this group run through it?",
            Call("inference.run_group", run, baseline=True),
            "one pass, and one of each sentence alone",
            lambda result: _braid(result, run, bench, spectrum),
            words.BRAID_HOW,
            words.BRAID_LIMITS,
            instant=True,
            view=version(spectrum) if spectrum else (),
        )
    )
    if spectrum is None:
        st.caption(":material/info: Equal stripes until the spectrum above is computed.")


def _braid(
    result: GroupResult, run: RunRequest, bench: Bench, spectrum: EntanglementSpectrum | None
) -> Picture | Drawn:
    """With the spectrum in the band, where it belongs to this checkpoint."""
    picture = BRAID(solo=soloed(bench))
    if spectrum is None or spectrum.provenance.fingerprint != result.provenance.fingerprint:
        return picture
    drawn = picture.here(spectrum=spectrum.band()).draw(
        result, dark=bench.is_dark, named="result, spectrum=spectrum.band()"
    )
    how = seating_argument(pooled(run))
    call = ", ".join(["checkpoint", "texts()", f"pairs={spectrum.asked}", *how])
    return replace(
        drawn,
        imports=(
            *drawn.imports,
            "from muxviz.analysis.layers.entanglement import entanglement_spectrum",
            "from muxviz.pool import texts",
        ),
        lines=(f"spectrum = entanglement_spectrum({call})", *drawn.lines),
    )


# ---- norms --------------------------------------------------------------------------------------


def norms_panel(run: RunRequest, bench: Bench) -> None:
    """Norms and attention entropy over the checkpoints of the family."""
    groups = int(value(FAMILY))
    first, *others = _relatives(run, family(bench))
    given = {"texts": pool_texts(), "draws": As("the number of groups", groups)}
    show(
        Across(
            "layers_norms",
            "How do states and attention change with N?",
            Call("layers.norms.layer_norms", first, given, takes="pool", across=tuple(others)),
            mixed(
                groups,
                f" on each of {count(1 + len(others), 'checkpoint')}",
                times=1 + len(others),
            ),
            NORMS(),
            words.NORMS_HOW,
            words.NORMS_LIMITS,
            "Activation norms and attention entropy, layer by layer, of every checkpoint that "
            "shares this one's N = 1 baseline.",
            origin=_norms_origin,
            record=tuple,
        )
    )
    controls(FAMILY)


def _relatives(run: RunRequest, runs: Sequence[RunRequest]) -> list[RunRequest]:
    """The runs of checkpoints that share the run's N = 1 baseline, the baseline first, by N."""
    root = run.baseline or run.checkpoint
    found = [r for r in runs if root in (r.checkpoint, r.baseline)]
    found = found if run.checkpoint in {r.checkpoint for r in found} else [run, *found]
    return sorted(found, key=lambda r: (r.num_instances, r.checkpoint))


def _norms_origin(members: Sequence[LayerNorms]) -> str:
    first, *others = members
    more = f" · and {count(len(others), 'checkpoint')} more" if others else ""
    return f"{first.provenance.line()}{more}"
