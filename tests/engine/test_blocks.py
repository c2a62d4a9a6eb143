"""Block-diagonal encoders: found from the weights, and the same answers with less arithmetic."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from muxviz.engine.blocks import BlockEncoder, block_model
from muxviz.engine.engine import Engine
from muxviz.loading.load import load
from muxviz.model import fast
from muxviz.model.mux_model import MuxModel
from muxviz.pruning.masks import ones, pruned
from muxviz.training.packed.tied import packed
from tests.tiny import shared_checkpoint
from tests.training.test_packed import SHAPES, TASKS, group_of, tied_model

MATRICES = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)


def logits(model: MuxModel, hide: bool = False) -> torch.Tensor:
    """What the engine's pass gives for two groups."""
    ids, mask = group_of(model.config)
    prepared = model.prepare(ids, mask, None, hide_padding=hide)
    with torch.inference_mode():
        hidden = fast.encode(model, prepared, hide_padding=hide)
        if model.config.answers_texts:
            return fast.read_sentence(model, hidden, prepared)
        return fast.read_token_logits(model, hidden, prepared, mask.bool()).values


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("num", "own", "idle"), SHAPES)
def test_a_packed_model_answers_the_same(task: str, num: int, own: int, idle: int) -> None:
    wide = packed(tied_model(num, own, task=task))
    skipping = block_model(wide)
    assert skipping is not None
    assert isinstance(skipping.encoder, BlockEncoder)
    assert not isinstance(wide.encoder, BlockEncoder)
    for hide in (False, True):
        torch.testing.assert_close(logits(skipping, hide), logits(wide, hide), atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("layer", [0, 1])
def test_one_weight_across_is_enough_to_multiply_all(matrix: str, layer: int) -> None:
    wide = packed(tied_model(3))
    part: Any = wide.encoder.layers[layer].get_submodule(matrix)
    with torch.no_grad():
        part.weight[0, -1] = part.weight[-1, 0] = 1e-9
    assert block_model(wide) is None


def test_a_weight_at_an_idle_dimension_counts() -> None:
    wide = packed(tied_model(5))
    unit: Any = wide.encoder.layers[0].get_submodule("intermediate.dense")
    with torch.no_grad():
        unit.weight[0, 23] = 1.0
    assert block_model(wide) is None


def test_dense_and_plain_models_are_left_alone() -> None:
    assert block_model(shared_checkpoint().model) is None
    assert block_model(shared_checkpoint(plain=True).model) is None


def test_blocks_may_have_lost_different_parts() -> None:
    """What pruning left: other heads and units in every block and layer, or nothing of a half."""
    whole = packed(tied_model(3))
    masks = ones(whole.config)
    masks.heads[0][[0, 3, 5]] = 0
    masks.heads[1][:] = 0
    masks.intermediate[0][7:30] = 0
    pruned_model = pruned(whole, masks)
    skipping = block_model(pruned_model)
    assert skipping is not None
    torch.testing.assert_close(logits(skipping), logits(pruned_model), atol=2e-4, rtol=1e-4)


def test_only_the_blocks_are_multiplied() -> None:
    """Counted: the encoder's matrices cost 1 / N of theirs (no dimension, head or unit is idle)."""
    wide = packed(tied_model(3, intermediate_size=42))
    skipping = block_model(wide)
    assert skipping is not None
    hidden = torch.randn(4, 9, 24)
    counts = []
    for model in (wide, skipping):
        with FlopCounterMode(display=False) as seen, torch.inference_mode():
            model.encoder(hidden, None)
        every = seen.get_flop_counts()["Global"]
        counts.append(sum(n for kind, n in every.items() if "mm" in str(kind)))
    assert counts[0] == 3 * counts[1]


def test_the_engine_says_what_it_skips() -> None:
    checkpoint = load("sst2-n5", device="cpu")
    assert Engine(checkpoint).skips_zeros
    assert not Engine(checkpoint, dense=True).skips_zeros
    assert not Engine(checkpoint, int8=True).skips_zeros
    assert not Engine(load("sst2-n5-shared-50", device="cpu")).skips_zeros
    assert not isinstance(checkpoint.model.encoder, BlockEncoder), "the model itself stays as it is"
