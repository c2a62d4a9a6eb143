"""The failure ladder in one picture: how much of the margin each intervention gives back."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.ink import SMALL_SIZE, add, caption, framed, ink, tint
from muxviz.figures.rows import name_rows
from muxviz.figures.slots import slot_color, slot_label, slot_outline
from muxviz.figures.whiskers import whiskers
from muxviz.figures.wording import percent, plain, shorten
from muxviz.results.whatif_ladder import Ladder, Rung

ROW = 40  # px
GREY = "#808080"
DIM = 0.35  # of a bar that claims nothing
MAX_TEXT = 46  # letters of a sentence in a verdict
SOURCES = {
    "gold": "the gold label you gave",
    "baseline": "the N = 1 model's answer, no gold label was given",
    "present": "the present answer, as there is neither a gold label nor an N = 1 model",
}


def ladder_figure(result: Ladder, *, dark: bool = False) -> go.Figure:
    """Bars of the change of the target's margin, with intervals and the line where it turns."""
    colors, rungs = ink(dark), result.rungs
    places = list(range(len(rungs)))
    fills = [_fill(rung, result, dark) for rung in rungs]
    fig = go.Figure(
        go.Bar(
            x=[r.change for r in rungs],
            y=places,
            orientation="h",
            width=0.6,
            marker={
                "color": [f[0] for f in fills],
                "line": {"color": [f[1] for f in fills], "width": 1},
            },
            error_x=whiskers(
                [_gap(r.high, r.change) for r in rungs],
                [_gap(r.change, r.low) for r in rungs],
                colors.text,
            ),
            hovertext=[_rung_words(r) for r in rungs],
            hoverinfo="text",
        )
    )
    low = min(0.0, -result.margin, *(np.nanmin([r.change, r.low]) for r in rungs))
    high = max(0.0, -result.margin, *(np.nanmax([r.change, r.high]) for r in rungs))
    width = (high - low) or 1.0
    turn = {"type": "line", "x0": -result.margin, "x1": -result.margin}
    zero = {"type": "line", "x0": 0, "x1": 0, "y0": -0.5, "y1": len(rungs) - 0.5}
    notes = [
        {
            "x": 1.0,
            "xref": "paper",
            "y": k,
            "xanchor": "left",
            "xshift": 12,
            "showarrow": False,
            "text": _turned(r, result),
            "font": {"size": SMALL_SIZE, "color": colors.text},
        }
        for k, r in enumerate(rungs)
    ]
    ends = {"y0": -0.5, "y1": len(rungs) - 0.5}
    add(
        fig,
        shapes=[
            zero | {"line": {"color": colors.text, "width": 1}},
            turn | ends | {"line": {"color": colors.warning, "width": 1.6, "dash": "dash"}},
        ],
        annotations=notes,
    )
    muted = {"size": SMALL_SIZE, "color": colors.muted}
    fig.update_xaxes(
        range=[low - 0.06 * width, high + 0.06 * width],
        title={"text": f"change of the margin of {_name(result.target)} (logits)", "font": muted},
        gridcolor=tint(colors.line, 0.5),
        zeroline=False,
        fixedrange=True,
        tickfont=muted,
    )
    name_rows(fig, [_test(r) for r in rungs])
    framed(
        fig,
        ladder_finding(result),
        dark=dark,
        height=ROW * len(rungs) + 170,
        sides={"l": 258, "r": 132, "t": 84, "b": 80},
    )
    caption(
        fig,
        "Dashed: where the answer turns. Pale: the interval holds no change.",
        dark=dark,
        below=52,
    )
    return fig


def ladder_finding(result: Ladder) -> str:
    """The verdict in one sentence."""
    who = f"Slot {result.slot + 1}"
    if result.token:
        who += f" ({shorten(result.token, 20)})"
    reads = f"{who} reads as {shorten(result.answer, 24)}"
    if result.margin > -1e-4 and not result.is_right:
        reads = f"{who} does not decide"
    if result.is_right:
        return _fragile(result, reads)
    verdict = result.verdict
    if verdict is None:
        return f"{reads}; no single cause found among the sentence, the seat and each neighbour"
    if result.cause == "sentence":
        right = result.alone_right
        return (
            f"{reads} because of the sentence itself: it is not {shorten(result.target, 24)} "
            f"either when all slots hold it ({right.successes:.0f} of {right.trials} slots)"
        )
    if result.cause == "seat":
        return (
            f"{reads} because its slot is weak: in other seats it is "
            f"{shorten(result.target, 24)} in {_of(verdict)}, the margin {_size(verdict)}"
        )
    return (
        f"{reads} because slot {_culprit(result)} pushes its margin: replacing it "
        f"gives {_size(verdict)} and mends {_of(verdict)}"
    )


def _fragile(result: Ladder, reads: str) -> str:
    """Nothing is wrong: what would turn the answer."""
    reads += {"gold": ", as it should", "baseline": ", as it does alone", "present": ""}[
        result.source
    ]
    verdict = result.verdict
    if verdict is None:
        nearest = min(
            (r for r in result.rungs if r.test in ("seat", "neighbour")),
            key=lambda r: r.change,
            default=None,
        )
        if nearest is None or nearest.change >= -1e-4:
            return f"{reads}, and nothing tried lowers its margin of {result.margin:.2f}"
        return (
            f"{reads}, and no single change turns it; nearest is {_subject(nearest)} "
            f"({_size(nearest)} of a margin of {result.margin:.2f})"
        )
    if result.cause == "sentence":
        return f"{reads}, but only in company: alone in all slots it does not"
    return (
        f"{reads}; what turns it most easily is {_subject(verdict)}: "
        f"{_size(verdict)}, turned in {_of(verdict)}"
    )


def ladder_table(result: Ladder) -> list[dict[str, Any]]:
    """One row per rung."""
    return [
        {
            "test": _test(r),
            "change of margin": r.change,
            "from": _or_none(r.low),
            "to": _or_none(r.high),
            "contrast": r.effect,
            "turned": r.turned.successes,
            "of": r.turned.trials,
            "turned from": r.turned.interval[0],
            "turned to": r.turned.interval[1],
            "all possible draws": r.is_exact,
            "can be the cause": r.claims,
        }
        for r in result.rungs
    ]


def ladder_alt(result: Ladder) -> str:
    """The bars in words."""
    return " ".join([f"{ladder_finding(result)}.", *(f"{_rung_words(r)}." for r in result.rungs)])


def target_words(result: Ladder) -> str:
    """What the answer is held against, and where that comes from; to be said loudly."""
    return f"Target: {shorten(result.target, 30)}, {SOURCES[result.source]}."


def _subject(rung: Rung) -> str:
    if rung.test == "seat":
        return "another seat"
    return f"another sentence in slot {rung.slot + 1 if rung.slot is not None else ''}"


def _culprit(result: Ladder) -> str:
    assert result.culprit is not None, "only neighbours are culprits"
    return f"{result.culprit + 1} ({shorten(result.texts[result.culprit], MAX_TEXT)})"


def _test(rung: Rung) -> str:
    return {
        "all slots": "T0 · it holds all slots",
        "baseline": "T0 · alone, N = 1 (own logits)",
        "seat": "T1 · in another seat",
        "reseated": "T1 control · same seat, others reseated",
        "neighbour": f"T2 · slot {slot_label(rung.slot or 0)} replaced",
    }[rung.test]


def _fill(rung: Rung, result: Ladder, dark: bool) -> tuple[str, str]:
    alpha = 0.9 if rung.claims else DIM
    if rung.slot is None:
        own = rung.test == "all slots"
        color = slot_color(result.slot) if own else GREY
        return tint(color, alpha), slot_outline(result.slot, dark=dark) if own else GREY
    return tint(slot_color(rung.slot), alpha), slot_outline(rung.slot, dark=dark)


def _turned(rung: Rung, result: Ladder) -> str:
    verb = "turned" if result.is_right else "mended"
    return f"{verb} {rung.turned.successes:.0f} of {rung.turned.trials}"


def _of(rung: Rung) -> str:
    share = rung.turned
    return f"{share.successes:.0f} of {share.trials} draws"


def _size(rung: Rung) -> str:
    if np.isnan(rung.low) or rung.is_exact:
        return f"{rung.change:+.2f}"
    return f"{rung.change:+.2f} ({rung.low:+.2f} to {rung.high:+.2f})"


def _rung_words(rung: Rung) -> str:
    low, high = rung.turned.interval
    return (
        f"{plain(_test(rung))}: margin {_size(rung)}, turned {_of(rung)} "
        f"({percent(low)} to {percent(high)})"
    )


def _name(label: str) -> str:
    return plain(shorten(label, 24))


def _gap(high: float, low: float) -> float:
    return 0.0 if np.isnan(high) or np.isnan(low) else max(0.0, high - low)


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value
