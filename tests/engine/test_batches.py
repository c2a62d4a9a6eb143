"""What is drawn about a step: masks, replacements, places to read; and that its shares add up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from muxviz.config import MuxConfig
from muxviz.errors import ConfigError
from muxviz.training.batches import Batch, BatchMaker
from muxviz.training.objectives import TrainingModel
from muxviz.training.recipe import Stage
from muxviz.training.rows import UNLABELLED, TokenRows
from muxviz.training.start import build_generator
from tests.tiny import tiny_config, tiny_model
from tests.training.tiny_runs import tiny_recipe, tiny_stage

MASK, SPECIAL = 103, (0, 100, 101, 102, 103)
ROWS = 2000


def some_rows() -> TokenRows:
    """2000 rows of 12 to 40 tokens, ids 200 to 599 between [CLS] and [SEP], labelled and tagged."""
    draws = np.random.default_rng(3)
    lengths = draws.integers(12, 41, size=ROWS)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    ids = draws.integers(200, 600, size=starts[-1]).astype(np.int32)
    ids[starts[:-1]], ids[starts[1:] - 1] = 101, 102
    tags = np.where(ids >= 200, ids % 3, UNLABELLED).astype(np.int64)
    return TokenRows(ids, starts, np.arange(ROWS) % 2, token_labels=tags)


ALL = some_rows()


def make(
    stage: Stage, *, step: int = 7, seed: int = 5, generator: bool = False, **config: Any
) -> tuple[Any, Batch]:
    """A step of all rows at N = 2, and the same before anything was masked."""
    made = tiny_config(**({"num_instances": 2} | config))
    maker = BatchMaker(ALL, made, MASK, SPECIAL, seed, generator)
    numbers = np.arange(ROWS).reshape(-1, 2)
    untouched = maker.make(numbers, Stage("none", steps=1, learning_rate=1.0), step)
    return maker.make(numbers, stage, step), untouched


def shares(values: torch.Tensor) -> float:
    return float(values.float().mean())


def test_masked_lm_masks_as_released() -> None:
    """15 % of the tokens; of those 80 % [MASK], 10 % any id, 10 % left as they are."""
    batch, before = make(tiny_stage("masked_lm"))
    ordinary = (before.ids >= 200) & (before.mask == 1)
    chosen = batch.token_labels != UNLABELLED
    assert not (chosen & ~ordinary).any(), "special tokens and padding are never masked"
    assert torch.equal(batch.ids[~chosen], before.ids[~chosen])
    assert torch.equal(batch.token_labels[chosen], before.ids[chosen])
    assert shares(chosen[ordinary]) == pytest.approx(0.15, abs=0.01)
    ids, originals = batch.ids[chosen], before.ids[chosen]
    print(
        f"{len(ids)} masked: {shares(ids == MASK):.3f} [MASK], {shares(ids == originals):.3f} kept"
    )
    assert shares(ids == MASK) == pytest.approx(0.8, abs=0.03)
    assert shares(ids == originals) == pytest.approx(0.1, abs=0.02)
    drawn = ids[(ids != MASK) & (ids != originals)]
    assert drawn.min() < 50, "any row of the vocabulary"
    assert drawn.max() > 650
    assert batch.totals["masked_lm"] == len(ids)


def test_replaced_tokens_are_drawn_as_released() -> None:
    """Without a generator 85 % of the chosen get a uniform random id and count as replaced."""
    batch, before = make(tiny_stage("replaced_tokens"), backbone="electra")
    ordinary = (before.ids >= 200) & (before.mask == 1)
    replaced = batch.token_labels == 1
    assert shares(replaced[ordinary]) == pytest.approx(0.15 * 0.85, abs=0.01)
    assert not (replaced & ~ordinary).any()
    assert torch.equal(batch.token_labels == UNLABELLED, before.mask == 0)
    assert torch.equal(batch.ids[~replaced], before.ids[~replaced])
    assert shares(batch.ids[replaced] == before.ids[replaced]) < 0.01, "1 of 704 by chance"
    assert batch.totals["replaced"] == float(before.mask.sum())


def test_a_generator_gets_85_percent_masked_and_15_percent_kept() -> None:
    batch, before = make(tiny_stage("replaced_tokens"), backbone="electra", generator=True)
    chosen = batch.token_labels != UNLABELLED
    ids, originals = batch.ids[chosen], before.ids[chosen]
    assert shares(ids == MASK) == pytest.approx(0.85, abs=0.03)
    assert ((ids == MASK) | (ids == originals)).all(), "no random ids"
    assert torch.equal(batch.originals, before.ids)
    assert batch.totals["generator"] == float(chosen.sum())


@pytest.mark.parametrize("kind", ["masked_lm", "replaced_tokens", "priming"])
def test_draws_depend_on_seed_and_step_alone(kind: str) -> None:
    stage = tiny_stage(kind)
    first, again = (make(stage)[0] for _ in range(2))
    for other in (make(stage, step=8)[0], make(stage, seed=6)[0]):
        assert differs(first, other)
    assert not differs(first, again)


def differs(a: Batch, b: Batch) -> bool:
    assert a.read_slot is not None
    return not (torch.equal(a.ids, b.ids) and torch.equal(a.read_slot, b.read_slot))


def test_one_slot_is_read_at_every_real_place() -> None:
    batch, _ = make(tiny_stage("priming"))
    read = batch.read_slot
    real = torch.gather(batch.mask, 1, read.clamp(min=0)[:, None])[:, 0] == 1
    assert (real | (read == -1)).all(), "padding is never read back"
    assert (read[:, :12] >= 0).all(), "the first 12 places are real in every row"
    assert shares(read[:, :12]) == pytest.approx(0.5, abs=0.02), "slots are equally likely"
    assert batch.totals["retrieval"] == float((read >= 0).sum())


@pytest.mark.parametrize("demultiplexer", ["rsa", "index_prefix"])
def test_places_to_read_can_be_capped(demultiplexer: str) -> None:
    stage = tiny_stage("priming", retrieval_positions=300)
    batch, _ = make(stage, demultiplexer=demultiplexer, task="masked_lm")
    groups, places = (batch.read_slot >= 0).nonzero(as_tuple=True)
    assert len(groups) == batch.totals["retrieval"] == 300
    assert (places > 0).all(), "every text begins with the same token"
    assert len(set(groups.tolist())) > 200, "spread over the groups"
    assert batch.read_slot.shape[1] == 40, "padding that makes room for a prefix is not read"


KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "masked_lm": ({}, {}),
    "masked_lm, prefix": ({"demultiplexer": "index_prefix", "task": "masked_lm"}, {}),
    "replaced_tokens": ({"backbone": "electra", "task": "replaced_token_detection"}, {}),
    "task": ({}, {"logit_coeff": 1.0, "hidden_coeff": 1.0, "sentence_coeff": 1.0}),
    "task, tokens": ({"task": "token_classification", "num_labels": 3}, {"logit_coeff": 1.0}),
    "task, plain": ({"plain": True, "num_instances": 1}, {"probe_coeff": 1.0}),
    "priming": ({"multiplexer": "contextual"}, {"retrieval_positions": 20}),
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("parts", [2, 4])
def test_shares_of_a_step_add_up(name: str, parts: int) -> None:
    """Micro-batches and processes: the losses of the shares sum to those of the step."""
    config, changes = KINDS[name]
    config = {"num_instances": 2} | config
    if config.get("plain"):
        changes = {"retrieval_coeff": 0.0} | changes
    stage = tiny_stage(name.split(",")[0], **changes)
    model = tiny_model(tiny_config(**config))
    training = TrainingModel(
        model, tiny_recipe(stage, num_instances=model.config.num_instances)
    ).eval()
    maker = BatchMaker(ALL, model.config, MASK, SPECIAL, 5)
    numbers = np.arange(8 * model.config.num_instances).reshape(8, -1)
    whole = taught(maker.make(numbers, stage, 0), model.config)
    with torch.inference_mode():
        expected = training(whole, stage)
        found = [training(whole.part(index, parts), stage) for index in range(parts)]
    for key, value in expected.values.items():
        total = sum(float(terms.values[key]) for terms in found)
        assert total == pytest.approx(float(value), rel=1e-6, abs=1e-6), key
    total = sum(float(terms.total) for terms in found)
    assert total == pytest.approx(float(expected.total), rel=1e-6)
    for key, hits in expected.hits.items():
        assert sum(terms.hits[key] for terms in found).tolist() == hits.tolist()


def taught(batch: Batch, config: MuxConfig) -> Batch:
    """``batch`` with a teacher's answers, drawn at random."""
    draws = torch.Generator().manual_seed(1)
    shape = batch.ids.shape if config.task == "token_classification" else batch.ids.shape[:2]
    values = batch.__dict__ | {
        "teacher_hidden": torch.randn(*batch.ids.shape, 24, generator=draws),
        "teacher_logits": torch.randn(*shape, config.num_labels, generator=draws),
    }
    return Batch(**values)


def test_groups_must_divide_among_the_shares() -> None:
    batch, _ = make(tiny_stage("priming"))
    with pytest.raises(ConfigError, match=r"1000 groups per step cannot be shared equally by 3"):
        batch.part(0, 3)


def test_a_generator_shares_the_sizes_and_nothing_else() -> None:
    config = tiny_config(backbone="electra", task="replaced_token_detection")
    recipe = tiny_recipe(num_instances=3, backbone="electra", generator_layers=1)
    generator = build_generator(recipe, config)
    assert generator is not None
    assert generator.config.task == "masked_lm"
    assert len(generator.encoder.layers) == 1
    assert build_generator(tiny_recipe(), config) is None
