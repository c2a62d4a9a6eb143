"""Figures by layer: the numbers given are the numbers drawn, in words and tables too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from muxviz.batch import Row
from muxviz.errors import InputError
from muxviz.figures.layers.lens import lens_alt, lens_figure, lens_finding, lens_table
from muxviz.figures.layers.norms import norms_alt, norms_figure, norms_finding, norms_table
from muxviz.figures.layers.spectrum import (
    spectrum_alt,
    spectrum_figure,
    spectrum_finding,
    spectrum_table,
)
from muxviz.figures.layers.strip import (
    MOST_TOKENS,
    lens_strip_alt,
    lens_strip_figure,
    lens_strip_finding,
    lens_strip_table,
)
from muxviz.figures.mix.braid import FAINT, braid_figure
from muxviz.inference import run_group
from muxviz.results import Provenance
from muxviz.results.estimates import Estimates
from muxviz.results.layers import (
    EntanglementSpectrum,
    GroupLens,
    LayerLens,
    LayerNorms,
    LayerProbe,
    SlotLens,
)
from tests.tiny import shared_checkpoint

LEVELS = ("in", "1", "2")
MEGABYTE = 1_000_000


def origin(num: int = 3, name: str = "model <b>") -> Provenance:
    return Provenance(
        name, "f", num, "cpu", "float32", "group", 9, "pool", 0, 1, ("muxviz 0",), "today"
    )


def around(mean: Any, spread: float = 0.01, draws: int = 64) -> Estimates:
    values = np.asarray(mean, dtype=np.float64)
    return Estimates(values, values - spread, values + spread, draws, 0)


def spectrum(last: tuple[float, ...] = (0.4, 0.25, 0.05), draws: int = 64) -> EntanglementSpectrum:
    shares = np.array([[1 / 3] * 3, [0.3, 0.3, 0.3], [0.3, 0.3, 0.2], last])
    return EntanglementSpectrum(
        ("mix", *LEVELS),
        around(shares, draws=draws),
        around(1 - shares.sum(axis=1), draws=draws),
        around([1, 1, 0.98, 0.8], draws=draws),
        np.ones(4),
        64,
        50,
        100,
        origin(),
    )


def lens(kind: str = "demux") -> LayerLens:
    return LayerLens(
        kind,
        LEVELS,
        np.array([[10.0, 20, 30], [20, 30, 35], [40, 38, 30]]),
        np.array([40, 40, 40]),
        around([[-1.0, 0, 1], [2, 3, 4], [5, 6, 3.0]]),
        np.full((3, 3), 0.05),
        24,
        8,
        100,
        32,
        origin(),
    )


def probe() -> LayerProbe:
    r2 = np.array([[0.9, 0.8, 0.7], [0.8, 0.7, 0.6], [0.6, 0.5, -0.1]])
    return LayerProbe(
        LEVELS,
        around(r2),
        around(np.zeros((3, 3))),
        around(r2 - 0.02),
        96,
        48,
        np.array([500, 500, 500]),
        np.array([200, 200, 200]),
        24,
        np.ones((3, 3)),
        False,
        origin(),
    )


def strip(tokens: tuple[str, ...] = ("[CLS]", "<i>good</i>", "$film$", "[SEP]")) -> GroupLens:
    size = len(tokens)
    counted = np.array([False, *([True] * (size - 2)), False])
    rank = np.zeros((3, size), dtype=np.int64)
    rank[0, 1:-1] = 4
    rank[1, 1] = 2
    read = tuple(tuple("bad" if r else t for r, t in zip(row, tokens, strict=True)) for row in rank)
    probabilities = np.where(rank > 0, -4.0, -0.1)
    slot = SlotLens(0, "text", False, tokens, counted, read, probabilities, probabilities, rank)
    return GroupLens("demux", LEVELS, (slot, replace(slot, slot=1)), 0, origin(2))


def member(num: int, evenness: tuple[float, float], name: str = "") -> LayerNorms:
    return LayerNorms(
        LEVELS,
        around([10.0, 11, 12]),
        around([0.4, 0.5, 0.6]),
        around([0.5, 0.6, 0.7]),
        np.array([20.0, 10, 5]),
        around([2.0, 1.0]),
        around(evenness),
        np.ones((2, 4)),
        300,
        32,
        origin(num, name or f"n{num}"),
    )


def small_and_dark(make: Any) -> Any:
    fig = make(False)
    assert len(fig.to_json()) < MEGABYTE
    assert make(True).layout.template.layout != fig.layout.template.layout
    return fig


# ---- spectrum -----------------------------------------------------------------------------------


def test_the_stack_holds_the_shares_and_what_is_left() -> None:
    found = spectrum()
    fig = small_and_dark(lambda dark: spectrum_figure(found, dark=dark))
    areas = [t for t in fig.data if t.stackgroup]
    np.testing.assert_allclose(areas[0].y, 1 - found.share.mean.sum(axis=1), atol=1e-6)
    drawn = np.stack([t.y for t in areas[:0:-1]], axis=1)  # slot 1 is drawn last, on top
    np.testing.assert_allclose(drawn, found.share.mean, atol=1e-6)
    lines = [t for t in fig.data if t.mode == "lines+markers"]
    np.testing.assert_allclose(lines[0].y, found.interaction.mean, atol=1e-6)
    np.testing.assert_allclose(lines[1].y, found.balance.mean, atol=1e-6)
    assert [r["slot 3"] for r in spectrum_table(found)] == list(found.share.mean[:, 2])


def test_impossible_estimates_are_drawn_within_their_room_and_told_as_they_are() -> None:
    found = spectrum((0.8, 0.4, -0.1))
    areas = [t for t in spectrum_figure(found).data if t.stackgroup]
    assert sum(float(t.y[-1]) for t in areas) == pytest.approx(1)
    assert min(float(t.y[-1]) for t in areas) == 0
    assert spectrum_table(found)[-1]["slot 3"] == pytest.approx(-0.1)
    assert found.band().sum(axis=1).max() == pytest.approx(1)


def test_what_the_spectrum_says() -> None:
    words = spectrum_finding(spectrum())
    assert words == (
        "Interaction grows from 0 % of the mixture to 30 % after layer 2 (29 to 31 %); slot 3 "
        "keeps only 5 %"
    )
    assert "still a sum of its slots" in spectrum_finding(spectrum((0.34, 0.33, 0.33)))
    assert "Layer 2: slot 1 40 %" in spectrum_alt(spectrum())
    assert spectrum(draws=8).is_rough
    assert not spectrum().is_rough
    nothing = replace(spectrum(), interaction=around([0, 0, 0, np.nan]))
    assert "Nothing varies" in spectrum_finding(nothing)


def test_one_slot_can_be_followed_through_the_spectrum() -> None:
    alike = spectrum_figure(spectrum())
    solo = spectrum_figure(spectrum(), solo=1)
    changed = [
        a.fillcolor != b.fillcolor
        for a, b in zip(alike.data, solo.data, strict=True)
        if a.fillcolor
    ]
    assert sum(changed) == 2


# ---- braid --------------------------------------------------------------------------------------


def test_a_soloed_lane_stays_and_the_others_are_dimmed() -> None:
    rows = tuple(Row(t) for t in ("a good film", "the plot is bad", "we like it"))
    result = run_group(shared_checkpoint(), rows)
    fig = braid_figure(result, spectrum=spectrum().band()[:3], solo=1)
    lanes = [t for t in fig.data if t.meta is not None]
    assert {t.opacity for t in lanes if t.meta == 1} == {None}
    assert {t.opacity for t in lanes if t.meta != 1} == {FAINT}
    hovers = [t.text for t in fig.data if isinstance(t.text, str)]
    assert any("share of the state: 33 % in the mixture, 25 % at the end" in h for h in hovers)
    assert "grey, of no single slot" in fig.layout.annotations[-1].text
    with pytest.raises(InputError, match="slots 0 to 2"):
        braid_figure(result, solo=3)


# ---- lens ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "show", "values"),
    [
        (lens(), "accuracy", lens().accuracy),
        (lens("translated"), "margin", lens().margin.mean),
        (probe(), "r2", probe().r2.mean),
        (probe(), "selectivity", probe().selectivity.mean),
    ],
)
def test_cells_and_lines_hold_the_numbers(given: Any, show: str, values: np.ndarray) -> None:
    fig = small_and_dark(lambda dark: lens_figure(given, show=show, slot=1, dark=dark))
    cells = next(t for t in fig.data if t.type == "heatmap")
    np.testing.assert_allclose(np.asarray(cells.z, dtype=float), values.T, atol=1e-6)
    drawn = [t for t in fig.data if t.type == "scatter"]
    lines = [t for t in drawn if t.mode == "lines+markers"]
    np.testing.assert_allclose(np.stack([t.y for t in lines], axis=1), values, atol=1e-6)
    assert [t.opacity for t in lines] == [0.35, 1, 0.35]
    dotted = [t for t in drawn if t.mode == "lines" and t.line.dash == "dot"]
    assert len(dotted) == (show in {"accuracy", "r2"})
    assert lens_finding(given, show=show) in lens_alt(given, show=show)


def test_what_the_lens_says_and_refuses() -> None:
    assert lens_finding(lens()) == (
        "Share read back through the demux lens rises from 50 % at the input of layer 1 to 90 % "
        "after layer 2"
    )
    assert "falls from 80 %" in lens_finding(probe())
    assert "nats" in lens_finding(lens(), show="margin")
    with pytest.raises(InputError, match="accuracy, margin"):
        lens_figure(lens(), show="r2")
    row = lens_table(lens())[2]
    assert (row["slot"], row["read back"], row["control"]) == (3, 0.75, 0.05)
    assert lens_table(probe())[-1]["R²"] == pytest.approx(-0.1)


def test_unfinished_probes_are_drawn_with_gaps() -> None:
    found = probe()
    r2 = found.r2.mean.copy()
    r2[1:] = np.nan
    partial = replace(found, r2=around(r2), control=around(r2), selectivity=around(r2))
    assert "at every level" in lens_finding(partial)
    assert "n/a" in lens_alt(partial)
    assert len(lens_figure(partial).to_json()) < MEGABYTE
    empty = replace(found, r2=around(np.full((3, 3), np.nan)))
    assert lens_finding(empty) == "Nothing could be counted"


# ---- strip --------------------------------------------------------------------------------------


def test_the_strip_has_a_frame_for_every_level_and_shows_text_as_text() -> None:
    fig = small_and_dark(lambda dark: lens_strip_figure(strip(), 0, level=0, dark=dark))
    assert [f.name for f in fig.frames] == list(LEVELS)
    assert "0 of 2 tokens read back" in fig.layout.title.text
    assert "2 of 2 tokens read back" in fig.frames[2].layout.title.text
    assert fig.frames[0].data[0].text[1] == "&lt;i&gt;good&lt;/i&gt; → <b>bad</b>"
    assert fig.frames[2].data[0].text[2] == "&#36;film&#36;"
    assert fig.layout.sliders[0].active == 0
    places = {tuple((s.x0, s.x1) for s in f.layout.shapes) for f in fig.frames}
    assert len(places) == 1, "cells keep their places"
    assert lens_strip_figure(strip(), 1).layout.sliders[0].active == 2


def test_what_the_strip_says_and_refuses() -> None:
    assert lens_strip_finding(strip(), 0).endswith("every token is read from layer 2 on")
    assert "Wrong: <i>good</i> as bad, $film$ as bad." in lens_strip_alt(strip(), 0)
    table = lens_strip_table(strip(), 0)
    assert len(table) == 12
    assert table[5] == {
        "level": "1",
        "position": 1,
        "own token": "<i>good</i>",
        "read": "bad",
        "read back": False,
        "counted": True,
        "log-probability of own (nats)": -4.0,
        "log-probability of read (nats)": -4.0,
        "rank of own": 3,
    }
    with pytest.raises(InputError, match="slots 0 to 1"):
        lens_strip_figure(strip(), 2)
    with pytest.raises(InputError, match="level 3"):
        lens_strip_figure(strip(), 0, level=3)
    assert "no token to count" in lens_strip_finding(strip(("[CLS]", "[SEP]")), 0)


def test_a_long_text_is_cut_and_stays_small() -> None:
    words = tuple(f"token{i}" for i in range(300))
    fig = lens_strip_figure(strip(("[CLS]", *words, "[SEP]")), 0)
    assert len(fig.frames[0].layout.shapes) == MOST_TOKENS
    assert f"the first {MOST_TOKENS} of 302" in fig.layout.annotations[-1].text.replace("<br>", " ")
    assert len(fig.to_json()) < MEGABYTE


# ---- norms --------------------------------------------------------------------------------------


def test_every_checkpoint_has_its_line_in_every_panel() -> None:
    members = [member(1, (0.7, 0.6)), member(5, (0.7, 0.1))]
    fig = small_and_dark(lambda dark: norms_figure(members, dark=dark))
    lines = [t for t in fig.data if t.mode == "lines+markers"]
    assert len(lines) == 8
    np.testing.assert_allclose(lines[4].y, [0.7, 0.1], atol=1e-6)
    assert list(lines[4].x) == [1, 2]
    assert [t.name for t in lines if t.showlegend] == ["n1 (N = 1)", "n5 (N = 5)"]
    assert norms_finding(members) == (
        "In layer 2 attention is narrower with N = 5 than with N = 1: 10 % against 60 % of its "
        "largest entropy"
    )
    assert "n5 (N = 5): norms 10.0, 11.0, 12.0" in norms_alt(members)
    row = norms_table(members)[-1]
    assert (row["N"], row["level"], row["evenness"]) == (5, "2", 0.1)
    assert "evenness" not in norms_table(members)[0]


def read_at(one: LayerNorms, read: tuple[float, float]) -> LayerNorms:
    return replace(one, read=around(read))


def test_the_query_that_is_read_has_a_panel_and_decides_on_the_title() -> None:
    """All queries of layer 2 are narrow at N = 5; the one that is read looks around."""
    members = [
        read_at(member(1, (0.7, 0.6)), (0.5, 0.6)),
        read_at(member(5, (0.7, 0.1)), (0.2, 0.6)),
    ]
    fig = small_and_dark(lambda dark: norms_figure(members, dark=dark))
    lines = [t for t in fig.data if t.mode == "lines+markers"]
    assert len(lines) == 8
    np.testing.assert_allclose(lines[5].y, [0.2, 0.6], atol=1e-6)
    assert list(lines[5].x) == [1, 2]
    assert "20.0 %" in lines[5].hovertext[0]
    assert [a.text for a in fig.layout.annotations][
        1
    ] == "the same of the query that is read ([CLS])"
    assert norms_finding(members) == (
        "In layer 1 the query that is read looks more narrowly with N = 5 than with N = 1: "
        "20 % against 50 % of its largest entropy"
    )
    wider = [read_at(members[0], (0.2, 0.6)), read_at(members[1], (0.5, 0.6))]
    assert "looks more widely with N = 5" in norms_finding(wider)
    assert norms_finding(members[1:]) == (
        "The query that is read looks most narrowly in layer 1: 20 % of its largest entropy"
    )
    assert "20 %, 60 % at the query that is read" in norms_alt(members)
    assert norms_table(members)[-1]["evenness of the query that is read"] == 0.6
    mixed = [members[0], member(5, (0.7, 0.1))]
    assert "In layer 2 attention is narrower with N = 5" in norms_finding(mixed)
    assert len([t for t in norms_figure(mixed).data if t.mode == "lines+markers"]) == 7
    pooled = member(2, (0.7, 0.01))  # is read everywhere, so it is told beside the others only
    assert norms_finding([*members, pooled]) == norms_finding(members)


def test_one_checkpoint_alone_is_described_by_itself() -> None:
    assert norms_finding([member(5, (0.7, 0.1))]) == (
        "Attention is narrowest in layer 2: 10 % of its largest entropy"
    )
    same = [member(1, (0.7, 0.6)), member(5, (0.7, 0.6))]
    assert "with any N" in norms_finding(same)
