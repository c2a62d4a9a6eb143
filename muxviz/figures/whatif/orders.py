"""Seats in pictures: one sentence in every slot, and what seat and company explain."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.claims import are_apart, spans
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import TOGGLES, caption, framed, ink, tint
from muxviz.figures.drawing.plot import Plot, bar, scatter
from muxviz.figures.drawing.slots import slot_color, slot_label, slot_marker, slot_outline
from muxviz.figures.drawing.wording import percent, plain, shorten, tenths
from muxviz.results.whatif_orders import FLAT, SlotOrders

SPREAD = 0.3  # of a seat, over which its points lie
ROW = 40  # px
COMPANY = "variance, neighbours' order"
POINTS = 1e4  # squared percentage points in a variance of 1
LISTED = 5  # best and worst orders in a table


# ---- orders -------------------------------------------------------------------------------------


def seats_figure(result: SlotOrders, sentence: int, *, dark: bool = False) -> go.Figure:
    """One point per order: the chance of the sentence's target answer against its seat."""
    colors, num = ink(dark), result.orders.shape[1]
    seats = result.seats(sentence)
    plot = Plot()
    for seat in range(num):
        values = result.sure[seats == seat, sentence]
        places = np.linspace(-SPREAD, SPREAD, len(values)) if len(values) > 1 else np.zeros(1)
        plot.add(
            scatter(
                x=(seat + places).astype(np.float32),
                y=values.astype(np.float32),
                mode="markers",
                marker={
                    "symbol": slot_marker(seat),
                    "size": 7,
                    "color": tint(slot_color(seat), 0.75),
                    "line": {"color": slot_outline(seat, dark=dark), "width": 0.8},
                },
                hovertext=[f"seat {seat + 1}: {tenths(share)}" for share in values],
            )
        )
    means = result.by_seat(sentence).mean
    rule = {"type": "line", "line": {"color": colors.text, "width": 2}}
    present = {"type": "line", "x0": -0.5, "x1": num - 0.5}
    now = float(result.sure[0, sentence])
    plot.mark(
        shapes=[
            *(
                rule | {"x0": s - SPREAD - 0.08, "x1": s + SPREAD + 0.08, "y0": m, "y1": m}
                for s, m in enumerate(means)
            ),
            present | {"y0": now, "y1": now, "line": {"color": colors.muted, "dash": "dot"}},
        ],
    )
    plot.xaxes(
        tickvals=list(range(num)),
        ticktext=[slot_label(s) for s in range(num)],
        range=[-0.55, num - 0.45],
        title={"text": f"seat of the sentence that is in slot {sentence + 1} now"},
    )
    plot.yaxes(
        showgrid=True, range=[-0.03, 1.03], tickformat=".0%", title={"text": _aim(result, sentence)}
    )
    framed(
        plot,
        seats_finding(result, sentence),
        dark=dark,
        height=400,
        sides={"l": 78, "r": 24, "t": 76, "b": 84},
    )
    caption(plot, "Bars: mean of a seat. Dotted: the present order.", below=58)
    return plot.figure()


def seats_finding(result: SlotOrders, sentence: int) -> str:
    """How often the order changes this answer, and what its seat has to do with that."""
    flips = float(result.flips.mean[sentence])
    count = len(result.orders)
    who = f"the sentence of slot {sentence + 1}"
    if np.isnan(flips):
        return f"{who[:1].upper()}{who[1:]} has no answer to follow"
    found = result.by_seat(sentence)
    if flips < FLAT and np.ptp(found.mean) < 0.005:
        return f"{who[:1].upper()}{who[1:]} is answered alike in all {count} orders"
    turned = f"None of {count} orders flips {who}"
    if flips:
        turned = f"{percent(flips)} of {count} orders give another answer"
    best, worst = (int(k) for k in (np.nanargmax(found.mean), np.nanargmin(found.mean)))
    ends = spans(found)
    if not are_apart(ends[best], ends[worst]):
        return f"{turned}; no seat is told from another ({_explained(result, sentence)})"
    return (
        f"{turned}; its probability is {percent(ends[worst][0])} in seat {worst + 1} and "
        f"{percent(ends[best][0])} in seat {best + 1} ({_explained(result, sentence)})"
    )


def _explained(result: SlotOrders, sentence: int) -> str:
    """How much of what the order does to one answer is its seat's, beside chance."""
    share, by_chance = result.seat_share(sentence)
    if np.isnan(share):
        return "the order changes nothing"
    chance = f", {percent(by_chance)} by chance" if by_chance else ""
    return f"the seat explains {percent(share)}{chance}"


def company_figure(result: SlotOrders, *, dark: bool = False) -> go.Figure:
    """Per sentence, the variance of its answer: what its seat explains, and its company."""
    colors, shown = ink(dark), list(range(result.sentences))
    plot = Plot()
    parts = (
        ("seat", result.seat, colors.accent, 0.85),
        ("neighbours' order", result.company, colors.grey, 0.6),
    )
    for name, values, color, alpha in parts:
        plot.add(
            bar(
                x=[float(v) * POINTS for v in values[shown]],
                y=[f"{slot_label(s)}  " for s in shown],
                orientation="h",
                name=name,
                width=0.56,
                marker={
                    "color": tint(color, alpha),
                    "line": {"color": colors.text, "width": 0.6},
                },
                hovertemplate=f"{name}: %{{x:.3g}}<extra></extra>",
            )
        )
    plot.set(barmode="stack", legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"} | TOGGLES)
    plot.xaxes(
        title={
            "text": "variance of the answer's probability over orders (percentage points²)",
        },
        rangemode="tozero",
    )
    plot.yaxes(autorange="reversed")
    framed(
        plot,
        company_finding(result),
        dark=dark,
        height=ROW * len(shown) + 168,
        sides={"l": 66, "r": 24, "t": 100, "b": 56},
    )
    return plot.figure()


def company_finding(result: SlotOrders) -> str:
    """Whether seats or neighbours make the difference, in one sentence."""
    found = _seat_share(result)
    if np.isnan(found):
        return "The order changes no answer's probability"
    share = percent(found)
    shift = f"; the logits shift by {percent(result.shift)} of their size"
    if result.orders.shape[1] == 2:  # the seat fixes who sits beside
        return f"Exchanging the two seats explains all of the variation{shift}"
    by_chance = result.seat_share(0)[1]
    chance = f" ({percent(by_chance)} by chance)" if by_chance else ""
    return (
        f"Over all sentences, the seat explains {share}{chance} of what the order does to their "
        f"answers, the neighbours' order the rest{shift}"
    )


def _seat_share(result: SlotOrders) -> float:
    """Share of the variance of all sentences' probabilities between seats; NaN without any."""
    shown = slice(0, result.sentences)
    seat, company = float(np.nansum(result.seat[shown])), float(np.nansum(result.company[shown]))
    return seat / (seat + company) if seat + company > FLAT else float("nan")


def orders_table(result: SlotOrders) -> list[dict[str, Any]]:
    """One row per sentence: sensitivity to the order, with intervals where orders were drawn."""
    table = []
    whole = {
        "seat's share, all sentences": _seat_share(result),
        "logits' shift": result.shift,
        "orders": len(result.orders),
    }
    for s in range(result.sentences):
        row: dict[str, Any] = {
            "slot now": s + 1,
            "text": result.texts[s],
            "target": result.answers[s],
            "flip rate": float(result.flips.mean[s]),
            "information (nats)": float(result.information.mean[s]),
        }
        if not result.is_exact:
            row["flip rate from"] = float(result.flips.low[s])
            row["flip rate to"] = float(result.flips.high[s])
            row["information from"] = float(result.information.low[s])
            row["information to"] = float(result.information.high[s])
        row["variance, seat"] = float(result.seat[s])
        row[COMPANY] = float(result.company[s])
        row["seat's share"], row["seat's share by chance"] = result.seat_share(s)
        row |= whole
        for name, seat in zip(("best", "worst"), _ends(result, s), strict=True):
            row[f"{name} seat"], row[f"{name} seat, mean probability"] = seat
        table.append(row)
    return table


def _ends(result: SlotOrders, sentence: int) -> list[tuple[int, float] | tuple[None, None]]:
    """The seats of the highest and the lowest mean probability, counted from 1."""
    mean = result.by_seat(sentence).mean
    if np.isnan(mean).all():
        return [(None, None)] * 2
    return [(int(k) + 1, float(mean[k])) for k in (np.nanargmax(mean), np.nanargmin(mean))]


def order_rows(result: SlotOrders) -> list[dict[str, Any]]:
    """The present order, the best and the worst, with what they keep."""
    shown = slice(0, result.sentences)
    ranked = [int(k) for k in result.ranking]
    picked = dict.fromkeys([0, *ranked[:LISTED], *ranked[-LISTED:]])
    names = {0: "present"}
    rows = []
    for k in sorted(picked, key=ranked.index):
        rows.append(
            {
                "rank": ranked.index(k) + 1,
                "order": " ".join(str(s + 1) for s in result.orders[k]),
                "": names.get(k, ""),
                "answers kept": float(np.nansum(result.kept[k, shown])),
                "mean margin": float(np.nanmean(result.margin[k, shown])),
                "smallest margin": float(np.nanmin(result.margin[k, shown])),
            }
        )
    return rows


def orders_alt(result: SlotOrders, sentence: int) -> str:
    """Both pictures in words."""
    lines = [f"{seats_finding(result, sentence)}. {company_finding(result)}."]
    for row in orders_table(result):
        lines.append(
            f"Slot {row['slot now']}: flip rate {percent(row['flip rate'])}, information "
            f"{row['information (nats)']:.4f} nats, variance {row['variance, seat']:.5f} by seat, "
            f"{row[COMPANY]:.5f} by the neighbours' order."
        )
    return " ".join(lines)


def _aim(result: SlotOrders, sentence: int) -> str:
    who = "N = 1 answer" if result.from_baseline else "present answer"
    words = result.answers[sentence].split()
    label = f" ({plain(shorten(words[0], 14))})" if len(words) == 1 else "s"
    return f"probability of the {who}{label}"


def company_alt(result: SlotOrders) -> str:
    """What the neighbours' order explains."""
    return f"{company_finding(result)}."


SEATS_FAMILY = Family(seats_figure, seats_finding, orders_alt, orders_table)
COMPANY_FAMILY = Family(company_figure, company_finding, company_alt)
