"""The form of a figure for a phone, on planted figures: what is stacked, folded and left out."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import pytest

from muxviz.figures.drawing.ink import caption, framed
from muxviz.figures.drawing.narrow import narrowed
from muxviz.figures.drawing.plot import Plot, scatter
from muxviz.figures.drawing.rows import name_rows

SIDES = {"l": 200, "r": 24, "t": 80, "b": 90}
HEIGHT, INNER = 400, 400 - 80 - 90


def framed_figure(plot: Plot, title: str = "A title") -> go.Figure:
    framed(plot, title, dark=False, height=HEIGHT, sides=SIDES)
    caption(plot, "one two three " * 9, below=50)
    return plot.figure()


def cells(columns: int, **axis: Any) -> Plot:
    titles = [{"text": f"cell {k + 1}", "xanchor": "left"} for k in range(columns)]
    plot = Plot.grid(rows=1, cols=columns, across=0.1, titles=titles)
    for column in range(1, columns + 1):
        plot.add(scatter(x=[0, 1], y=[0, 1]), row=1, col=column)
    plot.xaxes(**axis)
    plot.yaxes(**axis)
    return plot


def test_cells_beside_each_other_come_below_each_other_as_high_as_they_were() -> None:
    layout = narrowed(framed_figure(cells(2))).layout
    assert layout.xaxis.domain == layout.xaxis2.domain == (0, 1)
    assert layout.yaxis.domain[1] == 1
    assert layout.yaxis2.domain[0] == 0
    inner = layout.height - layout.margin.t - layout.margin.b
    for axis in (layout.yaxis, layout.yaxis2):
        assert inner * (axis.domain[1] - axis.domain[0]) == pytest.approx(INNER, abs=1)
    tops = [note.y for note in layout.annotations[:2]]
    assert tops == [1, pytest.approx(layout.yaxis2.domain[1])]


def test_small_cells_without_numbers_stay_side_by_side() -> None:
    layout = narrowed(framed_figure(cells(3, showticklabels=False))).layout
    assert [layout[f"xaxis{k}"].domain[0] for k in ("", 2, 3)] == [0, 0.5, 0]
    assert layout.yaxis.domain == layout.yaxis2.domain != layout.yaxis3.domain


def test_a_matrix_and_its_margin_stay_together() -> None:
    plot = Plot(scatter(x=[0], y=[0]), scatter(x=[1], y=[0], xaxis="x2"))
    plot.set(xaxis={"domain": [0, 0.7]}, xaxis2={"domain": [0.8, 1]})
    layout = narrowed(framed_figure(plot)).layout
    assert (layout.xaxis.domain, layout.xaxis2.domain) == ((0, 0.7), (0.8, 1))


def test_names_of_rows_are_folded_and_have_room() -> None:
    plot = Plot(scatter(x=[0, 1], y=[0, 1]))
    long = "a sentence that goes on and on and on"
    name_rows(plot, [long, "short"])
    wide = framed_figure(plot)
    before = wide.to_json()
    layout = narrowed(wide).layout
    assert wide.to_json() == before
    assert layout.yaxis.ticktext == ("a sentence that<br>goes on and on<br>and on", "short")
    assert 100 < layout.margin.l < 150


def test_words_behind_rows_widen_their_axis_and_numbers_keep_their_unit() -> None:
    plot = Plot(scatter(x=[0, 1], y=[0, 1]))
    plot.xaxes(range=[0, 1])
    text = "turned in 12 of 64 draws, by 38 %"
    plot.mark(annotations=[{"text": text, "x": 1, "y": 0, "xanchor": "left", "showarrow": False}])
    layout = narrowed(framed_figure(plot)).layout
    assert layout.annotations[0].text == "turned in 12 of 64<br>draws, by 38 %"
    assert layout.xaxis.range[1] > 1.5


def test_ticks_that_would_touch_are_left_out() -> None:
    plot = Plot(scatter(x=[0, 1], y=[0, 1]))
    ticks = [k / 20 for k in range(21)]
    plot.xaxes(range=[0, 1], tickvals=ticks, ticktext=[f"{100 * t:.0f} %" for t in ticks])
    kept = narrowed(framed_figure(plot)).layout.xaxis
    assert kept.tickvals[0] == 0
    assert 4 <= len(kept.tickvals) <= 10
    assert [f"{100 * t:.0f} %" for t in kept.tickvals] == list(kept.ticktext)


def test_title_legend_and_caption_take_as_many_lines_as_they_need() -> None:
    plot = Plot(*(scatter(x=[0], y=[k], name=f"a long name, {k}") for k in range(4)))
    figure = narrowed(framed_figure(plot, "a title that is long enough for three lines " * 2))
    layout = figure.layout
    lines = layout.title.text.count("<br>") + 1
    assert lines == 3
    legend_top = (1 - layout.legend.y) * layout.height
    assert legend_top > 18 + 22 * (lines - 1)
    assert layout.margin.t - legend_top >= 2 * 20  # two lines of two names
    assert layout.annotations[-1].text.count("<br>") == 2
