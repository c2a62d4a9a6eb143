"""Loading: a bundled name, a folder or a hub id becomes a ``Checkpoint``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from muxviz.errors import CheckpointMissing, CheckpointTooLarge, DeviceError
from muxviz.loading.build import compare, fill_model, raise_for_keys
from muxviz.loading.bundled import bundled_folder, bundled_names
from muxviz.loading.checkpoint import Checkpoint, describe_dtype
from muxviz.loading.infer import Inferred, infer_config, normalise
from muxviz.loading.known import known_labels
from muxviz.loading.tokenizer import load_tokenizer
from muxviz.loading.weights import read_json, read_shapes, read_weights, weight_files

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
Progress = Callable[[str, float], None]  # (what is being done, share done in [0, 1])


@dataclass(frozen=True)
class Inspection:
    """What can be said of a folder before its weights are read."""

    folder: Path
    files: tuple[Path, ...]
    inferred: Inferred
    renamed: dict[str, str]  # stored name -> published name
    parameters: int  # distinct parameters of the model


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
    folder, name = resolve_folder(name_or_path_or_hub_id, revision=revision, progress=progress)
    inspection = inspect_folder(folder)
    where = str(folder)
    stored = read_weights(list(inspection.files))
    weights = {inspection.renamed[n]: w for n, w in stored.items() if n in inspection.renamed}
    config = inspection.inferred.config
    labels, source = known_labels(name, config)
    if labels:
        from dataclasses import replace

        config = replace(config, labels=labels, labels_source=source)
    model = fill_model(config, weights, where)
    wanted = DTYPES["float32"] if dtype == "auto" else _dtype(dtype)
    try:
        model = model.to(device=target, dtype=wanted)
    except torch.OutOfMemoryError as error:
        raise DeviceError(_memory_message(name, inspection.parameters, wanted, target)) from error
    card_file = folder / "card.json"
    return Checkpoint(
        name=name,
        model=model,
        config=config,
        tokenizer=load_tokenizer(folder, config),
        card=read_json(card_file) if card_file.is_file() else {},
        folder=folder,
        fingerprint=_fingerprint(config.extras, weights),
        stored_dtype=describe_dtype(
            next(w.dtype for w in weights.values() if w.is_floating_point())
        ),
        notes=inspection.inferred.notes,
    )


def resolve_folder(
    name: str | Path, *, revision: str | None = None, progress: Progress | None = None
) -> tuple[Path, str]:
    """The folder that holds a checkpoint, and the name to show for it.

    Raises:
        CheckpointMissing: neither a bundled name, nor a folder, nor a hub id.
    """
    text = str(name)
    bundled = bundled_folder(text)
    if bundled is not None:
        return bundled, text
    path = Path(text).expanduser()
    if path.is_dir():
        return path, path.resolve().name
    if path.is_file():
        raise CheckpointMissing(f"{path} is a file; give the folder that holds config.json")
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
    config_file = folder / "config.json"
    if not config_file.is_file():
        raise CheckpointMissing(
            f"{folder} is not a model folder: it has no config.json; give the folder that "
            "save_pretrained or muxviz.save wrote"
        )
    raw = read_json(config_file)
    files = weight_files(folder)
    stored = read_shapes(files)
    renamed = normalise(list(stored))
    shapes = {renamed[n]: shape for n, shape in stored.items() if n in renamed}
    inferred = infer_config(raw, shapes, str(folder))
    report = compare(inferred.config, shapes)
    raise_for_keys(report, str(folder))
    parameters = _count_parameters(inferred)
    _check_memory(folder, parameters)
    return Inspection(folder, tuple(files), inferred, renamed, parameters)


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


def _dtype(name: str) -> torch.dtype:
    if name not in DTYPES:
        raise DeviceError(f"unknown dtype {name!r}; use auto, {', '.join(DTYPES)}")
    return DTYPES[name]


def _count_parameters(inferred: Inferred) -> int:
    from muxviz.loading.build import empty_model

    return sum(p.numel() for p in empty_model(inferred.config).parameters())


def available_memory() -> int:
    """Bytes of main memory that can still be used."""
    import psutil

    return int(psutil.virtual_memory().available)


def _check_memory(folder: Path, parameters: int) -> None:
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
        digest.update(weights[key].contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:12]
