"""Pruned models on every page: each analysis runs on them, and what is gone is not drawn as 0."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from muxviz.analysis.fidelity.by_sparsity import (
    PERMUTATIONS,
    by_sparsity,
    crosstalk_by_sparsity,
    slot_record,
    unequal,
)
from muxviz.analysis.groups.one_group import Target
from muxviz.analysis.pruning.remaining import pruning_map
from muxviz.batch import Row
from muxviz.errors import InputError, NotApplicable
from muxviz.figures.attention.heads import heads_alt, heads_figure, heads_finding, heads_table
from muxviz.figures.attention.maps import (
    attention_grid_alt,
    attention_grid_figure,
    attention_grid_finding,
    attention_grid_table,
    attention_map_figure,
    attention_map_finding,
    attention_map_table,
)
from muxviz.figures.attention.pairs import pair_map_figure, pairs_figure, pairs_finding
from muxviz.figures.attention.relevance import relevance_figure, relevance_finding
from muxviz.figures.crosstalk.by_sparsity import (
    crosstalk_sparsity_alt,
    crosstalk_sparsity_figure,
    crosstalk_sparsity_table,
)
from muxviz.figures.fidelity import by_sparsity as sparsity_figures
from muxviz.figures.layers.compare import spectra_alt, spectra_figure, spectra_table
from muxviz.figures.layers.norms import norms_alt, norms_figure, norms_table
from muxviz.figures.pruning.remaining import (
    pruning_map_alt,
    pruning_map_figure,
    pruning_map_finding,
    pruning_map_table,
)
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.save import save
from muxviz.pruning.masks import Masks, ones, pruned
from muxviz.results import from_json, to_json
from muxviz.results.by_sparsity import SlotRecord
from muxviz.results.estimates import kept_mean
from muxviz.results.group import Provenance, pruned_words
from muxviz.structure import LayerStructure, Structure
from muxviz.ui.shell import checkpoints
from tests.pages import open_tab, press, seen, titles, visit, write_checkpoint
from tests.tiny import WORDS, shared_checkpoint, tiny_checkpoint, tiny_config

ROWS = [Row("a good film"), Row("the plot is old and boring"), Row("we like it")]
POOL = [" ".join(WORDS[k : k + 3 + k % 4]) for k in range(0, 60, 2)]


# ---- pruned models ------------------------------------------------------------------------------


def holes(masks: Masks) -> None:
    """Layer 1 keeps heads 2 and 4 and no feed-forward, layer 2 no attention; narrower states."""
    masks.heads[0, [0, 2]] = 0
    masks.feed_forward[0] = 0
    masks.attention[1] = 0
    masks.intermediate[1, ::3] = 0
    masks.hidden[[1, 5, 17]] = 0


def first_gone(masks: Masks) -> None:
    """Layer 1 attends no more."""
    masks.attention[0] = 0
    masks.heads[1, 3] = 0
    masks.hidden[[0, 2]] = 0


def all_gone(masks: Masks) -> None:
    """No layer attends."""
    masks.attention[:] = 0
    masks.intermediate[:, :7] = 0


KINDS: dict[str, tuple[Callable[[Masks], None], dict[str, Any]]] = {
    "holes": (holes, {}),
    "first": (first_gone, {}),
    "none": (all_gone, {}),
    "prefix": (holes, {"demultiplexer": "index_prefix"}),
    "mlp": (holes, {"demultiplexer": "mlp"}),
    "tags": (holes, {"task": "token_classification", "num_labels": 3}),
    "fills": (holes, {"task": "masked_lm"}),
    "narrow": (holes, {"backbone": "electra", "embedding_size": 16}),
    "turned": (holes, {"multiplexer": "random_orthogonal"}),
    "contextual": (holes, {"multiplexer": "contextual"}),
    "plain": (holes, {"plain": True}),
}


def cut(dense: Checkpoint, how: Callable[[Masks], None], name: str = "tiny-s50") -> Checkpoint:
    """What ``how`` leaves of a checkpoint; of a multiplexed one's readout dimensions too."""
    masks = ones(dense.config)
    how(masks)
    if dense.config.is_multiplexed:
        masks.readout[[3, 4, 9, 20]] = 0
    model = pruned(dense.model, masks)
    return replace(dense, name=name, model=model, config=model.config)


@cache
def dense_of(kind: str) -> Checkpoint:
    return tiny_checkpoint(tiny_config(default_padding="group", **KINDS[kind][1]))


@cache
def checkpoint_of(kind: str) -> Checkpoint:
    return cut(dense_of(kind), KINDS[kind][0])


# ---- every analysis -----------------------------------------------------------------------------


def analyses() -> dict[str, Callable[[Checkpoint], Any]]:
    """Every entry point, called as small as it goes."""
    from muxviz import inference, trace
    from muxviz.analysis.attention import conductance, pairs
    from muxviz.analysis.attention import readings as attention
    from muxviz.analysis.crosstalk import leaks, log_odds, shapley
    from muxviz.analysis.crosstalk import swap_test as crosstalk
    from muxviz.analysis.debugger import ladder
    from muxviz.analysis.fidelity import agreement, capacity, confusion
    from muxviz.analysis.fidelity import recovery as fidelity
    from muxviz.analysis.groups import attribution
    from muxviz.analysis.keys import gates, mantel, matched_filter
    from muxviz.analysis.keys import geometry as keys
    from muxviz.analysis.layers import entanglement, lens, norms, probes, translators
    from muxviz.analysis.map import projection, states
    from muxviz.analysis.whatif import desk, dial, dose, ensembling, orders, twins

    alone = shared_checkpoint(plain=True)
    pool: Any = {"pool": POOL}
    few: Any = {"pool": POOL, "draws": 3}

    def rows(c: Checkpoint) -> list[Row]:
        return ROWS[: c.config.num_instances]

    def traced(c: Checkpoint) -> Any:
        ids = torch.randint(104, 600, (2, c.config.num_instances, 20))
        return trace(c.model, ids)

    def translated(c: Checkpoint) -> Any:
        fitted = translators.fit_translators(c, POOL, draws=8)
        return lens.lens_of_group(c, rows(c), translators=fitted)

    def mapped(c: Checkpoint) -> Any:
        sample = states.sample_states(c, rows(c), pool=POOL, anchors=4, neighbour_sets=3)
        return projection.map_states(sample)

    labels = ["LABEL_0", "LABEL_1"] * (len(POOL) // 2)
    return {
        "trace": traced,
        "run_group": lambda c: inference.run_group(c, rows(c)),
        "agreement": lambda c: agreement.agreement(c, rows(c), baseline=alone),
        "pool_agreement": lambda c: agreement.pool_agreement(c, POOL, baseline=alone, draws=3),
        "accuracy": lambda c: agreement.accuracy(c, POOL, labels, draws=3),
        "confusion": lambda c: confusion.confusion(c, c, POOL, draws=3),
        "attention_maps": lambda c: attention.attention_maps(c, rows(c)),
        "instance_attention": lambda c: attention.instance_attention(c, rows(c)),
        "slot_pairs": lambda c: pairs.slot_pairs(c, rows(c)),
        "relevance": lambda c: attention.relevance(c, rows(c)),
        "head_effects": lambda c: attention.head_effects(c, rows(c)),
        "attribute": lambda c: attribution.attribute(c, rows(c), Target(0), steps=4, **pool),
        "slot_shares": lambda c: attribution.slot_shares(c, rows(c), steps=4, **pool),
        "conductance": lambda c: conductance.layer_conductance(
            c, rows(c), Target(0), steps=4, **pool
        ),
        "bits": lambda c: capacity.bits(c, POOL, draws=3),
        "crosstalk": lambda c: crosstalk.measure_crosstalk(c, rows(c), **few),
        "faders": lambda c: desk.turn_faders(c, rows(c), [0.5] * c.config.num_instances),
        "edit": lambda c: desk.edit_slot(c, rows(c), 0, "the dog is happy"),
        "dial": lambda c: dial.key_dial(c, rows(c), 0, 1, steps=3, random_keys=3),
        "ghosts": lambda c: dial.ghosts(c, rows(c), pool=POOL),
        "dose": lambda c: dose.dose_response(c, rows(c), doses=3),
        "ensembling": lambda c: ensembling.ensembling(
            c, list(zip(POOL[:12], labels[:12], strict=True))
        ),
        "spectrum": lambda c: entanglement.entanglement_spectrum(c, POOL, pairs=3),
        "read_back": lambda c: fidelity.read_back(c, rows(c)),
        "pool_read_back": lambda c: fidelity.pool_read_back(c, POOL, draws=3),
        "gates": lambda c: gates.gate_flips(c, rows(c), **few),
        "key_geometry": lambda c: keys.key_geometry(c, rows(c)),
        "key_interference": lambda c: keys.key_interference(c, rows(c), **few),
        "ladder": lambda c: ladder.ladder(c, rows(c), 0, **few),
        "leaks": lambda c: leaks.hard(c, **few),
        "log_odds": lambda c: log_odds.log_odds(c, rows(c), **few),
        "demux_lens": lambda c: lens.demux_lens(c, POOL, draws=3),
        "translated_lens": lambda c: lens.translated_lens(
            c, POOL[::2], POOL[1::2], fit_draws=8, draws=3
        ),
        "lens_of_group": translated,
        "mantel": lambda c: mantel.keys_and_crosstalk(c, rows(c), groups=2, **few),
        "matched_filter": lambda c: matched_filter.matched_filter(c, rows(c), **few),
        "norms": lambda c: norms.layer_norms(c, POOL, draws=3),
        "orders": lambda c: orders.slot_orders(c, rows(c)),
        "probes": lambda c: probes.linear_probes(c, POOL[::2], POOL[1::2], fit_draws=6, draws=3),
        "map": mapped,
        "shapley": lambda c: shapley.shapley(c, rows(c), **few),
        "twins": lambda c: twins.twins(c, POOL[0], POOL[1], **few),
        "duplicates": lambda c: twins.duplicates(c, POOL[0], **few),
    }


ANALYSES = analyses()


RARE = ("prefix", "mlp", "fills", "turned")  # the same code as others, a minute more in all
LONG = pytest.mark.journey


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=LONG if kind in RARE else ()) for kind in KINDS]
)
def test_every_analysis_runs_on_what_pruning_left(kind: str) -> None:
    """What does not apply, does not apply to the unpruned model either, or needs attention."""
    checkpoint = checkpoint_of(kind)
    refused = {}
    for name, call in ANALYSES.items():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                to_json(call(checkpoint)) if name != "trace" else call(checkpoint)
            except NotApplicable as error:
                refused[name] = str(error)
    gone = {name for name, why in refused.items() if "attend" in why and "across" not in why}
    expected = {
        "first": {"slot_pairs"},
        "none": {"attention_maps", "relevance", "slot_pairs"},
    }
    assert gone == expected.get(kind, set())
    for name in set(refused) - gone - {"twins"}:  # twins needs two different answers
        with pytest.raises(NotApplicable):
            ANALYSES[name](dense_of(kind))


def test_int8_runs_on_what_pruning_left() -> None:
    from muxviz.engine.int8 import int8_model

    checkpoint = checkpoint_of("holes")
    try:
        smaller = int8_model(checkpoint.model)
    except NotApplicable:
        pytest.skip("no int8 here")
    ids = torch.randint(104, 600, (2, 3, 9))
    apart = (smaller(ids).logits - checkpoint.model(ids).logits).abs().max()
    assert 0 < apart < 1


def test_widths_that_are_told_are_those_that_are_left() -> None:
    checkpoint = checkpoint_of("holes")
    assert ANALYSES["norms"](checkpoint).width == 21
    assert ANALYSES["probes"](checkpoint).width == 21
    assert ANALYSES["demux_lens"](checkpoint).width == 21
    assert ANALYSES["gates"](checkpoint).units == 20
    turned = ANALYSES["key_interference"](checkpoint_of("turned"))
    assert np.isnan(turned.law)  # rotations that were cut are none any more


# ---- heads under their own numbers --------------------------------------------------------------


def heads_only(masks: Masks) -> None:
    masks.heads[0, [0, 2]] = 0
    masks.attention[1] = 0


@cache
def by_heads() -> tuple[Checkpoint, Checkpoint]:
    """An unpruned model, and the same less heads 1 and 3 of layer 1 and layer 2's attention."""
    dense = tiny_checkpoint(tiny_config(default_padding="group"))
    masks = ones(dense.config)
    heads_only(masks)
    model = pruned(dense.model, masks)
    return dense, replace(dense, name="tiny-s30", model=model, config=model.config)


def test_heads_keep_their_numbers_and_pruned_ones_are_nan() -> None:
    dense, left = by_heads()
    maps, whole = (ANALYSES["attention_maps"](c) for c in (left, dense))
    assert maps.maps.shape == whole.maps.shape
    assert maps.is_kept.tolist() == [[False, True, False, True], [False] * 4]
    np.testing.assert_allclose(maps.maps[0, [1, 3]], whole.maps[0, [1, 3]], atol=1e-5)
    assert np.isnan(maps.maps[0, [0, 2]]).all()
    assert maps.layer_entropy[0] == pytest.approx(maps.entropy[0, [1, 3]].mean())
    assert np.isnan(maps.layer_entropy[1])
    assert whole.is_kept.all()
    np.testing.assert_allclose(whole.layer_entropy, whole.entropy.mean(axis=1))


def test_the_effect_of_a_silenced_head_is_that_of_pruning_it() -> None:
    dense, _ = by_heads()
    effects = ANALYSES["head_effects"](dense)
    masks = ones(dense.config)
    masks.heads[1, 2] = 0
    model = pruned(dense.model, masks)
    less = replace(dense, model=model, config=model.config)
    before, after = (ANALYSES["run_group"](c) for c in (dense, less))
    for slot in range(3):
        told = before.slots[slot].answer.label
        margins = [
            r.slots[slot].answer.margin * (1 if r.slots[slot].answer.label == told else -1)
            for r in (before, after)
        ]
        assert margins[1] - margins[0] == pytest.approx(effects.change[slot, 1, 2], abs=1e-4)


def test_head_effects_rank_only_what_is_left() -> None:
    _, left = by_heads()
    effects = ANALYSES["head_effects"](left)
    assert effects.is_kept.tolist() == [[False, True, False, True], [False] * 4]
    assert set(effects.ranking(0)) == {(0, 1), (0, 3)}
    assert np.isnan(effects.effect(1, "js")[1]).all()
    none = ANALYSES["head_effects"](checkpoint_of("none"))
    assert none.ranking(0) == []
    assert "No head is left" in heads_finding(none, 0)
    assert len(none.explained) == 3  # the page still offers what can be explained


def test_relevance_passes_by_a_layer_without_attention() -> None:
    _, left = by_heads()
    found = ANALYSES["relevance"](left)
    assert np.isnan(found.layers[:, 1]).all()
    np.testing.assert_allclose(found.rollout[:, 1], found.rollout[:, 0])
    np.testing.assert_allclose(found.rollout[:, 0], found.layers[:, 0], rtol=1e-5)


def test_norms_average_over_the_heads_that_are_left() -> None:
    _, left = by_heads()
    found = ANALYSES["norms"](left)
    assert found.evenness.mean[0] == pytest.approx(found.heads[0, [1, 3]].mean())
    assert np.isnan(found.evenness.mean[1])
    assert np.isnan(found.evenness.low[1])


def test_means_over_what_is_left() -> None:
    values = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan]])
    assert kept_mean(values, axis=1)[0] == 2
    assert np.isnan(kept_mean(values, axis=1)[1])


# ---- figures of heads ---------------------------------------------------------------------------


def hatches(fig: go.Figure) -> int:
    """Hatched boxes of a figure."""
    return sum(len(t.x) for t in fig.data if t.type == "bar" and t.marker.pattern.shape == "/")


def in_words(fig: go.Figure) -> str:
    return " ".join([fig.layout.title.text, *(a.text for a in fig.layout.annotations)])


@pytest.mark.parametrize("dark", [False, True])
def test_pruned_heads_are_hatched_never_zero(dark: bool) -> None:
    _, left = by_heads()
    maps, effects = (ANALYSES[name](left) for name in ("attention_maps", "head_effects"))
    grid = attention_grid_figure(maps, dark=dark)
    assert hatches(grid) == 6
    board = np.asarray(grid.data[0].z, dtype=float)
    side = maps.maps.shape[-1]
    assert np.isnan(board[:side, :side]).all()  # layer 1, head 1
    assert "layer 2 no longer attends" in attention_grid_finding(maps)
    assert "6 of them are hatched" in attention_grid_alt(maps)
    assert sum(row["pruned away"] for row in attention_grid_table(maps)) == 6
    heads = heads_figure(effects, 0, dark=dark)
    assert hatches(heads) == 6
    assert np.isnan(np.asarray(heads.data[0].z, dtype=float)).sum() == 6
    assert "6 of 8 heads are hatched" in heads_alt(effects, 0)
    assert [row["why"] for row in heads_table(effects, 0) if not row["rank"]] == ["pruned away"] * 6
    assert "Layer 2 no longer attends" in in_words(heads)


def test_what_is_gone_is_said_in_place_of_a_map() -> None:
    _, left = by_heads()
    maps, pairs, relevance = (
        ANALYSES[name](left) for name in ("attention_maps", "slot_pairs", "relevance")
    )
    gone = "Layer 2 no longer attends: its attention block was pruned away"
    assert attention_map_finding(maps, 1, 0, look="mean") == gone
    assert attention_map_figure(maps, 1, 0).layout.title.text == gone
    assert attention_map_table(maps, 1, 0)[0]["why"] == gone
    head = "Head 1 of layer 1 was pruned away: there is nothing to show"
    assert attention_map_finding(maps, 0, 0) == head
    assert pairs_finding(pairs, 0) == head
    assert pair_map_figure(pairs, 0, (0, 1)).layout.title.text == head
    assert "mean of its 2 heads left" in pairs_finding(pairs, None)
    assert "mean of its 2 heads left" in attention_map_finding(maps, 0, 0, look="mean")
    assert np.isfinite(np.asarray(pairs_figure(pairs, None).data[0].z, dtype=float)).all()
    assert relevance_finding(relevance, 1, rollout=False) == gone
    assert relevance_figure(relevance, 1, rollout=False).layout.title.text == gone
    assert "without 2: pruned away" in in_words(relevance_figure(relevance, 1))


def test_heads_of_a_file_that_tells_sizes_only_are_not_given_numbers() -> None:
    _, left = by_heads()
    maps = ANALYSES["attention_maps"](left)
    assert "does not tell which heads" not in in_words(attention_grid_figure(maps))
    assert "does not tell which heads" in in_words(
        attention_grid_figure(replace(maps, is_numbered=False))
    )


def test_norms_of_pruned_and_unpruned_are_told_apart() -> None:
    dense, left = by_heads()
    members = [ANALYSES["norms"](c) for c in (dense, left)]
    share = pruned_words(left.config.sparsity)
    assert any(share in str(t.name) for t in norms_figure(members).data)
    assert share in norms_alt(members)
    assert "pruned away" in norms_alt(members)
    assert {row["width"] for row in norms_table(members)} == {24}
    norms_figure([ANALYSES["norms"](checkpoint_of("none"))])


def test_two_spectra_of_unlike_width_are_compared_and_say_which_is_pruned() -> None:
    dense, left = dense_of("holes"), checkpoint_of("holes")
    one, other = (ANALYSES["spectrum"](c) for c in (dense, left))
    fig = spectra_figure(one, other, dark=True)
    lines = [t for t in fig.data if t.name]
    np.testing.assert_allclose(lines[0].y, one.interaction.mean, rtol=1e-5)
    np.testing.assert_allclose(lines[2].y, other.interaction.mean, rtol=1e-5)
    assert pruned_words(left.config.sparsity) in spectra_alt(one, other)
    assert "unpruned" in spectra_alt(one, other)
    assert len(spectra_table(one, other)) == 2 * len(one.levels)


# ---- what pruning left --------------------------------------------------------------------------


def kept_by_hand(*, is_numbered: bool = True) -> Structure:
    return Structure(
        hidden=tuple(range(0, 24, 2)),
        layers=(LayerStructure((1, 3), tuple(range(10))), LayerStructure((), tuple(range(5)))),
        readout=(0, 5, 6, 7),
        is_numbered=is_numbered,
    )


def test_the_map_of_what_is_left_counts_by_hand() -> None:
    config = replace(tiny_config(), structure=kept_by_hand())
    found = pruning_map(config, name="by-hand")
    assert found.heads.tolist() == [[False, True, False, True], [False] * 4]
    assert found.intermediate.tolist() == [10, 5]
    assert np.flatnonzero(found.hidden).tolist() == list(range(0, 24, 2))
    assert np.flatnonzero(found.readout).tolist() == [0, 5, 6, 7]
    assert found.attends.tolist() == [True, False]
    assert found.feeds.all()
    # 12 dimensions x (4 x 6 per head x 2 heads + 2 x 15 inner)
    assert found.weights == 12 * (4 * 6 * 2 + 2 * 15)
    assert found.prunable == 2 * (4 * 24**2 + 4 * 24 + 2 * 24 * 40 + 5 * 24)
    assert found.sparsity == pytest.approx(config.sparsity)
    dense = tiny_checkpoint(tiny_config())
    assert found.unpruned_parameters == sum(p.numel() for p in dense.model.parameters())
    assert found.parameters < found.unpruned_parameters
    read = from_json(to_json(found))
    np.testing.assert_array_equal(read.heads, found.heads)
    assert read.sparsity == found.sparsity


@pytest.mark.parametrize("dark", [False, True])
def test_the_picture_of_what_is_left(dark: bool) -> None:
    found = pruning_map(replace(tiny_config(), structure=kept_by_hand()), name="by-hand")
    fig = pruning_map_figure(found, dark=dark)
    left = [t for t in fig.data if t.name == "left"]
    assert [len(t.x) for t in left] == [2, 2, 12 + 2]  # heads; blocks; runs of dimensions
    np.testing.assert_allclose(np.asarray(left[1].width), [0.25, 0.125])
    assert hatches(fig) == 6 + 2
    assert "2 of 8 heads" in pruning_map_finding(found)
    assert "Layer 2 has no attention any more" in pruning_map_alt(found)
    rows = {row["what"]: row for row in pruning_map_table(found)}
    assert rows["layer 1, heads"] == {
        "what": "layer 1, heads",
        "left": 2,
        "of": 4,
        "share": 0.5,
        "pruned away": 0.5,
        "numbers": "2, 4",
    }
    assert rows["readout dimensions"]["numbers"] == "1, 6-8"
    assert f"1 - {found.weights:,} / {found.prunable:,}" in in_words(fig)


def test_a_released_file_tells_sizes_only_and_a_plain_model_has_no_readout() -> None:
    config = replace(tiny_config(), structure=kept_by_hand(is_numbered=False))
    found = pruning_map(config)
    assert "sizes only" in in_words(pruning_map_figure(found))
    assert all(row["numbers"] is None for row in pruning_map_table(found))
    plain = pruning_map(checkpoint_of("plain").config)
    assert not len(plain.readout)
    assert not any("readout" in row["what"] for row in pruning_map_table(plain))
    with pytest.raises(NotApplicable, match="nothing was pruned"):
        pruning_map(tiny_config())


# ---- slots against sparsity ---------------------------------------------------------------------


def origin(name: str, sparsity: float) -> Provenance:
    return Provenance(name, "0", 3, "cpu", "float32", "group", 9, "pool", 0, 1, (), "now", sparsity)


def record(hits: np.ndarray, sparsity: float) -> SlotRecord:
    return SlotRecord(
        ("right",),
        hits[None].astype(float),
        np.ones((1, *hits.shape)),
        30,
        len(hits),
        origin(f"m-s{round(100 * sparsity)}", sparsity),
    )


@pytest.fixture(scope="module")
def family() -> list[SlotRecord]:
    """40 groups, 3 slots: all right; slot 2 wrong in every second; slot 2 always wrong."""
    whole = np.ones((40, 3))
    half, none = whole.copy(), whole.copy()
    half[::2, 1], none[:, 1] = 0, 0
    return [record(whole, 0.0), record(half, 0.6), record(none, 0.95)]


def test_changes_by_slot_are_those_that_were_planted(family: list[SlotRecord]) -> None:
    found = by_sparsity(family)
    np.testing.assert_allclose(found.share.mean[0], [[1, 1, 1], [1, 0.5, 1], [1, 0, 1]])
    np.testing.assert_allclose(found.change.mean[0, 2], [0, -1, 0])
    np.testing.assert_allclose(found.mean.mean[0], [1, 5 / 6, 2 / 3])
    assert found.change.low[0, 1, 1] < -0.5 < found.change.high[0, 1, 1]
    assert np.isnan(found.p[0, 0])
    assert found.p[0, 1] == found.p[0, 2] == 1 / (PERMUTATIONS + 1)
    assert found.groups == 40


def test_slots_that_lose_alike_are_not_told_apart() -> None:
    """Under the null the p of many draws is spread evenly."""
    generator = np.random.default_rng(0)
    found = []
    for seed in range(60):
        changes = -(generator.random((16, 4)) < 0.3).astype(float)
        found.append(unequal(changes, np.ones_like(changes), seed=seed))
    assert 0.02 <= np.mean(np.array(found) <= 0.1) <= 0.2
    assert np.isnan(unequal(np.zeros((5, 1)), np.ones((5, 1))))


def test_records_that_do_not_belong_together_are_refused(family: list[SlotRecord]) -> None:
    with pytest.raises(InputError, match="at least two"):
        by_sparsity(family[:1])
    with pytest.raises(InputError, match="count them alike"):
        by_sparsity([family[0], replace(family[1], pool=31)])
    with pytest.raises(NotApplicable):
        by_sparsity([family[0], replace(family[1], quantities=("read",))])


def test_a_model_against_itself_changes_nothing() -> None:
    alone = shared_checkpoint(plain=True)
    labels = ["LABEL_0", "LABEL_1"] * (len(POOL) // 2)
    checkpoint = checkpoint_of("holes")
    one, other = (
        slot_record(checkpoint, POOL, labels=labels, baseline=alone, draws=5) for _ in range(2)
    )
    assert one.quantities == ("read", "right", "same")
    found = by_sparsity([one, other])
    assert not found.change.mean.any()
    assert found.p[:, 1].tolist() == [1.0] * 3
    read = ANALYSES["pool_read_back"](checkpoint)
    again = slot_record(checkpoint, POOL, draws=3)
    np.testing.assert_array_equal(again.hits[0].sum(axis=0), read.slots.hits)
    np.testing.assert_array_equal(again.trials[0].sum(axis=0), read.slots.trials)
    with pytest.raises(NotApplicable):
        slot_record(alone, POOL, draws=3)


@pytest.mark.parametrize("dark", [False, True])
def test_pictures_against_sparsity_hold_their_numbers(family: list[SlotRecord], dark: bool) -> None:
    found = by_sparsity(family)
    fig = sparsity_figures.sparsity_figure(found, "right", dark=dark)
    lines = {t.name: t for t in fig.data if t.name}
    np.testing.assert_allclose(lines["■ 2"].x, [0, 60, 95])
    np.testing.assert_allclose(lines["■ 2"].y, [1, 0.5, 0])
    np.testing.assert_allclose(lines["all slots"].y, [1, 5 / 6, 2 / 3], rtol=1e-6)
    said = sparsity_figures.sparsity_finding(found, "right")
    assert said.startswith("Right answers: 67 % (95 % pruned), 100 % (unpruned); slots differ")
    assert "slot 2 −100 points, slot 1 0" in said
    assert len(sparsity_figures.sparsity_table(found, "right")) == 3 * 4
    assert "m-s95, 95 % pruned" in sparsity_figures.sparsity_alt(found, "right")
    pair = by_sparsity([family[0], family[1]])
    two = sparsity_figures.slot_change_figure(pair, "right", dark=dark)
    np.testing.assert_allclose(two.data[2].x, [0, -50, 0, -100 / 6], rtol=1e-5)
    assert "fewer right answers" in sparsity_figures.slot_change_finding(pair, "right")
    assert "B: m-s60, 60 % pruned" in in_words(two)
    assert [row["slot"] for row in sparsity_figures.slot_change_table(pair, "right")] == [
        "1", "2", "3", "all"
    ]  # fmt: skip
    assert "Slot 2: A 100 %, B 50 %" in sparsity_figures.slot_change_alt(pair, "right")
    with pytest.raises(InputError, match="compares two"):
        sparsity_figures.slot_change_figure(found, "right")
    with pytest.raises(InputError, match="read"):
        sparsity_figures.sparsity_figure(found, "read")


def test_crosstalk_against_sparsity_adds_up_what_a_slot_takes() -> None:
    dense, left = dense_of("holes"), checkpoint_of("holes")
    tests = [ANALYSES["crosstalk"](c) for c in (dense, left)]
    found = crosstalk_by_sparsity(tests)
    for k, test in enumerate(tests):
        np.testing.assert_allclose(
            found.received.mean[k], test.moved.received.mean / 2, rtol=1e-5, atol=1e-9
        )
    np.testing.assert_allclose(
        found.change.mean[1], found.received.mean[1] - found.received.mean[0], atol=1e-9
    )
    fig = crosstalk_sparsity_figure(found, dark=True)
    assert [t.name for t in fig.data if t.name][-1] == "all pairs"
    assert len(crosstalk_sparsity_table(found)) == 2 * 4
    assert "pruned" in crosstalk_sparsity_alt(found)
    with pytest.raises(InputError, match="other sentences"):
        crosstalk_by_sparsity([tests[0], replace(tests[1], texts=("x",))])


# ---- lists of checkpoints -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tiny-n3, two pruned from it, and their N = 1 baseline."""
    root = tmp_path_factory.mktemp("pruned")
    card = {"baseline": "tiny-n1"}
    write_checkpoint(root / "tiny-n1", plain=True)
    dense = tiny_checkpoint(tiny_config(default_padding="group"), name="tiny-n3", card=card)
    save(dense, root / "tiny-n3")
    for name, how in (("tiny-n3-s50", holes), ("tiny-n3-s70", first_gone)):
        save(cut(dense, how, name), root / name)
    (root / "pool.txt").write_text("\n".join(POOL[:12]), encoding="utf-8")
    return root


@pytest.fixture
def _here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(folder))
    monkeypatch.setenv("MUXVIZ_POOL", str(folder / "pool.txt"))


@pytest.mark.usefixtures("_here")
def test_pruned_checkpoints_are_told_apart_by_their_files() -> None:
    listed = {c.name: c for c in checkpoints.bundled()}
    left = checkpoint_of("holes").config.sparsity
    assert listed["tiny-n3-s50"].sparsity == pytest.approx(left)
    assert listed["tiny-n3-s50"].label == f"tiny-n3-s50 · {pruned_words(left)}"
    assert listed["tiny-n3-s50"].pruned_from == "tiny-n3"
    assert listed["tiny-n3"].label == "tiny-n3"
    assert not listed["tiny-n3"].pruned_from
    alike = {name: checkpoints.likeness(c) for name, c in listed.items()}
    assert alike["tiny-n3"] == alike["tiny-n3-s50"] == alike["tiny-n3-s70"]
    assert alike["tiny-n1"] != alike["tiny-n3"]


def test_a_sparsity_is_told_from_the_card_where_the_configuration_has_none() -> None:
    assert checkpoints.sparsity_of({}, {"sparsity": 0.9}) == 0.9
    assert checkpoints.sparsity_of({}, {"sparsity": "much"}) == 0.0
    broken = {name: 4 for name in checkpoints.SIZES.values()} | {"muxviz": {"structure": 3}}
    assert checkpoints.sparsity_of(broken, {}) == 0.0


def test_shares_are_never_rounded_to_all_or_nothing() -> None:
    assert [pruned_words(s) for s in (0.95, 0.001, 0.998)] == [
        "95 % pruned",
        "under 1 % pruned",
        "99.8 % pruned",
    ]


# ---- pages --------------------------------------------------------------------------------------

PAGES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "mix": ({}, ()),
    "fidelity": ({"f_draws": "16"}, ("fidelity_answers Pruning", "fidelity_sparsity")),
    "compare": ({"q_draws": "16", "q_count": "read"}, ("compare_slots",)),
    "crosstalk": (
        {"c_draws": "8"},
        ("crosstalk_swap", "crosstalk_swap_b", "crosstalk_more Pruning", "crosstalk_sparsity"),
    ),
    "whatif": ({}, ()),
    "map": ({}, ()),
    "attention": (
        {"a_agg": "one", "a_layer": "2"},
        (
            "attention_more Words",
            "attention_words",
            "attention_more Ways through",
            "attention_ways",
        ),
    ),
    "layers": (
        {"l_pairs": "16"},
        ("layers_spectrum", "layers_spectrum_b", "layers_more Against N", "layers_norms"),
    ),
    "keys": ({}, ()),
    "models": ({}, ()),
}


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_with_a_pruned_model_beside_its_unpruned_one(page: str) -> None:
    asked, studies = PAGES[page]
    at = visit(page, m="tiny-n3-s50", mb="tiny-n3", **asked)
    for study in studies:
        row, _, tab = study.partition(" ")
        at = open_tab(at, row, tab) if tab else press(at, f"{study}_compute")
    assert not [e.value for e in at.error]
    said = " ".join(titles(at))
    if page == "compare":
        assert "B has" in said or "A and B are not told apart" in said
    if page == "fidelity":
        assert "Tokens read back: " in said
    if page == "crosstalk":
        assert "A slot takes" in said
        assert "off the diagonal add up to" in said
        assert "tiny-n3-s50, " in json.dumps([c.proto.spec for c in at.get("plotly_chart")])
    if page == "attention":
        assert "Layer 2 no longer attends" in said
        assert "all its heads were pruned away" in seen(at)
        at.button(key="to_pruning_map").click().run()
        assert at.selectbox(key="i_pick").value == "tiny-n3-s50"
    if page == "layers":
        assert "belongs to no single slot after the last layer" in said
    if page == "models":
        assert "of the encoder was pruned away" in said


@pytest.mark.usefixtures("_here")
def test_the_sidebar_offers_the_unpruned_model_as_model_b() -> None:
    at = visit("mix", m="tiny-n3-s50")
    assert "% pruned" in seen(at)
    at.button(key="compare_unpruned").click().run()
    assert at.selectbox(key="mb").value == "tiny-n3"
    assert not [b for b in at.button if b.key == "compare_unpruned"]
    label = next(c.label for c in checkpoints.bundled() if c.name == "tiny-n3-s50")
    again = visit("mix", m=label)  # as the address has it
    assert again.selectbox(key="m").value == "tiny-n3-s50"


@pytest.mark.usefixtures("_here")
def test_pages_say_what_is_missing_for_an_unpruned_model(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = visit("models", m="tiny-n3")
    at.selectbox(key="i_pick").set_value("tiny-n3").run()
    assert "Nothing was pruned" in seen(at)
    for name in ("tiny-n1", "tiny-n3"):
        (tmp_path / name).symlink_to(folder / name)
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(tmp_path))
    said = seen(open_tab(visit("fidelity", m="tiny-n3"), "fidelity_answers", "Pruning"))
    assert "is the only sparsity of this kind here" in said
