"""Panels of the Layers page: spectrum, braid, norms. Those that read slots: ``reading``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from muxviz.figures import braid_alt, braid_figure, braid_table
from muxviz.figures.layers import norms
from muxviz.figures.layers import spectrum as spectra
from muxviz.pool import pool_name
from muxviz.results import GroupResult, to_json
from muxviz.results.layers import EntanglementSpectrum, LayerNorms
from muxviz.ui.layers import text as words
from muxviz.ui.layers import work as works
from muxviz.ui.layers.params import FAMILY, PAIRS, SOLO
from muxviz.ui.layers.parts import controls, given_arguments, pool_snippet, rough, soloed
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import value
from muxviz.ui.shell.text import count
from muxviz.ui.study.panels import Panel
from muxviz.ui.study.pool_runs import pooled
from muxviz.ui.study.python import analysis_snippet, call_arguments, pool_arguments
from muxviz.ui.study.question import Answer, Ask, Study, family, show
from muxviz.ui.study.runs import RunRequest

ALONE = "One text a pass: there is nothing to entangle and nothing to take apart."


# ---- spectrum and braid -------------------------------------------------------------------------


def spectrum_panel(run: RunRequest, bench: Bench) -> EntanglementSpectrum | None:
    """Each slot's share of the state, level by level; the spectrum on screen."""
    result: EntanglementSpectrum | None = show(spectrum_study(run, bench))
    if run.num_instances > 1:
        controls(PAIRS, SOLO)
    if result is not None and result.is_rough:
        rough(f"{count(result.pairs, 'pair')} of groups: the shares are only roughly known.")
    return result


def spectrum_study(run: RunRequest, bench: Bench) -> Study:
    """Of model A; another model's differs in its run, key and question."""
    pairs = int(value(PAIRS))
    ask = Ask(
        pooled(run),
        "entanglement spectrum",
        (("the number of pairs", pairs), ("the pool", pool_name())),
    )
    return Study(
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


def _spectrum(result: EntanglementSpectrum, run: RunRequest, bench: Bench) -> Panel:
    solo = soloed(bench)
    call = f"checkpoint, texts(), pairs={result.asked}{pool_arguments(run)}"
    return Panel(
        "spectrum"
        if bench.checkpoint and run.checkpoint == bench.checkpoint.name
        else "spectrum_b",
        (spectra.spectrum_figure(result, solo=solo, dark=bench.is_dark),),
        (spectra.spectrum_alt(result),),
        spectra.spectrum_table(result),
        words.SPECTRUM_HOW,
        words.SPECTRUM_LIMITS,
        lambda: to_json(result),
        pool_snippet(
            run,
            ("analysis.layers.entanglement import entanglement_spectrum", "pool import texts"),
            "figures.layers.spectrum import spectrum_figure",
            f"entanglement_spectrum({call})",
            f"spectrum_figure(result{given_arguments(solo=solo)})",
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
    band, solo = _band(result, spectrum), soloed(bench)
    alone = ", baseline=baseline" if run.baseline else ""
    lines = [f"result = run_group({call_arguments(run)}{alone})"]
    imports = ["from muxviz.inference import run_group", "from muxviz.figures import braid_figure"]
    given = given_arguments(solo=solo)
    if band is not None and spectrum is not None:
        imports += [
            "from muxviz.analysis.layers.entanglement import entanglement_spectrum",
            "from muxviz.pool import texts",
        ]
        call = f"checkpoint, texts(), pairs={spectrum.asked}{pool_arguments(run)}"
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


# ---- norms --------------------------------------------------------------------------------------


def norms_panel(run: RunRequest, bench: Bench) -> None:
    """Norms and attention entropy over the checkpoints of the family."""
    groups = int(value(FAMILY))
    members = tuple(pooled(r) for r in works.relatives(run, family(bench)))
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
    controls(FAMILY)


def _norms(result: Any, run: RunRequest, bench: Bench) -> Panel:
    members: Sequence[LayerNorms] = _members(result)
    names = [member.provenance.checkpoint for member in members]
    call = f"checkpoint, texts(), draws={members[0].asked}{pool_arguments(run)}"
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
                "from muxviz.analysis.layers.norms import layer_norms",
                "from muxviz.figures.layers.norms import norms_figure",
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
