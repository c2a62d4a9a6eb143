"""Figures of the Attention page: numbers given are numbers drawn, words, sizes, hostile tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from muxviz.errors import InputError
from muxviz.figures.attention import conductance as ways
from muxviz.figures.attention import heads, instances, pairs, saliency
from muxviz.figures.attention import maps as raw
from muxviz.figures.attention import relevance as relevances
from muxviz.figures.attention.axes import held, positions_of, stacked
from muxviz.figures.drawing.slots import SLOT_COLORS
from muxviz.results.attention import (
    AttentionMaps,
    HeadEffects,
    InstanceAttention,
    Relevance,
    SlotPairs,
    positive_shares,
)
from muxviz.results.attribution import Attribution, Conductance, Explained, in_whole_words
from muxviz.results.group import Provenance

ABOUT = Provenance("tiny", "0", 3, "cpu", "float32", "group", 6, "repeat", 0, 1, ("x 1",), "now")
HOSTILE = "<b>x</b>$y$"
MIB = 1_000_000


def somewhere(length: int = 6, num: int = 3) -> dict[str, Any]:
    """Tokens of N sentences with [CLS] before, [SEP] behind and one hostile token."""
    names = [["[CLS]", *(f"w{i}{t}" for t in range(1, length - 1)), "[SEP]"] for i in range(num)]
    names[0][2] = HOSTILE
    counted = np.ones((num, length), dtype=bool)
    counted[:, [0, -1]] = False
    return {"tokens": tuple(map(tuple, names)), "counted": counted, "prefix": 0}


def explained(num: int) -> tuple[Explained, ...]:
    return tuple(Explained(i, "positive", "negative", ()) for i in range(num))


def maps(length: int = 6, layers: int = 2, count: int = 4, num: int = 3) -> AttentionMaps:
    values = np.random.default_rng(0).random((layers, count, length, length)).astype(np.float32)
    values /= values.sum(axis=-1, keepdims=True)
    seen = np.ones(length, dtype=bool)
    return AttentionMaps(values, visible=seen, provenance=ABOUT, **somewhere(length, num))


def slot_pairs(length: int = 6, count: int = 4, num: int = 3, width: int = 5) -> SlotPairs:
    draw = np.random.default_rng(1)
    queries, keys = draw.normal(size=(2, count, num + 1, length, width))
    amounts = np.abs(np.einsum("hitd,hjsd->hijts", queries, keys)).sum(axis=(-1, -2))
    shares = positive_shares(amounts)
    seen = np.ones(length, dtype=bool)
    return SlotPairs(
        queries,
        keys,
        shares,
        shares,
        1e-15,
        visible=seen,
        provenance=ABOUT,
        **somewhere(length, num),
    )


def relevance(length: int = 6, layers: int = 2, num: int = 3) -> Relevance:
    values = np.random.default_rng(2).random((2, num, layers, length, length)).astype(np.float32)
    return Relevance(
        values[0],
        values[1],
        np.full((num, length), 1 / length),
        explained(num),
        visible=np.ones(length, dtype=bool),
        provenance=ABOUT,
        **somewhere(length, num),
    )


def across(length: int = 6, num: int = 3) -> InstanceAttention:
    values = np.random.default_rng(3).random((length, 2, num, num)).astype(np.float32)
    values /= values.sum(axis=-1, keepdims=True)
    return InstanceAttention(values, provenance=ABOUT, **somewhere(length, num))


def effects(layers: int = 2, count: int = 4, num: int = 3) -> HeadEffects:
    draw = np.random.default_rng(4)
    change = draw.normal(size=(num, layers, count))
    return HeadEffects(
        np.abs(change) / 10, change, explained(num), ("negative", "positive"), (), ABOUT
    )


def attribution(length: int = 6, num: int = 3) -> Attribution:
    where = somewhere(length, num)
    values = np.random.default_rng(5).normal(size=(num, length)) * where["counted"]
    total = float(values.sum())
    return Attribution(
        explained(num)[1],
        where["tokens"],
        values,
        where["counted"],
        total + 1,
        1.0,
        32,
        9,
        0,
        ABOUT,
    )


def conductance(length: int = 6, layers: int = 2, num: int = 3) -> Conductance:
    where = somewhere(length, num)
    values = np.random.default_rng(6).normal(size=(layers + 1, num, length))
    values[1:] += (values[:1].sum(axis=2) - values[1:].sum(axis=2))[..., None] / length
    names = tuple(zip(*where["tokens"], strict=True))
    total = float(values[0].sum())
    return Conductance(
        explained(num)[1],
        values,
        values.sum(axis=1),
        names,
        where["counted"],
        total + 1,
        1.0,
        32,
        9,
        ABOUT,
    )


def heat(fig: go.Figure, number: int = 0) -> np.ndarray:
    return np.asarray([t for t in fig.data if t.type == "heatmap"][number].z, dtype=np.float64)


def every(length: int, layers: int, count: int, num: int, *, dark: bool) -> list[go.Figure]:
    return [
        raw.attention_map_figure(maps(length, layers, count, num), 0, 1, dark=dark),
        raw.attention_grid_figure(maps(length, layers, count, num), chosen=[(1, 2)], dark=dark),
        pairs.pairs_figure(slot_pairs(length, count, num), 0, chosen=(0, num), dark=dark),
        pairs.pair_map_figure(slot_pairs(length, count, num), 0, (num, 1), dark=dark),
        relevances.relevance_figure(relevance(length, layers, num), 1, dark=dark),
        relevances.relevance_difference_figure(
            relevance(length, layers, num), 1, (0, 1), dark=dark
        ),
        instances.instances_figure(across(length, num), 2, dark=dark),
        heads.heads_figure(effects(layers, count, num), 1, dark=dark),
        saliency.saliency_figure(attribution(length, num), dark=dark),
        ways.conductance_figure(conductance(length, layers, num), dark=dark),
    ]


@pytest.mark.parametrize("dark", [False, True])
def test_tokens_are_shown_as_text_and_every_figure_bears_its_finding(dark: bool) -> None:
    for fig in every(6, 2, 4, 3, dark=dark):
        text = fig.to_json()
        assert HOSTILE not in text
        assert "<b>x" not in text
        assert fig.layout.title.text
        assert len(text) < MIB / 8


def test_twelve_layers_of_128_positions_stay_under_a_megabyte() -> None:
    for number, fig in enumerate(every(128, 12, 12, 10, dark=False)):
        assert len(fig.to_json()) < MIB, number


def test_the_map_holds_the_attention_of_its_head_or_of_all_heads() -> None:
    result = maps()
    np.testing.assert_allclose(heat(raw.attention_map_figure(result, 1, 2)), result.maps[1, 2])
    mean = raw.attention_map_figure(result, 1, 0, look="mean")
    np.testing.assert_allclose(heat(mean), result.maps[1].mean(axis=0), atol=1e-7)
    most = raw.attention_map_figure(result, 1, 0, look="max", positions=np.array([1, 3]))
    chosen = result.maps[1].max(axis=0)[np.ix_([1, 3], [1, 3])]
    np.testing.assert_allclose(heat(most), chosen, atol=1e-7)
    assert "2 of 6 positions shown" in most.layout.annotations[-1].text
    table = raw.attention_map_table(result, 1, 2)
    assert table[3][list(table[3])[2]] == pytest.approx(float(result.maps[1, 2, 3, 1]), abs=1e-6)
    assert HOSTILE in list(table[0])[3]
    with pytest.raises(InputError, match="one, mean, max"):
        raw.one_map(result, 0, 0, "median")


def test_the_grid_holds_every_head_on_one_scale_and_says_how_widely_layers_look() -> None:
    result = maps()
    board = heat(raw.attention_grid_figure(result))
    np.testing.assert_allclose(board[:6, 7:13], result.maps[0, 1] ** 0.5, atol=1e-6)
    assert np.isnan(board[6]).all()
    one = np.full_like(result.maps, 1 / 6)
    one[1] = np.eye(6)
    clear = replace(result, maps=one)
    assert "Layer 1 looks widest and layer 2 most narrowly" in raw.attention_grid_finding(clear)
    assert "1.00 and 0.00" in raw.attention_grid_finding(clear)
    assert raw.attention_grid_table(clear)[0]["entropy (nats)"] == pytest.approx(
        np.log(6), abs=1e-6
    )
    assert "equally widely" in raw.attention_grid_finding(replace(result, maps=one[:1]))
    long = maps(100)
    assert np.nanmax(heat(raw.attention_grid_figure(long))) == pytest.approx(
        float(long.maps.max()) ** 0.5
    )


def test_the_finding_of_a_map_names_where_it_looks() -> None:
    result = maps()
    values = np.zeros_like(result.maps)
    values[..., 3] = 1
    told = raw.attention_map_finding(replace(result, maps=values), 0, 1)
    assert told == (
        "Layer 1, head 2 spreads over about 1.0 of 6 positions; most at "
        "position 3 (w03 / w13 / w23): 100 %"
    )
    assert held(result, 0) == "position 0 ([CLS] in every sentence)"
    assert "position 3" in raw.attention_map_alt(replace(result, maps=values), 0, 1)


def test_positions_are_chosen_for_display_only() -> None:
    result = maps(200)
    assert len(positions_of(result)) == 128
    assert positions_of(result, start=150)[0] == 150
    assert positions_of(result, specials=False)[0] == 1
    assert positions_of(result, words="w07 W19 nothing").tolist() == [7, 9]
    assert "&lt;b&gt;" in stacked(result, 2)


def test_pairs_draw_their_shares_and_the_part_of_one_pair() -> None:
    result = slot_pairs()
    np.testing.assert_allclose(heat(pairs.pairs_figure(result, 2)), result.shares[2], rtol=1e-6)
    mean = heat(pairs.pairs_figure(result, None))
    np.testing.assert_allclose(mean, result.shares.mean(axis=0), rtol=1e-6)
    pair = pairs.largest_pair(result, 2)
    assert result.shares[2][pair] == result.shares[2].max()
    assert pairs.largest_pair(result, 2, query=1)[0] == 1
    assert pairs.largest_pair(result, 2, query=1, key=3) == (1, 3)
    drawn = heat(pairs.pair_map_figure(result, 2, (1, 3)))
    np.testing.assert_allclose(drawn, result.pair(2, 1, 3), rtol=1e-5)
    table = pairs.pairs_table(result, 2)
    assert table[3]["at no sentence"] == pytest.approx(result.shares[2, 3, 3])
    dead = replace(result, shares=np.full_like(result.shares, np.nan))
    assert "all 0" in pairs.pairs_finding(dead, 1)
    assert pairs.pairs_figure(dead, 1).layout.title.text
    own = np.zeros((4, 4, 4))
    own[:, 0, 1], own[:, 2, 2], own[:, 3, 0] = 0.5, 0.3, 0.2
    told = pairs.pairs_finding(replace(result, shares=own), 0)
    assert "50 % of the logits compare one sentence with another" in told
    assert "30 % a sentence with itself, 20 % involve no sentence" in told
    assert "slot 1 at slot 2 50 %" in pairs.pairs_alt(replace(result, shares=own), 0)


def test_relevance_has_one_scale_for_all_slots_and_a_signed_difference() -> None:
    result = relevance()
    fig = relevances.relevance_figure(result, 1)
    for slot in range(3):
        np.testing.assert_allclose(heat(fig, slot), result.rollout[slot, 1], rtol=1e-6)
    assert fig.layout.coloraxis.cmax == pytest.approx(float(result.rollout[:, 1].max()))
    alone = relevances.relevance_figure(result, 0, rollout=False)
    np.testing.assert_allclose(heat(alone, 2), result.layers[2, 0], rtol=1e-6)
    difference = relevances.relevance_difference_figure(result, 1, (2, 0))
    np.testing.assert_allclose(
        heat(difference), result.rollout[2, 1] - result.rollout[0, 1], atol=1e-6
    )
    like = result.likeness(1)[1]
    like[1] = 2
    assert relevances.most_unlike(result, 1, 1) == like.argmin()
    nothing = replace(result, rollout=np.zeros_like(result.rollout))
    assert "every relevance is 0" in relevances.relevance_finding(nothing, 1)
    assert relevances.most_unlike(nothing, 1, 2) == 0
    assert relevances.relevance_table(result, 1)[0]["relevance"] == pytest.approx(
        float(result.rollout[0, 1].max())
    )
    single = relevance(num=1)
    assert "leans most on looks at" in relevances.relevance_finding(single, 1)


def test_the_attention_across_slots_is_drawn_for_the_mean_and_one_position() -> None:
    result = across()
    fig = instances.instances_figure(result, 2, head=1)
    words = result.counted.any(axis=0)
    np.testing.assert_allclose(heat(fig, 0), result.maps[words, 1].mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(heat(fig, 1), result.maps[2, 1], atol=1e-6)
    assert len(instances.instances_table(result)) == 18
    one = np.zeros_like(result.maps)
    one[..., 0] = 1
    told = instances.instances_finding(replace(result, maps=one))
    assert told.startswith("Before mixing, a sentence keeps 33 % of its look for itself")
    assert "100 % from 1" in instances.instances_alt(replace(result, maps=one), 1)


def test_heads_are_numbered_in_the_order_of_the_table() -> None:
    result = effects()
    fig = heads.heads_figure(result, 1)
    np.testing.assert_allclose(heat(fig), np.abs(result.change[1]), rtol=1e-6)
    table = heads.heads_table(result, 1)
    first = (table[0]["layer"] - 1, table[0]["head"] - 1)
    assert abs(result.change[1][first]) == np.abs(result.change[1]).max()
    texts = next(t for t in fig.data if t.type == "scatter").text
    assert texts[first[0] * 4 + first[1]] == "1"
    by_js = heads.heads_figure(result, 1, by="js")
    np.testing.assert_allclose(heat(by_js), result.divergence[1], rtol=1e-6)
    none = replace(result, change=np.zeros_like(result.change))
    assert "No single head matters" in heads.heads_finding(none, 1)


def test_strips_show_every_sentence_its_share_and_the_gap() -> None:
    result = attribution()
    fig = saliency.saliency_figure(result)
    text = " ".join(str(a.text) for a in fig.layout.annotations)
    assert "completeness gap under 0.01 %" in text
    shares = result.shares
    assert f"{100 * shares[2]:.0f} %" in text
    bars = [s for s in fig.layout.shapes if s.fillcolor in SLOT_COLORS[:3]]
    left, right = saliency.BAR
    lengths = [(s.x1 - s.x0) / (right - left) for s in bars]
    np.testing.assert_allclose(lengths, shares)
    table = saliency.saliency_table(result)
    assert len(table) == 12
    assert sum(row["attribution (logits)"] for row in table) == pytest.approx(result.difference)
    wide = replace(result, output=result.output + 1)
    assert "above 1 %" in " ".join(
        str(a.text) for a in saliency.saliency_figure(wide).layout.annotations
    )
    nothing = replace(result, values=np.zeros_like(result.values), output=1.0)
    assert "no word changes" in saliency.saliency_finding(nothing)
    assert saliency.saliency_figure(nothing).layout.title.text
    assert saliency.gap_words(float("inf")) == "all"


def test_pieces_of_a_word_are_one_with_their_sum() -> None:
    """Counted by hand: "ear" and "##ns" of slot 2 bring 1 and −3."""
    names = ("[CLS]", "ear", "##ns", "it", "[SEP]", "[PAD]")
    others = ("[CLS]", "a", "fine", "film", "[SEP]", "[PAD]")
    values = np.zeros((3, 6))
    values[1, 1:4] = 1, -3, 0.5
    moved = np.zeros((3, 6), dtype=bool)
    moved[:, 1:4] = True
    pieces = replace(attribution(), tokens=(others, names, others), values=values, moved=moved)
    whole = in_whole_words(pieces)
    assert whole.tokens[1] == ("[CLS]", "earns", "it", "[SEP]", "[PAD]", "")
    assert whole.values[1].tolist() == [0, -2, 0.5, 0, 0, 0]
    assert whole.moved[1].tolist() == [False, True, True, False, False, False]
    assert whole.tokens[0] == others
    assert whole.sums.tolist() == pieces.sums.tolist()
    rows = saliency.saliency_table(pieces, whole=True)
    assert [r["token"] for r in rows if r["source slot"] == 2] == ["earns", "it"]
    drawn = str(saliency.saliency_figure(pieces, whole=True).to_plotly_json())
    assert "earns" in drawn
    assert "##ns" not in drawn


def test_conductance_draws_layers_down_and_positions_across_per_source() -> None:
    result = conductance()
    fig = ways.conductance_figure(result)
    np.testing.assert_allclose(heat(fig, 2), result.values[:, 2], rtol=1e-5)
    titles = [a.text for a in fig.layout.annotations][:3]
    assert f"{result.values[0, 1].sum():+.2f}" in titles[1]
    assert "gap under 0.01 %" in " ".join(str(a.text) for a in fig.layout.annotations)
    assert len(ways.conductance_table(result)) == 18
    assert "Brought by each" in ways.conductance_alt(result)
