"""Saving: the published layout, bitwise round trips, half precision, safe overwriting."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from muxviz.errors import (
    CheckpointError,
    CheckpointInvalid,
    CheckpointUnreadable,
    DeviceError,
    NotApplicable,
)
from muxviz.loading import save as saving
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.load import load
from muxviz.loading.save import label_agreement, save
from tests.fixtures_folder import fixture_names, fixtures_root, open_fixture
from tests.tiny import shared_checkpoint, tiny_checkpoint, tiny_config, tiny_ids, write_tiny_folder

KINDS: tuple[dict[str, Any], ...] = (
    {},
    {"num_labels": 5, "task": "token_classification", "demultiplexer": "index_prefix"},
    {"task": "masked_lm", "multiplexer": "contextual", "demultiplexer": "index_prefix"},
    {"task": "regression", "multiplexer": "random_orthogonal", "num_demux_layers": 3},
    {"multiplexer": "low_rank_orthogonal", "has_retrieval_head": False},
    {"multiplexer": "binary_hadamard", "num_demux_layers": 2, "stored_demux_layers": 3},
    {"task": "retrieval"},
    {"demultiplexer": "mlp"},
    {"backbone": "electra", "embedding_size": 16, "demultiplexer": "index_prefix"},
    {
        "backbone": "electra",
        "task": "replaced_token_detection",
        "multiplexer": "cross_instance",
        "num_demux_layers": 3,
    },
    {"backbone": "electra", "task": "masked_lm"},
    {"backbone": "roberta", "demultiplexer": "mlp", "task": "token_classification"},
    {"backbone": "roberta", "demultiplexer": "index_prefix"},
    {"plain": True},
    {"plain": True, "task": "masked_lm"},
    {"plain": True, "backbone": "electra", "task": "replaced_token_detection"},
    {"plain": True, "backbone": "roberta"},
)


def assert_same(first: Checkpoint, second: Checkpoint) -> None:
    """Bitwise equal weights, and the same model around them."""
    ours, theirs = first.model.state_dict(), second.model.state_dict()
    assert ours.keys() == theirs.keys()
    different = [name for name in ours if not torch.equal(ours[name], theirs[name])]
    assert different == []
    fields = [dataclasses.asdict(c.config) for c in (first, second)]
    for values in fields:
        values.pop("extras")
        values.pop("published_class")
        if not first.config.is_multiplexed:
            values.pop("has_retrieval_head")  # a plain model has none, whatever the field says
    assert fields[0] == fields[1]


@pytest.mark.parametrize("aliases", [True, False])
@pytest.mark.parametrize("changes", KINDS, ids=str)
def test_save_then_load_is_bitwise(changes: dict[str, Any], aliases: bool, tmp_path: Path) -> None:
    checkpoint = shared_checkpoint(**changes)
    folder = save(checkpoint, tmp_path / "saved", aliases=aliases)
    loaded = load(folder, device="cpu")
    assert_same(checkpoint, loaded)
    ids = tiny_ids(checkpoint.config)
    with torch.inference_mode():
        assert torch.equal(checkpoint.model(ids).logits, loaded.model(ids).logits)


@pytest.mark.parametrize("name", fixture_names())
def test_saved_fixture_has_the_layout_of_its_class(name: str, tmp_path: Path) -> None:
    root = fixtures_root()
    fixture = open_fixture(name, tmp_path / "unpacked")
    checkpoint = load(fixture.folder, device="cpu")
    folder = save(checkpoint, tmp_path / "saved", aliases=not name.endswith("_modern"))
    assert_same(checkpoint, load(folder, device="cpu"))
    original = json.loads((fixture.folder / "config.json").read_text())
    written = json.loads((folder / "config.json").read_text())
    assert {k: written[k] for k in original} == original
    assert "muxviz" not in written
    if name.endswith("_modern"):
        return  # recent versions keep another one of several names; ours are canonical
    layout = json.loads((root / name / "layout.json").read_text())
    tensors = load_file(folder / "model.safetensors")
    shapes = {k: [list(t.shape), str(t.dtype).removeprefix("torch.")] for k, t in tensors.items()}
    assert shapes == layout["keys"]
    for group in layout["shared"]:
        assert all(torch.equal(tensors[group[0]], tensors[other]) for other in group)


def test_without_aliases_every_tensor_is_written_once(tmp_path: Path) -> None:
    checkpoint = shared_checkpoint()
    folder = save(checkpoint, tmp_path / "saved", aliases=False)
    tensors = load_file(folder / "model.safetensors")
    assert len(tensors) == len(list(checkpoint.model.parameters()))
    assert sum(t.numel() for t in tensors.values()) == sum(
        p.numel() for p in checkpoint.model.parameters()
    )
    assert "bert.embeddings.word_embeddings.weight" in tensors
    assert "retrieval_head.decoder.weight" not in tensors


def test_weights_say_that_they_are_for_torch_and_whose(tmp_path: Path) -> None:
    folder = save(shared_checkpoint(), tmp_path / "saved")
    with safe_open(folder / "model.safetensors", framework="pt") as file:
        assert file.metadata() == {"format": "pt", "writer": "muxviz"}


def test_config_of_a_new_model_is_complete(tmp_path: Path) -> None:
    config = tiny_config(num_labels=2, labels=("bad", "good"), labels_source="recipe")
    folder = save(tiny_checkpoint(config), tmp_path / "saved")
    written = json.loads((folder / "config.json").read_text())
    wanted = {
        "architectures": ["MuxedBertForSequenceClassification"],
        "model_type": "bert",
        "num_instances": 3,
        "muxing_variant": "gaussian_hadamard",
        "demuxing_variant": "index_pos",
        "num_hidden_demux_layers": 2,
        "id2label": {"0": "bad", "1": "good"},
        "label2id": {"bad": 0, "good": 1},
        "hidden_size": 24,
        "vocab_size": config.shape.vocab_size,
    }
    assert {k: written.get(k) for k in wanted} == wanted
    assert "muxviz" not in written
    loaded = load(folder, device="cpu").config
    assert loaded.labels == ("bad", "good")
    assert loaded.labels_source == "config.json"


def test_original_fields_are_kept_and_structural_ones_follow_the_model(tmp_path: Path) -> None:
    checkpoint = load(write_tiny_folder(tmp_path / "one"), device="cpu")
    extras = checkpoint.config.extras | {"my_note": {"a": [1, None]}, "num_hidden_demux_layers": 9}
    config = dataclasses.replace(checkpoint.config, extras=extras)
    folder = save(dataclasses.replace(checkpoint, config=config), tmp_path / "two")
    written = json.loads((folder / "config.json").read_text())
    assert written["my_note"] == {"a": [1, None]}
    assert written["num_hidden_demux_layers"] == 2


@pytest.mark.parametrize(
    ("changes", "ours"),
    [
        ({}, None),
        ({"readout": "mean"}, {"readout": "mean"}),
        ({"default_padding": "masked"}, {"default_padding": "masked"}),
        ({"plain": True}, None),
        ({"plain": True, "default_padding": "fixed"}, {"default_padding": "fixed"}),
        ({"fixed_length": 40}, {"fixed_length": 40}),
        ({"task": "retrieval"}, {"task": "retrieval"}),
    ],
    ids=str,
)
def test_our_own_fields_are_written_only_where_needed(
    changes: dict[str, Any], ours: dict[str, Any] | None, tmp_path: Path
) -> None:
    folder = write_tiny_folder(tmp_path / "saved", tiny_config(**changes))
    assert json.loads((folder / "config.json").read_text()).get("muxviz") == ours
    loaded = load(folder, device="cpu").config
    assert {k: getattr(loaded, k) for k in ours or {}} == (ours or {})


def test_tokenizer_and_card_come_back(tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint(card={"steps": 3, "note": "grün"})
    loaded = load(save(checkpoint, tmp_path / "saved"), device="cpu")
    text = "A good film, not a boring one!"
    first, second = checkpoint.need_tokenizer(), loaded.need_tokenizer()
    assert first(text)["input_ids"] == second(text)["input_ids"]
    assert second(text)["input_ids"][0] == 101
    assert loaded.card == {"steps": 3, "note": "grün"}


def test_overwriting_leaves_nothing_of_the_older_model(tmp_path: Path) -> None:
    folder = save(tiny_checkpoint(card={"old": True}), tmp_path / "saved")
    newer = tiny_checkpoint(tiny_config(num_instances=5), seed=1, tokenizer=False)
    loaded = load(save(newer, folder), device="cpu")
    assert_same(newer, loaded)
    assert loaded.tokenizer is None
    assert loaded.card == {}


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("text")
    with pytest.raises(CheckpointError, match=r"not empty and not a model folder.*thesis\.tex"):
        save(shared_checkpoint(), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with pytest.raises(CheckpointError, match="is a file; give the name of a folder"):
        save(shared_checkpoint(), tmp_path / "file")
    with pytest.raises(CheckpointError, match=r"cannot be written \(Not a directory\)"):
        save(shared_checkpoint(), tmp_path / "file" / "below")


@pytest.mark.parametrize("step", ["write", "move"])
def test_a_kill_leaves_the_old_files(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tiny_checkpoint(seed=1)
    folder = save(old, tmp_path / "saved")

    def half_a_file(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"half a fi")
        raise KeyboardInterrupt

    def no_move(source: Path, target: Path) -> None:
        raise KeyboardInterrupt

    if step == "write":
        monkeypatch.setattr(saving, "save_file", half_a_file)
    else:
        monkeypatch.setattr(os, "replace", no_move)
    with pytest.raises(KeyboardInterrupt):
        save(tiny_checkpoint(seed=2), folder)
    monkeypatch.undo()
    assert [p.name for p in folder.iterdir() if "partial" in p.name] == []
    assert_same(old, load(folder, device="cpu"))


def test_a_partial_file_left_by_a_kill_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "model.safetensors.partial").write_bytes(b"half a fi")
    checkpoint = shared_checkpoint()
    assert_same(checkpoint, load(save(checkpoint, folder), device="cpu"))


def test_half_precision_is_stored_and_said(tmp_path: Path) -> None:
    checkpoint = shared_checkpoint()
    folder = save(checkpoint, tmp_path / "saved", dtype="float16")
    tensors = load_file(folder / "model.safetensors")
    assert tensors.pop("bert.embeddings.position_ids").dtype == torch.int64
    assert {t.dtype for t in tensors.values()} == {torch.float16}
    assert json.loads((folder / "config.json").read_text())["torch_dtype"] == "float16"
    stored = load(folder, device="cpu")
    assert stored.stored_dtype == "float16"
    assert stored.dtype == torch.float32
    ids = tiny_ids(checkpoint.config, groups=8)
    assert label_agreement(checkpoint, stored, ids) > 0.9


def test_a_weight_too_large_for_half_precision_is_refused(tmp_path: Path) -> None:
    checkpoint = tiny_checkpoint()
    checkpoint.model.head.out_proj.bias[0] = 1e6
    with pytest.raises(CheckpointInvalid, match="classifier.bias holds values that float16 cannot"):
        save(checkpoint, tmp_path / "saved", dtype="float16")
    assert not (tmp_path / "saved").exists()


def test_an_unknown_precision_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="unknown dtype 'int4'.*float16"):
        save(shared_checkpoint(), tmp_path / "saved", dtype="int4")


def biased(checkpoint: Checkpoint, bias: list[float]) -> Checkpoint:
    """A copy of a classifier that answers the label of the largest bias, whatever the text."""
    copy = tiny_checkpoint(checkpoint.config)
    copy.model.head.out_proj.weight.zero_()
    copy.model.head.out_proj.bias.copy_(torch.tensor(bias))
    return copy


def test_agreement_counts_equal_labels() -> None:
    checkpoint = tiny_checkpoint()
    ids = tiny_ids(checkpoint.config, groups=6)
    with torch.inference_mode():
        logits = checkpoint.model(ids).logits
        checkpoint.model.head.out_proj.bias -= logits.mean(dim=(0, 1))  # so that both labels occur
        ones = checkpoint.model(ids).logits.argmax(dim=-1).double().mean()
    assert 0 < float(ones) < 1
    always_one = biased(checkpoint, [0.0, 1.0])
    assert label_agreement(checkpoint, checkpoint, ids) == 1.0
    assert label_agreement(checkpoint, always_one, ids) == pytest.approx(float(ones))


def test_agreement_of_token_labels_leaves_padding_out() -> None:
    config = tiny_config(task="token_classification", demultiplexer="index_prefix")
    checkpoint = tiny_checkpoint(config)
    zero, one = biased(checkpoint, [1.0, 0.0]), biased(checkpoint, [0.0, 1.0])
    ids = tiny_ids(config, groups=2, length=6)
    mask = torch.ones_like(ids)
    mask[..., 4:] = 0
    assert label_agreement(zero, one, ids, mask) == 0.0
    with torch.inference_mode():
        labels = checkpoint.model(ids, mask).logits.argmax(dim=-1)
    share = float((labels[..., :4] == 1).double().mean())
    assert label_agreement(checkpoint, one, ids, mask) == pytest.approx(share)


def test_agreement_where_the_prefix_displaces_tokens() -> None:
    checkpoint = shared_checkpoint(
        backbone="electra", task="replaced_token_detection", demultiplexer="index_prefix"
    )
    ids = tiny_ids(checkpoint.config, length=9)
    assert label_agreement(checkpoint, checkpoint, ids, torch.ones_like(ids)) == 1.0


def test_a_regression_has_no_labels_to_agree() -> None:
    checkpoint = shared_checkpoint(task="regression")
    with pytest.raises(NotApplicable, match="regression has no labels"):
        label_agreement(checkpoint, checkpoint, tiny_ids(checkpoint.config))


def test_int8_rows_are_half_of_float16_and_close(tmp_path: Path) -> None:
    """Hand-computed: an entry is off by at most 1/254 of the largest entry of its row."""
    config = dataclasses.replace(
        tiny_config(), shape=dataclasses.replace(tiny_config().shape, vocab_size=9000)
    )
    checkpoint = tiny_checkpoint(config)
    name = "embeddings.word_embeddings.weight"
    folder = save(checkpoint, tmp_path / "saved", dtype="int8", aliases=False)
    tensors = load_file(folder / "model.safetensors")
    stored = load(folder, device="cpu")
    assert stored.stored_dtype == "int8 rows"
    assert {str(t.dtype) for n, t in tensors.items() if "word_embeddings" in n} == {
        "torch.int8",
        "torch.float32",
    }
    before = checkpoint.model.state_dict()[name]
    after = stored.model.state_dict()[name]
    off = (before - after).abs()
    assert bool((off <= before.abs().amax(dim=1, keepdim=True) / 254 * 1.0001).all())
    assert float(off.max()) > 0
    again = save(stored, tmp_path / "again", dtype="int8", aliases=False)
    twice = load(again, device="cpu")
    torch.testing.assert_close(twice.model.state_dict()[name], after, rtol=1e-6, atol=0)


def test_a_matrix_of_large_and_small_numbers_is_not_made_coarse(tmp_path: Path) -> None:
    """One entry of 50 in every row: steps of 50 / 127 would lose all others."""
    config = dataclasses.replace(
        tiny_config(), shape=dataclasses.replace(tiny_config().shape, vocab_size=9000)
    )
    checkpoint = tiny_checkpoint(config)
    words = checkpoint.model.embeddings.word_embeddings.weight
    with torch.no_grad():
        words[:, 0] = 50.0
    folder = save(checkpoint, tmp_path / "saved", dtype="int8", aliases=False)
    stored = load(folder, device="cpu").model.embeddings.word_embeddings.weight
    torch.testing.assert_close(stored, words, rtol=1e-3, atol=1e-3)


def test_rows_without_their_matrix_are_refused(tmp_path: Path) -> None:
    folder = save(tiny_checkpoint(), tmp_path / "saved")
    tensors = load_file(folder / "model.safetensors")
    tensors["classifier.weight.row_scale"] = torch.ones(3)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(CheckpointUnreadable, match="row_scale.*expected an int8 matrix"):
        load(folder, device="cpu")
