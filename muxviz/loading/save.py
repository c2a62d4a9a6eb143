"""Saving in the published layout: what the released classes wrote, they and we can read.

Left out: sharded files, and the old ``pytorch_model.bin``.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from muxviz.config import MuxConfig
from muxviz.errors import (
    CheckpointError,
    CheckpointInvalid,
    ConfigError,
    MuxvizError,
    NotApplicable,
)
from muxviz.files import json_text, write_whole
from muxviz.loading.build import candidates
from muxviz.loading.checkpoint import Checkpoint, describe_dtype
from muxviz.loading.infer import default_padding
from muxviz.loading.layout import (
    DEMUXING_VARIANTS,
    MUXING_VARIANTS,
    PUBLISHED_CLASSES,
    ROW_SCALE,
    is_published,
    is_written,
    published_names,
)
from muxviz.loading.load import pick_dtype
from muxviz.loading.tokenizer import ALL_TOKENIZER_FILES
from muxviz.loading.weights import pack_rows, writer_of
from muxviz.model.meaning import meaning
from muxviz.structure import to_dict

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

UNNAMED = {"multiplexer": "muxing_variant", "demultiplexer": "demuxing_variant"}
INT8 = "int8"
LARGE_MATRIX = 1 << 16  # values from which a matrix is worth packing
COARSE = 0.02  # of its length, beside the two largest entries of every row: what packing may miss
CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "card.json"
WRITER = "muxviz"  # in the header of the weights: whose folder it is
SCRATCH = ".saving-"  # begin of the name of a folder that is being written
PARTIAL = ".partial"  # end of the name of a file that older versions were writing


def save(
    checkpoint: Checkpoint,
    folder: str | Path,
    *,
    dtype: str | None = None,
    aliases: bool = True,
    force: bool = False,
) -> Path:
    """Write ``config.json``, ``model.safetensors``, tokenizer files and ``card.json``.

    All or nothing: a run that is killed, or a disk that is full, leaves the older files. In
    float32, ``load(save(checkpoint, folder))`` is bitwise equal.

    Args:
        checkpoint: not modified.
        folder: made where it does not exist; an older model that this function wrote is replaced.
        dtype: ``float32``, ``float16`` or ``bfloat16``; None keeps the model's own. ``int8``
            (ours) stores large matrices as int8 with a factor per row, where that is fine enough,
            the rest in float16: half of float16's size, read by ``muxviz.load`` only.
        aliases: write a tensor under all its published names, as the released classes do; else
            once, under its canonical name, as recent versions of transformers do.
        force: replace a model of others, too.

    Returns:
        The folder.

    Raises:
        CheckpointError: the folder holds something else, or cannot be written.
        CheckpointInvalid: a weight is too large for ``dtype``.
    """
    with saving(folder, force=force) as beside:
        write_model(checkpoint, beside, dtype=dtype, aliases=aliases)
    return Path(folder)


@contextmanager
def saving(folder: str | Path, *, force: bool = False) -> Iterator[Path]:
    """A folder to write a model to; at the block's end its files become those of ``folder``.

    Tokenizer files and a card of the older model that the new one does not have are removed. Where
    the block fails, everything is as it was.

    Raises:
        CheckpointError: see ``save``; before the block where that can be known, else behind it.
    """
    target = Path(folder)
    check_place(target, force)
    with _in_words(target):
        made = [path for path in (target, *target.parents) if not path.exists()]
        target.mkdir(parents=True, exist_ok=True)
    try:
        with _in_words(target), tempfile.TemporaryDirectory(prefix=SCRATCH, dir=target) as scratch:
            beside = Path(scratch)
            yield beside
            written = {path.name for path in beside.iterdir()}
            for name in sorted(written, key=lambda name: (name != WEIGHTS, name)):
                # safetensors and temporary files are for their owner only.
                (beside / name).chmod(0o644)
                os.replace(beside / name, target / name)
            for name in {*ALL_TOKENIZER_FILES, CARD} - written:
                (target / name).unlink(missing_ok=True)
    finally:
        with suppress(OSError):  # what was made for nothing; the first that holds anything stays
            for path in made:
                path.rmdir()


@contextmanager
def _in_words(target: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, SafetensorError, ValueError) as error:
        is_name = isinstance(error, ValueError) and "\0" in str(target)
        if isinstance(error, MuxvizError) or (isinstance(error, ValueError) and not is_name):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise CheckpointError(
            f"{target} cannot be written ({reason}); choose a folder you may write to, with room "
            "for the model"
        ) from error


def write_model(
    checkpoint: Checkpoint, folder: Path, *, dtype: str | None, aliases: bool = True
) -> None:
    """Write the files of ``save`` into an empty folder."""
    config = checkpoint.config
    if config.task == "sequence_classification" and config.num_labels == 1:
        raise ConfigError(
            f"{checkpoint.name} tells one class, {config.labels[0]!r}: other programs take such a "
            "head for a regression; train it on two classes or more"
        )
    packs = dtype == INT8
    stored = checkpoint.dtype if dtype is None else pick_dtype("float16" if packs else dtype)
    tensors = published_tensors(checkpoint, dtype=stored, aliases=aliases)
    if packs:
        whole = published_tensors(checkpoint, dtype=torch.float32, aliases=aliases)
        tensors |= _packed(whole)
    save_file(tensors, folder / WEIGHTS, {"format": "pt", "writer": WRITER})
    write_json(folder / CONFIG, published_config(config, describe_dtype(stored)))
    if checkpoint.tokenizer is not None:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            _write_tokenizer(checkpoint.tokenizer, scratch)
            for source in sorted(Path(scratch).iterdir()):
                if source.name in ALL_TOKENIZER_FILES:
                    os.replace(source, folder / source.name)
    if checkpoint.card:
        write_json(folder / CARD, checkpoint.card)


def _write_tokenizer(tokenizer: PreTrainedTokenizerBase, folder: str) -> None:
    try:
        tokenizer.save_pretrained(folder)
    except OSError:
        raise
    except Exception as error:  # the Rust writer raises bare Exception
        raise OSError(str(error)) from error


def _is_large(value: Tensor) -> bool:
    return value.dim() == 2 and value.numel() >= LARGE_MATRIX and value.is_floating_point()


def _packed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The large matrices of ``tensors`` as int8, each with its factors.

    Not those that a few large numbers in every row make too coarse, as in a demultiplexer that
    hands a slot's own dimensions on.
    """
    packed: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if _is_large(value):
            rows, scale = pack_rows(value)
            missed = (rows * scale[:, None] - value.float()).norm()
            sizes = value.float().abs()
            rest = sizes.scatter(1, sizes.topk(2, dim=1).indices, 0.0).norm()
            if missed <= COARSE * rest:
                packed[name], packed[name + ROW_SCALE] = rows, scale
    return packed


def published_tensors(
    checkpoint: Checkpoint, *, dtype: torch.dtype, aliases: bool = True
) -> dict[str, Tensor]:
    """The model's weights by published name, on the CPU, none sharing memory with another.

    Raises:
        CheckpointInvalid: a weight is too large for ``dtype``.
    """
    config, model = checkpoint.config, checkpoint.model
    tensors: dict[str, Tensor] = {}
    if aliases:
        positions = torch.arange(config.shape.max_position_embeddings)[None]
        tensors[f"{config.backbone}.embeddings.position_ids"] = positions
    names = candidates(config, model)
    for ours, parameter in model.named_parameters(remove_duplicate=not aliases):
        value = parameter.detach().to(device="cpu", dtype=dtype)
        if not bool(torch.isfinite(value).all()):
            raise CheckpointInvalid(
                f"{names[ours][0]} holds values that {describe_dtype(dtype)} cannot; save in "
                "bfloat16 or float32"
            )
        written = [n for n in published_names(config, ours) if is_written(config, n)]
        for name in written if aliases else written[:1]:
            tensors[name] = value.clone(memory_format=torch.contiguous_format)
    return tensors


def published_config(config: MuxConfig, dtype: str) -> dict[str, Any]:
    """The fields of ``config.json``: the original ones, brought up to date, or a full set."""
    fields = dict(config.extras) or _usual_fields(config)
    fields |= _model_fields(config)
    name = "dtype" if "dtype" in fields else "torch_dtype"
    if name in fields or dtype != "float32":
        fields[name] = dtype
    if not config.labels_source.startswith("none"):
        fields["id2label"] = {str(i): name for i, name in enumerate(config.labels)}
        fields["label2id"] = {name: i for i, name in enumerate(config.labels)}
    ours = _ours(config)
    for name in ("muxviz", *(UNNAMED[part] for part in ours if part in UNNAMED)):
        fields.pop(name, None)
    return fields | ({"muxviz": ours} if ours else {})


def label_agreement(
    checkpoint: Checkpoint, stored: Checkpoint, ids: Tensor, mask: Tensor | None = None
) -> float:
    """Share of equal labels of two versions of one model, such as before and after storage.

    Args:
        checkpoint, stored: the same model, perhaps in different precisions.
        ids: ``[B, N, L]``.
        mask: ``[B, N, L]``; padding is not counted. None means all tokens are real.

    Returns:
        A share in [0, 1] over texts, or over tokens where every token gets a label.

    Raises:
        NotApplicable: a regression has no labels. CheckpointInvalid: logits that are not numbers.
        InputError: as ``MuxModel.forward``.
    """
    if not meaning(checkpoint.config).is_right_or_wrong:
        raise NotApplicable("not applicable: a regression has no labels to compare")
    seen = torch.ones_like(ids) if mask is None else mask
    first, second = (_labels(c, ids, seen) for c in (checkpoint, stored))
    is_whole = checkpoint.config.answers_texts
    counted = seen.amax(dim=-1) if is_whole else seen[..., : first.shape[2]]
    same = first == second
    same = (same.all(dim=-1) if is_whole and same.dim() == 3 else same)[counted.cpu().bool()]
    return float(same.double().mean()) if same.numel() else 1.0


@torch.inference_mode()
def _labels(checkpoint: Checkpoint, ids: Tensor, mask: Tensor) -> Tensor:
    """On the CPU: ``[B, N]``, ``[B, N, C]`` of any number, ``[B, N, L']`` where tokens have one."""
    device = checkpoint.device
    logits = checkpoint.model(ids.to(device), mask.to(device)).logits
    if not bool(torch.isfinite(logits).all()):
        raise CheckpointInvalid(
            f"{checkpoint.name} gives logits that are not finite numbers in "
            f"{describe_dtype(checkpoint.dtype)}; compare it in float32"
        )
    labels: Tensor = meaning(checkpoint.config).decide(logits)
    return labels.cpu()


def _model_fields(config: MuxConfig) -> dict[str, Any]:
    """The published fields that describe the weights; these always follow the model."""
    shape = config.shape
    fields: dict[str, Any] = {
        "model_type": config.backbone,
        "vocab_size": shape.vocab_size,
        "hidden_size": shape.hidden_size,
        "num_hidden_layers": shape.num_hidden_layers,
        "num_attention_heads": shape.num_attention_heads,
        "intermediate_size": shape.intermediate_size,
        "max_position_embeddings": shape.max_position_embeddings,
        "type_vocab_size": shape.type_vocab_size,
        "layer_norm_eps": shape.layer_norm_eps,
        "pad_token_id": shape.pad_token_id,
        "hidden_act": shape.hidden_act,
        "hidden_dropout_prob": shape.hidden_dropout_prob,
        "attention_probs_dropout_prob": shape.attention_probs_dropout_prob,
    }
    if config.task == "multi_label_classification" or (
        config.task == "regression" and config.num_labels > 1
    ):
        fields["problem_type"] = config.task
    if config.backbone == "electra":
        fields["embedding_size"] = shape.embedding_size
    name = published_class(config)
    if name is not None:
        fields["architectures"] = [name]
    if config.is_multiplexed:
        fields["num_instances"] = config.num_instances
        if is_published(config.multiplexer):
            fields["muxing_variant"] = _key_of(MUXING_VARIANTS, config.multiplexer)
        if is_published(config.demultiplexer):
            fields["demuxing_variant"] = _key_of(DEMUXING_VARIANTS, config.demultiplexer)
    if config.demultiplexer == "rsa":
        fields["num_hidden_demux_layers"] = config.num_demux_layers
    return fields


def _usual_fields(config: MuxConfig) -> dict[str, Any]:
    """Fields of a released config that do not follow from the weights, with their defaults."""
    fields: dict[str, Any] = {
        "initializer_range": 0.02,
        "position_embedding_type": "absolute",
        "use_cache": True,
        "id2label": {str(i): name for i, name in enumerate(config.labels)},
        "label2id": {name: i for i, name in enumerate(config.labels)},
    }
    if config.is_multiplexed:
        fields |= {
            "binary_hadamard_epsilon": 0,
            "gaussian_hadamard_norm": 1,
            "learn_muxing": 0,
            "retrieval_loss_coeff": 0.1,
            "retrieval_percentage": 1.0,
            "task_loss_coeff": 0.9,
        }
    return fields


def published_class(config: MuxConfig) -> str | None:
    """The class name to declare: the model's own, or that of its backbone and task, or None."""
    if config.published_class is not None:
        return config.published_class
    task = "sequence_classification" if config.answers_texts else config.task
    wanted = (config.backbone, task, config.is_multiplexed)
    return next(
        (
            n
            for n, c in PUBLISHED_CLASSES.items()
            if (c.backbone, c.task, c.is_multiplexed) == wanted
        ),
        None,
    )


def _ours(config: MuxConfig) -> dict[str, Any]:
    """What the published fields cannot say; empty for everything that was ever published."""
    ours: dict[str, Any] = {
        name: part
        for name in ("multiplexer", "demultiplexer")
        if not is_published(part := getattr(config, name))
    }
    if config.readout != "first":
        ours["readout"] = config.readout
    if config.default_padding != default_padding(config.is_multiplexed):
        ours["default_padding"] = config.default_padding
    if config.fixed_length != 128:
        ours["fixed_length"] = config.fixed_length
    if published_class(config) is None:
        ours["task"] = config.task
    if config.structure is not None:
        ours["structure"] = to_dict(config.structure)
    return ours


def _key_of(table: dict[str, str], value: str) -> str:
    return next(key for key, ours in table.items() if ours == value)


def check_place(folder: Path, force: bool) -> None:
    """See that what is there is nothing, or a model that may be replaced.

    Raises:
        CheckpointError: it is something else, or cannot be written; nothing was.
    """
    with _in_words(folder):
        _check_contents(folder, force)
        nearest = next((path for path in (folder, *folder.parents) if path.exists()), folder)
        if not nearest.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _check_contents(folder: Path, force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise CheckpointError(f"{folder} is a file; give the name of a folder to save into")
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    others = sorted(n for n in names if not n.endswith(PARTIAL) and not n.startswith(SCRATCH))
    if others and CONFIG not in others and WEIGHTS not in others:
        raise CheckpointError(
            f"{folder} is not empty and not a model folder (it holds {', '.join(others[:3])}); "
            "nothing was written. Give a new folder"
        )
    replaced = [n for n in others if n in (CONFIG, WEIGHTS, CARD, *ALL_TOKENIZER_FILES)]
    odd = [n for n in replaced if (folder / n).is_symlink() or not (folder / n).is_file()]
    if odd:
        raise CheckpointError(
            f"{folder / odd[0]} is a link or no file; nothing was written. Give a new folder"
        )
    if replaced and not force and writer_of(folder / WEIGHTS) != WRITER:
        raise CheckpointError(
            f"{folder} holds a model that this version did not write ({', '.join(replaced[:3])}); "
            "nothing was written. Give a new folder, or replace it with force (--force)"
        )


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a file of a model folder."""
    write_whole(path, json_text(value, indent=2, sort_keys=True) + "\n")
