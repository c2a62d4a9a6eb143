"""What a map shows, in words and rows: finding, readings, alt text, tables."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from muxviz.figures.drawing.wording import number, or_none, percent, shorten
from muxviz.results.map import (
    ANSWER,
    EMBEDDING,
    LAYER,
    MIXTURE,
    NEIGHBOURS,
    READOUT,
    SENTENCE,
    SHARES,
    SLOT,
    ChanceScore,
    NearState,
    Projection,
    Separation,
    StateReading,
    StateSample,
)

CLEAR = 0.1  # a silhouette below is no visible grouping, even where chance gives less
CAPPED = 999.0  # ratios above are said as "over"
WHO = {
    SENTENCE: "sentences",
    SLOT: "slots",
    NEIGHBOURS: "neighbour sets",
    ANSWER: "answers",
}
METHODS = {"pca": "PCA", "umap": "UMAP", "tsne": "t-SNE"}


def state_words(state: str) -> str:
    """A state as said on screen."""
    if state.startswith(LAYER):
        return f"after {state}"
    return {EMBEDDING: "before mixing", MIXTURE: "mixture", READOUT: "read-out"}[state]


def groups(one: Separation) -> bool:
    """Whether points with one name can be seen to lie together."""
    return one.silhouette.is_above_chance and one.silhouette.value >= CLEAR


def map_finding(reading: StateReading) -> str:
    """What the scores say, in one sentence."""
    where = state_words(reading.state).capitalize()
    if reading.spread == 0:
        return f"{where}: all points are one"
    said = {one.by: one for one in reading.separations}
    seen = [by for by, one in said.items() if groups(one)]
    sentence = f"sentences {_number(said[SENTENCE])}"
    if SENTENCE in seen:
        if not {SLOT, NEIGHBOURS} & set(seen):
            return f"{where}: {sentence} group, slots and neighbours do not: cleanly told apart"
        others = " and ".join(WHO[by] for by in (SLOT, NEIGHBOURS) if by in seen)
        return f"{where}: {sentence} group, but so do {others}"
    if ANSWER in seen and NEIGHBOURS not in seen:
        slots = ", and by slot" if SLOT in seen else ""
        return (
            f"{where}: points group by answer {_number(said[ANSWER])}{slots}, "
            f"not by sentence {_number(said[SENTENCE])}"
        )
    if seen:
        best = max(seen, key=lambda by: said[by].silhouette.value)
        other = f"not by sentence {_number(said[SENTENCE])}"
        return f"{where}: points group by {_one(best)} {_number(said[best])}, {other}"
    return f"{where}: no grouping that can be seen ({_largest(reading)})"


def map_readings(reading: StateReading) -> tuple[str, ...]:
    """One sentence for each grouping."""
    if reading.spread == 0:
        return ("All points are one: nothing can be told apart.",)
    return tuple(_sentence(one) for one in reading.separations)


def score_table(readings: tuple[StateReading, ...]) -> list[dict[str, Any]]:
    """Every score with its interval and chance, one row per state and grouping."""
    rows = []
    for reading in readings:
        for one in reading.separations:
            row: dict[str, Any] = {"state": reading.state, "grouped by": one.by}
            for name in ("silhouette", "ratio", "purity"):
                score: ChanceScore = getattr(one, name)
                row |= {
                    name: or_none(score.value),
                    f"{name} low": or_none(score.low),
                    f"{name} high": or_none(score.high),
                    f"{name} by chance": or_none(score.null),
                }
            rows.append(row | {"k": one.k, "groups": one.groups, "points": reading.points})
    return rows


def share_table(readings: tuple[StateReading, ...]) -> list[dict[str, Any]]:
    """Shares of the variance, one row per state."""
    rows = []
    for reading in readings:
        row: dict[str, Any] = {"state": reading.state, "spread": reading.spread}
        for i, name in enumerate(SHARES):
            row |= {
                name: or_none(float(reading.shares.mean[i])),
                f"{name} low": or_none(float(reading.shares.low[i])),
                f"{name} high": or_none(float(reading.shares.high[i])),
            }
        rows.append(row)
    return rows


def share_finding(readings: tuple[StateReading, ...]) -> str:
    """Where neighbours weigh most, and what the read-out keeps."""
    alive = [r for r in readings if r.spread > 0]
    inside = [r for r in alive if r.state not in (EMBEDDING, READOUT)]
    last = next((r for r in alive if r.state == READOUT), None)
    if not inside or last is None:
        return "There is no variance to share out"
    worst = max(inside, key=lambda r: float(r.shares.mean[2]))
    return (
        f"Neighbours make {percent(float(worst.shares.mean[2]))} of the variance "
        f"{_in(worst.state)}; in the read-out {percent(float(last.shares.mean[0]))} is the "
        f"sentence's own, {percent(float(last.shares.mean[2]))} its neighbours'"
    )


def map_table(
    sample: StateSample,
    projection: Projection,
    state: str,
    reading: StateReading | None = None,
) -> list[dict[str, Any]]:
    """One row per point of the map, after the scores of its state where they are given."""
    frame = projection.states.index(state)
    coordinates = projection.coordinates[frame]
    trust = {
        "trustworthiness": or_none(float(projection.trustworthiness[frame])),
        "trustworthiness by chance": or_none(float(projection.trustworthiness_null[frame])),
    }
    rows = [row | trust for row in (score_table((reading,)) if reading else [])]
    for point, place in enumerate(coordinates):
        row = point_row(sample, point)
        rows.append(row | {f"axis {d + 1}": or_none(float(v)) for d, v in enumerate(place)})
    return rows


def point_row(sample: StateSample, point: int) -> dict[str, Any]:
    """Who a point is and what it answers; points count from 1 on screen."""
    label, own = int(sample.label[point]), bool(sample.is_own[point])
    return {
        "point": point + 1,
        "sentence": "yours" if own else int(sample.anchor[point]) + 1,
        "text": sample.texts[int(sample.anchor[point])],
        "slot": int(sample.slot[point]) + 1,
        "neighbour set": "yours" if own else int(sample.neighbour_set[point]) + 1,
        "answer": sample.labels[label] if label >= 0 else None,
        "margin": or_none(float(sample.margin[point])),
        "agreement": or_none(float(sample.correct[point])),
    }


def near_table(sample: StateSample, near: tuple[NearState, ...]) -> list[dict[str, Any]]:
    """The points nearest to another one, with their cosines."""
    return [{"cosine": found.cosine} | point_row(sample, found.point) for found in near]


def hover(sample: StateSample, point: int) -> str:
    """A point in two short lines, not yet made plain."""
    row = point_row(sample, point)
    who = "yours" if row["sentence"] == "yours" else f"sentence {row['sentence']}"
    beside = "" if row["sentence"] == "yours" else f" · neighbour set {row['neighbour set']}"
    answer = f" · {row['answer']}" if row["answer"] is not None else ""
    margin = f" · margin {number(row['margin'], '+.2f')}" if row["margin"] is not None else ""
    text = shorten(str(row["text"]), 56)
    return f"{who}: {text}\nslot {row['slot']}{beside}{answer}{margin}\npoint {point + 1}"


def map_alt(sample: StateSample, projection: Projection, reading: StateReading) -> str:
    """The picture in words, with the scores."""
    frame = projection.states.index(reading.state)
    counted = int((~sample.is_own).sum())
    lines = [
        f"{map_finding(reading)}.",
        f"{METHODS[projection.method]} map in {projection.dims} dimensions of {counted} points: "
        f"{sample.num_anchors} sentences among {sample.num_sets} neighbour sets in "
        f"{sample.num_slots} slots.",
        *map_readings(reading),
        f"Trustworthiness {number(projection.trustworthiness[frame], '.2f')}, by chance "
        f"{number(projection.trustworthiness_null[frame], '.2f')}.",
    ]
    if sample.is_own.any():
        lines.append(f"{int(sample.is_own.sum())} points of your own group.")
    return " ".join(lines)


def share_alt(readings: tuple[StateReading, ...]) -> str:
    """The shares in words."""
    lines = [share_finding(readings) + "."]
    for reading in readings:
        parts = zip(SHARES, reading.shares.mean, strict=True)
        said = ", ".join(f"{name} {percent(float(share))}" for name, share in parts)
        lines.append(f"{state_words(reading.state).capitalize()}: {said}.")
    return " ".join(lines)


def signed(value: float) -> str:
    """A score with two digits and a real minus sign."""
    return number(value, ".2f")


def ratio_text(value: float) -> str:
    """tr S_b / tr S_w as shown."""
    if math.isnan(value):
        return "n/a"
    if value > CAPPED:
        return f"over {CAPPED:.0f}"
    return number(value, ".2f") if value < 10 else f"{number(value, '.0f')}"


def _sentence(one: Separation) -> str:
    score = one.silhouette
    if math.isnan(score.value):
        return f"By {_one(one.by)}: one group only."
    verb = "group" if groups(one) else "do not group"
    purity = (
        f"{percent(one.purity.value)} of the {one.k} nearest are alike "
        f"(by chance {percent(one.purity.null)})"
    )
    return (
        f"{WHO[one.by].capitalize()} {verb}: silhouette {signed(score.value)} "
        f"({signed(score.low)} to {signed(score.high)}), between/within "
        f"{ratio_text(one.ratio.value)}, {purity}."
    )


def _one(by: str) -> str:
    return "neighbour set" if by == NEIGHBOURS else by


def _number(one: Separation) -> str:
    return f"({signed(one.silhouette.value)})"


def _largest(reading: StateReading) -> str:
    best = max(reading.separations, key=lambda one: np.nan_to_num(one.silhouette.value, nan=-2.0))
    return f"largest silhouette {signed(best.silhouette.value)}, by {_one(best.by)}"


def _in(state: str) -> str:
    return "in the mixture" if state == MIXTURE else state_words(state)
