"""Panels of the Map page: the map by PCA, UMAP or t-SNE, the shares, a closer look at points."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from muxviz.figures.drawing.family import Picture
from muxviz.figures.map.journey import JOURNEY
from muxviz.figures.map.shares import SHARES_FAMILY
from muxviz.figures.map.states import MAP
from muxviz.figures.map.words import METHODS, map_readings
from muxviz.pool import pool_name
from muxviz.results.map import READOUT, Projection, StateMap
from muxviz.ui.map import params as controls
from muxviz.ui.map import text as words
from muxviz.ui.map import warm
from muxviz.ui.map.controls import chosen, design_controls, view_controls
from muxviz.ui.map.look import closer_look, take_point, take_points
from muxviz.ui.map.project import Project
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import value
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import As, Call, labelled_pool
from muxviz.ui.study.kept import desk
from muxviz.ui.study.pace import mixed
from muxviz.ui.study.question import show, start
from muxviz.ui.study.runs import RunRequest
from muxviz.ui.study.tabs import in_tabs

QUESTION = "Do same sentences stay together whatever their neighbours?"
SKETCH = "A first look, of fewer sentences"
ROUND = 40  # sentences in a slot each, of one round of it
ALONE = "One text a pass: a sentence has no neighbours that could move it."


def map_page(run: RunRequest, bench: Bench) -> None:
    """Everything below the head."""
    if run.num_instances < 2:
        show(_first(_sampling(run)))
        return
    design_controls()
    sampling, sketch = _sampling(run), _sketch(run)
    own = desk()
    own.collect_all()  # before the controls
    kept = own.look_up(sampling.ask)
    found: StateMap | None = kept.result if kept is not None else None
    view_controls(found)
    first, shown = _first(sampling), None
    if found is None and sketch is not None and own.shown.get(first.key) is None:
        _sketched(first, sketch)
        return
    place = st.container()
    if found is not None and value(controls.METHOD) != "pca":
        shown = show(_second(sampling, found))
    if shown is None:
        with place:
            found = show(first)
    if found is None:
        return
    state = chosen().state(found)
    for line in map_readings(found.reading(state)):
        st.markdown(f"- {line}")
    if sampling.ask in desk().results:
        _behind(first, found, state)


def _sketched(first: Question, sketch: Call) -> None:
    """A smaller sample first, and while the whole one is run for, its map."""
    own, passes = desk(), _passes(sketch)
    later = f" for a first look, then {_passes(first.call):,} for all and their scores"
    few = replace(first, call=sketch, cost=mixed(passes, later))
    if own.look_up(sketch.ask) is None:
        show(few)
        return
    if not any(first.ask in known for known in (own.running, own.results, own.errors)):
        start(first)
    show(first)
    show(replace(few, key="map_sketch", file="map_sketch", question=SKETCH))


def _behind(first: Question, found: StateMap, state: str) -> None:
    """What the scores and the other states say, one tab at a time."""
    in_tabs(
        "map_behind",
        {
            "Which points?": lambda: closer_look(found, state),
            "Made of": lambda: show(_shares(first)),
            "On their way": lambda: show(_journey(first)),
        },
    )


# ---- questions ----------------------------------------------------------------------------------


def _passes(sampling: Any) -> int:
    """Mixed sequences of a sample."""
    anchors, sets = (sampling.given[name].value for name in ("anchors", "neighbour_sets"))
    return int(anchors * sets * sampling.run.num_instances) + (sampling.takes == "rows")


def _sketch(run: RunRequest) -> Call | None:
    """A sample that is there in a few seconds; None where the one asked for is as small."""
    asked = int(value(controls.ANCHORS)), int(value(controls.SETS))
    anchors = max(4, min(8, ROUND // run.num_instances))
    few = min(asked[0], anchors), min(asked[1], 2)
    return _sampling(run, *few) if few != asked else None


def _sampling(run: RunRequest, anchors: int = 0, sets: int = 0) -> Call:
    """The sample, its scores, and the maps by PCA; of the pool alone, or of the group too."""
    pool = labelled_pool()
    given = {
        "pool": pool["texts"],
        "gold": pool["labels"],
        "anchors": As("the number of sentences", anchors or int(value(controls.ANCHORS))),
        "neighbour_sets": As("the number of neighbour sets", sets or int(value(controls.SETS))),
    }
    return Call(
        "map.projection.sample_and_map",
        run,
        given,
        takes="rows" if value(controls.OWN) else "pool",
        baseline=True,
    )


def _first(sampling: Call) -> Question:
    """The map by PCA."""
    run, now = sampling.run, chosen()
    return Question(
        "map_states",
        QUESTION,
        sampling,
        mixed(_passes(sampling), ", then the scores of every state"),
        lambda found: _picture(found, now.pca(found)),
        words.MAP_HOW,
        lambda found: _limits(now.pca(found)),
        words.MAP_PROMISE,
        reason=ALONE if run.num_instances < 2 else "",
        file="map_pca",
        pick=take_point,
        lasso=take_points,
        origin=_origin,
        record=lambda found: _record(found, now.pca(found)),
    )


def _second(sampling: Call, found: StateMap) -> Question:
    """Another projection of the same sample."""
    method, now = str(value(controls.METHOD)), chosen()
    states = now.states(found)
    given = {
        "states": As("the states", states),
        "dims": As("the dimensions", now.dims),
        "n_neighbors": As("the number of neighbours", int(value(controls.NEAR))),
    }
    if method == "umap":
        given["min_dist"] = As("the least distance", float(value(controls.DIST)))
    points = int((~found.sample.is_own).sum()) * len(states)
    return Question(
        f"map_{method}",
        f"The same states by {METHODS[method]}",
        Project(sampling, found.sample, method, given),
        f"no pass; a fit of {points:,} points on one thread{_compiling(method)}",
        lambda projection: _picture(found, projection),
        words.MAP_HOW,
        _limits,
        "Until it is there PCA is shown above.",
        instant=True,
        reason=warm.INSTALL if method == "umap" and not warm.has_umap() else "",
        pick=take_point,
        lasso=take_points,
        origin=_origin(found),
        record=lambda projection: _record(found, projection),
    )


def _compiling(method: str) -> str:
    """What the first UMAP of a process adds."""
    if method != "umap":
        return ""
    warmth = warm.warm_umap()
    if warmth is not None and warmth.is_ready:
        return ""
    return "; UMAP first compiles itself, up to a minute, once"


def _shares(first: Question) -> Question:
    """Of the same sample, another picture."""
    return replace(
        first,
        key="map_shares",
        question="What is each state made of?",
        draw=lambda found: SHARES_FAMILY().of(found.readings, named="result.readings"),
        how=words.SHARES_HOW,
        limits=words.SHARES_LIMITS,
        file="map_shares",
        record=lambda found: found.readings,
    )


def _journey(first: Question) -> Question:
    """Of the same sample, every state side by side."""
    color = str(value(controls.COLOR))

    def draw(found: StateMap) -> Picture:
        joint = max((m for m in found.maps if m.dims == 2), key=lambda m: len(m.states))
        named = f"result.sample, result.map_of({joint.states!r}, 2), result.readings"
        return JOURNEY(color=color).of(found.sample, joint, found.readings, named=named)

    return replace(
        first,
        key="map_journey",
        question="What becomes of the sentences on their way?",
        draw=draw,
        how=words.JOURNEY_HOW,
        limits=words.JOURNEY_LIMITS,
        view=(color,),
        file="map_journey",
        record=lambda found: found.readings,
    )


# ---- what a map shows ---------------------------------------------------------------------------


def _picture(found: StateMap, projection: Projection) -> Picture:
    state, sample = chosen().state(found), found.sample
    selected, point = (int(value(p)) - 1 for p in (controls.SELECTED, controls.POINT))
    picture = MAP(
        state=state if state in projection.states else READOUT,
        color=str(value(controls.COLOR)),
        selected=selected if 0 <= selected < sample.num_anchors else None,
        point=point if 0 <= point < len(sample.anchor) else None,
    )
    stored = f"result.map_of({projection.states!r}, {projection.dims})"
    where = stored if projection.method == "pca" else "projection"
    return picture.of(
        sample, projection, found.readings, named=f"result.sample, {where}, result.readings"
    )


def _limits(projection: Projection) -> str:
    return "\n".join([words.MAP_LIMITS, *(f"\n{note}." for note in projection.notes)])


def _record(found: StateMap, projection: Projection) -> Any:
    """All but the states themselves."""
    return replace(found.sample, states={}), projection, found.readings


def _origin(found: StateMap) -> str:
    sample = found.sample
    counts = f"{sample.num_anchors} sentences × {sample.num_sets} neighbour sets"
    return (
        f"{counts} × {sample.num_slots} slots of {sample.pool_size} in {pool_name()} · "
        f"{sample.provenance.line()}"
    )
