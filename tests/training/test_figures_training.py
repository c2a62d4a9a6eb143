"""Figures of a run hold its numbers, tell runs and slots apart, and say what happened."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest

from muxviz.errors import NotApplicable
from muxviz.figures.drawing.ink import contrast, ink
from muxviz.figures.drawing.slots import slot_color, slot_marker
from muxviz.figures.drawing.small_multiples import (
    DARK_RUNS,
    DASHES,
    LIGHT_RUNS,
    MOST_POINTS,
    log_ticks,
    short_number,
    stage_at,
    thinned,
)
from muxviz.figures.training.losses import (
    is_share,
    loss_alt,
    loss_figure,
    loss_finding,
    loss_table,
    loss_terms,
    term_label,
)
from muxviz.figures.training.slots import (
    slot_accuracy_alt,
    slot_accuracy_figure,
    slot_accuracy_finding,
    slot_accuracy_table,
)
from muxviz.figures.training.speed import speed_alt, speed_figure, speed_table
from muxviz.results.training import RunCurves
from muxviz.training.run_folder import read_curves
from tests.run_folders import write_run

NASTY = "<b>x</b> $y$ & z"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[RunCurves]:
    root = tmp_path_factory.mktemp("runs")
    folders = [write_run(root / "one"), write_run(root / "two", floor=0.08, last=2000)]
    return [read_curves(folder) for folder in folders]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> RunCurves:
    return read_curves(write_run(tmp_path_factory.mktemp("alone") / "n1", num=1))


def lines(fig: go.Figure) -> dict[tuple[str, str], np.ndarray]:
    """y of every trace, by its name and axis."""
    return {(t.name, t.yaxis): np.asarray(t.y, float) for t in fig.data}


def texts(fig: go.Figure) -> list[str]:
    return [a.text for a in fig.layout.annotations]


def test_each_loss_has_a_panel_with_its_numbers(runs: list[RunCurves]) -> None:
    run = runs[0]
    fig = loss_figure([run])
    terms = loss_terms([run])
    assert terms == ("total", "task", "retrieval", "hidden", "logit", "task_accuracy")
    assert len(fig.data) == len(terms)
    for number, name in enumerate(terms):
        drawn = lines(fig)[run.name, "y" if number == 0 else f"y{number + 1}"]
        np.testing.assert_array_equal(drawn, run.term(name))
    for name in terms:
        assert any(term_label(name) in text for text in texts(fig)), name
    assert fig.layout.yaxis.type == "log"
    assert fig.layout.yaxis6.ticktext[-1].endswith(" %")
    assert loss_figure([run], log=False).layout.yaxis.type is None
    assert "step" in (fig.layout.xaxis5.title.text, fig.layout.xaxis6.title.text)


def test_titles_state_the_finding(runs: list[RunCurves], alone: RunCurves) -> None:
    one = runs[0]
    start, end = one.values[one.terms.index("retrieval")][[0, -1]]
    assert loss_finding([one]) == (
        f"Retrieval loss went from {short_number(start)} to {short_number(end)} in 3,000 steps"
    )
    assert loss_finding([alone]).startswith("Task loss went from")
    rising = replace(one, values=one.values[:, ::-1])
    assert "went from 0.0191 to 7.52" in loss_finding([rising])
    first = replace(one, steps=one.steps[:1], values=one.values[:, :1])
    assert loss_finding([first]).endswith("after 50 steps")
    both = loss_finding(runs)
    assert both.startswith("Retrieval loss after 2,000 steps: ")
    assert "in one, " in both
    assert both.endswith("in two")


def test_runs_are_told_apart_by_colour_dash_and_name(runs: list[RunCurves]) -> None:
    for dark, colors in ((False, LIGHT_RUNS), (True, DARK_RUNS)):
        fig = loss_figure(runs, dark=dark)
        styles = {(t.name, t.line.color, t.line.dash) for t in fig.data}
        assert styles == {("one", colors[0], DASHES[0]), ("two", colors[1], DASHES[1])}
        assert [t.name for t in fig.data if t.showlegend] == ["one", "two"]
        assert min(contrast(color, ink(dark).paper) for color in colors) >= 4.5
    assert not any(t.showlegend for t in loss_figure(runs[:1]).data)


def test_stages_are_marked_and_named(runs: list[RunCurves]) -> None:
    fig = loss_figure(runs[:1])
    assert {shape.x0 for shape in fig.layout.shapes} == {1000}
    assert len(fig.layout.shapes) == 6
    assert texts(fig).count("priming") == texts(fig).count("fine tuning") == 2
    assert [stage_at(runs[0].stages, step) for step in (1, 1000, 1001, 3001)] == [
        "priming",
        "priming",
        "fine_tuning",
        "",
    ]
    short = replace(runs[0], steps=runs[0].steps // 50)
    assert not loss_figure([short]).layout.shapes


def test_slots_keep_their_colour_and_symbol(runs: list[RunCurves]) -> None:
    fig = slot_accuracy_figure(runs[:1], slot=2)
    by_label = {t.name: t for t in fig.data}
    assert fig.data[-1].name == "◆ 3"  # on top
    assert by_label["◆ 3"].line.width > by_label["■ 2"].line.width
    for slot, label in enumerate(("● 1", "■ 2", "◆ 3", "✚ 4", "✕ 5")):
        trace = by_label[label]
        assert (trace.line.color, trace.marker.symbol) == (slot_color(slot), slot_marker(slot))
        np.testing.assert_array_equal(np.asarray(trace.y), runs[0].retrieval[:, slot])
    two = slot_accuracy_figure(runs)
    assert len(two.data) == 10
    assert sum(bool(t.showlegend) for t in two.data) == 5
    assert {"one", "two"} <= set(texts(two))
    assert "(slot 5) to over 99 % (slot 1) of the tokens" in slot_accuracy_finding(runs[0])
    same = replace(runs[0], retrieval=np.full((60, 5), 0.5))
    assert slot_accuracy_finding(same) == (
        "All 5 slots are read back alike after 3,000 steps: 50 % of tokens"
    )


def test_words_and_tables_agree_with_the_pictures(runs: list[RunCurves]) -> None:
    run = runs[0]
    first = short_number(run.values[run.terms.index("retrieval")][0])
    assert f"one, retrieval loss: {first} at step 50, " in loss_alt([run])
    assert "slot 5 95 %" in slot_accuracy_alt([run])
    table = loss_table(runs)
    assert len(table) == 60 + 40
    assert table[0]["stage"] == "priming"
    assert table[0]["task"] is None
    assert table[59]["retrieval"] == run.values[run.terms.index("retrieval")][-1]
    shares = slot_accuracy_table([run])[-1]
    assert shares["slot 2"] == run.retrieval[-1, 1]
    assert shares["mean"] == pytest.approx(run.retrieval[-1].mean())
    assert speed_table([run])[-1]["tokens so far"] == 3000 * 16 * 5 * 21
    assert "100 instances" in speed_alt([run])
    json.dumps([table, shares], allow_nan=False)


def test_what_cannot_be_drawn_says_why(alone: RunCurves, runs: list[RunCurves]) -> None:
    with pytest.raises(NotApplicable, match="N = 1"):
        slot_accuracy_figure([alone])
    none = replace(alone, steps=alone.steps[:0], values=alone.values[:, :0])
    for draw in (loss_figure, slot_accuracy_figure, speed_figure):
        with pytest.raises(NotApplicable, match="nothing was logged yet"):
            draw([none])
        with pytest.raises(NotApplicable, match="0 runs"):
            draw([])
    with pytest.raises(NotApplicable, match="5 runs"):
        loss_figure([*runs, *runs, alone])
    with pytest.raises(NotApplicable, match="no losses"):
        loss_figure([replace(alone, terms=(), values=alone.values[:0])])
    slow = replace(alone, instances_per_s=alone.steps * np.nan, tokens_per_s=alone.steps * np.nan)
    with pytest.raises(NotApplicable, match="no speed"):
        speed_figure([slow])
    assert slot_accuracy_alt([alone]) == ""
    assert slot_accuracy_table([alone]) == []


def test_a_loss_of_zero_or_less_gets_a_linear_axis(alone: RunCurves) -> None:
    values = alone.values.copy()
    values[0, 3] = 0.0
    fig = loss_figure([replace(alone, values=values)])
    first = list(loss_terms([alone])).index(alone.terms[0])
    assert fig.layout["yaxis" if first == 0 else f"yaxis{first + 1}"].type is None


def test_names_are_shown_as_text(runs: list[RunCurves]) -> None:
    evil = replace(
        runs[0],
        name=NASTY,
        terms=tuple(f"{t}{NASTY}" for t in runs[0].terms),
        stages=tuple(replace(s, name=NASTY) for s in runs[0].stages),
    )
    for fig in (loss_figure([evil, runs[1]]), slot_accuracy_figure([evil, runs[1]])):
        drawn = json.dumps(fig.to_plotly_json(), default=str)
        assert "<b>x" not in drawn
        assert "$y" not in drawn
    assert NASTY in loss_alt([evil])


def test_long_curves_are_means_of_equally_many_rows() -> None:
    steps = np.arange(1, 2501) * 10
    values = np.where(steps % 20 == 0, np.nan, steps.astype(float))
    x, y, each = thinned(steps, values)
    assert each == math.ceil(2500 / MOST_POINTS)
    assert len(x) == len(y) <= MOST_POINTS
    assert x[-1] == 25000
    assert y[0] == pytest.approx(np.nanmean(values[:each]))
    short, same, one = thinned(steps[:9], values[:9])
    assert one == 1
    assert short is not None
    assert same is not None


@pytest.mark.parametrize(
    ("low", "high"), [(0.02, 8.5), (0.25, 0.7), (0.5, 0.51), (1e-6, 1e3), (3.0, 3.0)]
)
def test_logarithmic_ticks_lie_inside(low: float, high: float) -> None:
    ticks = log_ticks(np.array([low, high]))
    assert 2 <= len(ticks) <= 6
    assert all(low * 0.9 <= tick <= high * 1.1 for tick in ticks)


def test_numbers_are_short() -> None:
    values = (8.5, 0.0213, 0.00012, 1240.0, 0.0, math.nan, math.inf)
    assert [short_number(v) for v in values] == [
        "8.50",
        "0.0213",
        "1.2e−4",
        "1,240",
        "0.00",
        "n/a",
        "infinite",
    ]
    assert is_share("task_accuracy")
    assert term_label("my_new_term") == "My new term"


def test_reading_and_drawing_as_the_page_says(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", num=2)
    assert loss_figure([read_curves(str(folder), name="mine")]).data[0].name == "mine"


def test_a_target_is_drawn_dotted_beside_what_is_to_reach_it(runs: list[RunCurves]) -> None:
    rows = len(runs[0].steps)
    values = np.stack([np.linspace(0, 0.5, rows), np.full(rows, 0.5)])
    run = replace(runs[0], terms=("sparsity", "target_sparsity"), values=values)
    fig = loss_figure([run])
    assert loss_terms([run]) == ("sparsity",)
    assert [trace.line.dash for trace in fig.data[:2]] == [DASHES[0], "dot"]
    assert fig.data[1].y[-1] == 0.5
    assert "50 %" in fig.layout.yaxis.ticktext
    assert "share pruned away" in fig.layout.annotations[0].text.replace("<br>", " ")
