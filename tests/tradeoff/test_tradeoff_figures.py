"""Figures of the Trade-off page, the front, files from elsewhere and published numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from muxviz.errors import DataError, InputError, NotApplicable
from muxviz.figures.drawing.labels import box_of, touch
from muxviz.figures.drawing.measured import KNOWN_N, color_of
from muxviz.figures.tradeoff import accuracy_speed as main_figures
from muxviz.figures.tradeoff import carried_and_copies as more_figures
from muxviz.figures.tradeoff import memory as memory_figures
from muxviz.figures.tradeoff import plans as plan_figures
from muxviz.figures.tradeoff import published as published_figures
from muxviz.figures.tradeoff import speed as speed_figures
from muxviz.figures.tradeoff.table import tradeoff_table
from muxviz.figures.tradeoff.words import goals_finding, rivals_finding
from muxviz.planning.traffic import plan_traffic
from muxviz.presets.published import HOWS, published
from muxviz.results.checked import read_run
from muxviz.results.contenders import contenders_of, planned
from muxviz.results.escalation import EscalationBench
from muxviz.results.measured import (
    FILE,
    NOW,
    RECORDED,
    Escalated,
    Measured,
    Timed,
    pareto_front,
)
from muxviz.results.speed_settings import rows_of, settings_of
from muxviz.results.store import from_json, to_json
from muxviz.results.throughput import Plans, Traffic, benchmark_dict
from tests.model.planted_runs import (
    HOSTILE,
    TASK,
    around,
    escalation,
    point,
    speed,
    speed_row,
    tradeoff,
)

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
    assert line[0].line.shape is None, "no stairs"


def test_precisions_share_a_front_by_speed_and_have_their_own_by_ratio() -> None:
    """A ratio is to N = 1 of the same precision, so ratios of two precisions do not compare."""
    half = [
        replace(p, dtype="int8", instances_per_s=around(2 * p.instances_per_s.median))
        for p in tradeoff().points
    ]
    both = [Measured(NOW, tradeoff(*tradeoff().points, *half))]
    (line,) = fronts(main_figures.tradeoff_figure(both, task=TASK))
    assert list(line.x) == [200, 360, 800, 1400]
    assert len(fronts(main_figures.tradeoff_figure(both, task=TASK, x="ratio"))) == 2


def test_chains_that_ask_again_stand_on_the_front_they_earn() -> None:
    """By hand: n1, the rival, n5+n1@0.2, n5+n1 in int8, n5; n5+n1@0.1 and n1-s95 are beaten."""
    both = [RUNS[0], Escalated(RECORDED, escalation())]
    own, chains = fronts(main_figures.tradeoff_figure(both, task=TASK))
    assert list(own.x) == [100, 180, 400, 700], "runs are not joined"
    assert list(chains.x) == [100, 250, 300, 500, 600]
    found = contenders_of(both, TASK)
    by_name = {one.name: one for one in found}
    assert by_name["n5+n1@0.2"].tag == "5→1 20 %"
    assert by_name["n1-s95+n1@0.2"].features == {"pruned", "escalated"}
    assert by_name["n5:int8+n1:int8@0.2"].features == {"multiplexed", "int8", "escalated"}
    assert goals_finding(both) == (
        "87 % at 3 times N = 1: met by n5+n1@0.2 (88 %); 89 % at 2 times N = 1: missed by "
        "n5+n1@0.2 (88 %), and the rival n1-s95+n1@0.2 does better (88 %); 87 % at 30 times N = 1: "
        "no multiplexed chain is so fast"
    )


def test_what_is_hidden_leaves_the_front() -> None:
    both = [RUNS[0], Escalated(RECORDED, escalation())]
    hidden = ("escalated", "multiplexed")
    (line,) = fronts(main_figures.tradeoff_figure(both, task=TASK, hidden=hidden))
    assert list(line.x) == [100, 400], "n1 and n1-s95"
    assert {one.n for one in contenders_of(both, TASK, hidden=hidden)} == {1}
    with pytest.raises(NotApplicable, match="everything is hidden"):
        main_figures.tradeoff_figure(both, task=TASK, device="no such")


@pytest.mark.parametrize("is_narrow", [False, True])
def test_labels_touch_neither_each_other_nor_a_mark(is_narrow: bool) -> None:
    """Sixty marks in a heap: those that are named have room, measured at the narrowest width."""
    rng = np.random.default_rng(0)
    many = [
        point(
            f"m{at}", (1, 2, 5, 10)[at % 4], *map(float, values), dtype=("float32", "int8")[at % 2]
        )
        for at, values in enumerate(
            zip(0.8 + 0.05 * rng.random(60), 100 * 2 ** (3 * rng.random(60)), strict=True)
        )
    ]
    figure = main_figures.tradeoff_figure(
        [Measured(RECORDED, tradeoff(*many))], task=TASK, is_narrow=is_narrow
    )
    size = main_figures.NARROW_PLOT if is_narrow else main_figures.PLOT
    across, up = figure.layout.xaxis.range, figure.layout.yaxis.range

    def spot(x: float, y: float) -> tuple[float, float]:
        right = (x - across[0]) / (across[1] - across[0])
        return right * size[0], (up[1] - y) / (up[1] - up[0]) * size[1]

    notes = [note for note in figure.layout.annotations if note.name == "label"]
    boxes = [box_of(spot(n.x, n.y), (n.xshift, -n.yshift), n.text) for n in notes]
    assert len(boxes) >= (2 if is_narrow else 4)
    for at, one in enumerate(boxes):
        assert not any(touch(one, other) for other in boxes[:at])
        assert one[0] >= 0
        assert one[2] <= size[0]
        for p in many:
            x, y = spot(math.log10(p.instances_per_s.median), p.accuracy.mean)
            assert not touch(one, (x - 5, y - 5, x + 5, y + 5)), p.checkpoint


def test_the_choice_has_a_ring_and_a_reason() -> None:
    found = plans(requests_per_s=300.0, accuracy=0.78)
    best = found.plans[0]
    mark = planned(contenders_of(RUNS[:1], TASK), RUNS[0].label, best)
    assert mark is not None
    assert mark.name == best.checkpoint
    ring = drawn(main_figures.tradeoff_figure(RUNS[:1], task=TASK, chosen=mark.key))[-1]
    assert (list(ring.x), list(ring.y)) == ([mark.rate.median], [best.accuracy])
    said = plan_figures.plans_reason(found)
    assert said.startswith(plan_figures.plans_finding(found))
    assert "fewest machines" in said or "fewer machines" in said
    unsure = plan_figures.plans_finding(plans(accuracy=0.90))
    assert unsure.startswith("No setting serves surely; likeliest is plain"), "half a chance"
    assert planned(contenders_of(RUNS[1:], TASK), RUNS[0].label, best) is None
    few = Plans(ASKED, tuple(p for p in found.plans if p is best), ())
    assert plan_figures.plans_reason(few).endswith("no other checkpoint or precision is so sure")


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
    marks = [trace.marker.symbol for trace in drawn(figure) if "markers" in trace.mode]
    symbols = {str(symbol) for several in marks for symbol in several}
    assert symbols == {"circle", "diamond-open-dot"} | ({"square"} if x == "rate" else set())
    copies = more_figures.copies_curve([RUNS[0], replace(RUNS[0], kind=NOW)], task=TASK)
    assert [str(t.marker.symbol) for t in drawn(copies)] == ["circle", "diamond"]


def test_numbers_given_are_numbers_drawn() -> None:
    marks = drawn(main_figures.tradeoff_figure(RUNS[:1], task=TASK))[-1]
    first = RUNS[0].run.points[0]
    assert marks.x[0] - marks.error_x.arrayminus[0] == pytest.approx(first.instances_per_s.q1)
    assert marks.y[0] + marks.error_y.array[0] == pytest.approx(first.accuracy.high)
    assert "87.0 to 93.0 %" in marks.hovertext[0]  # the interval over rows
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
    read = read_run(to_json(escalation()), "chains.json")
    assert isinstance(read, EscalationBench)
    assert (read.results, read.verdicts[:2]) == (escalation().results, escalation().verdicts[:2])
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
        (spoilt("results.0.accuracy.mean", 7, escalation()), "accuracy: 0 to 1"),
        (spoilt("results.0.kind", "mine", escalation()), "kind: one of alone, multiplexed, rival"),
        (spoilt("results.0.ratio.q1", 0, escalation()), "ratio: quartiles"),
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
    assert rivals_finding(held, task=TASK) == (
        "By medians and means matched or beaten at one text a pass: two (float32, order: 180 "
        "texts/s, 88.0 % right) by pruned (float32, order: 200 texts/s, 88.5 % right)"
    )
    assert "N = 5 is 4.0 times as fast as N = 1" in main_figures.tradeoff_finding(held, task=TASK)
    assert "matched or beaten at one text a pass" in main_figures.tradeoff_alt(held, task=TASK)
    alone = [Measured(RECORDED, tradeoff(run.points[0], run.points[3]))]
    assert rivals_finding(alone, task=TASK).startswith("No N = 1 model of this run")
    mixed_only = [Measured(RECORDED, tradeoff(run.points[3]))]
    assert rivals_finding(mixed_only, task=TASK) == ""
