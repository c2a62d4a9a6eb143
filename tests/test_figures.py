"""Figures draw the numbers they are given, in words too, and show text as text."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from muxviz.errors import InputError, NotApplicable
from muxviz.figures.drawing.cells import LINE_ROOM, place_cells, strip_figure
from muxviz.figures.drawing.export import figure_config, rows_to_csv, to_html
from muxviz.figures.drawing.ink import contrast, ink, text_on
from muxviz.figures.drawing.scales import color_at, sequential
from muxviz.figures.drawing.slots import (
    SLOT_COLORS,
    slot_color,
    slot_label,
    slot_outline,
    slot_symbol,
)
from muxviz.figures.drawing.strips import token_strip_alt, token_strip_figure, token_strip_table
from muxviz.figures.drawing.wording import plain
from muxviz.figures.mix.answers import replaced_strip_figure, tag_strip_figure, tags_words
from muxviz.figures.mix.braid import braid_figure
from muxviz.figures.mix.braid_geometry import SMALLEST, braid_geometry
from muxviz.figures.mix.braid_stack import braid_stack_figure
from muxviz.figures.mix.braid_words import braid_alt, braid_finding, braid_table
from muxviz.figures.mix.leak import leak_alt, leak_figure, leak_table
from muxviz.figures.mix.timing import timing_alt, timing_figure, timing_finding
from muxviz.results import (
    GroupResult,
    LabelAnswer,
    Leak,
    Provenance,
    ReplacedAnswer,
    SlotResult,
    TagAnswer,
    Timing,
    TokenReading,
)
from muxviz.results.answers import parts_alike

NASTY = '<b>bold</b> <a href="javascript:alert(1)">x</a> & $x^2$'
HOW = Provenance(
    checkpoint="m",
    fingerprint="abc",
    num_instances=5,
    device="cpu",
    dtype="float32",
    padding="group",
    length=9,
    fill="repeat",
    seed=0,
    threads=1,
    versions=("muxviz 0",),
    measured="2026-01-01T00:00:00Z",
)


def reading(right: int, wrong: int) -> TokenReading:
    count = right + wrong
    return TokenReading(
        tokens=("[CLS]", *(f"w{i}" for i in range(count)), "[SEP]"),
        read=("[CLS]", *(f"w{i}" if i < right else "zz" for i in range(count)), "[SEP]"),
        true_log_prob=np.array([-0.1, *([-0.2] * right), *([-5.0] * wrong), -0.1]),
        read_log_prob=np.full(count + 2, -0.1),
        rank=np.array([0, *([0] * right), *([3] * wrong), 0]),
        is_counted=np.array([False, *([True] * count), False]),
    )


def answer(label: str = "positive", probability: float = 0.83) -> LabelAnswer:
    index = int(label == "positive")
    probabilities = np.array([1 - probability, probability])
    return LabelAnswer(
        label, index, ("negative", "positive"), probabilities[:: 1 if index else -1], 1
    )


def leak_of(shares: np.ndarray, positions: int = 20) -> Leak:
    num = len(shares)
    counts = np.full(num, positions)
    return Leak(shares, counts, shares, counts, np.full_like(shares, np.nan), counts * 0, ())


def result(
    num: int = 5,
    *,
    shares: np.ndarray | None = None,
    fillers: int = 0,
    text: str = "a quiet film",
    has_leak: bool = True,
) -> GroupResult:
    if shares is None:
        shares = np.hstack([np.eye(num), np.zeros((num, 1))])
    slots = tuple(
        SlotResult(
            slot=i,
            text=text,
            pair=None,
            num_tokens=5,
            cut_text="",
            repeats=0 if i >= num - fillers else None,
            answer=answer(),
            alone=answer("negative" if i == 1 else "positive"),
            agrees=i != 1,
            reading=reading(round(20 * float(shares[i, i])), 20 - round(20 * float(shares[i, i])))
            if has_leak
            else None,
        )
        for i in range(num)
    )
    return GroupResult(
        slots, leak_of(shares) if has_leak else None, (), "one", 4, "sequence_classification", HOW
    )


LEAKY = np.array(
    [
        [0.75, 0.00, 0.22, 0.01, 0.00, 0.02],
        [0.00, 0.90, 0.00, 0.00, 0.10, 0.00],
        [0.05, 0.05, 0.80, 0.05, 0.05, 0.00],
        [0.00, 0.00, 0.00, 1.00, 0.00, 0.00],
        [0.10, 0.10, 0.10, 0.10, 0.50, 0.10],
    ]
)
OTHER = np.hstack([0.75 * np.eye(5), np.full((5, 1), 0.25)])
LOST = np.hstack([np.diag([1, 1, 0.95, 0.29, 0.17]), np.array([[0, 0, 0, 0.71, 0.83]]).T])
LOST[2, 0] = 0.05
ONE_LEAK = np.hstack([np.eye(5), np.zeros((5, 1))])
ONE_LEAK[0, [0, 2]] = 0.95, 0.05


def kept(given: GroupResult, *, margin: float = 1) -> GroupResult:
    """The same with every answer as alone, by this margin."""
    slots = (
        replace(s, answer=replace(answer(), margin=margin), alone=answer(), agrees=True)
        for s in given.slots
    )
    return replace(given, slots=tuple(slots))


def test_ribbons_are_as_wide_as_the_leak_matrix_says() -> None:
    geometry = braid_geometry(result(shares=LEAKY))
    drawn = {(r.slot, r.source): r for r in geometry.ribbons}
    for i in range(5):
        for j in range(5):
            share = LEAKY[i, j]
            if share < SMALLEST:
                assert (i, j) not in drawn
                continue
            ribbon = drawn[i, j]
            assert ribbon.stop[0] - ribbon.stop[1] == pytest.approx(share)
            top, bottom = geometry.lanes[i], geometry.lanes[i] - 1
            assert bottom - 1e-9 <= ribbon.stop[1] < ribbon.stop[0] <= top + 1e-9
            stripe_top, stripe_bottom = geometry.stripes[j, -1], geometry.stripes[j + 1, -1]
            assert stripe_bottom - 1e-9 <= ribbon.start[1] < ribbon.start[0] <= stripe_top + 1e-9
    assert geometry.omitted == 1
    rests = {r.slot: r.stop[0] - r.stop[1] for r in geometry.rests}
    for i in range(5):
        assert rests.get(i, 0.0) == pytest.approx(LEAKY[i, 5])
        widths = sum(r.stop[0] - r.stop[1] for r in geometry.ribbons if r.slot == i)
        thin = LEAKY[i, :5][LEAKY[i, :5] < SMALLEST].sum()
        assert widths + rests.get(i, 0.0) + thin == pytest.approx(1), "a lane is one wide"
    caption = next(a.text for a in braid_figure(result(shares=LEAKY)).layout.annotations[::-1])
    assert "One ribbon under 2 % of a lane left out." in caption
    own_tops = [drawn[i, i].stop[0] for i in range(5)]
    np.testing.assert_allclose(own_tops, geometry.lanes, err_msg="own tokens come first")


def test_equal_stripes_without_a_spectrum_and_its_heights_with_one() -> None:
    plain_heights = -np.diff(braid_geometry(result()).stripes, axis=0)
    np.testing.assert_allclose(plain_heights, plain_heights[0, 0])
    spectrum = np.tile([0.4, 0.1, 0.1, 0.1, 0.1], (5, 1))
    heights = -np.diff(braid_geometry(result(), spectrum=spectrum).stripes, axis=0)
    np.testing.assert_allclose(heights[0], 4 * heights[1])
    assert heights.sum(axis=0)[0] == pytest.approx(0.8 * plain_heights.sum(axis=0)[0])
    fig = braid_figure(result(), spectrum=spectrum)
    hovers = [t.text for t in fig.data if isinstance(t.text, str)]
    assert any("20 % in the mixture, 20 % at the end" in h for h in hovers)


@pytest.mark.parametrize(
    ("spectrum", "words"),
    [
        (np.full((4, 5), 0.1), r"shape \(4, 5\); expected \(5, 5\)"),
        (np.full((5, 5), 0.3), "above 1 in sum"),
        (np.full((5, 5), np.nan), "no numbers"),
    ],
)
def test_an_impossible_spectrum_is_refused(spectrum: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        braid_figure(result(), spectrum=spectrum)


def test_the_traces_draw_the_geometry() -> None:
    given = result(shares=LEAKY)
    geometry = braid_geometry(given)
    drawn = {t.text: t for t in braid_figure(given).data if isinstance(t.text, str)}
    trace = drawn["slot 3 → slot 1: 22 % (4.4 of 20 tokens)"]
    at_the_end = np.asarray(trace.y)[np.asarray(trace.x) == np.max(trace.x)]
    assert np.ptp(at_the_end) == pytest.approx(0.22, abs=1e-6)
    assert len([r for r in geometry.ribbons if r.source != r.slot]) == sum(
        "→" in words for words in drawn
    )


def test_layer_numbers_have_room() -> None:
    for layers in (1, 4, 6, 12, 24):
        fig = braid_figure(replace(result(), num_layers=layers))
        names = [a.text for a in fig.layout.annotations]
        assert {"mix", str(layers)} <= set(names)
        lines = [s for s in fig.layout.shapes if s.type == "line"]
        assert len(lines) == layers + 1
        places = sorted(
            a.x
            for a in fig.layout.annotations
            if a.text in {"mix", *map(str, range(1, 25))} and a.font.size is None  # the template's
        )
        assert min(np.diff(places)) > 0.4


def test_nothing_counted_is_not_drawn_as_lost() -> None:
    shares = LEAKY.copy()
    shares[2] = np.nan
    given = result(shares=LEAKY)
    assert given.leak is not None
    given = replace(given, leak=leak_of(shares))
    hovers = [t.text for t in braid_figure(given).data if isinstance(t.text, str)]
    assert "slot 3: no token to count" in hovers
    assert not any(h.startswith("slot 3, from no slot") for h in hovers)


@pytest.mark.parametrize("num", [1, 2, 5, 10, 12])
@pytest.mark.parametrize("dark", [False, True])
def test_the_braid_is_small_at_every_n(num: int, dark: bool) -> None:
    fig = braid_figure(result(num), dark=dark)
    text = fig.to_json()
    assert len(text) < 120 * 1024
    assert "bdata" in text, "arrays travel in binary"
    words = [a.text for a in fig.layout.annotations]
    assert sum("film" in w for w in words) == num
    assert [w for w in words if w in {f"<b>{i + 1}</b>" for i in range(num)}] == [
        f"<b>{i + 1}</b>" for i in range(num)
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            result(shares=LEAKY),
            "Multiplexing turned 1 of 5 answers; slot 5 lost 50 % of its tokens; slot 3 leaks most,"
            " into slot 1 (22 % of its tokens)",
        ),
        (result(), "Multiplexing turned 1 of 5 answers; all five sentences came back whole"),
        (result(has_leak=False), "Multiplexing turned 1 of 5 answers"),
        (result(shares=OTHER), "Multiplexing turned 1 of 5 answers; slot 1 lost 25 % of its"),
        (kept(result(shares=OTHER)), "Slot 1 lost 25 % of its tokens, none to a neighbour; every"),
        (kept(result(shares=LOST)), "Slot 5 lost 85 % of its tokens and slot 4 70 %; slot 1 leaks"),
        (kept(result(shares=ONE_LEAK)), "Slot 1 lost 5 % of its tokens, 5 % to slot 3; every"),
        (kept(result(2)), "Both sentences came back whole, and every answer is as alone"),
        (kept(result(2), margin=0.3), "Both sentences came back whole, and every answer is as alo"),
        (kept(result(2, has_leak=False)), "Every answer is as alone"),
        (result(1), "One sentence, one pass: nothing is multiplexed"),
        (result(5, fillers=4), "The sentence came back whole, and every answer is as alone"),
    ],
)
def test_the_title_is_the_finding(given: GroupResult, words: str) -> None:
    assert braid_finding(given).startswith(words)
    title = braid_figure(given).layout.title.text.replace("<br>", " ")
    assert title.startswith(plain(words)[:40])


def test_the_neighbours_are_blamed_without_an_n_1_baseline() -> None:
    given = replace(result(has_leak=False), baseline="all slots equal")
    assert braid_finding(given) == "The neighbours turned 1 of 5 answers"


def test_hover_table_and_alt_say_the_same() -> None:
    given = result(shares=LEAKY)
    hovers = [t.text for t in braid_figure(given).data if isinstance(t.text, str)]
    assert "slot 3 → slot 1: 22 % (4.4 of 20 tokens)" in hovers
    row = braid_table(given)[0]
    assert (row["largest leak from"], row["its share"]) == (3, pytest.approx(0.22))
    assert row["read back"] == pytest.approx(0.75)
    assert row["from"] < 0.75 < row["to"]
    alt = braid_alt(given)
    assert "75 % of 20 tokens read back" in alt
    assert "22 % from slot 3" in alt
    assert [row["answer"] for row in braid_table(given)] == [
        "as alone",
        "turned",
        *["as alone"] * 3,
    ]
    assert "turned: alone negative" in alt
    assert "10 % from no slot" in alt


@pytest.mark.parametrize("draw", [braid_figure, braid_stack_figure])
def test_the_capsule_shows_how_an_answer_stands(draw: Any) -> None:
    given = kept(result(4))
    slots = list(given.slots)
    slots[1] = result(4).slots[1]  # turned
    slots[2] = replace(slots[2], answer=replace(answer(), margin=0.4))
    slots[3] = replace(slots[3], alone=None, agrees=None)
    given = replace(given, slots=tuple(slots))
    drawn = {}
    for trace in draw(given).data:
        stands = re.search(r"<br>(as alone|turned|close to turning|not compared)", trace.text or "")
        if stands and trace.hoveron == "fills":
            drawn[stands[1]] = trace
    alpha = {
        name: float(t.fillcolor.split(",")[-1][:-1]) for name, t in drawn.items() if t.fillcolor
    }
    assert alpha["as alone"] > 0.8
    assert 0.1 < alpha["close to turning"] < 0.4
    assert alpha["not compared"] < 0.05
    assert drawn["not compared"].line.dash == "dot"
    assert drawn["turned"].fillpattern.shape == "\\"
    assert drawn["turned"].line.color == ink(False).warning
    assert "margin 0.40, under 0.5 logits" in drawn["close to turning"].text
    words = " ".join(a.text for a in draw(given).layout.annotations).replace("<br>", " ")
    assert "pale, close to turning (margin under 0.5 logits)" in words
    alt = braid_alt(given)
    assert "close to turning: margin 0.40, under 0.5" in alt
    assert [row["answer"] for row in braid_table(given)] == [
        "as alone",
        "turned",
        "close to turning",
        "not compared",
    ]


def tagged(tags: str, alone: str, tokens: str = "the dog ear ##ns", other: str = "") -> SlotResult:
    one, two = (
        TagAnswer(tuple(words.split()), tuple(said.split()), np.full(len(said.split()), 0.9))
        for words, said in ((tokens, tags), (other or tokens, alone))
    )
    alike = parts_alike(one, two)
    agrees = None if alike is None else alike[0] == alike[1]
    return replace(result(2).slots[0], answer=one, alone=two, agrees=agrees)


def test_tags_are_counted_and_not_sentences() -> None:
    one, two = tagged("DET NOUN VERB VERB", "DET NOUN VERB X"), tagged("A B C D", "A B C D")
    given = replace(result(2), slots=(one, replace(two, slot=1)))
    assert given.kept == (7, 8)
    assert braid_finding(given).startswith("Multiplexing changed 1 of 8 tags; both sentences")
    words = [a.text for a in braid_figure(given).layout.annotations]
    assert sum("<b>1 of 4 tags</b>" in w and "≠ alone" in w for w in words) == 1
    assert sum("<b>4 tags</b>" in w for w in words) == 1
    fig = tag_strip_figure(one)
    assert tags_words(one).startswith("1 of 4 tags differs from alone; mean probability")
    assert [h for h in fig.data[1].hovertext if "alone: X" in h]


@pytest.mark.parametrize(
    ("slot", "alike"),
    [
        (tagged("DET NOUN VERB X", "DET NOUN VERB", other="the dog earns"), (3, 3)),
        (tagged("DET NOUN VERB X", "DET NOUN", other="the dog"), (2, 2)),  # cut earlier
        (tagged("DET NOUN VERB X", "DET NOUN", other="the cat"), None),
    ],
)
def test_words_that_are_split_otherwise_are_put_together(
    slot: SlotResult, alike: tuple[int, int] | None
) -> None:
    assert slot.alike == alike


def test_a_cut_sentence_says_so_in_the_braid() -> None:
    first, *others = result(2).slots
    given = replace(result(2), slots=(replace(first, cut_text="and more"), *others))
    for draw in (braid_figure, braid_stack_figure):
        words = [a.text for a in draw(given).layout.annotations]
        assert sum("cut to 5 tokens" in w for w in words) == 1
    assert "cut to 5 tokens" in braid_alt(given)
    assert [row["cut to tokens"] for row in braid_table(given)] == [5, None]


def test_the_measured_band_is_said_and_blends_its_colours() -> None:
    spectrum = np.tile([0.3, 0.3, 0.1, 0.1, 0.0], (5, 1))
    spectrum[0] = 0.2
    given = result()
    colors = [
        [color for _, color in trace.fillgradient.colorscale]
        for trace in braid_figure(given, spectrum=spectrum).data
        if trace.fillgradient.colorscale and "share of the state" in (trace.text or "")
    ]
    assert len(colors) == 5
    pure = [c.rpartition(",")[0] for c in colors[0]]
    assert pure[1] == pure[0], "at the mixture nothing is of no single slot"
    assert pure[-2] != pure[0]
    assert "Band: 20 % of the state at the end" in braid_alt(given, spectrum=spectrum)
    row = braid_table(given, spectrum=spectrum)[2]
    assert (row["share of the mixture"], row["share at the end"]) == (0.2, 0.1)
    assert row["of no single slot, at the end"] == pytest.approx(0.2)


@pytest.mark.parametrize("dark", [False, True])
def test_the_stack_draws_the_same_lanes_for_a_narrow_page(dark: bool) -> None:
    given = result(shares=LEAKY)
    fig = braid_stack_figure(given, spectrum=np.full((5, 5), 0.18), dark=dark)
    assert fig.layout.title.text.replace("<br>", " ") == braid_finding(given)
    assert max(map(len, fig.layout.title.text.split("<br>"))) < 40
    leak = next(t for t in fig.data if t.text == "slot 3 → slot 1: 22 % (4.4 of 20 tokens)")
    assert np.ptp(leak.x) == pytest.approx(0.22, abs=1e-6)
    assert any(
        t.text == "of no single slot: 10 % in the mixture, 10 % at the end" for t in fig.data
    )
    assert {c[0] for t in fig.data if t.customdata is not None for c in t.customdata} == set(
        range(5)
    )
    assert json.loads(go.Figure(fig.to_plotly_json()).to_json()) == json.loads(fig.to_json())
    assert len(fig.to_json()) < 60 * 1024


def test_a_click_on_a_lane_tells_its_slot() -> None:
    fig = braid_figure(result(3, fillers=1))
    handles = [t for t in fig.data if t.customdata is not None]
    assert len(handles) == 1
    pairs = list(zip(handles[0].hovertext, handles[0].customdata, strict=True))
    by_slot = {i: [hover for hover, place in pairs if place == [i]] for i in range(3)}
    assert all(hovers for hovers in by_slot.values())
    assert all(f"<b>slot {i + 1}</b>" in h for i, hovers in by_slot.items() for h in hovers)


def test_fillers_are_shown_as_fillers() -> None:
    given = result(5, fillers=2)
    fig = braid_figure(given)
    words = [a.text for a in fig.layout.annotations]
    assert sum("filler (repeats 1)" in w for w in words) == 2
    assert sum("positive" in w for w in words) == 3
    assert braid_table(given)[4]["prediction"] == "filler (repeats 1)"
    hatched = [t.text for t in fig.data if t.fillpattern.shape == "/"]
    assert len(hatched) == 4, "two fillers, on their way in and out"
    assert not any("slot 5, read back" in (t.text or "") for t in fig.data)


@pytest.mark.parametrize(
    "text", [NASTY, "", " ", "שלום עולם", "🎬🎬🎬" * 40, "line\nbreak\ttab", "x" * 5000]
)
def test_odd_text_is_shown_as_text(text: str) -> None:
    given = result(2, text=text or "?")
    written = json.dumps(
        [braid_figure(given).to_plotly_json(), token_strip_figure(given.slots[0]).to_plotly_json()],
        default=str,
    )
    assert "<b>bold" not in written
    assert "<a href" not in written
    assert "$x" not in written
    if text == NASTY:
        assert "&lt;b&gt;bold" in written


def test_the_leak_figure_draws_its_matrix() -> None:
    leak = leak_of(LEAKY)
    fig = leak_figure(leak)
    drawn = np.asarray(fig.data[0].z, dtype=float)
    np.testing.assert_allclose(np.nan_to_num(np.delete(drawn, 5, axis=1)), LEAKY, atol=1e-6)
    assert (fig.data[0].zmin, fig.data[0].zmax) == (0, 1)
    table = leak_table(leak)
    assert table[0]["from 3"] == pytest.approx(0.22)
    assert "from 3 22 %" in leak_alt(leak)
    beyond = leak_figure(leak, which="beyond")
    assert "Nothing was counted" in beyond.layout.title.text
    with pytest.raises(InputError, match="which='sideways'"):
        leak_figure(leak, which="sideways")


def test_a_strip_shows_every_token_and_what_was_read() -> None:
    slot = result(shares=LEAKY).slots[0]
    fig = token_strip_figure(slot)
    texts = list(fig.data[0].text)
    assert len(texts) == 22
    assert texts[1] == "w0"
    assert texts[-2] == "w19 → <b>zz</b>"
    assert "15 of 20 tokens read back (75 %" in fig.layout.title.text
    assert "w19 read as zz" in token_strip_alt(slot)
    table = token_strip_table(slot)
    assert table[0]["counted"] is False
    assert table[20]["rank of own"] == 4
    pale = [s for s in fig.layout.shapes if s.line.dash == "dot"]
    assert len(pale) == 2, "special tokens are not tinted"
    bar = [s for s in fig.layout.shapes if s.xref == "paper"]
    lengths = [(s.x1 - s.x0) / (bar[0].x1 - bar[0].x0) for s in bar[:3]]
    low, high = slot.reading.accuracy.interval
    assert lengths == pytest.approx([1, 0.75, high - low])


def test_long_cells_answer_to_the_pointer_at_their_ends() -> None:
    cells = place_cells(["a", "x" * 24], ["a", "long"], ["one", "two"], [None, None])
    points = strip_figure(cells, "title", dark=False).figure().data[1]
    owners = list(points.hovertext)
    assert owners.count("one") == 1
    reach = [x for x, owner in zip(points.x, owners, strict=True) if owner == "two"]
    assert max(np.diff(reach)) < 6
    assert cells[1].x < min(reach) < cells[1].x + 4


def test_cells_wrap_in_reading_order() -> None:
    words = ["word"] * 126
    cells = place_cells(words, words, words, [None] * 126)
    assert all(c.x + c.width <= LINE_ROOM + 1e-9 for c in cells)
    places = [(c.line, c.x) for c in cells]
    assert places == sorted(places)
    assert cells[-1].line > 0


def test_tags_and_replaced_tokens_have_strips() -> None:
    slot = result(2).slots[0]
    tags = TagAnswer(("a", "dog"), ("DET", "NOUN"), np.array([0.9, 0.6]))
    replaced = ReplacedAnswer(("a", "dog"), np.array([0.1, 0.8]))
    fig = tag_strip_figure(replace(slot, answer=tags))
    assert list(fig.data[0].text) == ["a <b>DET</b>", "dog <b>NOUN</b>"]
    fig = replaced_strip_figure(replace(slot, answer=replaced))
    assert list(fig.data[0].text) == ["a", "<b>dog</b>"]
    for draw in (tag_strip_figure, replaced_strip_figure):
        with pytest.raises(NotApplicable, match="not applicable"):
            draw(slot)
    with pytest.raises(NotApplicable, match="no retrieval head"):
        token_strip_figure(result(2, has_leak=False).slots[0])


@pytest.mark.parametrize("dark", [False, True])
def test_text_and_outlines_stand_out(dark: bool) -> None:
    scale = sequential(dark)
    for fill in (color_at(scale, p) for p in np.linspace(0, 1, 101)):
        assert contrast(text_on(fill), fill) >= 4.5
    for slot in range(10):
        assert contrast(slot_outline(slot, dark=dark), ink(dark).paper) >= 3
    colors = ink(dark)
    for color in (colors.text, colors.muted, colors.warning):
        assert contrast(color, colors.paper) >= 4.5


def test_timing_says_its_ratios() -> None:
    timings = (
        Timing("multiplexed", 1, 0.010, 0.009, 0.011, 9),
        Timing("alone, one batch", 1, 0.031, 0.030, 0.033, 9),
        Timing("alone, one by one", 5, 0.042, 0.040, 0.050, 9),
    )
    assert "answered 5 texts 3.1 times as fast as one batch" in timing_finding(timings)
    assert "4.2 times as fast as one by one" in timing_finding(timings)
    fig = timing_figure(timings)
    np.testing.assert_allclose(fig.data[0].x, [10, 31, 42])
    np.testing.assert_allclose(fig.data[0].error_x.array, [1, 2, 8])
    assert "median 42.0 ms, quartiles 40.0 to 50.0 ms, 9 repeats" in timing_alt(timings)
    assert "no N = 1 baseline" in timing_finding(timings[:1])


def test_slots_keep_number_and_symbol_where_colours_repeat() -> None:
    assert slot_color(10) == slot_color(0)
    assert slot_label(0) == "● 1"
    assert slot_label(10).endswith(" 11")
    pairs = {(slot_color(i), slot_symbol(i)) for i in range(100)}
    assert len(pairs) == 100
    assert len(set(SLOT_COLORS)) == 10


def test_csv_defuses_formulas_and_keeps_the_rest() -> None:
    text = rows_to_csv([{"a": "=1+1", "b": 'say "hi", ok'}, {"a": -3.5, "c": "@x"}])
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["a"] == "'=1+1"
    assert rows[0]["b"] == 'say "hi", ok'
    assert rows[1]["a"] == "-3.5"
    assert rows[1]["c"] == "'@x"
    assert text.count("\r\n") == 3
    assert rows_to_csv([{"=HYPERLINK()": "＝1", "n": " +2", "m": None}]) == (
        "'=HYPERLINK(),n,m\r\n'＝1,' +2,\r\n"
    )


def test_a_page_needs_no_network_and_shows_text_as_text() -> None:
    page = to_html(braid_figure(result(2, text=NASTY)), NASTY, "how it was made")
    assert page.startswith("<!doctype html>")
    assert not re.search(r"<script[^>]+src=", page)
    assert "default-src 'none'" in page
    assert "<title>&lt;b&gt;bold" in page
    assert "how it was made" in page
    assert figure_config("braid")["toImageButtonOptions"]["format"] == "svg"
