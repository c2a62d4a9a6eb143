"""Reading weights without running anything: safetensors, or torch files with ``weights_only``.

Left out: files in the old (pre-1.6) torch format, and anything that needs a pickle to run code.
"""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from muxviz.errors import CheckpointMissing, CheckpointUnreadable

SINGLE_FILES = ("model.safetensors", "pytorch_model.bin")
INDEX_FILES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from ``path``.

    Raises:
        CheckpointUnreadable: not JSON, or not an object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CheckpointUnreadable(f"{path} is not JSON ({error}); fetch the file again") from error
    if not isinstance(value, dict):
        raise CheckpointUnreadable(
            f"{path} holds a JSON {type(value).__name__}; expected an object with fields"
        )
    return value


def weight_files(folder: Path) -> list[Path]:
    """The files that hold the weights of ``folder``: one, or the shards an index names.

    Raises:
        CheckpointMissing: none there, or a shard is missing.
    """
    for name in SINGLE_FILES:
        if (folder / name).is_file():
            return [folder / name]
    for name in INDEX_FILES:
        if not (folder / name).is_file():
            continue
        mapping = read_json(folder / name).get("weight_map")
        if not isinstance(mapping, dict) or not mapping:
            raise CheckpointUnreadable(f"{folder / name} has no weight_map; fetch it again")
        files = []
        for shard in sorted({str(s) for s in mapping.values()}):
            path = folder / shard
            if Path(shard).name != shard or not path.is_file():
                raise CheckpointMissing(
                    f"{folder / name} names the shard {shard!r}, which is not in the folder; "
                    "fetch all shards"
                )
            files.append(path)
        return files
    raise CheckpointMissing(
        f"no weights in {folder}; expected one of {', '.join(SINGLE_FILES + INDEX_FILES)}"
    )


def read_shapes(files: list[Path]) -> dict[str, tuple[int, ...]]:
    """Shapes of all tensors; safetensors are not read beyond their header."""
    shapes: dict[str, tuple[int, ...]] = {}
    for path in files:
        if path.suffix == ".safetensors":
            with _open_safetensors(path) as file:
                for key in file.keys():  # noqa: SIM118 (not a dictionary)
                    shapes[key] = tuple(file.get_slice(key).get_shape())
        else:
            shapes |= {k: tuple(v.shape) for k, v in _read_torch(path).items()}
    return shapes


def read_weights(files: list[Path]) -> dict[str, Tensor]:
    """All tensors by name, on the CPU, in their stored dtype.

    Raises:
        CheckpointUnreadable: truncated, corrupt, or a pickle that would run code.
    """
    weights: dict[str, Tensor] = {}
    for path in files:
        if path.suffix == ".safetensors":
            with _open_safetensors(path) as file:
                weights |= {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        else:
            weights |= _read_torch(path)
    return weights


def _open_safetensors(path: Path) -> Any:
    try:
        return safe_open(str(path), framework="pt")
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointUnreadable(
            f"{path} is truncated or not a safetensors file ({error}); fetch it again"
        ) from error


def _read_torch(path: Path) -> dict[str, Tensor]:
    if not zipfile.is_zipfile(path):
        raise CheckpointUnreadable(
            f"{path} is truncated or not a torch weights file; fetch it again"
        )
    try:
        value = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        raise CheckpointUnreadable(
            f"{path} holds more than tensors and would run code when opened; it was refused. "
            "Convert it to safetensors where you trust it"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError) as error:
        raise CheckpointUnreadable(
            f"{path} is truncated or corrupt ({error}); fetch it again"
        ) from error
    if isinstance(value, dict) and isinstance(value.get("state_dict"), dict):
        value = value["state_dict"]
    if not isinstance(value, dict) or not all(isinstance(v, Tensor) for v in value.values()):
        raise CheckpointUnreadable(
            f"{path} does not hold a state dict (names to tensors); save model.state_dict()"
        )
    return value
