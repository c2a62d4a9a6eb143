"""States, scores and projections of the map, held against planted models worked out by hand."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import silhouette_samples

from muxviz.analysis.groups.draws import base_group
from muxviz.analysis.map.compiled import keep_compiled
from muxviz.analysis.map.projection import NEEDS_UMAP, joint_states, map_states, project
from muxviz.analysis.map.scatter import CEILING, scatter_ratio
from muxviz.analysis.map.separation import (
    centred,
    nearest,
    read_state,
    silhouettes,
)
from muxviz.analysis.map.states import draw_design, sample_states
from muxviz.batch import Row, Seating
from muxviz.errors import InputError, NotApplicable, Stopped
from muxviz.inference import group_tensors
from muxviz.results import from_json, to_json
from muxviz.results.map import (
    ANSWER,
    EMBEDDING,
    MIXTURE,
    NEIGHBOURS,
    READOUT,
    SENTENCE,
    SLOT,
    StateSample,
)
from muxviz.tracing import trace
from tests.map.planted_map import (
    POOL,
    K,
    M,
    N,
    aligned,
    clean,
    leaks_of,
    made,
    mixed_codes,
    mixtures,
    read_outs,
    sampled,
    scatters,
    shares_by,
)
from tests.planted import OPEN, Planted, first_forced, planted
from tests.tiny import shared_checkpoint, tiny_checkpoint, tiny_config

GOLD = ("positive", "negative") * 9
OWN = (Row("a good film"), Row("the road is dark"), Row("bad"))


# ---- states -------------------------------------------------------------------------------------


def test_the_design_is_crossed_and_no_anchor_is_a_neighbour() -> None:
    sample = clean()
    assert len(sample.anchor) == K * M * N == sample.groups
    triples = set(zip(sample.anchor, sample.neighbour_set, sample.slot, strict=True))
    assert len(triples) == K * M * N
    others = [t for texts in sample.neighbour_texts for t in texts]
    assert len(others) == len(set(others)) == M * (N - 1)
    assert not set(others) & set(sample.texts)
    assert not sample.is_partial


def test_states_of_a_clean_model_are_those_worked_out_by_hand() -> None:
    model, sample = planted(), clean()
    assert sample.names == (EMBEDDING, MIXTURE, "layer 1", "layer 2", READOUT)
    for point in range(len(sample.anchor)):
        slot, codes = int(sample.slot[point]), mixed_codes(model, sample, point)
        np.testing.assert_allclose(
            sample.states[EMBEDDING][point], np.tile(codes[slot], N), atol=1e-5
        )
        for name in (MIXTURE, "layer 1", "layer 2"):
            np.testing.assert_allclose(sample.states[name][point], codes.ravel(), atol=1e-4)
        readout = np.zeros_like(codes)
        readout[slot] = OPEN + codes[slot]
        np.testing.assert_allclose(sample.states[READOUT][point], readout.ravel(), atol=1e-4)


def test_margins_answers_and_agreement_with_gold_by_hand() -> None:
    model = planted()
    sample = sampled(model, gold=GOLD)
    assert sample.reference == "gold"
    for point, text in enumerate(sample.texts[k] for k in sample.anchor):
        ids = base_group(model.checkpoint, [Row(text)]).ids[0]
        score = model.scores[first_forced(ids[None])[0]]
        margin = score[: len(model.checkpoint.tokenizer(text)["input_ids"])].mean()
        wanted = GOLD[POOL.index(text)] == "positive"
        assert sample.margin[point] == pytest.approx(margin if wanted else -margin, abs=1e-4)
        if abs(margin) > 1e-3:
            assert sample.label[point] == (margin > 0)
            assert sample.correct[point] == ((margin > 0) == wanted)


def test_states_are_those_of_a_traced_pass_of_the_group_alone() -> None:
    checkpoint = shared_checkpoint(default_padding="group")
    sample = sample_states(checkpoint, OWN, pool=POOL, anchors=2, neighbour_sets=2)
    for point in (0, 7, len(sample.anchor) - 1):
        slot, number = int(sample.slot[point]), int(sample.neighbour_set[point])
        rows = list(OWN)
        if number >= 0:
            texts = list(sample.neighbour_texts[number])
            texts.insert(slot, sample.texts[sample.anchor[point]])
            rows = [Row(t) for t in texts]
        group = base_group(checkpoint, rows)
        ids, mask, _ = group_tensors(checkpoint, [group])
        traced = trace(checkpoint.model, ids, mask, retrieval=None, attentions=False)
        own = group.mask[slot].astype(bool)
        inside = {
            EMBEDDING: traced.instance_embeddings[0, slot],
            MIXTURE: traced.multiplexed[0],
            "layer 1": traced.hidden_states[1][0],
            "layer 2": traced.hidden_states[2][0],
        }
        for name, values in inside.items():
            want = values.numpy()[own].mean(axis=0)
            np.testing.assert_allclose(sample.states[name][point], want, atol=1e-5)
        np.testing.assert_allclose(
            sample.states[READOUT][point], traced.readout[0, slot].numpy(), atol=1e-5
        )


def test_the_users_group_is_added_and_changes_nothing_else() -> None:
    model = planted()
    sample = sampled(model, OWN[:2])
    own = sample.is_own
    assert own.sum() == 2
    assert sample.slot[own].tolist() == [0, 1]
    assert [sample.texts[k] for k in sample.anchor[own]] == [r.text for r in OWN[:2]]
    for name in sample.names:
        np.testing.assert_allclose(sample.states[name][~own], clean().states[name], atol=1e-5)
    assert read_state(sample, READOUT).points == K * M * N


def test_equal_seeds_give_equal_samples() -> None:
    again = sampled(planted())
    other = sampled(planted(), seating=Seating(seed=1))
    for name in again.names:
        assert (again.states[name] == clean().states[name]).all()
    assert other.texts != again.texts


def stopping_after(count: int) -> Callable[[int, int], None]:
    def tell(done: int, total: int) -> None:
        if done > count:
            raise Stopped("stopped")

    return tell


def test_stopping_keeps_the_anchors_that_were_finished() -> None:
    model, size = planted(), M * N
    sample = sampled(model, OWN, anchors=9, progress=stopping_after(3 + 8 * size))
    assert sample.is_partial
    assert sample.num_anchors == 8
    assert sample.is_own.sum() == 3
    assert [sample.texts[k] for k in sample.anchor[sample.is_own]] == [r.text for r in OWN]
    assert read_state(sample, READOUT).points == 8 * size
    with pytest.raises(Stopped):
        sampled(model, OWN, progress=stopping_after(3))


@pytest.mark.parametrize(
    "changes",
    [
        {"task": "token_classification", "num_labels": 3},
        {"backbone": "electra", "task": "replaced_token_detection"},
        {"task": "masked_lm"},
        {"task": "regression"},
        {"demultiplexer": "index_prefix"},
        {"demultiplexer": "mlp", "task": "token_classification", "num_labels": 3},
        {"multiplexer": "contextual"},
        {"embedding_size": 16},
    ],
)
def test_every_kind_of_checkpoint_gives_states(changes: dict[str, Any]) -> None:
    checkpoint = shared_checkpoint(**changes)
    sample = sample_states(checkpoint, OWN, pool=POOL, anchors=3, neighbour_sets=2)
    assert all(np.isfinite(v).all() and v.dtype == np.float32 for v in sample.states.values())
    has_classes = checkpoint.config.task not in ("masked_lm", "regression")
    assert np.isfinite(sample.margin).all() == has_classes
    assert sample.reference == ""
    assert np.isnan(sample.correct).all()


def test_words_of_the_vocabulary_are_not_counted_out_for_a_masked_lm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkpoint = tiny_checkpoint(tiny_config(task="masked_lm"))

    def refuse(*_: Any) -> None:
        raise AssertionError("logits over the vocabulary were made")

    monkeypatch.setattr(checkpoint.model.retrieval_head, "forward", refuse)
    sample_states(checkpoint, (), pool=POOL, anchors=2, neighbour_sets=1)


def test_without_gold_labels_answers_are_held_against_the_baseline() -> None:
    tags = {"task": "token_classification", "num_labels": 3, "default_padding": "group"}
    checkpoint, alone = shared_checkpoint(**tags), shared_checkpoint(plain=True, **tags)
    sample = sample_states(checkpoint, OWN, pool=POOL, baseline=alone, anchors=2, neighbour_sets=2)
    assert sample.reference == "alone"
    assert ((sample.correct >= 0) & (sample.correct <= 1)).all()
    other = shared_checkpoint(plain=True, task="token_classification", num_labels=4)
    unlike = sample_states(checkpoint, (), pool=POOL, baseline=other, anchors=2, neighbour_sets=2)
    assert unlike.reference == ""


def test_what_cannot_be_sampled_says_why() -> None:
    with pytest.raises(NotApplicable, match="one text a pass"):
        sample_states(shared_checkpoint(plain=True), (), pool=POOL)
    with pytest.raises(InputError, match="the pool has 18 sentences; 17 anchors and 2 neighbours"):
        sampled(planted(), anchors=17)
    with pytest.raises(InputError, match="at least 2 anchors"):
        sampled(planted(), anchors=1)
    _, sets = draw_design(8, 3, 4, 4)  # five others for 4 x 3 places: they come round again
    assert all(len(set(one)) == 3 for one in sets)


# ---- scores -------------------------------------------------------------------------------------


def test_four_points_by_hand() -> None:
    points = np.array([[0.0, 0], [0, 2], [4, 0], [4, 2]])
    names = np.array([0, 0, 1, 1])
    # The groups' means lie 2 from the middle, 4 points: S_b = 16; every point 1 from its mean.
    assert scatter_ratio(centred(points), names) == pytest.approx(4.0)
    distances = np.linalg.norm(points[:, None] - points, axis=-1)
    far = (4 + 20**0.5) / 2
    np.testing.assert_allclose(silhouettes(distances, names), (far - 2) / far)


def test_silhouettes_are_those_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    points, names = generator.normal(size=(60, 5)), generator.integers(4, size=60)
    distances = np.linalg.norm(points[:, None] - points, axis=-1)
    want = silhouette_samples(distances, names, metric="precomputed")
    np.testing.assert_allclose(silhouettes(distances, names), want, atol=1e-9)


def spreads(model: Planted, sample: StateSample) -> tuple[np.ndarray, np.ndarray]:
    """Mean code g of every anchor less their mean, ``[K, width]``, and that mean."""
    first = {int(k): p for p, k in reversed(list(enumerate(sample.anchor)))}
    codes = np.stack(
        [mixed_codes(model, sample, first[k])[sample.slot[first[k]]] for k in range(K)]
    )
    return codes - codes.mean(axis=0), codes.mean(axis=0)


def test_shares_of_a_clean_read_out_by_hand() -> None:
    """Read-outs are e_s (x) (v + d_k), v = OPEN + mean code: nothing depends on neighbours.

    Between sentences M sum d^2, between slots K M (N - 1) v^2, interaction M (N - 1) sum d^2.
    """
    model, sample = planted(), clean()
    offsets, mean = spreads(model, sample)
    squares, v = float(np.square(offsets).sum()), float(np.square(OPEN + mean).sum())
    parts = M * np.array([squares, K * (N - 1) * v, 0, (N - 1) * squares])
    shares = read_state(sample, READOUT).shares
    np.testing.assert_allclose(shares.mean, parts / parts.sum(), atol=1e-6)
    assert shares.mean.sum() == pytest.approx(1)
    assert (shares.low[:3] - 1e-9 <= shares.mean[:3]).all()
    assert (shares.mean[:3] <= shares.high[:3] + 1e-9).all()


def test_silhouettes_of_a_clean_read_out_by_hand() -> None:
    """Slots live in chunks of their own, so that raw read-outs are far apart by slot."""
    model, sample = planted(), clean()
    offsets, mean = spreads(model, sample)
    states = OPEN + mean + offsets
    near = np.linalg.norm(states[:, None] - states, axis=-1)  # in one slot
    squares = np.square(states).sum(axis=1)
    far = np.sqrt(squares[:, None] + squares)  # in two slots: chunks are orthogonal
    inside = M * near.sum(axis=1) / (K * M - 1)
    outside = far.mean(axis=1)
    reading = read_state(sample, READOUT)
    by_slot = reading.by(SLOT).silhouette
    assert by_slot.value == pytest.approx((1 - inside / outside).mean(), abs=1e-4)
    assert by_slot.is_above_chance
    own = (N - 1) * M * np.diag(far) / (M * N - 1)
    other = (near + (N - 1) * far) / N
    np.fill_diagonal(other, np.inf)
    rival = other.min(axis=1)
    want = ((rival - own) / np.maximum(rival, own)).mean()
    assert reading.by(SENTENCE).silhouette.value == pytest.approx(want, abs=1e-4)
    assert reading.by(NEIGHBOURS).ratio.value == pytest.approx(0, abs=1e-9)


def test_aligned_read_outs_of_a_clean_model_are_one_point_a_sentence() -> None:
    reading = read_state(aligned(clean()), READOUT)
    sentence, slot = reading.by(SENTENCE), reading.by(SLOT)
    assert sentence.silhouette.value == pytest.approx(1, abs=1e-5)  # float32
    assert sentence.silhouette.low == pytest.approx(1, abs=1e-5)
    assert sentence.ratio.value == CEILING
    assert sentence.purity.value == 1
    assert sentence.k == M * N - 1  # fewer than ten others have the name
    assert sentence.silhouette.is_above_chance
    for other in (slot, reading.by(NEIGHBOURS)):
        assert other.ratio.value == pytest.approx(0, abs=1e-6)
        assert other.ratio.high == pytest.approx(0, abs=1e-6)
        assert not other.silhouette.is_above_chance
    np.testing.assert_allclose(reading.shares.mean, [1, 0, 0, 0], atol=1e-6)


def test_a_leak_spreads_a_sentence_by_its_square() -> None:
    model = planted(leaks_of(0.5))
    within = {}
    for weight in (0.25, 0.5):
        leaky = planted(leaks_of(weight))
        sample = aligned(sampled(leaky))
        between, within[weight] = scatters(read_outs(model, sample, weight), sample.anchor)
        ratio = read_state(sample, READOUT).by(SENTENCE).ratio
        assert ratio.value == pytest.approx(between / within[weight], rel=1e-3)
        assert ratio.low < ratio.value < ratio.high
        assert ratio.null == pytest.approx((K - 1) / (K * M * N - K), rel=0.1)
    assert within[0.5] == pytest.approx(4 * within[0.25], rel=1e-6)


def test_neighbours_own_the_mixture_of_a_clean_model() -> None:
    """One chunk of the mixture is the sentence's, N - 1 are its neighbours'; by hand in shares."""
    model, sample = planted(), clean()
    want = shares_by(mixtures(model, sample, (1, 1, 1)), sample)
    shares = read_state(sample, MIXTURE).shares.mean
    np.testing.assert_allclose(shares[:3], want, atol=1e-5)
    assert read_state(sample, EMBEDDING).by(SENTENCE).ratio.value == CEILING


def test_noise_is_not_above_chance() -> None:
    noise = np.random.default_rng(1).normal(size=(8, 4, 3, 6))
    reading = read_state(made(noise), READOUT)
    for one in reading.separations:
        assert not one.silhouette.is_above_chance
        assert not one.ratio.is_above_chance
        assert one.purity.null == pytest.approx((96 / one.groups - 1) / 95, abs=0.02)
        assert abs(one.purity.value - one.purity.null) < 0.1
    want = np.array([7, 2, 3, 95 - 12]) / 95  # degrees of freedom
    np.testing.assert_allclose(reading.shares.mean, want, atol=0.05)


def test_the_interval_holds_the_ratio_of_the_population() -> None:
    """Anchors with variance 4 and noise 1: between / within = (K - 1)(4 m + 1) / (K (m - 1))."""
    hits, rounds, size = 0, 40, 12
    for seed in range(rounds):
        generator = np.random.default_rng(seed)
        anchors = generator.normal(scale=2.0, size=(10, 1, 1, 4))
        points = anchors + generator.normal(size=(10, 4, 3, 4))
        ratio = read_state(made(points), READOUT, seed=seed).by(SENTENCE).ratio
        hits += ratio.low < 9 * (4 * size + 1) / (10 * (size - 1)) < ratio.high
    assert hits >= 30  # of 40: ten anchors make a bootstrap somewhat too narrow


def test_answers_are_a_grouping_where_there_are_two() -> None:
    sample = sampled(planted())
    assert read_state(sample, READOUT).by_answer is not None
    assert read_state(sample, READOUT).separations[-1].by == ANSWER
    one = replace(sample, label=np.zeros_like(sample.label))
    assert read_state(one, READOUT).by_answer is None


def test_nearest_points_by_cosine() -> None:
    points = np.zeros((3, 2, 2, 2))
    points[0], points[1], points[2] = [1, 0], [1, 1], [0, 5]
    sample = made(points)
    found = nearest(sample, READOUT, 0, k=8)
    assert [n.point for n in found[:3]] == [1, 2, 3]
    assert found[0].cosine == pytest.approx(1)
    assert found[3].cosine == pytest.approx(0.5**0.5)
    assert found[7].cosine == pytest.approx(0)
    with pytest.raises(InputError, match="points 0 to 11"):
        nearest(sample, READOUT, 12)


# ---- projections --------------------------------------------------------------------------------


def flat() -> StateSample:
    return made(np.random.default_rng(0).normal(size=(8, 2, 2, 2)) * [3.0, 1.0])


def test_a_map_of_two_dimensions_is_to_be_trusted() -> None:
    found = project(flat())
    assert found.trustworthiness[0] == 1
    assert found.trustworthiness_null[0] < 0.7
    assert found.explained.sum() == pytest.approx(1)
    assert found.fitted == 32
    points = flat().states[READOUT]
    kept = np.linalg.norm(points[:, None] - points, axis=-1)
    drawn = np.linalg.norm(found.coordinates[0][:, None] - found.coordinates[0], axis=-1)
    np.testing.assert_allclose(drawn, kept, atol=1e-4)


def test_explained_variance_by_hand() -> None:
    points = np.zeros((3, 2, 2, 3))
    points[..., 0] = np.array([-3.0, 0, 3])[:, None, None]  # variance 6
    points[..., 1] = np.array([-1.0, 1])[:, None]  # variance 1
    found = project(made(points), dims=3)
    np.testing.assert_allclose(found.explained, [6 / 7, 1 / 7, 0], atol=1e-6)


def test_own_points_are_placed_on_a_map_that_they_do_not_change() -> None:
    sample = sampled(planted(), OWN)
    own, without = project(sample, (EMBEDDING,)), project(clean(), (EMBEDDING,))
    np.testing.assert_allclose(
        own.coordinates[0, ~sample.is_own], without.coordinates[0], atol=1e-4
    )
    pool = next(k for k, t in enumerate(sample.texts) if t in POOL)
    copy = replace(sample, states={EMBEDDING: sample.states[EMBEDDING].copy()})
    at, theirs = np.flatnonzero(sample.is_own)[0], np.flatnonzero(sample.anchor == pool)[0]
    copy.states[EMBEDDING][at] = copy.states[EMBEDDING][theirs]
    placed = project(copy, (EMBEDDING,)).coordinates[0]
    np.testing.assert_allclose(placed[at], placed[theirs], atol=1e-5)


def test_a_joint_fit_scales_every_state_to_one_spread() -> None:
    sample = clean()
    names = joint_states(sample)
    assert names == sample.names
    louder = replace(sample, states=sample.states | {"layer 1": 50 * sample.states["layer 1"] + 3})
    one, other = project(sample, names), project(louder, names)
    np.testing.assert_allclose(one.coordinates, other.coordinates, atol=1e-3)
    assert one.coordinates.shape == (5, K * M * N, 2)
    assert one.is_joint
    narrow = shared_checkpoint(embedding_size=16)
    unlike = sample_states(narrow, (), pool=POOL, anchors=3, neighbour_sets=2)
    assert joint_states(unlike) == ("layer 1", "layer 2", READOUT)
    with pytest.raises(InputError, match="unlike width"):
        project(unlike, (EMBEDDING, READOUT))


def test_scores_and_maps_come_together_and_survive_a_file() -> None:
    told: list[tuple[int, int]] = []
    sample = sampled(planted(), OWN)
    found = map_states(sample, progress=lambda *a: told.append(a))
    assert told[-1][0] == told[-1][1]
    assert found.map_of((READOUT,), 3).dims == 3
    assert found.map_of(sample.names, 2).is_joint
    assert found.reading(MIXTURE).state == MIXTURE
    again = from_json(to_json((found.readings, found.maps)))
    assert again[0][0].by(SENTENCE) == found.readings[0].by(SENTENCE)


def blobs() -> StateSample:
    """Two far groups of 12 points each in 8 dimensions, and one own point inside each."""
    generator = np.random.default_rng(0)
    points = generator.normal(size=(2, 4, 3, 8))
    points[1] += 40
    sample = made(points)
    more = {"anchor": [2, 3], "slot": [0, 1], "neighbour_set": [-1, -1], "label": [-1, -1]}
    added = {n: np.r_[getattr(sample, n), v].astype(np.int16) for n, v in more.items()}
    states = np.r_[sample.states[READOUT], generator.normal(size=(2, 8))].astype(np.float32)
    states[-1] += 40
    return replace(sample, states={READOUT: states}, **added)


def test_umap_keeps_groups_apart_and_places_own_points(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = "umap-learn (muxviz[analysis]) is not installed"
    numba = pytest.importorskip("numba", reason=missing)
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)  # so few points take less than compiling
    pytest.importorskip("umap", reason=missing)
    sample = blobs()
    found = project(sample, method="umap", n_neighbors=50, seed=3)
    points = found.coordinates[0]
    middles = np.stack([points[sample.anchor == k].mean(axis=0) for k in (0, 1)])
    for own, home in ((24, 0), (25, 1)):
        away = np.linalg.norm(points[own] - middles, axis=1)
        assert away.argmin() == home
    assert found.neighbors == 23
    assert "one thread" in found.notes[0]
    again = project(sample, method="umap", n_neighbors=50, seed=3)
    assert (again.coordinates == found.coordinates).all()


def test_what_was_compiled_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba", reason="umap-learn (muxviz[analysis]) is not installed")
    folder = tmp_path / "planted_map"
    folder.mkdir()
    code = "import numba\n\n@numba.njit\ndef one_more(x):\n    return x + 1\n"
    (folder / "__init__.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)

    def read_of_files() -> int:
        monkeypatch.delitem(sys.modules, "planted_map", raising=False)
        planted = import_module("planted_map")
        keep_compiled("planted_map")
        assert planted.one_more(1) == 2
        return sum(planted.one_more.stats.cache_hits.values())

    assert [read_of_files(), read_of_files()] == [0, 1]
    (folder / "__init__.py").write_text(code.replace("x + 1", "1 + x "))
    assert read_of_files() == 0


def test_tsne_leaves_own_points_out_and_says_so() -> None:
    sample = blobs()
    found = project(sample, method="tsne")
    assert np.isnan(found.coordinates[0, sample.is_own]).all()
    assert np.isfinite(found.coordinates[0, ~sample.is_own]).all()
    assert found.neighbors == 7  # a third of the points
    assert "yours are left out" in found.notes[0]


def test_without_umap_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(NotApplicable, match="pip install") as caught:
        project(blobs(), method="umap")
    assert str(caught.value) == NEEDS_UMAP


def test_what_cannot_be_mapped_says_why() -> None:
    few = made(np.random.default_rng(0).normal(size=(3, 1, 3, 4)))
    with pytest.raises(InputError, match="got 9 points; a map of fewer than 10"):
        project(few)
    with pytest.raises(InputError, match="fewer than 10"):
        read_state(few, READOUT)
    with pytest.raises(InputError, match="this sample has readout"):
        project(flat(), ("layer 9",))
    with pytest.raises(InputError, match="choose one of pca, umap, tsne"):
        project(flat(), method="lda")
    with pytest.raises(InputError, match="2 or 3"):
        project(flat(), dims=4)
    with pytest.raises(InputError, match="name at least one"):
        project(flat(), ())
    one = made(np.ones((4, 2, 2, 3)))
    with pytest.raises(InputError, match="nothing to map"):
        project(one)
    reading = read_state(one, READOUT)
    assert reading.spread == 0
    assert np.isnan(reading.shares.mean).all()
    assert np.isnan(reading.by(SENTENCE).ratio.value)
