"""One order of a group: who sits where, who answers as alone, and how good that order is."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, framed, ink, tint
from muxviz.figures.drawing.plot import Plot, bar
from muxviz.figures.drawing.slots import slot_color, slot_label, slot_outline
from muxviz.figures.drawing.wording import percent, plain, shorten
from muxviz.results.whatif_orders import SlotOrders

ROW = 52  # px
SENTENCE = 40  # letters
SIDES = {"l": 330, "r": 40, "t": 92, "b": 66}
HEADS = ("probability of the answer that it gives alone", "answers kept, all orders")


def seating_figure(result: SlotOrders, *, order: int = 0, dark: bool = False) -> go.Figure:
    """Left: the seats of one order with their sentences. Right: all orders by answers kept."""
    colors, seated, num = ink(dark), result.orders[order], result.orders.shape[1]
    heads = [
        {"text": t, "xanchor": "left", "font": {"size": SMALL_SIZE, "color": colors.text}}
        for t in HEADS
    ]
    plot = Plot.grid(rows=1, cols=2, widths=[0.62, 0.38], across=0.12, titles=heads)
    kept = result.kept[order, seated]
    sure = result.sure[order, seated]
    plot.add(
        bar(
            x=[float(v) for v in sure],
            y=list(range(num)),
            orientation="h",
            width=0.56,
            marker={
                "color": [tint(slot_color(int(s)), 0.85) for s in seated],
                "line": {
                    "color": [slot_outline(int(s), dark=dark) for s in seated],
                    "width": 1.2,
                },
                "pattern": {"shape": ["" if k >= 1 else "/" for k in kept], "size": 6},
            },
            text=[
                percent(float(v)) + ("" if k >= 1 else "  turned")
                for v, k in zip(sure, kept, strict=True)
            ],
            textposition="outside",
            textfont={"size": SMALL_SIZE, "color": colors.text},
            cliponaxis=False,
            hovertext=[
                f"seat {i + 1}: {plain(shorten(result.texts[int(s)], 60))}<br>"
                f"{plain(shorten(result.answers[int(s)], 24))}: {percent(float(sure[i]))}"
                for i, s in enumerate(seated)
            ],
        ),
        row=1,
        col=1,
    )
    half = {"type": "line", "x0": 0.5, "x1": 0.5, "y0": -0.5, "y1": num - 0.5}
    plot.mark(shapes=[half | {"line": {"color": colors.warning, "width": 1.4, "dash": "dash"}}])
    _all_orders(plot, result, order, dark)
    plot.xaxes(range=[0, 1.24], tickvals=[0, 0.5, 1], tickformat=".0%", row=1, col=1)
    plot.yaxes(
        range=[num - 0.5, -0.5],
        tickvals=list(range(num)),
        ticktext=[
            f"{plain(shorten(result.texts[int(s)], SENTENCE))} {slot_label(int(s))}  <b>seat "
            f"{i + 1}</b>  "
            for i, s in enumerate(seated)
        ],
        tickfont={"size": SMALL_SIZE, "color": colors.text},
        row=1,
        col=1,
    )
    framed(
        plot,
        seating_finding(result, order=order),
        dark=dark,
        height=ROW * num + SIDES["t"] + SIDES["b"],
        sides=SIDES,
    )
    return plot.figure()


def _all_orders(plot: Plot, result: SlotOrders, order: int, dark: bool) -> None:
    """How many orders keep how many answers, the present one marked."""
    colors, counts, here = ink(dark), kept_counts(result), _kept(result)[order]
    plot.add(
        bar(
            x=list(range(len(counts))),
            y=counts,
            width=0.7,
            marker={
                "color": [
                    tint(colors.accent, 0.9 if k == here else 0.35) for k in range(len(counts))
                ],
                "line": {"color": colors.text, "width": 0.8},
            },
            text=[str(n) if n else "" for n in counts],
            textposition="outside",
            cliponaxis=False,
            textfont={"size": SMALL_SIZE, "color": colors.text},
            hovertext=[f"{n} orders keep {k}" for k, n in enumerate(counts)],
        ),
        row=1,
        col=2,
    )
    plot.xaxes(
        tickvals=list(range(len(counts))),
        range=[-0.6, len(counts) - 0.4],
        title={"text": "answers kept (strong: this order)"},
        row=1,
        col=2,
    )
    plot.yaxes(range=[0, 1.15 * max(counts)], showticklabels=False, row=1, col=2)


def kept_counts(result: SlotOrders) -> list[int]:
    """Number of orders that keep 0, 1, … of the answers."""
    found = np.bincount(_kept(result), minlength=result.sentences + 1)
    return [int(n) for n in found]


def _kept(result: SlotOrders) -> np.ndarray:
    """Answers kept in every order, whole ones, ``[P]``."""
    shares = np.nan_to_num(result.kept[:, : result.sentences])
    return np.asarray((shares >= 1).sum(axis=1))


def seating_finding(result: SlotOrders, *, order: int = 0) -> str:
    """How many answers this order keeps, beside the best and the worst."""
    kept, num = _kept(result), result.sentences
    best = int((kept == kept.max()).sum())
    return (
        f"This order keeps {kept[order]} of {num} answers; {best} of {len(kept)} orders keep "
        f"{kept.max()}, the worst {kept.min()}"
    )


def seating_alt(result: SlotOrders, *, order: int = 0) -> str:
    """The seats in words."""
    lines = [f"{seating_finding(result, order=order)}."]
    for row in seating_table(result, order=order)[: result.orders.shape[1]]:
        kept = "kept" if row["kept"] else "turned"
        lines.append(
            f"Seat {row['seat']}: sentence {row['sentence']}, {percent(row['sure'])}, {kept}."
        )
    return " ".join(lines)


def seating_table(result: SlotOrders, *, order: int = 0) -> list[dict[str, Any]]:
    """One row per seat, then one per number of answers kept."""
    seats = [
        {
            "seat": i + 1,
            "sentence": int(s) + 1,
            "text": result.texts[int(s)],
            "answer alone": result.answers[int(s)],
            "sure": float(result.sure[order, s]),
            "kept": bool(result.kept[order, s] >= 1),
        }
        for i, s in enumerate(result.orders[order])
    ]
    total = len(result.orders)
    counts: list[dict[str, Any]] = [
        {"answers kept": k, "orders": n, "of": total} for k, n in enumerate(kept_counts(result))
    ]
    return [*seats, {"answers kept": int(_kept(result)[order]), "orders": 1, "of": total}, *counts]


SEATING = Family(seating_figure, seating_finding, seating_alt, seating_table)
