"""A model with more word pieces answers old texts as before and knows the new pieces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from muxviz.cli import main
from muxviz.errors import ConfigError
from muxviz.loading.load import load
from muxviz.training.grow import WORDS, grow_vocabulary
from tests.tiny import shared_folder, tiny_vocabulary

NEW = ("wonderful", "dreadful")


def write_encoder(folder: Path, pieces: list[str], width: int = 24) -> Path:
    """A plain encoder whose rows are 2 x those of the tiny model's pieces plus 1, new ones 5."""
    folder.mkdir()
    own = load(shared_folder(), device="cpu").model.state_dict()[WORDS]
    rows = torch.full((len(pieces), width), 5.0)
    if width == own.shape[1]:
        rows[: len(tiny_vocabulary())] = 2 * own[: len(tiny_vocabulary())] + 1
    tensors = {"embeddings.word_embeddings.weight": rows}
    sizes = {"position_embeddings": 64, "token_type_embeddings": 2}
    tensors |= {f"embeddings.{n}.weight": torch.zeros(s, width) for n, s in sizes.items()}
    tensors |= {f"embeddings.LayerNorm.{n}": torch.ones(width) for n in ("weight", "bias")}
    layer = "encoder.layer.0"
    for name, shape in _layer(width).items():
        tensors[f"{layer}.{name}"] = torch.zeros(shape)
    save_file(tensors, folder / "model.safetensors")
    config: dict[str, Any] = {"model_type": "bert", "vocab_size": len(pieces)}
    config |= {"hidden_size": width, "num_hidden_layers": 1, "num_attention_heads": 4}
    config |= {"intermediate_size": 40, "max_position_embeddings": 64, "type_vocab_size": 2}
    config |= {"layer_norm_eps": 1e-12, "hidden_act": "gelu", "pad_token_id": 0}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n")
    return folder


def _layer(width: int) -> dict[str, tuple[int, ...]]:
    square = (width, width)
    dense = {f"attention.self.{n}": square for n in ("query", "key", "value")}
    dense |= {"attention.output.dense": square, "intermediate.dense": (40, width)}
    dense |= {"output.dense": (width, 40)}
    shapes: dict[str, tuple[int, ...]] = {}
    for name, shape in dense.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for name in ("attention.output.LayerNorm", "output.LayerNorm"):
        shapes |= {f"{name}.weight": (width,), f"{name}.bias": (width,)}
    return shapes


def test_old_texts_keep_their_answers_and_new_pieces_get_fitted_rows(tmp_path: Path) -> None:
    before = load(shared_folder(), device="cpu")
    pieces = [*tiny_vocabulary(), *NEW]
    (tmp_path / "vocab.txt").write_text("\n".join(pieces) + "\n")
    encoder = write_encoder(tmp_path / "encoder", pieces)
    code = main(
        ["grow", str(shared_folder()), str(tmp_path / "grown")]
        + ["--vocabulary", str(tmp_path / "vocab.txt"), "--encoder", str(encoder)]
    )
    assert code == 0
    after = load(tmp_path / "grown", device="cpu")
    assert after.config.shape.vocab_size == len(pieces)
    assert after.need_tokenizer().tokenize("a wonderful film") == ["a", "wonderful", "film"]
    ids = torch.randint(104, 240, (2, 3, 9), generator=torch.Generator().manual_seed(0))
    old, new = before.model(ids).logits, after.model(ids).logits
    torch.testing.assert_close(new, old, atol=1e-5, rtol=1e-5)
    # By hand: theirs = 2 ours + 1, so a row of 5 fits a row of (5 - 1) / 2 = 2.
    rows = after.model.state_dict()[WORDS][-len(NEW) :]
    torch.testing.assert_close(rows, torch.full_like(rows, 2.0), atol=1e-4, rtol=1e-4)


def test_what_cannot_be_grown_is_refused(tmp_path: Path) -> None:
    pieces = [*tiny_vocabulary(), *NEW]
    vocabulary = tmp_path / "vocab.txt"
    checkpoint = load(shared_folder(), device="cpu")
    vocabulary.write_text("\n".join([*pieces, "zzz"]) + "\n")
    encoder = write_encoder(tmp_path / "encoder", pieces)
    with pytest.raises(ConfigError, match="1 pieces that neither .* such as 'zzz'"):
        grow_vocabulary(checkpoint, vocabulary, encoder, tmp_path / "out")
    wide = write_encoder(tmp_path / "wide", pieces, width=32)
    with pytest.raises(ConfigError, match="embeddings 32 wide, .* 24; name an encoder"):
        grow_vocabulary(checkpoint, vocabulary, wide, tmp_path / "out")
    electra = load(shared_folder(backbone="electra"), device="cpu")
    with pytest.raises(ConfigError, match="only BERT models can be given more pieces"):
        grow_vocabulary(electra, vocabulary, encoder, tmp_path / "out")
