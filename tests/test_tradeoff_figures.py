"""Figures of the Trade-off page, the front, files from elsewhere and published numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import plotly.graph_objects as go
import pytest

from muxviz.errors import DataError, InputError, NotApplicable
from muxviz.figures.drawing.measured import KNOWN_N, color_of
from muxviz.figures.tradeoff import accuracy_speed as main_figures
from muxviz.figures.tradeoff import carried_and_copies as more_figures
from muxviz.figures.tradeoff import memory as memory_figures
from muxviz.figures.tradeoff import plans as plan_figures
from muxviz.figures.tradeoff import published as published_figures
from muxviz.figures.tradeoff import speed as speed_figures
from muxviz.figures.tradeoff.table import tradeoff_table
from muxviz.planning.traffic import plan_traffic
from muxviz.presets.published import HOWS, published
from muxviz.results.checked import read_run
from muxviz.results.measured import FILE, NOW, RECORDED, Measured, Timed, pareto_front
from muxviz.results.speed_settings import rows_of, settings_of
from muxviz.results.store import from_json, to_json
from muxviz.results.throughput import Plans, Traffic, benchmark_dict
from tests.planted_runs import HOSTILE, TASK, point, speed, speed_row, tradeoff

ASKED = Traffic(50.0, ((20.0, 1.0),), 900.0, 0.78)
RUNS = (
    Measured(RECORDED, tradeoff()),
    Measured(NOW, tradeoff(*(point(f"n{n}", n, 0.7, 33.0 * n) for n in (1, 3)), busy=True)),
    Measured(FILE, tradeoff(point("lone", 2, 0.8, 55.0, ratio_to_n1=None)), "lone.json"),
)
TIMED = Timed(RECORDED, speed())
Drawn = tuple[go.Figure, str, str, list[dict[str, Any]]]


# ---- the front ----------------------------------------------------------------------------------


def test_the_front_by_hand() -> None:
    """Slower and no better is beaten, and so is as fast and worse; equals are not."""
    assert pareto_front([(1, 0.9), (2, 0.9), (2, 0.8), (3, 0.7), (3, 0.7), (0.5, 0.95)]) == (
        5,
        1,
        3,
        4,
    )
    assert pareto_front([(1, 0.5)]) == (0,)
    assert pareto_front([]) == ()


def test_the_front_of_a_run_leaves_out_what_is_beaten_and_copies() -> None:
    line = fronts(main_figures.tradeoff_figure(RUNS[:1], task=TASK))
    assert [list(trace.x) for trace in line] == [[100, 180, 400, 700]]
    assert list(line[0].y) == [0.90, 0.88, 0.80, 0.75]
    assert line[0].line.shape == "vh"  # what is reached between two marks is the faster one


def test_precisions_have_fronts_of_their_own() -> None:
    half = [replace(p, dtype="bfloat16") for p in tradeoff().points]
    both = tradeoff(*tradeoff().points, *half)
    assert len(fronts(main_figures.tradeoff_figure([Measured(NOW, both)], task=TASK))) == 2


@pytest.mark.parametrize("x", ["rate", "ratio"])
def test_runs_never_share_a_trace(x: str) -> None:
    figure = main_figures.tradeoff_figure(RUNS, task=TASK, x=x)
    rates = [
        {
            p.instances_per_s.median if x == "rate" else p.ratio_to_n1 and p.ratio_to_n1.median
            for p in one.run.points
        }
        for one in RUNS
    ]
    for trace in drawn(figure):
        assert sum(set(trace.x) <= own for own in rates) >= 1, trace
    symbols = {str(trace.marker.symbol) for trace in drawn(figure) if "markers" in trace.mode}
    assert symbols == {"circle", "diamond-open-dot"} | ({"square"} if x == "rate" else set())
    copies = more_figures.copies_curve([RUNS[0], replace(RUNS[0], kind=NOW)], task=TASK)
    assert [str(t.marker.symbol) for t in drawn(copies)] == ["circle", "diamond"]


def test_numbers_given_are_numbers_drawn() -> None:
    marks = drawn(main_figures.tradeoff_figure(RUNS[:1], task=TASK))[-1]
    first = RUNS[0].run.points[0]
    assert marks.x[0] - marks.error_x.arrayminus[0] == pytest.approx(first.instances_per_s.q1)
    assert marks.y[0] + marks.error_y.array[0] == pytest.approx(first.accuracy.high)
    assert "87.0 to 93.0 %" in marks.hovertext[0]  # the interval over rows
    assert marks.text == ("1", "2", "5", "5", "10")
    row = tradeoff_table(RUNS)[5]
    assert (row["copies"], row["instances/s"], row["mean"]) == (5, 80, 0.84)
    curve = drawn(more_figures.copies_curve(RUNS[:1], task=TASK))[0]
    assert list(curve.x) == [400, 80]
    (setting, _) = settings_of(TIMED.run)
    lines = [t for t in speed_figures.latency_figure(TIMED, setting).data if t.mode != "markers"]
    assert list(lines[0].y) == [9.0, 16.0]
    assert list(lines[1].y) == pytest.approx([1000 / 9, 8000 / 16])


def test_findings_say_what_was_planted() -> None:
    find = main_figures.tradeoff_finding
    assert find(RUNS, task=TASK) == (
        "N = 10 is 7.0 times as fast as N = 1 and loses 15.0 points of accuracy (ten)"
    )
    assert "no N = 1 to compare with" in find(RUNS[2:], task=TASK)
    slow = Measured(NOW, tradeoff(point("plain", 1, 0.9, 100), point("two", 2, 0.8, 90)))
    assert find([slow], task=TASK).startswith("N = 1 is not beaten")
    even = Measured(NOW, tradeoff(point("plain", 1, 0.9, 100), point("two", 2, 0.9, 150)))
    assert "answers as many right" in find([even], task=TASK)
    (real, random) = settings_of(TIMED.run)
    assert "N = 5 takes 1.25 times as long" in speed_figures.latency_finding(TIMED, real)
    assert rows_of(TIMED.run, random)[-1].contender == "transformers"
    assert "5 copies of a text add 4.0 points" in more_figures.copies_finding(RUNS, task=TASK)
    assert "80.0 bits at N = 10" in more_figures.carried_finding(RUNS)
    serving = plan_figures.plans_finding(plans())
    assert serving.startswith("Use plain (N = 1) at batch")
    assert "Nothing measured serves" in plan_figures.plans_finding(plans(accuracy=0.99))


# ---- states -------------------------------------------------------------------------------------


def test_a_busy_machine_is_hollow_and_said() -> None:
    for figure in (
        main_figures.tradeoff_figure([RUNS[1]], task=TASK),
        speed_figures.latency_figure(Timed(NOW, speed(busy=True)), settings_of(TIMED.run)[0]),
    ):
        assert any("open-dot" in str(t.marker.symbol) for t in figure.data)
        assert "2.3 other processors were busy" in words_of(figure)
    assert "busy" not in words_of(main_figures.tradeoff_figure(RUNS[:1], task=TASK))


def test_runs_over_other_rows_are_told_apart() -> None:
    other = Measured(NOW, tradeoff(data="pool"))
    figure = main_figures.tradeoff_figure([RUNS[0], other], task=TASK)
    assert "different rows (rows.tsv and pool)" in words_of(figure)


def test_what_cannot_be_drawn_says_why() -> None:
    with pytest.raises(NotApplicable, match="no run has a point"):
        main_figures.tradeoff_figure([], task=TASK)
    with pytest.raises(NotApplicable, match="no N = 1|N = 1 checkpoint"):
        main_figures.tradeoff_figure(RUNS[2:], task=TASK, x="ratio")
    with pytest.raises(InputError, match="choose one of rate"):
        main_figures.tradeoff_figure(RUNS, task=TASK, x="z")
    with pytest.raises(NotApplicable, match="bits per vector"):
        more_figures.carried_figure(RUNS[1:])
    with pytest.raises(NotApplicable, match="several copies"):
        more_figures.copies_curve(RUNS[1:], task=TASK)
    with pytest.raises(NotApplicable, match="both a ratio"):
        published_figures.published_figure([])
    with pytest.raises(NotApplicable, match="no setting"):
        plan_figures.plans_figure(Plans(ASKED, (), ()))
    with pytest.raises(NotApplicable, match="nothing of this kind"):
        speed_figures.latency_figure(
            Timed(NOW, speed(speed_row("a", 1, 1, 9.0))), settings_of(TIMED.run)[1]
        )


def test_memory_that_nobody_measured_is_said() -> None:
    setting = settings_of(TIMED.run)[0]
    figure = memory_figures.memory_figure(TIMED, setting)
    assert "not measured" in words_of(figure)
    assert "N = 5 · five: not measured" in memory_figures.memory_alt(TIMED, setting)
    alone = Timed(NOW, speed(speed_row("a", 3, 1, 9.0, peak_mib=None)))
    assert "not measured" in memory_figures.memory_finding(alone, settings_of(alone.run)[0])


def test_every_figure_bears_its_finding_is_small_and_has_words_and_a_table() -> None:
    for figure, finding, alt, table in everything():
        title = figure.layout.title.text.replace("<br>", " ").replace("&lt;", "<")
        assert title.rstrip("…") in finding.replace("  ", " ")
        assert alt.startswith(finding)
        assert table
        assert len(figure.to_json()) < 1_000_000
        assert "nan" not in alt.lower()
        assert all(not isinstance(v, float) or v == v for row in table for v in row.values())


def test_text_is_shown_as_text() -> None:
    run = tradeoff(
        point(HOSTILE, 1, 0.9, 100, dtype=HOSTILE, bits_per_vector=9.0),
        point(HOSTILE, 2, 0.8, 190, dtype=HOSTILE, bits_per_vector=9.0),
        point(HOSTILE, 2, 0.8, 180, dtype=HOSTILE, copies=2),
        data=HOSTILE,
    )
    timed = Timed(NOW, speed(speed_row(HOSTILE, 1, 1, 9.0, contender=HOSTILE, dtype=HOSTILE)))
    for figure, _, _, _ in everything((Measured(FILE, run, HOSTILE), RUNS[0]), timed):
        text = json.dumps(figure.to_plotly_json(), default=str)
        assert "<b>big" not in text
        assert "$x$" not in text


def test_numbers_of_slots_have_colours_of_their_own() -> None:
    assert len({color_of(n) for n in (1, *KNOWN_N[:5])}) == 6
    assert color_of(7).startswith("#")


# ---- published ----------------------------------------------------------------------------------


def test_published_numbers_by_hand() -> None:
    found = {(p.source, p.model, p.task, p.ratio): p for p in published()}
    assert found["MUX-PLM", "T-MUX", "GLUE mean", 1.9].score == 60.4
    assert found["DataMUX", "T-MUX, Hadamard", "MNLI", 18.3].how == "figure"
    assert found["CoFi", "CoFi", "SST-2", 12.2].score == 90.4
    assert found["CoFi", "CoFi", "SST-2", 12.2].sparsity == 0.945
    assert [(p.ratio, p.score, p.task) for p in published() if p.source == "PruMUX"] == [
        (7.5, 80.0, "not named"),
        (29.5, 74.0, "not named"),
    ]
    (unsure,) = [p for p in published() if p.model == "MUX-BERT"]
    assert math.isnan(unsure.ratio), "its speed-up could not be confirmed"


def test_every_published_number_has_a_source() -> None:
    for p in published():
        assert p.url.startswith("https://")
        assert p.how in HOWS
        assert p.score is None or 0 < p.score <= 100
        assert math.isnan(p.ratio) or 0 < p.ratio < 50


def test_published_numbers_are_hollow_and_alone() -> None:
    figure = published_figures.published_figure(published())
    for trace in figure.data:
        assert all("open" in symbol for symbol in trace.marker.symbol)
    hovers = [h for t in figure.data for h in t.hovertext or ()]
    assert any("read off figure" in h and "https://" in h for h in hovers)
    assert len(published_figures.published_table(published())) == len(published())
    for one in (main_figures.tradeoff_figure(RUNS, task=TASK),):
        assert "https://" not in one.to_json()
        assert not any("MUX" in (t.name or "") for t in one.data)


# ---- files from elsewhere -----------------------------------------------------------------------


def test_runs_come_back_from_their_files() -> None:
    for run in (tradeoff(), speed()):
        assert read_run(to_json(run).encode(), "run.json") == run
        assert from_json(to_json(run)) == run
    assert read_run(json.dumps(benchmark_dict(speed())), "bench.json") == speed()


def spoilt(path: str, value: Any, run: Any) -> str:
    """A run's JSON with one value changed."""
    raw = json.loads(to_json(run))
    at = raw["value"]
    *way, last = path.split(".")
    for key in way:
        at = at[int(key) if key.isdecimal() else key]
    at[last] = value
    return json.dumps(raw)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty; expected the JSON of `muxviz bench`"),
        ("[" * 9000, "nested deeper than 64"),
        ('{"format": 1, "value": {"named": 3}}', "no result that muxviz recorded"),
        ('{"machine": 3, "results": []}', "a part is 3; expected a Machine"),
        (to_json(ASKED), "holds a Traffic"),
        (spoilt("rounds", "many", tradeoff()), "TradeoffRun.rounds is 'many'"),
        (spoilt("points", "none", tradeoff()), "TradeoffRun.points"),
        (spoilt("points.0.accuracy.mean", 7, tradeoff()), "accuracy: 0 to 1"),
        (spoilt("points.0.instances_per_s.q1", 0, tradeoff()), "quartiles from 1e-09"),
        (spoilt("points.1.n", 0, tradeoff()), "from 1"),
        (spoilt("points.1.n", True, tradeoff()), "whole number"),
        (spoilt("machine.load", "Infinity", tradeoff()), "finite number"),
        (spoilt("machine", None, speed()), "expected a Machine"),
        (spoilt("results.0.pass_p95_ms", -1, speed()), "above 0"),
        (spoilt("results.0.shape", "x" * 9999, speed()), "text of at most"),
    ],
)
def test_other_files_are_refused_with_a_reason(content: str, words: str) -> None:
    with pytest.raises(DataError, match="run.json") as caught:
        read_run(content, "run.json")
    assert words in str(caught.value)


def test_a_huge_file_is_not_read() -> None:
    with pytest.raises(DataError, match="9 MB"):
        read_run(b" " * 9_000_000, "run.json")


# ---- helpers ------------------------------------------------------------------------------------


def drawn(figure: go.Figure) -> list[Any]:
    """Traces with points; those that stand in the legend alone have none."""
    return [t for t in figure.data if t.x is not None and t.x[0] is not None]


def fronts(figure: go.Figure) -> list[Any]:
    return [t for t in drawn(figure) if t.mode == "lines"]


def words_of(figure: go.Figure) -> str:
    return " ".join(a.text for a in figure.layout.annotations)


def plans(**changes: Any) -> Plans:
    return plan_traffic(replace(ASKED, **changes), tradeoff(), speed())


def everything(runs: tuple[Measured, ...] = RUNS, timed: Timed = TIMED) -> Iterator[Drawn]:
    """Figure, finding, alternative text and table of all that can be drawn, dark too."""
    f, m, s = main_figures, more_figures, speed_figures
    for dark in (False, True):
        for some in (runs, runs[:1]):
            for x in ("rate",) if dark else ("rate", "ratio"):
                yield (
                    f.tradeoff_figure(some, task=TASK, x=x, dark=dark),
                    f.tradeoff_finding(some, task=TASK, x=x),
                    f.tradeoff_alt(some, task=TASK, x=x),
                    tradeoff_table(some),
                )
        yield (
            m.carried_figure(runs, dark=dark),
            m.carried_finding(runs),
            m.carried_alt(runs),
            m.carried_table(runs),
        )
        yield (
            m.copies_curve(runs, task=TASK, dark=dark),
            m.copies_finding(runs, task=TASK),
            m.copies_alt(runs, task=TASK),
            m.copies_table(runs, task=TASK),
        )
        for setting in settings_of(timed.run)[: 1 if dark else None]:
            yield (
                s.latency_figure(timed, setting, dark=dark),
                s.latency_finding(timed, setting),
                s.latency_alt(timed, setting),
                s.latency_table(timed),
            )
            yield (
                memory_figures.memory_figure(timed, setting, dark=dark),
                memory_figures.memory_finding(timed, setting),
                memory_figures.memory_alt(timed, setting),
                memory_figures.memory_table(timed, setting),
            )
        for latency_ms in (0.1,) if dark else (900.0, 0.1):
            found = plan_traffic(replace(ASKED, latency_ms=latency_ms), runs[0].run, timed.run)
            yield (
                plan_figures.plans_figure(found, dark=dark),
                plan_figures.plans_finding(found),
                plan_figures.plans_alt(found),
                plan_figures.plans_table(found),
            )
    yield (
        published_figures.published_figure(published(), dark=True),
        published_figures.published_finding(published()),
        published_figures.published_alt(published()),
        published_figures.published_table(published()),
    )


def test_one_point_is_a_picture_too() -> None:
    one = (Measured(NOW, tradeoff(point("lone", 2, 0.8, 55.0, bits_per_vector=3.0))),)
    figure = main_figures.tradeoff_figure(one, task=TASK)
    assert not fronts(figure)
    assert drawn(more_figures.carried_figure(one))
    timed = Timed(NOW, speed(speed_row("lone", 2, 4, 9.0)))
    assert speed_figures.latency_figure(timed, settings_of(timed.run)[0]).data


def test_a_smaller_model_that_does_as_well_is_named() -> None:
    """A pruned N = 1 model beats N = 2 and not N = 5; it is not what ratios are against."""
    run = tradeoff(
        point("plain", 1, 0.90, 100),
        point("pruned", 1, 0.885, 200, sparsity=0.6),
        point("two", 2, 0.88, 180),
        point("five", 5, 0.88, 400),
        point("five", 5, 0.89, 50, copies=5),
    )
    held = [Measured(RECORDED, run)]
    assert main_figures.rivals_finding(held, task=TASK) == (
        "By medians and means matched or beaten at one text a pass: two (float32, order: 180 "
        "texts/s, 88.0 % right) by pruned (float32, order: 200 texts/s, 88.5 % right)"
    )
    assert "N = 5 is 4.0 times as fast as N = 1" in main_figures.tradeoff_finding(held, task=TASK)
    assert "matched or beaten at one text a pass" in main_figures.tradeoff_alt(held, task=TASK)
    alone = [Measured(RECORDED, tradeoff(run.points[0], run.points[3]))]
    assert main_figures.rivals_finding(alone, task=TASK).startswith("No N = 1 model of this run")
    mixed_only = [Measured(RECORDED, tradeoff(run.points[3]))]
    assert main_figures.rivals_finding(mixed_only, task=TASK) == ""
