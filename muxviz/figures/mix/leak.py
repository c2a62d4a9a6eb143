"""The hard leak matrix: which slot's tokens come out of which slot.

Colours run over 0 to 100 % in every figure, so that two groups can be compared by eye. Points lie
over the cells because Streamlit reports clicks on points, not on cells of a heat map;
``customdata`` is ``[slot, source]``, counted from 0, with source N for "other".
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.errors import InputError
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import (
    CLEAR,
    SMALL_SIZE,
    TEXT_SIZE,
    UNSEEN,
    caption,
    framed,
    ink,
    text_on,
)
from muxviz.figures.drawing.plot import Plot, Trace, heatmap, scatter
from muxviz.figures.drawing.scales import color_at, sequential
from muxviz.figures.drawing.slots import slot_label
from muxviz.figures.drawing.wording import or_none, percent, plain, tokens_of
from muxviz.results import Leak

WHICH = {
    "all": ("shares", "positions", ""),
    "common": ("shares_common", "positions_common", ", where every text reaches"),
    "beyond": ("shares_beyond", "positions_beyond", ", past the end of the shortest text"),
}
ROW = 44  # px
GAP = 0.18  # of a cell, between the sources and "other"


def leak_figure(
    leak: Leak,
    *,
    which: str = "all",
    fillers: Collection[int] = (),
    is_narrow: bool = False,
    dark: bool = False,
) -> go.Figure:
    """Heat map ``[N, N + 1]``: rows are the slots read out, columns the sources and "other".

    Args:
        leak: of one group.
        which: positions to look at: "all", those every slot reaches ("common"), or "beyond" them.
        fillers: slots (from 0) that only fill the group; their rows stay empty.
        is_narrow: for a page of 360 px, with numbers in percent.
        dark: for a dark page.

    Raises:
        InputError: another ``which``.
    """
    shares, positions, _ = _part(leak, which)
    num = len(shares)
    shown = _shown(shares, fillers)
    edges = np.r_[np.arange(num + 1), num + GAP, num + 1 + GAP]
    rows = np.insert(np.where(shown == 0, np.nan, shown), num, np.nan, axis=1)  # 0: left empty
    plot = Plot(
        heatmap(
            z=rows.astype(np.float32),
            x=edges,
            y=np.arange(num + 1),
            zmin=0,
            zmax=1,
            colorscale=sequential(dark),
            showscale=False,
            xgap=1 if is_narrow else 3,
            ygap=1 if is_narrow else 3,
            hoverinfo="skip",
        )
    )
    numbers = _numbers(shown, positions, fillers, dark)
    if is_narrow:
        numbers["text"] = [text.replace(" %", "") for text in numbers["text"]]
        numbers["textfont"]["size"] = SMALL_SIZE
    plot.add(numbers)
    _mark_own(plot, num, dark)
    _label_axes(plot, num, is_narrow=is_narrow)
    framed(
        plot,
        leak_finding(leak, which=which, fillers=fillers),
        dark=dark,
        height=ROW * num + 158,
        sides={"l": 150, "r": 24, "t": 104, "b": 54},
    )
    return plot.figure()


def largest_leak(
    shares: np.ndarray, fillers: Collection[int] = ()
) -> tuple[int, int, float] | None:
    """(slot, source, share) of the largest leak into a slot that is no filler, or None.

    shares: ``[N, N + 1]`` or ``[N, N]``, rows the slots read out; not modified.
    """
    num = len(shares)
    between = np.nan_to_num(_shown(shares, fillers)[:, :num])
    np.fill_diagonal(between, 0.0)
    if not between.any():
        return None
    slot, source = np.unravel_index(int(between.argmax()), between.shape)
    return int(slot), int(source), float(between[slot, source])


def leak_finding(leak: Leak, *, which: str = "all", fillers: Collection[int] = ()) -> str:
    """What the matrix shows, in one sentence."""
    shares, positions, where = _part(leak, which)
    worst = largest_leak(shares, fillers)
    if worst:
        slot, source, share = worst
        return f"Slot {source + 1} leaks most, into slot {slot + 1} ({percent(share)}{where})"
    counted = [i for i in range(len(shares)) if i not in fillers and positions[i]]
    if not counted:
        return f"Nothing was counted{where}"
    return f"No slot leaks into another{where}"


def leak_table(
    leak: Leak, *, which: str = "all", fillers: Collection[int] = ()
) -> list[dict[str, Any]]:
    """The same numbers, one row per slot; shares in [0, 1], None where nothing was counted."""
    shares, positions, _ = _part(leak, which)
    num = len(shares)
    names = [*(f"from {j + 1}" for j in range(num)), "other"]
    table = []
    for i, row in enumerate(_shown(shares, fillers)):
        values = [or_none(v) for v in row]
        filler = {"filler": True} if i in fillers else {}
        table.append(
            {"slot": i + 1, "tokens": int(positions[i]), **dict(zip(names, values, strict=True))}
            | filler
        )
    return table


def leak_alt(leak: Leak, *, which: str = "all", fillers: Collection[int] = ()) -> str:
    """The picture in words, with the numbers of the table."""
    lines = [leak_finding(leak, which=which, fillers=fillers) + "."]
    for row in leak_table(leak, which=which, fillers=fillers):
        head = f"Slot {row['slot']}"
        if row.get("filler"):
            lines.append(f"{head}: filler, not counted.")
        elif row["other"] is None:
            lines.append(f"{head}: nothing counted.")
        else:
            parts = [
                f"{k} {percent(row[k])}" for k in row if k not in {"slot", "tokens"} and row[k]
            ]
            lines.append(f"{head}, {row['tokens']} tokens: {', '.join(parts)}.")
    return " ".join(lines)


def _part(leak: Leak, which: str) -> tuple[np.ndarray, np.ndarray, str]:
    if which not in WHICH:
        raise InputError(f"got which={which!r}; choose one of {', '.join(WHICH)}")
    shares, positions, words = WHICH[which]
    return getattr(leak, shares), getattr(leak, positions), words


def _shown(shares: np.ndarray, fillers: Collection[int]) -> np.ndarray:
    """A copy of the shares with NaN rows for fillers."""
    shown = np.array(shares, dtype=np.float64)
    shown[sorted(fillers)] = np.nan
    return shown


def _numbers(
    shown: np.ndarray, positions: np.ndarray, fillers: Collection[int], dark: bool
) -> Trace:
    """Points over the cells: numbers, hover and what a click returns."""
    num, scale, colors = len(shown), sequential(dark), ink(dark)
    cells = [(i, j) for i in range(num) for j in range(num + 1)]
    texts, hovers, inks = [], [], []
    for i, j in cells:
        share = float(shown[i, j])
        if np.isnan(share):
            why = "filler" if i in fillers else "nothing counted"
            texts.append(why if j == num // 2 else "")
            hovers.append(f"slot {i + 1}: {why}")
            inks.append(colors.muted)
            continue
        texts.append(plain(percent(share).replace("under", "<")) if share else "·")
        source = "other" if j == num else "read back" if i == j else f"slot {j + 1}"
        arrow = f"slot {i + 1}: {source}" if i == j or j == num else f"{source} → slot {i + 1}"
        hovers.append(f"{arrow}: {percent(share)} ({tokens_of(share, int(positions[i]))})")
        inks.append(text_on(color_at(scale, share)) if share else colors.muted)
    return scatter(
        x=[j + 0.5 + (GAP if j == num else 0) for _, j in cells],
        y=[i + 0.5 for i, _ in cells],
        mode="markers+text",
        text=texts,
        textfont={"color": inks, "size": TEXT_SIZE},
        hovertext=hovers,
        customdata=cells,
        marker={"symbol": "square", "size": 40, "color": UNSEEN},
    )


def _mark_own(plot: Plot, num: int, dark: bool) -> None:
    """Frame the diagonal: a slot's own tokens."""
    frame = {"type": "rect", "line": {"color": ink(dark).text, "width": 1.2}, "fillcolor": CLEAR}
    places = (
        {"x0": i + 0.015, "x1": i + 0.985, "y0": i + 0.03, "y1": i + 0.97} for i in range(num)
    )
    plot.set(shapes=[frame | place for place in places])


def _label_axes(plot: Plot, num: int, *, is_narrow: bool) -> None:
    read = "" if is_narrow else "read from "
    plot.xaxes(
        tickvals=[*(j + 0.5 for j in range(num)), num + 0.5 + GAP],
        ticktext=[*(slot_label(j) for j in range(num)), "other"],
        range=[0, num + 1 + GAP],
        side="top",
        title={"text": "a token of slot …", "standoff": 12},
    )
    plot.yaxes(
        tickvals=[i + 0.5 for i in range(num)],
        ticktext=[f"{read}{slot_label(i)}  " for i in range(num)],
        range=[num, 0],
    )
    words = "Framed: own tokens, read back. Colours run from 0 to 100 %."
    if is_narrow:
        words = "Rows: slots read out; numbers in percent.<br>Framed: own tokens, read back."
    caption(plot, words, below=16)


LEAK = Family(leak_figure, leak_finding, leak_alt, leak_table)
