"""Recorded PruMUX models and gates: masks, masked pass, cut, files and Lagrangian are equal.

Runs where ``MUXVIZ_FIXTURES`` names the folder of recordings; ``test_pruning.py`` runs everywhere.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from muxviz.loading.check import check
from muxviz.loading.load import load
from muxviz.pruning.released import masked_equals_cut, masked_pass, released_cut
from tests.fixtures_folder import fixtures_root, is_named, open_fixture
from tests.pruning.pruning_parity import (
    FOLDERS,
    compare_gates,
    compare_model,
    difference,
    folder_of,
    gate_fixtures,
    inputs_of,
    logits_difference,
    masks_of,
    model_fixtures,
)

TOLERANCE = 1e-4  # absolute, float32
SIZE_TOLERANCE = 1e-3  # expected sizes are around 1e4
EXACT = ("pruned weights", "prunable size", "hidden_dims", "head_nums", "head_layers", "mlp_layers")


def test_the_folder_is_not_empty_where_it_is_named() -> None:
    if not is_named():
        pytest.skip("MUXVIZ_FIXTURES names no folder of recorded outputs; one gate is here")
    assert len(model_fixtures()) >= 4, f"too few PruMUX models under {fixtures_root()}"
    assert len(gate_fixtures()) >= 3, f"too few PruMUX gates under {fixtures_root()}"


@pytest.mark.parametrize("name", model_fixtures())
def test_recorded_models_are_reproduced(name: str, tmp_path: Path) -> None:
    errors = compare_model(name, tmp_path)
    assert len(errors) >= 22, f"only {sorted(errors)} were compared"
    assert max(errors.values()) < TOLERANCE, errors
    exact = [n for n in errors if n in EXACT or n.startswith("saved again")]
    assert {n: errors[n] for n in exact if errors[n] > 0} == {}


@pytest.mark.parametrize("name", gate_fixtures())
def test_recorded_gates_are_reproduced(name: str, tmp_path: Path) -> None:
    errors = compare_gates(name, tmp_path)
    sizes = {n: v for n, v in errors.items() if n.startswith("expected_size")}
    assert sizes
    assert max(sizes.values()) <= SIZE_TOLERANCE, sizes
    others = {n: v for n, v in errors.items() if n not in sizes}
    assert max(others.values()) < 1e-6, others
    assert {n: v for n, v in errors.items() if n in EXACT and v > 0} == {}


@pytest.mark.parametrize("name", model_fixtures())
def test_the_masked_pass_differs_from_the_cut_where_it_did(name: str, tmp_path: Path) -> None:
    """As far as recorded, and where ``masked_equals_cut`` says so."""
    fixture = open_fixture(name, tmp_path)
    model = load(folder_of(fixture, tmp_path / "full", "full"), device="cpu").model
    masks, inputs = masks_of(fixture, model), inputs_of(fixture)
    with torch.inference_mode():
        cut = released_cut(model, masks)(*inputs).logits
    apart = difference(masked_pass(model, masks, *inputs).logits, cut.numpy())
    recorded = fixture.meta["masked_vs_pruned_max_abs"]
    assert abs(apart - recorded) < TOLERANCE
    assert masked_equals_cut(model.config, masks) == (recorded < TOLERANCE)
    assert logits_difference(model, fixture, "logits_full") < TOLERANCE, "the model was changed"


@pytest.mark.parametrize("kind", FOLDERS)
@pytest.mark.parametrize("name", model_fixtures())
def test_released_folders_are_described(name: str, kind: str, tmp_path: Path) -> None:
    fixture = open_fixture(name, tmp_path)
    counted = fixture.meta["calculate_model_size"]
    report = check(folder_of(fixture, tmp_path / "released", kind))
    assert report.usable
    assert report.unexpected == ()
    values = report.to_dict()["pruned"]
    assert values["sparsity"] == pytest.approx(counted["pruned_model_sparsity"])
    assert values["hidden"] == counted["hidden_dims"]
    heads = [a * b for a, b in zip(counted["head_nums"], counted["head_layers"], strict=True)]
    assert values["heads"] == heads
    inner = zip(counted["intermediate_dims"], counted["mlp_layers"], strict=True)
    assert values["intermediate"] == [a * b for a, b in inner]
    text = report.text()
    assert f"sparsity: {counted['pruned_model_sparsity']:.1%}" in text
    titles = {fact.title for fact in report.facts}
    assert {"pruned", "blocks skipped"} <= titles
    has_numbers = kind == "masks beside"
    assert (values["kept"] is not None) == has_numbers
    assert ("numbers unknown" in titles) != has_numbers
    assert ("not the masked model" in titles) == (counted["hidden_dims"] < 24)
    assert ("l0_module.pt is a pickled module: it was not opened" in text) == has_numbers
    assert ("pruned by zs.pt, as the released evaluation does" in text) == has_numbers
    is_apart = fixture.meta["masked_vs_pruned_max_abs"] > 0
    assert ("the released masked pass" in text) == (has_numbers and is_apart)


def test_the_pruned_retrieval_head_reads_with_a_matrix_of_its_own(tmp_path: Path) -> None:
    name = "prumux_binary_hidden_n5"
    if name not in model_fixtures():
        pytest.skip("MUXVIZ_FIXTURES names no folder with this recording")
    fixture = open_fixture(name, tmp_path)
    loaded = load(folder_of(fixture, tmp_path / "pruned", "pruned bin"), device="cpu")
    model, config = loaded.model, loaded.config
    assert config.structure is not None
    assert not config.structure.ties_words
    head = model.retrieval_head.out_proj.weight
    assert tuple(head.shape) == (config.shape.vocab_size, 24)
    assert tuple(model.embeddings.word_embeddings.weight.shape) == (config.shape.vocab_size, 20)
