"""Which words of a neighbour turn a slot's answer: a bar per word, those taken out marked."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed, ink, tint
from muxviz.figures.drawing.plot import Plot, bar
from muxviz.figures.drawing.rows import name_rows
from muxviz.figures.drawing.slots import slot_color, slot_outline
from muxviz.figures.drawing.wording import count, number, or_none, percent, plain, shorten
from muxviz.results.edits import NeighbourEdit

ROW = 26  # px
ROOM = 24  # letters of a word
PALE = 0.35  # of a word that stays


def edits_figure(result: NeighbourEdit, *, dark: bool = False) -> go.Figure:
    """A row per word: the change of the target's margin with that word alone taken out."""
    change = [float(value) for value in result.singles - result.margin]
    color, edge = slot_color(result.neighbour), slot_outline(result.neighbour, dark=dark)
    out = set(result.removed)
    plot = Plot(
        bar(
            x=change,
            y=list(range(len(change))),
            orientation="h",
            width=0.6,
            marker={
                "color": [tint(color, 0.9 if k in out else PALE) for k in range(len(change))],
                "line": {"color": edge, "width": 1},
            },
            hovertext=[_hover(result, k) for k in range(len(change))],
        )
    )
    ends = {"y0": -0.5, "y1": len(change) - 0.5, "type": "line"}
    turn = -result.margin
    plot.mark(
        shapes=[
            {"x0": 0, "x1": 0, "line": {"color": ink(dark).text, "width": 1}} | ends,
            {"x0": turn, "x1": turn, "line": {"color": ink(dark).warning, "dash": "dash"}} | ends,
        ]
    )
    plot.xaxes(title={"text": f"change of the margin of {_target(result)} (logits)"})
    name_rows(plot, [plain(shorten(word, ROOM)) for word in result.words])
    framed(
        plot,
        edits_finding(result),
        dark=dark,
        height=ROW * len(change) + 180,
        sides={"l": 160, "r": 40, "t": 84, "b": 80},
    )
    caption(plot, "Dashed: where the answer turns. Full: the words taken out.", below=52)
    return plot.figure()


def edits_finding(result: NeighbourEdit) -> str:
    """How few words turn it, beside single words elsewhere."""
    who, slot = f"slot {result.slot + 1}", result.neighbour + 1
    verb = "turns" if result.is_right else "mends"
    words = " ".join(f"“{shorten(result.words[k], ROOM)}”" for k in sorted(result.removed))
    if result.turned:
        said = f"Without {words} in slot {slot} {who} {verb}"
    else:
        said = (
            f"Taking {count(len(result.removed), 'word')} out of slot {slot} does not turn {who}: "
            f"its margin goes from {number(result.margin, '+.2f')} to "
            f"{number(result.margins[-1], '+.2f')}"
        )
    other = result.elsewhere
    if not other.trials:
        return said
    return (
        f"{said}; single words of other neighbours do in {other.successes:.0f} of {other.trials} "
        f"({percent(other.value)})"
    )


def _target(result: NeighbourEdit) -> str:
    return plain(shorten(result.target, ROOM))


def _hover(result: NeighbourEdit, k: int) -> str:
    change = float(result.singles[k]) - result.margin
    return (
        f"without “{plain(shorten(result.words[k], ROOM))}”: margin {number(change, '+.2f')} to "
        f"{number(float(result.singles[k]), '+.2f')}"
    )


def edits_alt(result: NeighbourEdit) -> str:
    """Every word in words."""
    parts = [edits_finding(result), *(_hover(result, k) for k in range(len(result.words)))]
    return " ".join(f"{part}." for part in parts)


def edits_table(result: NeighbourEdit) -> list[dict[str, Any]]:
    """One row per word."""
    order = {k: place for place, k in enumerate(result.removed, start=1)}
    return [
        {
            "word": word,
            "margin without it": or_none(result.singles[k]),
            "change of margin": or_none(result.singles[k] - result.margin),
            "taken out as": order.get(k),
        }
        for k, word in enumerate(result.words)
    ]


EDITS = Family(edits_figure, edits_finding, edits_alt, edits_table)
