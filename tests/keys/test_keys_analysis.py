"""Keys, interference, gates, the Mantel test and the matched filter against planted truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from muxviz.analysis.groups import draws
from muxviz.analysis.keys.gates import gate_flips
from muxviz.analysis.keys.geometry import gram, interference_of, key_geometry, key_interference
from muxviz.analysis.keys.mantel import keys_and_crosstalk, similarities_of
from muxviz.analysis.keys.matched_filter import matched_filter, unmixed
from muxviz.batch import Seating
from muxviz.errors import InputError, NotApplicable, Stopped
from muxviz.model.multiplexer import HadamardMultiplexer
from muxviz.results.store import from_json, to_json
from muxviz.tracing import trace
from tests.keys.planted_keys import (
    COSINES,
    FLIPS_APART,
    FLIPS_EQUAL,
    INTERFERENCE,
    LOUDER,
    OVERLAP,
    POOL,
    ROWS,
    WIDTH,
    chunks,
    filtered_by_hand,
    leak_of,
    mantel_by_hand,
    symmetric,
    with_vectors,
)
from tests.planted import planted
from tests.tiny import shared_checkpoint

# ---- geometry -----------------------------------------------------------------------------------


def test_disjoint_masks_do_not_touch() -> None:
    found = key_geometry(planted().checkpoint, ROWS)
    assert found.mux is not None
    assert found.interference is not None
    assert found.demux is not None
    np.testing.assert_array_equal(found.interference, np.eye(3))
    np.testing.assert_array_equal(found.mux.cosine, np.eye(3))
    # A mask is N on 16 dimensions; a key is one unit vector.
    np.testing.assert_allclose(found.mux.norms, 3 * WIDTH**0.5)
    np.testing.assert_allclose(found.demux.norms, 1.0)
    assert found.reasons == {}
    assert from_json(to_json(found)).interference.shape == (3, 3)


def test_interference_of_overlapping_masks_by_hand() -> None:
    np.testing.assert_allclose(interference_of(OVERLAP), INTERFERENCE)
    found = key_geometry(with_vectors(planted(), OVERLAP), ROWS)
    assert found.interference is not None
    np.testing.assert_allclose(found.interference, INTERFERENCE)
    cosine = gram(OVERLAP).cosine
    np.testing.assert_allclose(cosine, COSINES)
    assert np.isnan(interference_of(chunks((0, 0, 0), (1, 1, 1)))[0]).all()
    np.testing.assert_array_equal(gram(chunks((0, 0, 0), (1, 1, 1))).cosine[0], [0, 0])


def test_matrices_interfere_by_the_norm_of_their_product() -> None:
    generator = np.random.default_rng(0)
    matrices = generator.normal(size=(3, 5, 5))
    direct = np.array(
        [[np.sum((a.T @ b) ** 2) / np.sum((a.T @ a) ** 2) for b in matrices] for a in matrices]
    )
    np.testing.assert_allclose(interference_of(matrices), direct)


def test_the_index_prefix_has_the_keys_of_its_pass() -> None:
    checkpoint = shared_checkpoint(demultiplexer="index_prefix", default_padding="group")
    found = key_geometry(checkpoint, ROWS)
    assert found.demux is not None
    group = draws.base_group(checkpoint, ROWS)
    ids, mask, types = (torch.from_numpy(x)[None] for x in (group.ids, group.mask, group.types))
    states = trace(checkpoint.model, ids, mask, token_type_ids=types).hidden_states[-1][0, :3]
    np.testing.assert_allclose(found.demux.cosine, gram(states.double().numpy()).cosine, atol=1e-5)


# ---- interference -------------------------------------------------------------------------------


def test_signal_to_interference_of_masks_by_hand() -> None:
    clean = key_interference(planted().checkpoint, ROWS, pool=POOL, draws=6)
    assert clean.measured.mean.tolist() == [0.0] * 3
    assert np.isinf(clean.sinr_db(clean.measured.mean)).all()
    assert clean.from_keys.tolist() == [0.0] * 3
    assert np.isnan(clean.law)
    # Every token has the same energy in every chunk, so the keys alone settle it.
    mixed = key_interference(with_vectors(planted(), OVERLAP), ROWS, pool=POOL, draws=6)
    np.testing.assert_allclose(mixed.from_keys, [2.5, 0.5, 0.25])
    np.testing.assert_allclose(mixed.measured.mean, [2.5, 0.5, 0.25], rtol=1e-5)
    assert mixed.sinr_db(mixed.measured.mean)[1] == pytest.approx(10 * np.log10(2), abs=1e-4)


def test_gaussian_keys_are_near_their_law() -> None:
    num, width = 5, 64
    vectors = np.random.default_rng(3).normal(size=(num, num * width))
    checkpoint = with_vectors(
        planted(num_instances=num, width=width), vectors, multiplexer="gaussian_hadamard"
    )
    found = key_interference(checkpoint, ROWS, pool=POOL, draws=40)
    assert found.law == pytest.approx(4 / 3)  # 10 log10(3 / 4) = -1.25 dB
    assert found.sinr_db(found.law) == pytest.approx(-1.249, abs=1e-3)
    assert found.law_low < found.law < found.law_high
    inside = (found.law_low < found.measured.mean) & (found.measured.mean < found.law_high)
    assert inside.sum() >= num - 1  # 95 % of slots each
    assert found.measured.mean.mean() == pytest.approx(found.law, rel=0.15)
    np.testing.assert_allclose(found.measured.mean, found.from_keys, rtol=0.2)


def test_the_laws_of_orthogonal_matrices() -> None:
    for name, law in (("random_orthogonal", 2.0), ("low_rank_orthogonal", 0.0)):
        checkpoint = shared_checkpoint(multiplexer=name, default_padding="group")
        found = key_interference(checkpoint, ROWS, pool=POOL, draws=8)
        assert (found.law, found.law_low, found.law_high) == (law,) * 3
        np.testing.assert_allclose(found.from_keys, law, atol=1e-5)
        # Common parts of the embeddings add up or cancel after random turns.
        np.testing.assert_allclose(found.measured.mean, law, atol=0.5 if law else 1e-9)


# ---- gates --------------------------------------------------------------------------------------


def test_gate_flips_by_hand() -> None:
    apart = gate_flips(planted().checkpoint, ROWS, pool=POOL, draws=4)
    np.testing.assert_allclose(apart.here, FLIPS_APART, atol=1e-6)
    np.testing.assert_allclose(apart.flips.mean, FLIPS_APART, atol=1e-6)
    np.testing.assert_allclose(apart.deciding, 1 / 3, atol=1e-6)
    same = gate_flips(planted(gates=(0, 0, 2)).checkpoint, ROWS, pool=POOL, draws=4)
    np.testing.assert_allclose(same.here, FLIPS_EQUAL)
    np.testing.assert_allclose(same.deciding, [0, 0, 1 / 3], atol=1e-6)
    assert (same.units, same.pool, same.flips.draws) == (48, len(POOL), 4)


@pytest.mark.parametrize("changes", [{}, {"readout": "mean"}, {"demultiplexer": "index_prefix"}])
def test_gate_flips_of_any_shared_layer_are_symmetric_rates(changes: dict[str, Any]) -> None:
    checkpoint = shared_checkpoint(default_padding="group", **changes)
    found = gate_flips(checkpoint, ROWS, pool=POOL, draws=3)
    for rates in (found.here, found.flips.mean):
        np.testing.assert_allclose(rates, rates.T, atol=1e-6)
        np.testing.assert_allclose(np.diag(rates), 0, atol=1e-6)
        assert 0 < rates[0, 1] < 1


# ---- matched filter -----------------------------------------------------------------------------


def test_the_filter_reads_all_of_a_clean_mixture() -> None:
    found = matched_filter(planted().checkpoint, ROWS, pool=POOL, draws=6)
    assert found.model is not None
    assert found.filtered.value.tolist() == [1.0] * 3
    assert found.model.value.tolist() == [1.0] * 3
    assert found.group[1].read == ("the", "plot", "is", "bad", "and", "boring")
    assert found.filtered.trials.sum() == found.model.trials.sum()


def test_a_louder_slot_of_the_same_mask_takes_the_filter() -> None:
    """v_2 = 2 v_1: the filter of slot 1 hears slot 2 twice as loud as its own."""
    found = matched_filter(with_vectors(planted(), LOUDER), ROWS, pool=POOL, draws=8)
    group = found.group
    assert group[0].read == ("the", "plot", "is")
    assert group[1].read == group[1].tokens
    # A token that both slots hold at one place is read all the same; few do here.
    np.testing.assert_allclose(found.filtered.value, filtered_by_hand(planted(), LOUDER, 8))
    assert found.filtered.value[0] < 0.3
    assert found.filtered.value[1] > 0.95  # some third token may lie between two
    assert found.filtered.value[2] == 1.0


def test_rotations_are_turned_back() -> None:
    """sqrt(N) R_i' z = R_i' R_i e^i + the others' part, which is 0 for ranges at right angles."""
    checkpoint = shared_checkpoint(multiplexer="low_rank_orthogonal", default_padding="group")
    group = draws.base_group(checkpoint, ROWS)
    ids, mask, types = (torch.from_numpy(x)[None] for x in (group.ids, group.mask, group.types))
    seen = trace(checkpoint.model, ids, mask, token_type_ids=types)
    turns: Any = checkpoint.model.multiplexer.instance_embedding
    own = torch.einsum("nge,ngf,bntf->bnte", turns, turns, seen.instance_embeddings)
    torch.testing.assert_close(unmixed(checkpoint, seen.multiplexed), own, atol=1e-4, rtol=0)


def test_chance_is_always_naming_the_commonest_token() -> None:
    checkpoint = planted().checkpoint
    found = matched_filter(checkpoint, ROWS, pool=POOL, draws=8)
    # 24 rows are drawn: every sentence three times.
    tokens = checkpoint.need_tokenizer().tokenize(" ".join(POOL))
    assert found.chance == pytest.approx(tokens.count("the") / len(tokens))


def test_without_a_retrieval_head_the_filter_still_reads() -> None:
    checkpoint = shared_checkpoint(has_retrieval_head=False, default_padding="group")
    found = matched_filter(checkpoint, ROWS, pool=POOL, draws=2)
    assert found.model is None
    assert found.filtered.trials.min() > 0


# ---- the Mantel test ----------------------------------------------------------------------------


def test_leaks_that_follow_the_keys_are_found() -> None:
    similarity = symmetric(0)
    found = leak_of(similarity, np.exp(similarity))
    assert found.rho[0] == pytest.approx(1.0)
    assert found.p[0] == pytest.approx(1 / 120)  # only the given order fits
    assert (found.permutations, found.is_exact) == (120, True)
    assert leak_of(similarity, -similarity).rho[0] == pytest.approx(-1.0)


def test_rho_is_spearmans_and_p_counts_orders_of_slots() -> None:
    similarity, crosstalk = symmetric(1, 4), np.abs(np.random.default_rng(2).normal(size=(4, 4)))
    found = leak_of(similarity, crosstalk)
    assert (found.rho[0], found.p[0]) == pytest.approx(mantel_by_hand(similarity, crosstalk))


def test_unrelated_leaks_are_rarely_called_related() -> None:
    found = [leak_of(symmetric(s), np.exp(symmetric(1000 + s))).p[0] for s in range(150)]
    assert np.mean(np.array(found) <= 0.05) <= 0.09
    assert np.mean(found) == pytest.approx(0.5, abs=0.08)


def test_what_the_mantel_test_cannot_answer() -> None:
    flat = leak_of(np.eye(5), symmetric(3))
    assert np.isnan(flat.rho[0])
    assert np.isnan(flat.p[0])
    many = leak_of(symmetric(4, 8), symmetric(4, 8))
    assert (many.permutations, many.is_exact) == (10_000, False)
    assert many.p[0] <= 2e-4
    with pytest.raises(NotApplicable, match="two slots are one pair"):
        leak_of(np.eye(2), np.eye(2))
    with pytest.raises(InputError, match="4 x 4"):
        leak_of(np.eye(3), np.eye(4))
    with pytest.raises(InputError, match="cross-talk must be"):
        leak_of(symmetric(0), np.full((5, 5), np.nan))


def test_cross_talk_below_the_floor_is_not_ranked() -> None:
    checkpoint = planted(num_instances=4).checkpoint
    keys = checkpoint.model.demultiplexer.keys
    with torch.no_grad():  # columns that no unit reads: other likenesses, the same answers
        keys[:, -6:] += torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    texts = ("good good", "bad bad", "great", "awful film", "a warm day", "the sad old man")
    found = keys_and_crosstalk(checkpoint, ROWS, pool=texts, draws=4, groups=2)
    off = ~np.eye(4, dtype=bool)
    assert (found.crosstalk[off] == 0).all()
    assert np.isnan(found.rho).all()


def test_likenesses_grow_with_what_is_hard_to_tell_apart() -> None:
    checkpoint = planted(gates=(0, 0, 2)).checkpoint
    gates = gate_flips(checkpoint, ROWS, pool=POOL, draws=2)
    found = similarities_of(key_geometry(checkpoint, ROWS), gates)
    assert list(found) == [
        "mux vectors, cosine",
        "mux vectors, interference",
        "demux keys, cosine",
        "demux gates, equal share",
    ]
    assert found["demux gates, equal share"][0] == pytest.approx([1, 1, 1 / 3])


# ---- what all of them share ---------------------------------------------------------------------


@pytest.mark.parametrize("analysis", [key_interference, gate_flips, matched_filter])
def test_what_does_not_apply_says_why(analysis: Any) -> None:
    cases = [
        (shared_checkpoint(plain=True), "a plain model has no slots"),
        (shared_checkpoint(num_instances=1, default_padding="group"), "one slot only"),
    ]
    if analysis is gate_flips:
        cases.append((shared_checkpoint(demultiplexer="mlp", default_padding="group"), "the mlp"))
    else:
        contextual = shared_checkpoint(multiplexer="contextual", default_padding="group")
        cases.append((contextual, "the contextual multiplexer passes"))
    for checkpoint, message in cases:
        with pytest.raises(NotApplicable, match=f"not applicable: .*{message}"):
            analysis(checkpoint, ROWS[:1], pool=POOL, draws=2)
    with pytest.raises(InputError, match="give a pool"):
        analysis(planted().checkpoint, ROWS, pool=())


def test_geometry_names_what_a_variant_lacks() -> None:
    mlp = key_geometry(shared_checkpoint(demultiplexer="mlp", default_padding="group"), ROWS)
    assert mlp.demux is None
    assert "no keys" in mlp.reasons["demux"]
    contextual = shared_checkpoint(multiplexer="contextual", default_padding="group")
    found = key_geometry(contextual, ROWS)
    assert found.interference is None
    assert found.mux is not None
    assert "contextual" in found.reasons["interference"]
    with pytest.raises(NotApplicable, match="plain model"):
        key_geometry(shared_checkpoint(plain=True), ROWS[:1])


class Louder(HadamardMultiplexer):
    """A kind of one's own that does something else with the vectors of its parent."""

    def forward(self, embeddings: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(embeddings, attention_mask).relu()


class Bare(torch.nn.Module):
    """A kind of one's own without a vector per slot."""

    def forward(self, embeddings: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return embeddings.mean(dim=1)


@pytest.mark.parametrize("own", [Louder, Bare])
def test_of_a_kind_of_ones_own_only_what_is_known_is_said(own: type) -> None:
    model = planted()
    if own is Bare:
        model.checkpoint.model.multiplexer = Bare()
    else:
        model.checkpoint.model.multiplexer.__class__ = own
    found = key_geometry(model.checkpoint, ROWS)
    assert (found.mux is None) == (own is Bare)
    assert found.interference is None
    reason = found.reasons["interference"]
    assert f"the {own.__name__} multiplexer does not say by which filters" in reason
    assert "layers of its own" not in reason
    for analysis in (key_interference, matched_filter):
        with pytest.raises(NotApplicable, match="does not say by which filters"):
            analysis(model.checkpoint, ROWS, pool=POOL, draws=2)


def test_of_a_demultiplexer_of_ones_own_only_what_is_known_is_said() -> None:
    model = planted()
    model.checkpoint.model.demultiplexer = torch.nn.Identity()
    reasons = key_geometry(model.checkpoint, ROWS).reasons
    assert "does not say which numbers are its keys" in reasons["demux"]
    with pytest.raises(NotApplicable, match="known to share"):
        gate_flips(model.checkpoint, ROWS, pool=POOL, draws=2)


def numbers(result: Any) -> np.ndarray:
    main = {"KeyInterference": "measured", "GateFlips": "flips", "MatchedFilter": "filtered"}
    found = getattr(result, main[type(result).__name__])
    return np.asarray(found.value if hasattr(found, "value") else found.mean)


@pytest.mark.parametrize("analysis", [key_interference, gate_flips, matched_filter])
def test_groups_alone_and_in_a_batch_agree_and_the_seed_decides(
    analysis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = shared_checkpoint(default_padding="group")
    together = analysis(checkpoint, ROWS, pool=POOL, draws=7, seating=Seating(seed=4))
    np.testing.assert_array_equal(
        numbers(together),
        numbers(analysis(checkpoint, ROWS, pool=POOL, draws=7, seating=Seating(seed=4))),
    )
    other = analysis(checkpoint, ROWS, pool=POOL, draws=7, seating=Seating(seed=5))
    assert np.abs(numbers(other) - numbers(together)).max() > 0
    monkeypatch.setattr(draws, "LARGEST", 1)
    alone = analysis(checkpoint, ROWS, pool=POOL, draws=7, seating=Seating(seed=4))
    np.testing.assert_allclose(numbers(alone), numbers(together), atol=1e-5)
    assert from_json(to_json(together)).provenance == together.provenance


@pytest.mark.parametrize("analysis", [key_interference, gate_flips, matched_filter])
def test_stopped_work_keeps_what_is_done(analysis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draws, "LARGEST", 2)
    checkpoint = planted().checkpoint

    def stop_after_two(done: int, total: int) -> None:
        if done >= 2:
            raise Stopped("stopped")

    found = analysis(checkpoint, ROWS, pool=POOL, draws=8, progress=stop_after_two)
    assert found.is_partial
    assert getattr(found, "groups", 2) <= 8

    told: list[tuple[int, int]] = []
    whole = analysis(checkpoint, ROWS, pool=POOL, draws=8, progress=lambda *a: told.append(a))
    assert not whole.is_partial
    assert told[-1][0] == told[-1][1]
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_nothing_is_changed_on_the_model() -> None:
    checkpoint = planted().checkpoint
    before = {name: value.clone() for name, value in checkpoint.model.state_dict().items()}
    for analysis in (key_interference, gate_flips, matched_filter):
        analysis(checkpoint, ROWS, pool=POOL, draws=2)
    key_geometry(checkpoint, ROWS)
    for name, value in checkpoint.model.state_dict().items():
        assert torch.equal(value, before[name]), name
