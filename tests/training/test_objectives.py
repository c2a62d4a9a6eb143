"""The losses: those that the released classes returned, and cases computed by hand."""

from __future__ import annotations

from dataclasses import replace
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from muxviz.config import MuxConfig
from muxviz.loading.load import load
from muxviz.model.mux_model import MuxModel
from muxviz.tracing import trace
from muxviz.training.batches import Batch
from muxviz.training.objectives import Terms, TrainingModel
from muxviz.training.recipe import Stage
from muxviz.training.rows import UNLABELLED
from tests.fixtures_folder import Fixture, fixture_names, open_fixture
from tests.tiny import tiny_config, tiny_ids, tiny_model
from tests.training.tiny_runs import tiny_recipe

TOLERANCE = 1e-4
ALL_PADDING_TOLERANCE = 1e-3  # scores of -10000 round to 1e-3 in float32, see test_parity.py

# ---- recordings of the released classes -------------------------------------------------------

OBJECTIVES = {"masked_lm": "masked_lm", "replaced_token_detection": "replaced_tokens"}
TERM = {"task": "task", "masked_lm": "masked_lm", "replaced_tokens": "replaced"}


def recorded_stage(model: MuxModel) -> Stage:
    """The coefficients that a recording was made with; a plain model has the task's loss alone."""
    plain = {"task_loss_coeff": 1.0, "retrieval_loss_coeff": 0.0}
    recorded = plain | (model.config.extras if model.config.is_multiplexed else {})
    return Stage(
        "recorded",
        steps=1,
        learning_rate=1.0,
        objective=OBJECTIVES.get(model.config.task, "task"),
        task_coeff=float(recorded["task_loss_coeff"]),
        retrieval_coeff=float(recorded["retrieval_loss_coeff"]),
    )


def recorded_batch(model: MuxModel, fixture: Fixture, stage: Stage) -> Batch:
    """The recorded call as a batch; what was drawn comes from the recording."""
    arrays, config = fixture.arrays, model.config
    num = config.num_instances
    rows = arrays.get("effective_input_ids", arrays["input_ids"])
    groups = len(rows) // num  # T-MUX drops surplus rows
    ids = torch.from_numpy(rows[: groups * num]).view(groups, num, -1)
    length = ids.shape[-1]
    seen = arrays.get("effective_attention_mask", arrays["attention_mask"])[: groups * num]
    mask = torch.from_numpy(seen[:, -length:]).view(ids.shape)  # some have prefix columns in front
    types = None
    if "token_type_ids" in arrays:
        types = torch.from_numpy(arrays["token_type_ids"]).view(ids.shape)
    labels, tokens = _recorded_labels(arrays["labels"][: groups * num], config, mask)
    labelled = labels if tokens is None else tokens
    cut = config.prefix_length if config.cuts_prefix_room else 0
    labelled = labelled[..., : labelled.shape[-1] - (cut if tokens is not None else 0)]
    totals = {TERM[stage.objective]: float((labelled != UNLABELLED).sum())}
    read = None
    if stage.retrieval_coeff:
        targets = torch.from_numpy(arrays["retrieval_labels"]).view(groups, -1)
        read = torch.from_numpy(arrays["instance_labels"]).masked_fill(targets == UNLABELLED, -1)
        assert (read[:, : config.prefix_length] == -1).all(), "nothing is read in the prefix"
        read = read[:, config.prefix_length :]
        totals["retrieval"] = float((read >= 0).sum())
    numbers = np.arange(groups * num).reshape(groups, num)
    return Batch(ids, mask, numbers, labels, types, tokens, None, read, totals=totals)


def _recorded_labels(
    recorded: np.ndarray, config: MuxConfig, mask: Tensor
) -> tuple[Tensor, Tensor | None]:
    """Labels per instance and per token. Rows that only fill up a group have none."""
    groups, num, length = mask.shape
    labels = torch.from_numpy(recorded)
    if labels.dim() == 1:
        given = labels.new_full((groups * num,), UNLABELLED)
        given[: len(labels)] = labels
        return given.view(groups, num), None
    tokens = labels[:, -length:].reshape(mask.shape)
    # These classes leave padding out of the loss whatever its labels say.
    multiplexed_bert = config.backbone == "bert" and config.is_multiplexed
    if not multiplexed_bert and (config.backbone, config.task) != ("bert", "masked_lm"):
        tokens = tokens.masked_fill(mask == 0, UNLABELLED)
    return torch.full((groups, num), UNLABELLED), tokens


def recorded_terms(fixture: Fixture) -> tuple[MuxModel, Batch, Stage, Terms]:
    """Our losses of the recorded call."""
    model = load(fixture.folder, device="cpu").model
    stage = recorded_stage(model)
    batch = recorded_batch(model, fixture, stage)
    with torch.inference_mode():
        return model, batch, stage, TrainingModel(model, tiny_recipe(stage)).eval()(batch, stage)


SHIFTED = "electra_pretrain_gauss_index_n2"  # its task loss is not ours; the next test says why


@pytest.mark.parametrize("name", fixture_names())
def test_recorded_losses_are_reproduced(name: str, tmp_path: Path) -> None:
    fixture = open_fixture(name, tmp_path)
    _, _, stage, terms = recorded_terms(fixture)
    ours = {"loss": terms.total, "task_loss": terms.values[TERM[stage.objective]]}
    if stage.retrieval_coeff:
        ours["retrieval_loss"] = terms.values["retrieval"]
    recorded = {key: fixture.arrays[key] for key in ours if key in fixture.arrays}
    assert "loss" in recorded
    differences = {key: abs(float(ours[key]) - float(value)) for key, value in recorded.items()}
    print(name, ", ".join(f"{key} {value:.1e}" for key, value in differences.items()))
    if name == SHIFTED:
        differences = {"retrieval_loss": differences["retrieval_loss"]}
    tolerance = ALL_PADDING_TOLERANCE if name.endswith("allpad") else TOLERANCE
    assert max(differences.values()) < tolerance, differences


@pytest.mark.skipif(SHIFTED not in fixture_names(), reason="MUXVIZ_FIXTURES has no such recording")
def test_electra_pre_training_with_a_prefix_is_recorded_misaligned(tmp_path: Path) -> None:
    """The released class compares labels with logits that the prefix has shifted by N + 1.

    Its loss therefore scores each token against the label of another, and the prefix against labels
    of tokens. Ours compares each token with its own label. The same logits give both numbers.
    """
    fixture = open_fixture(SHIFTED, tmp_path)
    model, batch, stage, terms = recorded_terms(fixture)
    prefix = model.config.prefix_length
    with torch.inference_mode():
        prepared = model.prepare(batch.ids, batch.mask, None)
        hidden = model.encoder(model.enter(model.mix(model.embed(prepared), prepared.mask)), None)
        logits = model.head(model.demultiplexer(hidden)).squeeze(-1)  # prefix included
    labels = torch.from_numpy(fixture.arrays["labels"]).view(logits.shape).float()
    real = batch.mask == 1
    theirs = binary_cross_entropy_with_logits(logits[real], labels[real])
    assert float(theirs) == pytest.approx(float(fixture.arrays["task_loss"]), abs=TOLERANCE)
    own = real[..., :-prefix]
    aligned = binary_cross_entropy_with_logits(
        logits[..., prefix:][own], labels[..., :-prefix][own]
    )
    assert float(terms.values["replaced"]) == pytest.approx(float(aligned), abs=TOLERANCE)
    assert abs(float(aligned) - float(theirs)) == pytest.approx(0.0228, abs=1e-3)
    total = stage.task_coeff * theirs + stage.retrieval_coeff * terms.values["retrieval"]
    assert float(total) == pytest.approx(float(fixture.arrays["loss"]), abs=TOLERANCE)


# ---- cases computed by hand -------------------------------------------------------------------

VOCABULARY = 704


def parts_of(stage: Stage, *, generator: MuxModel | None = None, **config: Any) -> TrainingModel:
    """A tiny ELECTRA (its vocabulary projection is its own) with identity maps to the teacher."""
    model = tiny_model(tiny_config(**({"backbone": "electra", "num_instances": 2} | config)))
    recipe = tiny_recipe(stage, num_instances=model.config.num_instances)
    parts = TrainingModel(model, recipe, generator).eval().requires_grad_(False)
    for name in ("hidden_map", "sentence_map"):
        if hasattr(parts, name):
            getattr(parts, name).weight.copy_(torch.eye(24))
            getattr(parts, name).bias.zero_()
    return parts


def answer_always(head: Any, bias: list[float] | Tensor) -> None:
    """Make ``head`` give the same logits everywhere."""
    head.out_proj.weight.zero_()
    head.out_proj.bias.copy_(torch.as_tensor(bias))


def favour(token: int, odds: float) -> Tensor:
    """Vocabulary logits that make ``token`` ``odds`` times as likely as all others together."""
    bias = torch.zeros(VOCABULARY)
    bias[token] = log(odds * (VOCABULARY - 1))
    return bias


def small_batch(config: MuxConfig, **values: Any) -> Batch:
    """One group of texts of 6 and (the last instance) 4 tokens."""
    ids = tiny_ids(config, groups=1, length=6)
    mask = torch.ones_like(ids)
    mask[:, -1, 4:] = 0
    labels = torch.tensor([[1, 0][: config.num_instances]])
    return replace(Batch(ids, mask, np.arange(config.num_instances)[None], labels), **values)


def only(**coefficients: Any) -> Stage:
    return Stage("by hand", steps=1, learning_rate=1.0, **coefficients)


def test_hidden_and_sentence_distances_by_hand() -> None:
    parts = parts_of(only(hidden_coeff=2.0))
    batch = small_batch(parts.model.config, totals={"hidden": 10.0, "sentence": 2.0})
    traced = trace(parts.model, batch.ids, batch.mask)
    target = traced.demultiplexed + 3.0
    target[batch.mask == 0] = 1e4  # padding is not compared
    terms = parts(replace(batch, teacher_hidden=target), only(hidden_coeff=2.0))
    assert float(terms.values["hidden"]) == pytest.approx(9.0, rel=1e-5)
    assert float(terms.total) == pytest.approx(18.0, rel=1e-5)
    stage = only(sentence_coeff=0.5)
    parts = parts_of(stage)
    target[..., 0, :] = traced.readout - 2.0
    terms = parts(replace(batch, teacher_hidden=target), stage)
    assert float(terms.values["sentence"]) == pytest.approx(4.0, rel=1e-5)
    assert float(terms.total) == pytest.approx(2.0, rel=1e-5)


def test_task_and_logit_losses_by_hand() -> None:
    stage = only(task_coeff=1.0, logit_coeff=10.0)
    parts = parts_of(stage)
    answer_always(parts.model.head, [log(0.2), log(0.8)])
    theirs = torch.tensor([[[log(0.2), log(0.8)], [log(0.5), log(0.5)]]])
    batch = small_batch(
        parts.model.config, teacher_logits=theirs, totals={"task": 2.0, "logit": 2.0}
    )
    terms = parts(batch, stage)  # labels 1 and 0
    assert float(terms.values["task"]) == pytest.approx((-log(0.8) - log(0.2)) / 2, rel=1e-5)
    divergence = 0.5 * log(0.5 / 0.2) + 0.5 * log(0.5 / 0.8)
    assert float(terms.values["logit"]) == pytest.approx(divergence / 2, rel=1e-4)
    assert terms.hits["task_accuracy"].tolist() == [1, 2]


def test_regression_and_its_imitation_by_hand() -> None:
    stage = only(task_coeff=1.0, logit_coeff=1.0)
    parts = parts_of(stage, task="regression")
    answer_always(parts.model.head, [1.5])
    batch = small_batch(
        parts.model.config,
        labels=torch.tensor([[3.5, 1.0]], dtype=torch.float64),
        teacher_logits=torch.tensor([[[2.5], [1.5]]]),
        totals={"task": 2.0, "logit": 2.0},
    )
    terms = parts(batch, stage)
    assert float(terms.values["task"]) == pytest.approx((4.0 + 0.25) / 2)
    assert float(terms.values["logit"]) == pytest.approx(0.5)


def test_the_probe_by_hand() -> None:
    stage = only(probe_coeff=1.0)
    parts = parts_of(stage, plain=True, num_instances=1)
    parts.probe.weight.zero_()
    parts.probe.bias.copy_(torch.tensor([log(0.2), log(0.8)]))
    batch = small_batch(parts.model.config, totals={"probe": 1.0})
    assert float(parts(batch, stage).total) == pytest.approx(-log(0.8), rel=1e-5)
    unlabelled = replace(batch, labels=torch.full((1, 1), UNLABELLED), totals={"probe": 0.0})
    assert float(parts(unlabelled, stage).total) == 0.0


def test_retrieval_and_masked_lm_by_hand() -> None:
    stage = only(retrieval_coeff=1.0)
    parts = parts_of(stage)
    answer_always(parts.model.retrieval_head, favour(150, 1.0))
    batch = small_batch(parts.model.config)
    batch.ids[0, 0, 1] = batch.ids[0, 1, 2] = 150
    batch.ids[0, 1, 1] = batch.ids[0, 0, 2] = batch.ids[0, 0, 3] = 151
    read = torch.tensor([[-1, 0, 1, 0, -1, -1]])
    terms = parts(replace(batch, read_slot=read, totals={"retrieval": 3.0}), stage)
    found, missed = log(2), log(2 * (VOCABULARY - 1))
    assert float(terms.total) == pytest.approx((2 * found + missed) / 3, rel=1e-5)
    assert terms.slots is not None
    assert terms.slots.tolist() == [[1, 1], [2, 1]], "right and read, per slot"
    labels = torch.full_like(batch.ids, UNLABELLED)
    labels[0, 0, 4], labels[0, 1, 1] = 150, 160
    stage = only(task_coeff=1.0, objective="masked_lm")
    terms = parts(replace(batch, token_labels=labels, totals={"masked_lm": 2.0}), stage)
    assert float(terms.total) == pytest.approx((found + missed) / 2, rel=1e-5)
    assert terms.hits["masked_lm_accuracy"].tolist() == [1, 2]


def test_replaced_tokens_by_hand() -> None:
    stage = only(task_coeff=1.0, objective="replaced_tokens")
    parts = parts_of(stage, task="replaced_token_detection")
    answer_always(parts.model.head, [log(0.25 / 0.75)])
    batch = small_batch(parts.model.config)
    labels = torch.where(batch.mask == 1, 0, UNLABELLED)
    labels[0, 0, 2] = labels[0, 1, 1] = 1
    terms = parts(replace(batch, token_labels=labels, totals={"replaced": 10.0}), stage)
    assert float(terms.total) == pytest.approx((2 * log(4) + 8 * log(4 / 3)) / 10, rel=1e-5)
    assert terms.hits["replaced_accuracy"].tolist() == [8, 10]


@pytest.mark.parametrize(("proposed", "replaced"), [(150, 0), (151, 2)])
def test_a_generated_original_is_not_a_replacement(proposed: int, replaced: int) -> None:
    """The generator is made to propose one token; both masked tokens are 150."""
    stage = only(task_coeff=1.0, objective="replaced_tokens")
    generator = tiny_model(tiny_config(backbone="electra", num_instances=2, task="masked_lm"))
    answer_always(generator.retrieval_head, favour(proposed, 1e12))
    parts = parts_of(stage, generator=generator, task="replaced_token_detection")
    answer_always(parts.model.head, [log(0.25 / 0.75)])
    batch = small_batch(parts.model.config)
    batch.ids[0, 0, 2] = batch.ids[0, 1, 1] = 150
    originals = batch.ids.clone()
    batch.ids[0, 0, 2] = batch.ids[0, 1, 1] = 103
    labels = torch.where(batch.ids == 103, 150, UNLABELLED)
    totals = {"replaced": 10.0, "generator": 2.0}
    terms = parts(replace(batch, originals=originals, token_labels=labels, totals=totals), stage)
    expected = (replaced * log(4) + (10 - replaced) * log(4 / 3)) / 10
    assert float(terms.values["replaced"]) == pytest.approx(expected, rel=1e-5)
    missed = 0.0 if proposed == 150 else log((1e12 + 1) * (VOCABULARY - 1))
    assert float(terms.values["generator"]) == pytest.approx(missed, rel=1e-4, abs=1e-5)
