"""Every recorded model of the released code: same tensors from our parts.

Of all recordings where ``MUXVIZ_FIXTURES`` names their folder, else of the five that are small.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from muxviz.loading.load import load
from tests.fixtures_folder import (
    fixture_names,
    fixtures_root,
    is_named,
    open_fixture,
    weight_formats,
)
from tests.model.parity import compare

TOLERANCE = 1e-4  # absolute and relative, float32
ALL_PADDING_TOLERANCE = 1e-3  # scores of -10000 round to 1e-3 in float32


def test_the_folder_is_not_empty_where_it_is_named() -> None:
    least = 50 if is_named() else 4
    assert len(fixture_names()) >= least, f"too few fixtures under {fixtures_root()}"


@pytest.mark.parametrize("name", fixture_names())
def test_recorded_tensors_are_reproduced(name: str, tmp_path: Path) -> None:
    fixture = open_fixture(name, tmp_path)
    errors = compare(load(fixture.folder, device="cpu"), fixture)
    tolerance = ALL_PADDING_TOLERANCE if name.endswith("allpad") else TOLERANCE
    compared = {k: v for k, v in errors.items() if not k.endswith("_argmax")}
    assert len(compared) >= 4, f"only {sorted(compared)} were compared"
    assert max(compared.values()) < tolerance, compared
    assert errors.get("retrieval_argmax", 0) == 0
    assert errors.get("logits_argmax", 0) == 0
    print(f"{name}: {len(errors)} tensors, largest difference {max(compared.values()):.1e}")


@pytest.mark.parametrize(
    "name",
    [n for n in fixture_names() if len(weight_formats(n)) == 2],
)
def test_both_weight_formats_give_the_same_model(name: str, tmp_path: Path) -> None:
    import shutil

    import torch

    fixture = open_fixture(name, tmp_path / "unpacked")
    models = []
    for weights in sorted(
        p.name for p in fixture.folder.glob("*") if p.suffix in (".bin", ".safetensors")
    ):
        folder = tmp_path / weights
        folder.mkdir()
        shutil.copy(fixture.folder / "config.json", folder)
        shutil.copy(fixture.folder / weights, folder)
        models.append(load(folder, device="cpu").model)
    assert len(models) == 2
    for other in models[1:]:
        for (key, a), (_, b) in zip(
            models[0].state_dict().items(), other.state_dict().items(), strict=True
        ):
            assert torch.equal(a, b), key


def test_a_missing_layer_count_is_inferred(tmp_path: Path) -> None:
    name = "bert_seqcls_gauss_index_pos_n2_ndlmissing"
    if name not in fixture_names():
        pytest.skip("MUXVIZ_FIXTURES names no folder with this recording")
    import shutil

    fixture = open_fixture(name, tmp_path)
    folder = tmp_path / "without"
    folder.mkdir()
    shutil.copy(fixture.folder / "config_without_ndl.json", folder / "config.json")
    shutil.copy(fixture.folder / "pytorch_model.bin", folder)
    checkpoint = load(folder, device="cpu")
    assert any("num_hidden_demux_layers is absent" in note for note in checkpoint.notes)
    assert max(compare(checkpoint, fixture).values()) < TOLERANCE


def test_fixtures_hold_numbers() -> None:
    """The comparison would be worthless if the recordings were all zero."""
    name = next(n for n in fixture_names() if n.startswith("bert_tokcls"))
    fixture = open_fixture(name, Path())
    assert float(np.abs(fixture.arrays["hidden1"]).mean()) > 0.1
