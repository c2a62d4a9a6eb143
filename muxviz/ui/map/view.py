"""Panels of the Map page: the map by PCA, UMAP or t-SNE, the shares, a closer look at points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from muxviz.figures.map.shares import share_figure
from muxviz.figures.map.states import map_figure
from muxviz.figures.map.words import (
    METHODS,
    map_alt,
    map_readings,
    map_table,
    score_table,
    share_alt,
    share_table,
)
from muxviz.pool import pool_name
from muxviz.results import to_json
from muxviz.results.map import READOUT, Projection, StateMap
from muxviz.ui.map import params as controls
from muxviz.ui.map import text as words
from muxviz.ui.map import warm
from muxviz.ui.map import work as works
from muxviz.ui.map.controls import chosen_state, chosen_states, design_controls, view_controls
from muxviz.ui.map.look import closer_look
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import value
from muxviz.ui.study.kept import desk
from muxviz.ui.study.panels import Panel
from muxviz.ui.study.python import analysis_snippet, call_arguments
from muxviz.ui.study.question import Ask, Study, show
from muxviz.ui.study.runs import RunRequest

QUESTION = "Do same sentences stay together whatever their neighbours?"
ALONE = "One text a pass: a sentence has no neighbours that could move it."


def map_page(run: RunRequest, bench: Bench) -> None:
    """Everything below the head."""
    if run.num_instances < 2:
        show(_first(run, bench))
        return
    design_controls()
    study = _first(run, bench)
    desk().collect(study.ask)  # before the controls
    kept = desk().look_up(study.ask)
    found: StateMap | None = kept.result if kept is not None else None
    view_controls(found)
    shown = None
    place = st.container()
    if found is not None and value(controls.METHOD) != "pca":
        shown = show(_second(run, bench, found))
    if shown is None:
        with place:
            found = show(study)
    if found is None:
        return
    state = chosen_state(found)
    for line in map_readings(found.reading(state)):
        st.markdown(f"- {line}")
    if study.ask in desk().results:
        show(_shares(study, run, bench))
        closer_look(found, state)


# ---- studies ------------------------------------------------------------------------------------


def _first(run: RunRequest, bench: Bench) -> Study:
    """The sample, its scores, and the map by PCA."""
    anchors, sets = int(value(controls.ANCHORS)), int(value(controls.SETS))
    asked = works.asked_run(run, with_own=bool(value(controls.OWN)))
    params = (
        ("the number of sentences", anchors),
        ("the number of neighbour sets", sets),
        ("the pool", pool_name()),
    )
    passes = anchors * sets * run.num_instances + bool(asked.rows)
    return Study(
        "map_states",
        QUESTION,
        Ask(asked, "map of states", params),
        f"{passes:,} mixed sequences, then the scores of every state",
        works.sample_work(asked, anchors, sets),
        lambda found: _map(found, _pca(found), asked, bench),
        words.MAP_PROMISE,
        reason=ALONE if run.num_instances < 2 else "",
    )


def _second(run: RunRequest, bench: Bench, found: StateMap) -> Study:
    """Another projection of the same sample."""
    first = _first(run, bench)
    method, dims = str(value(controls.METHOD)), int(value(controls.DIMS))
    near, dist = int(value(controls.NEAR)), float(value(controls.DIST))
    states = chosen_states(found, chosen_state(found))
    chosen = (
        ("the states", states),
        ("the dimensions", dims),
        ("the number of neighbours", near),
        *((("the least distance", dist),) if method == "umap" else ()),
    )
    sample = found.sample
    count = int((~sample.is_own).sum()) * len(states)
    missing = method == "umap" and not warm.has_umap()
    return Study(
        f"map_{method}",
        f"The same states by {METHODS[method]}",
        replace(first.ask, name=f"map by {METHODS[method]}", params=(*first.ask.params, *chosen)),
        f"no pass; a fit of {count:,} points on one thread{_compiling(method)}",
        works.project_work(sample, states, method, dims, near, dist, run.seed),
        lambda projection: _map(found, projection, first.ask.run, bench),
        "Until then PCA is shown above.",
        reason=warm.INSTALL if missing else "",
    )


def _compiling(method: str) -> str:
    """What the first UMAP of a process adds."""
    if method != "umap":
        return ""
    warmth = warm.warm_umap()
    if warmth is not None and warmth.is_ready:
        return ""
    return "; UMAP first compiles itself, up to a minute, once"


def _pca(found: StateMap) -> Projection | None:
    """The stored PCA map; None for a state without variance."""
    states = chosen_states(found, chosen_state(found))
    dims = int(value(controls.DIMS))
    return next((m for m in found.maps if (m.states, m.dims) == (states, dims)), None)


# ---- panels -------------------------------------------------------------------------------------


def _map(found: StateMap, projection: Projection | None, run: RunRequest, bench: Bench) -> Panel:
    state = chosen_state(found)
    if projection is None or state not in projection.states:
        state = READOUT
        projection = found.map_of((READOUT,), 2)
    sample, reading = found.sample, found.reading(state)
    selected = int(value(controls.SELECTED)) - 1
    point = int(value(controls.POINT)) - 1
    color = str(value(controls.COLOR))
    sentence = selected if 0 <= selected < sample.num_anchors else None
    ringed = point if 0 <= point < len(sample.anchor) else None
    figure = map_figure(
        sample,
        projection,
        found.readings,
        state=state,
        color=color,
        selected=sentence,
        point=ringed,
        dark=bench.is_dark,
    )
    chosen = {"color": color, "selected": sentence, "point": ringed}
    bare = replace(sample, states={})
    record = (bare, projection, found.readings)
    return Panel(
        f"map_{projection.method}",
        (figure,),
        (map_alt(sample, projection, reading),),
        map_table(sample, projection, state, reading),
        words.MAP_HOW,
        "\n".join([words.MAP_LIMITS, *(f"\n{note}." for note in projection.notes)]),
        lambda: to_json(record),
        _python(run, found, projection, state, chosen),
        _provenance(found),
    )


def _shares(first: Study, run: RunRequest, bench: Bench) -> Study:
    """Of a result that is there: computes nothing."""

    def panel(found: StateMap) -> Panel:
        return Panel(
            "map_shares",
            (share_figure(found.readings, dark=bench.is_dark),),
            (share_alt(found.readings),),
            [*share_table(found.readings), *score_table(found.readings)],
            words.SHARES_HOW,
            words.SHARES_LIMITS,
            lambda: to_json(found.readings),
            analysis_snippet(
                first.ask.run,
                [*_imports(), "from muxviz.figures.map.shares import share_figure"],
                [*_sampling(first.ask.run, found), "share_figure(found.readings).show()"],
            ),
            _provenance(found),
        )

    return replace(first, key="map_shares", question="What is each state made of?", panel=panel)


def _provenance(found: StateMap) -> str:
    sample = found.sample
    counts = f"{sample.num_anchors} sentences × {sample.num_sets} neighbour sets"
    return (
        f"{counts} × {sample.num_slots} slots of {sample.pool_size} in {pool_name()} · "
        f"{sample.provenance.line()}"
    )


# ---- Python -------------------------------------------------------------------------------------


def _imports() -> list[str]:
    return [
        "from muxviz.analysis.map.projection import map_states",
        "from muxviz.analysis.map.states import sample_states",
        "from muxviz.pool import labelled",
    ]


def _sampling(run: RunRequest, found: StateMap) -> list[str]:
    baseline = ", baseline=baseline" if run.baseline else ""
    sample = found.sample
    seed = f", seed={run.seed}" if run.seed else ""
    return [
        "texts, labels = labelled()",
        "sample = sample_states(",
        f"    {call_arguments(run)}{baseline},",
        "    pool=texts, gold=labels,",
        f"    anchors={sample.asked_anchors}, neighbour_sets={sample.num_sets},",
        ")",
        f"found = map_states(sample{seed})",
    ]


def _python(
    run: RunRequest,
    found: StateMap,
    projection: Projection,
    state: str,
    chosen: dict[str, Any],
) -> str:
    imports = [*_imports(), "from muxviz.figures.map.states import map_figure"]
    lines = _sampling(run, found)
    if projection.method == "pca":
        lines.append(f"projection = found.map_of({projection.states!r}, {projection.dims})")
    else:
        imports.append("from muxviz.analysis.map.projection import project")
        lines.append(f"projection = project({_fit(projection)})")
    given = "".join(f", {k}={v!r}" for k, v in chosen.items() if v is not None)
    lines.append(f"map_figure(sample, projection, found.readings, state={state!r}{given}).show()")
    return analysis_snippet(run, imports, lines)


def _fit(projection: Projection) -> str:
    parts: Sequence[str] = (
        "sample",
        repr(projection.states),
        f"method={projection.method!r}",
        f"dims={projection.dims}",
        f"n_neighbors={projection.neighbors}",
        f"min_dist={projection.min_dist:g}",
        f"seed={projection.seed}",
    )
    return ", ".join(parts)
