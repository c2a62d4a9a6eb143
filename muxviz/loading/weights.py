"""Reading weights without running anything: safetensors, or torch files with ``weights_only``.

Nothing is read that is not asked for, and no file can become larger in memory than it is: values
are mapped, lists of contents are bounded, and what is compressed inside a file is refused.
A matrix may be stored as int8 with a factor per row (``pack_rows``), a quarter of its float32 size.

Left out: files in the old (pre-1.6) torch format, and anything that needs a pickle to run code.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from muxviz import files
from muxviz.errors import (
    CheckpointMissing,
    CheckpointTooLarge,
    CheckpointUnreadable,
    FileError,
)
from muxviz.loading.json_files import read_json
from muxviz.loading.layout import ROW_SCALE

SINGLE_FILES = ("model.safetensors", "pytorch_model.bin")
INDEX_FILES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
STEPS = 127  # of an int8 row on either side of zero
LARGEST_LIST = 16 << 20  # bytes of a header, a pickle or a list of members: far above any known
LONGEST_NAME = 255  # bytes of a file's name

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Stored:
    """What a file says of its tensors: shapes and bytes by name."""

    shapes: dict[str, Shape]
    bytes: dict[str, int]


def weight_files(folder: Path) -> list[Path]:
    """The files that hold the weights of ``folder``: one, or the shards an index names.

    Raises:
        CheckpointMissing: none there, or a shard is missing. CheckpointUnreadable: an index that
            is none.
    """
    for name in SINGLE_FILES:
        if files.is_there(folder / name):
            return [folder / name]
    for name in INDEX_FILES:
        if files.is_there(folder / name):
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
        is_plain = isinstance(shard, str) and not set(shard) & set("/\\\0")
        if not is_plain or not shard.endswith(kind) or len(shard.encode()) > LONGEST_NAME:
            raise CheckpointUnreadable(
                f"{folder / index} names the shard {str(shard)[:80]!r}; expected the name of a "
                f"{kind} file in the same folder"
            )
    found = [folder / shard for shard in sorted(set(mapping.values()))]
    missing = [path.name for path in found if not files.is_there(path)]
    if missing:
        raise CheckpointMissing(
            f"{folder / index} names the shard {missing[0]!r}, which is not in the folder "
            f"({len(missing)} of {len(found)} missing); fetch all shards"
        )
    return found


def read_stored(paths: list[Path]) -> Stored:
    """Shapes and sizes of all tensors; no values are read.

    Raises:
        CheckpointUnreadable: as ``read_weights``, but for damaged values.
    """
    found = Stored({}, {})
    for path in paths:
        if path.suffix == ".safetensors":
            header = _header(path)
            shapes = {key: tuple(part["shape"]) for key, part in header.items()}
            ends = {key: part["data_offsets"] for key, part in header.items()}
            sizes = {key: end - start for key, (start, end) in ends.items()}
        else:
            tensors = _read_torch(path, checks=False)
            shapes = {key: tuple(value.shape) for key, value in tensors.items()}
            sizes = {key: value.nbytes for key, value in tensors.items()}
        _merge(found.shapes, shapes, path)
        found.bytes.update(sizes)
    return found


def writer_of(path: Path) -> str | None:
    """Who wrote a safetensors file, as its header says; None where it does not, or no such file."""
    try:
        with _open_safetensors(path) as file:
            header: dict[str, str] = file.metadata() or {}
    except CheckpointUnreadable:
        return None
    return header.get("writer")


def read_weights(paths: list[Path], wanted: Collection[str] | None = None) -> dict[str, Tensor]:
    """Tensors by name, on the CPU, in their stored dtype, mapped from their files.

    Args:
        wanted: the names to read; None for all. Others cost nothing.

    Raises:
        CheckpointUnreadable: truncated, damaged, compressed inside, or a pickle that would run
            code.
    """
    weights: dict[str, Tensor] = {}
    for path in paths:
        if path.suffix == ".safetensors":
            with _open_safetensors(path) as file:
                names = [key for key in file.keys() if wanted is None or key in wanted]  # noqa: SIM118
                found = {key: file.get_tensor(key) for key in names}
        else:
            tensors = _read_torch(path, checks=True)
            found = {k: v for k, v in tensors.items() if wanted is None or k in wanted}
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
def _opened(path: Path, remedy: str = "fetch it again") -> Iterator[io.BufferedReader[Any]]:
    """The bytes of a weights file that is there and may be read."""
    try:
        with files.open_bytes(path, expected="a weights file") as file:
            yield file
    except FileError as error:
        raise CheckpointUnreadable(f"{error}; {remedy}") from error


@contextmanager
def _named(path: Path) -> Iterator[str]:
    """A name of the file that the libraries can write down: they take none that is not UTF-8."""
    if not files.half_character(str(path)):
        yield str(path)
        return
    with files.scratch("weights") as place:
        link = place / "weights"
        link.symlink_to(path.absolute())
        yield str(link)


@contextmanager
def _open_safetensors(path: Path) -> Iterator[Any]:
    with _opened(path) as file:
        start = file.read(8)
    size = int.from_bytes(start, "little")
    if len(start) == 8 and LARGEST_LIST < size < path.stat().st_size:
        raise CheckpointUnreadable(
            f"{path} has a header of {size:,} bytes; expected at most {LARGEST_LIST:,}. It was "
            "not read"
        )
    try:
        with _named(path) as name, safe_open(name, framework="pt") as file:
            yield file
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError) as error:
        raise CheckpointUnreadable(
            f"{path} is truncated or not a safetensors file ({error}); fetch it again"
        ) from error
    except RuntimeError as error:
        raise _unmapped(path, error) from error


def _header(path: Path) -> dict[str, Any]:
    """What a safetensors file says of each tensor, once the library has found it sound."""
    with _open_safetensors(path), _opened(path) as file:
        header: dict[str, Any] = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    header.pop("__metadata__", None)
    return header


def _unmapped(path: Path, error: Exception) -> CheckpointTooLarge:
    size = path.stat().st_size
    return CheckpointTooLarge(
        f"{path} has {size / 2**30:,.1f} GiB, which cannot be mapped into memory here "
        f"({str(error)[-60:]}); save the model's own tensors alone, or use a larger machine"
    )


class _InPieces(io.BufferedReader):
    """A file of which no reader can take more than a bounded piece at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = os.fstat(self.fileno()).st_size - self.tell()
        if size > LARGEST_LIST:
            raise zipfile.BadZipFile(f"a list of {size:,} bytes")
        return super().read(size)


def read_archive(
    path: Path, *, mmap: bool = False, checks: bool = True, remedy: str = "fetch it again"
) -> Any:
    """What ``torch.save`` put into a file, of tensors and plain values only; no code is run.

    Args:
        mmap: map the tensors instead of reading them.
        checks: hold all values against their checksums, not the list of them alone.
        remedy: what to do about a file that cannot be read.

    Raises:
        CheckpointUnreadable: not a regular file, truncated, damaged, compressed inside, or a pickle
            that would run code.
    """
    with _opened(path, remedy):
        pass
    try:
        if not zipfile.is_zipfile(path):
            raise CheckpointUnreadable(
                f"{path} is truncated, or not a torch weights file (zip format); {remedy}"
            )
        _check_members(path, checks, remedy)
        with _named(path) as name:
            return torch.load(name, map_location="cpu", weights_only=True, mmap=mmap)
    except CheckpointUnreadable:
        raise
    except pickle.UnpicklingError as error:
        raise CheckpointUnreadable(
            f"{path} holds more than tensors and would run code when opened; it was refused. "
            f"Convert it to safetensors where you trust it, or {remedy}"
        ) from error
    except Exception as error:  # a damaged pickle can fail in any way
        if "unable to mmap" in str(error):
            raise _unmapped(path, error) from error
        raise CheckpointUnreadable(
            f"{path} is truncated or corrupt ({str(error)[:200]}); {remedy}"
        ) from error


def _check_members(path: Path, checks: bool, remedy: str) -> None:
    """See that a torch file holds no more than its bytes, and reads as it was written."""
    with _InPieces(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        packed = next((m for m in members if m.compress_type != zipfile.ZIP_STORED), None)
        total = sum(member.file_size for member in members)
        if packed is not None or total > path.stat().st_size:
            what = (
                f"{packed.filename[:80]} in it is" if packed else "more lies in it than its size:"
            )
            raise CheckpointUnreadable(
                f"{path}: {what} compressed, which torch never does; it was not unpacked. Save "
                f"model.state_dict() with torch.save, or {remedy}"
            )
        for member in members:
            is_list = member.filename.endswith(".pkl")
            if is_list and member.file_size > LARGEST_LIST:
                raise zipfile.BadZipFile(f"a list of {member.file_size:,} bytes")
            if is_list or checks:
                with archive.open(member) as content:
                    while content.read(files.BLOCK):  # at its end the checksum is compared
                        pass


def _read_torch(path: Path, *, checks: bool) -> dict[str, Tensor]:
    value = read_archive(path, mmap=True, checks=checks)
    if isinstance(value, dict) and isinstance(value.get("state_dict"), dict):
        value = value["state_dict"]
    if not isinstance(value, dict) or not all(is_dense_entry(k, v) for k, v in value.items()):
        raise CheckpointUnreadable(
            f"{path} does not hold a state dict (names to dense tensors); save model.state_dict()"
        )
    return dict(value)


def is_dense_entry(name: object, value: object) -> bool:
    """Whether this is a name and a dense tensor that is no larger than what the file stores."""
    if not isinstance(name, str) or not isinstance(value, Tensor):
        return False
    if value.layout != torch.strided or value.device.type != "cpu" or value.is_quantized:
        return False
    return value.numel() * value.element_size() <= value.untyped_storage().nbytes()
