"""A packed start: exact packing, what it is cut out of, the texts made for it, and whole runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from muxviz.config import BackboneShape, MuxConfig
from muxviz.errors import ConfigError
from muxviz.model.multiplexer import draw_instance_embedding
from muxviz.model.mux_model import MuxModel
from muxviz.training.packed.layout import Layout
from muxviz.training.packed.prepare import shared_vectors
from muxviz.training.packed.start import _narrowed_scores, principal, start_gate
from muxviz.training.packed.tied import TiedModel, packed, packed_weights
from muxviz.training.packed.turn import turned, turning
from muxviz.training.recipe import read_recipe
from tests.tiny import _fill, tiny_config, tiny_ids

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "packed"
TASKS = ("sequence_classification", "regression", "token_classification", "masked_lm", "retrieval")
SHAPES = (  # N, slot_width (0: as wide as it fits), idle dimensions of 24
    (2, 0, 0),
    (3, 0, 0),
    (5, 0, 4),
    (5, 3, 9),
    (4, 4, 8),
)


def tied_model(num: int, own: int = 0, seed: int = 0, **changes: Any) -> TiedModel:
    """A tied model with wide random weights."""
    sizes = {"num_attention_heads": 6, "intermediate_size": 41, "num_demux_layers": 3}
    config = tiny_config(num_instances=num, multiplexer="binary_hadamard", **(sizes | changes))
    model = TiedModel(config, Layout.of(config.shape, num, own=own))
    draws = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            _fill(module, draws)
        model.multiplexer.instance_embedding.copy_(draw_instance_embedding(config, draws))
    return model.eval()


def group_of(config: MuxConfig) -> tuple[Tensor, Tensor]:
    """Ids and mask of two groups, one text of which is shorter."""
    ids = tiny_ids(config)
    mask = torch.ones_like(ids)
    mask[0, 1, 5:] = 0
    ids[0, 1, 5:] = 0
    return ids, mask


# ---- packing is exact ---------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("num", "own", "idle"), SHAPES)
def test_a_packed_model_equals_its_narrow_one(task: str, num: int, own: int, idle: int) -> None:
    narrow = tied_model(num, own, task=task)
    assert narrow.layout.idle == idle
    wide = packed(narrow)
    assert type(wide) is MuxModel
    ids, mask = group_of(narrow.config)
    for hide in (False, True):
        ours, theirs = (m(ids, mask, hide_padding=hide).logits for m in (narrow, wide))
        assert theirs.std() > 0.1
        torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=1e-4)


def test_every_state_is_the_wide_models_own() -> None:
    """Not only the answers: mixture, every layer, read-back; idle dimensions are zero."""
    narrow = tied_model(5, 3)
    wide = packed(narrow)
    ids, mask = group_of(narrow.config)
    prepared = narrow.prepare(ids, mask, None)
    ours = narrow.mix(narrow.embed(prepared), mask)
    torch.testing.assert_close(ours, wide.mix(wide.embed(prepared), mask), atol=1e-5, rtol=1e-5)
    ours, theirs = (m.encoder.all_states(m.enter(ours), None) for m in (narrow, wide))
    used = narrow.layout.places("hidden").flatten()
    idle = [d for d in range(24) if d not in used]
    for mine, wider in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, wider, atol=2e-5, rtol=1e-4)
        assert not wider[..., idle].any()
    read = [m.retrieval_head(m.read_tokens(ours[-1])) for m in (narrow, wide)]
    torch.testing.assert_close(*read, atol=2e-4, rtol=1e-4)


def test_the_gradient_is_that_of_the_packed_network_on_the_tying() -> None:
    """d loss / d narrow = (d packed / d narrow)^T d loss / d wide."""
    narrow = tied_model(3)
    wide = packed(narrow)
    ids, mask = group_of(narrow.config)

    def loss(model: MuxModel) -> Tensor:
        read = model.retrieval_head(model.read_tokens(model.encoder(hidden_of(model), None)))
        return model(ids, mask).logits.square().mean() + read.square().mean()

    def hidden_of(model: MuxModel) -> Tensor:
        prepared = model.prepare(ids, mask, None)
        return model.enter(model.mix(model.embed(prepared), mask))

    wide.embeddings.word_embeddings.padding_idx = None  # the narrow table trains that row too
    loss(narrow).backward()
    loss(wide).backward()
    leaves = dict(narrow.named_parameters())
    laid_out = packed_weights(leaves, narrow.layout)
    of_wide = dict(wide.named_parameters())
    assert laid_out.keys() == of_wide.keys()
    names = [name for name, value in of_wide.items() if value.grad is not None]
    projected = torch.autograd.grad(
        [laid_out[name] for name in names],
        [leaves[name] for name in names],
        [of_wide[name].grad for name in names],
    )
    assert len(names) > 30
    for name, expected in zip(names, projected, strict=True):
        assert expected.abs().max() > 0 or "key.bias" in name, name
        torch.testing.assert_close(leaves[name].grad, expected, atol=2e-4, rtol=2e-3, msg=name)


def test_slots_are_alike_but_for_the_mean() -> None:
    """A hand-made layout: whose dimensions, heads and units are which."""
    layout = Layout(num=2, own=2, heads=1, units=2, wide=7, all_heads=2, all_units=5)
    assert layout.places("hidden").tolist() == [[0, 1], [3, 4]]
    assert layout.idle == 3
    states = torch.arange(7.0)
    assert layout.own_of(states).tolist() == [[0, 1], [3, 4]]
    assert layout.whole(layout.own_of(states)).tolist() == [0, 1, 0, 3, 4, 0, 0]
    assert layout.tiled(torch.tensor([8.0, 9.0])).tolist() == [8, 9, 0, 8, 9, 0, 0]


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"own": 13}, "slot_width is 13; 2 slots side by side have room for 1 to 12"),
        ({"heads": 3}, "slot_heads is 3"),
        ({"units": 21}, "slot_units is 21"),
    ],
)
def test_what_does_not_fit_is_refused(sizes: dict[str, int], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Layout.of(tiny_config().shape, 2, **sizes)


def test_more_slots_than_heads_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"5 slots side by side cannot share 4 \(slot_heads\)"):
        Layout.of(tiny_config().shape, 5)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_recipes_fit_the_bundled_encoder(path: Path) -> None:
    recipe = read_recipe(path)
    assert recipe.is_packed
    assert recipe.name == path.stem
    shape = BackboneShape(8000, 384, 4, 12, 1536, recipe.sizes.max_length)
    layout = Layout.of(shape, recipe.num_instances)
    assert f" {layout.own} wide" in path.read_text(encoding="utf-8")
    assert layout.heads * recipe.num_instances in (10, 12)


@pytest.mark.parametrize(
    "changes",
    [
        {"multiplexer": "gaussian_hadamard"},
        {"demultiplexer": "index_prefix"},
        {"readout": "mean"},
        {"backbone": "electra"},
    ],
)
def test_other_parts_cannot_be_packed(changes: dict[str, Any]) -> None:
    config = tiny_config(**({"multiplexer": "binary_hadamard"} | changes))
    name = next(iter(changes))
    with pytest.raises(ConfigError, match=f"a packed start has {name}"):
        TiedModel(config, Layout.of(config.shape, 3))


# ---- the two dials ------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("num", "own", "idle"), SHAPES)
def test_a_turned_model_gives_the_same_answers(task: str, num: int, own: int, idle: int) -> None:
    narrow = tied_model(num, own, task=task)
    wide = packed(narrow)
    model = turned(wide, narrow.layout, seed=3)
    assert model.config.multiplexer == "low_rank_orthogonal"
    ids, mask = group_of(narrow.config)
    for hide in (False, True):
        ours, theirs = (m(ids, mask, hide_padding=hide).logits for m in (model, wide))
        torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=1e-4)


def test_turning_spreads_every_slot_and_every_state_turns() -> None:
    narrow = tied_model(5)
    wide, layout = packed(narrow), narrow.layout
    model, turn = turned(wide, layout, seed=3), turning(layout, seed=3)
    torch.testing.assert_close(turn @ turn.T, torch.eye(24), atol=1e-5, rtol=0)
    torch.testing.assert_close(turn.sum(dim=0), torch.ones(24), atol=1e-5, rtol=0)
    ids, mask = group_of(narrow.config)
    states = []
    for one in (wide, model):
        mixed = one.mix(one.embed(one.prepare(ids, mask, None)), mask)
        states.append([mixed, *one.encoder.all_states(one.enter(mixed), None)])
    for before, after in zip(*states, strict=True):
        torch.testing.assert_close(before @ turn.T, after, atol=5e-5, rtol=1e-4)
    used = (model.multiplexer.instance_embedding.abs() > 1e-4).any(dim=2).sum(dim=1)  # type: ignore[operator]
    assert used.tolist() == [20] * 4 + [24], "of 24, where a chunk has 4, the last one 8"
    other = turning(layout, seed=4)
    assert not torch.allclose(turn, other)


def test_a_model_whose_slots_are_no_copies_is_not_turned() -> None:
    narrow = tied_model(3)
    wide = packed(narrow)
    with torch.no_grad():
        wide.encoder.layers[1].output.LayerNorm.weight[0] += 1  # type: ignore[union-attr,operator]
    with pytest.raises(ConfigError, match="not copies of one another side by side"):
        turned(wide, narrow.layout, seed=0)


def test_slot_vectors_slide_from_chunks_to_gaussian_ones() -> None:
    config = packed(tied_model(5)).config
    none, half, whole = (shared_vectors(config, share, seed=5) for share in (0.0, 0.5, 1.0))
    assert torch.equal(none, draw_instance_embedding(config, torch.Generator()))
    torch.testing.assert_close(half, (none + whole) / 2)
    torch.testing.assert_close(whole.norm(dim=1), torch.full((5,), (24 / 5) ** 0.5))
    assert not torch.allclose(whole, shared_vectors(config, 1.0, seed=6))


# ---- what it starts from ------------------------------------------------------------------------


def test_the_basis_keeps_the_share_of_the_variance_it_says() -> None:
    draws = torch.Generator().manual_seed(3)
    stretch = torch.tensor([5.0, 3.0, 1.0, 0.5, 0.1, 0.1])
    turn, _ = torch.linalg.qr(torch.randn(6, 6, generator=draws))
    states = (torch.randn(4000, 6, generator=draws) * stretch) @ turn + 7.0
    basis = principal([states], None, 2, draws)
    variances = stretch.square()
    assert basis.share == pytest.approx(float(variances[:2].sum() / variances.sum()), abs=0.01)
    parts = (states - states.mean(dim=0)) @ basis.directions
    kept = parts.var(dim=0, correction=0).sum() / states.var(dim=0, correction=0).sum()
    assert basis.share == pytest.approx(float(kept), abs=1e-4)
    assert basis.directions.T @ basis.directions == pytest.approx(np.eye(2), abs=1e-5)


def test_first_tokens_count_as_much_as_all() -> None:
    states = torch.zeros(1000, 3)
    draws = torch.Generator().manual_seed(0)
    states[:, 0] = torch.randn(1000, generator=draws)
    is_first = torch.zeros(1000, dtype=torch.bool)
    is_first[:10] = True
    states[:10, 1] = 0.3 * torch.randn(10, generator=draws)
    states[:10, 0] = 0.0
    without_first, with_first = (
        principal([states, states], which, 1, draws).directions for which in (None, is_first)
    )
    assert abs(without_first[0, 0]) > 0.99
    assert principal([states, states], is_first, 2, draws).share == pytest.approx(1.0)
    assert with_first.shape == (3, 1)


def test_the_gate_lets_only_the_slots_own_dimensions_through() -> None:
    model = tied_model(3)
    with torch.no_grad():
        start_gate(model, torch.Generator().manual_seed(0))
    layout = model.layout
    hidden = torch.randn(2, 4, layout.wide, generator=torch.Generator().manual_seed(1))
    shared = torch.nn.functional.gelu(model.demultiplexer.unlock(hidden))
    for slot, places in enumerate(layout.places("hidden")):
        others = [d for d in range(layout.wide) if d not in places]
        assert shared[:, slot][..., places].abs().mean() > 0.5
        # GELU goes down to -0.17 near -0.75, and a state of 3 stands at -1.
        assert shared[:, slot][..., others].abs().max() < 0.17
    # And a slot's answer is the same function of its part, whichever slot it is.
    swapped = layout.whole(layout.own_of(hidden).roll(1, dims=-2))
    read, moved = model.demultiplexer(hidden), model.demultiplexer(swapped)
    logits, shifted = model.head(read), model.head(moved)
    torch.testing.assert_close(logits[:, 0], shifted[:, 1], atol=0.05, rtol=0.05)


def test_a_smaller_head_keeps_the_scores_that_it_can() -> None:
    """A head whose scores have rank 2 loses nothing in 3 dimensions, biases included."""
    draws = torch.Generator().manual_seed(0)
    low = torch.randn(2, 5, generator=draws)
    query = (torch.randn(4, 2, generator=draws) @ low, torch.zeros(4))
    key = (torch.randn(4, 5, generator=draws), torch.randn(4, generator=draws))
    states = torch.randn(7, 5, generator=draws)

    def scores(asks: tuple[Tensor, Tensor], holds: tuple[Tensor, Tensor]) -> Tensor:
        asked, held = (states @ weight.T + bias for weight, bias in (asks, holds))
        return asked @ held.T / len(asks[0]) ** 0.5

    torch.testing.assert_close(scores(*_narrowed_scores(query, key, 3)), scores(query, key))
    full = _narrowed_scores(query, key, 4)
    assert torch.equal(full[0][0], query[0])
