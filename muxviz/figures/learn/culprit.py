"""Who moves an answer: its probability with other sentences in each neighbour's slot."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.errors import NotApplicable
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, caption, framed, ink, tint
from muxviz.figures.drawing.plot import Plot, Trace, scatter
from muxviz.figures.drawing.rows import name_rows
from muxviz.figures.drawing.slots import slot_color, slot_label, slot_marker, slot_outline
from muxviz.figures.drawing.wording import percent, plain, shorten
from muxviz.results.crosstalk import Crosstalk

ROW = 48  # px
SENTENCE = 40  # letters
SPREAD = 0.26  # of a row, over which its points lie
SIDES = {"l": 330, "r": 128, "t": 84, "b": 80}


def culprit_figure(
    result: Crosstalk, slot: int, *, looked: tuple[int, ...] = (), dark: bool = False
) -> go.Figure:
    """One row per neighbour of ``slot`` (from 0), one point per sentence put in its place.

    looked: the neighbours whose points are shown; the others are still to be guessed.
    """
    _need(result)
    colors, neighbours = ink(dark), _neighbours(result, slot)
    plot = Plot()
    for row, source in enumerate(neighbours):
        if source in looked:
            plot.add(_points(result, slot, source, row, dark))
    now = _now(result, slot)
    whole = {"type": "line", "y0": 0, "y1": 1, "yref": "paper"}
    plot.mark(
        shapes=[
            whole | {"x0": now, "x1": now, "line": {"color": colors.text, "dash": "dot"}},
            whole | {"x0": 0.5, "x1": 0.5, "line": {"color": colors.warning, "dash": "dash"}},
        ],
        annotations=[
            {"text": "now", "x": now, "y": 1, "yref": "paper", "yanchor": "bottom"},
            *(_ending(result, slot, s, row, looked, dark) for row, s in enumerate(neighbours)),
        ],
    )
    plot.xaxes(
        range=[-0.03, 1.03],
        tickformat=".0%",
        title={"text": f"probability of {_answer(result, slot)} for slot {slot + 1}"},
    )
    names = [f"{plain(shorten(result.texts[s], SENTENCE))}  {slot_label(s)}" for s in neighbours]
    name_rows(plot, names, tickfont={"size": SMALL_SIZE, "color": colors.text})
    framed(
        plot,
        culprit_finding(result, slot, looked=looked),
        dark=dark,
        height=ROW * len(neighbours) + SIDES["t"] + SIDES["b"],
        sides=SIDES,
    )
    words = "A point: another sentence in that slot. Left of the dashed line the answer turns."
    caption(plot, words, below=52, left=12 - SIDES["l"])
    return plot.figure()


def culprit_finding(result: Crosstalk, slot: int, *, looked: tuple[int, ...] = ()) -> str:
    """What the neighbours looked at do, in one sentence."""
    start = f"Slot {slot + 1} says {_answer(result, slot)} with {percent(_now(result, slot))}"
    if not looked:
        return f"{start}; one neighbour matters most: which?"
    most = max(looked, key=lambda s: (_turned(result, slot, s), _reach(result, slot, s)))
    turned = _turned(result, slot, most)
    low, high = _ends(result, slot, most)
    if not turned:
        return f"{start}; without slot {most + 1}'s sentence {percent(low)} to {percent(high)}"
    return f"{start}; exchanging slot {most + 1} turns that in {turned} of {result.draws} draws"


def culprit_alt(result: Crosstalk, slot: int, *, looked: tuple[int, ...] = ()) -> str:
    """The rows in words."""
    lines = [f"{culprit_finding(result, slot, looked=looked)}."]
    for source in looked:
        low, high = _ends(result, slot, source)
        lines.append(
            f"Slot {source + 1} exchanged: {percent(low)} to {percent(high)}, turned in "
            f"{_turned(result, slot, source)} of {result.draws}."
        )
    return " ".join(lines)


def culprit_table(
    result: Crosstalk, slot: int, *, looked: tuple[int, ...] = ()
) -> list[dict[str, Any]]:
    """One row per neighbour looked at, then one per draw; without any, the answer as it is."""
    now = {"slot": slot + 1, "answer": _answer(result, slot), "now": _now(result, slot)}
    rows = []
    for source in looked:
        low, high = _ends(result, slot, source)
        rows.append(
            now
            | {
                "slot exchanged": source + 1,
                "turned": _turned(result, slot, source),
                "draws": result.draws,
                "mean": float(_chances(result, slot, source).mean()),
                "lowest": low,
                "highest": high,
            }
        )
    draws = [
        {
            "slot exchanged": source + 1,
            "sentence": text,
            "probability": float(p),
            "turned": int(turned > 0),
        }
        for source in looked
        for text, p, turned in zip(
            result.sentences,
            _chances(result, slot, source),
            result.changed[:, slot, source],
            strict=True,
        )
    ]
    return [*(rows or [now]), *draws]


def _need(result: Crosstalk) -> None:
    if not result.after.size:
        raise NotApplicable("not applicable: this model has one answer per token, none per text")


def _neighbours(result: Crosstalk, slot: int) -> list[int]:
    return [i for i in range(len(result.texts)) if i != slot]


def _said(result: Crosstalk, slot: int) -> int:
    return int(result.before[slot].argmax())


def _answer(result: Crosstalk, slot: int) -> str:
    return plain(shorten(result.labels[_said(result, slot)], 20))


def _now(result: Crosstalk, slot: int) -> float:
    return float(result.before[slot].max())


def _chances(result: Crosstalk, slot: int, source: int) -> np.ndarray:
    """``[K]`` probabilities of the present answer with other sentences in the neighbour's slot."""
    return np.asarray(result.after[:, slot, source, _said(result, slot)], dtype=np.float64)


def _ends(result: Crosstalk, slot: int, source: int) -> tuple[float, float]:
    found = _chances(result, slot, source)
    return float(found.min()), float(found.max())


def _turned(result: Crosstalk, slot: int, source: int) -> int:
    return int((result.changed[:, slot, source] > 0).sum())


def _reach(result: Crosstalk, slot: int, source: int) -> float:
    """How far the answer's probability is moved on average."""
    return float(np.abs(_chances(result, slot, source) - _now(result, slot)).mean())


def _points(result: Crosstalk, slot: int, source: int, row: int, dark: bool) -> Trace:
    found = _chances(result, slot, source)
    places = np.linspace(-SPREAD, SPREAD, len(found)) if len(found) > 1 else np.zeros(1)
    turned = result.changed[:, slot, source] > 0
    return scatter(
        x=found.astype(np.float32),
        y=(row + places).astype(np.float32),
        mode="markers",
        marker={
            "symbol": ["x" if t else slot_marker(source) for t in turned],
            "size": 9,
            "color": tint(slot_color(source), 0.8),
            "line": {"color": slot_outline(source, dark=dark), "width": 1},
        },
        hovertext=[
            f"{plain(shorten(text, 60))}<br>{percent(float(p))}{', turned' if t else ''}"
            for text, p, t in zip(result.sentences, found, turned, strict=True)
        ],
        cliponaxis=False,
    )


def _ending(
    result: Crosstalk, slot: int, source: int, row: int, looked: tuple[int, ...], dark: bool
) -> dict[str, Any]:
    """Right of a row: how often it turns the answer, or that nobody has looked."""
    words = "?"
    if source in looked:
        words = f"turns {_turned(result, slot, source)} of {result.draws}"
    return {
        "text": words,
        "x": 1,
        "xref": "paper",
        "y": row,
        "xanchor": "left",
        "xshift": 14,
        "font": {"size": SMALL_SIZE, "color": ink(dark).text},
    }


CULPRIT = Family(culprit_figure, culprit_finding, culprit_alt, culprit_table)
