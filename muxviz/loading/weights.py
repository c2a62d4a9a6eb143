"""Reading weights without running anything: safetensors, or torch files with ``weights_only``.

A matrix may be stored as int8 with a factor per row (``pack_rows``), a quarter of its float32 size.

Left out: files in the old (pre-1.6) torch format, and anything that needs a pickle to run code.
"""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from muxviz.errors import CheckpointMissing, CheckpointUnreadable
from muxviz.loading.layout import ROW_SCALE

SINGLE_FILES = ("model.safetensors", "pytorch_model.bin")
INDEX_FILES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
STEPS = 127  # of an int8 row on either side of zero
LARGEST_JSON = 32 << 20  # bytes; indexes and cards are far smaller


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from ``path``.

    Raises:
        CheckpointUnreadable: not JSON, not an object, nested without end, huge, or with a field
            given twice.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_JSON:
            raise CheckpointUnreadable(
                f"{path} has {size:,} bytes; expected at most {LARGEST_JSON:,}. It was not read"
            )
        value = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_object)
    except OSError as error:
        raise CheckpointUnreadable(f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise CheckpointUnreadable(
            f"{path} is not JSON ({reason}); fetch the file again"
        ) from error
    if not isinstance(value, dict):
        raise CheckpointUnreadable(
            f"{path} holds a JSON {type(value).__name__}; expected an object with fields"
        )
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise ValueError(f"the field {name[:60]!r} is given twice")
        fields[name] = value
    return fields


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
        return _shards(folder, name)
    raise CheckpointMissing(
        f"no weights in {folder}; expected one of {', '.join(SINGLE_FILES + INDEX_FILES)}"
    )


def _shards(folder: Path, index: str) -> list[Path]:
    mapping = read_json(folder / index).get("weight_map")
    if not isinstance(mapping, dict) or not mapping:
        raise CheckpointUnreadable(f"{folder / index} has no weight_map; fetch it again")
    kind = ".safetensors" if ".safetensors" in index else ".bin"
    for shard in mapping.values():
        is_plain = isinstance(shard, str) and "/" not in shard and "\\" not in shard
        if not is_plain or not shard.endswith(kind):
            raise CheckpointUnreadable(
                f"{folder / index} names the shard {str(shard)[:80]!r}; expected the name of a "
                f"{kind} file in the same folder"
            )
    files = [folder / shard for shard in sorted(set(mapping.values()))]
    missing = [path.name for path in files if not path.is_file()]
    if missing:
        raise CheckpointMissing(
            f"{folder / index} names the shard {missing[0]!r}, which is not in the folder "
            f"({len(missing)} of {len(files)} missing); fetch all shards"
        )
    return files


def read_shapes(files: list[Path]) -> dict[str, tuple[int, ...]]:
    """Shapes of all tensors; safetensors are not read beyond their header.

    Raises:
        CheckpointUnreadable: as ``read_weights``.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for path in files:
        if path.suffix == ".safetensors":
            with _open_safetensors(path) as file:
                found = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118 (not a dictionary)
        else:
            found = {k: tuple(v.shape) for k, v in _read_torch(path).items()}
        _merge(shapes, found, path)
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
                found = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        else:
            found = _read_torch(path)
        _merge(weights, found, path)
    return weights


def _merge(into: dict[str, Any], found: dict[str, Any], path: Path) -> None:
    twice = into.keys() & found.keys()
    if twice:
        raise CheckpointUnreadable(
            f"{path} holds {min(twice)}, which another shard holds too; fetch all shards again"
        )
    into |= found


def pack_rows(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """``matrix`` ``[R, C]`` as int8 rows and the float32 factor of each row, ``[R]``.

    An entry is off by at most half a factor: 1/254 of the largest entry of its row.
    """
    scale = matrix.float().abs().amax(dim=1) / STEPS
    steps = matrix.float() / scale.clamp_min(torch.finfo(torch.float32).tiny)[:, None]
    return steps.round().to(torch.int8), scale


def unpack_rows(weights: dict[str, Tensor], where: str) -> dict[str, Tensor]:
    """``weights`` with every matrix that ``pack_rows`` wrote as float32 again.

    Raises:
        CheckpointUnreadable: a factor without its matrix, or of another number of rows.
    """
    restored = {name: w for name, w in weights.items() if not name.endswith(ROW_SCALE)}
    for name in weights.keys() - restored.keys():
        matrix, scale = restored.get(name.removesuffix(ROW_SCALE)), weights[name]
        if matrix is None or matrix.dtype != torch.int8 or scale.shape != matrix.shape[:1]:
            found = "no such tensor" if matrix is None else f"{matrix.dtype} {tuple(matrix.shape)}"
            raise CheckpointUnreadable(
                f"{where} holds {name} {tuple(scale.shape)}; expected an int8 matrix of as many "
                f"rows beside it, found {found}. Fetch the file again"
            )
        restored[name.removesuffix(ROW_SCALE)] = matrix.float() * scale.float()[:, None]
    return restored


@contextmanager
def _open_safetensors(path: Path) -> Iterator[Any]:
    try:
        with safe_open(str(path), framework="pt") as file:
            yield file
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError) as error:
        raise CheckpointUnreadable(
            f"{path} is truncated or not a safetensors file ({error}); fetch it again"
        ) from error


def read_archive(path: Path, *, mmap: bool = False, remedy: str = "fetch it again") -> Any:
    """What ``torch.save`` put into a file, of tensors and plain values only; no code is run.

    Args:
        remedy: what to do about a file that cannot be read.

    Raises:
        CheckpointUnreadable: truncated, corrupt, or a pickle that would run code.
    """
    if not zipfile.is_zipfile(path):
        raise CheckpointUnreadable(
            f"{path} is truncated, or not a torch weights file (zip format); {remedy}"
        )
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except pickle.UnpicklingError as error:
        raise CheckpointUnreadable(
            f"{path} holds more than tensors and would run code when opened; it was refused. "
            f"Convert it to safetensors where you trust it, or {remedy}"
        ) from error
    except Exception as error:  # a damaged pickle can fail in any way
        raise CheckpointUnreadable(
            f"{path} is truncated or corrupt ({str(error)[:200]}); {remedy}"
        ) from error


def _read_torch(path: Path) -> dict[str, Tensor]:
    value = read_archive(path, mmap=True)
    if isinstance(value, dict) and isinstance(value.get("state_dict"), dict):
        value = value["state_dict"]
    if not isinstance(value, dict) or not all(_is_entry(k, v) for k, v in value.items()):
        raise CheckpointUnreadable(
            f"{path} does not hold a state dict (names to dense tensors); save model.state_dict()"
        )
    return dict(value)


def _is_entry(name: object, value: object) -> bool:
    """Whether this is a name and a dense tensor that is no larger than what the file stores."""
    if not isinstance(name, str) or not isinstance(value, Tensor):
        return False
    if value.layout != torch.strided or value.device.type != "cpu" or value.is_quantized:
        return False
    return value.numel() * value.element_size() <= value.untyped_storage().nbytes()
