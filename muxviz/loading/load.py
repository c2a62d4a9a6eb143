"""Loading: a bundled name, a folder or a hub id becomes a ``Checkpoint``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from muxviz.config import MuxConfig
from muxviz.errors import (
    CheckpointMissing,
    CheckpointTooLarge,
    DeviceError,
)
from muxviz.loading.build import compare, empty_model, fill_model, raise_for_keys
from muxviz.loading.bundled import bundled_folder, bundled_names
from muxviz.loading.checkpoint import Checkpoint, describe_dtype
from muxviz.loading.infer import Inferred, infer_config, normalise
from muxviz.loading.json_files import read_card, read_config
from muxviz.loading.known import known_labels
from muxviz.loading.layout import ROW_SCALE
from muxviz.loading.pruned import masks_beside
from muxviz.loading.tokenizer import load_tokenizer
from muxviz.loading.weights import (
    read_stored,
    read_weights,
    unpack_rows,
    weight_files,
)
from muxviz.pruning.masks import Masks
from muxviz.pruning.released import NAMES, released_cut

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
Progress = Callable[[str, float], None]  # (what is being done, share done in [0, 1])


@dataclass(frozen=True)
class Inspection:
    """What can be said of a folder before its weights are read."""

    folder: Path
    files: tuple[Path, ...]
    inferred: Inferred
    renamed: dict[str, str]  # stored name -> published name, of the tensors that are used
    parameters: int  # distinct parameters of the model, before masks cut it
    masks: Masks | None = None  # kept beside full-size weights, to cut them by
    mask_notes: tuple[str, ...] = ()


def load(
    name_or_path_or_hub_id: str | Path,
    *,
    device: str = "auto",
    dtype: str = "auto",
    revision: str | None = None,
    progress: Progress | None = None,
) -> Checkpoint:
    """Load a checkpoint, ready to run.

    Args:
        name_or_path_or_hub_id: a bundled name (``sst2-n5``), a folder, or a hub id
            (``princeton-nlp/...``), tried in this order.
        device: ``auto`` (a GPU where there is one), ``cpu``, ``cuda`` or ``cuda:k``.
        dtype: ``auto`` (float32, whatever the file stores), ``float32``, ``float16``, ``bfloat16``.
        revision: commit or branch of a hub id.
        progress: called with a line and a share while a hub id is fetched.

    Raises:
        CheckpointError: missing, unreadable, mismatching, damaged or too large; see
            ``muxviz.errors``. DeviceError: no such device, or out of memory.
    """
    target = resolve_device(device)
    wanted = DTYPES["float32"] if dtype == "auto" else pick_dtype(dtype)
    folder, name = resolve_folder(name_or_path_or_hub_id, revision=revision, progress=progress)
    checkpoint = load_inspected(inspect_folder(folder), name)
    if target.type == "cpu" and wanted == torch.float32:
        return checkpoint
    return _moved(checkpoint, target, wanted)


def load_inspected(inspection: Inspection, name: str) -> Checkpoint:
    """Read the weights of an inspected folder into a float32 model on the CPU.

    Raises:
        CheckpointUnreadable, CheckpointMismatch, CheckpointInvalid: as ``load``.
    """
    folder, config = inspection.folder, inspection.inferred.config
    tokenizer, card = load_tokenizer(folder, config), read_card(folder)
    wanted = {end for name in inspection.renamed for end in (name, name + ROW_SCALE)}
    stored = read_weights(list(inspection.files), wanted)
    unpacked = unpack_rows(stored, str(folder))
    weights = {inspection.renamed[name]: w for name, w in unpacked.items()}
    labels, source = known_labels(name, config)
    if labels:
        config = replace(config, labels=labels, labels_source=source)
    model, masks = fill_model(config, weights, str(folder)), inspection.masks
    if masks is not None:
        model = released_cut(model, masks)
        weights |= {name: getattr(masks, ours) for name, ours in NAMES.items()}
    return Checkpoint(
        name=name,
        model=model,
        config=model.config,
        tokenizer=tokenizer,
        card=card,
        folder=folder,
        fingerprint=_fingerprint(config.extras, weights),
        stored_dtype=_stored_dtype(stored),
        notes=inspection.inferred.notes + inspection.mask_notes,
    )


def _stored_dtype(stored: dict[str, Tensor]) -> str:
    dtype = next(w.dtype for w in stored.values() if w.is_floating_point())
    has_rows = any(name.endswith(ROW_SCALE) for name in stored)
    return "int8 rows" if has_rows else describe_dtype(dtype)


def _moved(checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype) -> Checkpoint:
    parameters = sum(p.numel() for p in checkpoint.model.parameters())
    try:
        model = checkpoint.model.to(device=device, dtype=dtype)
    except torch.OutOfMemoryError as error:
        raise DeviceError(_memory_message(checkpoint.name, parameters, dtype, device)) from error
    if not all(bool(torch.isfinite(p).all()) for p in model.parameters()):
        raise DeviceError(
            f"{checkpoint.name} holds values too large for {describe_dtype(dtype)}; load it in "
            "bfloat16 or float32"
        )
    return replace(checkpoint, model=model)


def resolve_folder(
    name: str | Path, *, revision: str | None = None, progress: Progress | None = None
) -> tuple[Path, str]:
    """The folder that holds a checkpoint, and the name to show for it.

    Raises:
        CheckpointMissing: neither a bundled name, nor a folder, nor a hub id.
    """
    text = str(name)
    if not text.strip():
        raise CheckpointMissing("no name given; give a bundled name, a folder or a hub id")
    bundled = bundled_folder(text)
    if bundled is not None:
        return bundled, text
    path = Path(text)
    try:
        path = path.expanduser()
        if path.is_dir():
            return path, path.resolve().name
        if path.is_file():
            raise CheckpointMissing(f"{path} is a file; give the folder that holds config.json")
    except (OSError, RuntimeError, ValueError) as error:  # too long, unknown ~user, null byte
        if isinstance(error, CheckpointMissing):
            raise
        raise CheckpointMissing(f"{text[:80]!r} cannot be a folder ({error})") from error
    looks_like_id = (
        isinstance(name, str) and text.count("/") == 1 and not text.startswith((".", "/", "~"))
    )
    if looks_like_id:
        from muxviz.loading.hub import fetch

        return fetch(text, revision=revision, progress=progress), text
    raise CheckpointMissing(
        f"no checkpoint named {text!r}: bundled are {', '.join(bundled_names()) or 'none'}, and "
        "there is no such folder; give one of these, a folder, or a hub id (owner/name)"
    )


def inspect_folder(folder: Path) -> Inspection:
    """Read a folder's configuration and shapes, not its weights; check that they fit together.

    Raises:
        CheckpointError: as for ``load``, except damaged values.
    """
    raw = read_config(folder)
    files = weight_files(folder)
    stored = read_stored(files).shapes
    renamed = normalise(list(stored))
    shapes = {bare: stored[name] for name, bare in renamed.items()}
    inferred = infer_config(raw, shapes, str(folder))
    report = compare(inferred.config, shapes)
    raise_for_keys(report, str(folder))
    renamed = {name: bare for name, bare in renamed.items() if bare in report.used}
    parameters = count_parameters(inferred.config)
    check_memory(folder, parameters)
    masks, notes = masks_beside(folder, inferred.config)
    return Inspection(folder, tuple(files), inferred, renamed, parameters, masks, tuple(notes))


def resolve_device(device: str) -> torch.device:
    """``auto``, ``cpu``, ``cuda`` or ``cuda:k`` as a device that exists.

    Raises:
        DeviceError: unknown or absent.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise DeviceError(f"unknown device {device!r}; use auto, cpu, cuda or cuda:0") from error
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise DeviceError(
            f"device {device!r} is not there: this machine has {torch.cuda.device_count()} CUDA "
            "devices; use cpu or auto"
        )
    if chosen.type not in ("cpu", "cuda"):
        raise DeviceError(f"device {device!r} is not supported; use auto, cpu, cuda or cuda:0")
    return chosen


def pick_dtype(name: str) -> torch.dtype:
    """``float32``, ``float16`` or ``bfloat16`` as torch's.

    Raises:
        DeviceError: another name.
    """
    if name not in DTYPES:
        raise DeviceError(f"unknown dtype {name!r}; use auto, {', '.join(DTYPES)}")
    return DTYPES[name]


def count_parameters(config: MuxConfig) -> int:
    """Distinct parameters of a model, without building it in memory."""
    return sum(p.numel() for p in empty_model(config).parameters())


def available_memory() -> int:
    """Bytes of main memory that can still be used."""
    import psutil  # type: ignore[import-untyped]

    return int(psutil.virtual_memory().available)


def check_memory(folder: Path, parameters: int) -> None:
    """See that a model fits into main memory in float32.

    Raises:
        CheckpointTooLarge: it does not.
    """
    need, free = parameters * 4, available_memory()
    if need * 1.2 > free:
        raise CheckpointTooLarge(
            f"{folder} has {parameters:,} parameters and needs about {need / 2**30:.1f} GiB in "
            f"float32; {free / 2**30:.1f} GiB are free. Unload another model or use a larger "
            "machine"
        )


def _memory_message(name: str, parameters: int, dtype: torch.dtype, device: torch.device) -> str:
    need = parameters * dtype.itemsize / 2**30
    return (
        f"{name} needs {need:.2f} GiB in {describe_dtype(dtype)} on {device}, which has too little "
        "memory free; unload a model, use float16, or load it on the CPU"
    )


def _fingerprint(raw: dict[str, Any], weights: dict[str, Tensor]) -> str:
    digest = hashlib.sha256(repr(sorted((k, repr(v)) for k, v in raw.items())).encode())
    for key in sorted(weights):
        digest.update(key.encode())
        flat = weights[key].contiguous().reshape(-1)  # a scalar cannot be viewed as bytes
        digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()[:12]
