"""Loading: each bad input has its own error and message; each odd but good one loads."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import pickle
import struct
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor

from muxviz.batch import max_tokens
from muxviz.errors import (
    CheckpointError,
    CheckpointInvalid,
    CheckpointMismatch,
    CheckpointMissing,
    CheckpointTooLarge,
    CheckpointUnreadable,
    ConfigError,
    DeviceError,
    HubError,
    InstanceMismatch,
    MuxvizError,
    NotAModelFolder,
    NotApplicable,
    ShapeMismatch,
    UnknownVariant,
)
from muxviz.loading import weights
from muxviz.loading.check import check
from muxviz.loading.infer import infer_config
from muxviz.loading.load import inspect_folder, load
from tests.tiny import (
    shared_checkpoint,
    shared_folder,
    tiny_config,
    tiny_ids,
    write_tiny_folder,
)

Weights = dict[str, Tensor]
CLASSIFIER = "classifier.weight"
WORDS = "bert.embeddings.word_embeddings.weight"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good checkpoint of its own for a test to break."""
    return write_tiny_folder(tmp_path / "model")


def edit_config(folder: Path, **changes: Any) -> None:
    """Change fields of config.json; ``...`` removes one."""
    path = folder / "config.json"
    fields = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({k: v for k, v in fields.items() if v is not ...}))


def edit_weights(folder: Path, change: Callable[[Weights], Weights | None]) -> None:
    """Let ``change`` edit the tensors in place, or return others."""
    path = folder / "model.safetensors"
    weights = load_file(path)
    changed = change(weights)
    save_file(weights if changed is None else changed, path)


def logits_of(folder: Path) -> Tensor:
    checkpoint = load(folder, device="cpu")
    with torch.inference_mode():
        answer: Tensor = checkpoint.model(tiny_ids(checkpoint.config)).logits
    return answer


def refused(folder: Path | str, kind: type[MuxvizError], *parts: str) -> None:
    """Loading fails with exactly this class, and the message holds every part."""
    with pytest.raises(kind) as caught:
        load(folder, device="cpu")
    assert type(caught.value) is kind
    message = str(caught.value)
    assert [part for part in parts if part not in message] == [], message


# ---- what is asked for ----------------------------------------------------------------------


def test_an_unknown_name_lists_what_there_is(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(folder.parent))
    refused("nosuch", CheckpointMissing, "'nosuch'", "bundled are model", "no such folder")
    assert load("model", device="cpu").name == "model"


@pytest.mark.parametrize("name", ["x" * 5000, "~nobody-of-that-name/x/y", "nul\0byte"])
def test_a_name_that_cannot_be_a_path_is_missing(name: str) -> None:
    refused(name, CheckpointMissing)


def test_a_name_like_a_hub_id_is_asked_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    refused("nobody/nothing-of-that-name", HubError, "HF_HUB_OFFLINE", "not in the cache")


def test_a_folder_without_config_is_no_model(tmp_path: Path) -> None:
    refused(tmp_path, NotAModelFolder, "not a model folder", "config.json", "muxviz.save")


def test_a_file_is_no_folder(folder: Path) -> None:
    refused(folder / "config.json", CheckpointMissing, "is a file", "give the folder")


def test_a_folder_without_weights_says_what_it_looked_for(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    refused(folder, CheckpointMissing, "no weights", "model.safetensors", "pytorch_model.bin")


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"device": "tpu9"}, ("'tpu9'", "auto, cpu, cuda")),
        ({"device": "meta"}, ("'meta'", "not supported")),
        ({"device": "cuda:77"}, ("'cuda:77'", "CUDA devices", "use cpu or auto")),
        ({"dtype": "int8"}, ("'int8'", "float32, float16, bfloat16")),
    ],
    ids=str,
)
def test_an_impossible_device_or_precision(
    options: dict[str, str], parts: tuple[str, ...], folder: Path
) -> None:
    with pytest.raises(DeviceError) as caught:
        load(folder, **options)
    assert [part for part in parts if part not in str(caught.value)] == []


def test_precision_is_as_asked(folder: Path) -> None:
    assert load(folder, device="cpu", dtype="bfloat16").dtype == torch.bfloat16
    loaded = load(folder, device="cpu")
    assert loaded.dtype == torch.float32
    assert not loaded.model.training
    assert not any(p.requires_grad for p in loaded.model.parameters())


def test_a_weight_beyond_half_precision_is_refused_not_made_infinite(folder: Path) -> None:
    edit_weights(folder, lambda w: w.update({CLASSIFIER: torch.full((2, 24), 1e6)}))
    with pytest.raises(DeviceError, match="too large for float16; load it in bfloat16"):
        load(folder, device="cpu", dtype="float16")


# ---- config.json ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("{not json", "is not JSON"),
        ("", "is empty"),
        ("[1, 2]", "holds a list; expected a JSON object"),
        ("3", "holds a number"),
        ('{"a": ' + "[" * 200_000, "nested deeper than 64 levels"),
        ('{"num_instances": 3, "num_instances": 4}', "'num_instances' is given twice"),
        ('{"hidden_size": ' + "9" * 5000 + "}", "a whole number of 5000 digits"),
    ],
    ids=["broken", "empty", "list", "number", "deep", "twice", "digits"],
)
def test_config_that_is_not_an_object(text: str, part: str, folder: Path) -> None:
    (folder / "config.json").write_text(text)
    refused(folder, CheckpointUnreadable, "config.json", part)


def test_config_that_is_not_text(folder: Path) -> None:
    (folder / "config.json").write_bytes(b"\xff\xfe\x00\x01")
    refused(folder, CheckpointUnreadable, "is UTF-16, not UTF-8")


def test_a_huge_config_is_not_read(folder: Path) -> None:
    with (folder / "config.json").open("r+b") as file:
        file.truncate(1 << 30)  # sparse: takes no room
    refused(folder, CheckpointUnreadable, "config.json: has more than 4 MiB")


@pytest.mark.parametrize(
    ("field", "value", "kind", "part"),
    [
        ("hidden_size", 10**9, CheckpointTooLarge, "1,000,000,000"),
        ("num_hidden_layers", 10**5, CheckpointTooLarge, "no known model exceeds 512"),
        ("vocab_size", 10**400, CheckpointUnreadable, "a whole number of 401 digits"),
        ("vocab_size", 10**18, CheckpointTooLarge, "more than 15 digits"),
        ("num_instances", 5000, CheckpointTooLarge, "num_instances is 5,000"),
        ("hidden_size", -1, ConfigError, "hidden_size is -1"),
        ("hidden_size", "12", ConfigError, "hidden_size is '12'"),
        ("hidden_size", True, ConfigError, "hidden_size is True"),
        ("hidden_size", 24.0, ConfigError, "hidden_size is 24.0"),
        ("type_vocab_size", True, ConfigError, "type_vocab_size is True"),
        ("num_instances", [3], ConfigError, "num_instances is [3]"),
        ("num_attention_heads", 0, ConfigError, "num_attention_heads is 0"),
        ("num_attention_heads", 5, ConfigError, "hidden_size 24 is not a multiple"),
        ("num_attention_heads", ..., ConfigError, "num_attention_heads is absent"),
        ("num_hidden_layers", 3, CheckpointMismatch, "num_hidden_layers 3, the weights have 2"),
        ("num_hidden_demux_layers", 7, CheckpointMismatch, "num_hidden_demux_layers 7"),
        ("num_hidden_demux_layers", 1, ConfigError, "num_demux_layers is 1"),
        ("num_instances", 4, InstanceMismatch, "num_instances 4, instance_embedding has 3"),
        ("layer_norm_eps", "small", ConfigError, "layer_norm_eps is 'small'"),
        ("layer_norm_eps", float("nan"), CheckpointUnreadable, "NaN is no JSON number"),
        ("layer_norm_eps", float("inf"), CheckpointUnreadable, "Infinity is no JSON number"),
        ("layer_norm_eps", 10**18, ConfigError, "layer_norm_eps is 1000000000000000000"),
        ("hidden_dropout_prob", -0.1, ConfigError, "hidden_dropout_prob is -0.1"),
        ("pad_token_id", 704, ConfigError, "pad_token_id is 704"),
        ("pad_token_id", "0", ConfigError, "pad_token_id is '0'"),
        ("hidden_act", "explode", ConfigError, "hidden_act is 'explode'"),
        ("hidden_act", ["gelu"], ConfigError, "hidden_act is ['gelu']"),
        ("position_embedding_type", "relative_key", ConfigError, "only absolute positions"),
        ("model_type", "gpt2", ConfigError, "model_type is 'gpt2'"),
        ("model_type", ["bert"], ConfigError, "expected a string"),
        ("model_type", "electra", CheckpointMismatch, "model_type 'electra'"),
        ("muxing_variant", "sorcery", UnknownVariant, "unknown muxing_variant 'sorcery'"),
        ("muxing_variant", {"a": 1}, ConfigError, "muxing_variant is {'a': 1}"),
        ("muxing_variant", "random_ortho", CheckpointMismatch, "look like 'gaussian_hadamard'"),
        ("demuxing_variant", "sorcery", UnknownVariant, "unknown demuxing_variant 'sorcery'"),
        ("demuxing_variant", "mlp", CheckpointMismatch, "the weights are those of 'index_pos'"),
        ("architectures", ["SomeNewModel"], UnknownVariant, "unknown class 'SomeNewModel'"),
        ("architectures", "MuxedBertForMaskedLM", ConfigError, "expected a list"),
        ("architectures", [["x"]], ConfigError, "expected a list with one class name"),
        ("architectures", [{}], ConfigError, "expected a list with one class name"),
        ("architectures", ["BertForMaskedLM"], CheckpointMismatch, "the weights have instance"),
        ("architectures", ["ElectraForMaskedLM"], CheckpointMismatch, "belong to bert"),
        ("muxviz", [], ConfigError, "the field muxviz is []"),
        ("muxviz", {"magic": 1}, ConfigError, "fields default_padding, demultiplexer"),
        ("muxviz", {"readout": "last"}, UnknownVariant, "unknown readout 'last'"),
        ("muxviz", {"fixed_length": "long"}, ConfigError, "fixed_length is 'long'"),
        ("muxviz", {"fixed_length": 0}, ConfigError, "fixed_length is 0; expected 3"),
        ("muxviz", {"fixed_length": 1}, ConfigError, "fixed_length is 1"),
        ("muxviz", {"fixed_length": 2}, ConfigError, "[CLS], one to read, [SEP]"),
        ("muxviz", {"fixed_length": 1 << 20}, ConfigError, "fixed_length is 1048576"),
        ("muxviz", {"default_padding": "wide"}, UnknownVariant, "unknown default_padding 'wide'"),
        ("muxviz", {"task": "masked_lm"}, ConfigError, "muxviz says task 'masked_lm'"),
        ("muxviz", {"structure": 5}, ConfigError, "structure"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_bad_field_is_named(
    field: str, value: Any, kind: type[MuxvizError], part: str, folder: Path
) -> None:
    edit_config(folder, **{field: value})
    refused(folder, kind, part)


def test_a_classifier_must_be_there_for_a_classification_class(tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "model", tiny_config(task="masked_lm"))
    edit_config(folder, architectures=["MuxedBertForSequenceClassification"])
    refused(folder, CheckpointMismatch, "no classifier", "fine-tuned")


KINDS: tuple[dict[str, Any], ...] = (
    {"num_labels": 3},
    {"backbone": "electra", "demultiplexer": "index_prefix", "embedding_size": 16},
    {"backbone": "electra", "task": "replaced_token_detection", "num_demux_layers": 3},
    {"task": "masked_lm", "multiplexer": "contextual"},
    {"plain": True, "task": "token_classification", "num_labels": 4},
    {"plain": True, "backbone": "roberta"},
)


@pytest.mark.parametrize("changes", KINDS, ids=str)
def test_every_absent_field_is_inferred(changes: dict[str, Any], tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "model", tiny_config(**changes))
    original = json.loads((folder / "config.json").read_text())
    expected, logits = load(folder, device="cpu").config, logits_of(folder)
    removed = [field for field in original if field != "num_attention_heads"]
    for field in removed:
        edit_config(folder, **original | {field: ...})
        inferred = inspect_folder(folder).inferred.config
        assert replace(inferred, published_class=expected.published_class) == expected, field
    edit_config(folder, **dict.fromkeys(removed, None))
    assert torch.equal(logits_of(folder), logits)
    notes = " ".join(load(folder, device="cpu").notes)
    assert "vocab_size is absent: " in notes
    assert "architectures is absent: task" in notes


@pytest.mark.parametrize(
    ("id2label", "labels"),
    [
        ({"0": "bad", "1": "good"}, ("bad", "good")),
        ({"0": 1, "1": 2.5}, ("1", "2.5")),
        ({"0": "LABEL_0", "1": "LABEL_1"}, None),
        ({"0": "same", "1": "same"}, None),
        ({"0": "", "1": "good"}, None),
        ({"0": None, "1": {}}, None),
        ({"a": "bad", "b": "good"}, None),
        ({"0": "one", "1": "two", "2": "three"}, None),
        ({}, None),
        (["bad", "good"], None),
        ("bad", None),
        (None, None),
    ],
    ids=str,
)
def test_odd_label_names_fall_back_to_numbers(
    id2label: Any, labels: tuple[str, ...] | None, folder: Path
) -> None:
    edit_config(folder, id2label=id2label)
    config = load(folder, device="cpu").config
    assert config.labels == (labels or ("LABEL_0", "LABEL_1"))
    assert config.labels_source == ("config.json" if labels else "none: raw label numbers")


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"num_labels": 10**9}, "num_labels is 1000000000 in config.json: not used, there are 2"),
        ({"num_labels": -1}, "num_labels is -1"),
        ({"num_labels": "two"}, "num_labels is 'two'"),
        ({"id2label": {"0": "a", "1": "b", "2": "c"}}, "id2label in config.json is not used"),
        ({"id2label": {"0": "a", "1": "a"}}, "expected 2 names"),
        ({"id2label": ["a", "b"]}, "id2label in config.json is not used (['a', 'b'])"),
        ({"label2id": {"bad": 0, "good": 1}}, "label2id in config.json has names"),
    ],
    ids=str,
)
def test_labels_that_are_not_used_are_told(
    changes: dict[str, Any], part: str, folder: Path
) -> None:
    assert "num_labels" not in " ".join(load(folder, device="cpu").notes)
    edit_config(folder, **changes)
    checkpoint = load(folder, device="cpu")
    assert checkpoint.config.num_labels == 2
    assert part in " ".join(checkpoint.notes)
    assert part in check(folder).text()


def test_a_whole_set_of_labels_needs_no_word(folder: Path) -> None:
    edit_config(folder, num_labels=2, id2label={"0": "a", "1": "b"}, label2id={"a": 0, "b": 1})
    assert load(folder, device="cpu").notes == ()


def test_padding_that_the_multiplexer_mixes_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "model", tiny_config(multiplexer="contextual"))
    edit_config(folder, muxviz={"default_padding": "masked"})
    refused(folder, ConfigError, "not defined for the contextual multiplexer", "group or fixed")


def test_a_displaced_prefix_needs_room_too(tmp_path: Path) -> None:
    config = tiny_config(task="masked_lm", demultiplexer="index_prefix")
    folder = write_tiny_folder(tmp_path / "model", config)
    edit_config(folder, muxviz={"fixed_length": 6})
    refused(folder, ConfigError, "fixed_length is 6; expected 7", "and the prefix")


@pytest.mark.parametrize(
    ("card", "field"),
    [
        ({"recipe": 5}, "'recipe'"),
        ({"recipe": {"task_dev": 5}}, "'recipe.task_dev'"),
        ({"baseline": ["a"]}, "'baseline'"),
        ({"measured": []}, "'measured'"),
        ({"measured": {"dev": 5}}, "'measured.dev'"),
        ({"measured": {"dev": {"metrics": {"f1": {"mean": "high"}}}}}, "'measured.dev.metrics.f1"),
        ({"measured": {"dev": {"accuracy": True}}}, "'measured.dev.accuracy'"),
    ],
    ids=str,
)
def test_a_card_of_another_kind_is_named(card: Any, field: str, folder: Path) -> None:
    (folder / "card.json").write_text(json.dumps(card))
    refused(folder, CheckpointUnreadable, "card.json", field, "muxviz card")


def test_label_names_can_always_be_shown(folder: Path) -> None:
    edit_config(folder, id2label={"0": "x" * 10_000, "1": "y"})
    assert load(folder, device="cpu").config.labels == ("x" * 200, "y")
    edit_config(folder, id2label={"0": "x", "1": "\ud800"})
    refused(folder, CheckpointUnreadable, "config.json", "holds half a character")


def test_a_plain_model_with_other_labels_than_outputs(tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "model", tiny_config(plain=True))
    edit_config(folder, id2label={"0": "a", "1": "b", "2": "c"})
    refused(folder, CheckpointMismatch, "names 3 labels, the classifier has 2 outputs")


def test_a_plain_model_with_instances(tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "model", tiny_config(plain=True))
    edit_config(folder, num_instances=5)
    refused(folder, InstanceMismatch, "num_instances 5", "no instance_embedding")


# ---- weights --------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [0, 5, 200, 20_000])
def test_truncated_safetensors(keep: int, folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    refused(folder, CheckpointUnreadable, "model.safetensors", "truncated", "fetch it again")


@pytest.mark.parametrize("keep", [0, 100, 20_000])
def test_truncated_bin(keep: int, tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "model", weights="bin")
    path = folder / "pytorch_model.bin"
    path.write_bytes(path.read_bytes()[:keep])
    refused(folder, CheckpointUnreadable, "pytorch_model.bin", "truncated", "fetch it again")


def test_damaged_bin(tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "model", weights="bin")
    path = folder / "pytorch_model.bin"
    content = bytearray(path.read_bytes())
    start = content.index(b"data.pkl") + 200
    content[start : start + 400] = bytes(400)
    path.write_bytes(content)
    refused(folder, CheckpointUnreadable, "pytorch_model.bin")


class Marker:
    """Opens a file for writing when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), "w")


@pytest.mark.parametrize("form", ["torch", "pickle"])
def test_a_pickle_that_would_run_code_does_not(form: str, tmp_path: Path, folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    path, marker = folder / "pytorch_model.bin", tmp_path / "marker"
    if form == "torch":
        torch.save({"weight": Marker(marker)}, path)
        parts = ("would run code", "refused", "safetensors")
    else:
        path.write_bytes(pickle.dumps({"weight": Marker(marker)}))
        parts = ("not a torch weights file",)
    refused(folder, CheckpointUnreadable, *parts)
    assert not marker.exists()


def test_the_marker_would_have_been_seen(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Marker(tmp_path / "marker"))).close()
    assert (tmp_path / "marker").exists()


@pytest.mark.parametrize(
    "value",
    [
        [torch.zeros(2)],
        {"weight": 3.0},
        {3: torch.zeros(2)},
        {"weight": torch.eye(3).to_sparse()},
        {"weight": torch.zeros(1).expand(1 << 20, 1 << 20)},
        torch.zeros(2),
    ],
    ids=["list", "number", "unnamed", "sparse", "expanded", "tensor"],
)
def test_a_bin_that_is_no_state_dict(value: Any, folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save(value, folder / "pytorch_model.bin")
    refused(folder, CheckpointUnreadable, "does not hold a state dict", "model.state_dict()")


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_a_folder_whose_name_is_not_utf8(kind: str, tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "model", weights=kind)
    expected = logits_of(folder)
    odd = folder.rename(tmp_path / os.fsdecode(b"bad\xff"))
    assert torch.equal(logits_of(odd), expected)
    assert "checkpoint  bad\\xff\n" in check(odd).text()


@pytest.mark.parametrize("aliases", [True, False])
def test_bin_gives_the_same_logits(aliases: bool, tmp_path: Path) -> None:
    first = write_tiny_folder(tmp_path / "one")
    second = write_tiny_folder(tmp_path / "two", weights="bin", aliases=aliases)
    assert torch.equal(logits_of(first), logits_of(second))


def test_bin_may_wrap_its_state_dict_and_share_storage(tmp_path: Path, folder: Path) -> None:
    expected = logits_of(folder)
    weights = load_file(folder / "model.safetensors")
    weights["retrieval_head.decoder.weight"] = weights[WORDS]
    (folder / "model.safetensors").unlink()
    torch.save({"state_dict": weights, "epoch": 3}, folder / "pytorch_model.bin")
    assert torch.equal(logits_of(folder), expected)


def repack(
    path: Path, change: Callable[[str, bytes], bytes], kind: int = zipfile.ZIP_STORED
) -> None:
    """Write a torch file anew with ``change`` made to each member."""
    with zipfile.ZipFile(path) as old:
        members = [(name, change(name, old.read(name))) for name in old.namelist()]
    with zipfile.ZipFile(path, "w", kind) as new:
        for name, content in members:
            new.writestr(name, content)


def bin_folder(path: Path) -> Path:
    return write_tiny_folder(path / "model", tiny_config(num_hidden_layers=1), weights="bin")


def test_a_torch_file_that_is_packed_anew_is_the_same(tmp_path: Path) -> None:
    folder = bin_folder(tmp_path)
    expected = logits_of(folder)
    repack(folder / "pytorch_model.bin", lambda name, content: content)
    assert torch.equal(logits_of(folder), expected)


@pytest.mark.parametrize("only", ["", "data.pkl", "data/3"])
def test_what_is_compressed_inside_is_not_unpacked(only: str, tmp_path: Path) -> None:
    folder = bin_folder(tmp_path)
    path = folder / "pytorch_model.bin"
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, content in members.items():
            packs = only in name
            new.writestr(name, content, zipfile.ZIP_DEFLATED if packs else zipfile.ZIP_STORED)
    refused(folder, CheckpointUnreadable, "pytorch_model.bin", "compressed", "was not unpacked")


def test_a_value_that_changed_on_the_way_is_noticed(tmp_path: Path) -> None:
    folder = bin_folder(tmp_path)
    path = folder / "pytorch_model.bin"
    value = load(folder, device="cpu").model.head.out_proj.weight.numpy().tobytes()
    content = path.read_bytes()
    at = content.index(value) + 5
    path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    refused(folder, CheckpointUnreadable, "truncated or corrupt", "CRC-32")


def test_lists_that_are_too_long_are_not_read(folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("muxviz.loading.weights.LARGEST_LIST", 600)
    refused(folder, CheckpointUnreadable, "has a header of", "at most 600", "was not read")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    refused(folder, CheckpointUnreadable, "truncated or corrupt", "a list of")


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "zs.pt"])
@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_weights_are_a_regular_file(kind: str, name: str, tmp_path: Path, folder: Path) -> None:
    if name != "zs.pt":
        (folder / "model.safetensors").unlink()
    os.mkfifo(folder / name) if kind == "pipe" else (folder / name).mkdir()
    refused(folder, CheckpointUnreadable, f"{name}: is a {kind}")


def sparse(folder: Path, name: str, size: int) -> None:
    """Add a tensor of ``size`` bytes that takes no room on the disk."""
    path = folder / "model.safetensors"
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    fields, body = json.loads(content[8 : 8 + length]), content[8 + length :]
    offsets = [len(body), len(body) + size]
    fields[name] = {"dtype": "F32", "shape": [size // 4], "data_offsets": offsets}
    text = json.dumps(fields).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)
        file.truncate(8 + len(text) + len(body) + size)


@pytest.mark.parametrize("name", ["junk.unused", "bert.pooler.dense.huge", "optimizer.exp_avg.0"])
def test_what_nothing_uses_is_not_read(name: str, folder: Path, monkeypatch: Any) -> None:
    before = load(folder, device="cpu")
    sparse(folder, name, 1 << 30)
    read = []
    get = weights.read_weights
    monkeypatch.setattr(
        "muxviz.loading.load.read_weights", lambda *given: read.append(get(*given)) or read[-1]
    )
    after = load(folder, device="cpu")
    assert after.fingerprint == before.fingerprint
    assert name not in read[0]
    report = check(folder)
    assert report.usable
    assert "1,024.2 MiB, in model.safetensors" in report.text()
    assert "1,024.0 MiB that nothing uses are not read" in report.text()


def test_a_file_that_cannot_be_mapped(folder: Path) -> None:
    sparse(folder, "junk.unused", 1 << 42)  # more than any machine has
    refused(folder, CheckpointTooLarge, "4,096.0 GiB", "own tensors alone")


def header(entry: dict[str, Any]) -> bytes:
    """A safetensors file with one made-up entry and 16 bytes of data."""
    text = json.dumps({WORDS: entry}).encode()
    return struct.pack("<Q", len(text)) + text + bytes(16)


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": ["2", "2"], "data_offsets": [0, 16]},
        {"dtype": "F32", "shape": [2, -2], "data_offsets": [0, 16]},
        {"dtype": "F32", "shape": [1 << 62, 1 << 62], "data_offsets": [0, 16]},
        {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 999]},
        {"dtype": "Z9", "shape": [2, 2], "data_offsets": [0, 16]},
        {"shape": [2, 2]},
    ],
    ids=["strings", "negative", "overflow", "beyond", "unknown", "incomplete"],
)
def test_a_made_up_safetensors_header(entry: dict[str, Any], folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(header(entry))
    refused(folder, CheckpointUnreadable, "model.safetensors", "not a safetensors file")


def test_wrong_shapes_are_listed(folder: Path) -> None:
    name = "bert.encoder.layer.1.output.dense.weight"
    edit_weights(folder, lambda w: w.update({name: torch.zeros(24, 41)}))
    refused(folder, ShapeMismatch, "1 of a wrong shape", f"{name} is [24, 41], expected [24, 40]")


@pytest.mark.parametrize(
    "name",
    [WORDS, "instance_embedding", CLASSIFIER, "bert.encoder.layer.0.intermediate.dense.weight"],
)
def test_a_scalar_in_place_of_a_matrix(name: str, folder: Path) -> None:
    edit_weights(folder, lambda w: w.update({name: torch.tensor(1.0)}))
    refused(folder, ShapeMismatch, name, "shape []")


def test_a_missing_tensor_is_named(folder: Path) -> None:
    edit_weights(folder, lambda w: {k: t for k, t in w.items() if k != "classifier.bias"})
    refused(folder, CheckpointMismatch, "1 missing: classifier.bias", "incomplete")


def test_weights_of_something_else(folder: Path) -> None:
    edit_weights(folder, lambda w: {"gpt.h.0": torch.zeros(2)})
    refused(folder, CheckpointMismatch, "gpt.h.0", "not a MUX-PLM")


def test_an_encoder_without_word_embeddings(folder: Path) -> None:
    ties = (WORDS, "retrieval_head.decoder.weight")
    edit_weights(folder, lambda w: {k: t for k, t in w.items() if k not in ties})
    refused(folder, CheckpointMismatch, f"no {WORDS}", "not a complete model")


def test_a_layer_number_out_of_all_bounds_builds_nothing(folder: Path) -> None:
    edit_weights(folder, lambda w: w.update({"bert.encoder.layer.99999999.x": torch.zeros(1)}))
    refused(folder, CheckpointTooLarge, "num_hidden_layers is 100,000,000", "Nothing was allocated")


def test_more_parameters_than_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    refused(folder, CheckpointTooLarge, "31,554 parameters", "are free", "larger machine")


def test_numbers_of_labels_that_contradict_each_other_are_named(folder: Path) -> None:
    edit_config(folder, id2label={"0": "neg", "1": "pos"}, label2id={"pos": 0, "neg": 1})
    report = check(folder)
    assert report.usable
    assert any("numbers the labels otherwise" in said for s in report.stages for said in s.lines)


def test_slots_that_contradict_each_other(folder: Path) -> None:
    roots = ("demux_module", "demultiplexer.demux_module", "retrieval_head.demux_module")
    keys = {f"{root}.demux_instance_embedding": torch.zeros(4, 24) for root in roots}
    edit_weights(folder, lambda w: w.update(keys))
    refused(folder, CheckpointMismatch, "3 slots", "keys have 4", "two models")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_numbers(value: float, folder: Path) -> None:
    def spoil(weights: Weights) -> None:
        weights[CLASSIFIER][1, 2] = value

    edit_weights(folder, spoil)
    refused(folder, CheckpointInvalid, CLASSIFIER, "not finite")


def test_whole_numbers_in_place_of_weights(folder: Path) -> None:
    edit_weights(folder, lambda w: w.update({CLASSIFIER: w[CLASSIFIER].to(torch.int32)}))
    refused(folder, CheckpointInvalid, f"{CLASSIFIER} is stored as int32", "float32, float16")


def test_doubles_that_single_precision_cannot_hold(folder: Path) -> None:
    edit_weights(folder, lambda w: w.update({CLASSIFIER: w[CLASSIFIER].double() * 1e300}))
    refused(folder, CheckpointInvalid, CLASSIFIER, "not finite")


def test_two_different_aliases(folder: Path) -> None:
    def spoil(weights: Weights) -> None:
        weights["retrieval_head.decoder.weight"][5, 5] += 1

    edit_weights(folder, spoil)
    refused(
        folder, CheckpointMismatch, WORDS, "retrieval_head.decoder.weight", "two different ones"
    )


def test_one_tensor_under_its_old_and_new_name(folder: Path) -> None:
    old = "bert.embeddings.LayerNorm.gamma"
    edit_weights(folder, lambda w: w.update({old: torch.ones(24)}))
    refused(folder, CheckpointMismatch, old, "bert.embeddings.LayerNorm.weight", "twice")


def test_extras_of_any_kind_are_tolerated(folder: Path) -> None:
    expected = logits_of(folder)
    extras = {
        "steps": torch.tensor(3),
        "bert.pooler.dense.weight": torch.zeros(24, 24),
        "flags": torch.tensor([True, False]),
        "nothing": torch.zeros(0, 3),
        "half": torch.tensor(0.5, dtype=torch.bfloat16),
    }
    edit_weights(folder, lambda w: w.update(extras))
    assert torch.equal(logits_of(folder), expected)


def test_fingerprint_follows_the_content(tmp_path: Path) -> None:
    folders = [
        write_tiny_folder(tmp_path / name, seed=seed)
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    one, same, other = (load(f, device="cpu").fingerprint for f in folders)
    assert one == same != other
    assert len(one) == 12


# ---- other names ----------------------------------------------------------------------------


@pytest.mark.parametrize("wrapper", ["discriminator.", "module.", "model.", "generator."])
def test_a_stray_wrapper_is_removed(wrapper: str, folder: Path) -> None:
    expected = logits_of(folder)
    edit_weights(folder, lambda w: {wrapper + k: t for k, t in w.items()})
    assert torch.equal(logits_of(folder), expected)


@pytest.mark.parametrize(
    "wrapper",
    [
        "_orig_mod.",
        "_orig_mod.module.",
        "module._orig_mod.",
        "model._orig_mod.module.",
        "module.model.model.",
        "_fsdp_wrapped_module._orig_mod.",
        "net.",
        "discriminator.module.",
    ],
)
def test_wrappers_are_removed_in_any_order(wrapper: str, folder: Path) -> None:
    expected = logits_of(folder)
    edit_weights(folder, lambda w: {wrapper + k: t for k, t in w.items()})
    assert torch.equal(logits_of(folder), expected)


def test_wrappers_inside_a_name_are_removed(folder: Path) -> None:
    expected = logits_of(folder)
    edit_weights(
        folder,
        lambda w: {
            k.replace("bert.encoder.", "bert._orig_mod.encoder.").replace(
                ".attention.", ".attention.module."
            ): t
            for k, t in w.items()
        },
    )
    assert torch.equal(logits_of(folder), expected)


def test_what_lies_beside_a_wrapped_model_is_told(folder: Path) -> None:
    expected = logits_of(folder)
    beside = {"criterion.weight": torch.ones(2), "n_averaged": torch.tensor(3)}
    edit_weights(folder, lambda w: {"model." + k: t for k, t in w.items()} | beside)
    assert torch.equal(logits_of(folder), expected)
    report = check(folder)
    assert report.usable
    assert report.unexpected == ("criterion.weight", "n_averaged")


def test_two_models_in_one_file_are_refused(folder: Path) -> None:
    edit_weights(
        folder,
        lambda w: {f"{p}.{k}": t.clone() for p in ("student", "teacher") for k, t in w.items()},
    )
    refused(folder, CheckpointMismatch, "2 models", "student.", "teacher.", "one of them")


def test_a_wrapped_name_and_a_bare_one_are_not_mixed(folder: Path) -> None:
    edit_weights(folder, lambda w: w.update({"module.classifier.weight": w[CLASSIFIER] + 1}))
    refused(folder, CheckpointMismatch, "classifier.weight twice")


def test_a_generator_beside_its_discriminator_is_left_out(tmp_path: Path) -> None:
    config = tiny_config(backbone="electra", task="replaced_token_detection")
    folder = write_tiny_folder(tmp_path / "model", config)
    expected = logits_of(folder)

    def wrap(weights: Weights) -> Weights:
        both = {f"discriminator.{k}": t for k, t in weights.items()}
        return both | {f"generator.{k}": torch.zeros_like(t) for k, t in weights.items()}

    edit_weights(folder, wrap)
    assert torch.equal(logits_of(folder), expected)


def test_old_norm_names_are_known(folder: Path) -> None:
    expected = logits_of(folder)

    def rename(weights: Weights) -> Weights:
        names = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
        renamed = {}
        for name, tensor in weights.items():
            for new, old in names.items():
                name = name.removesuffix(new) + old if name.endswith(new) else name
            renamed[name] = tensor
        return renamed

    edit_weights(folder, rename)
    assert any(n.endswith("LayerNorm.gamma") for n in load_file(folder / "model.safetensors"))
    assert torch.equal(logits_of(folder), expected)


def test_each_tensor_may_come_under_any_one_of_its_names(folder: Path) -> None:
    expected = logits_of(folder)
    root = "demultiplexer.demux_module."

    def keep_aliases(weights: Weights) -> Weights:
        dropped = ("demux_module.", "retrieval_head.demux_module.", WORDS)
        return {k: t for k, t in weights.items() if not k.startswith(dropped)}

    edit_weights(folder, keep_aliases)
    names = load_file(folder / "model.safetensors").keys()
    assert WORDS not in names
    assert any(n.startswith(root) for n in names)
    assert torch.equal(logits_of(folder), expected)


def test_a_model_without_retrieval_head(tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "model", tiny_config(has_retrieval_head=False))
    edit_weights(
        folder,
        lambda w: w.update(
            {f"retrieval_head.{k}": t.clone() for k, t in w.items() if k.startswith("demux_module")}
        ),
    )
    loaded = load(folder, device="cpu")
    assert not loaded.config.has_retrieval_head
    assert loaded.model.retrieval_head is None


def test_masked_lm_needs_its_retrieval_head(tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "model", tiny_config(task="masked_lm"))
    edit_weights(
        folder, lambda w: {k: t for k, t in w.items() if not k.startswith("retrieval_head.")}
    )
    refused(folder, CheckpointMismatch, "masked_lm is answered by the retrieval head")


def test_a_prefix_longer_than_the_positions_is_refused(tmp_path: Path) -> None:
    config = tiny_config(demultiplexer="index_prefix", max_position_embeddings=4)
    folder = write_tiny_folder(tmp_path / "model", config)
    refused(folder, CheckpointMismatch, "4 positions leave no room", "prefix of 4")


def test_more_slots_than_markers_are_refused(tmp_path: Path) -> None:
    config = tiny_config(
        demultiplexer="index_prefix", num_instances=700, max_position_embeddings=800
    )
    folder = write_tiny_folder(tmp_path / "model", config)
    refused(folder, CheckpointMismatch, "700 slots", "downwards from 678")


def test_a_vocabulary_without_the_ids_of_the_prefix_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "model", tiny_config(demultiplexer="index_prefix"))
    names = (WORDS, "retrieval_head.decoder.weight")
    vectors = ("retrieval_head.decoder.bias", "retrieval_head.bias")
    edit_weights(folder, lambda w: w.update({n: w[n][:680].clone() for n in names + vectors}))
    edit_config(folder, vocab_size=680)
    refused(folder, ConfigError, "token id 680", "680 rows")


# ---- shards ---------------------------------------------------------------------------------


def shard(folder: Path, kind: str) -> dict[str, str]:
    """Split the weights into two shards and an index; returns its weight_map."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    stem, end = ("model", "safetensors") if kind == "safetensors" else ("pytorch_model", "bin")
    names = sorted(weights)
    mapping = {}
    for number in (1, 2):
        part = {k: weights[k] for k in names[number - 1 :: 2]}
        shard_name = f"{stem}-0000{number}-of-00002.{end}"
        mapping |= dict.fromkeys(part, shard_name)
        if kind == "safetensors":
            save_file(part, folder / shard_name)
        else:
            torch.save(part, folder / shard_name)
    write_index(folder, kind, mapping)
    return mapping


def write_index(folder: Path, kind: str, mapping: Any) -> None:
    stem = "model.safetensors" if kind == "safetensors" else "pytorch_model.bin"
    text = json.dumps({"metadata": {}, "weight_map": mapping})
    (folder / f"{stem}.index.json").write_text(text)


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_shards_give_the_same_logits(kind: str, folder: Path) -> None:
    expected = logits_of(folder)
    shard(folder, kind)
    assert torch.equal(logits_of(folder), expected)


def test_a_missing_shard_is_named(folder: Path) -> None:
    shard(folder, "safetensors")
    (folder / "model-00002-of-00002.safetensors").unlink()
    refused(
        folder,
        CheckpointMissing,
        "'model-00002-of-00002.safetensors'",
        "1 of 2 missing",
        "fetch all shards",
    )


@pytest.mark.parametrize(
    "name",
    ["../outside.safetensors", "/etc/passwd", "..", "a\\b.safetensors", 3, "config.json", ""],
)
def test_a_shard_must_be_a_weights_file_of_the_folder(name: Any, folder: Path) -> None:
    mapping = shard(folder, "safetensors")
    write_index(folder, "safetensors", mapping | {CLASSIFIER: name})
    refused(folder, CheckpointUnreadable, "names the shard", "in the same folder")


def test_a_shard_may_be_a_link_as_in_the_cache(tmp_path: Path, folder: Path) -> None:
    expected = logits_of(folder)
    shard(folder, "safetensors")
    path = folder / "model-00001-of-00002.safetensors"
    path.rename(tmp_path / "blob")
    path.symlink_to(tmp_path / "blob")
    assert torch.equal(logits_of(folder), expected)


def test_a_link_to_nowhere_is_a_missing_shard(folder: Path) -> None:
    shard(folder, "safetensors")
    path = folder / "model-00001-of-00002.safetensors"
    path.unlink()
    path.symlink_to(folder / "nowhere")
    refused(folder, CheckpointMissing, "1 of 2 missing")


def test_one_tensor_in_two_shards(folder: Path) -> None:
    shard(folder, "safetensors")
    second = folder / "model-00002-of-00002.safetensors"
    name = next(iter(load_file(folder / "model-00001-of-00002.safetensors")))
    save_file(load_file(second) | {name: torch.zeros(2)}, second)
    refused(folder, CheckpointUnreadable, name, "another shard holds too")


@pytest.mark.parametrize("mapping", [None, [], {}, "all"], ids=str)
def test_an_index_without_a_map(mapping: Any, folder: Path) -> None:
    shard(folder, "safetensors")
    write_index(folder, "safetensors", mapping)
    refused(folder, CheckpointUnreadable, "has no weight_map")


# ---- tokenizer ------------------------------------------------------------------------------


def remove_tokenizer(folder: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()


def test_without_a_tokenizer_only_texts_are_refused(folder: Path) -> None:
    remove_tokenizer(folder)
    checkpoint = load(folder, device="cpu")
    assert checkpoint.tokenizer is None
    with pytest.raises(NotApplicable, match=r"vocabulary of 704 .* token ids can\. Put tokenizer"):
        checkpoint.need_tokenizer()


def test_the_bundled_vocabulary_serves_where_it_fits(tmp_path: Path) -> None:
    config = tiny_config(vocab_size=30522, hidden_size=8, num_hidden_layers=1)
    folder = write_tiny_folder(tmp_path / "model", config, tokenizer=False)
    tokenizer = load(folder, device="cpu").need_tokenizer()
    assert tokenizer("hello world")["input_ids"] == [101, 7592, 2088, 102]


def test_a_vocabulary_file_is_enough(folder: Path) -> None:
    pieces = load(folder, device="cpu").need_tokenizer().get_vocab()
    remove_tokenizer(folder)
    (folder / "vocab.txt").write_text("\n".join(sorted(pieces, key=pieces.__getitem__)))
    ids = load(folder, device="cpu").need_tokenizer()("the good film")["input_ids"]
    assert ids == [101, pieces["the"], pieces["good"], pieces["film"], 102]


def test_a_tokenizer_larger_than_the_vocabulary(folder: Path) -> None:
    remove_tokenizer(folder)
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    (folder / "vocab.txt").write_text("\n".join([*specials, *(f"w{i}" for i in range(1000))]))
    refused(folder, CheckpointUnreadable, "1,005 pieces", "704 word embeddings", "belong together")


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"version": "1.0"}', "\0\0"], ids=repr)
def test_a_damaged_tokenizer(content: str, folder: Path) -> None:
    (folder / "tokenizer.json").write_text(content)
    refused(folder, CheckpointUnreadable, "tokenizer files cannot be read", "token ids only")


def test_a_damaged_card(folder: Path) -> None:
    (folder / "card.json").write_text("{")
    refused(folder, CheckpointUnreadable, "card.json", "is not JSON")


# ---- all together ---------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(40))
def test_a_randomly_damaged_folder_never_ends_in_a_traceback(seed: int, tmp_path: Path) -> None:
    folder = write_tiny_folder(
        tmp_path / "model",
        tiny_config(num_hidden_layers=1),
        weights=("safetensors", "bin")[seed % 2],
    )
    generator = torch.Generator().manual_seed(seed)
    files = ("config.json", "model.safetensors", "pytorch_model.bin", "tokenizer.json")
    path = [folder / name for name in files if (folder / name).exists()][seed % 3]
    content = bytearray(path.read_bytes())
    span = min(len(content), 20_000)  # headers and pickles lie at the front
    for place in torch.randint(0, span, (6,), generator=generator).tolist():
        content[place] = int(torch.randint(0, 256, (1,), generator=generator))
    path.write_bytes(content)
    try:
        outcome: object = load(folder, device="cpu").config.num_instances
    except (CheckpointError, ConfigError) as error:
        outcome = len(str(error)) > 20
    assert outcome in (3, True)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)
GOOD = json.loads((shared_folder() / "config.json").read_text())
OURS = ("readout", "default_padding", "fixed_length", "task", "structure")
FIELDS = st.dictionaries(st.sampled_from(sorted(GOOD)), ANYTHING, min_size=1, max_size=3)


@given(FIELDS, st.dictionaries(st.sampled_from(OURS), ANYTHING, max_size=2))
def test_no_config_ends_in_another_error(fields: dict[str, Any], ours: dict[str, Any]) -> None:
    stored = weights.read_stored([shared_folder() / "model.safetensors"]).shapes
    raw = GOOD | fields | ({"muxviz": ours} if ours else {})
    with contextlib.suppress(MuxvizError):
        config = infer_config(raw, stored, "here").config
        assert config.num_instances == 3
        assert max_tokens(config, config.default_padding) >= 3


@given(
    st.sampled_from(["safetensors", "bin"]),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=8),
    st.one_of(st.none(), st.integers(0, 30_000)),
)
def test_no_weights_file_ends_in_another_error(
    kind: str, changes: list[tuple[int, int]], size: int | None
) -> None:
    content = bytearray(_weights(kind))
    for at, value in changes:
        content[at] = value
        content[-1 - at] = content[-1 - at] ^ (value % 3)  # a torch file's list is at its end
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, f"model.{kind}")
        path.write_bytes(content[:size])
        with contextlib.suppress(MuxvizError):
            stored = weights.read_stored([path])
            read = weights.read_weights([path])
            assert {name: tuple(value.shape) for name, value in read.items()} == stored.shapes
            assert sum(stored.bytes.values()) <= 2 * len(content)  # one storage, two names


@functools.cache
def _weights(kind: str) -> bytes:
    with tempfile.TemporaryDirectory() as place:
        folder = write_tiny_folder(
            Path(place) / "m", tiny_config(num_hidden_layers=1), weights=kind
        )
        name = "model.safetensors" if kind == "safetensors" else "pytorch_model.bin"
        return (folder / name).read_bytes()


def test_a_shared_checkpoint_is_not_changed_by_running_it() -> None:
    checkpoint = shared_checkpoint()
    before = {k: t.clone() for k, t in checkpoint.model.state_dict().items()}
    ids = tiny_ids(checkpoint.config)
    kept = ids.clone()
    with torch.inference_mode():
        checkpoint.model(ids)
    assert torch.equal(ids, kept)
    after = checkpoint.model.state_dict()
    assert [k for k in before if not torch.equal(before[k], after[k])] == []
