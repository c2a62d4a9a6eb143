"""The debugger at a glance: how often the answer comes right after each change, and by chance."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, caption, framed, ink, tint
from muxviz.figures.drawing.plot import Plot, scatter
from muxviz.figures.drawing.rows import name_rows
from muxviz.figures.drawing.slots import slot_color, slot_label, slot_outline
from muxviz.figures.drawing.whiskers import whiskers
from muxviz.figures.drawing.wording import percent, plain, shorten
from muxviz.results.diagnosis import Diagnosis
from muxviz.results.ladder import Rung

ROW = 38  # px
SIDES = {"l": 268, "r": 150, "t": 84, "b": 84}


def rungs_figure(result: Diagnosis, *, dark: bool = False) -> go.Figure:
    """One row per change tried: share of draws that came right, and that of its control."""
    colors, rungs = ink(dark), _rungs(result)
    plot, rows = Plot(), list(range(len(rungs)))
    held = [(k, r) for k, r in enumerate(rungs) if r.control != "unchanged"]
    plot.add(
        scatter(
            x=[r.held.value for _, r in held],
            y=[k for k, _ in held],
            mode="markers",
            marker={
                "symbol": "line-ns",
                "size": 18,
                "line": {"color": colors.muted, "width": 2.5},
            },
            hovertext=[f"control: {_share(r.held)}" for _, r in held],
        ),
        scatter(
            x=[r.turned.value for r in rungs],
            y=rows,
            mode="markers",
            marker={
                "size": 13,
                "color": [tint(_fill(r, result, dark), 0.95 if r.claims else 0.4) for r in rungs],
                "line": {"color": [_edge(r, dark) for r in rungs], "width": 1.2},
            },
            error_x=whiskers(
                [_end(r, 1) - r.turned.value for r in rungs],
                [r.turned.value - _end(r, 0) for r in rungs],
                colors.muted,
                thickness=1.2,
                width=4,
            ),
            hovertext=[f"{_name(r)}: {_share(r.turned)}" for r in rungs],
            cliponaxis=False,
        ),
    )
    plot.mark(
        annotations=[
            {
                "text": ("<b>{}</b>" if _is_named(r, result) else "{}").format(_share(r.turned)),
                "x": 1,
                "xref": "paper",
                "y": k,
                "xanchor": "left",
                "xshift": 16,
                "font": {"size": SMALL_SIZE, "color": colors.text},
            }
            for k, r in enumerate(rungs)
        ]
    )
    plot.xaxes(range=[-0.04, 1.04], tickformat=".0%", title={"text": _aim(result)})
    name_rows(plot, [_name(r) for r in rungs], tickfont={"color": colors.text, "size": SMALL_SIZE})
    framed(
        plot,
        rungs_finding(result),
        dark=dark,
        height=ROW * len(rungs) + SIDES["t"] + SIDES["b"],
        sides=SIDES,
    )
    words = "Upright stroke: a control of the same size. Pale: not told from its control."
    caption(plot, words, below=54, left=12 - SIDES["l"])
    return plot.figure()


def rungs_finding(result: Diagnosis) -> str:
    """What the debugger names, and by what."""
    ladder = result.ladder
    start = f"Slot {ladder.slot + 1} says {shorten(ladder.answer, 20)}"
    named = next((r for r in _rungs(result) if _is_named(r, result)), None)
    if named is None:
        return f"{start}: nothing tried is named as the cause"
    held = "" if named.control == "unchanged" else f", its control {_share(named.held)}"
    changes = "turns it" if ladder.is_right else "brings it right"
    return f"{start}: {_said(named)} {changes} in {_share(named.turned)} draws{held}"


def rungs_alt(result: Diagnosis) -> str:
    """The rows in words."""
    lines = [f"{rungs_finding(result)}."]
    for rung in _rungs(result):
        low, high = rung.turned.interval
        lines.append(f"{_name(rung)}: {_share(rung.turned)} ({percent(low)} to {percent(high)}).")
    return " ".join(lines)


def rungs_table(result: Diagnosis) -> list[dict[str, Any]]:
    """One row per change."""
    slot = result.ladder.slot + 1
    return [
        {
            "slot": slot,
            "change": _name(rung),
            "draws": rung.turned.trials,
            "came right": rung.turned.successes,
            "share": rung.turned.value,
            "share from": rung.turned.interval[0],
            "share to": rung.turned.interval[1],
            "control came right": rung.held.successes,
            "control's draws": rung.held.trials,
            "control's share": rung.held.value,
            "told from its control": rung.claims,
        }
        for rung in _rungs(result)
    ]


def _rungs(result: Diagnosis) -> tuple[Rung, ...]:
    """The changes that a class can follow; copies of one sentence and single layers are not."""
    return tuple(r for r in result.rungs if r.test not in ("all slots", "layer"))


def _is_named(rung: Rung, result: Diagnosis) -> bool:
    if result.cause == "neighbour":
        return rung.test == "neighbour" and rung.slot == result.at
    return rung.test == result.cause


def _share(found: Any) -> str:
    return f"{found.successes:.0f} of {found.trials}"


def _name(rung: Rung) -> str:
    return {
        "baseline": "alone (N = 1)",
        "seat": "another seat",
        "reseated": "same seat, neighbours reordered",
        "neighbour": f"another sentence in slot {slot_label(rung.slot or 0)}",
        "company": "other neighbours altogether",
        "padding": "short neighbours, less padding",
        "cut": "its cut end put back",
    }[rung.test]


def _said(rung: Rung) -> str:
    if rung.test == "neighbour":
        return f"another sentence in slot {(rung.slot or 0) + 1}"
    return _name(rung)


def _aim(result: Diagnosis) -> str:
    verb = "draws that turn from" if result.ladder.is_right else "draws that come out as"
    return f"{verb} {plain(shorten(result.ladder.target, 24))}"


def _end(rung: Rung, side: int) -> float:
    """An end of the interval; of one single pass the share itself, which says nothing of more."""
    value = rung.turned.value
    if rung.turned.trials == 1:
        return value
    found = rung.turned.interval[side]
    return max(found, value) if side else min(found, value)


def _fill(rung: Rung, result: Diagnosis, dark: bool) -> str:
    return ink(dark).accent if rung.slot is None else slot_color(rung.slot)


def _edge(rung: Rung, dark: bool) -> str:
    return ink(dark).text if rung.slot is None else slot_outline(rung.slot, dark=dark)


RUNGS = Family(rungs_figure, rungs_finding, rungs_alt, rungs_table)
