"""Reading with other keys, and reading slots that hold nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import (
    CLEAR,
    TEXT_SIZE,
    TOGGLES,
    caption,
    framed,
    ink,
    text_on,
)
from muxviz.figures.drawing.plot import Plot, heatmap, scatter
from muxviz.figures.drawing.scales import color_at, sequential
from muxviz.figures.drawing.slots import slot_color, slot_label, slot_marker, slot_outline
from muxviz.figures.drawing.whiskers import whiskers
from muxviz.figures.drawing.wording import or_none, percent, shorten, tenths
from muxviz.results.whatif_desk import Ghosts, KeyDial

WRONG = 1.14  # where random keys stand on the dial's axis
GAP = 0.22  # of a cell, before the floor's column
CELL = 46  # px


# ---- key dial -----------------------------------------------------------------------------------


def dial_figure(result: KeyDial, alpha: float = 0.0, *, dark: bool = False) -> go.Figure:
    """Above: how likely each of the two slots' answers is. Below: whose tokens come out."""
    colors = ink(dark)
    heard = not np.isnan(result.heard).all()
    plot = Plot.grid(
        rows=2 if heard else 1,
        cols=1,
        share_x=True,
        down=0.13,
        heights=[0.5, 0.5] if heard else [1],
    )
    for n in (result.slot, result.other):
        _line(plot, result.alphas, result.like[:, n], n, dark, 1, "answer of slot")
        _wrong(plot, result.like_random[:, n], n, dark, 1)
    if heard:
        for n in range(result.heard.shape[1]):
            if n not in result.fillers:
                _line(plot, result.alphas, result.heard[:, n], n, dark, 2, "tokens of slot")
                _wrong(plot, result.heard_random[:, n], n, dark, 2)
    plot.xaxes(range=[-0.03, WRONG + 0.06])
    plot.xaxes(
        tickvals=[0, 0.25, 0.5, 0.75, 1, WRONG],
        ticktext=[
            f"key {slot_label(result.slot)}",
            "0.25",
            "0.5",
            "0.75",
            f"key {slot_label(result.other)}",
            "random",
        ],
        showticklabels=True,
        row=2 if heard else 1,
        col=1,
    )
    plot.yaxes(showgrid=True, range=[-0.03, 1.05], tickformat=".0%")
    plot.yaxes(title={"text": "answer of …"}, row=1, col=1)
    if heard:
        plot.yaxes(title={"text": "tokens of … read"}, row=2, col=1)
    mark = {"type": "line", "x0": alpha, "x1": alpha, "yref": "paper", "y0": 0, "y1": 1}
    plot.mark(shapes=[mark | {"line": {"color": colors.text, "width": 1.2, "dash": "dot"}}])
    framed(
        plot,
        dial_finding(result, alpha),
        dark=dark,
        height=470 if heard else 330,
        sides={"l": 74, "r": 24, "t": 76, "b": 66},
    )
    plot.set(legend=TOGGLES)
    words = "Right: random keys, mean with the 5 to 95 % range. Dotted: the dial."
    caption(plot, words, below=38)
    return plot.figure()


def dial_finding(result: KeyDial, alpha: float = 0.0) -> str:
    """Where one answer turns into the other, or what the dial reads now."""
    i, j = result.slot, result.other
    if len(result.p):
        said = result.p.argmax(axis=-1)
        if (said == said[0]).all():
            label = result.labels[int(said[0])]
            at = int(np.abs(result.alphas - alpha).argmin())
            chance = percent(float(result.p[at, said[0]]))
            return (
                f"From key {i + 1} to key {j + 1} the answer stays {shorten(label, 24)} "
                f"({chance} at {alpha:.2f})"
            )
        turn = int(np.argmax(said != said[0]))
        return (
            f"Turning key {i + 1} into key {j + 1}, the answer changes from "
            f"{shorten(result.labels[int(said[0])], 24)} to "
            f"{shorten(result.labels[int(said[turn])], 24)} at {result.alphas[turn]:.2f}"
        )
    change = float(result.like[-1, j] - result.like[0, j])
    return (
        f"Turning key {i + 1} into key {j + 1} makes slot {j + 1}'s own answers "
        f"{'more' if change > 0 else 'less'} likely by {abs(100 * change):.0f} points"
    )


def dial_table(result: KeyDial) -> list[dict[str, Any]]:
    """One row per place of the dial, then the random keys' mean."""
    keyed = [(f"{a:.2f}", k) for k, a in enumerate(result.alphas)]
    table: list[dict[str, Any]] = []
    for name, k in keyed:
        table.append({"dial": name} | _reads(result, result.p, result.like, result.heard, k))
    p, like, heard = (
        v.mean(axis=0, keepdims=True) if len(v) else v
        for v in (result.p_random, result.like_random, result.heard_random)
    )
    table.append({"dial": "random keys (mean)"} | _reads(result, p, like, heard, 0))
    return table


def dial_alt(result: KeyDial) -> str:
    """The lines in words: their ends, and the random keys."""
    i, j = result.slot, result.other
    lines = [f"{dial_finding(result)}."]
    for n in (i, j):
        low, high = percent(float(result.like[0, n])), percent(float(result.like[-1, n]))
        lines.append(f"Answer of slot {n + 1}: {low} with key {i + 1}, {high} with key {j + 1}.")
        if not np.isnan(result.heard[:, n]).all():
            low, high = percent(float(result.heard[0, n])), percent(float(result.heard[-1, n]))
            lines.append(
                f"Tokens of slot {n + 1}: {low} with key {i + 1}, {high} with key {j + 1}."
            )
    return " ".join(lines)


def _reads(
    result: KeyDial, p: np.ndarray, like: np.ndarray, heard: np.ndarray, k: int
) -> dict[str, Any]:
    row: dict[str, Any] = {
        f"p({name})": float(p[k, c]) for c, name in enumerate(result.labels) if len(p)
    }
    row |= {f"answer of slot {n + 1}": float(v) for n, v in enumerate(like[k])}
    if not np.isnan(heard).all():
        row |= {f"tokens of slot {n + 1}": or_none(v) for n, v in enumerate(heard[k])}
    return row


def _line(
    plot: Plot, x: np.ndarray, y: np.ndarray, n: int, dark: bool, row: int, what: str
) -> None:
    plot.add(
        scatter(
            x=x.astype(np.float32),
            y=y.astype(np.float32),
            text=[tenths(share) for share in y],
            mode="lines+markers",
            line={"color": slot_color(n), "width": 2.5},
            marker={
                "symbol": slot_marker(n),
                "size": 8,
                "color": slot_color(n),
                "line": {"color": slot_outline(n, dark=dark), "width": 1},
                "maxdisplayed": 7,
            },
            name=f"{what} {slot_label(n)}",
            legendgroup=str(row),
            hovertemplate=f"{what} {n + 1} at %{{x:.2f}}: %{{text}}<extra></extra>",
        ),
        row=row,
        col=1,
    )


def _wrong(plot: Plot, values: np.ndarray, n: int, dark: bool, row: int) -> None:
    if np.isnan(values).all():
        return
    mean, (low, high) = float(values.mean()), np.quantile(values, (0.05, 0.95))
    plot.add(
        scatter(
            x=[WRONG + 0.012 * (n % 5 - 2)],
            y=[mean],
            error_y=whiskers(
                [high - mean], [mean - low], slot_outline(n, dark=dark), thickness=1.2, width=3
            ),
            mode="markers",
            marker={
                "symbol": slot_marker(n),
                "size": 9,
                "color": slot_color(n),
                "line": {"color": slot_outline(n, dark=dark), "width": 1},
            },
            hovertext=[f"random keys, slot {n + 1}: {tenths(mean)}"],
        ),
        row=row,
        col=1,
    )


# ---- ghosts -------------------------------------------------------------------------------------


def ghost_figure(result: Ghosts, *, dark: bool = False) -> go.Figure:
    """Heat map ``[N, N + 1]``: rows are emptied slots, columns whose tokens are heard there."""
    num, colors, scale = len(result.heard), ink(dark), sequential(dark)
    shown = np.c_[result.heard, np.full(num, np.nan), result.floor.mean].astype(np.float64)
    shown[list(result.fillers)] = np.nan
    edges = np.r_[np.arange(num + 1), num + GAP, num + 1 + GAP]
    plot = Plot(
        heatmap(
            z=shown.astype(np.float32),
            x=edges,
            y=np.arange(num + 1),
            zmin=0,
            zmax=1,
            colorscale=scale,
            showscale=False,
            xgap=3,
            ygap=3,
            hoverinfo="skip",
        )
    )
    notes = []
    for i in range(num):
        for j in range(num + 1):
            value = float(result.heard[i, j] if j < num else result.floor.mean[i])
            if i in result.fillers or np.isnan(value):
                continue
            above = j < num and value > float(result.floor.high[i])
            strong = {"color": text_on(color_at(scale, value))}
            faint = {"color": colors.muted}
            notes.append(
                {
                    "x": j + 0.5 + (GAP if j == num else 0),
                    "y": i + 0.5,
                    "text": f"<b>{_fine(value)}</b>" if above else _fine(value),
                    "font": {"size": TEXT_SIZE, **(strong if value > 0.12 else faint)},
                }
            )
    frame = {"type": "rect", "line": {"color": colors.text, "width": 1.2}, "fillcolor": CLEAR}
    shapes = [
        frame | {"x0": i + 0.02, "x1": i + 0.98, "y0": i + 0.03, "y1": i + 0.97} for i in range(num)
    ]
    plot.mark(shapes=shapes, annotations=notes)
    plot.xaxes(
        tickvals=[*(j + 0.5 for j in range(num)), num + 0.5 + GAP],
        ticktext=[*(slot_label(j) for j in range(num)), "strangers"],
        range=[0, num + 1 + GAP],
        side="top",
        title={"text": "tokens of slot …", "standoff": 12},
    )
    plot.yaxes(
        tickvals=[i + 0.5 for i in range(num)],
        ticktext=[f"{slot_label(i)} empty  " for i in range(num)],
        range=[num, 0],
    )
    framed(
        plot,
        ghost_finding(result),
        dark=dark,
        height=CELL * num + 162,
        sides={"l": 110, "r": 24, "t": 106, "b": 54},
    )
    words = "Bold: above what sentences outside the group get. Framed: the text that was taken out."
    caption(plot, words, below=16)
    return plot.figure()


def ghost_finding(result: Ghosts) -> str:
    """Whose words come out of an empty slot, in one sentence."""
    num = len(result.heard)
    above = np.where(result.heard > np.nan_to_num(result.floor.high)[:, None], result.heard, 0.0)
    np.fill_diagonal(above, 0)
    above = np.nan_to_num(above)
    above[list(result.fillers)] = 0
    if not above.any():
        return "Empty slots give back no neighbour's words, no more than a stranger's"
    i, j = np.unravel_index(int(above.argmax()), (num, num))
    return (
        f"Emptied, slot {i + 1} gives slot {j + 1}'s words a probability of "
        f"{_fine(float(above[i, j]))}, a stranger's {_fine(float(result.floor.mean[i]))}"
    )


def ghost_table(result: Ghosts) -> list[dict[str, Any]]:
    """One row per emptied slot: what it reads, and what each neighbour's tokens get."""
    table = []
    for i, row in enumerate(result.heard):
        found: dict[str, Any] = {"slot": i + 1, "read back": result.read[i]}
        if len(result.p):
            found["answer"] = result.answers[i]
            found["probability"] = float(result.p[i].max())
        found |= {f"tokens of {j + 1}": or_none(v) for j, v in enumerate(row)}
        found |= {
            "strangers": float(result.floor.mean[i]),
            "strangers from": float(result.floor.low[i]),
            "strangers to": float(result.floor.high[i]),
        }
        table.append(found)
    return table


def ghost_alt(result: Ghosts) -> str:
    """The matrix in words."""
    lines = [f"{ghost_finding(result)}."]
    for row in ghost_table(result):
        heard = [f"{k} {_fine(v)}" for k, v in row.items() if k.startswith("tokens") and v]
        floor = _fine(row["strangers"])
        lines.append(f"Slot {row['slot']} empty: {', '.join(heard)}, strangers {floor}.")
    return " ".join(lines)


def _fine(share: float) -> str:
    """Like ``percent``, with two decimals where shares are small."""
    return f"{100 * share:.2f} %" if share < 0.0995 else percent(share)


DIAL = Family(dial_figure, dial_finding, dial_alt, dial_table)
GHOSTS = Family(ghost_figure, ghost_finding, ghost_alt, ghost_table)
